// SPDX-License-Identifier: GPL-2.0-or-later
/* What a share holds at most: nodes, descriptors, open files, memory. Each bound is tried from both sides. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/share/internal.h"
#include "share_client.h"

static struct share_client c;
static uint64_t top;

static int setup(void **state)
{
	struct rlimit files;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max < DOMLET_SHARE_DESCRIPTORS ? files.rlim_max : DOMLET_SHARE_DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &files);
	share_client_open_quick(&c);
	top = share_client_export(&c, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	share_client_close(&c);
	return 0;
}

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void name_of(char *name, unsigned int i)
{
	snprintf(name, 32, "f%u", i);
}

static void make_here(const char *dir, unsigned int from, unsigned int to)
{
	int fd = open(share_client_path(&c, dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[32];

	for (unsigned int i = from; i < to; i++) {
		name_of(name, i);
		assert_int_equal(mknodat(fd, name, S_IFREG | 0644, 0), 0);
	}
	close(fd);
}

/* 100,000 nodes, each opened once, so that each has had a descriptor. */
static void many_nodes(void **state)
{
	const unsigned int many = 100000;
	struct fuse_entry_out entry;
	struct timespec t0, t1;
	struct mallinfo2 before, after;
	uint64_t *ids = calloc(many, sizeof *ids), fh;
	struct fuse_attr attr;
	unsigned int most = 0;
	char name[32];

	(void)state;
	make_here("0", 0, many);
	before = mallinfo2();
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (unsigned int i = 0; i < many; i++) {
		name_of(name, i);
		assert_int_equal(share_client_lookup(&c, top, name, &entry), 0);
		ids[i] = entry.nodeid;
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	after = mallinfo2();
	print_message("%.1f us a lookup, %zu bytes a node\n",
		      ((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) / many / 1000,
		      (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / many);
	for (unsigned int i = 0; i < many; i++) {
		assert_int_equal(share_client_open_file(&c, ids[i], O_RDONLY, &fh), 0);
		assert_int_equal(share_client_release(&c, ids[i], fh, false), 0);
		if (i % 10000 == 0 && descriptors() > most)
			most = descriptors();
	}
	assert_true(c.share->fd_count == NODE_FD_MAX);
	assert_true(descriptors() < NODE_FD_MAX + 30);
	assert_true(most < NODE_FD_MAX + 30);
	/* The first ones have lost theirs, and are themselves. */
	for (unsigned int i = 0; i < many; i += 1000) {
		assert_int_equal(share_client_getattr(&c, ids[i], &attr), 0);
		name_of(name, i);
		assert_int_equal(share_client_lookup(&c, top, name, &entry), 0);
		assert_int_equal(entry.nodeid, ids[i]);
	}
	assert_int_equal(c.share->node_count, many + 4);
	for (unsigned int i = 0; i < many; i++)
		share_client_forget(&c, ids[i], UINT64_MAX);
	assert_int_equal(c.share->node_count, 4);
	assert_true(descriptors() < 40);
	free(ids);
}

/* A full table drops what was long not used, and says ESTALE of it. */
static void table_is_bounded(void **state)
{
	struct fuse_entry_out first = { 0 }, kept, entry;
	struct fuse_attr attr;
	uint64_t fh, dropped = 0;
	char name[32];

	(void)state;
	/* Hard links would be one node; directories below one are quick enough. */
	for (unsigned int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "0/d%u", i);
		assert_int_equal(mkdir(share_client_path(&c, name), 0755), 0);
		make_here(name, 0, 66000);
	}
	assert_int_equal(share_client_create(&c, top, "kept", O_RDWR, 0644, &kept, &fh), 0);
	for (unsigned int d = 0; d < 4; d++) {
		struct fuse_entry_out dir;

		snprintf(name, sizeof name, "d%u", d);
		assert_int_equal(share_client_lookup(&c, top, name, &dir), 0);
		for (unsigned int i = 0; i < 66000; i++) {
			name_of(name, i);
			assert_int_equal(share_client_lookup(&c, dir.nodeid, name, &entry), 0);
			if (d == 0 && i == 0)
				first = entry;
		}
	}
	assert_int_equal(c.share->slot_count, NODE_MAX);
	assert_true(c.share->node_count < NODE_MAX);
	for (unsigned int i = 0; i < NODE_MAX; i++)
		dropped += !domlet_share_node_at(c.share, i ? i : 1)->used ||
			   domlet_share_node_at(c.share, i ? i : 1)->generation > 1;
	assert_true(dropped > 0);
	assert_int_equal(share_client_getattr(&c, first.nodeid, &attr), -ESTALE);
	assert_int_equal(share_client_getattr(&c, kept.nodeid, &attr), 0); /* it is open */
	assert_int_equal(share_client_getattr(&c, entry.nodeid, &attr), 0);
	assert_int_equal(share_client_read(&c, kept.nodeid, fh, 0, 1), 0);
}

static void open_files_are_bounded(void **state)
{
	uint64_t node = share_client_export(&c, 2), first, fh;
	struct rlimit files;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < HANDLE_MAX + 100) {
		print_message("too few descriptors may be had here\n");
		skip();
	}
	assert_int_equal(share_client_open_file(&c, node, O_RDONLY, &first), 0);
	for (unsigned int i = 1; i < HANDLE_MAX; i++)
		assert_int_equal(share_client_open_file(&c, node, O_RDONLY, &fh), 0);
	assert_int_equal(share_client_open_file(&c, node, O_RDONLY, &fh), -ENFILE);
	assert_int_equal(share_client_open_file(&c, top, O_DIRECTORY, &fh), -ENFILE);
	assert_int_equal(share_client_release(&c, node, first, false), 0);
	assert_int_equal(share_client_open_file(&c, node, O_RDONLY, &fh), 0);
	assert_int_not_equal(fh, first);
	assert_int_equal(share_client_read(&c, node, first, 0, 1), -EBADF);
	/* A new connection begins with none. */
	assert_int_equal(share_client_init(&c), 0);
	assert_true(descriptors() < 40);
}

/* Removed files that the guest doesn't forget. */
static void nameless_files_are_bounded(void **state)
{
	struct fuse_entry_out entry, first = { 0 };
	struct fuse_attr attr;
	char name[32];

	(void)state;
	make_here("0", 0, PINNED_MAX + 5000);
	for (unsigned int i = 0; i < PINNED_MAX + 5000; i++) {
		name_of(name, i);
		assert_int_equal(share_client_lookup(&c, top, name, &entry), 0);
		if (i == 0)
			first = entry;
		assert_int_equal(share_client_name(&c, FUSE_UNLINK, top, NULL, 0, name), 0);
	}
	assert_int_equal(c.share->pinned_count, PINNED_MAX);
	assert_true(descriptors() <= PINNED_MAX + NODE_FD_MAX + 30);
	assert_int_equal(share_client_getattr(&c, first.nodeid, &attr), 0);
	assert_int_equal(attr.nlink, 0);
}

/* With fewer descriptors than the bounds, it closes those that can be had again. */
static void few_descriptors(void **state)
{
	struct rlimit files, few;
	struct fuse_entry_out entry;
	uint64_t fh[200], nodes[200];
	char name[32];
	int n = 0, e = 0;

	(void)state;
	make_here("0", 0, 200);
	getrlimit(RLIMIT_NOFILE, &files);
	few = files;
	few.rlim_cur = 100;
	setrlimit(RLIMIT_NOFILE, &few);
	for (; n < 200; n++) {
		name_of(name, (unsigned int)n);
		assert_int_equal(share_client_lookup(&c, top, name, &entry), 0);
		nodes[n] = entry.nodeid;
		e = share_client_open_file(&c, entry.nodeid, O_RDONLY, &fh[n]);
		if (e < 0)
			break;
	}
	assert_int_equal(e, -ENFILE);
	assert_true(n > 60);
	assert_int_equal(share_client_release(&c, nodes[0], fh[0], false), 0);
	assert_int_equal(share_client_open_file(&c, nodes[n], O_RDONLY, &fh[n]), 0);
	setrlimit(RLIMIT_NOFILE, &files);
}

/* What a request is about keeps its descriptor, however few there are. */
static void held_node_keeps_its_descriptor(void **state)
{
	struct domlet_share_node *n;
	struct fuse_entry_out entry;

	(void)state;
	make_here("0", 0, 1);
	assert_int_equal(share_client_lookup(&c, top, "f0", &entry), 0);
	n = domlet_share_node_get(c.share, entry.nodeid);
	domlet_share_node_hold(n);
	assert_true(domlet_share_node_fd(c.share, n) >= 0);
	domlet_share_node_trim(c.share, 0);
	assert_true(n->fd >= 0);
	domlet_share_node_let_go(c.share, n);
	domlet_share_node_trim(c.share, 0);
	assert_int_equal(n->fd, -1);
	assert_int_equal(c.share->fd_count, 0);
}

/* A tree that is deeper than what is walked at once, without descriptors. */
static void deep_trees(void **state)
{
	struct fuse_entry_out entry = { .nodeid = top };
	uint64_t ids[WALK_MAX + 200];
	struct fuse_attr attr;

	(void)state;
	for (unsigned int i = 0; i < WALK_MAX + 200; i++) {
		assert_int_equal(share_client_mkdir(&c, entry.nodeid, "d", &entry), 0);
		ids[i] = entry.nodeid;
	}
	domlet_share_node_trim(c.share, 0);
	assert_int_equal(share_client_getattr(&c, ids[WALK_MAX + 199], &attr), -ESTALE);
	assert_int_equal(share_client_getattr(&c, ids[WALK_MAX - 1], &attr), 0);
	assert_int_equal(share_client_getattr(&c, ids[WALK_MAX + 199], &attr), 0); /* from there on */
	for (unsigned int i = WALK_MAX + 200; i-- > 0;)
		assert_int_equal(share_client_name(&c, FUSE_RMDIR, i ? ids[i - 1] : top, NULL, 0, "d"), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(many_nodes),
		CASE(table_is_bounded),
		CASE(open_files_are_bounded),
		CASE(nameless_files_are_bounded),
		CASE(few_descriptors),
		CASE(held_node_keeps_its_descriptor),
		CASE(deep_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
