// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest that breaks the protocol, forges what it was given, and plants links: it gets an errno, or is ended. Whatever it
 * does, share_client_close() looks at what lies beside the exports.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "share_case.h"

/* Bytes with the lengths, node and handle of a request that could be. */
static size_t plausible(uint32_t opcode, uint64_t node, uint64_t fh)
{
	struct fuse_in_header in = { .opcode = opcode, .nodeid = node, .unique = 2 };
	size_t len = sizeof in + 256;

	memset(c.request, 0, len);
	memcpy(c.request + sizeof in, &fh, sizeof fh);
	memcpy(c.request + len - 9, "name\0two", 9);
	in.len = (uint32_t)len;
	memcpy(c.request, &in, sizeof in);
	return len;
}

static void answer(size_t len)
{
	/* Of its own size, so that a sanitizer sees the first byte behind it. */
	uint8_t *exact = malloc(len);
	struct fuse_out_header out;
	ssize_t n;

	assert_non_null(exact);
	memcpy(exact, c.request, len);
	n = domlet_share_answer(c.share, exact, len, c.reply);
	free(exact);
	assert_true(n == 0 || n == -EPROTO || (n >= (ssize_t)sizeof out && n <= (ssize_t)DOMLET_SHARE_MESSAGE_MAX));
	if (n <= 0)
		return;
	memcpy(&out, c.reply, sizeof out);
	if (out.unique == 0 && out.error > 0) { /* what the guest is to know before the reply */
		n -= (ssize_t)out.len;
		assert_true(n >= (ssize_t)sizeof out);
		memcpy(&out, c.reply + out.len, sizeof out);
	}
	assert_int_equal(out.len, n);
	assert_true(out.error <= 0 && out.error > -1000);
}

static void each_length(void **state)
{
	struct fuse_entry_out entry;
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &fh), 0);
	for (uint32_t opcode = 0; opcode < 64; opcode++) {
		size_t whole = plausible(opcode, entry.nodeid, fh);

		for (size_t len = 0; len <= whole; len++) {
			/* Once it says so, and once it lies. */
			answer(len);
			memcpy(c.request, &(uint32_t){ (uint32_t)len }, 4);
			answer(len);
			if (opcode == FUSE_INIT || opcode == FUSE_DESTROY) {
				share_client_init(&c);
				assert_int_equal(share_client_lookup(&c, top, "f", &entry), 0);
				share_client_open_file(&c, entry.nodeid, O_RDWR, &fh);
			}
			plausible(opcode, entry.nodeid, fh);
		}
	}
	assert_int_equal(domlet_share_answer(c.share, c.request, DOMLET_SHARE_MESSAGE_MAX + 1, c.reply), -EPROTO);
}

static void each_bit(void **state)
{
	(void)state;
	for (uint32_t opcode = 1; opcode < 56; opcode++) {
		struct fuse_entry_out entry;
		uint64_t fh;
		size_t len;

		share_client_init(&c);
		(void)unlink(share_client_path(&c, "0/f")); /* whose mode may be any by now */
		assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &fh), 0);
		len = plausible(opcode, entry.nodeid, fh);
		for (size_t bit = 0; bit < len * 8; bit++) {
			plausible(opcode, entry.nodeid, fh);
			c.request[bit / 8] ^= (uint8_t)(1u << bit % 8);
			/* One that asks for gigabytes is an honest one: not here. */
			if (opcode == FUSE_FALLOCATE)
				memset(c.request + sizeof(struct fuse_in_header) + 10, 0, 14);
			answer(len);
		}
	}
	assert_int_equal(truncate(share_client_path(&c, "0/f"), 0), 0);
}

static void forged_nodes_are_nobody(void **state)
{
	struct fuse_entry_out entry;
	struct fuse_attr attr;
	uint64_t old, fh;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &fh), 0);
	old = entry.nodeid;
	for (int bit = 0; bit < 64; bit++)
		if (bit >= 32 || ((uint32_t)old ^ 1u << bit) > 4) /* the exports are real */
			assert_int_equal(share_client_getattr(&c, old ^ 1ull << bit, &attr), -ESTALE);
	for (const uint64_t *id =
		     (const uint64_t[]){ 2, 3, 4, 5, 1ull << 32, 1ull << 32 | 1, UINT32_MAX, UINT64_MAX, 0 };
	     *id; id++)
		assert_int_equal(share_client_getattr(&c, *id, &attr), -ESTALE);
	assert_int_equal(share_client_getattr(&c, 0, &attr), -ESTALE);
	/* Forgotten, its slot is used again; the old id isn't. More than was looked up can't be forgotten. */
	assert_int_equal(share_client_release(&c, old, fh, false), 0);
	assert_int_equal(share_client_forget(&c, old, UINT64_MAX), 1);
	assert_int_equal(share_client_getattr(&c, old, &attr), -ESTALE);
	assert_int_equal(share_client_forget(&c, old, 1), 1);
	assert_int_equal(share_client_lookup(&c, top, "f", &entry), 0);
	assert_int_equal((uint32_t)entry.nodeid, (uint32_t)old);
	assert_int_not_equal(entry.nodeid, old);
	assert_int_equal(share_client_getattr(&c, old, &attr), -ESTALE);
	/* An export stays, whatever is forgotten, and so does what has somebody below it. */
	assert_int_equal(share_client_forget(&c, top, UINT64_MAX), 1);
	assert_int_equal(share_client_forget(&c, FUSE_ROOT_ID, UINT64_MAX), 1);
	assert_int_equal(share_client_getattr(&c, top, &attr), 0);
	assert_int_equal(share_client_getattr(&c, FUSE_ROOT_ID, &attr), 0);
}

static void forgotten_while_open(void **state)
{
	struct fuse_entry_out dir, entry;
	struct fuse_attr attr;
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_mkdir(&c, top, "d", &dir), 0);
	assert_int_equal(share_client_create(&c, dir.nodeid, "f", O_RDWR, 0644, &entry, &fh), 0);
	share_client_forget(&c, dir.nodeid, UINT64_MAX);
	share_client_forget(&c, entry.nodeid, UINT64_MAX);
	assert_int_equal(share_client_write(&c, entry.nodeid, fh, 0, "x", 1), 0);
	assert_int_equal(share_client_getattr(&c, dir.nodeid, &attr), 0);
	assert_int_equal(share_client_name(&c, FUSE_UNLINK, dir.nodeid, NULL, 0, "f"), 0);
	assert_int_equal(share_client_getattr(&c, dir.nodeid, &attr), -ESTALE); /* nobody needs it any more */
	assert_int_equal(share_client_release(&c, entry.nodeid, fh, false), 0);
	assert_int_equal(share_client_getattr(&c, entry.nodeid, &attr), -ESTALE);
}

static void forged_handles_are_nobodys(void **state)
{
	struct fuse_entry_out a, b;
	uint64_t fh, other, dir;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "a", O_RDWR, 0644, &a, &fh), 0);
	assert_int_equal(share_client_create(&c, top, "b", O_RDWR, 0644, &b, &other), 0);
	for (int bit = 0; bit < 64; bit++)
		assert_int_equal(share_client_read(&c, a.nodeid, fh ^ 1ull << bit, 0, 1), -EBADF);
	assert_int_equal(share_client_read(&c, a.nodeid, other, 0, 1), -EBADF); /* another file's */
	assert_int_equal(share_client_open_file(&c, top, O_DIRECTORY, &dir), 0);
	assert_int_equal(share_client_read(&c, top, dir, 0, 1), -EBADF);
	assert_int_equal(share_client_release(&c, top, dir, false), -EBADF);
	assert_int_equal(share_client_release(&c, a.nodeid, fh, true), -EBADF);
	assert_int_equal(share_client_release(&c, a.nodeid, fh, false), 0);
	assert_int_equal(share_client_read(&c, a.nodeid, fh, 0, 1), -EBADF);
	fh = UINT64_MAX;
	assert_int_equal(share_client_read(&c, a.nodeid, fh, 0, 1), -EBADF);
}

static void names_stay_within_a_directory(void **state)
{
	static const char *const bad[] = { "..", ".", "", "/", "../canary", "a/b", "/etc", "f/", NULL };
	const struct fuse_mknod_in node_in = { .mode = S_IFREG | 0644 };
	const struct fuse_mkdir_in dir_in = { .mode = 0755 };
	const struct fuse_rename_in rename_in = { .newdir = top };
	const struct fuse_create_in create_in = { .flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0644 };
	struct fuse_link_in link_in;
	struct fuse_entry_out entry;
	char names[300], longest[300];
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &fh), 0);
	link_in.oldnodeid = entry.nodeid;
	for (const char *const *name = bad; *name; name++) {
		assert_int_equal(share_client_lookup(&c, top, *name, &entry), -EINVAL);
		assert_int_equal(share_client_lookup(&c, FUSE_ROOT_ID, *name, &entry), -EINVAL);
		assert_int_equal(share_client_name(&c, FUSE_UNLINK, top, NULL, 0, *name), -EINVAL);
		assert_int_equal(share_client_name(&c, FUSE_RMDIR, top, NULL, 0, *name), -EINVAL);
		assert_int_equal(share_client_name(&c, FUSE_MKNOD, top, &node_in, sizeof node_in, *name), -EINVAL);
		assert_int_equal(share_client_name(&c, FUSE_MKDIR, top, &dir_in, sizeof dir_in, *name), -EINVAL);
		assert_int_equal(share_client_name(&c, FUSE_CREATE, top, &create_in, sizeof create_in, *name), -EINVAL);
		assert_int_equal(share_client_name(&c, FUSE_LINK, top, &link_in, sizeof link_in, *name), -EINVAL);
		for (int turn = 0; turn < 2; turn++) {
			int n = snprintf(names, sizeof names, "%s%c%s", turn ? *name : "f", 0, turn ? "f" : *name);

			assert_int_equal(share_client_send(&c, FUSE_RENAME, top, &rename_in, sizeof rename_in, names,
							   (size_t)n + 1),
					 -EINVAL);
			if (turn)
				assert_int_equal(share_client_send(&c, FUSE_SYMLINK, top, names, (size_t)n + 1, NULL, 0),
						 -EINVAL);
		}
	}
	memset(longest, 'n', sizeof longest);
	longest[256] = 0;
	assert_int_equal(share_client_lookup(&c, top, longest, &entry), -ENAMETOOLONG);
	longest[255] = 0;
	assert_int_equal(share_client_lookup(&c, top, longest, &entry), -ENOENT);
	/* Without an end, and with something behind it. */
	assert_int_equal(share_client_send(&c, FUSE_LOOKUP, top, "ff", 2, NULL, 0), -EINVAL);
	assert_int_equal(share_client_send(&c, FUSE_LOOKUP, top, "f\0g", 4, NULL, 0), -EINVAL);
	assert_int_equal(share_client_send(&c, FUSE_SYMLINK, top, "s\0", 3, NULL, 0), -EINVAL);
}

static void links_lead_nowhere(void **state)
{
	static const char *const targets[] = { "../secret", "/proc/self/fd", "/proc/self/root", NULL };
	struct fuse_entry_out link, entry;
	char name[2] = "a";
	uint64_t fh;

	(void)state;
	for (const char *const *target = targets; *target; target++, name[0]++) {
		char tail[4] = { '0', '/', name[0], 0 };

		assert_int_equal(symlink(*target, share_client_path(&c, tail)), 0);
		assert_int_equal(share_client_lookup(&c, top, name, &link), 0);
		assert_int_equal(link.attr.mode & S_IFMT, S_IFLNK);
		assert_int_equal(share_client_lookup(&c, link.nodeid, "file", &entry), -ENOTDIR);
		assert_int_equal(share_client_lookup(&c, link.nodeid, "0", &entry), -ENOTDIR);
		assert_int_equal(share_client_mkdir(&c, link.nodeid, "x", &entry), -ENOTDIR);
		assert_int_equal(share_client_open_file(&c, link.nodeid, O_RDONLY, &fh), -ELOOP);
		assert_int_equal(share_client_open_file(&c, link.nodeid, O_DIRECTORY, &fh), -ENOTDIR);
		assert_int_equal(share_client_create(&c, top, name, O_RDWR, 0644, &entry, &fh), -ESTALE);
		assert_int_equal(share_client_create(&c, top, name, O_RDWR | O_EXCL, 0644, &entry, &fh), -EEXIST);
		assert_int_equal(share_client_name(&c, FUSE_UNLINK, top, NULL, 0, name), 0);
	}
}

/* Somebody else swaps a directory and a link out of the export, as fast as can be. */
static void *swap(void *stop)
{
	char a[128], b[128];

	snprintf(a, sizeof a, "%s/0/d", c.dir);
	snprintf(b, sizeof b, "%s/0/l", c.dir);
	while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED))
		(void)renameat2(AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
	return NULL;
}

static void swapped_links_lead_nowhere(void **state)
{
	const struct fuse_setattr_in chmod_in = { .valid = FATTR_MODE, .mode = 0777 };
	struct fuse_entry_out dir, entry;
	uint64_t fh, found = 0;
	bool stop = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(mkdir(share_client_path(&c, "0/d"), 0755), 0);
	assert_int_equal(symlink("../secret", share_client_path(&c, "0/l")), 0);
	assert_int_equal(pthread_create(&thread, NULL, swap, &stop), 0);
	for (int i = 0; i < 20000; i++) {
		if (share_client_lookup(&c, top, i & 1 ? "d" : "l", &dir) < 0)
			continue;
		if (share_client_lookup(&c, dir.nodeid, "file", &entry) == 0)
			found++;
		if (share_client_open_file(&c, dir.nodeid, O_DIRECTORY, &fh) == 0)
			share_client_release(&c, dir.nodeid, fh, true);
		if (share_client_create(&c, dir.nodeid, "new", O_RDWR, 0644, &entry, &fh) == 0)
			share_client_release(&c, entry.nodeid, fh, false);
		share_client_name(&c, FUSE_UNLINK, dir.nodeid, NULL, 0, "file");
		share_client_send(&c, FUSE_SETATTR, dir.nodeid, &chmod_in, sizeof chmod_in, NULL, 0);
		share_client_forget(&c, dir.nodeid, UINT64_MAX);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(found, 0);
	assert_int_equal(access(share_client_path(&c, "secret/new"), F_OK), -1);
}

static void what_was_replaced_is_stale(void **state)
{
	struct fuse_entry_out dir, entry, new, other;
	struct fuse_attr attr;
	uint64_t fh;

	(void)state;
	assert_int_equal(mkdir(share_client_path(&c, "0/d"), 0755), 0);
	assert_int_equal(mkdir(share_client_path(&c, "0/d/e"), 0755), 0);
	assert_int_equal(share_client_lookup(&c, top, "d", &dir), 0);
	assert_int_equal(share_client_lookup(&c, dir.nodeid, "e", &entry), 0);
	/* It was never opened, so that only its name leads there. */
	assert_int_equal(rename(share_client_path(&c, "0/d/e"), share_client_path(&c, "0/e")), 0);
	assert_int_equal(mkdir(share_client_path(&c, "0/d/e"), 0700), 0);
	assert_int_equal(share_client_getattr(&c, entry.nodeid, &attr), -ESTALE);
	assert_int_equal(share_client_open_file(&c, entry.nodeid, O_DIRECTORY, &fh), -ESTALE);
	assert_int_equal(share_client_lookup(&c, dir.nodeid, "e", &other), 0);
	assert_int_not_equal(other.nodeid, entry.nodeid);
	/* Found again elsewhere, it is itself again. */
	assert_int_equal(share_client_lookup(&c, top, "e", &new), 0);
	assert_int_equal(new.nodeid, entry.nodeid);
	assert_int_equal(share_client_getattr(&c, entry.nodeid, &attr), 0);
	/* Hints that go in a circle: e goes below d/e, where d has been put by somebody else. */
	assert_int_equal(rename(share_client_path(&c, "0/d"), share_client_path(&c, "0/e/d")), 0);
	assert_int_equal(share_client_lookup(&c, entry.nodeid, "d", &new), 0);
	assert_int_equal(new.nodeid, dir.nodeid);
	assert_int_equal(rename(share_client_path(&c, "0/e/d"), share_client_path(&c, "0/d")), 0);
	assert_int_equal(rename(share_client_path(&c, "0/e"), share_client_path(&c, "0/d/f")), 0);
	assert_int_equal(share_client_lookup(&c, dir.nodeid, "f", &new), 0);
	assert_int_equal(new.nodeid, entry.nodeid);
	assert_int_equal(share_client_getattr(&c, dir.nodeid, &attr), 0);
	share_client_forget(&c, other.nodeid, UINT64_MAX);
	share_client_forget(&c, entry.nodeid, UINT64_MAX);
	share_client_forget(&c, dir.nodeid, UINT64_MAX);
	assert_int_equal(share_client_getattr(&c, dir.nodeid, &attr), -ESTALE);
	assert_int_equal(share_client_getattr(&c, entry.nodeid, &attr), -ESTALE);
}

static void reads_of_bad_sizes(void **state)
{
	struct fuse_read_in in = { .size = DOMLET_SHARE_DATA_MAX + 1 };
	struct fuse_getxattr_in list = { .size = UINT32_MAX };
	uint64_t node = share_client_export(&c, 2), dir;

	(void)state;
	assert_int_equal(share_client_open_file(&c, node, O_RDWR, &in.fh), 0);
	assert_int_equal(share_client_send(&c, FUSE_READ, node, &in, sizeof in, NULL, 0), -EINVAL);
	in.size = 10;
	in.offset = UINT64_MAX;
	assert_int_equal(share_client_send(&c, FUSE_READ, node, &in, sizeof in, NULL, 0), -EINVAL);
	assert_int_equal(share_client_open_file(&c, top, O_DIRECTORY, &dir), 0);
	in.fh = dir;
	assert_int_equal(share_client_send(&c, FUSE_READDIR, top, &in, sizeof in, NULL, 0), -EINVAL);
	in.size = UINT32_MAX;
	in.offset = 0;
	assert_int_equal(share_client_send(&c, FUSE_READDIRPLUS, top, &in, sizeof in, NULL, 0), -EINVAL);
	for (in.size = 0; in.size < 600; in.size++) {
		int e = share_client_send(&c, in.size & 1 ? FUSE_READDIR : FUSE_READDIRPLUS, top, &in, sizeof in, NULL,
					  0);

		assert_true(e == 0 || e == -EINVAL);
		assert_true(c.out_len <= in.size);
	}
	assert_int_equal(share_client_send(&c, FUSE_LISTXATTR, node, &list, sizeof list, NULL, 0), 0);
	assert_int_equal(share_client_name(&c, FUSE_GETXATTR, node, &list, sizeof list, "user.none"), -ENODATA);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(each_length),
		CASE(each_bit),
		CASE(forged_nodes_are_nobody),
		CASE(forgotten_while_open),
		CASE(forged_handles_are_nobodys),
		CASE(names_stay_within_a_directory),
		CASE(links_lead_nowhere),
		CASE(swapped_links_lead_nowhere),
		CASE(what_was_replaced_is_stale),
		CASE(reads_of_bad_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
