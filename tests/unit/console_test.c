// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/console.h>

#include "../../toolstack/ring/console.h"

static struct xencons_interface page;
static char words[sizeof page.out + 1];

static void write_console(const char *text)
{
	for (; *text; text++)
		page.out[page.out_prod++ % sizeof page.out] = *text;
}

static int clear(void **state)
{
	(void)state;
	memset(&page, 0, sizeof page);
	memset(words, 'x', sizeof words);
	return 0;
}

static void nothing_was_written(void **state)
{
	(void)state;
	domlet_console_tail(&page, words, sizeof words);
	assert_string_equal(words, "");
}

static void what_was_read_is_there(void **state)
{
	(void)state;
	write_console("one\r\n");
	page.out_cons = page.out_prod;
	write_console("two \033[m\xff\tend\n");
	domlet_console_tail(&page, words, sizeof words);
	assert_string_equal(words, "one\ntwo ?[m?\tend\n");
}

static void the_end_counts(void **state)
{
	char line[16], expected[sizeof words + 8];
	size_t len = 0;

	(void)state;
	for (unsigned int i = 1000; i < 2000; i++) {
		(void)snprintf(line, sizeof line, "%u ", i);
		write_console(line);
	}
	for (unsigned int i = 1590; i < 2000; i++)
		len += (size_t)snprintf(expected + len, sizeof expected - len, "%u ", i);
	domlet_console_tail(&page, words, sizeof words);
	assert_int_equal(strlen(words), sizeof page.out);
	assert_string_equal(words, expected + len - sizeof page.out);
	domlet_console_tail(&page, words, 11);
	assert_string_equal(words, "1998 1999 ");
	domlet_console_tail(&page, words, 1);
	assert_string_equal(words, "");
}

/* The guest says how much it wrote: any number is one inside the ring. */
static void lies(void **state)
{
	static const uint32_t ends[] = { UINT32_MAX, 1u << 31, 2049, sizeof page.out - 1, 1 };

	(void)state;
	memset(page.out, 'y', sizeof page.out);
	page.out_cons = 12345;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		page.out_prod = ends[i];
		domlet_console_tail(&page, words, sizeof words);
		assert_int_equal(strlen(words), ends[i] < sizeof page.out ? ends[i] : sizeof page.out);
		assert_int_equal(strspn(words, "y"), strlen(words));
	}
}

/* Callers match these texts (docs of the engines): a guest must not say them for us. */
static void matched_texts_are_reworded(void **state)
{
	(void)state;
	write_console("no such file or directory");
	domlet_console_tail(&page, words, sizeof words);
	assert_null(strstr(words, "no such file or directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_was_written, clear),
		cmocka_unit_test_setup(what_was_read_is_there, clear),
		cmocka_unit_test_setup(the_end_counts, clear),
		cmocka_unit_test_setup(lies, clear),
		cmocka_unit_test_setup(matched_texts_are_reworded, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
