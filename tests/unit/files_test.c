// SPDX-License-Identifier: GPL-2.0-or-later
/* Which resolv.conf has docker's resolver, and when files have changed; what an order of a container's files comes to is tested end to end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/monitor/files.h"

/* In memory of just that length, so that a sanitizer sees who reads beyond. */
static bool names_it(const char *text)
{
	size_t len = strlen(text);
	char *bytes = malloc(len ? len : 1);
	bool r;

	assert_non_null(bytes);
	memcpy(bytes, text, len);
	r = domlet_files_name_resolver(bytes, len);
	free(bytes);
	return r;
}

static void test_it_is_named(void **state)
{
	(void)state;
	assert_true(names_it("nameserver 127.0.0.11"));
	assert_true(names_it("nameserver 127.0.0.11\noptions ndots:0\n"));
	assert_true(names_it("search example.org\n\nnameserver\t 127.0.0.11 \n"));
	assert_true(names_it("nameserver 10.0.0.1\nnameserver 127.0.0.11\n"));
}

static void test_it_is_not_named(void **state)
{
	(void)state;
	assert_false(names_it(""));
	assert_false(names_it("\n"));
	assert_false(names_it("nameserver"));
	assert_false(names_it("nameserver "));
	assert_false(names_it("nameserver 127.0.0.1"));
	assert_false(names_it("nameserver 127.0.0.112\n"));
	assert_false(names_it("nameserver 127.0.0.11.\n"));
	assert_false(names_it("# nameserver 127.0.0.11\n"));
	assert_false(names_it(" nameserver 127.0.0.11\n"));
	assert_false(names_it("nameserver 10.0.0.1\n127.0.0.11\n"));
	assert_false(names_it("nameserver127.0.0.11\n"));
}

/* Watching */

static char folder[64];
static struct domlet_files files;
static uv_loop_t loop;
static unsigned int changes;

static char *path_of(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

/* Writes into what is there, or makes it. */
static void put(const char *name, const char *text)
{
	char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	free(path);
}

static void move(const char *from, const char *to)
{
	char *old = path_of(from), *new = path_of(to);

	assert_int_equal(rename(old, new), 0);
	free(old);
	free(new);
}

static void remove_one(const char *name)
{
	char *path = path_of(name);

	(void)unlink(path);
	free(path);
}

static void count(void *user)
{
	assert_ptr_equal(user, &loop);
	changes++;
}

static void on_time(uv_timer_t *t)
{
	uv_stop(t->loop);
}

/* How many changes are told within some time. */
static unsigned int wait_ms(uint64_t ms)
{
	uv_timer_t timer;

	changes = 0;
	uv_update_time(&loop);
	assert_int_equal(uv_timer_init(&loop, &timer) | uv_timer_start(&timer, on_time, ms, 0), 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	return changes;
}

static int open_files(void **state)
{
	(void)state;
	(void)strcpy(folder, "/tmp/files-test-XXXXXX");
	if (!mkdtemp(folder) || uv_loop_init(&loop) != 0)
		return -1;
	put("hosts", "old");
	put("resolv.conf", "old");
	files = (struct domlet_files){ .count = 2,
				       .list = { { .mount = 1, .path = path_of("hosts") },
						 { .mount = 2, .path = path_of("resolv.conf"), .resolves = true } } };
	return 0;
}

static int close_files(void **state)
{
	(void)state;
	domlet_files_free(&files);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	remove_one("hosts");
	remove_one("resolv.conf");
	remove_one("log");
	return uv_loop_close(&loop) | rmdir(folder); /* the loop: nothing of the watch is left */
}

static void watch(void)
{
	struct domlet_error err;

	assert_int_equal(domlet_files_watch(&files, &loop, count, &loop, &err), 0);
}

static void test_a_change_is_told_once(void **state)
{
	(void)state;
	watch();
	watch();
	assert_int_equal(wait_ms(150), 0);
	assert_false(files.dirty);
	for (int i = 0; i < 5; i++)
		put("hosts", "new");
	put("resolv.conf", "new");
	assert_int_equal(wait_ms(200), 1);
	assert_true(files.dirty);
	put("resolv.conf", "newer");
	assert_int_equal(wait_ms(200), 1);
}

static void test_another_takes_its_place(void **state)
{
	(void)state;
	watch();
	put("hosts.new", "new");
	assert_int_equal(wait_ms(150), 0);
	move("hosts.new", "hosts");
	assert_int_equal(wait_ms(200), 1);
	put("hosts", "newer"); /* which has another inode */
	assert_int_equal(wait_ms(200), 1);
	remove_one("hosts");
	(void)wait_ms(150); /* it may be told or not */
	put("hosts", "made anew");
	assert_int_equal(wait_ms(200), 1);
	put("hosts", "and changed");
	assert_int_equal(wait_ms(200), 1);
}

/* docker's folder of a container has its log, too. */
static void test_others_don_t_count(void **state)
{
	(void)state;
	watch();
	put("log", "a line");
	put("log", "another");
	assert_int_equal(wait_ms(200), 0);
}

/* Who writes all the time is looked at nonetheless. */
static void test_changes_without_a_pause(void **state)
{
	unsigned int told = 0;

	(void)state;
	watch();
	for (int i = 0; i < 70; i++) {
		put("hosts", "new");
		told += wait_ms(20);
	}
	assert_true(told > 0);
}

static void test_a_folder_that_is_not_there(void **state)
{
	struct domlet_error err;

	(void)state;
	free(files.list[1].path);
	files.list[1].path = path_of("none/resolv.conf");
	assert_true(domlet_files_watch(&files, &loop, count, &loop, &err) < 0);
	assert_int_equal(err.code, ENOENT);
	assert_non_null(strstr(err.text, "can't be followed"));
}

static void test_none(void **state)
{
	struct domlet_files none = { 0 };
	struct domlet_error err;

	(void)state;
	assert_int_equal(domlet_files_watch(&none, &loop, count, &loop, &err), 0);
	assert_null(none.poll);
}

int main(void)
{
#define WATCHED(name) cmocka_unit_test_setup_teardown(name, open_files, close_files)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_named),       cmocka_unit_test(test_it_is_not_named),
		WATCHED(test_a_change_is_told_once),      WATCHED(test_another_takes_its_place),
		WATCHED(test_others_don_t_count),         WATCHED(test_changes_without_a_pause),
		WATCHED(test_a_folder_that_is_not_there), WATCHED(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
