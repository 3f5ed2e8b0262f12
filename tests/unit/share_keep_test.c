// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest may keep of a file's content from one open to the next. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "share_client.h"

static struct share_client c;

static bool keeps(uint64_t node)
{
	const struct fuse_open_in in = { .flags = O_RDONLY };
	struct fuse_open_out out;

	assert_int_equal(share_client_send(&c, FUSE_OPEN, node, &in, sizeof in, NULL, 0), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(share_client_release(&c, node, out.fh, false), 0);
	return out.open_flags & FOPEN_KEEP_CACHE;
}

static void write_there(const char *text)
{
	int fd = open(share_client_path(&c, "0/f"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Until the time of the last change says which change it was. */
static void let_it_age(void)
{
	const struct timespec age = { .tv_sec = 2, .tv_nsec = 50000000 };

	(void)nanosleep(&age, NULL);
}

static void content_that_is_unchanged_is_kept(void **state)
{
	struct fuse_entry_out entry;

	(void)state;
	share_client_open(&c);
	write_there("one");
	assert_int_equal(share_client_lookup(&c, share_client_export(&c, 0), "f", &entry), 0);
	assert_false(keeps(entry.nodeid)); /* nothing is known of it */
	assert_false(keeps(entry.nodeid)); /* it may have changed without another time */
	let_it_age();
	assert_false(keeps(entry.nodeid));
	assert_true(keeps(entry.nodeid));
	assert_true(keeps(entry.nodeid));
	write_there("two");
	assert_false(keeps(entry.nodeid));
	let_it_age();
	assert_false(keeps(entry.nodeid));
	assert_true(keeps(entry.nodeid));
	share_client_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(content_that_is_unchanged_is_kept) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
