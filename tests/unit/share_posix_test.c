// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The share in this machine's kernel. Each case of POSIX's is done twice, on the file system below and through the
 * share, and says what it sees: both must say the same. Needs root and /dev/fuse.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "share_mount.h"

static struct {
	struct share_tree tree;
	char said[2][65536];
	size_t len[2];
	int side;
} t;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	t.len[t.side] += (size_t)vsnprintf(t.said[t.side] + t.len[t.side], sizeof t.said[0] - t.len[t.side], format, ap);
	va_end(ap);
	assert_true(t.len[t.side] < sizeof t.said[0]);
}

/* What a call gives: 0 or more, or the error's name. */
static long told(const char *what, long result)
{
	if (result < 0)
		say("%s: %s\n", what, strerrorname_np(errno));
	else
		say("%s: fine\n", what);
	return result;
}

static void say_stat(const char *name)
{
	struct stat st;

	if (told(name, lstat(name, &st)) < 0)
		return;
	say("  mode %o, links %lu, %u:%u, size %ld, device %lx\n", st.st_mode, (unsigned long)st.st_nlink, st.st_uid,
	    st.st_gid, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size, (unsigned long)st.st_rdev);
}

static int make(const char *name, const char *text, int flags, mode_t mode)
{
	int fd = open(name, flags | O_CREAT | O_CLOEXEC, mode);

	if (fd >= 0 && text)
		(void)!write(fd, text, strlen(text));
	return fd;
}

static void put(const char *name, const char *text)
{
	int fd = make(name, text, O_WRONLY | O_TRUNC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static void say_file(const char *name)
{
	char text[256] = "";
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (told(name, fd) < 0)
		return;
	(void)!read(fd, text, sizeof text - 1);
	say("  \"%s\"\n", text);
	close(fd);
}

/* F in the current directory as another user. */
static void as_user(uid_t uid, gid_t gid, void (*f)(void))
{
	int status;
	pid_t pid;
	int back[2];
	ssize_t n;

	assert_int_equal(pipe(back), 0);
	pid = fork();
	if (pid == 0) {
		size_t before = t.len[t.side];

		if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(1);
		f();
		(void)!write(back[1], t.said[t.side] + before, t.len[t.side] - before);
		_exit(0);
	}
	close(back[1]);
	while ((n = read(back[0], t.said[t.side] + t.len[t.side], sizeof t.said[0] - 1 - t.len[t.side])) > 0)
		t.len[t.side] += (size_t)n;
	close(back[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Cases. */

static void names(void)
{
	char name[300];

	memset(name, 'n', sizeof name);
	name[255] = 0;
	say("%d\n", told("255 bytes", mkdir(name, 0755)) == 0);
	told("255 bytes again", mkdir(name, 0755));
	told("without it", rmdir(name));
	name[255] = 'n';
	name[256] = 0;
	told("256 bytes", mkdir(name, 0755));
	told("odd name", mkdir("\1\377 *", 0700));
	say_stat("\1\377 *");
	told("over a directory", open("\1\377 *", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	told("symlink", symlink("/etc/../nowhere", "l"));
	say_stat("l");
	told("open of it", open("l", O_RDONLY | O_CLOEXEC));
	told("O_NOFOLLOW", open("l", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
	say("%ld\n", told("readlink", readlink("l", name, sizeof name)));
	told("in a file", mkdir("l/x", 0755));
	told("fifo", mkfifo("fifo", 0640));
	say_stat("fifo");
	told("device", mknod("device", S_IFCHR | 0666, 0x103));
	say_stat("device");
	told("unlink of a directory", unlink("\1\377 *"));
	told("rmdir of a file", rmdir("fifo"));
}

static void hard_links(void)
{
	struct stat a, b;
	int fd = make("a", "text", O_RDWR, 0644);

	told("link", link("a", "b"));
	told("link again", link("a", "b"));
	assert_int_equal(stat("a", &a), 0);
	assert_int_equal(stat("b", &b), 0);
	say("same %d, links %lu\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev, (unsigned long)a.st_nlink);
	told("unlink", unlink("a"));
	say_file("b");
	say_stat("b");
	told("directory", link(".", "d"));
	told("symlink", symlink("b", "s"));
	told("of a symlink", linkat(AT_FDCWD, "s", AT_FDCWD, "s2", 0));
	say_stat("s2");
	close(fd);
}

static void make_as_user(void)
{
	umask(027);
	close(make("sticky/f", "x", O_WRONLY, 0666));
	told("mkdir", mkdir("sticky/d", 0777));
	say_stat("sticky/f");
	say_stat("sticky/d");
	told("chmod", chmod("sticky/d", 02755)); /* of a group that isn't his */
	say_stat("sticky/d");
	told("of somebody else", unlink("sticky/root"));
	told("closed", mkdir("closed/x", 0700));
	told("read", open("closed/secret", O_RDONLY | O_CLOEXEC));
	told("chown", chown("sticky/f", 0, 0));
	told("chmod of root's", chmod("sticky/root", 0777));
	told("write", open("sticky/root", O_WRONLY | O_CLOEXEC));
	close(make("sticky/f", "y", O_WRONLY | O_TRUNC, 0666));
	told("setuid of his own", chmod("sticky/f", 06777));
	say_stat("sticky/f");
	umask(0);
}

static void owners_and_modes(void)
{
	mkdir("sticky", 0777);
	told("chown", chown("sticky", 0, 2000));
	told("chmod", chmod("sticky", 03777));
	say_stat("sticky");
	put("sticky/root", "");
	mkdir("closed", 0700);
	put("closed/secret", "secret");
	say_file("closed/secret"); /* so that it is known */
	as_user(1000, 1000, make_as_user);
	say_stat("sticky/f");
	mkdir("d", 0755);
	told("owner", chown("d", 501, 20));
	say_stat("d");
	told("symlink", symlink("d", "l"));
	told("lchown", lchown("l", 7, 8));
	say_stat("l");
	told("2770", chmod("d", 02770));
	say_stat("d");
}

static void write_as_user(void)
{
	int fd = open("f", O_RDWR | O_CLOEXEC);

	told("write", write(fd, "x", 1));
	say_stat("f");
	close(fd);
}

static void cut_as_user(void)
{
	told("truncate", truncate("f", 1));
	say_stat("f");
}

static void open_as_user(void)
{
	told("O_TRUNC", open("f", O_WRONLY | O_TRUNC | O_CLOEXEC));
	say_stat("f");
}

static void suid_bits(void)
{
	put("f", "text");
	chmod("f", 06777);
	told("root's write", (put("f", "more"), 0));
	say_stat("f");
	as_user(1000, 1000, write_as_user);
	chmod("f", 06777);
	as_user(1000, 1000, cut_as_user);
	chmod("f", 06777);
	as_user(1000, 1000, open_as_user);
	chmod("f", 06777);
	told("chown", chown("f", 1, 1));
	say_stat("f");
	chmod("f", 02767);
	as_user(1000, 1000, write_as_user);
}

static void renames(void)
{
	int fd;

	put("a", "a");
	put("b", "b");
	mkdir("d", 0755);
	told("NOREPLACE", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	told("EXCHANGE", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	say_file("a");
	told("EXCHANGE with a directory", renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE));
	say_stat("a");
	say_file("d");
	told("into itself", rename("a", "a/x"));
	told("file over directory", rename("d", "a"));
	told("directory over file", rename("a", "d"));
	fd = open("d", O_RDONLY | O_CLOEXEC);
	told("over an open file", rename("b", "d"));
	say_file("d");
	say("%d\n", (int)told("read of the old one", read(fd, (char[4]){ 0 }, 4)));
	close(fd);
	told("same", rename("d", "d"));
	told("gone", rename("none", "x"));
	told("whiteout", renameat2(AT_FDCWD, "d", AT_FDCWD, "e", RENAME_WHITEOUT));
	say_stat("d");
	mkdir("a/b", 0755);
	put("a/b/c", "deep");
	told("directory with something in it", rename("a", "z"));
	say_file("z/b/c");
	told("over one that isn't empty", (mkdir("y", 0755), rename("y", "z")));
}

static void times(void)
{
	const struct timespec set[][2] = {
		{ { -1, 999999999 }, { -86400, 1 } }, /* 1969 */
		{ { 0, 0 }, { 1700000000, 123456789 } },
		{ { 4102444800, 5 }, { 0, UTIME_OMIT } },
	};
	struct stat st;

	put("f", "");
	for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
		told("utimensat", utimensat(AT_FDCWD, "f", set[i], 0));
		assert_int_equal(stat("f", &st), 0);
		say("%ld.%09ld %ld.%09ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec,
		    st.st_mtim.tv_nsec);
	}
	told("symlink", symlink("f", "l"));
	told("of a symlink", utimensat(AT_FDCWD, "l", set[1], AT_SYMLINK_NOFOLLOW));
	assert_int_equal(lstat("l", &st), 0);
	say("%ld.%09ld\n", st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void removed_while_open(void)
{
	char text[8] = "";
	struct stat st;
	int fd = make("f", "abc", O_RDWR, 0644), dir;

	told("unlink", unlink("f"));
	assert_int_equal(fstat(fd, &st), 0);
	say("links %lu, size %ld\n", (unsigned long)st.st_nlink, (long)st.st_size);
	told("write", pwrite(fd, "d", 1, 3));
	told("read", pread(fd, text, 7, 0));
	say("\"%s\"\n", text);
	told("fchmod", fchmod(fd, 0600));
	told("ftruncate", ftruncate(fd, 2));
	assert_int_equal(fstat(fd, &st), 0);
	say("links %lu, size %ld, mode %o\n", (unsigned long)st.st_nlink, (long)st.st_size, st.st_mode);
	close(fd);
	mkdir("d", 0755);
	dir = open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	told("rmdir", rmdir("d"));
	told("in it", openat(dir, "x", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	close(dir);
}

static void tmpfile_and_link(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	char path[64];
	struct stat st;

	if (told("O_TMPFILE", fd) < 0)
		return;
	told("write", write(fd, "abc", 3));
	assert_int_equal(fstat(fd, &st), 0);
	say("links %lu, mode %o\n", (unsigned long)st.st_nlink, st.st_mode);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	told("linkat", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	say_file("named");
	say_stat("named");
	close(fd);
}

static void sparse_and_ranges(void)
{
	static char block[65536];
	int fd = make("f", NULL, O_RDWR, 0644), g = make("g", NULL, O_RDWR, 0644);
	off_t from = 0, to = 10;
	struct stat st;

	memset(block, 'x', sizeof block);
	told("far", pwrite(fd, block, 4096, 1 << 20));
	say("data %ld, hole %ld\n", (long)lseek(fd, 0, SEEK_DATA), (long)lseek(fd, 1 << 20, SEEK_HOLE));
	told("behind the end", lseek(fd, 1 << 22, SEEK_DATA));
	assert_int_equal(fstat(fd, &st), 0);
	say("sparse %d\n", st.st_blocks * 512 < st.st_size);
	told("fallocate", fallocate(fd, 0, 0, 8192));
	told("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 4096));
	told("keep size", fallocate(fd, FALLOC_FL_KEEP_SIZE, 1 << 21, 4096));
	told("zero", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
	told("bad mode", fallocate(fd, 0x4000, 0, 4096));
	say_stat("f");
	told("write", pwrite(fd, block, sizeof block, 0));
	say("%ld\n", (long)copy_file_range(fd, &from, g, &to, sizeof block, 0));
	say_stat("g");
	told("within one", copy_file_range(fd, &(off_t){ 0 }, fd, &(off_t){ 10 }, 100, 0));
	told("fsync", fsync(fd));
	told("fdatasync", fdatasync(g));
	close(fd);
	close(g);
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	told("fsync of a directory", fsync(fd));
	close(fd);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	told("write to one open for reading", write(fd, "x", 1));
	told("fallocate of it", fallocate(fd, 0, 0, 1));
	close(fd);
}

static void direct_append_mapped(void)
{
	int fd = make("f", "0123", O_RDWR, 0644), a = open("f", O_WRONLY | O_APPEND | O_CLOEXEC),
	    b = open("f", O_WRONLY | O_APPEND | O_CLOEXEC), direct;
	void *aligned;
	char *map;

	told("append", write(a, "a", 1));
	told("append", write(b, "b", 1));
	told("append", write(a, "c", 1));
	say_file("f");
	close(a);
	close(b);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	memcpy(map, "MAP", 3);
	told("msync", msync(map, 4096, MS_SYNC));
	say_file("f");
	told("write", pwrite(fd, "!", 1, 4));
	say("in the map: %c\n", map[4]);
	munmap(map, 4096);
	close(fd);
	direct = open("direct", O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
	if (told("O_DIRECT", direct) >= 0 && posix_memalign(&aligned, 4096, 8192) == 0) {
		memset(aligned, 'd', 8192);
		say("%ld\n", (long)write(direct, aligned, 8192));
		say("%ld\n", (long)pread(direct, aligned, 4096, 4096));
		free(aligned);
		close(direct);
	}
	say_stat("direct");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All names in order; what comes twice is said twice. */
static unsigned int count_names(const char *dir, bool tell)
{
	DIR *d = opendir(dir);
	char *found[2048];
	unsigned int n = 0;

	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) && n < 2048;)
		found[n++] = strdup(e->d_name);
	closedir(d);
	qsort(found, n, sizeof *found, by_text);
	for (unsigned int i = 0; i < n; i++) {
		if (i > 0 && strcmp(found[i], found[i - 1]) == 0)
			say("twice: %s\n", found[i]);
		if (tell)
			say("%s\n", found[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		free(found[i]);
	return n;
}

static void many_names(void)
{
	unsigned int n = 0, gone = 0;
	char name[32];
	DIR *d;

	mkdir("many", 0755);
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "many/%d-%.*s", i, i % 20, "abcdefghijklmnopqrst");
		close(make(name, NULL, O_WRONLY, 0644));
	}
	count_names("many", true);
	/* As rm -r does: all that is listed goes while it is listed. */
	d = opendir("many");
	for (const struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		gone += unlinkat(dirfd(d), e->d_name, 0) == 0;
	}
	closedir(d);
	say("%u %u, left %u\n", n, gone, count_names("many", false));
	told("rmdir", rmdir("many"));
}

static void seek_in_directory(void)
{
	char names_there[64][256];
	long places[64];
	unsigned int n = 0, wrong = 0;
	DIR *d;

	mkdir("d", 0755);
	for (int i = 0; i < 60; i++) {
		char name[32];

		snprintf(name, sizeof name, "d/%d", i);
		close(make(name, NULL, O_WRONLY, 0644));
	}
	d = opendir("d");
	for (;;) {
		const struct dirent *e;

		places[n] = telldir(d);
		e = readdir(d);
		if (!e || n == 63)
			break;
		snprintf(names_there[n++], sizeof names_there[0], "%s", e->d_name);
	}
	for (unsigned int i = n; i-- > 0;) {
		const struct dirent *e;

		seekdir(d, places[i]);
		e = readdir(d);
		wrong += !e || strcmp(e->d_name, names_there[i]) != 0;
	}
	rewinddir(d);
	say("%u names, %u wrong, first again %d\n", n, wrong, strcmp(readdir(d)->d_name, names_there[0]) == 0);
	closedir(d);
}

static void xattrs(void)
{
	char list[512], value[64] = "";
	ssize_t n;

	put("f", "");
	told("set", setxattr("f", "user.a", "value", 5, 0));
	told("create", setxattr("f", "user.a", "value", 5, XATTR_CREATE));
	told("replace", setxattr("f", "user.b", "value", 5, XATTR_REPLACE));
	told("trusted", setxattr("f", "trusted.overlay.opaque", "y", 1, 0));
	told("get", getxattr("f", "trusted.overlay.opaque", value, sizeof value));
	say("%s\n", value);
	told("small", getxattr("f", "user.a", value, 2));
	say("%ld\n", (long)getxattr("f", "user.a", NULL, 0));
	n = listxattr("f", list, sizeof list);
	say("%ld %d %d\n", (long)n, memmem(list, (size_t)n, "user.a", 7) != NULL,
	    memmem(list, (size_t)n, "trusted.overlay.opaque", 23) != NULL);
	told("capability", setxattr("f", "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
	told("get", getxattr("f", "security.capability", value, sizeof value));
	put("f", "written");
	told("after a write", getxattr("f", "security.capability", value, sizeof value));
	told("remove", removexattr("f", "user.a"));
	told("again", removexattr("f", "user.a"));
	told("symlink", symlink("f", "l"));
	told("of a symlink", lsetxattr("l", "user.a", "x", 1, 0));
}

static void big_file(void)
{
	static char block[1 << 20];
	int fd = make("f", NULL, O_RDWR, 0644);
	unsigned int wrong = 0;

	for (int i = 0; i < 8; i++) {
		memset(block, 'a' + i, sizeof block);
		say("%ld\n", (long)pwrite(fd, block, sizeof block, (off_t)i * (off_t)sizeof block + 1));
	}
	close(fd);
	fd = open("f", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 8; i++) {
		wrong += pread(fd, block, sizeof block, (off_t)i * (off_t)sizeof block + 1) != sizeof block;
		for (size_t k = 0; k < sizeof block; k++)
			wrong += block[k] != 'a' + i;
	}
	close(fd);
	say("%u wrong\n", wrong);
	say_stat("f");
	told("O_EXCL", open("f", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644));
	told("O_DIRECTORY", open("f", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	told("O_TRUNC", (close(open("f", O_WRONLY | O_TRUNC | O_CLOEXEC)), 0));
	say_stat("f");
}

static void run_in(int side, const char *dir, const char *name, void (*f)(void))
{
	t.side = side;
	t.len[side] = 0;
	assert_int_equal(chdir(share_tree_at(&t.tree, dir)), 0);
	assert_int_equal(mkdir(name, 0777), 0);
	assert_int_equal(chmod(name, 0777), 0);
	assert_int_equal(chdir(name), 0);
	f();
	assert_int_equal(chdir("/"), 0);
}

/* The first line in which both differ. */
static void compare(const char *name)
{
	const char *a = t.said[0], *b = t.said[1], *line = a;
	size_t i = 0;

	t.said[0][t.len[0]] = t.said[1][t.len[1]] = 0;
	while (a[i] && a[i] == b[i]) {
		if (a[i] == '\n')
			line = &a[i + 1];
		i++;
	}
	if (a[i] == b[i])
		return;
	print_error("%s:\n  below:   %.100s\n  through: %.100s\n", name, line, b + (line - a));
	fail();
}

static void both(const char *name, void (*f)(void))
{
	run_in(0, "direct", name, f);
	run_in(1, "mnt/0", name, f);
	compare(name);
}

#define BOTH(f)                            \
	static void f##_case(void **state) \
	{                                  \
		(void)state;               \
		both(#f, f);               \
	}
BOTH(names)
BOTH(hard_links)
BOTH(owners_and_modes)
BOTH(suid_bits)
BOTH(renames)
BOTH(times)
BOTH(removed_while_open)
BOTH(tmpfile_and_link)
BOTH(sparse_and_ranges)
BOTH(direct_append_mapped)
BOTH(many_names)
BOTH(seek_in_directory)
BOTH(xattrs)
BOTH(big_file)

static int setup(void **state)
{
	(void)state;
	return share_tree_open(&t.tree);
}

static int teardown(void **state)
{
	(void)state;
	return share_tree_close(&t.tree);
}

int main(void)
{
#define CASE(f) cmocka_unit_test(f##_case)
	const struct CMUnitTest tests[] = {
		CASE(names),
		CASE(hard_links),
		CASE(owners_and_modes),
		CASE(suid_bits),
		CASE(renames),
		CASE(times),
		CASE(removed_while_open),
		CASE(tmpfile_and_link),
		CASE(sparse_and_ranges),
		CASE(direct_append_mapped),
		CASE(many_names),
		CASE(seek_in_directory),
		CASE(xattrs),
		CASE(big_file),
	};

	if (!share_mount_possible()) {
		printf("skipped: no root, or no /dev/fuse\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
