/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxlutil.h>

#include "../base/cleanup.h"
#include "../base/file.h"

#define POLICY_MAX (256u * 1024u)
#define MEMORY_MIB_MAX (16L * 1024 * 1024)
#define VCPUS_MAX 128L

struct reader {
	XLU_Config *cfg;
	struct domlet_policy *policy;
	struct domlet_error *err;
};

static const char *const annotation_names[] = { "dev.domlet.type",  "dev.domlet.template", "dev.domlet.memory",
						"dev.domlet.vcpus", "dev.domlet.root",     NULL };
static const char *const type_names[] = { "pvh", "pv", NULL };

static const char *const keys[] = { "annotations", "templates",  "types",     "kernels",
				    "initrds",     "max_memory", "max_vcpus", NULL };

static bool one_of(const char *const *list, const char *text, size_t len)
{
	for (; *list; list++)
		if (strlen(*list) == len && memcmp(*list, text, len) == 0)
			return true;
	return false;
}

/* Past the string that begins at S; libxlutil has found its end already. */
static const char *skip_string(const char *s)
{
	char quote = *s++;

	while (*s && *s != quote)
		s += s[0] == '\\' && s[1] ? 2 : 1;
	return *s ? s + 1 : s;
}

/* libxlutil has no list of the keys that it read, so they are looked for again:
 * outside of strings and comments all that begins with a letter is one. At the
 * file's end it lets other characters pass. */
static int check_keys(const struct reader *r, const char *text)
{
	unsigned int line = 1;
	const char *s = text;
	size_t len;

	while (*s) {
		line += *s == '\n';
		if (*s == '#') {
			s += strcspn(s, "\n");
		} else if (*s == '"' || *s == '\'') {
			s = skip_string(s);
		} else if (*s >= '0' && *s <= '9') {
			s += strspn(s, "0123456789abcdefx");
		} else if (*s >= 'a' && *s <= 'z') {
			len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
			if (!one_of(keys, s, len))
				return domlet_error_set(r->err, EINVAL, "%s:%u: the policy has no key \"%.*s\"",
							r->policy->path, line, (int)(len < 64 ? len : 64), s);
			s += len;
		} else if (strchr(" \t\n=+,[];", *s)) {
			s++;
		} else {
			return domlet_error_set(r->err, EINVAL,
						"%s:%u: the policy has a character that means nothing there",
						r->policy->path, line);
		}
	}
	return 0;
}

/* An item that ALLOWED (NULL: anything) doesn't have, or that is no path
 * where the list is of paths, would never match anything. */
static int check_item(const struct reader *r, const char *key, const char *item, const char *const *allowed, bool paths)
{
	if (!item)
		return domlet_error_set(r->err, EINVAL, "%s: '%s' must hold strings only", r->policy->path, key);
	if (allowed && !one_of(allowed, item, strlen(item)))
		return domlet_error_set(r->err, EINVAL, "%s: '%s' has \"%.64s\", which isn't known", r->policy->path,
					key, item);
	if (paths && item[0] != '/')
		return domlet_error_set(r->err, EINVAL, "%s: '%s' has \"%.64s\", which is no absolute path",
					r->policy->path, key, item);
	return 0;
}

static int out_of_memory(const struct reader *r)
{
	return domlet_error_set(r->err, ENOMEM, "%s: out of memory", r->policy->path);
}

static int get_list(const struct reader *r, const char *key, const char *const *allowed, bool paths, char ***out)
{
	XLU_ConfigList *list;
	int n, rc = xlu_cfg_get_list(r->cfg, key, &list, &n, 1);

	if (rc == ESRCH)
		return 0;
	if (rc)
		return domlet_error_set(r->err, EINVAL, "%s: '%s' must be a list, as in %s = [ \"...\" ]",
					r->policy->path, key, key);
	*out = calloc((size_t)n + 1, sizeof(**out));
	if (!*out)
		return out_of_memory(r);
	for (int i = 0; i < n; i++) {
		const char *item = xlu_cfg_get_listitem(list, i);

		rc = check_item(r, key, item, allowed, paths);
		if (rc)
			return rc;
		(*out)[i] = strdup(item);
		if (!(*out)[i])
			return out_of_memory(r);
	}
	return 0;
}

static int get_number(const struct reader *r, const char *key, long max, long *out)
{
	int rc = xlu_cfg_get_long(r->cfg, key, out, 1);

	if (rc == ESRCH)
		return 0;
	if (rc || *out < 1 || *out > max)
		return domlet_error_set(r->err, EINVAL, "%s: '%s' must be a number from 1 to %ld", r->policy->path, key,
					max);
	return 0;
}

static int get_all(const struct reader *r)
{
	struct domlet_policy *p = r->policy;
	const struct {
		const char *key;
		const char *const *allowed;
		bool paths;
		char ***out;
	} lists[] = {
		{ "annotations", annotation_names, false, &p->annotations },
		{ "templates", NULL, false, &p->templates },
		{ "types", type_names, false, &p->types },
		{ "kernels", NULL, true, &p->kernels },
		{ "initrds", NULL, true, &p->initrds },
	};
	long memory_mib = 0, vcpus = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(lists) / sizeof(lists[0]); i++)
		rc = get_list(r, lists[i].key, lists[i].allowed, lists[i].paths, lists[i].out);
	if (!rc)
		rc = get_number(r, "max_memory", MEMORY_MIB_MAX, &memory_mib);
	if (!rc)
		rc = get_number(r, "max_vcpus", VCPUS_MAX, &vcpus);
	p->max_memory_kib = (uint64_t)memory_mib * 1024;
	p->max_vcpus = (uint32_t)vcpus;
	return rc;
}

/* libxlutil tells a syntax error to a stream, in lines. */
static int parse(struct domlet_policy *policy, const char *text, size_t len, struct domlet_error *err)
{
	struct reader r = { .policy = policy, .err = err };
	cleanup_free char *words = NULL;
	size_t word_count = 0;
	FILE *report = open_memstream(&words, &word_count);
	int rc;

	r.cfg = report ? xlu_cfg_init(report, policy->path) : NULL;
	if (!r.cfg) {
		if (report)
			fclose(report);
		return out_of_memory(&r);
	}
	rc = xlu_cfg_readdata(r.cfg, text, (int)len);
	if (rc) {
		fflush(report);
		rc = domlet_error_set(err, EINVAL, "%s is no valid policy: %.*s", policy->path,
				      words ? (int)strcspn(words, "\n") : 0, words ? words : "");
	} else {
		rc = check_keys(&r, text);
		if (!rc)
			rc = get_all(&r);
	}
	xlu_cfg_destroy(r.cfg);
	fclose(report);
	return rc;
}

int domlet_policy_read(const char *path, struct domlet_policy *policy, struct domlet_error *err)
{
	struct domlet_error why = { 0 };
	cleanup_free char *text = NULL;
	size_t len = 0;
	int rc;

	*policy = (struct domlet_policy){ 0 };
	policy->path = strdup(path);
	if (!policy->path)
		return domlet_error_set(err, ENOMEM, "%s: out of memory", path);
	rc = domlet_file_read(path, POLICY_MAX, &text, &len, &why);
	if (rc == -ENOENT)
		return 0;
	policy->found = true;
	if (rc)
		rc = domlet_error_set(err, why.code, "%s", why.text);
	else if (memchr(text, '\0', len))
		rc = domlet_error_set(err, EINVAL, "%s is no valid policy: it holds a NUL byte", path);
	else
		rc = parse(policy, text, len, err);
	if (rc)
		domlet_policy_free(policy);
	return rc;
}
