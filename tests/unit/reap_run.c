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
char top[64], root[80], cgroup[80], monitor_cgroup[80];
struct domlet_cli cli = { .root = root, .log = { .fd = -1, .system = "/nowhere" } };

bool share_xen(void)
{
	xen = mmap(NULL, sizeof *xen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return xen != MAP_FAILED;
}

int domlet_xen_destroy_uuid(const char *uuid, uint32_t domid, struct domlet_error *err)
{
	__atomic_add_fetch(&xen->destroys, 1, __ATOMIC_SEQ_CST);
	(void)snprintf(xen->uuid, sizeof xen->uuid, "%s", uuid);
	(void)domid;
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

void make(struct domlet_state *st, const char *uuid)
{
	struct domlet_error err;

	if (domlet_state_create(root, "c1", st, &err) < 0)
		fail_msg("%s", err.text);
	(void)snprintf(st->uuid, sizeof st->uuid, "%s", uuid);
	st->cgroup = strdup(cgroup);
	st->monitor_cgroup = strdup(monitor_cgroup);
	assert_int_equal(domlet_state_save(st, &err), 0);
	assert_int_equal(mkdir(cgroup, 0700), 0);
	(void)mkdir(monitor_cgroup, 0700);
}

void load(struct domlet_state *st)
{
	struct domlet_error err;

	if (domlet_state_load(root, "c1", st, &err) < 0)
		fail_msg("%s", err.text);
}

void leave(enum domlet_status status, const char *uuid)
{
	struct domlet_error err;
	struct domlet_state st;

	make(&st, uuid);
	st.monitor.start_ticks++; /* nobody's */
	st.domid = 7;
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
