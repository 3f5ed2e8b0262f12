/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reap_run.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/xen/xen.h"

struct xen *xen;
char top[32], root[80], other_root[80], domains[48], cgroup[80], monitor_cgroup[80];
struct domlet_cli cli = { .root = root, .domains = domains, .log = { .fd = -1, .system = "/nowhere" } };

bool share_xen(void)
{
	xen = mmap(NULL, sizeof *xen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return xen != MAP_FAILED;
}

int domlet_xen_destroy_uuid(const char *uuid, uint32_t domid, struct domlet_error *err)
{
	__atomic_add_fetch(&xen->destroys, 1, __ATOMIC_SEQ_CST);
	(void)snprintf(xen->uuid, sizeof xen->uuid, "%s", uuid);
	xen->domid = domid;
	while (__atomic_load_n(&xen->hold, __ATOMIC_SEQ_CST))
		(void)usleep(10000);
	return xen->fail ? domlet_error_set(err, EIO, "Xen is out of order") : 0;
}

int set_up(void **state)
{
	(void)state;
	memset(xen, 0, sizeof *xen);
	(void)snprintf(top, sizeof top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	(void)snprintf(root, sizeof root, "%s/root", top);
	(void)snprintf(other_root, sizeof other_root, "%s/other", top);
	(void)snprintf(domains, sizeof domains, "%s/domains", top);
	(void)snprintf(cgroup, sizeof cgroup, "%s/cgroup", top);
	(void)snprintf(monitor_cgroup, sizeof monitor_cgroup, "%s/monitor", top);
	return 0;
}

int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

bool exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

void ms(unsigned int n)
{
	(void)usleep(n * 1000);
}

void nobody(struct domlet_pid *p)
{
	assert_int_equal(domlet_pid_of(getpid(), p), 0);
	p->start_ticks++;
}

void make_domain(const char *uuid, const struct domlet_pid *monitor)
{
	struct domlet_domain_record d = { .name = "domlet-c1", .type = "pvh", .domid = 7, .monitor = *monitor };
	struct domlet_error err;

	(void)snprintf(d.uuid, sizeof d.uuid, "%s", uuid);
	d.monitor_cgroup = strdup(monitor_cgroup);
	if (domlet_domain_record_create(domains, &d, &err) < 0)
		fail_msg("%s", err.text);
	domlet_domain_record_free(&d);
	(void)mkdir(monitor_cgroup, 0700);
}

void make(struct domlet_state *st, const char *uuid)
{
	struct domlet_error err;

	if (domlet_state_create(root, "c1", st, &err) < 0)
		fail_msg("%s", err.text);
	(void)snprintf(st->uuid, sizeof st->uuid, "%s", uuid);
	st->cgroup = strdup(cgroup);
	st->generation = 1;
	assert_int_equal(domlet_state_save(st, &err), 0);
	make_domain(uuid, &st->monitor);
	assert_int_equal(mkdir(cgroup, 0700), 0);
}

void load(struct domlet_state *st)
{
	struct domlet_error err;

	if (domlet_state_load(root, "c1", st, &err) < 0)
		fail_msg("%s", err.text);
}

void leave(enum domlet_status status, const char *uuid)
{
	struct domlet_domain_record d;
	struct domlet_error err;
	struct domlet_state st;

	make(&st, uuid);
	nobody(&st.monitor);
	assert_int_equal(domlet_domain_record_load(domains, uuid, &d, &err), 0);
	d.monitor = st.monitor;
	assert_int_equal(domlet_domain_record_save(&d, &err), 0);
	domlet_domain_record_free(&d);
	st.status = status;
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
}

void wait_for_record(struct domlet_state *st)
{
	int i = 0;

	while (domlet_state_load(root, "c1", st, NULL) < 0) {
		assert_true(i++ < 500);
		ms(10);
	}
}

void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}
