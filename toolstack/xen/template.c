/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxlutil.h>

#include "../base/cleanup.h"
#include "../base/file.h"

/* A template is a page of text; more is a mistake (or a device). */
#define TEMPLATE_MAX (64u * 1024u)
#define MEMORY_MIB_MAX (16L * 1024 * 1024)
#define VCPUS_MAX 512L
/* A boot takes one to seven seconds on the emulated machine; many at once
 * share its processors. podman gives a create 240 s. */
#define BOOT_TIMEOUT_S 120L

struct reader {
	XLU_Config *cfg;
	const char *path;
	struct domlet_error *err;
};

static int get_string(const struct reader *r, const char *key, char **out)
{
	const char *value;
	int rc = xlu_cfg_get_string(r->cfg, key, &value, 1);

	if (rc == ESRCH)
		return 0;
	if (rc)
		return domlet_error_set(r->err, EINVAL, "%s: '%s' must be a string, as in %s = \"...\"", r->path, key,
					key);
	free(*out);
	*out = strdup(value);
	return *out ? 0 : domlet_error_set(r->err, ENOMEM, "%s: out of memory", r->path);
}

/* A missing key leaves *OUT, its default, alone. */
static int get_number(const struct reader *r, const char *key, long min, long max, long *out)
{
	long value;
	int rc = xlu_cfg_get_long(r->cfg, key, &value, 1);

	if (rc == ESRCH)
		return 0;
	if (rc || value < min || value > max)
		return domlet_error_set(r->err, EINVAL, "%s: '%s' must be a number from %ld to %ld", r->path, key, min,
					max);
	*out = value;
	return 0;
}

static int get_type(const struct reader *r, struct domlet_template *t)
{
	cleanup_free char *type = NULL;
	int rc = get_string(r, "type", &type);

	if (rc)
		return rc;
	if (type && strcmp(type, "pvh") && strcmp(type, "pv"))
		return domlet_error_set(r->err, EINVAL, "%s: type = \"%.40s\" is not supported, use \"pvh\" or \"pv\"",
					r->path, type);
	snprintf(t->type, sizeof(t->type), "%s", type ? type : "pvh");
	return 0;
}

static int get_tsc_mode(const struct reader *r, struct domlet_template *t)
{
	cleanup_free char *mode = NULL;
	int rc = get_string(r, "tsc_mode", &mode);

	if (rc)
		return rc;
	if (mode && strcmp(mode, "default") && strcmp(mode, "native"))
		return domlet_error_set(r->err, EINVAL,
					"%s: tsc_mode = \"%.40s\" is not supported, use \"default\" or \"native\"",
					r->path, mode);
	t->tsc_native = mode && !strcmp(mode, "native");
	return 0;
}

static int get_all(const struct reader *r, struct domlet_template *t)
{
	const struct {
		const char *key;
		char **out;
	} strings[] = {
		{ "kernel", &t->kernel }, { "ramdisk", &t->ramdisk }, { "extra", &t->extra },
		{ "cpus", &t->cpus },     { "pool", &t->pool },       { "seclabel", &t->seclabel },
	};
	long memory_mib = 128, memory_max_mib = 0, vcpus = 1, vcpus_max = 0, boot_timeout_s = BOOT_TIMEOUT_S;
	int rc = get_type(r, t);

	if (!rc)
		rc = get_tsc_mode(r, t);
	for (size_t i = 0; !rc && i < sizeof(strings) / sizeof(strings[0]); i++)
		rc = get_string(r, strings[i].key, strings[i].out);
	if (!rc)
		rc = get_number(r, "memory", 1, MEMORY_MIB_MAX, &memory_mib);
	if (!rc)
		rc = get_number(r, "vcpus", 1, VCPUS_MAX, &vcpus);
	if (!rc)
		rc = get_number(r, "maxvcpus", vcpus, VCPUS_MAX, &vcpus_max);
	if (!rc)
		rc = get_number(r, "domlet_max_memory", memory_mib, MEMORY_MIB_MAX, &memory_max_mib);
	if (!rc)
		rc = get_number(r, "domlet_boot_timeout", 1, DOMLET_BOOT_TIMEOUT_MAX_S, &boot_timeout_s);
	if (rc)
		return rc;
	if (!t->kernel)
		return domlet_error_set(r->err, EINVAL, "%s names no kernel: add kernel = \"/path/to/vmlinux\"",
					r->path);
	t->memory_kib = (uint64_t)memory_mib * 1024;
	t->memory_max_kib = memory_max_mib ? (uint64_t)memory_max_mib * 1024 : UINT64_MAX;
	t->vcpus = (uint32_t)vcpus;
	t->vcpus_max = vcpus_max ? (uint32_t)vcpus_max : t->vcpus;
	t->boot_timeout_s = (uint32_t)boot_timeout_s;
	return 0;
}

/* libxlutil tells a syntax error to a stream, in lines. */
static int parse(struct domlet_template *t, const char *text, size_t len, struct domlet_error *err)
{
	cleanup_free char *words = NULL;
	size_t word_count = 0;
	FILE *report = open_memstream(&words, &word_count);
	XLU_Config *cfg = report ? xlu_cfg_init(report, t->path) : NULL;
	int rc;

	if (!cfg) {
		if (report)
			fclose(report);
		return domlet_error_set(err, ENOMEM, "%s: out of memory", t->path);
	}
	rc = xlu_cfg_readdata(cfg, text, (int)len);
	if (rc) {
		fflush(report);
		rc = domlet_error_set(err, EINVAL, "%s is no valid template: %.*s", t->path,
				      words ? (int)strcspn(words, "\n") : 0, words ? words : "");
	} else {
		rc = get_all(&(struct reader){ .cfg = cfg, .path = t->path, .err = err }, t);
	}
	xlu_cfg_destroy(cfg);
	fclose(report);
	return rc;
}

int domlet_template_read(const char *path, struct domlet_template *t, struct domlet_error *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int rc;

	memset(t, 0, sizeof(*t));
	rc = domlet_file_read(path, TEMPLATE_MAX, &text, &len, err);
	if (rc)
		return rc;
	if (memchr(text, '\0', len))
		return domlet_error_set(err, EINVAL, "%s is no valid template: it holds a NUL byte", path);
	t->path = strdup(path);
	rc = t->path ? parse(t, text, len, err) : domlet_error_set(err, ENOMEM, "%s: out of memory", path);
	if (rc)
		domlet_template_free(t);
	return rc;
}

int domlet_template_boot(struct domlet_template *t, const char *kernel, const char *ramdisk, const char *parameters,
			 struct domlet_error *err)
{
	char *new_kernel = strdup(kernel), *new_ramdisk = ramdisk ? strdup(ramdisk) : NULL, *new_extra = NULL;

	if (parameters && asprintf(&new_extra, "%s%s%s", t->extra ? t->extra : "", t->extra ? " " : "", parameters) < 0)
		new_extra = NULL;
	if (!new_kernel || (ramdisk && !new_ramdisk) || (parameters && !new_extra)) {
		free(new_kernel);
		free(new_ramdisk);
		free(new_extra);
		return domlet_error_set(err, ENOMEM, "%s: out of memory", t->path);
	}
	free(t->kernel);
	t->kernel = new_kernel;
	if (new_ramdisk) {
		free(t->ramdisk);
		t->ramdisk = new_ramdisk;
	}
	if (new_extra) {
		free(t->extra);
		t->extra = new_extra;
	}
	return 0;
}

void domlet_template_free(struct domlet_template *t)
{
	free(t->path);
	free(t->kernel);
	free(t->ramdisk);
	free(t->extra);
	free(t->cpus);
	free(t->pool);
	free(t->seclabel);
	memset(t, 0, sizeof(*t));
}
