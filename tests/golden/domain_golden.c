/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a template NAME.cfg, and the plan of the bundle NAME.bundle if there is
 * one, to the domain configuration that libxl is given, as the JSON that xl
 * prints, in NAME.json; or the sentence that refuses it. "domain_golden
 * DIRECTORY TEMPLATE…" compares, "domain_golden --update DIRECTORY TEMPLATE…"
 * rewrites; the difference is then for git diff and a person. No Xen is needed.
 */
#include <libgen.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/oci/plan.h"
#include "../../toolstack/xen/build.h"

/* Without a hypervisor libxl makes no context. The functions used here need
 * one for its address, and for its allocation list, which -1 says not to use. */
static uint8_t no_context[1 << 16];

int libxl_cpu_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *map, int max_cpus)
{
	int bits = max_cpus ? max_cpus : 8; /* this host's */

	(void)ctx;
	map->size = (uint32_t)(bits + 7) / 8;
	map->map = calloc(map->size, 1);
	return map->map ? 0 : ERROR_NOMEM;
}

static int configure(libxl_domain_config *config, const char *template_path, const char *bundle,
		     struct domlet_error *err)
{
	struct domlet_domain_spec spec = { .name = "domlet-golden-123456",
					   .uuid = "12345678-1234-1234-1234-123456789012",
					   .image = "/var/cache/domlet/images/golden.erofs",
					   .device = "xvda" };
	struct domlet_template tmpl = { 0 };
	struct domlet_plan plan = { 0 };
	int r = domlet_template_read(template_path, &tmpl, err);

	if (r == 0 && access(bundle, F_OK) == 0)
		r = domlet_plan_read(bundle, "golden", &plan, err);
	if (r == 0) {
		spec.tmpl = &tmpl;
		spec.memory_kib = plan.memory_kib;
		spec.vcpus = plan.vcpus;
		r = domlet_xen_configure((libxl_ctx *)no_context, config, &spec, err);
	}
	domlet_plan_free(&plan);
	domlet_template_free(&tmpl);
	return r;
}

static char *result_of(const char *template_path, const char *bundle)
{
	libxl_domain_config config;
	struct domlet_error err = { 0 };
	char *text = NULL, *at;

	libxl_domain_config_init(&config);
	if (configure(&config, template_path, bundle, &err) == 0)
		text = libxl_domain_config_to_json((libxl_ctx *)no_context, &config);
	else if (asprintf(&text, "error %s\n",
			  (at = strstr(err.text, basename((char *)template_path))) ? at : err.text) < 0)
		abort();
	libxl_domain_config_dispose(&config);
	return text;
}

static bool check(const char *dir, char *template_path, bool update)
{
	struct domlet_error err = { 0 };
	char bundle[4096], path[4096], *expected = NULL, *result;
	const char *name = basename(template_path);
	int stem = (int)strcspn(name, ".");
	size_t len;
	bool good;

	snprintf(bundle, sizeof(bundle), "%s/%.*s.bundle", dir, stem, name);
	snprintf(path, sizeof(path), "%s/%.*s.json", dir, stem, name);
	result = result_of(template_path, bundle);
	if (!result)
		return false;
	if (update) {
		good = domlet_file_write(path, result, strlen(result), 0644, &err) == 0;
	} else {
		good = domlet_file_read(path, 1u << 20, &expected, &len, &err) == 0 && strcmp(expected, result) == 0;
		if (!good)
			printf("%s: expected\n%s\nbut got\n%s\n", path, expected ? expected : err.text, result);
	}
	free(expected);
	free(result);
	return good;
}

int main(int argc, char **argv)
{
	bool update = argc > 1 && strcmp(argv[1], "--update") == 0, good = true;
	int first = update ? 2 : 1;

	if (argc < first + 2) {
		fprintf(stderr, "usage: domain_golden [--update] DIRECTORY TEMPLATE…\n");
		return 2;
	}
	memset(no_context, 0xff, sizeof(no_context));
	for (int i = first + 1; i < argc; i++)
		good = check(argv[first], argv[i], update) && good;
	printf("%d templates\n", argc - first - 1);
	return good ? 0 : 1;
}
