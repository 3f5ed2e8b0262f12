// SPDX-License-Identifier: GPL-2.0-or-later
#include "resources.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { TEXT, UNSIGNED, INTEGER, BYTES };

static const struct {
	const char *option, *section, *key;
	enum kind kind;
} options[] = {
	{ "blkio-weight", "blockIO", "weight", UNSIGNED },
	{ "cpu-period", "cpu", "period", UNSIGNED },
	{ "cpu-quota", "cpu", "quota", INTEGER },
	{ "cpu-burst", "cpu", "burst", UNSIGNED },
	{ "cpu-share", "cpu", "shares", UNSIGNED },
	{ "cpu-rt-period", "cpu", "realtimePeriod", UNSIGNED },
	{ "cpu-rt-runtime", "cpu", "realtimeRuntime", INTEGER },
	{ "cpu-idle", "cpu", "idle", INTEGER },
	{ "cpuset-cpus", "cpu", "cpus", TEXT },
	{ "cpuset-mems", "cpu", "mems", TEXT },
	{ "memory", "memory", "limit", BYTES },
	{ "memory-reservation", "memory", "reservation", BYTES },
	{ "memory-swap", "memory", "swap", BYTES },
	{ "pids-limit", "pids", "limit", INTEGER },
};

/* The number of bytes that UNIT stands for, as "k", "kb" or "KiB"; 0: it is none. */
static double unit_of(const char *unit)
{
	static const char letters[] = "bkmgtp";
	const char *at = *unit ? strchr(letters, *unit | 0x20) : letters;
	double bytes = 1;

	if (!at)
		return 0;
	if (*unit && at != letters && strcasecmp(unit + 1, "") != 0 && strcasecmp(unit + 1, "b") != 0 &&
	    strcasecmp(unit + 1, "ib") != 0)
		return 0;
	if (*unit && at == letters && unit[1])
		return 0;
	for (; at > letters; at--)
		bytes *= 1024;
	return bytes;
}

int domlet_resources_bytes(const char *text, long long *bytes)
{
	size_t digits = strspn(text, "0123456789.");
	double n, unit;
	char *end;

	*bytes = -1;
	if (strcmp(text, "-1") == 0)
		return 0;
	n = strtod(text, &end);
	if (digits == 0 || end != text + digits)
		return -EINVAL;
	unit = unit_of(end + (*end == ' '));
	if (unit == 0 || n * unit >= 9223372036854775808.0)
		return -EINVAL;
	/* A whole number is not rounded. */
	*bytes = memchr(text, '.', digits) ? (long long)(n * unit) :
					     (long long)(strtoull(text, NULL, 10) * (unsigned long long)unit);
	return 0;
}

/* NULL: VALUE is none of that kind. */
static struct json_object *read_value(enum kind kind, const char *value)
{
	long long n = 0;
	unsigned long long u = 0;
	char *end = NULL;

	switch (kind) {
	case TEXT: return json_object_new_string(value);
	case BYTES: return domlet_resources_bytes(value, &n) == 0 ? json_object_new_int64(n) : NULL;
	case INTEGER:
		errno = 0;
		n = strtoll(value, &end, 10);
		return *end || errno ? NULL : json_object_new_int64(n);
	case UNSIGNED:
		errno = 0;
		u = strtoull(value, &end, 10);
		return *end || errno || *value < '0' || *value > '9' ? NULL : json_object_new_uint64(u);
	}
	return NULL;
}

static struct json_object *section_of(struct json_object *resources, const char *name)
{
	struct json_object *section;

	if (json_object_object_get_ex(resources, name, &section))
		return section;
	section = json_object_new_object();
	json_object_object_add(resources, name, section);
	return section;
}

int domlet_resources_add(struct json_object *resources, const char *option, const char *value, struct domlet_error *err)
{
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		struct json_object *read;

		if (strcmp(options[i].option, option) != 0)
			continue;
		if (!*value)
			return 0;
		read = read_value(options[i].kind, value);
		if (!read)
			return domlet_error_set(err, EINVAL, "invalid value for %s: \"%.64s\"", option, value);
		json_object_object_add(section_of(resources, options[i].section), options[i].key, read);
		return 0;
	}
	return -ENOENT;
}
