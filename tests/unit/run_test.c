/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `domlet run` around a launch and a Xen of this file's own: what is left of
 * a container that could be created and not started.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/cli/launch.h"
#include "../../toolstack/xen/xen.h"

static char top[64], root[80], domains[80], cgroup[80], ran[80];
static const char *answer;               /* the monitor's, to the start */
static pid_t proxy, monitor, foreground; /* the last with a group of its own, theirs, too */

int domlet_xen_destroy_uuid(const char *uuid, uint32_t domid, struct domlet_error *err)
{
	(void)uuid, (void)domid, (void)err;
	return 0;
}

/* A monitor that answers once, and lives on if that was good news: it ends well
 * once it hears that the command is done. */
static _Noreturn void be_monitor(struct domlet_state *st, int fd)
{
	struct domlet_error err;
	char text[100];

	(void)domlet_pid_of(getpid(), &st->monitor);
	st->status = DOMLET_STATUS_CREATED;
	(void)domlet_state_save(st, &err);
	if (write(fd, "{\"code\":0}", 10) != 10 || recv(fd, text, sizeof text, 0) <= 0 ||
	    write(fd, answer, strlen(answer)) < 0)
		_exit(1);
	if (strstr(answer, ":0")) {
		memset(text, 0, sizeof text);
		_exit(recv(fd, text, sizeof text - 1, 0) > 0 && strcmp(text, "{\"verb\":\"done\"}") == 0 ? 0 : 1);
	}
	st->status = DOMLET_STATUS_STOPPED;
	(void)domlet_state_save(st, &err);
	_exit(0);
}

int domlet_cli_launch(struct domlet_cli *cli, const char *id, const struct domlet_launch_options *o,
		      struct domlet_launched *l)
{
	static const char hooks[] =
		"{\"poststart\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"echo start >>%s\"]}],"
		"\"poststop\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"echo stop >>%s\"]}]}";
	struct domlet_state st;
	char text[16];
	int pair[2];

	(void)o;
	if (domlet_state_create(cli->root, id, &st, &cli->err) < 0)
		return -1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	(void)strcpy(st.uuid, "11111111-1111-1111-1111-111111111111");
	st.generation = 1;
	st.cgroup = strdup(cgroup);
	assert_int_equal(mkdir(cgroup, 0700), 0);
	assert_true(asprintf(&st.hooks, hooks, ran, ran) > 0);
	proxy = fork();
	if (proxy == 0) {
		(void)close_range(0, ~0u, 0);
		pause();
		_exit(0);
	}
	(void)domlet_pid_of(proxy, &st.proxy);
	monitor = fork();
	if (monitor == 0) {
		close(pair[0]);
		(void)close_range(0, 2, 0);
		be_monitor(&st, pair[1]);
	}
	close(pair[1]);
	assert_int_equal(recv(pair[0], text, sizeof text, 0), 10);
	domlet_state_free(&st);
	*l = (struct domlet_launched){ .proxy = proxy, .monitor_fd = pair[0] };
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	(void)snprintf(root, sizeof root, "%s/root", top);
	(void)snprintf(domains, sizeof domains, "%s/domains", top);
	(void)snprintf(cgroup, sizeof cgroup, "%s/cgroup", top);
	(void)snprintf(ran, sizeof ran, "%s/ran", top);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	if (foreground)
		(void)kill(-foreground, SIGKILL);
	if (monitor)
		(void)kill(monitor, SIGKILL);
	if (proxy)
		(void)kill(proxy, SIGKILL);
	foreground = monitor = proxy = 0;
	while (waitpid(-1, NULL, 0) > 0)
		;
	(void)snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static int run_with(struct domlet_cli *cli, const char *option, const char *other)
{
	char *argv[] = { (char *)"run", (char *)(uintptr_t)option, (char *)(uintptr_t)other, (char *)"c1", NULL };

	*cli = (struct domlet_cli){ .root = root, .domains = domains, .log = { .fd = -1 } };
	optind = 0;
	return domlet_verb_run.run(cli, 4, argv);
}

static int run(struct domlet_cli *cli)
{
	return run_with(cli, "-d", "-d");
}

static void hooks_ran(const char *wanted)
{
	char text[100] = "";
	FILE *f = fopen(ran, "r");

	if (f) {
		text[fread(text, 1, sizeof text - 1, f)] = '\0';
		(void)fclose(f);
	}
	assert_string_equal(text, wanted);
}

/* A service manager, which is told where it listens. */
static int manager(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof at.sun_path, "%s/notify", top);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	return fd;
}

static void one_that_starts_stays(void **state)
{
	char said[100] = "", expected[64];
	struct domlet_state st;
	struct domlet_cli cli;
	int status, fd = manager();

	(void)state;
	answer = "{\"code\":0}";
	assert_int_equal(run(&cli), 0);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	(void)snprintf(expected, sizeof expected, "READY=1\nMAINPID=%d\n", proxy);
	assert_int_equal(recv(fd, said, sizeof said, MSG_DONTWAIT), strlen(expected));
	assert_string_equal(said, expected);
	close(fd);
	assert_int_equal(domlet_state_load(root, "c1", &st, &cli.err), 0);
	domlet_state_free(&st);
	hooks_ran("start\n");
	assert_int_equal(waitpid(monitor, &status, 0), monitor);
	assert_int_equal(status, 0);
}

static void one_that_can_not_start_leaves_nothing(void **state)
{
	struct domlet_state st;
	struct domlet_cli cli;
	struct stat info;

	(void)state;
	answer = "{\"code\":8,\"text\":\"exec /a: exec format error\"}";
	assert_int_equal(run(&cli), 1);
	assert_string_equal(cli.err.text, "exec /a: exec format error");
	assert_int_equal(domlet_state_load(root, "c1", &st, &cli.err), -ENOENT);
	assert_int_equal(stat(cgroup, &info), -1);
	hooks_ran("stop\n");
}

static void unless_it_is_to_be_kept(void **state)
{
	struct domlet_state st;
	struct domlet_cli cli;

	(void)state;
	answer = "{\"code\":8,\"text\":\"exec /a: exec format error\"}";
	assert_int_equal(run_with(&cli, "--keep", "-d"), 1);
	assert_int_equal(domlet_state_load(root, "c1", &st, &cli.err), 0);
	domlet_state_free(&st);
	hooks_ran(""); /* delete's */
}

static void run_in_the_foreground(int in, int out)
{
	struct domlet_cli cli;
	struct stat info;

	foreground = fork();
	if (foreground == 0) {
		(void)setpgid(0, 0); /* with its proxy and its monitor */
		(void)dup2(in, STDIN_FILENO);
		(void)dup2(out, STDOUT_FILENO);
		(void)close_range(3, ~0u, 0);
		_exit(run_with(&cli, "-b", "."));
	}
	close(in);
	close(out);
	/* For the hook of what has started, whose shell makes the file before it writes. */
	for (int i = 0; i < 500 && (stat(ran, &info) < 0 || info.st_size == 0); i++)
		usleep(10000);
	hooks_ran("start\n");
}

/* The process's own are the monitor's: whoever is at their other ends waits for nobody else. */
static void the_command_holds_no_stream(void **state)
{
	int in[2], out[2];
	char byte;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	answer = "{\"code\":0}";
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	run_in_the_foreground(in[0], out[1]);
	assert_int_equal(poll(&(struct pollfd){ .fd = out[0], .events = POLLIN }, 1, 2000), 1);
	assert_int_equal(read(out[0], &byte, 1), 0);
	assert_int_equal(write(in[1], "x", 1), -1);
	close(in[1]);
	close(out[0]);
}

static void a_terminal_is_left_alone_when_the_process_has_none(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct termios before, now;
	char name[64];

	(void)state;
	answer = "{\"code\":0}";
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	assert_int_equal(ptsname_r(master, name, sizeof name), 0);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(slave, &before), 0);
	run_in_the_foreground(dup(slave), dup(slave));
	assert_int_equal(tcgetattr(slave, &now), 0);
	assert_int_equal(now.c_lflag, before.c_lflag);
	close(slave);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_starts_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_can_not_start_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unless_it_is_to_be_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_command_holds_no_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_terminal_is_left_alone_when_the_process_has_none, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
