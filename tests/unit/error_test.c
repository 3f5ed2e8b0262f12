/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
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

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"

static void set_gives_code_and_text(void **state)
{
	struct domlet_error err = { 0 };

	(void)state;
	assert_int_equal(domlet_error_set(&err, ENOSPC, "disk %d is full", 7), -ENOSPC);
	assert_int_equal(err.code, ENOSPC);
	assert_string_equal(err.text, "disk 7 is full");
	assert_int_equal(domlet_error_set(&err, -EBUSY, "x"), -EBUSY);
	assert_int_equal(domlet_error_set(&err, 0, "x"), -EIO);
	assert_int_equal(domlet_error_set(NULL, EINVAL, "x"), -EINVAL);
}

static void prefix_goes_before(void **state)
{
	struct domlet_error err = { 0 };

	(void)state;
	domlet_error_set(&err, EINVAL, "it is bad");
	assert_int_equal(domlet_error_prefix(&err, "mount %s", "/a"), -EINVAL);
	assert_string_equal(err.text, "mount /a: it is bad");
	assert_int_equal(domlet_error_prefix(NULL, "x"), -EIO);
}

static void long_texts_are_cut(void **state)
{
	struct domlet_error err = { 0 };
	char text[3000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	domlet_error_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	domlet_error_prefix(&err, "short");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "short: aaa", 10);
	for (size_t len = sizeof(err.text) - 8; len < sizeof(err.text) + 8; len++) {
		domlet_error_set(&err, EINVAL, "tail");
		domlet_error_prefix(&err, "%.*s", (int)len, text);
		assert_true(strlen(err.text) < sizeof(err.text));
	}
}

/* docker and podman match these texts, in any case. */
static void strerror_avoids_matched_texts(void **state)
{
	(void)state;
	for (int i = -200; i < 4000; i++) {
		const char *text = domlet_strerror(i);

		assert_non_null(text);
		assert_null(strcasestr(text, "no such file or directory"));
		assert_null(strcasestr(text, "permission denied"));
		assert_null(strcasestr(text, "operation not permitted"));
		assert_string_not_equal(text, "Not a directory");
	}
	assert_string_equal(domlet_strerror(ENOENT), "it does not exist");
	assert_string_equal(domlet_strerror(-ENOENT), "it does not exist");
}

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/domlet-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void reword_takes_matched_texts_out(void **state)
{
	static const char *const matched[] = { "no such file or directory", "permission denied",
					       "operation not permitted", "not a directory",
					       "executable file not found in $PATH" };
	char text[] =
		"open: No such file or directory; stat: no such file or directory, PERMISSION DENIED; x: Not a directory "
		"(operation not permitted): executable file not found in $PATH";
	char same[] = "out of memory";

	(void)state;
	domlet_error_reword(text);
	assert_string_equal(text, "open: it does not exist; stat: it does not exist, access refused; x: no directory "
				  "(access was refused): command not found");
	for (size_t i = 0; i < sizeof(matched) / sizeof(matched[0]); i++)
		assert_null(strcasestr(text, matched[i]));
	domlet_error_reword(same);
	assert_string_equal(same, "out of memory");
}

static void file_round_trip(void **state)
{
	struct domlet_error err = { 0 };
	char big[20000], *data = NULL;
	struct stat st;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)i;
	assert_int_equal(domlet_file_write(in_dir("f"), big, sizeof(big), 0604, &err), 0);
	assert_int_equal(domlet_file_write(in_dir("f"), big, sizeof(big), 0604, &err), 0);
	assert_int_equal(stat(in_dir("f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(domlet_file_read(in_dir("f"), sizeof(big), &data, &len, &err), 0);
	assert_int_equal(len, sizeof(big));
	assert_memory_equal(data, big, len);
	assert_int_equal(data[len], 0);
	free(data);
	assert_int_equal(domlet_file_write(in_dir("e"), "", 0, 0600, &err), 0);
	assert_int_equal(domlet_file_read(in_dir("e"), 0, &data, &len, &err), 0);
	assert_int_equal(len, 0);
	free(data);
}

static void file_refusals(void **state)
{
	struct domlet_error err = { 0 };
	char *data = NULL;
	size_t len;

	(void)state;
	assert_int_equal(domlet_file_read(in_dir("none"), 10, &data, &len, &err), -ENOENT);
	assert_non_null(strstr(err.text, in_dir("none")));
	assert_int_equal(domlet_file_read(dir, 10, &data, &len, &err), -EINVAL);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(domlet_file_read(in_dir("fifo"), 10, &data, &len, &err), -EINVAL);
	assert_int_equal(domlet_file_write(in_dir("f"), "12345678901", 11, 0600, &err), 0);
	assert_int_equal(domlet_file_read(in_dir("f"), 10, &data, &len, &err), -EFBIG);
	/* A file without a size, longer than allowed. */
	assert_int_equal(domlet_file_read("/proc/self/environ", 0, &data, &len, &err), -EFBIG);
	assert_null(data);
	assert_int_equal(domlet_file_write(in_dir("none/f"), "1", 1, 0600, &err), -ENOENT);
	/* A directory can't be replaced, and no temporary file stays. */
	assert_int_equal(mkdir(in_dir("d"), 0700), 0);
	assert_true(domlet_file_write(in_dir("d"), "1", 1, 0600, &err) < 0);
	assert_int_equal(rmdir(in_dir("d")), 0);
	assert_int_equal(unlink(in_dir("f")), 0);
	assert_int_equal(unlink(in_dir("fifo")), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void mkdir_parents(void **state)
{
	struct domlet_error err = { 0 };
	struct stat st;

	(void)state;
	assert_int_equal(domlet_file_mkdir_parents(in_dir("a//b/c/"), 0711, &err), 0);
	assert_int_equal(domlet_file_mkdir_parents(in_dir("a/b/c"), 0711, &err), 0);
	assert_int_equal(stat(in_dir("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(domlet_file_write(in_dir("f"), "", 0, 0600, &err), 0);
	assert_int_equal(domlet_file_mkdir_parents(in_dir("f"), 0711, &err), -ENOTDIR);
	assert_int_equal(domlet_file_mkdir_parents(in_dir("f/g"), 0711, &err), -ENOTDIR);
	assert_null(strcasestr(err.text, "not a directory: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_gives_code_and_text),
		cmocka_unit_test(prefix_goes_before),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(strerror_avoids_matched_texts),
		cmocka_unit_test(reword_takes_matched_texts_out),
		cmocka_unit_test_setup_teardown(file_round_trip, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(file_refusals, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(mkdir_parents, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
