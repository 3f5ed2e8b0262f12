/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a container's cgroup is, who made it, and what is refused in it.
 * Cgroups are directories below the working directory.
 */
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
#include "../../toolstack/dom0/cgroup.h"
#include "../../toolstack/dom0/scope.h"

static char top[64];

static int set_up(void **state)
{
	(void)state;
	(void)strcpy(top, "/tmp/domlet-test-XXXXXX");
	return mkdtemp(top) && chdir(top) == 0 && mkdir("cgroup", 0700) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void where_they_are(void **state)
{
	static const struct {
		const char *cgroups_path, *path;
	} cases[] = {
		{ NULL, "cgroup/domlet/me" },
		{ "", "cgroup/domlet/me" },
		{ "/docker/1", "cgroup/docker/1" },
		{ "ns/1", "cgroup/ns/1" },
		{ "/", "cgroup/" },
		{ "//", "cgroup/" },
		{ "/docker/1/", "cgroup/docker/1" },
		{ "/a..b", "cgroup/a..b" },
		/* A path may have colons. */
		{ "/a:b:c", "cgroup/a:b:c" },
		{ "a:b", "cgroup/a:b" },
		{ "a:b:c:d", "cgroup/a:b:c:d" },
		{ "k8s/a:b:c", "cgroup/k8s/a:b:c" },
		/* systemd's. */
		{ "system.slice:docker:1", "cgroup/system.slice/docker-1.scope" },
		{ ":docker:1", "cgroup/system.slice/docker-1.scope" },
		{ "a-b.slice:libpod:1", "cgroup/a.slice/a-b.slice/libpod-1.scope" },
		{ "kubepods-burstable-pod1.slice:cri-containerd:1",
		  "cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-1.scope" },
		{ "-.slice:p:1", "cgroup/p-1.scope" },
		{ "machine.slice::1", "cgroup/machine.slice/-1.scope" },
		{ "machine.slice:p:x.slice", "cgroup/machine.slice/x.slice" },
	};
	static const char *const wrong[] = { "/a/../b",      "..",           "a/..",
					     "machine:p:1",  ".slice:p:1",   "a--b.slice:p:1",
					     "-a.slice:p:1", "a-.slice:p:1", "machine.slice:p:" };
	struct domlet_error err;
	char path[4096], small[24];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (domlet_cgroup_path(cases[i].cgroups_path, "me", path, sizeof path, &err) < 0)
			fail_msg("%s", err.text);
		assert_string_equal(path, cases[i].path);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(domlet_cgroup_path(wrong[i], "me", path, sizeof path, &err), -EINVAL);
		assert_non_null(strstr(err.text, wrong[i]));
	}
	assert_int_equal(domlet_cgroup_path("system.slice:docker:123456", "me", small, sizeof small, &err), -EINVAL);
	assert_int_equal(domlet_cgroup_path("/system/docker/123456789", "me", small, sizeof small, &err), -EINVAL);
}

static void who_made_one(void **state)
{
	struct domlet_error err;

	(void)state;
	domlet_cgroup_make_parents("cgroup/a/b/c");
	assert_true(domlet_cgroup_exists("cgroup/a/b"));
	assert_false(domlet_cgroup_exists("cgroup/a/b/c"));
	assert_int_equal(domlet_cgroup_make("cgroup/a/b/c", &err), 1);
	assert_true(domlet_cgroup_exists("cgroup/a/b/c"));
	assert_int_equal(domlet_cgroup_make("cgroup/a/b/c", &err), 0);
	assert_int_equal(domlet_cgroup_make("cgroup/x/y", &err), -ENOENT);
	domlet_cgroup_remove("cgroup/a/b/c");
	assert_false(domlet_cgroup_exists("cgroup/a/b/c"));
	domlet_cgroup_remove(NULL);
}

static void a_frozen_one_is_refused(void **state)
{
	struct domlet_error err;

	(void)state;
	domlet_cgroup_make_parents("cgroup/a/b/c");
	assert_int_equal(domlet_cgroup_refuse_frozen("cgroup/a/b", &err), 0); /* an older kernel: no such file */
	put("cgroup/a/b/cgroup.freeze", "0\n");
	assert_int_equal(domlet_cgroup_refuse_frozen("cgroup/a/b", &err), 0);
	put("cgroup/a/b/cgroup.freeze", "1\n");
	assert_int_equal(domlet_cgroup_refuse_frozen("cgroup/a/b", &err), -EBUSY);
	assert_non_null(strstr(err.text, "container's cgroup unexpectedly frozen: cgroup/a/b:"));
	/* Who is in one below is frozen, too. */
	put("cgroup/a/b/cgroup.freeze", "0\n");
	put("cgroup/a/cgroup.freeze", "1\n");
	assert_int_equal(domlet_cgroup_refuse_frozen("cgroup/a/b", &err), -EBUSY);
	assert_non_null(strstr(err.text, "frozen: cgroup/a:"));
	assert_int_equal(domlet_cgroup_refuse_frozen("cgroup/", &err), 0);
}

static void processes_are_counted(void **state)
{
	(void)state;
	domlet_cgroup_make_parents("cgroup/a/b/c");
	assert_int_equal(domlet_cgroup_processes("cgroup/a"), 0);
	put("cgroup/a/cgroup.procs", "12\n345\n");
	put("cgroup/a/b/cgroup.procs", "6\n");
	assert_int_equal(domlet_cgroup_processes("cgroup/a"), 3);
	assert_int_equal(domlet_cgroup_processes("cgroup/none"), 0);
}

/* That it is really in one, the tests in a dom0 see. */
static void a_monitors_own(void **state)
{
	struct domlet_error err;
	struct stat info;
	char path[64];

	(void)state;
	domlet_cgroup_of_monitor("uuid", path, sizeof path);
	assert_string_equal(path, "cgroup/domlet/uuid");
	/* Where nobody can be put into it, as with version 1, nothing is left. */
	assert_int_equal(domlet_cgroup_enter(path, &err), -ENOENT);
	assert_string_equal(err.text, "can't enter the cgroup cgroup/domlet/uuid: it does not exist");
	assert_int_equal(stat(path, &info), -1);
	put("cgroup/domlet/cgroup.freeze", "1\n");
	assert_int_equal(domlet_cgroup_enter(path, &err), -EBUSY);
	assert_int_equal(stat(path, &info), -1);
	/* One that is still in it leaves it to others. */
	assert_int_equal(mkdir(path, 0700), 0);
	domlet_cgroup_leave(path);
	assert_int_equal(stat(path, &info), 0);
	put("cgroup/cgroup.procs", "");
	domlet_cgroup_leave(path);
	assert_int_equal(stat(path, &info), -1);
	assert_int_equal(domlet_cgroup_processes("cgroup"), 0);
	assert_int_equal(stat("cgroup/cgroup.procs", &info), 0);
	assert_int_equal(info.st_size, 1); /* "0": itself */
	domlet_cgroup_leave(NULL);
}

/* That systemd makes it, the tests in a dom0 see. */
static void a_scope_of_systemds(void **state)
{
	char path[64];

	(void)state;
	assert_false(domlet_scope_is("cgroup/domlet.slice/domlet-uuid.scope"));
	assert_int_equal(mkdir("systemd", 0700), 0);
	domlet_cgroup_of_monitor("uuid", path, sizeof path);
	assert_string_equal(path, "cgroup/domlet.slice/domlet-uuid.scope");
	assert_true(domlet_scope_is(path));
	assert_false(domlet_scope_is("cgroup/domlet.slice"));
	assert_false(domlet_scope_is("cgroup/.scope/domlet"));
	assert_false(domlet_scope_is(".scope"));
	assert_int_equal(rmdir("systemd"), 0);
	domlet_scope_release(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(where_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_made_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_frozen_one_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(processes_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitors_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_scope_of_systemds, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
