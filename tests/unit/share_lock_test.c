// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks as the protocol has them: owners, waiting, interruption, and what lets go. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "share_client.h"

static struct share_client c;
static uint64_t node, a, b; /* two handles of one file */
static int host;

static int setup(void **state)
{
	struct fuse_entry_out entry;

	(void)state;
	share_client_open(&c);
	assert_int_equal(share_client_create(&c, share_client_export(&c, 0), "f", O_RDWR, 0644, &entry, &a), 0);
	node = entry.nodeid;
	assert_int_equal(share_client_open_file(&c, node, O_RDWR, &b), 0);
	host = open(share_client_path(&c, "0/f"), O_RDWR | O_CLOEXEC);
	assert_true(host >= 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(host);
	share_client_close(&c);
	return 0;
}

static int lock(uint32_t opcode, uint64_t fh, uint64_t owner, uint32_t type, uint64_t start, uint64_t end)
{
	const struct fuse_lk_in in = { .fh = fh,
				       .owner = owner,
				       .lk = { .start = start, .end = end, .type = type, .pid = (uint32_t)owner } };

	return share_client_send(&c, opcode, node, &in, sizeof in, NULL, 0);
}

static int lock_file(uint32_t opcode, uint64_t fh, uint32_t type)
{
	const struct fuse_lk_in in = { .fh = fh, .lk = { .end = INT64_MAX, .type = type }, .lk_flags = FUSE_LK_FLOCK };

	return share_client_send(&c, opcode, node, &in, sizeof in, NULL, 0);
}

static int host_lock(short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };

	return fcntl(host, F_OFD_SETLK, &fl) < 0 ? -errno : 0;
}

/* The late reply that there is: its request's number, or 0. */
static uint64_t late(int *error)
{
	ssize_t n = domlet_share_retry(c.share, c.reply);
	struct fuse_out_header out;

	if (n == 0)
		return 0;
	assert_int_equal(n, sizeof out);
	memcpy(&out, c.reply, sizeof out);
	*error = out.error;
	return out.unique;
}

static void owners(void **state)
{
	struct fuse_lk_out out;

	(void)state;
	assert_int_equal(lock(FUSE_SETLK, a, 1, F_WRLCK, 0, 9), 0);
	assert_int_equal(lock(FUSE_SETLK, b, 2, F_RDLCK, 5, 20), -EAGAIN); /* another process, by whatever handle */
	assert_int_equal(lock(FUSE_SETLK, a, 2, F_RDLCK, 5, 20), -EAGAIN);
	assert_int_equal(lock(FUSE_SETLK, b, 1, F_RDLCK, 0, 4), 0); /* its own */
	assert_int_equal(lock(FUSE_SETLK, b, 2, F_WRLCK, 10, INT64_MAX), 0);
	assert_int_equal(host_lock(F_RDLCK), -EAGAIN);
	assert_int_equal(lock(FUSE_GETLK, b, 2, F_WRLCK, 0, 100), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(out.lk.type, F_RDLCK);
	assert_int_equal(out.lk.start, 0);
	assert_int_equal(out.lk.end, 4);
	assert_int_equal(out.lk.pid, 1);
	assert_int_equal(lock(FUSE_SETLK, a, 1, F_UNLCK, 0, INT64_MAX), 0);
	assert_int_equal(host_lock(F_WRLCK), 0);
	assert_int_equal(lock(FUSE_GETLK, a, 3, F_RDLCK, 0, 0), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(out.lk.type, F_WRLCK);
	assert_int_equal(lock(FUSE_GETLK, a, 1, F_RDLCK, 200, 300), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(out.lk.type, F_WRLCK); /* owner 2's goes to the end of all files */
	assert_int_equal(out.lk.end, INT64_MAX);
	assert_int_equal(lock(FUSE_SETLK, a, 1, F_RDLCK, 10, 9), -EINVAL);
	assert_int_equal(lock(FUSE_SETLK, a, 1, F_RDLCK, 0, UINT64_MAX), -EINVAL);
	assert_int_equal(lock(FUSE_SETLK, a, 1, 7, 0, 9), -EINVAL);
	assert_int_equal(lock(FUSE_SETLK, a ^ 1ull << 40, 1, F_RDLCK, 0, 9), -EBADF);
}

static void closing_lets_go(void **state)
{
	const struct fuse_flush_in flush = { .fh = b, .lock_owner = 1 };

	(void)state;
	assert_int_equal(lock(FUSE_SETLK, a, 1, F_WRLCK, 0, 9), 0);
	assert_int_equal(share_client_send(&c, FUSE_FLUSH, node, &flush, sizeof flush, NULL, 0), 0);
	assert_int_equal(host_lock(F_WRLCK), 0);
	assert_int_equal(host_lock(F_UNLCK), 0);
	/* Without a FLUSH, its handle's end does. */
	assert_int_equal(lock(FUSE_SETLK, a, 1, F_WRLCK, 0, 9), 0);
	assert_int_equal(share_client_release(&c, node, a, false), 0);
	assert_int_equal(host_lock(F_WRLCK), 0);
	assert_int_equal(host_lock(F_UNLCK), 0);
	assert_int_equal(lock_file(FUSE_SETLK, b, F_WRLCK), 0);
	assert_int_equal(flock(host, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(share_client_release(&c, node, b, false), 0);
	assert_int_equal(flock(host, LOCK_EX | LOCK_NB), 0);
}

static void waiting_ends(void **state)
{
	uint64_t first, second;
	int error = 1;

	(void)state;
	assert_false(domlet_share_waits(c.share));
	assert_int_equal(host_lock(F_WRLCK), 0);
	assert_int_equal(lock(FUSE_SETLKW, a, 1, F_WRLCK, 0, 9), 1);
	first = c.unique;
	assert_int_equal(lock(FUSE_SETLKW, a, 2, F_WRLCK, 0, 9), 1);
	second = c.unique;
	assert_true(domlet_share_waits(c.share));
	assert_int_equal(late(&error), 0);
	assert_int_equal(host_lock(F_UNLCK), 0);
	assert_int_equal(late(&error), first); /* in their order */
	assert_int_equal(error, 0);
	assert_int_equal(late(&error), 0);
	assert_int_equal(lock(FUSE_SETLK, a, 1, F_UNLCK, 0, INT64_MAX), 0);
	assert_int_equal(late(&error), second);
	assert_int_equal(late(&error), 0);
	assert_false(domlet_share_waits(c.share));
	/* One whose handle ends meanwhile gets an end, too. */
	assert_int_equal(lock_file(FUSE_SETLK, a, F_WRLCK), 0);
	assert_int_equal(lock_file(FUSE_SETLKW, b, F_RDLCK), 1);
	first = c.unique;
	assert_int_equal(share_client_release(&c, node, b, false), 0);
	assert_int_equal(late(&error), first);
	assert_int_equal(error, -EBADF);
}

static void waiting_is_interrupted(void **state)
{
	struct fuse_interrupt_in in;
	struct fuse_out_header out;

	(void)state;
	assert_int_equal(host_lock(F_WRLCK), 0);
	assert_int_equal(lock(FUSE_SETLKW, a, 1, F_WRLCK, 0, 9), 1);
	in.unique = c.unique + 1000;
	assert_int_equal(share_client_send(&c, FUSE_INTERRUPT, 0, &in, sizeof in, NULL, 0), 1);
	in.unique = c.unique - 2;
	assert_int_equal(share_client_send(&c, FUSE_INTERRUPT, 0, &in, sizeof in, NULL, 0), -EINTR);
	memcpy(&out, c.reply, sizeof out);
	assert_int_equal(out.unique, in.unique);
	assert_false(domlet_share_waits(c.share));
	assert_int_equal(share_client_send(&c, FUSE_INTERRUPT, 0, &in, sizeof in, NULL, 0), 1);
}

static void waiting_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(host_lock(F_WRLCK), 0);
	for (uint64_t i = 0; i < 256; i++)
		assert_int_equal(lock(FUSE_SETLKW, a, i, F_WRLCK, 0, 9), 1);
	assert_int_equal(lock(FUSE_SETLKW, a, 256, F_WRLCK, 0, 9), -ENOLCK);
	/* A new connection has none. */
	assert_int_equal(share_client_init(&c), 0);
	assert_false(domlet_share_waits(c.share));
}

static void owners_are_bounded(void **state)
{
	(void)state;
	int e = 0;

	for (uint64_t i = 0; i < 4096 && e == 0; i++)
		e = lock(FUSE_SETLK, a, i, F_RDLCK, 0, 9);
	if (e == -ENFILE) {
		print_message("too few descriptors may be had here\n");
		skip();
	}
	assert_int_equal(e, 0);
	assert_int_equal(lock(FUSE_SETLK, a, 4096, F_RDLCK, 0, 9), -ENOLCK);
	assert_int_equal(lock(FUSE_SETLK, a, 7, F_UNLCK, 0, INT64_MAX), 0);
	assert_int_equal(lock(FUSE_SETLK, a, 4096, F_RDLCK, 0, 9), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(owners),
		CASE(closing_lets_go),
		CASE(waiting_ends),
		CASE(waiting_is_interrupted),
		CASE(waiting_is_bounded),
		CASE(owners_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
