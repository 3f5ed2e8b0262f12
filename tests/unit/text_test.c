/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../toolstack/base/text.h"

static void cleaned(const char *text, const char *expected)
{
	char copy[128];

	(void)snprintf(copy, sizeof copy, "%s", text);
	domlet_text_clean(copy);
	assert_string_equal(copy, expected);
}

static void what_people_write_stays(void **state)
{
	(void)state;
	cleaned("", "");
	cleaned("exec: \"/bin/sh\" ~ {1}\tline\nline", "exec: \"/bin/sh\" ~ {1}\tline\nline");
	cleaned("größer – „ja“ … Ελλάδα Русский 日本語 한국어 עברית العربية हिन्दी",
		"größer – „ja“ … Ελλάδα Русский 日本語 한국어 עברית العربية हिन्दी");
	cleaned("\xf0\x9f\x90\xb3 \xe2\x9c\x93", "\xf0\x9f\x90\xb3 \xe2\x9c\x93");
}

static void what_steers_a_terminal_goes(void **state)
{
	(void)state;
	cleaned("\033[31mred\007\r\x7f", "?[31mred???");
	cleaned("\xc2\x9b"
		"31mred",
		"?31mred");
	cleaned("\x9b"
		"7m",
		"?7m");
	cleaned("\xc2\x80\xc2\x85\xc2\x90\xc2\x9d\xc2\x9f", "?????");
	cleaned("\xc2\xa0", "\xc2\xa0");
}

static void what_hides_or_turns_text_goes(void **state)
{
	(void)state;
	cleaned("a\xe2\x80\xae"
		"b\xe2\x81\xa6"
		"c\xd8\x9c",
		"a?b?c?");
	cleaned("\xe2\x80\x8b\xe2\x80\x8d\xe2\x80\xa8\xe2\x80\xa9\xe2\x81\xa0\xef\xbb\xbf\xc2\xad", "???????");
	cleaned("\xf3\xa0\x81\x81\xee\x80\x80\xf4\x8f\xbf\xbd", "???");          /* a tag, private use */
	cleaned("\xef\xb7\x90\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\xbf\xbe", "????"); /* no characters */
	cleaned("\xef\xbf\xbd", "\xef\xbf\xbd");
}

static void what_is_no_utf8_goes(void **state)
{
	(void)state;
	cleaned("\xff\xfe\x80\xbf", "????");
	cleaned("\xc0\x9b[", "??["); /* longer than it must be: U+001B */
	cleaned("\xe0\x82\x9b\xf0\x80\x82\x9b", "???????");
	cleaned("\xed\xa0\x80", "?");                              /* a surrogate */
	cleaned("\xf4\x90\x80\x80\xf8\x88\x80\x80\x80", "??????"); /* beyond the last */
	cleaned("cut \xe2\x82", "cut ??");                         /* in the middle of one */
	cleaned("\xe2\x28\xa1\xc3", "?(??");
}

/* Each byte sequence becomes one that is left as it is. */
static void once_is_enough(void **state)
{
	char text[5], again[5];

	(void)state;
	for (uint32_t i = 0; i < 1u << 24; i += i < 1u << 16 ? 1 : 251) {
		memcpy(text, &(uint32_t){ i | 0xa9000000u }, 4);
		text[4] = '\0';
		domlet_text_clean(text);
		memcpy(again, text, sizeof again);
		domlet_text_clean(again);
		assert_string_equal(again, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_people_write_stays),
		cmocka_unit_test(what_steers_a_terminal_goes),
		cmocka_unit_test(what_hides_or_turns_text_goes),
		cmocka_unit_test(what_is_no_utf8_goes),
		cmocka_unit_test(once_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
