// SPDX-License-Identifier: GPL-2.0-or-later
#include "duration.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Digits of a fraction of an hour that count. */
#define FRACTION_MAX 12

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{ "ns", 1 },           { "us", 1000 },      { "\xc2\xb5s", 1000 }, /* U+00B5, micro */
	{ "\xce\xbcs", 1000 },                                             /* U+03BC, Greek mu */
	{ "ms", 1000000 },     { "s", 1000000000 }, { "m", 60000000000 },  { "h", 3600000000000 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* 0: *TEXT is at none. */
static int64_t read_unit(const char **text)
{
	size_t len = strcspn(*text, ".0123456789");

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strlen(units[i].name) == len && strncmp(*text, units[i].name, len) == 0) {
			*text += len;
			return units[i].ns;
		}
	return 0;
}

/* One number with its unit, which is added to *NS. False: it is none, or there are more than fit. */
static bool read_part(const char **text, int64_t *ns)
{
	int64_t whole = 0, unit, part;
	double fraction = 0, weight = 0.1;
	bool any = false;

	for (; is_digit(**text); (*text)++, any = true)
		if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, **text - '0', &whole))
			return false;
	if (**text == '.')
		for (int digits = 0; is_digit(*++*text); any = true, digits++, weight /= 10)
			if (digits < FRACTION_MAX)
				fraction += weight * (**text - '0');
	unit = any ? read_unit(text) : 0;
	if (!unit || __builtin_mul_overflow(whole, unit, &part) || __builtin_add_overflow(*ns, part, ns))
		return false;
	part = (int64_t)(fraction * (double)unit + 0.5);
	return !__builtin_add_overflow(*ns, part, ns);
}

int domlet_duration_read(const char *text, int64_t *ns)
{
	bool negative = *text == '-';

	*ns = 0;
	text += *text == '-' || *text == '+';
	if (strcmp(text, "0") == 0)
		return 0;
	do {
		if (!read_part(&text, ns))
			return -EINVAL;
	} while (*text);
	if (negative)
		*ns = -*ns;
	return 0;
}
