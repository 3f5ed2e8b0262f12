/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "member.h"

#define PREFIX "dev.domlet."
#define MEMORY_MIN_MIB 16u
/* 16 TiB, as of a limit (plan.c). */
#define MEMORY_MAX_MIB (16ull * 1024u * 1024u)
/* HVM_MAX_VCPUS of Xen. */
#define VCPUS_MAX 128u
/* A kernel reads 2,048 bytes of its command line, with the template's own. */
#define PARAMETERS_MAX 1024u

struct reader {
	struct domlet_ask *ask;
	struct domlet_error *err;
};

void domlet_ask_free(struct domlet_ask *ask)
{
	free(ask->path);
	free(ask->template_name);
	free(ask->kernel);
	free(ask->initrd);
	free(ask->parameters);
	*ask = (struct domlet_ask){ 0 };
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void domlet_policy_free(struct domlet_policy *policy)
{
	free(policy->path);
	free_list(policy->annotations);
	free_list(policy->templates);
	free_list(policy->types);
	free_list(policy->kernels);
	free_list(policy->initrds);
	*policy = (struct domlet_policy){ 0 };
}

bool domlet_template_name_ok(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) + strlen(".cfg") <= NAME_MAX;
}

static int out_of_memory(const struct reader *r)
{
	return domlet_error_set(r->err, ENOMEM, "%s can't be read: out of memory", r->ask->path);
}

static int copy(const struct reader *r, const char *text, char **out)
{
	*out = strdup(text);
	return *out ? 0 : out_of_memory(r);
}

static int read_number(const struct reader *r, const char *key, const char *text, uint64_t min, uint64_t max,
		       uint64_t *out)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < min || n > max)
		return domlet_error_set(r->err, EINVAL,
					"%s: annotation %s is \"%.64s\", but must be a number from %llu to %llu",
					r->ask->path, key, text, (unsigned long long)min, (unsigned long long)max);
	*out = n;
	return 0;
}

static int read_type(const struct reader *r, const char *key, const char *text)
{
	if (strcmp(text, "pvh") == 0)
		r->ask->type = DOMLET_TYPE_PVH;
	else if (strcmp(text, "pv") == 0)
		r->ask->type = DOMLET_TYPE_PV;
	else
		return domlet_error_set(r->err, EINVAL, "%s: annotation %s is \"%.64s\"; \"pvh\" and \"pv\" are known",
					r->ask->path, key, text);
	return 0;
}

static int read_template(const struct reader *r, const char *key, const char *text)
{
	if (!domlet_template_name_ok(text))
		return domlet_error_set(r->err, EINVAL,
					"%s: annotation %s is \"%.64s\", but must be the name of a template",
					r->ask->path, key, text);
	return copy(r, text, &r->ask->template_name);
}

static int read_memory(const struct reader *r, const char *key, const char *text)
{
	uint64_t mib = 0;
	int rc = read_number(r, key, text, MEMORY_MIN_MIB, MEMORY_MAX_MIB, &mib);

	r->ask->memory_kib = mib * 1024;
	r->ask->memory_by = "annotation dev.domlet.memory";
	return rc;
}

static int read_vcpus(const struct reader *r, const char *key, const char *text)
{
	uint64_t n = 0;
	int rc = read_number(r, key, text, 1, VCPUS_MAX, &n);

	r->ask->vcpus = (uint32_t)n;
	r->ask->vcpus_by = "annotation dev.domlet.vcpus";
	return rc;
}

static int read_root(const struct reader *r, const char *key, const char *text)
{
	static const char *const ways[] = {
		[DOMLET_PLAN_ROOT_LIVE] = "live", [DOMLET_PLAN_ROOT_SCRATCH] = "scratch", [DOMLET_PLAN_ROOT_IMAGE] = "image"
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(text, ways[i]) == 0) {
			r->ask->root = (enum domlet_plan_root_way)i;
			return 0;
		}
	return domlet_error_set(r->err, EINVAL,
				"%s: annotation %s is \"%.64s\"; \"image\", \"live\" and \"scratch\" are known",
				r->ask->path, key, text);
}

static const struct {
	const char *key;
	int (*read)(const struct reader *r, const char *key, const char *text);
} known[] = {
	{ PREFIX "type", read_type },   { PREFIX "template", read_template }, { PREFIX "memory", read_memory },
	{ PREFIX "vcpus", read_vcpus }, { PREFIX "root", read_root },
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

/* Takes down one annotation of ours; those of others are passed over. */
static int read_annotation(const struct reader *r, const char *key, const char *text)
{
	if (strncmp(key, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	for (unsigned int i = 0; i < KNOWN; i++)
		if (strcmp(key, known[i].key) == 0) {
			r->ask->annotations |= 1u << i;
			return known[i].read(r, key, text);
		}
	return domlet_error_set(
		r->err, EINVAL,
		"%s: annotation %.64s isn't known; dev.domlet.type, .memory, .vcpus, .template and .root are",
		r->ask->path, key);
}

static int asked_twice(const struct reader *r, const char *what, const char *by)
{
	return domlet_error_set(r->err, EINVAL, "%s: %s and %s both size the domain: leave one of them out",
				r->ask->path, what, by);
}

static int read_hardware(const struct reader *r, struct json_object *hardware)
{
	struct json_object *memory = domlet_oci_member(hardware, "memory"),
			   *vcpus = domlet_oci_member(hardware, "vcpus");
	uint64_t mib = json_object_get_uint64(memory) >> 20, n = json_object_get_uint64(vcpus);

	if (memory && r->ask->memory_kib)
		return asked_twice(r, "vm.hwConfig.memory", r->ask->memory_by);
	if (vcpus && r->ask->vcpus)
		return asked_twice(r, "vm.hwConfig.vcpus", r->ask->vcpus_by);
	if (memory && (mib < MEMORY_MIN_MIB || mib > MEMORY_MAX_MIB))
		return domlet_error_set(
			r->err, EINVAL,
			"%s: vm.hwConfig.memory is %llu, but must be a number of bytes, %u MiB to %llu TiB",
			r->ask->path, (unsigned long long)json_object_get_uint64(memory), MEMORY_MIN_MIB,
			MEMORY_MAX_MIB >> 20);
	if (vcpus && (n < 1 || n > VCPUS_MAX))
		return domlet_error_set(r->err, EINVAL,
					"%s: vm.hwConfig.vcpus is %llu, but must be a number from 1 to %u",
					r->ask->path, (unsigned long long)n, VCPUS_MAX);
	if (memory) {
		r->ask->memory_kib = mib * 1024; /* "maximum memory": a part of a MiB is left out */
		r->ask->memory_by = "vm.hwConfig.memory";
	}
	if (vcpus) {
		r->ask->vcpus = (uint32_t)n;
		r->ask->vcpus_by = "vm.hwConfig.vcpus";
	}
	return 0;
}

/* The kernel takes a parameter with spaces in it in double quotes. */
static int append_parameter(const struct reader *r, const char *text, FILE *out)
{
	const char *quote = strchr(text, ' ') ? "\"" : "";

	for (const char *s = text; *s != '\0'; s++)
		if (*s < ' ' || *s > '~' || *s == '"')
			return domlet_error_set(
				r->err, EINVAL,
				"%s: vm.kernel.parameters has a character that can't stand on a kernel's command line",
				r->ask->path);
	fprintf(out, "%s%s%s%s", ftell(out) > 0 ? " " : "", quote, text, quote);
	return 0;
}

static int read_parameters(const struct reader *r, struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0, len;
	FILE *out = n > 0 ? open_memstream(&r->ask->parameters, &len) : NULL;
	int rc = 0;

	if (n == 0)
		return 0;
	if (!out)
		return out_of_memory(r);
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = append_parameter(r, json_object_get_string(json_object_array_get_idx(list, i)), out);
		if (rc == 0 && ftell(out) > (long)PARAMETERS_MAX)
			rc = domlet_error_set(r->err, E2BIG, "%s: vm.kernel.parameters has more than %u bytes",
					      r->ask->path, PARAMETERS_MAX);
	}
	return fclose(out) == 0 || rc < 0 ? rc : out_of_memory(r);
}

/* Go's encoder writes {"kernel": {"path": ""}} where none was named. */
static int read_kernel(const struct reader *r, struct json_object *kernel)
{
	const char *path = json_object_get_string(domlet_oci_member(kernel, "path")),
		   *initrd = json_object_get_string(domlet_oci_member(kernel, "initrd"));
	struct json_object *parameters = domlet_oci_member(kernel, "parameters");
	int rc = 0;

	if (!path || path[0] == '\0') {
		if ((initrd && initrd[0] != '\0') || (parameters && json_object_array_length(parameters) > 0))
			return domlet_error_set(r->err, EINVAL,
						"%s: vm.kernel names no path, but has an initrd or parameters",
						r->ask->path);
		return 0;
	}
	rc = copy(r, path, &r->ask->kernel);
	if (rc == 0 && initrd && initrd[0] != '\0')
		rc = copy(r, initrd, &r->ask->initrd);
	return rc < 0 ? rc : read_parameters(r, parameters);
}

int domlet_ask_read(struct json_object *config, const char *path, struct domlet_ask *ask, struct domlet_error *err)
{
	const struct reader r = { .ask = ask, .err = err };
	struct json_object *annotations = domlet_oci_member(config, "annotations"),
			   *vm = domlet_oci_member(config, "vm");
	int rc;

	ask->path = strdup(path);
	if (!ask->path)
		return domlet_error_set(err, ENOMEM, "%s can't be read: out of memory", path);
	if (annotations) {
		json_object_object_foreach(annotations, key, value)
		{
			rc = read_annotation(&r, key, json_object_get_string(value));
			if (rc < 0)
				return rc;
		}
	}
	rc = read_hardware(&r, domlet_oci_member(vm, "hwConfig"));
	return rc < 0 ? rc : read_kernel(&r, domlet_oci_member(vm, "kernel"));
}

bool domlet_ask_any(const struct domlet_ask *ask)
{
	return ask->annotations || ask->memory_kib || ask->vcpus || ask->kernel;
}

static bool listed(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

struct decision {
	const struct domlet_ask *ask;
	const struct domlet_policy *policy;
	struct domlet_error *err;
};

/* Refuses TEXT (NULL: nothing), which WHAT asks for, unless the policy's KEY lists it. */
static int check_listed(const struct decision *d, const char *what, const char *text, char *const *list, const char *key)
{
	if (!text || listed(list, text))
		return 0;
	if (!d->policy->found)
		return domlet_error_set(d->err, EPERM, "%s: %s is refused: there is no policy %s that allows it",
					d->ask->path, what, d->policy->path);
	return domlet_error_set(d->err, EPERM, "%s: %s is refused: the policy %s doesn't have \"%.200s\" in its %s",
				d->ask->path, what, d->policy->path, text, key);
}

static int check_ceilings(const struct decision *d)
{
	const struct domlet_ask *ask = d->ask;
	const struct domlet_policy *policy = d->policy;

	if (policy->max_memory_kib && ask->memory_kib > policy->max_memory_kib)
		return domlet_error_set(d->err, EPERM,
					"%s: %s asks for %llu MiB, but the policy %s allows %llu (max_memory)",
					ask->path, ask->memory_by, (unsigned long long)ask->memory_kib / 1024,
					policy->path, (unsigned long long)policy->max_memory_kib / 1024);
	if (policy->max_vcpus && ask->vcpus > policy->max_vcpus)
		return domlet_error_set(d->err, EPERM, "%s: %s asks for %u, but the policy %s allows %u (max_vcpus)",
					ask->path, ask->vcpus_by, ask->vcpus, policy->path, policy->max_vcpus);
	return 0;
}

int domlet_ask_allow(const struct domlet_ask *ask, const struct domlet_policy *policy, struct domlet_error *err)
{
	const struct decision d = { .ask = ask, .policy = policy, .err = err };
	const char *type = ask->type == DOMLET_TYPE_PVH ? "pvh" : ask->type == DOMLET_TYPE_PV ? "pv" : NULL;
	char what[64];
	int r = 0;

	for (unsigned int i = 0; i < KNOWN && r == 0; i++) {
		(void)snprintf(what, sizeof(what), "annotation %s", known[i].key);
		if (ask->annotations & 1u << i)
			r = check_listed(&d, what, known[i].key, policy->annotations, "annotations");
	}
	if (r == 0)
		r = check_listed(&d, "annotation " PREFIX "template", ask->template_name, policy->templates,
				 "templates");
	if (r == 0)
		r = check_listed(&d, "annotation " PREFIX "type", type, policy->types, "types");
	if (r == 0)
		r = check_listed(&d, "vm.kernel.path", ask->kernel, policy->kernels, "kernels");
	if (r == 0)
		r = check_listed(&d, "vm.kernel.initrd", ask->initrd, policy->initrds, "initrds");
	return r < 0 ? r : check_ceilings(&d);
}

/* Returns how much of ASKED is had; 0: that is too much. */
static uint64_t fit(uint64_t asked, uint64_t limit, uint64_t template, bool ceiling)
{
	if (limit)
		return asked < limit ? asked : limit;
	return asked <= template || ceiling ? asked : 0;
}

int domlet_ask_size(const struct domlet_ask *ask, const struct domlet_policy *policy, uint64_t template_kib,
		    uint32_t template_vcpus, uint64_t *memory_kib, uint32_t *vcpus, struct domlet_error *err)
{
	uint64_t memory = fit(ask->memory_kib, *memory_kib, template_kib, policy->max_memory_kib > 0);
	uint64_t count = fit(ask->vcpus, *vcpus, template_vcpus, policy->max_vcpus > 0);

	if (ask->memory_kib && !memory)
		return domlet_error_set(
			err, EPERM,
			"%s: %s asks for %llu MiB, more than the template's %llu: there is no max_memory in the policy %s that allows it",
			ask->path, ask->memory_by, (unsigned long long)ask->memory_kib / 1024,
			(unsigned long long)template_kib / 1024, policy->path);
	if (ask->vcpus && !count)
		return domlet_error_set(
			err, EPERM,
			"%s: %s asks for %u, more than the template's %u: there is no max_vcpus in the policy %s that allows it",
			ask->path, ask->vcpus_by, ask->vcpus, template_vcpus, policy->path);
	if (ask->memory_kib)
		*memory_kib = memory;
	if (ask->vcpus)
		*vcpus = (uint32_t)count;
	return 0;
}
