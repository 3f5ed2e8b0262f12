/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What callers find in a proxy, and what a proxy can't do. For root, who may
 * make namespaces. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/dom0/pid.h"
#include "../../toolstack/proxy/confine.h"
#include "../../toolstack/proxy/proxy.h"

static const char *const spaces[] = { "mnt", "pid", "ipc", "uts", "net", "cgroup" };

static char rootfs[64];
static struct domlet_error err;

static void copy_program(const char *to)
{
	char command[256];

	(void)snprintf(command, sizeof command, "cp /proc/self/exe %s/%s/program", rootfs, to);
	assert_int_equal(system(command), 0);
}

/* A root file system with another one mounted in it; in a mount namespace of ours. */
static int set_up(void **state)
{
	char sub[128];

	(void)state;
	/* Shared, as dom0's mounts are, but not with them. */
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		return 0;
	strcpy(rootfs, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(rootfs))
		return -1;
	(void)snprintf(sub, sizeof sub, "%s/proc", rootfs);
	(void)mkdir(sub, 0755);
	(void)snprintf(sub, sizeof sub, "%s/sub", rootfs);
	if (mkdir(sub, 0755) < 0 || mount("tmpfs", sub, "tmpfs", 0, NULL) < 0)
		return -1;
	copy_program(".");
	copy_program("sub");
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	if (!rootfs[0])
		return 0;
	(void)snprintf(command, sizeof command, "umount %s/sub; umount %s/late 2>/dev/null; rm -rf %s", rootfs, rootfs,
		       rootfs);
	return system(command);
}

struct running {
	pid_t pid;
	int fd; /* the monitor's end */
};

static struct domlet_proxy make(int *monitor)
{
	int pair[2];

	if (!rootfs[0])
		skip();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*monitor = pair[0];
	return (struct domlet_proxy){ .fd = pair[1], .tty = -1, .name = "shadow", .hostname = "shadow", .rootfs = rootfs };
}

static struct running run(struct domlet_proxy *p, int monitor)
{
	struct domlet_proxy_handle h;

	if (domlet_proxy_spawn(p, &h, &err) < 0 || domlet_proxy_enter_root(&h, &err) < 0)
		fail_msg("%s", err.text);
	close(p->fd);
	return (struct running){ .pid = h.pid, .fd = monitor };
}

static struct running start(void)
{
	int monitor;
	struct domlet_proxy p = make(&monitor);

	return run(&p, monitor);
}

static int end(const struct running *r)
{
	int status;

	(void)send(r->fd, "{\"exit\":7}", strlen("{\"exit\":7}"), MSG_NOSIGNAL);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	close(r->fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void space_of(const char *pid, const char *space, char link[64])
{
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%s/ns/%s", pid, space);
	n = readlink(path, link, 63);
	assert_true(n > 0);
	link[n] = '\0';
}

static bool shares(pid_t pid, const char *space, const char *with)
{
	char number[16], its[64], other[64];

	(void)snprintf(number, sizeof number, "%d", pid);
	space_of(number, space, its);
	space_of(with, space, other);
	return strcmp(its, other) == 0;
}

/* What LOOK returns in the mount namespace (and pid namespace) of PID. */
static int inside(pid_t pid, int (*look)(void))
{
	pid_t child = fork();
	int status, target;

	if (child == 0) {
		target = pidfd_open(pid, 0);
		_exit(target < 0 || setns(target, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0 ? 255 : look());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void its_namespaces_are_its_own(void **state)
{
	struct running r = start();

	(void)state;
	for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
		assert_false(shares(r.pid, spaces[i], "self"));
	assert_int_equal(end(&r), 7);
}

static int execute(const char *path)
{
	char *args[] = { (char *)(uintptr_t)path, NULL };

	execv(path, args);
	return errno;
}

static int execute_its_program(void)
{
	return execute("/program");
}
static int execute_below(void)
{
	return execute("/sub/program");
}
static int find_what_comes_later(void)
{
	return access("/late/program", F_OK) < 0 ? errno : 0;
}

static int write_both(void)
{
	return open("/written", O_CREAT | O_WRONLY, 0644) < 0 || open("/sub/written", O_CREAT | O_WRONLY, 0644) < 0 ?
		       errno :
		       0;
}

/* By nsenter or by its root's path: nobody runs what an image brings. */
static void nothing_in_its_root_is_executed(void **state)
{
	struct running r = start();
	char path[128], late[128];

	(void)state;
	assert_int_equal(inside(r.pid, execute_its_program), EACCES);
	assert_int_equal(inside(r.pid, execute_below), EACCES);
	(void)snprintf(path, sizeof path, "/proc/%d/root/program", r.pid);
	assert_int_equal(execute(path), EACCES);
	(void)snprintf(late, sizeof late, "%s/late", rootfs);
	assert_int_equal(mkdir(late, 0755), 0);
	assert_int_equal(mount("tmpfs", late, "tmpfs", 0, NULL), 0);
	copy_program("late");
	assert_int_equal(inside(r.pid, find_what_comes_later), ENOENT);

	assert_int_equal(inside(r.pid, write_both), 0);
	(void)snprintf(path, sizeof path, "%s/written", rootfs);
	assert_int_equal(access(path, F_OK), 0);
	(void)snprintf(path, sizeof path, "%s/sub/written", rootfs);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(end(&r), 7);
}

static int count_processes(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (proc && (e = readdir(proc)))
		n += e->d_name[0] >= '0' && e->d_name[0] <= '9';
	return n;
}

static int read_only_proc(void)
{
	struct statvfs fs;

	return statvfs("/proc", &fs) < 0 || !(fs.f_flag & ST_RDONLY);
}

static void its_proc_has_it_alone(void **state)
{
	struct running r = start();

	(void)state;
	assert_int_equal(inside(r.pid, count_processes), 1);
	assert_int_equal(inside(r.pid, read_only_proc), 0);
	assert_int_equal(end(&r), 7);
}

static void assert_status(pid_t pid, const char *key, const char *value)
{
	char path[64], line[256] = "";
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f) && strncmp(line, key, strlen(key)) != 0)
		;
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(strchr(line, '\t') + 1, value);
	fclose(f);
}

static void assert_confined(pid_t pid)
{
	static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	char path[64], link[PATH_MAX];
	pid_t child;
	int status;

	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
		assert_status(pid, sets[i], "0000000000000000");
	assert_status(pid, "NoNewPrivs:", "1");
	assert_status(pid, "Seccomp:", "2");
	(void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
	assert_true(readlink(path, link, sizeof link) > 0); /* with CAP_SYS_PTRACE */
	child = fork();
	if (child == 0)
		_exit(cap_set_mode(CAP_MODE_NOPRIV) < 0 || readlink(path, link, sizeof link) >= 0 || errno != EACCES);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void it_keeps_no_privilege(void **state)
{
	struct running r = start();

	(void)state;
	assert_confined(r.pid);
	assert_int_equal(end(&r), 7);
}

static int window_size(void)
{
	struct winsize ws;

	return ioctl(0, TIOCGWINSZ, &ws) == 0 || errno == ENOTTY || errno == EBADF ? 0 : errno;
}

static int type_into_a_terminal(void)
{
	return ioctl(0, TIOCSTI, "");
}
static int open_a_file(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}
static int run_a_program(void)
{
	return execl("/bin/true", "true", NULL);
}
static int send_a_signal(void)
{
	return kill(getppid(), 0);
}

static int confined(int (*what)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(domlet_proxy_confine() < 0 ? 99 : what());
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void other_calls_kill_it(void **state)
{
	(void)state;
	if (!rootfs[0])
		skip();
	assert_int_equal(confined(window_size), 0);
	assert_int_equal(confined(type_into_a_terminal), -SIGSYS);
	assert_int_equal(confined(open_a_file), -SIGSYS);
	assert_int_equal(confined(run_a_program), -SIGSYS);
	assert_int_equal(confined(send_a_signal), -SIGSYS);
}

static void assert_hears(int fd, const char *text)
{
	char said[128];
	ssize_t n = recv(fd, said, sizeof said - 1, 0);

	assert_true(n > 0);
	said[n] = '\0';
	assert_string_equal(said, text);
}

/* Being stopped interrupts the call in which it waits. */
static void it_forwards_all_the_same(void **state)
{
	int monitor, master, slave;
	struct domlet_proxy p = make(&monitor);
	struct running r;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, &(struct winsize){ .ws_row = 11, .ws_col = 22 }), 0);
	p.tty = slave;
	r = run(&p, monitor);
	assert_int_equal(kill(r.pid, SIGTERM), 0);
	assert_hears(r.fd, "{\"verb\":\"signal\",\"signo\":15}");
	assert_int_equal(kill(r.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(r.pid, NULL, WUNTRACED), r.pid);
	assert_int_equal(kill(r.pid, SIGCONT), 0);
	assert_hears(r.fd, "{\"verb\":\"signal\",\"signo\":18}");
	assert_int_equal(kill(r.pid, SIGWINCH), 0);
	assert_hears(r.fd, "{\"verb\":\"winsize\",\"rows\":11,\"cols\":22}");
	close(master);
	close(slave);
	assert_int_equal(end(&r), 7);
}

/* As docker's hook and "ip netns" do. */
static void its_network_can_be_kept(void **state)
{
	struct running r = start();
	char from[64], to[128];

	(void)state;
	(void)snprintf(from, sizeof from, "/proc/%d/ns/net", r.pid);
	(void)snprintf(to, sizeof to, "%s/written", rootfs);
	assert_int_equal(mount(from, to, NULL, MS_BIND, NULL), 0);
	assert_int_equal(umount2(to, MNT_DETACH), 0);
	assert_int_equal(end(&r), 7);
}

/* The place for the path of the namespace SPACE. */
static const char **path_of(struct domlet_proxy *p, const char *space)
{
	return strcmp(space, "net") == 0 ? &p->net_path :
	       strcmp(space, "ipc") == 0 ? &p->ipc_path :
	       strcmp(space, "uts") == 0 ? &p->uts_path :
	       strcmp(space, "pid") == 0 ? &p->pid_path :
					   NULL;
}

static void namespaces_are_joined_but_dom0s(void **state)
{
	struct domlet_proxy_handle h;
	struct running first = start();
	char path[64], number[16];
	int status;

	(void)state;
	(void)snprintf(number, sizeof number, "%d", first.pid);
	for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
		int monitor;
		struct domlet_proxy p = make(&monitor);
		const char **place = path_of(&p, spaces[i]);
		struct running joined;

		if (!place) {
			close(p.fd);
			close(monitor);
			continue;
		}
		*place = path;
		(void)snprintf(path, sizeof path, "/proc/self/ns/%s", spaces[i]);
		assert_int_equal(domlet_proxy_spawn(&p, &h, &err), -EPERM);
		assert_non_null(strstr(err.text, path));
		if (h.pid > 0)
			assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
		(void)snprintf(path, sizeof path, "/proc/%d/ns/%s", first.pid, spaces[i]);
		joined = run(&p, monitor);
		for (size_t k = 0; k < sizeof spaces / sizeof spaces[0]; k++) {
			assert_false(shares(joined.pid, spaces[k], "self"));
			assert_int_equal(shares(joined.pid, spaces[k], number), k == i);
		}
		assert_confined(joined.pid);
		assert_int_equal(kill(joined.pid, SIGTERM), 0);
		assert_hears(joined.fd, "{\"verb\":\"signal\",\"signo\":15}");
		assert_int_equal(end(&joined), 7);
	}
	assert_int_equal(end(&first), 7);
}

static void all_are_joined(void **state)
{
	int monitor;
	struct running first = start(), joined;
	struct domlet_proxy p = make(&monitor);
	char paths[4][64], number[16];
	int status;

	(void)state;
	p.hostname = "another";
	(void)snprintf(number, sizeof number, "%d", first.pid);
	for (size_t i = 0, n = 0; i < sizeof spaces / sizeof spaces[0]; i++)
		if (path_of(&p, spaces[i])) {
			(void)snprintf(paths[n], sizeof paths[n], "/proc/%d/ns/%s", first.pid, spaces[i]);
			*path_of(&p, spaces[i]) = paths[n++];
		}
	joined = run(&p, monitor);
	for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
		assert_int_equal(shares(joined.pid, spaces[i], number), path_of(&p, spaces[i]) != NULL);
	assert_int_equal(inside(joined.pid, count_processes), 2);
	assert_int_equal(inside(joined.pid, execute_its_program), EACCES);
	/* The pid namespace ends with its first process, as soon as the others are waited for. */
	assert_true(send(first.fd, "{\"exit\":7}", strlen("{\"exit\":7}"), MSG_NOSIGNAL) > 0);
	assert_int_equal(waitpid(joined.pid, &status, 0), joined.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(end(&first), 7);
	close(joined.fd);
}

static void another_beside_it(void **state)
{
	int monitor;
	struct domlet_proxy p = make(&monitor);
	struct running first = start(), second = { .fd = monitor };
	struct domlet_pid ref;
	char number[16];

	(void)state;
	assert_int_equal(domlet_pid_of(first.pid, &ref), 0);
	ref.start_ticks++; /* its pid was somebody else's before */
	assert_int_equal(domlet_proxy_spawn_beside(&p, &ref, &err), -ESRCH);
	ref.start_ticks--;
	second.pid = domlet_proxy_spawn_beside(&p, &ref, &err);
	assert_true(second.pid > 0);
	close(p.fd);
	(void)snprintf(number, sizeof number, "%d", first.pid);
	for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
		assert_true(shares(second.pid, spaces[i], number));
	assert_int_equal(kill(second.pid, SIGTERM), 0);
	assert_hears(second.fd, "{\"verb\":\"signal\",\"signo\":15}"); /* so it has settled */
	assert_confined(second.pid);
	assert_int_equal(inside(second.pid, execute_its_program), EACCES);
	assert_int_equal(end(&second), 7);
	assert_int_equal(end(&first), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_namespaces_are_its_own),
		cmocka_unit_test(nothing_in_its_root_is_executed),
		cmocka_unit_test(its_proc_has_it_alone),
		cmocka_unit_test(it_keeps_no_privilege),
		cmocka_unit_test(other_calls_kill_it),
		cmocka_unit_test(it_forwards_all_the_same),
		cmocka_unit_test(its_network_can_be_kept),
		cmocka_unit_test(namespaces_are_joined_but_dom0s),
		cmocka_unit_test(all_are_joined),
		cmocka_unit_test(another_beside_it),
	};

	return cmocka_run_group_tests_name("proxy", tests, set_up, tear_down);
}
