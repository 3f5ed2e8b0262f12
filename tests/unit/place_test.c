/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose domain a container is put into: records of domains whose containers' proxies are
 * children of the test's, in namespaces of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/cli/place.h"
#include "../../toolstack/oci/plan.h"
#include "../../toolstack/state/domain.h"

#define ALL (CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID)

static char top[64], domains[80], root[80];
static struct domlet_plan plan;
static struct domlet_placed placed;
static struct domlet_error err;
static pid_t children[64];
static size_t child_count;

static _Noreturn void stay(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/* A process in new namespaces; skips the test where nobody may make them. */
static pid_t proxy_in(int namespaces)
{
	int user = geteuid() == 0 ? 0 : CLONE_NEWUSER;
	pid_t pid = (pid_t)syscall(SYS_clone, namespaces | user | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid == 0)
		stay();
	if (pid < 0)
		skip();
	children[child_count++] = pid;
	return pid;
}

static bool enter(pid_t of, const char *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", of, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && setns(fd, 0) == 0;
}

/* A process that has joined the namespaces ipc, uts and net of OF. */
static pid_t proxy_beside(pid_t of)
{
	int done[2];
	char good = 0;
	pid_t pid;

	assert_int_equal(pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		good = (geteuid() == 0 || enter(of, "user")) && enter(of, "ipc") && enter(of, "uts") && enter(of, "net");
		if (write(done[1], &good, 1) == 1)
			stay();
		_exit(1);
	}
	assert_true(pid > 0);
	children[child_count++] = pid;
	assert_int_equal(read(done[0], &good, 1), 1);
	close(done[0]);
	close(done[1]);
	assert_true(good);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (size_t i = 0; i < child_count; i++)
		if (children[i] == pid)
			children[i] = 0;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(domains, sizeof(domains), "%s/domains", top);
	snprintf(root, sizeof(root), "%s/root", top);
	plan = (struct domlet_plan){ .id = strdup("new") };
	err.text[0] = '\0';
	return mkdir(root, 0711);
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	while (child_count > 0)
		if (children[--child_count] > 0) {
			(void)kill(children[child_count], SIGKILL);
			(void)waitpid(children[child_count], NULL, 0);
		}
	domlet_plan_free(&plan);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* The record of a domain that MONITOR watches; the caller adds members, and files it. */
static struct domlet_domain_record domain(const char *uuid, pid_t monitor)
{
	struct domlet_domain_record d = { .domid = 7, .boot_timeout_s = 30, .name = "domlet-x", .type = "pvh" };

	snprintf(d.uuid, sizeof(d.uuid), "%s", uuid);
	assert_int_equal(domlet_pid_of(monitor, &d.monitor), 0);
	return d;
}

static void add(struct domlet_domain_record *d, uint32_t number, const char *id, pid_t proxy)
{
	struct domlet_pid p;

	assert_int_equal(domlet_pid_of(proxy, &p), 0);
	assert_int_equal(domlet_domain_record_set(d, number, root, id, &p), 0);
}

static void file(struct domlet_domain_record *d)
{
	if (domlet_domain_record_create(domains, d, &err) < 0)
		fail_msg("%s", err.text);
	domlet_domain_record_free(d);
}

/* One domain with one container, in namespaces of its own. */
static pid_t one_domain(const char *uuid, uint32_t number, const char *id)
{
	struct domlet_domain_record d = domain(uuid, getpid());
	pid_t proxy = proxy_in(ALL);

	add(&d, number, id, proxy);
	file(&d);
	return proxy;
}

/* The plan joins the namespace TYPE of PID. */
static void join(const char *type, pid_t pid)
{
	const char *name = strcmp(type, "network") == 0 ? "net" : type;
	struct domlet_plan_join *j = &plan.joins[plan.join_count++];
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	assert_int_equal(stat(path, &st), 0);
	*j = (struct domlet_plan_join){
		.type = type, .file = name, .path = strdup(path), .dev = st.st_dev, .ino = st.st_ino, .container = -1
	};
}

/* The network namespace of PID, by a name as engines give it. */
static void join_named_network(pid_t pid)
{
	struct domlet_plan_join *j = &plan.joins[plan.join_count];

	join("network", pid);
	free(j->path);
	j->path = strdup("/run/netns/made");
}

static void forget_joins(void)
{
	while (plan.join_count > 0)
		free(plan.joins[--plan.join_count].path);
}

static void belongs_to(const char *sandbox)
{
	plan.sandbox_role = DOMLET_SANDBOX_CONTAINER;
	free(plan.sandbox_id);
	plan.sandbox_id = strdup(sandbox);
}

static void assert_placed(const char *uuid, bool keeps)
{
	if (domlet_cli_place(domains, root, &plan, &placed, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(placed.uuid, uuid);
	assert_int_equal(placed.keeps, keeps);
}

static void assert_refused(int code, const char *sentence)
{
	assert_int_equal(domlet_cli_place(domains, root, &plan, &placed, &err), -code);
	if (!strstr(err.text, sentence))
		fail_msg("\"%s\" isn't in \"%s\"", sentence, err.text);
	assert_null(strcasestr(err.text, "no such file or directory"));
	for (size_t i = 0; i < plan.join_count; i++)
		assert_int_equal(plan.joins[i].container, -1);
}

static void a_domain_of_its_own(void **state)
{
	(void)state;
	assert_placed("", true); /* and there is no directory of domains */
	(void)one_domain("d1", 0, "a");
	assert_placed("", true);
	plan.sandbox_role = DOMLET_SANDBOX_ITSELF;
	plan.sandbox_id = strdup("new");
	assert_placed("", true);
}

static void namespaces_lead_to_a_domain(void **state)
{
	static const char *const types[] = { "pid", "ipc", "uts", "network" };
	pid_t a;

	(void)state;
	(void)one_domain("d0", 0, "z");
	a = one_domain("d1", 5, "a");
	(void)one_domain("d2", 0, "b");
	for (size_t i = 0; i < 4; i++) {
		forget_joins();
		join(types[i], a);
		assert_placed("d1", true);
		assert_int_equal(plan.joins[0].container, 5);
	}
	forget_joins();
	for (size_t i = 0; i < 4; i++)
		join(types[i], a);
	assert_placed("d1", true);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(plan.joins[i].container, 5);
	/* conmon waits for the monitor's end. */
	plan.by_libpod = true;
	assert_placed("d1", false);
}

/* What no container of domlet's has. */
static void namespaces_of_nobody(void **state)
{
	pid_t foreign = proxy_in(ALL);
	static const char *const types[] = { "pid", "ipc", "uts", "network" };

	(void)state;
	(void)one_domain("d1", 0, "a");
	for (size_t i = 0; i < 4; i++) {
		char text[128];

		forget_joins();
		join(types[i], foreign);
		snprintf(text, sizeof(text), "the %s namespace /proc/%d/ns/%s can't be joined: no running container",
			 types[i], foreign, i == 3 ? "net" : types[i]);
		assert_refused(ENOTSUP, text);
	}
	/* A network that has a name is the caller's, then. */
	forget_joins();
	join_named_network(foreign);
	assert_placed("", true);
	assert_int_equal(plan.joins[0].container, -1);
}

static void a_network_of_the_caller_beside_others(void **state)
{
	pid_t a = one_domain("d1", 1, "a");

	(void)state;
	join_named_network(proxy_in(ALL));
	join("ipc", a);
	assert_placed("d1", true);
	assert_int_equal(plan.joins[0].container, -1);
	assert_int_equal(plan.joins[1].container, 1);
}

static void two_domains(void **state)
{
	pid_t a = one_domain("d1", 0, "a"), b = one_domain("d2", 0, "b");

	(void)state;
	join("ipc", a);
	join("network", b);
	assert_refused(ENOTSUP,
		       "container new can't be in the domain of container a and in that of container b at once");
	/* By annotation and by namespace. */
	forget_joins();
	join("uts", a);
	belongs_to("b");
	assert_refused(ENOTSUP, "domain of container a and in that of container b at once");
	belongs_to("a");
	assert_placed("d1", false);
	plan.joins[0].container = -1;
	/* One namespace that containers of two domains have. */
	struct domlet_domain_record d = domain("d3", getpid());
	add(&d, 0, "c", proxy_beside(a));
	file(&d);
	assert_refused(ENOTSUP, "container a and in that of container c at once");
}

/* The domain is full: whose namespace it is counts, and not who has joined it. */
static void sixteen_members(void **state)
{
	struct domlet_domain_record d = domain("d1", getpid());
	pid_t first = proxy_in(ALL), third;
	char id[8];

	(void)state;
	add(&d, 3, "first", first);
	third = proxy_in(ALL);
	add(&d, 0, "third", third);
	usleep(20000); /* so that the others are younger by a tick of the clock */
	for (uint32_t n = 0; n < 16; n++)
		if (n != 3 && n != 0) {
			snprintf(id, sizeof(id), "m%u", n);
			add(&d, n, id, proxy_beside(first));
		}
	file(&d);
	join("ipc", first);
	join("uts", first);
	join("pid", third);
	assert_placed("d1", true);
	assert_int_equal(plan.joins[0].container, 3);
	assert_int_equal(plan.joins[1].container, 3);
	assert_int_equal(plan.joins[2].container, 0);
	/* When the first one has gone, those that have joined its namespaces still have them. */
	end(first);
	forget_joins();
	join("ipc", children[child_count - 1]);
	assert_placed("d1", true);
	assert_uint_in_range(plan.joins[0].container, 1, 15);
	assert_int_not_equal(plan.joins[0].container, 3);
}

/* A proxy's number means nothing when it is another process's. */
static void dead_proxies(void **state)
{
	struct domlet_domain_record d = domain("d1", getpid());
	pid_t a = proxy_in(ALL), keeper = proxy_beside(a);

	(void)state;
	add(&d, 0, "a", a);
	d.members[0].proxy.start_ticks++; /* as of a process that had the number before */
	add(&d, 1, "b", proxy_in(ALL));
	file(&d);
	join("ipc", a);
	assert_refused(ENOTSUP, "no running container of domlet's is in it");
	belongs_to("a");
	forget_joins();
	assert_refused(ESRCH, "container new belongs to the sandbox a, which is none of domlet's containers");
	plan.sandbox_role = DOMLET_SANDBOX_NONE;

	/* One that has died, and whose namespace is still somebody's. */
	d = domain("d2", getpid());
	add(&d, 0, "c", a);
	file(&d);
	join("ipc", a);
	assert_placed("d2", true);
	end(a);
	forget_joins();
	join("ipc", keeper);
	assert_refused(ENOTSUP, "no running container of domlet's is in it");
}

static void sandboxes(void **state)
{
	pid_t a = one_domain("d1", 4, "sandbox");
	struct domlet_state st = { 0 };
	char link[96];

	(void)state;
	(void)one_domain("d2", 0, "other");
	/* It is enough that the annotation says so: it need not share anything. */
	belongs_to("sandbox");
	assert_placed("d1", false);
	/* A network that CNI has made is the sandbox's proxy's. */
	join("network", a);
	assert_placed("d1", false);
	assert_int_equal(plan.joins[0].container, 4);
	forget_joins();
	/* By any name of the root, but of that root alone. */
	snprintf(link, sizeof(link), "%s/link", top);
	assert_int_equal(symlink("root", link), 0);
	assert_int_equal(domlet_cli_place(domains, link, &plan, &placed, &err), 0);
	assert_string_equal(placed.uuid, "d1");
	assert_int_equal(domlet_cli_place(domains, top, &plan, &placed, &err), -ESRCH);
	assert_int_equal(domlet_cli_place(domains, "/nowhere/root", &plan, &placed, &err), -ESRCH);

	belongs_to("gone");
	assert_refused(ESRCH,
		       "belongs to the sandbox gone, which is none of domlet's containers: make the sandbox first");
	/* Its record is there still. */
	belongs_to("sandbox");
	assert_int_equal(domlet_state_create(root, "sandbox", &st, &err), 0);
	domlet_state_free(&st);
	end(a);
	assert_refused(ESRCH, "belongs to the sandbox sandbox, which has stopped");
}

/* An image may have podman's annotations: alone they place nobody. */
static void annotations_of_podman(void **state)
{
	pid_t a = one_domain("d1", 0, "infra"), b = one_domain("d2", 0, "other");

	(void)state;
	plan.by_libpod = true;
	belongs_to("infra");
	assert_placed("", true);
	join("ipc", a);
	assert_placed("d1", false);
	forget_joins();
	join("ipc", b);
	assert_refused(ENOTSUP, "container other and in that of container infra at once");
	/* The sandbox of a pod without an infra container is no container. */
	belongs_to("pod");
	assert_placed("d2", false);
}

static void a_domain_without_monitor(void **state)
{
	pid_t monitor = proxy_in(0), a = proxy_in(ALL);
	struct domlet_domain_record d = domain("d1", monitor);

	(void)state;
	add(&d, 0, "a", a);
	file(&d);
	join("ipc", a);
	assert_placed("d1", true);
	plan.joins[0].container = -1;
	end(monitor);
	assert_refused(ESRCH, "domain of container a: the monitor of that domain has ended");
	forget_joins();
	belongs_to("a");
	assert_refused(ESRCH, "the monitor of that domain has ended");
	/* Others have nothing to do with it. */
	plan.sandbox_role = DOMLET_SANDBOX_NONE;
	join_named_network(proxy_in(ALL));
	assert_placed("", true);
}

/* A number that another container has got since says nothing of what was joined. */
static void numbers_that_are_given_again(void **state)
{
	struct domlet_domain_record d = domain("d1", getpid());
	pid_t a = proxy_in(ALL), b = proxy_in(ALL);

	(void)state;
	add(&d, 0, "a", a);
	add(&d, 1, "b", b);
	file(&d);
	assert_placed("", true);
	assert_int_equal(domlet_cli_place_check(domains, &placed, &err), 0);
	join("ipc", a);
	join("uts", a);
	join("pid", b);
	assert_placed("d1", true);
	assert_int_equal(placed.beside_count, 3);
	assert_int_equal(domlet_cli_place_check(domains, &placed, &err), 0);
	/* One that ends later is none of the newcomer's concern. */
	assert_int_equal(domlet_domain_record_load(domains, "d1", &d, &err), 0);
	assert_int_equal(domlet_domain_record_set(&d, 0, NULL, NULL, NULL), 0);
	assert_int_equal(domlet_domain_record_save(&d, &err), 0);
	assert_int_equal(domlet_cli_place_check(domains, &placed, &err), 0);
	add(&d, 0, "c", b);
	assert_int_equal(domlet_domain_record_save(&d, &err), 0);
	assert_int_equal(domlet_cli_place_check(domains, &placed, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "container c has taken its place in domain domlet-x"));
	/* Nor does a domain that has gone. */
	assert_int_equal(domlet_domain_record_remove(&d, &err), 0);
	assert_int_equal(domlet_cli_place_check(domains, &placed, &err), 0);
	domlet_domain_record_free(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_domain_of_its_own),
		TEST(namespaces_lead_to_a_domain),
		TEST(namespaces_of_nobody),
		TEST(a_network_of_the_caller_beside_others),
		TEST(two_domains),
		TEST(sixteen_members),
		TEST(dead_proxies),
		TEST(sandboxes),
		TEST(annotations_of_podman),
		TEST(a_domain_without_monitor),
		TEST(numbers_that_are_given_again),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
