/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a path of the container's leads, and what is made on the way: trees as
 * images may have them. What is made must be what the kernel finds when the
 * directory is the root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../guest-init/container/paths.h"

#define D DOMLET_PATH_DIRECTORY
#define F DOMLET_PATH_FILE
#define N DOMLET_PATH_NODE

static char top[64], root[80];
static int root_fd;

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(root, sizeof(root), "%s/root", top);
	if (mkdir(root, 0755) < 0)
		return -1;
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? -1 : 0;
}

/* Nothing may have been made beside the root. */
static int tear_down(void **state)
{
	char command[200];

	(void)state;
	close(root_fd);
	snprintf(command, sizeof(command), "rm -rf %s && rmdir %s", root, top);
	return system(command);
}

/* "etc/ etc/passwd a>../b": a directory, a file, a link. */
static void make_tree(const char *tree)
{
	char text[1024], *rest = text;

	snprintf(text, sizeof(text), "%s", tree);
	for (char *word; (word = strsep(&rest, " "));) {
		char *arrow = strchr(word, '>');
		size_t len = strlen(word);

		if (len == 0)
			continue;
		if (arrow) {
			*arrow = '\0';
			assert_int_equal(symlinkat(arrow + 1, root_fd, word), 0);
		} else if (word[len - 1] == '/') {
			assert_int_equal(mkdirat(root_fd, word, 0755), 0);
		} else {
			int fd = openat(root_fd, word, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

			assert_true(fd >= 0);
			close(fd);
		}
	}
}

/* NAME without a leading link is what was found; PATH leads the kernel there. */
static void assert_found(const char *path, enum domlet_path_kind kind, const struct domlet_path *p)
{
	char full[PATH_MAX + 80];
	struct stat at, by_name, by_path;
	int fd;

	snprintf(full, sizeof(full), "%s%s", root, p->name);
	assert_int_equal(fstat(p->fd, &at), 0);
	if (kind == N) {
		*strrchr(full, '/') = '\0';
		assert_int_equal(lstat(full, &by_name), 0);
		assert_true(S_ISDIR(at.st_mode) && at.st_ino == by_name.st_ino);
		/* As whoever has asked does; otherwise there is nothing to find. */
		if (p->made)
			assert_int_equal(mknodat(p->fd, strrchr(p->name, '/') + 1, S_IFIFO | 0600, 0), 0);
	} else {
		assert_int_equal(lstat(full, &by_name), 0);
		assert_int_equal(at.st_ino, by_name.st_ino);
		if (p->made)
			assert_int_equal(at.st_mode & S_IFMT, kind == D ? S_IFDIR : S_IFREG);
	}
	fd = domlet_path_open(root_fd, path);
	if (fd < 0)
		fail_msg("%s isn't found afterwards: %s", path, strerror(-fd));
	assert_int_equal(fstat(fd, &by_path), 0);
	close(fd);
	if (kind != N)
		assert_int_equal(at.st_ino, by_path.st_ino);
}

static void leads_where_the_container_is_led(void **state)
{
	static const struct {
		const char *tree, *path;
		enum domlet_path_kind kind;
		const char *name; /* found, or NULL: */
		int code;
		bool made;
	} cases[] = {
		{ "", "/a/b/c", D, "/a/b/c", 0, true },
		{ "", "/a/b/c", F, "/a/b/c", 0, true },
		{ "", "a//./b", F, "/a/b", 0, true },
		{ "", "/", D, "/", 0, false },
		{ "", "/..", D, "/", 0, false },
		{ "", "/../../x", F, "/x", 0, true },
		{ "a/ b/", "/a/../b/../c", D, "/c", 0, true },
		{ "etc/ etc/hosts", "/etc/hosts", F, "/etc/hosts", 0, false },
		/* What is there stays, though no such mount will fit it. */
		{ "etc/ etc/hosts", "/etc/hosts", D, "/etc/hosts", 0, false },
		{ "etc/", "/etc", F, "/etc", 0, false },
		/* As systemd's images have it. */
		{ "etc/ etc/resolv.conf>../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf", F,
		  "/run/systemd/resolve/stub-resolv.conf", 0, true },
		{ "etc/ run/ etc/resolv.conf>/run/resolv.conf", "/etc/resolv.conf", F, "/run/resolv.conf", 0, true },
		{ "etc/ run/ run/there etc/resolv.conf>/run/there", "/etc/resolv.conf", F, "/run/there", 0, false },
		{ "var/ var/run>/run", "/var/run/lock/x", D, "/run/lock/x", 0, true },
		{ "a>missing/dir", "/a/b", F, "/missing/dir/b", 0, true },
		{ "a>/missing/dir", "/a", D, "/missing/dir", 0, true },
		{ "a>b b>c c>/d/e d>/f", "/a/x", D, "/f/e/x", 0, true },
		{ "a/ a/b>c a/c>../d", "/a/b/x", D, "/d/x", 0, true },
		{ "b/ a>b", "/a", F, "/b", 0, false },
		{ "a>.", "/a/a/a/x", F, "/x", 0, true },
		{ "a/ a/b>/a", "/a/b", D, "/a", 0, false },
		{ "a>/", "/a", D, "/", 0, false },
		/* Never out of the root. */
		{ "a>../../../../../../tmp/x", "/a", F, "/tmp/x", 0, true },
		{ "a>../outside", "/a", D, "/outside", 0, true },
		{ "d/ d/a>..", "/d/a/../../../x", D, "/x", 0, true },
		/* The kernel goes through "missing" before it comes back. */
		{ "a>missing/../b/x", "/a", F, "/b/x", 0, true },
		/* Not as a link of ours, which the kernel wouldn't follow either. */
		{ "a>b b>a", "/a/x", D, NULL, ELOOP, false },
		{ "a>a", "/a", F, NULL, ELOOP, false },
		{ "f", "/f/x", F, NULL, ENOTDIR, false },
		{ "f", "/f/..", D, NULL, ENOTDIR, false },
		{ "f a>f", "/a/.", D, NULL, ENOTDIR, false },
		{ "f a>f/x", "/a", F, NULL, ENOTDIR, false },
		/* Nodes: up to their directory. */
		{ "", "/dev/sub/x", N, "/dev/sub/x", 0, true },
		{ "dev/", "//dev//x", N, "/dev/x", 0, true },
		{ "dev/ dev/x", "/dev/x", N, "/dev/x", 0, false },
		{ "dev/ dev/x/", "/dev/x", N, "/dev/x", 0, false },
		{ "dev>/devices", "/dev/x", N, "/devices/x", 0, true },
		{ "dev/ dev/x>y", "/dev/x", N, "/dev/y", 0, true },
		{ "dev/ dev/x>../../elsewhere/y", "/dev/x", N, "/elsewhere/y", 0, true },
		{ "dev/ dev/x>y dev/y", "/dev/x", N, "/dev/y", 0, false },
		{ "dev/ dev/x>x", "/dev/x", N, NULL, ELOOP, false },
		{ "dev", "/dev/x", N, NULL, ENOTDIR, false },
		{ "dev/", "/dev/..", N, NULL, EISDIR, false },
		{ "", "/", N, NULL, EISDIR, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct domlet_failure failure = { 0 };
		struct domlet_path p;
		int rc;

		print_message("%s in \"%s\"\n", cases[i].path, cases[i].tree);
		assert_int_equal(set_up(state), 0);
		make_tree(cases[i].tree);
		rc = domlet_path_make(root_fd, cases[i].path, cases[i].kind, &p, &failure);
		assert_int_equal(rc, -cases[i].code);
		if (rc == 0) {
			assert_string_equal(p.name, cases[i].name);
			assert_int_equal(p.made, cases[i].made);
			assert_found(cases[i].path, cases[i].kind, &p);
			close(p.fd);
		} else {
			assert_non_null(strstr(failure.text, cases[i].path));
		}
		assert_int_equal(tear_down(state), 0);
	}
}

static int make_quietly(const char *path, enum domlet_path_kind kind)
{
	struct domlet_failure failure;
	struct domlet_path p;
	int rc = domlet_path_make(root_fd, path, kind, &p, &failure);

	if (rc == 0)
		close(p.fd);
	return rc;
}

/* As many links as the kernel follows, and no endless text. */
static void is_bounded(void **state)
{
	char from[16], to[16], longest[PATH_MAX], text[2600];

	(void)state;
	for (int i = 0; i < 41; i++) {
		snprintf(from, sizeof(from), "l%d", i);
		snprintf(to, sizeof(to), "l%d", i + 1);
		assert_int_equal(symlinkat(i < 40 ? to : "/end/x", root_fd, from), 0);
	}
	assert_int_equal(domlet_path_open(root_fd, "/l0"), -ELOOP);
	assert_int_equal(make_quietly("/l0", F), -ELOOP);
	assert_int_equal(faccessat(root_fd, "end", F_OK, 0), -1);
	assert_int_equal(domlet_path_open(root_fd, "/l1"), -ENOENT);
	assert_int_equal(make_quietly("/l1", F), 0);
	assert_int_equal(faccessat(root_fd, "end/x", F_OK, 0), 0);

	/* All of a path's together. */
	assert_int_equal(symlinkat(".", root_fd, "s"), 0);
	strcpy(text, "/new");
	for (int i = 0; i < 41; i++)
		strcat(text, "/../s");
	assert_int_equal(make_quietly(text, D), -ELOOP);
	text[strlen(text) - strlen("/../s")] = '\0';
	assert_int_equal(make_quietly(text, D), 0);

	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(make_quietly(longest, D), -ENAMETOOLONG); /* one component */
	for (size_t i = 200; i < sizeof(longest) - 1; i += 200)
		longest[i] = '/';
	assert_int_equal(make_quietly(longest, N), 0);
	/* Each adds to what is left. */
	memset(text, 'b', sizeof(text));
	for (size_t i = 200; i < sizeof(text); i += 200)
		text[i] = '/';
	for (int i = 0; i < 8; i++) {
		snprintf(from, sizeof(from), "m%d", i);
		snprintf(longest, sizeof(longest), "m%d/%.2500s", i + 1, text);
		assert_int_equal(symlinkat(longest, root_fd, from), 0);
	}
	assert_int_equal(make_quietly("/m0", D), -ENAMETOOLONG);
}

/* A link of /proc leads to another process's files, whatever its text says. */
static void refuses_links_of_proc(void **state)
{
	static const char *const paths[] = {
		"/proc/self/cwd/domlet-none",
		"/proc/self/root/tmp/domlet-none",
		"/proc/self/fd/0/x",
		"/proc/self/ns/mnt/x",
		"%s/to-magic/x",
		"%s/after-missing",
	};
	char path[160];
	int machine = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), ours = root_fd;

	(void)state;
	assert_true(machine >= 0);
	assert_int_equal(symlinkat("/proc/self/cwd", root_fd, "to-magic"), 0);
	assert_int_equal(symlinkat("missing/../to-magic/x", root_fd, "after-missing"), 0);
	assert_int_equal(symlinkat("/proc/self/comm", root_fd, "to-own"), 0);
	root_fd = machine;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(path, sizeof(path), paths[i][0] == '%' ? "%s%s" : "%.0s%s", root,
			 paths[i] + (paths[i][0] == '%' ? 2 : 0));
		assert_int_equal(make_quietly(path, D), -ELOOP);
		assert_int_equal(make_quietly(path, F), -ELOOP);
	}
	/* Others are links like all. */
	snprintf(path, sizeof(path), "%s/to-own", root);
	assert_int_equal(make_quietly(path, F), 0);
	assert_true(make_quietly("/proc/self/domlet-none", D) < 0);
	root_fd = ours;
	close(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_where_the_container_is_led),
		cmocka_unit_test_setup_teardown(is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_links_of_proc, set_up, tear_down),
	};

	(void)umask(0);
	return cmocka_run_group_tests_name("init_paths", tests, NULL, NULL);
}
