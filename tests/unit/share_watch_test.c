// SPDX-License-Identifier: GPL-2.0-or-later
/* What dom0 changes, and what the guest is told of it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "share_case.h"

#define SHORT 1u
#define LONG 86400u
/* toolstack/share/internal.h: WATCH_MAX, NEWS_MAX / 2, ABSENT_MAX. */
#define WATCHES 8192u
#define NEWS 512u
#define ABSENT 4096u

static struct domlet_share_watcher *w;
static int watch_fd;
static char heard[4096]; /* what the guest was told, one line each */
static uint32_t told;

static void grant(uint32_t count)
{
	c.unique = (uint64_t)count - 2; /* the next one is COUNT */
	assert_int_equal(share_client_send(&c, FUSE_NOTIFY_REPLY, 0, NULL, 0, NULL, 0), 1);
	c.unique = 1000000;
}

static int watched_setup(void **state)
{
	(void)state;
	share_client_open_quick(&c);
	top = share_client_export(&c, 0);
	watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w = domlet_share_watcher_open(watch_fd, DOMLET_SHARE_WATCHES);
	assert_non_null(w);
	domlet_share_watch(c.share, w);
	grant(4096);
	return 0;
}

static int watched_teardown(void **state)
{
	teardown(state);
	domlet_share_watcher_close(w);
	return 0;
}

static void hear(const uint8_t *message, size_t len)
{
	struct fuse_notify_inval_inode_out inode;
	struct fuse_notify_inval_entry_out entry;
	struct fuse_notify_delete_out gone;
	const uint8_t *body = message + sizeof(struct fuse_out_header);
	struct fuse_out_header out;
	size_t used = strlen(heard);
	char *at = heard + used;
	size_t room = sizeof heard - used;

	memcpy(&out, message, sizeof out);
	assert_int_equal(out.len, len);
	assert_true(len <= DOMLET_SHARE_NEWS_MAX);
	assert_int_equal(out.unique, 0);
	told++;
	switch (out.error) {
	case FUSE_NOTIFY_INVAL_INODE:
		memcpy(&inode, body, sizeof inode);
		assert_int_equal(len, sizeof out + sizeof inode);
		snprintf(at, room, "%s %llx\n", inode.off < 0 ? "attributes" : "content", (long long)inode.ino);
		break;
	case FUSE_NOTIFY_INVAL_ENTRY:
		memcpy(&entry, body, sizeof entry);
		assert_int_equal(len, sizeof out + sizeof entry + entry.namelen + 1);
		snprintf(at, room, "name %llx %s\n", (long long)entry.parent, (const char *)body + sizeof entry);
		break;
	case FUSE_NOTIFY_DELETE:
		memcpy(&gone, body, sizeof gone);
		assert_int_equal(len, sizeof out + sizeof gone + gone.namelen + 1);
		snprintf(at, room, "gone %llx %s %llx\n", (long long)gone.parent, (const char *)body + sizeof gone,
			 (long long)gone.child);
		break;
	default: fail();
	}
}

/* All that the guest is to be told by now. */
static const char *news(void)
{
	uint8_t message[DOMLET_SHARE_NEWS_MAX];
	size_t len;

	heard[0] = 0;
	told = 0;
	for (int i = 0; i < 4; i++) /* it reads for a short time only */
		domlet_share_watcher_read(w);
	while (domlet_share_has_news(c.share)) {
		len = domlet_share_tell(c.share, message);
		if (len)
			hear(message, len);
	}
	return heard;
}

static const char *line(const char *format, ...)
{
	static char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return text;
}

#define is_told(...) assert_string_equal(news(), line(__VA_ARGS__))
#define id(entry) ((long long)(entry).nodeid)

/* In front of the last reply were the attributes of NODE. */
static void is_told_first(long long node)
{
	heard[0] = 0;
	assert_true(c.first_len > 0);
	hear(c.first, c.first_len);
	assert_string_equal(heard, line("attributes %llx\n", node));
}

static struct fuse_entry_out look_in(uint64_t parent, const char *name, uint64_t valid)
{
	struct fuse_entry_out entry;

	assert_int_equal(share_client_name(&c, FUSE_LOOKUP, parent, NULL, 0, name), 0);
	memcpy(&entry, c.out, sizeof entry);
	assert_int_equal(entry.entry_valid, valid);
	if (entry.nodeid && !S_ISDIR(entry.attr.mode))
		assert_int_equal(entry.attr_valid, valid);
	return entry;
}

static struct fuse_entry_out look(const char *name)
{
	return look_in(top, name, LONG);
}

static uint64_t attr_valid(uint64_t node)
{
	struct fuse_getattr_in in = { 0 };
	struct fuse_attr_out out;

	assert_int_equal(share_client_send(&c, FUSE_GETATTR, node, &in, sizeof in, NULL, 0), 0);
	memcpy(&out, c.out, sizeof out);
	return out.attr_valid;
}

static void read_it(uint64_t node)
{
	uint64_t fh;

	assert_int_equal(share_client_open_file(&c, node, O_RDONLY, &fh), 0);
	assert_int_equal(share_client_read(&c, node, fh, 0, 4096), 0);
	assert_int_equal(share_client_release(&c, node, fh, false), 0);
}

static void files_changes(void **state)
{
	struct fuse_entry_out f;

	(void)state;
	put_host_file("f", "one");
	f = look("f");
	is_told("");
	put_host_file("f", "longer");
	is_told("attributes %llx\n", id(f));
	put_host_file("f", "nobody has asked since");
	is_told("");
	assert_int_equal(attr_valid(f.nodeid), LONG);
	assert_int_equal(chmod(real("f"), 0600), 0);
	is_told("attributes %llx\n", id(f));
	read_it(f.nodeid);
	assert_int_equal(chmod(real("f"), 0640), 0);
	is_told(""); /* reading asks for no attributes here */
	put_host_file("f", "again");
	is_told("content %llx\n", id(f));
	(void)attr_valid(f.nodeid);
	assert_int_equal(truncate(real("f"), 1), 0);
	is_told("attributes %llx\n", id(f));
}

static void names_changes(void **state)
{
	struct fuse_entry_out f, g, d, old;

	(void)state;
	assert_int_equal(look("f").nodeid, 0);
	put_host_file("f", "made");
	is_told("name %llx f\nattributes %llx\n", (long long)top, (long long)top);
	f = look("f");
	put_host_file("unasked", "made");
	is_told("");
	put_host_file("g", "other");
	g = look("g");
	assert_int_equal(rename(real("g"), real("f")), 0);
	is_told("name %llx g\nattributes %llx\nname %llx f\nattributes %llx\n", (long long)top, id(g), (long long)top,
		id(f));
	f = look("f");
	assert_int_equal(f.nodeid, g.nodeid);
	assert_int_equal(unlink(real("f")), 0);
	is_told("gone %llx f %llx\nattributes %llx\n", (long long)top, id(f), id(f));
	/* It is there again, and nobody has asked. */
	assert_int_equal(mkdir(real("d"), 0755), 0);
	put_host_file("d/in", "x");
	d = look("d");
	(void)look_in(d.nodeid, "in", LONG);
	assert_int_equal(rename(real("d"), real("e")), 0);
	is_told("name %llx d\nattributes %llx\n", (long long)top, id(d));
	assert_int_equal(look("e").nodeid, d.nodeid);
	old = look_in(d.nodeid, "in", LONG);
	put_host_file("e/in", "of a directory that was moved");
	is_told("attributes %llx\n", id(old));
	/* There and back again is what it was, with another time of its last change. */
	(void)attr_valid(old.nodeid);
	assert_int_equal(rename(real("e/in"), real("e/out")), 0);
	assert_int_equal(rename(real("e/out"), real("e/in")), 0);
	is_told("attributes %llx\nattributes %llx\n", id(old), id(d));
}

static void directorys_attributes(void **state)
{
	struct fuse_entry_out d;

	(void)state;
	assert_int_equal(mkdir(real("d"), 0755), 0);
	d = look("d");
	assert_int_equal(d.attr_valid, SHORT); /* nobody has looked into it */
	assert_int_equal(attr_valid(d.nodeid), LONG);
	put_host_file("d/new", "x");
	is_told("attributes %llx\n", id(d));
	put_host_file("d/more", "x");
	is_told("");
	assert_int_equal(attr_valid(d.nodeid), LONG);
	assert_int_equal(chmod(real("d"), 0700), 0);
	is_told("attributes %llx\n", id(d));
	assert_int_equal(attr_valid(top), LONG);
	assert_int_equal(rename(real("d"), real("e")), 0);
	is_told("name %llx d\nattributes %llx\n", (long long)top, (long long)top);
	d = look("e");
	assert_int_equal(unlink(real("e/new")), 0);
	assert_int_equal(unlink(real("e/more")), 0);
	(void)news();
	assert_int_equal(rmdir(real("e")), 0);
	is_told("name %llx e\n", (long long)top);
}

static void change_all(void)
{
	const struct fuse_setattr_in in = { .valid = FATTR_SIZE | FATTR_MODE | FATTR_UID, .size = 2, .mode = 0600 };
	const struct fuse_setxattr_in x = { .size = 1 };
	struct fuse_rename2_in move = { .newdir = top };
	struct fuse_entry_out f, d;
	uint64_t fh;

	assert_int_equal(look("f").nodeid, 0);
	assert_int_equal(share_client_create(&c, top, "f", O_RDWR, 0644, &f, &fh), 0);
	assert_int_equal(f.entry_valid, LONG);
	assert_int_equal(share_client_write(&c, f.nodeid, fh, 0, "one", 3), 0);
	assert_int_equal(share_client_write(&c, f.nodeid, fh, 3, "two", 3), 0);
	(void)attr_valid(f.nodeid);
	assert_int_equal(share_client_send(&c, FUSE_SETATTR, f.nodeid, &in, sizeof in, NULL, 0), 0);
	assert_int_equal(
		share_client_send(&c, FUSE_SETXATTR, f.nodeid, &x, FUSE_COMPAT_SETXATTR_IN_SIZE, "user.x\0y", 8), 0);
	assert_int_equal(share_client_release(&c, f.nodeid, fh, false), 0);
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_WRONLY | O_TRUNC, &fh), 0);
	assert_int_equal(share_client_release(&c, f.nodeid, fh, false), 0);
	assert_int_equal(share_client_mkdir(&c, top, "d", &d), 0);
	(void)attr_valid(d.nodeid);
	assert_int_equal(share_client_send(&c, FUSE_RENAME2, top, &move, sizeof move, "f\0g", 4), 0);
	move.newdir = d.nodeid;
	assert_int_equal(share_client_send(&c, FUSE_RENAME2, top, &move, sizeof move, "g\0h", 4), 0);
	assert_int_equal(share_client_name(&c, FUSE_UNLINK, d.nodeid, NULL, 0, "h"), 0);
	assert_int_equal(share_client_name(&c, FUSE_RMDIR, top, NULL, 0, "d"), 0);
}

static void own_changes_are_no_news(void **state)
{
	(void)state;
	change_all();
	is_told("");
	for (int i = 0; i < 100; i++)
		change_all();
	is_told("");
}

/* The file f, which is empty. */
static uint64_t open_new(struct fuse_entry_out *f)
{
	uint64_t fh;

	put_host_file("f", "");
	*f = look("f");
	assert_int_equal(share_client_open_file(&c, f->nodeid, O_RDWR, &fh), 0);
	return fh;
}

/* Each write of the guest's between two of dom0's, and the other way round. */
static void own_writes_hide_none_of_dom0s(void **state)
{
	struct fuse_entry_out f;
	uint64_t fh = open_new(&f);

	(void)state;
	for (int i = 0; i < 10; i++) {
		put_host_file("f", "dom0's");
		assert_int_equal(share_client_write(&c, f.nodeid, fh, 0, "guest", 5), 0);
		is_told("content %llx\n", id(f));
		assert_int_equal(share_client_write(&c, f.nodeid, fh, 0, "guest", 5), 0);
		is_told("");
		put_host_file("f", "dom0's");
		is_told("content %llx\n", id(f));
		assert_int_equal(share_client_write(&c, f.nodeid, fh, 0, "guest", 5), 0);
		assert_int_equal(chmod(real("f"), i % 2 ? 0600 : 0644), 0);
		(void)news(); /* the mode isn't known to the guest since the last time */
	}
	assert_int_equal(share_client_release(&c, f.nodeid, fh, false), 0);
}

static void after_a_write_the_mode_is_still_news(void **state)
{
	struct fuse_entry_out f;
	uint64_t fh = open_new(&f);

	(void)state;
	assert_int_equal(share_client_write(&c, f.nodeid, fh, 0, "guest", 5), 0);
	is_told("");
	assert_int_equal(chmod(real("f"), 0600), 0);
	is_told("attributes %llx\n", id(f));
	assert_int_equal(share_client_release(&c, f.nodeid, fh, false), 0);
}

static void hard_links_are_asked_for(void **state)
{
	struct fuse_link_in in;
	struct fuse_entry_out f, a;

	(void)state;
	put_host_file("a", "x");
	a = look("a");
	assert_int_equal(mkdir(real("d"), 0755), 0);
	assert_int_equal(link(real("a"), real("d/b")), 0);
	f = look_in(top, "a", SHORT);
	assert_int_equal(f.nodeid, a.nodeid);
	assert_int_equal(attr_valid(f.nodeid), SHORT);
	f = look_in(look("d").nodeid, "b", SHORT);
	assert_int_equal(f.nodeid, a.nodeid);
	/* One of the guest's own. */
	put_host_file("one", "x");
	in.oldnodeid = look("one").nodeid;
	assert_int_equal(share_client_name(&c, FUSE_LINK, top, &in, sizeof in, "two"), 0);
	memcpy(&f, c.out, sizeof f);
	assert_int_equal(f.entry_valid, SHORT);
	assert_int_equal(f.attr_valid, SHORT);
	is_told("name %llx one\n", (long long)top);
}

/* By a name in a directory that nobody has looked into. */
static void what_is_no_event_is_seen_by_opening(void **state)
{
	struct fuse_entry_out f;
	uint64_t fh;

	(void)state;
	assert_int_equal(mkdir(real("d"), 0755), 0);
	put_host_file("f", "x");
	f = look("f");
	(void)news();
	assert_int_equal(link(real("f"), real("d/g")), 0);
	put_host_file("d/g", "longer");
	is_told("");
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_RDONLY, &fh), 0);
	is_told_first(id(f));
	is_told("");
	assert_int_equal(share_client_release(&c, f.nodeid, fh, false), 0);
}

/* The guest would take the end of the file for what it was, and fill up what it reads. */
static void what_is_news_comes_before_the_open_file(void **state)
{
	struct fuse_entry_out f;
	uint64_t fh;

	(void)state;
	put_host_file("f", "long");
	f = look("f");
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_RDONLY, &fh), 0);
	assert_int_equal(c.first_len, 0);
	/* No event of it has been read. */
	put_host_file("f", "l");
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_RDONLY, &fh), 0);
	is_told_first(id(f));
	is_told("");
	(void)attr_valid(f.nodeid);
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_RDONLY, &fh), 0);
	assert_int_equal(c.first_len, 0);
	/* It was told, but the guest may not have taken it. */
	put_host_file("f", "");
	is_told("attributes %llx\n", id(f));
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_RDONLY, &fh), 0);
	is_told_first(id(f));
	/* What the guest has written itself it knows. */
	(void)attr_valid(f.nodeid);
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_WRONLY, &fh), 0);
	assert_int_equal(share_client_write(&c, f.nodeid, fh, 0, "guest", 5), 0);
	assert_int_equal(share_client_open_file(&c, f.nodeid, O_RDONLY, &fh), 0);
	assert_int_equal(c.first_len, 0);
}

static void a_single_file(void **state)
{
	uint64_t single = share_client_export(&c, 2);
	int fd = open(share_client_path(&c, "2"), O_WRONLY | O_APPEND | O_CLOEXEC);

	(void)state;
	assert_int_equal(attr_valid(single), LONG);
	assert_int_equal(write(fd, "more", 4), 4);
	is_told("attributes %llx\n", (long long)single);
	read_it(single);
	assert_int_equal(write(fd, "more", 4), 4);
	is_told("content %llx\n", (long long)single);
	close(fd);
	assert_int_equal(share_client_export(&c, 2), single);
}

static void what_the_guest_forgets_is_no_news(void **state)
{
	struct fuse_entry_out d, f;

	(void)state;
	assert_int_equal(mkdir(real("d"), 0755), 0);
	put_host_file("d/f", "x");
	d = look("d");
	f = look_in(d.nodeid, "f", LONG);
	assert_int_equal(look_in(d.nodeid, "none", LONG).nodeid, 0);
	assert_int_equal(share_client_forget(&c, f.nodeid, 1), 1);
	put_host_file("d/f", "y");
	is_told("");
	assert_int_equal(share_client_forget(&c, d.nodeid, 1), 1);
	put_host_file("d/none", "y");
	is_told("");
}

/* Watches of the kernel's. */
static uint32_t watches(void)
{
	char path[64], text[256];
	uint32_t n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", watch_fd);
	f = fopen(path, "re");
	while (f && fgets(text, sizeof text, f))
		n += strncmp(text, "inotify", 7) == 0;
	fclose(f);
	return n;
}

static void bounded_watches(void **state)
{
	static uint64_t dirs[10000];
	uint32_t few = 0;
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(name, sizeof name, "d%u", i);
		assert_int_equal(mkdir(real(name), 0755), 0);
		dirs[i] = look(name).nodeid;
		few += attr_valid(dirs[i]) == SHORT;
	}
	assert_int_equal(watches(), WATCHES - 1);
	assert_int_equal(few, 10000 - (WATCHES - 2)); /* one is the export's */
	/* What can't be watched is asked for. */
	(void)look_in(dirs[9999], "none", SHORT);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(share_client_forget(&c, dirs[i], 1), 1);
	assert_int_equal(watches(), 1);
	dirs[0] = look("d0").nodeid;
	assert_int_equal(attr_valid(dirs[0]), LONG);
}

static void bounded_absences(void **state)
{
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < 3 * ABSENT; i++) {
		snprintf(name, sizeof name, "none%u", i);
		(void)look(name);
		(void)news();
		assert_int_equal(told, i >= ABSENT);
		grant(2);
	}
	/* The last ones are known still. */
	put_host_file(name, "x");
	is_told("name %llx %s\nattributes %llx\n", (long long)top, name, (long long)top);
	put_host_file("none0", "x");
	is_told("");
}

/* More than is kept for the guest: all of it is told in the end, and none of it twice. */
static void many_changes(void **state)
{
	static struct fuse_entry_out files[3000];
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "f%u", i);
		put_host_file(name, "x");
		files[i] = look(name);
	}
	for (int round = 0; round < 3; round++)
		for (uint32_t i = 0; i < 3000; i++) {
			snprintf(name, sizeof name, "f%u", i);
			put_host_file(name, &"longer"[round]);
		}
	domlet_share_watcher_read(w);
	(void)news();
	assert_int_equal(told, 3000 + 1); /* the directory's times */
	is_told("");
	assert_int_equal(attr_valid(files[0].nodeid), LONG);
	put_host_file("f0", "");
	is_told("attributes %llx\n", id(files[0]));
}

static void lost_events(void **state)
{
	struct fuse_entry_out f, gone, read;
	char text[8];

	(void)state;
	put_host_file("f", "x");
	put_host_file("gone", "x");
	put_host_file("read", "x");
	f = look("f");
	gone = look("gone");
	read = look("read");
	read_it(read.nodeid);
	assert_int_equal(look("none").nodeid, 0);
	for (int i = 0; i < 40000; i++) { /* adjacent ones that are the same are one */
		snprintf(text, sizeof text, "noise%d", i % 2);
		put_host_file(text, "x");
	}
	put_host_file("f", "changed");
	put_host_file("none", "there");
	put_host_file("read", "y");
	assert_int_equal(unlink(real("gone")), 0);
	is_told("attributes %llx\nattributes %llx\nattributes %llx\nname %llx gone\ncontent %llx\nname %llx none\n",
		(long long)top, id(f), id(gone), (long long)top, id(read), (long long)top);
	is_told("");
}

static void without_credit_nothing_is_long(void **state)
{
	(void)state;
	share_client_open(&c);
	top = share_client_export(&c, 0);
	w = domlet_share_watcher_open(inotify_init1(IN_NONBLOCK | IN_CLOEXEC), 3);
	domlet_share_watch(c.share, w);
	put_host_file("f", "x");
	(void)look_in(top, "f", SHORT);
	(void)look_in(top, "none", SHORT);
	grant(2);
	(void)look_in(top, "f", LONG);
	(void)look_in(top, "none", LONG);
	/* It watches two: the export, and one more. */
	assert_int_equal(mkdir(real("d"), 0755), 0);
	assert_int_equal(mkdir(real("e"), 0755), 0);
	assert_int_equal(attr_valid(look("d").nodeid), LONG);
	assert_int_equal(attr_valid(look("e").nodeid), SHORT);
	(void)news();
	grant(told);
	(void)look_in(top, "f", LONG);
	put_host_file("f", "longer");
	assert_int_equal(unlink(real("f")), 0);
	(void)news();
	assert_int_equal(told, 2);
	put_host_file("none", "");
	is_told("");
	grant(2);
	is_told("name %llx none\n", (long long)top);
	watched_teardown(state);
}

/* What one of them does is news for the other one, and for it alone. */
static void two_shares_of_one_directory(void **state)
{
	struct domlet_share *first = c.share, *second;
	struct domlet_share_export export = { .fd = open(share_client_path(&c, "0"), O_PATH | O_CLOEXEC) };
	uint64_t first_top = top, fh;
	struct fuse_entry_out f, other;

	(void)state;
	put_host_file("f", "x");
	put_host_file("p", "x");
	put_host_file("q", "x");
	f = look("f");
	read_it(f.nodeid);
	second = domlet_share_open(&export, 1, open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
	assert_non_null(second);
	domlet_share_watch(second, w);
	c.share = second;
	assert_int_equal(share_client_init(&c), 0);
	top = share_client_export(&c, 0);
	(void)look("p"); /* so that both have the same number for it */
	(void)look("q");
	other = look("f");
	assert_int_equal((uint32_t)other.nodeid, (uint32_t)f.nodeid);
	assert_int_equal(watches(), 1);
	assert_int_equal(share_client_open_file(&c, other.nodeid, O_WRONLY, &fh), 0);
	assert_int_equal(share_client_write(&c, other.nodeid, fh, 0, "longer", 6), 0);
	is_told("");
	c.share = first;
	is_told("content %llx\n", id(f));
	c.share = second;
	assert_int_equal(share_client_release(&c, other.nodeid, fh, false), 0);
	domlet_share_close(second);
	c.share = first;
	top = first_top;
	(void)attr_valid(f.nodeid);
	put_host_file("f", "");
	is_told("attributes %llx\n", id(f));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, watched_setup, watched_teardown)
	const struct CMUnitTest tests[] = {
		CASE(files_changes),
		CASE(names_changes),
		CASE(directorys_attributes),
		CASE(own_changes_are_no_news),
		CASE(own_writes_hide_none_of_dom0s),
		CASE(after_a_write_the_mode_is_still_news),
		CASE(hard_links_are_asked_for),
		CASE(what_is_no_event_is_seen_by_opening),
		CASE(what_is_news_comes_before_the_open_file),
		CASE(a_single_file),
		CASE(what_the_guest_forgets_is_no_news),
		CASE(bounded_watches),
		CASE(bounded_absences),
		CASE(many_changes),
		CASE(lost_events),
		CASE(two_shares_of_one_directory),
		cmocka_unit_test(without_credit_nothing_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
