// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/figures.h"
#include "../../frontend/proto/limits.h"

static struct domlet_figures numbered(void)
{
	struct domlet_figures f;
	uint64_t numbers[DOMLET_FIGURES_COUNT];

	for (size_t i = 0; i < DOMLET_FIGURES_COUNT; i++)
		numbers[i] = i + 1;
	memcpy(&f, numbers, sizeof f);
	return f;
}

static void they_come_back(void **state)
{
	struct domlet_figures f = numbered(), got;
	uint8_t wire[DOMLET_FIGURES_LEN];
	const char *reason;

	(void)state;
	f.of[DOMLET_FIGURE_MEMORY_MAX] = DOMLET_FIGURE_NONE;
	domlet_figures_encode(&f, wire);
	assert_int_equal(wire[0], 1);
	assert_int_equal(wire[8], 2);
	assert_int_equal(domlet_figures_decode(wire, sizeof wire, &got, &reason), 0);
	assert_null(reason);
	assert_memory_equal(&f, &got, sizeof f);
	assert_true(DOMLET_FIGURES_LEN + 64 < DOMLET_MSG_MAX);
}

/* Each in a buffer of its own size, for the sanitizer. */
static void another_length_is_refused(void **state)
{
	const char *reason;

	(void)state;
	for (size_t len = 0; len <= DOMLET_FIGURES_LEN + 8; len++) {
		uint8_t *wire = calloc(1, len ? len : 1);
		struct domlet_figures got;

		assert_int_equal(domlet_figures_decode(wire, len, &got, &reason),
				 len == DOMLET_FIGURES_LEN ? 0 : -EPROTO);
		assert_true((reason == NULL) == (len == DOMLET_FIGURES_LEN));
		free(wire);
	}
}

static int decode(const struct domlet_figures *f)
{
	struct domlet_figures got;
	uint8_t wire[DOMLET_FIGURES_LEN];
	const char *reason;

	domlet_figures_encode(f, wire);
	return domlet_figures_decode(wire, sizeof wire, &got, &reason);
}

/* Those behind the last one are not looked at. */
static void devices_are_linux_own(void **state)
{
	struct domlet_figures f = numbered();
	struct domlet_figure_device *last = &f.devices[DOMLET_FIGURE_DEVICES - 1];

	(void)state;
	last->major = 4095;
	last->minor = 1048575;
	assert_int_equal(decode(&f), 0);
	last->minor++;
	assert_int_equal(decode(&f), -EPROTO);
	f.devices[3].major = DOMLET_FIGURE_NONE;
	assert_int_equal(decode(&f), 0);
	f.devices[0].major = 4096;
	assert_int_equal(decode(&f), -EPROTO);
}

/* json-c keeps the order in which they are added, and Go sorts them. */
static void words_are_in_order(void **state)
{
	(void)state;
	for (int i = 1; i < (int)DOMLET_FIGURE_MEMORY_COUNT; i++)
		assert_true(strcmp(domlet_figure_memory_key((enum domlet_figure_memory)(i - 1)),
				   domlet_figure_memory_key((enum domlet_figure_memory)i)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_come_back),
		cmocka_unit_test(another_length_is_refused),
		cmocka_unit_test(devices_are_linux_own),
		cmocka_unit_test(words_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
