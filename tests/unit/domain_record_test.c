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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/state/domain.h"

#define UUID "12345678-1234-1234-1234-123456789012"

static char top[64], domains[128];

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	(void)snprintf(domains, sizeof domains, "%s/run/domains", top);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static void make(struct domlet_domain_record *d)
{
	struct domlet_error err;

	*d = (struct domlet_domain_record){
		.uuid = UUID, .name = "domlet-x", .type = "pvh", .domid = 7, .boot_timeout_s = 60
	};
	d->monitor_cgroup = strdup("/sys/fs/cgroup/domlet/x");
	assert_int_equal(domlet_pid_of(getpid(), &d->monitor), 0);
	assert_int_equal(domlet_domain_record_set(d, 3, "/run/domlet", "c3", &d->monitor), 0);
	assert_int_equal(domlet_domain_record_create(domains, d, &err), 0);
}

static void assert_same(const struct domlet_pid *a, const struct domlet_pid *b)
{
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->start_ticks, b->start_ticks);
}

static void what_is_saved_is_loaded(void **state)
{
	struct domlet_domain_record d, now;
	struct domlet_error err;

	(void)state;
	make(&d);
	assert_int_equal(domlet_domain_record_set(&d, 15, "/run/other", "c15", &d.monitor), 0);
	assert_int_equal(domlet_domain_record_save(&d, &err), 0);
	assert_int_equal(domlet_domain_record_load(domains, UUID, &now, &err), 0);
	assert_string_equal(now.domains, d.domains);
	assert_string_equal(now.uuid, UUID);
	assert_string_equal(now.name, "domlet-x");
	assert_string_equal(now.type, "pvh");
	assert_int_equal(now.domid, 7);
	assert_int_equal(now.boot_timeout_s, 60);
	assert_string_equal(now.monitor_cgroup, "/sys/fs/cgroup/domlet/x");
	assert_same(&now.monitor, &d.monitor);
	assert_null(now.members[0].id);
	assert_string_equal(now.members[3].id, "c3");
	assert_string_equal(now.members[15].root, "/run/other");
	assert_same(&now.members[15].proxy, &d.monitor);
	domlet_domain_record_free(&now);
	assert_int_equal(domlet_domain_record_set(&d, 3, NULL, NULL, NULL), 0);
	assert_null(d.members[3].id);
	assert_true(domlet_domain_record_exists(domains, UUID));
	assert_int_equal(domlet_domain_record_remove(&d, &err), 0);
	assert_false(domlet_domain_record_exists(domains, UUID));
	assert_int_equal(domlet_domain_record_load(domains, UUID, &now, &err), -ENOENT);
	domlet_domain_record_free(&d);
}

static int count(struct domlet_domain_record *d, void *arg)
{
	assert_string_equal(d->uuid, UUID);
	++*(int *)arg;
	return 0;
}

static void others_in_the_directory_are_passed_over(void **state)
{
	struct domlet_domain_record d;
	char path[256];
	int n = 0;

	(void)state;
	assert_int_equal(domlet_domain_record_each(domains, count, &n), 0);
	make(&d);
	(void)snprintf(path, sizeof path, "%s/x", domains);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/:new-1-1", domains);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(domlet_domain_record_each(domains, count, &n), 0);
	assert_int_equal(n, 1);
	domlet_domain_record_sweep(domains);
	assert_int_equal(access(path, F_OK), -1); /* its maker is not that process 1 */
	domlet_domain_record_free(&d);
}

static void garbage_is_refused(void **state)
{
	static const char *const records[] = {
		"",
		"{",
		"[]",
		"{\"version\":1}",
		"{\"version\":2,\"name\":\"n\"}",
		"{\"version\":1,\"name\":\"n\",\"type\":\"pvh\",\"domid\":1,\"monitorPid\":1,\"monitorStart\":1,\"bootTimeout\":1,"
		"\"containers\":[{\"number\":16,\"root\":\"/r\",\"id\":\"i\",\"proxyPid\":1,\"proxyStart\":1}]}",
		"{\"version\":1,\"name\":\"n\",\"type\":\"long\",\"domid\":1,\"monitorPid\":1,\"monitorStart\":1,\"bootTimeout\":1,"
		"\"containers\":[]}",
	};
	struct domlet_domain_record d, now;
	struct domlet_error err;
	char path[4200];

	(void)state;
	make(&d);
	domlet_domain_record_path(&d, "domlet.json", path, sizeof path);
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		assert_int_equal(domlet_file_write(path, records[i], strlen(records[i]), 0600, &err), 0);
		assert_int_equal(domlet_domain_record_load(domains, UUID, &now, &err), -EUCLEAN);
		assert_non_null(strstr(err.text, path));
	}
	assert_int_equal(domlet_domain_record_load(domains, "..", &now, &err), -ENOENT);
	assert_int_equal(domlet_domain_record_load(domains, ":new-1-1", &now, &err), -ENOENT);
	domlet_domain_record_free(&d);
}

static void one_at_a_time_has_the_lock(void **state)
{
	struct domlet_domain_record d, now;
	struct domlet_error err;
	int lock, again;

	(void)state;
	make(&d);
	lock = domlet_domain_record_lock(domains, UUID, 100, &now, &err);
	assert_true(lock >= 0);
	domlet_domain_record_free(&now);
	assert_int_equal(domlet_domain_record_lock(domains, UUID, 100, &now, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "domain " UUID));
	close(lock);
	again = domlet_domain_record_lock(domains, UUID, 100, &now, &err);
	assert_true(again >= 0);
	close(again);
	domlet_domain_record_free(&now);
	assert_int_equal(domlet_domain_record_remove(&d, &err), 0);
	assert_int_equal(domlet_domain_record_lock(domains, UUID, 100, &now, &err), -ENOENT);
	domlet_domain_record_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_saved_is_loaded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_in_the_directory_are_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(garbage_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_at_a_time_has_the_lock, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
