// SPDX-License-Identifier: GPL-2.0-or-later
/* sim [--seeds N] [--first N] [--only link|life] [--verbose] */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* splitmix64 (public domain, Sebastiano Vigna) */
uint64_t sim_next(struct sim *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void say(const struct sim *s, FILE *out, const char *fmt, va_list ap)
{
	fprintf(out, "sim %s, seed %llu, step %llu: ", s->scenario, (unsigned long long)s->seed,
		(unsigned long long)s->now);
	vfprintf(out, fmt, ap);
	fputc('\n', out);
}

void sim_fail(const struct sim *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(s, stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "again: sim --only %s --first %llu --seeds 1 --verbose\n", s->scenario,
		(unsigned long long)s->seed);
	exit(1);
}

void sim_note(const struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->verbose)
		return;
	va_start(ap, fmt);
	say(s, stdout, fmt, ap);
	va_end(ap);
}

static const struct {
	const char *name;
	void (*run)(struct sim *s);
} scenarios[] = { { "link", sim_link }, { "life", sim_life } };

static unsigned long long number(const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (end == text || *end) {
		fprintf(stderr, "sim: %s is no number\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seeds", required_argument, NULL, 's' },
		{ "first", required_argument, NULL, 'f' },
		{ "only", required_argument, NULL, 'o' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long long seeds = 1000, first = 1;
	const char *only = NULL;
	bool verbose = false;
	unsigned int ran = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's': seeds = number(optarg); break;
		case 'f': first = number(optarg); break;
		case 'o': only = optarg; break;
		case 'v': verbose = true; break;
		default: return 2;
		}
	}
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (only && strcmp(only, scenarios[i].name) != 0)
			continue;
		for (unsigned long long n = 0; n < seeds; n++, ran++) {
			struct sim s = {
				.scenario = scenarios[i].name, .seed = first + n, .random = first + n, .verbose = verbose
			};

			scenarios[i].run(&s);
		}
	}
	printf("%u simulations from seed %llu\n", ran, first);
	return ran ? 0 : 2;
}
