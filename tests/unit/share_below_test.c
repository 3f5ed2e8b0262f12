// SPDX-License-Identifier: GPL-2.0-or-later
/* What lies below an export: mounts, and a stack of file systems. Needs root, for a mount namespace of its own. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "share_case.h"

static void mounts_below_are_file_systems(void **state)
{
	struct fuse_entry_out tmpfs, bind, dir;
	struct fuse_statfs_out out;
	uint64_t below;

	(void)state;
	assert_int_equal(mkdir(real("tmpfs"), 0755), 0);
	assert_int_equal(mkdir(real("dir"), 0755), 0);
	assert_int_equal(mkdir(real("bind"), 0755), 0);
	assert_int_equal(mount("tmpfs", real("tmpfs"), "tmpfs", 0, "size=2m"), 0);
	assert_int_equal(mount(real("dir"), real("bind"), NULL, MS_BIND, NULL), 0);
	put_host_file("tmpfs/f", "x");
	put_host_file("dir/f", "x");
	assert_int_equal(share_client_lookup(&c, top, "tmpfs", &tmpfs), 0);
	assert_true(tmpfs.attr.flags & FUSE_ATTR_SUBMOUNT);
	assert_int_equal(share_client_send(&c, FUSE_STATFS, tmpfs.nodeid, NULL, 0, NULL, 0), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(out.st.blocks * out.st.frsize, 2 << 20);
	assert_int_equal(share_client_lookup(&c, tmpfs.nodeid, "f", &dir), 0);
	assert_false(dir.attr.flags & FUSE_ATTR_SUBMOUNT);
	below = dir.nodeid;
	/* One directory in two places is two nodes: a kernel has one place for a directory. */
	assert_int_equal(share_client_lookup(&c, top, "dir", &dir), 0);
	assert_int_equal(share_client_lookup(&c, top, "bind", &bind), 0);
	assert_false(dir.attr.flags & FUSE_ATTR_SUBMOUNT);
	assert_true(bind.attr.flags & FUSE_ATTR_SUBMOUNT);
	assert_int_not_equal(dir.nodeid, bind.nodeid);
	assert_int_equal(dir.attr.ino, bind.attr.ino);
	/* A mount's node stays: Linux 6.1 forgets it while it is mounted. */
	share_client_forget(&c, below, UINT64_MAX);
	share_client_forget(&c, tmpfs.nodeid, UINT64_MAX);
	assert_int_equal(share_client_lookup(&c, tmpfs.nodeid, "f", &dir), 0);
	assert_int_equal(share_client_name(&c, FUSE_RMDIR, top, NULL, 0, "bind"), -EBUSY);
	umount2(real("tmpfs"), MNT_DETACH);
	umount2(real("bind"), MNT_DETACH);
}

/* A file of an overlay's lower directory is another one below after its first write, and the same for the guest. */
static void overlay_keeps_its_nodes(void **state)
{
	struct fuse_entry_out dir, f, g, again;
	struct fuse_rename_in rename_in;
	char options[600], name[32];
	struct fuse_attr attr;
	uint64_t fh;

	(void)state;
	for (const char *const *d = (const char *const[]){ "o", "o/lower", "o/upper", "o/work", "merged", NULL }; *d;
	     d++)
		assert_int_equal(mkdir(real(*d), 0755), 0);
	put_host_file("o/lower/f", "lower");
	put_host_file("o/lower/g", "lower");
	snprintf(options, sizeof options, "lowerdir=%s/0/o/lower,upperdir=%s/0/o/upper,workdir=%s/0/o/work", c.dir,
		 c.dir, c.dir);
	if (mount("overlay", real("merged"), "overlay", 0, options) < 0) {
		print_message("this kernel has no overlayfs here\n");
		skip();
	}
	assert_int_equal(share_client_lookup(&c, top, "merged", &dir), 0);
	assert_int_equal(share_client_lookup(&c, dir.nodeid, "f", &f), 0);
	assert_int_equal(share_client_lookup(&c, dir.nodeid, "g", &g), 0);
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_RDWR, &fh), 0);
	assert_int_equal(share_client_write(&c, f.nodeid, fh, 0, "upper", 5), 0);
	assert_int_equal(share_client_release(&c, f.nodeid, fh, false), 0);
	assert_int_equal(stat_of("o/upper/f").st_size, 5);
	rename_in.newdir = dir.nodeid;
	assert_int_equal(share_client_send(&c, FUSE_RENAME, dir.nodeid, &rename_in, sizeof rename_in, "g\0h", 4), 0);
	/* Enough others, for both to lose their descriptors. */
	assert_int_equal(mkdir(real("many"), 0755), 0);
	assert_int_equal(share_client_lookup(&c, top, "many", &again), 0);
	for (unsigned int i = 0; i < 4200; i++) {
		struct fuse_entry_out one;

		snprintf(name, sizeof name, "%u", i);
		assert_int_equal(share_client_create(&c, again.nodeid, name, O_RDONLY, 0644, &one, &fh), 0);
		assert_int_equal(share_client_release(&c, one.nodeid, fh, false), 0);
		assert_int_equal(share_client_open_file(&c, one.nodeid, O_RDONLY, &fh), 0);
		assert_int_equal(share_client_release(&c, one.nodeid, fh, false), 0);
	}
	assert_int_equal(share_client_getattr(&c, f.nodeid, &attr), 0);
	assert_int_equal(share_client_lookup(&c, dir.nodeid, "f", &again), 0);
	assert_int_equal(again.nodeid, f.nodeid);
	assert_int_equal(share_client_getattr(&c, g.nodeid, &attr), 0);
	assert_int_equal(share_client_lookup(&c, dir.nodeid, "h", &again), 0);
	assert_int_equal(again.nodeid, g.nodeid);
	umount2(real("merged"), MNT_DETACH);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(mounts_below_are_file_systems),
		CASE(overlay_keeps_its_nodes),
	};

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		printf("skipped: no mount namespace\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
