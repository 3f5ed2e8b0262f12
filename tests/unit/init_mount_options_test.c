/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a mount's options mean; what no list knows is the file system's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "../../guest-init/container/mount_options.h"

static struct domlet_mount_options parse(const char *text)
{
	struct domlet_failure failure = { 0 };
	struct domlet_mount_options out;
	struct domlet_strings options = { 0 };
	char copy[256], *rest = copy, *items[16];

	strcpy(copy, text);
	options.item = items;
	while (rest)
		items[options.count++] = strsep(&rest, " ");
	assert_int_equal(domlet_mount_options_parse(&options, &out, &failure), 0);
	return out;
}

static void flags_and_data(void **state)
{
	static const struct {
		const char *text;
		unsigned long flags, propagation;
		const char *data;
	} cases[] = {
		{ "defaults", 0, 0, "" },
		{ "ro nosuid nodev noexec", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, "" },
		{ "ro rw nosuid suid", 0, 0, "" },
		{ "rro rnosuid rnodev rnoexec rnosymfollow",
		  MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW, 0, "" },
		{ "ro rrw rstrictatime", MS_STRICTATIME, 0, "" },
		{ "relatime", MS_RELATIME, 0, "" },
		{ "rrelatime", MS_RELATIME, 0, "" },
		{ "rnorelatime", 0, 0, "" },
		{ "mand nomand iversion lazytime nolazytime", MS_I_VERSION, 0, "" },
		{ "rbind rslave ro", MS_RDONLY, MS_SLAVE | MS_REC, "" },
		{ "bind private", 0, MS_PRIVATE, "" },
		{ "mode=755 size=64k ro", MS_RDONLY, 0, "mode=755,size=64k" },
		/* Nothing that takes an "r": left to the file system, which refuses it. */
		{ "rsync rdefaults rmand odd", 0, 0, "rsync,rdefaults,rmand,odd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct domlet_mount_options o = parse(cases[i].text);

		assert_int_equal(o.flags, cases[i].flags);
		assert_int_equal(o.propagation, cases[i].propagation);
		assert_string_equal(o.data, cases[i].data);
		assert_false(o.copy_up);
	}
	assert_true(parse("tmpcopyup").copy_up);
}

static void no_more_than_a_page(void **state)
{
	static char longest[4096];
	char *item[] = { longest };
	struct domlet_strings options = { .item = item, .count = 1 };
	struct domlet_failure failure = { 0 };
	struct domlet_mount_options out;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(domlet_mount_options_parse(&options, &out, &failure), -EINVAL);
	longest[4000] = '\0';
	assert_int_equal(domlet_mount_options_parse(&options, &out, &failure), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_and_data),
		cmocka_unit_test(no_more_than_a_page),
	};

	return cmocka_run_group_tests_name("init_mount_options", tests, NULL, NULL);
}
