// SPDX-License-Identifier: GPL-2.0-or-later
/* Each request of the share, as a guest's kernel sends it; what comes of it is looked at from here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "share_case.h"

static void init_agrees(void **state)
{
	struct fuse_init_in in = { .major = 7, .minor = 31, .flags = FUSE_ASYNC_READ | FUSE_WRITEBACK_CACHE };
	struct fuse_init_out out;

	(void)state;
	/* An older guest's body is shorter. */
	assert_int_equal(share_client_send(&c, FUSE_INIT, 0, &in, 16, NULL, 0), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(c.out_len, sizeof out);
	assert_int_equal(out.major, 7);
	assert_int_equal(out.minor, 31);
	assert_int_equal(out.flags, FUSE_ASYNC_READ); /* never what wasn't offered, never a writeback cache */
	assert_int_equal(out.max_write, 1048576);
	assert_int_equal(out.max_pages, 256);
	in.minor = 22;
	assert_int_equal(share_client_send(&c, FUSE_INIT, 0, &in, sizeof in, NULL, 0), -EPROTO);
	in.major = 8;
	assert_int_equal(share_client_send(&c, FUSE_INIT, 0, &in, sizeof in, NULL, 0), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(out.major, 7);
	/* Whoever asks before that is told so. */
	assert_int_equal(share_client_send(&c, FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, 0), -ENOTCONN);
	assert_int_equal(share_client_init(&c), 0);
	assert_int_equal(share_client_send(&c, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(share_client_init(&c), 0);
}

/* What domlet's own guest kernel can do is used, and nothing of it with another one. */
static void flags_of_the_guest_kernels_own(void **state)
{
	struct fuse_init_in in = { .major = 7, .minor = 38, .flags = UINT32_MAX, .flags2 = UINT32_MAX };
	struct fuse_entry_out entry, file;
	struct fuse_init_out out;
	struct fuse_open_out opened;

	(void)state;
	assert_int_equal(share_client_send(&c, FUSE_INIT, 0, &in, sizeof in, NULL, 0), 0);
	memcpy(&out, c.out, sizeof out);
	assert_true(out.flags & FUSE_INIT_EXT);
	assert_int_equal(out.flags2, 3u << 29);
	for (int patched = 1; patched >= 0; patched--) {
		const struct fuse_open_in how = { .flags = O_RDWR };

		in.flags2 = patched ? UINT32_MAX : 0;
		assert_int_equal(share_client_send(&c, FUSE_INIT, 0, &in, sizeof in, NULL, 0), 0);
		assert_int_equal(share_client_lookup(&c, FUSE_ROOT_ID, "0", &entry), 0);
		close(open(real("locked"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		assert_int_equal(share_client_lookup(&c, entry.nodeid, "locked", &file), 0);
		assert_int_equal(share_client_send(&c, FUSE_OPEN, file.nodeid, &how, sizeof how, NULL, 0), 0);
		memcpy(&opened, c.out, sizeof opened);
		assert_int_equal(!!(opened.open_flags & FOPEN_NOFLUSH), patched);
	}
}

static void root_has_exports(void **state)
{
	struct fuse_entry_out entry;
	struct fuse_attr attr;
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_getattr(&c, FUSE_ROOT_ID, &attr), 0);
	assert_int_equal(attr.mode, S_IFDIR | 0555);
	assert_int_equal(share_client_lookup(&c, FUSE_ROOT_ID, "0", &entry), 0);
	assert_true(entry.attr.flags & FUSE_ATTR_SUBMOUNT);
	assert_int_equal(entry.attr_valid, 1);
	assert_int_equal(entry.entry_valid, 1);
	assert_int_equal(share_client_lookup(&c, FUSE_ROOT_ID, "2", &entry), 0);
	assert_int_equal(entry.attr.mode & S_IFMT, S_IFREG);
	assert_false(entry.attr.flags & FUSE_ATTR_SUBMOUNT);
	for (const char *const *name = (const char *const[]){ "3", "00", "-1", "+0", " 0", "4294967296", NULL }; *name;
	     name++)
		assert_int_equal(share_client_lookup(&c, FUSE_ROOT_ID, *name, &entry), -ENOENT);
	assert_int_equal(share_client_name(&c, FUSE_UNLINK, FUSE_ROOT_ID, NULL, 0, "2"), -EROFS);
	assert_int_equal(share_client_mkdir(&c, FUSE_ROOT_ID, "x", &entry), -EROFS);
	assert_int_equal(share_client_open_file(&c, FUSE_ROOT_ID, O_DIRECTORY, &fh), 0);
	const struct fuse_read_in in = { .fh = fh, .size = 4096 };

	assert_int_equal(share_client_send(&c, FUSE_READDIR, FUSE_ROOT_ID, &in, sizeof in, NULL, 0), 0);
	assert_int_equal(c.out_len, 5 * 32); /* ".", "..", "0", "1", "2" */
	assert_int_equal(share_client_send(&c, FUSE_READDIRPLUS, FUSE_ROOT_ID, &in, sizeof in, NULL, 0), 0);
	assert_int_equal(c.out_len, 5 * 160);
	assert_int_equal(share_client_release(&c, FUSE_ROOT_ID, fh, true), 0);
	assert_int_equal(share_client_send(&c, FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, 0), 0);
}

static void absent_name_is_kept(void **state)
{
	struct fuse_entry_out entry;

	(void)state;
	assert_int_equal(share_client_lookup(&c, top, "none", &entry), -ENOENT);
	assert_int_equal(entry.entry_valid, 1); /* a negative entry, not an error */
	put_host_file("none", "x");
	assert_int_equal(share_client_lookup(&c, top, "none", &entry), 0);
}

static void single_file_is_read_and_written(void **state)
{
	uint64_t node = share_client_export(&c, 2), fh;
	char text[8] = "";
	int fd;

	(void)state;
	assert_int_equal(share_client_open_file(&c, node, O_RDWR, &fh), 0);
	assert_int_equal(share_client_read(&c, node, fh, 0, 100), 0);
	assert_int_equal(c.out_len, 7);
	assert_memory_equal(c.out, "single\n", 7);
	assert_int_equal(share_client_write(&c, node, fh, 0, "SING", 4), 0);
	assert_int_equal(share_client_release(&c, node, fh, false), 0);
	fd = open(share_client_path(&c, "2"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, 7), 7);
	assert_string_equal(text, "SINGle\n");
	close(fd);
	/* Renamed over or removed here, it is the old one, whole. */
	put_host_file("new", "new");
	assert_int_equal(rename(real("new"), share_client_path(&c, "2")), 0);
	assert_int_equal(share_client_export(&c, 2), node);
	assert_int_equal(share_client_open_file(&c, node, O_RDONLY, &fh), 0);
	assert_int_equal(share_client_read(&c, node, fh, 0, 100), 0);
	assert_int_equal(c.out_len, 7);
}

static void create_gives_owner_and_mode(void **state)
{
	struct fuse_entry_out entry;
	struct stat st;
	uint64_t fh;

	(void)state;
	if (geteuid() == 0) {
		c.uid = 501;
		c.gid = 20;
	}
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR | O_EXCL, 0666, &entry, &fh), 0);
	st = stat_of("f");
	assert_int_equal(st.st_mode, S_IFREG | 0644); /* umask 022 came along */
	assert_int_equal(st.st_uid, c.uid);
	assert_int_equal(st.st_gid, c.gid);
	assert_int_equal(entry.attr.uid, c.uid);
	assert_int_equal(entry.attr.ino, st.st_ino);
	assert_int_equal(share_client_write(&c, entry.nodeid, fh, 0, "abc", 3), 0);
	assert_int_equal(share_client_release(&c, entry.nodeid, fh, false), 0);
	assert_int_equal(share_client_release(&c, entry.nodeid, fh, false), -EBADF);
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR | O_EXCL, 0666, &entry, &fh), -EEXIST);
	/* Somebody here was faster: it is opened, and stays as it is. */
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 04777, &entry, &fh), 0);
	assert_int_equal(stat_of("f").st_mode, S_IFREG | 0644);
	assert_int_equal(stat_of("f").st_size, 3);
	assert_int_equal(share_client_create(&c, top, "suid", O_WRONLY, 04755, &entry, &fh), 0);
	assert_int_equal(stat_of("suid").st_mode, S_IFREG | 04755);
}

static void setgid_directory_gives_its_group(void **state)
{
	const struct fuse_mkdir_in sub = { .mode = 0777, .umask = 0 };
	struct fuse_entry_out dir, entry;
	uint64_t fh;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(share_client_mkdir(&c, top, "d", &dir), 0);
	assert_int_equal(chown(real("d"), 0, 2000), 0);
	assert_int_equal(chmod(real("d"), 02777), 0);
	c.uid = c.gid = 1000;
	assert_int_equal(share_client_create(&c, dir.nodeid, "f", O_WRONLY, 0664, &entry, &fh), 0);
	assert_int_equal(stat_of("d/f").st_gid, 2000);
	assert_int_equal(stat_of("d/f").st_uid, 1000);
	assert_int_equal(share_client_name(&c, FUSE_MKDIR, dir.nodeid, &sub, sizeof sub, "s"), 0);
	assert_int_equal(stat_of("d/s").st_gid, 2000);
	assert_int_equal(stat_of("d/s").st_mode, S_IFDIR | 02777);
}

/* A directory's own rights for new files take the umask's place: what is made through the share has what is made here. */
static void default_acl_is_obeyed(void **state)
{
	static const uint16_t acl[] = { 2, 0,      1,      7,  0xffff, 0xffff, 2,      7,  1234, 0,      4,
					5, 0xffff, 0xffff, 16, 5,      0xffff, 0xffff, 32, 5,    0xffff, 0xffff };
	const struct fuse_mkdir_in sub = { .mode = 0777, .umask = 077 };
	struct fuse_entry_out dir, entry;
	uint64_t fh;
	int fd;

	(void)state;
	assert_int_equal(share_client_mkdir(&c, top, "d", &dir), 0);
	if (setxattr(real("d"), "system.posix_acl_default", acl, sizeof acl, 0) < 0) {
		print_message("this file system has no ACLs\n");
		skip();
	}
	umask(077);
	fd = open(real("d/here"), O_WRONLY | O_CREAT | O_CLOEXEC, 0662);
	assert_int_equal(mkdir(real("d/dir"), 0777), 0);
	umask(0);
	close(fd);
	assert_int_equal(share_client_create(&c, dir.nodeid, "there", O_WRONLY, 0662, &entry, &fh), 0);
	assert_int_equal(stat_of("d/there").st_mode, stat_of("d/here").st_mode);
	assert_int_equal(stat_of("d/there").st_mode, S_IFREG | 0640);
	assert_int_equal(share_client_name(&c, FUSE_MKDIR, dir.nodeid, &sub, sizeof sub, "sub"), 0);
	assert_int_equal(stat_of("d/sub").st_mode, stat_of("d/dir").st_mode);
	assert_int_equal(share_client_create(&c, dir.nodeid, "suid", O_WRONLY, 04777, &entry, &fh), 0);
	assert_int_equal(stat_of("d/suid").st_mode, S_IFREG | 04755);
}

static void nodes_of_all_kinds_are_made(void **state)
{
	struct fuse_mknod_in in = { .mode = S_IFIFO | 0666, .umask = 022 };
	struct fuse_entry_out entry;
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_name(&c, FUSE_MKNOD, top, &in, sizeof in, "fifo"), 0);
	memcpy(&entry, c.out, sizeof entry);
	assert_int_equal(stat_of("fifo").st_mode, S_IFIFO | 0644);
	/* The guest's kernel has its own pipe: it is never opened here, which could wait for ever. */
	assert_int_equal(share_client_open_file(&c, entry.nodeid, O_RDONLY, &fh), -ENXIO);
	in.mode = S_IFSOCK | 0755;
	assert_int_equal(share_client_name(&c, FUSE_MKNOD, top, &in, sizeof in, "socket"), 0);
	assert_int_equal(stat_of("socket").st_mode, S_IFSOCK | 0755);
	in.mode = S_IFREG | 0666;
	assert_int_equal(share_client_name(&c, FUSE_MKNOD, top, &in, sizeof in, "file"), 0);
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0644);
	assert_int_equal(share_client_name(&c, FUSE_MKNOD, top, &in, sizeof in, "file"), -EEXIST);
	in.mode = S_IFDIR | 0755;
	assert_int_equal(share_client_name(&c, FUSE_MKNOD, top, &in, sizeof in, "dir"), -EINVAL);
	if (geteuid() != 0)
		return;
	in.mode = S_IFCHR | 0600;
	in.rdev = 0x12 | 0x345 << 8 | 0x678 << 20; /* minor 0x67812, major 0x345 */
	assert_int_equal(share_client_name(&c, FUSE_MKNOD, top, &in, sizeof in, "device"), 0);
	memcpy(&entry, c.out, sizeof entry);
	assert_int_equal(major(stat_of("device").st_rdev), 0x345);
	assert_int_equal(minor(stat_of("device").st_rdev), 0x67812);
	assert_int_equal(entry.attr.rdev, in.rdev);
	assert_int_equal(share_client_open_file(&c, entry.nodeid, O_RDONLY, &fh), -ENXIO);
}

static void links(void **state)
{
	struct fuse_entry_out file, again, link;
	struct fuse_link_in in;
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "a", O_RDWR, 0644, &file, &fh), 0);
	in.oldnodeid = file.nodeid;
	assert_int_equal(share_client_name(&c, FUSE_LINK, top, &in, sizeof in, "b"), 0);
	assert_int_equal(share_client_lookup(&c, top, "b", &again), 0);
	assert_int_equal(again.nodeid, file.nodeid); /* two names, one node */
	assert_int_equal(again.attr.nlink, 2);
	assert_int_equal(share_client_name(&c, FUSE_LINK, top, &in, sizeof in, "b"), -EEXIST);
	in.oldnodeid = share_client_export(&c, 2);
	assert_int_equal(share_client_name(&c, FUSE_LINK, top, &in, sizeof in, "c"), -EXDEV);
	assert_int_equal(share_client_send(&c, FUSE_SYMLINK, top, "l\0../canary", 12, NULL, 0), 0);
	memcpy(&link, c.out, sizeof link);
	assert_int_equal(link.attr.mode & S_IFMT, S_IFLNK);
	assert_int_equal(share_client_send(&c, FUSE_READLINK, link.nodeid, NULL, 0, NULL, 0), 0);
	assert_int_equal(c.out_len, 9);
	assert_memory_equal(c.out, "../canary", 9);
	assert_int_equal(share_client_send(&c, FUSE_READLINK, file.nodeid, NULL, 0, NULL, 0), -EINVAL);
	/* A link to a link is one to the link, not to what it says. */
	in.oldnodeid = link.nodeid;
	assert_int_equal(share_client_name(&c, FUSE_LINK, top, &in, sizeof in, "m"), 0);
	assert_int_equal(stat_of("m").st_mode & S_IFMT, S_IFLNK);
	assert_int_equal(share_client_open_file(&c, link.nodeid, O_RDONLY, &fh), -ELOOP);
	assert_int_equal(share_client_lookup(&c, link.nodeid, "x", &again), -ENOTDIR);
}

static void removed_file_goes_on(void **state)
{
	struct fuse_entry_out entry, new;
	struct fuse_attr attr;
	uint64_t fh, fh2;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &fh), 0);
	assert_int_equal(share_client_write(&c, entry.nodeid, fh, 0, "abc", 3), 0);
	assert_int_equal(share_client_name(&c, FUSE_UNLINK, top, NULL, 0, "f"), 0);
	assert_int_equal(share_client_getattr(&c, entry.nodeid, &attr), 0);
	assert_int_equal(attr.nlink, 0);
	assert_int_equal(share_client_read(&c, entry.nodeid, fh, 0, 10), 0);
	assert_int_equal(c.out_len, 3);
	/* Also by those who only know its node, when there is another one under its name. */
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &new, &fh2), 0);
	assert_int_not_equal(new.nodeid, entry.nodeid);
	assert_int_equal(share_client_open_file(&c, entry.nodeid, O_RDONLY, &fh2), 0);
	assert_int_equal(share_client_read(&c, entry.nodeid, fh2, 0, 10), 0);
	assert_int_equal(c.out_len, 3);
	assert_int_equal(share_client_name(&c, FUSE_UNLINK, top, NULL, 0, "f"), 0);
	assert_int_equal(share_client_name(&c, FUSE_UNLINK, top, NULL, 0, "f"), -ENOENT);
	assert_int_equal(share_client_name(&c, FUSE_RMDIR, top, NULL, 0, "f"), -ENOENT);
}

static int move(uint64_t from, const char *old, uint64_t to, const char *new, uint32_t flags)
{
	const struct fuse_rename2_in in = { .newdir = to, .flags = flags };
	char names[600];
	int n = snprintf(names, sizeof names, "%s%c%s", old, 0, new);

	return share_client_send(&c, FUSE_RENAME2, from, &in, sizeof in, names, (size_t)n + 1);
}

static void renames(void **state)
{
	struct fuse_entry_out a, b, d, found;
	struct fuse_attr attr;
	uint64_t fh, fh2;

	(void)state;
	assert_int_equal(share_client_mkdir(&c, top, "d", &d), 0);
	assert_int_equal(share_client_create(&c, top, "a", O_RDWR, 0644, &a, &fh), 0);
	assert_int_equal(share_client_create(&c, top, "b", O_RDWR, 0644, &b, &fh2), 0);
	assert_int_equal(move(top, "a", top, "b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(move(top, "a", d.nodeid, "b", RENAME_NOREPLACE), 0);
	assert_int_equal(move(top, "b", d.nodeid, "b", RENAME_EXCHANGE), 0);
	assert_int_equal(share_client_lookup(&c, top, "b", &found), 0);
	assert_int_equal(found.nodeid, a.nodeid);
	assert_int_equal(share_client_lookup(&c, d.nodeid, "b", &found), 0);
	assert_int_equal(found.nodeid, b.nodeid);
	assert_int_equal(move(top, "b", d.nodeid, "b", 0), 0); /* over an open file */
	assert_int_equal(share_client_getattr(&c, b.nodeid, &attr), 0);
	assert_int_equal(attr.nlink, 0);
	assert_int_equal(share_client_getattr(&c, a.nodeid, &attr), 0);
	assert_int_equal(attr.nlink, 1);
	assert_int_equal(move(top, "d", d.nodeid, "d", 0), -EINVAL);
	assert_int_equal(move(top, "d", top, "e", 1u << 7), -EINVAL);
	assert_int_equal(move(top, "d", share_client_export(&c, 1), "d", 0), -EROFS);
	assert_int_equal(move(top, "none", top, "n", 0), -ENOENT);
	assert_int_equal(share_client_name(&c, FUSE_RMDIR, top, NULL, 0, "d"), -ENOTEMPTY);
	assert_int_equal(share_client_send(&c, FUSE_RENAME, top, &(struct fuse_rename_in){ top }, 8, "d\0e", 4), 0);
	assert_int_equal(share_client_getattr(&c, a.nodeid, &attr), 0);
}

static void setattr_sets(void **state)
{
	struct fuse_setattr_in in = { .valid = FATTR_MODE | FATTR_ATIME | FATTR_MTIME, .mode = 0100640 };
	struct fuse_entry_out entry;
	struct stat st;
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &fh), 0);
	in.atime = (uint64_t)-1;
	in.atimensec = 999999999;
	in.mtime = 1;
	in.mtimensec = 123456789;
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), 0);
	st = stat_of("f");
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_atim.tv_sec, -1); /* 1969 */
	assert_int_equal(st.st_atim.tv_nsec, 999999999);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 1u << 20 };
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), 0);
	assert_int_equal(stat_of("f").st_size, 1 << 20);
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE | FATTR_FH, .size = 10, .fh = fh };
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), 0);
	assert_int_equal(stat_of("f").st_size, 10);
	in.size = UINT64_MAX;
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), -EFBIG);
	in = (struct fuse_setattr_in){ .valid = FATTR_MTIME, .mtimensec = UTIME_NOW };
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), -EINVAL);
	in = (struct fuse_setattr_in){ .valid = FATTR_MTIME | FATTR_MTIME_NOW };
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), 0);
	assert_true(stat_of("f").st_mtim.tv_sec > 1000000);
	in = (struct fuse_setattr_in){ .valid = FATTR_UID, .uid = UINT32_MAX };
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), -EINVAL);
	assert_int_equal(symlink("f", real("l")), 0);
	assert_int_equal(share_client_lookup(&c, top, "l", &entry), 0);
	in = (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 0777 };
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &in, sizeof in, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(stat_of("f").st_mode, S_IFREG | 0640);
}

static void suid_is_cleared(void **state)
{
	struct fuse_setattr_in cut = { .valid = FATTR_SIZE | FATTR_KILL_SUIDGID };
	struct fuse_write_in in = { .size = 1 };
	struct fuse_open_in open_in = { .flags = O_RDWR | O_TRUNC, .open_flags = FUSE_OPEN_KILL_SUIDGID };
	struct fuse_entry_out entry;
	struct fuse_setattr_in owner;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0755, &entry, &in.fh), 0);
	assert_int_equal(chmod(real("f"), 06777), 0);
	assert_int_equal(share_client_send(&c, FUSE_WRITE, entry.nodeid, &in, sizeof in, "x", 1), 0);
	assert_int_equal(stat_of("f").st_mode & 07777, geteuid() == 0 ? 06777 : 0777);
	in.write_flags = FUSE_WRITE_KILL_SUIDGID;
	assert_int_equal(share_client_send(&c, FUSE_WRITE, entry.nodeid, &in, sizeof in, "x", 1), 0);
	assert_int_equal(stat_of("f").st_mode & 07777, 0777);
	assert_int_equal(chmod(real("f"), 06767), 0); /* setgid without x for the group: a mark for locks, which stays */
	assert_int_equal(share_client_send(&c, FUSE_WRITE, entry.nodeid, &in, sizeof in, "x", 1), 0);
	assert_int_equal(stat_of("f").st_mode & 07777, geteuid() == 0 ? 02767 : stat_of("f").st_mode & 07777);
	assert_int_equal(chmod(real("f"), 06777), 0);
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &cut, sizeof cut, NULL, 0), 0);
	assert_int_equal(stat_of("f").st_mode & 07777, 0777);
	assert_int_equal(chmod(real("f"), 06777), 0);
	assert_int_equal(share_client_send(&c, FUSE_OPEN, entry.nodeid, &open_in, sizeof open_in, NULL, 0), 0);
	assert_int_equal(stat_of("f").st_mode & 07777, 0777);
	assert_int_equal(chmod(real("f"), 06777), 0);
	owner = (struct fuse_setattr_in){ .valid = FATTR_UID | FATTR_GID, .uid = geteuid(), .gid = getegid() };
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, entry.nodeid, &owner, sizeof owner, NULL, 0), 0);
	assert_int_equal(stat_of("f").st_mode & 07777, 0777);
}

static void contents(void **state)
{
	struct fuse_write_in in = { .size = 3, .offset = 0, .flags = O_APPEND };
	struct fuse_fallocate_in hole = { .offset = 4096,
					  .length = 4096,
					  .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };
	struct fuse_lseek_in seek = { .whence = SEEK_HOLE };
	struct fuse_copy_file_range_in copy = { .len = 100 };
	struct fuse_entry_out entry, other;
	struct fuse_write_out out;
	struct fuse_lseek_out at;
	struct fuse_fsync_in sync;
	static char page[16384];

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &in.fh), 0);
	assert_int_equal(share_client_write(&c, entry.nodeid, in.fh, 0, "abc", 3), 0);
	assert_int_equal(truncate(real("f"), 10), 0); /* by somebody else, as the guest can't know yet */
	assert_int_equal(share_client_send(&c, FUSE_WRITE, entry.nodeid, &in, sizeof in, "def", 3), 0);
	assert_int_equal(stat_of("f").st_size, 13); /* appended where the end is, not where the guest thinks */
	in.write_flags = FUSE_WRITE_CACHE;          /* a page that was mapped goes to its place */
	assert_int_equal(share_client_send(&c, FUSE_WRITE, entry.nodeid, &in, sizeof in, "ABC", 3), 0);
	assert_int_equal(stat_of("f").st_size, 13);
	assert_int_equal(share_client_read(&c, entry.nodeid, in.fh, 0, 100), 0);
	assert_int_equal(c.out_len, 13);
	assert_memory_equal(c.out, "ABC\0\0\0\0\0\0\0def", 13);
	in.size = 4;
	assert_int_equal(share_client_send(&c, FUSE_WRITE, entry.nodeid, &in, sizeof in, "abc", 3), -EINVAL);
	memset(page, 'x', sizeof page);
	assert_int_equal(share_client_write(&c, entry.nodeid, in.fh, 0, page, sizeof page), 0);
	hole.fh = seek.fh = copy.fh_in = sync.fh = in.fh;
	sync.fsync_flags = FUSE_FSYNC_FDATASYNC;
	assert_int_equal(share_client_send(&c, FUSE_FALLOCATE, entry.nodeid, &hole, sizeof hole, NULL, 0), 0);
	assert_int_equal(share_client_send(&c, FUSE_LSEEK, entry.nodeid, &seek, sizeof seek, NULL, 0), 0);
	memcpy(&at, c.out, sizeof at);
	assert_int_equal(at.offset, 4096);
	seek.whence = SEEK_END;
	assert_int_equal(share_client_send(&c, FUSE_LSEEK, entry.nodeid, &seek, sizeof seek, NULL, 0), -EINVAL);
	assert_int_equal(share_client_send(&c, FUSE_FSYNC, entry.nodeid, &sync, sizeof sync, NULL, 0), 0);
	assert_int_equal(share_client_create(&c, top, "g", O_WRONLY, 0644, &other, &copy.fh_out), 0);
	copy.nodeid_out = other.nodeid;
	copy.off_out = 5;
	assert_int_equal(share_client_send(&c, FUSE_COPY_FILE_RANGE, entry.nodeid, &copy, sizeof copy, NULL, 0), 0);
	memcpy(&out, c.out, sizeof out);
	assert_int_equal(out.size, 100);
	assert_int_equal(stat_of("g").st_size, 105);
	copy.fh_out ^= 1;
	assert_int_equal(share_client_send(&c, FUSE_COPY_FILE_RANGE, entry.nodeid, &copy, sizeof copy, NULL, 0), -EBADF);
	assert_int_equal(share_client_read(&c, other.nodeid, copy.fh_out ^ 1, 0, 1), -EBADF); /* open for writing only */
}

static void tmpfile_gets_a_name(void **state)
{
	const struct fuse_create_in in = { .flags = O_RDWR, .mode = S_IFREG | 0600 };
	struct fuse_entry_out entry;
	struct fuse_open_out open_out;
	struct fuse_link_in link_in;
	struct fuse_attr attr;
	int e = share_client_name(&c, FUSE_TMPFILE, top, &in, sizeof in, "/");

	(void)state;
	if (e == -EOPNOTSUPP) {
		print_message("this file system has no O_TMPFILE\n");
		skip();
	}
	assert_int_equal(e, 0);
	memcpy(&entry, c.out, sizeof entry);
	memcpy(&open_out, c.out + sizeof entry, sizeof open_out);
	assert_int_equal(entry.attr.nlink, 0);
	assert_int_equal(share_client_write(&c, entry.nodeid, open_out.fh, 0, "abc", 3), 0);
	assert_int_equal(share_client_getattr(&c, entry.nodeid, &attr), 0);
	link_in.oldnodeid = entry.nodeid;
	assert_int_equal(share_client_name(&c, FUSE_LINK, top, &link_in, sizeof link_in, "named"), 0);
	assert_int_equal(stat_of("named").st_size, 3);
	assert_int_equal(stat_of("named").st_nlink, 1);
}

static int set_xattr(uint64_t node, const char *name, const char *value, uint32_t flags)
{
	const uint32_t head[2] = { (uint32_t)strlen(value), flags };
	char tail[700];
	int n = snprintf(tail, sizeof tail, "%s%c%s", name, 0, value);

	return share_client_send(&c, FUSE_SETXATTR, node, head, sizeof head, tail, (size_t)n);
}

static int get_xattr(uint64_t node, const char *name, uint32_t size)
{
	const struct fuse_getxattr_in in = { .size = size };

	return share_client_name(&c, FUSE_GETXATTR, node, &in, sizeof in, name);
}

static void xattrs_are_mapped(void **state)
{
	const struct fuse_getxattr_in list = { .size = 1000 }, small = { .size = 3 };
	struct fuse_entry_out entry;
	char value[8] = "", longest[300];
	uint64_t fh;

	(void)state;
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &entry, &fh), 0);
	if (set_xattr(entry.nodeid, "user.a", "1", 0) == -EOPNOTSUPP) {
		print_message("this file system has no user.* attributes\n");
		skip();
	}
	assert_int_equal(set_xattr(entry.nodeid, "user.a", "2", XATTR_CREATE), -EEXIST);
	assert_int_equal(set_xattr(entry.nodeid, "trusted.overlay.opaque", "y", 0), 0);
	assert_int_equal(getxattr(real("f"), "user.domlet.trusted.overlay.opaque", value, sizeof value), 1);
	assert_int_equal(value[0], 'y');
	assert_true(getxattr(real("f"), "trusted.overlay.opaque", value, sizeof value) < 0);
	assert_int_equal(get_xattr(entry.nodeid, "trusted.overlay.opaque", 100), 0);
	assert_int_equal(c.out_len, 1);
	assert_int_equal(get_xattr(entry.nodeid, "trusted.overlay.opaque", 0), 0);
	assert_int_equal(c.out_len, sizeof(struct fuse_getxattr_out));
	/* The name it has here isn't there, either way. */
	assert_int_equal(get_xattr(entry.nodeid, "user.domlet.trusted.overlay.opaque", 100), -ENODATA);
	assert_int_equal(set_xattr(entry.nodeid, "user.domlet.trusted.x", "1", 0), -EPERM);
	assert_int_equal(set_xattr(entry.nodeid, "user.domlet.x", "1", 0), -EPERM);
	assert_int_equal(share_client_name(&c, FUSE_REMOVEXATTR, entry.nodeid, NULL, 0, "user.domlet.x"), -ENODATA);
	for (const char *const *name =
		     (const char *const[]){ "system.posix_acl_access", "security.selinux", "nothing", NULL };
	     *name; name++) {
		assert_int_equal(set_xattr(entry.nodeid, *name, "1", 0), -EOPNOTSUPP);
		assert_int_equal(get_xattr(entry.nodeid, *name, 10), -EOPNOTSUPP);
	}
	c.uid = 0;
	assert_int_equal(share_client_send(&c, FUSE_LISTXATTR, entry.nodeid, &list, sizeof list, NULL, 0), 0);
	assert_int_equal(c.out_len, 7 + 23);
	assert_non_null(memmem(c.out, c.out_len, "user.a", 7));
	assert_non_null(memmem(c.out, c.out_len, "trusted.overlay.opaque", 23));
	assert_null(memmem(c.out, c.out_len, "domlet", 6));
	assert_int_equal(share_client_send(&c, FUSE_LISTXATTR, entry.nodeid, &small, sizeof small, NULL, 0), -ERANGE);
	c.uid = 1000;
	assert_int_equal(share_client_send(&c, FUSE_LISTXATTR, entry.nodeid, &list, sizeof list, NULL, 0), 0);
	assert_int_equal(c.out_len, 7);
	assert_int_equal(get_xattr(entry.nodeid, "user.a", 100), 0);
	assert_int_equal(share_client_name(&c, FUSE_REMOVEXATTR, entry.nodeid, NULL, 0, "user.a"), 0);
	assert_int_equal(get_xattr(entry.nodeid, "user.a", 100), -ENODATA);
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "trusted.", 8);
	longest[255 - 12] = 0;
	assert_int_equal(set_xattr(entry.nodeid, longest, "1", 0), 0);
	longest[255 - 12] = 'x';
	longest[255 - 11] = 0;
	assert_int_equal(set_xattr(entry.nodeid, longest, "1", 0), -ERANGE);
}

static void readonly_export_is_readonly(void **state)
{
	const struct fuse_setattr_in touch = { .valid = FATTR_MTIME_NOW | FATTR_MTIME };
	const struct fuse_mknod_in node_in = { .mode = S_IFREG | 0644 };
	const struct fuse_fallocate_in more = { .length = 10 };
	uint64_t ro = share_client_export(&c, 1), fh;
	struct fuse_entry_out file, made;
	struct fuse_link_in link_in;

	(void)state;
	assert_int_equal(share_client_lookup(&c, ro, "file", &file), 0);
	assert_int_equal(share_client_open_file(&c, file.nodeid, O_RDWR, &fh), -EROFS);
	assert_int_equal(share_client_open_file(&c, file.nodeid, O_WRONLY, &fh), -EROFS);
	assert_int_equal(share_client_open_file(&c, file.nodeid, O_RDONLY | O_TRUNC, &fh), -EROFS);
	assert_int_equal(share_client_open_file(&c, file.nodeid, O_RDONLY, &fh), 0);
	assert_int_equal(share_client_write(&c, file.nodeid, fh, 0, "x", 1), -EROFS);
	assert_int_equal(share_client_send(&c, FUSE_FALLOCATE, file.nodeid, &more, sizeof more, NULL, 0), -EROFS);
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, file.nodeid, &touch, sizeof touch, NULL, 0), -EROFS);
	assert_int_equal(share_client_create(&c, ro, "new", O_RDWR, 0644, &made, &fh), -EROFS);
	assert_int_equal(share_client_mkdir(&c, ro, "new", &made), -EROFS);
	assert_int_equal(share_client_name(&c, FUSE_MKNOD, ro, &node_in, sizeof node_in, "new"), -EROFS);
	assert_int_equal(share_client_send(&c, FUSE_SYMLINK, ro, "a\0b", 4, NULL, 0), -EROFS);
	assert_int_equal(share_client_name(&c, FUSE_UNLINK, ro, NULL, 0, "file"), -EROFS);
	assert_int_equal(share_client_name(&c, FUSE_RMDIR, ro, NULL, 0, "file"), -EROFS);
	assert_int_equal(move(ro, "file", ro, "b", 0), -EROFS);
	assert_int_equal(set_xattr(file.nodeid, "user.a", "1", 0), -EROFS);
	assert_int_equal(share_client_name(&c, FUSE_REMOVEXATTR, file.nodeid, NULL, 0, "user.a"), -EROFS);
	link_in.oldnodeid = file.nodeid;
	assert_int_equal(share_client_name(&c, FUSE_LINK, ro, &link_in, sizeof link_in, "l"), -EROFS);
	assert_int_equal(share_client_name(&c, FUSE_LINK, top, &link_in, sizeof link_in, "l"), -EXDEV);
}

static void unknown_requests_are_not_there(void **state)
{
	const struct fuse_access_in in = { .mask = 4 };

	(void)state;
	assert_int_equal(share_client_send(&c, FUSE_ACCESS, top, &in, sizeof in, NULL, 0), -ENOSYS);
	for (const uint32_t *op =
		     (const uint32_t[]){ 7, 19, FUSE_IOCTL, FUSE_POLL, FUSE_SETUPMAPPING, 4096, UINT32_MAX, 0 };
	     *op; op++)
		assert_int_equal(share_client_send(&c, *op, top, NULL, 0, NULL, 0), -ENOSYS);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(init_agrees),
		CASE(flags_of_the_guest_kernels_own),
		CASE(root_has_exports),
		CASE(absent_name_is_kept),
		CASE(single_file_is_read_and_written),
		CASE(create_gives_owner_and_mode),
		CASE(setgid_directory_gives_its_group),
		CASE(default_acl_is_obeyed),
		CASE(nodes_of_all_kinds_are_made),
		CASE(links),
		CASE(removed_file_goes_on),
		CASE(renames),
		CASE(setattr_sets),
		CASE(suid_is_cleared),
		CASE(contents),
		CASE(tmpfile_gets_a_name),
		CASE(xattrs_are_mapped),
		CASE(readonly_export_is_readonly),
		CASE(unknown_requests_are_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
