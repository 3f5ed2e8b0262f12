// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../dom0/cgroup.h"
#include "../dom0/pid.h"
#include "../monitor/monitor.h"
#include "../oci/plan.h"
#include "../oci/process.h"
#include "../proxy/proxy.h"
#include "ask.h"
#include "attach.h"
#include "console.h"
#include "descriptors.h"
#include "launch.h"
#include "option.h"
#include "reap.h"

/* runc's status for an exec that failed itself. */
#define STATUS_FAILED 255
#define ADDED_MAX 1024

struct exec {
	struct domlet_oci_process_options process;
	const char *pid_file, *console_socket;
	bool detach, ignore_paused;
	const char *env[ADDED_MAX], *caps[ADDED_MAX], *gids[ADDED_MAX], *cgroups[ADDED_MAX];
};

enum {
	OPT_PID_FILE = 256,
	OPT_CONSOLE,
	OPT_CWD,
	OPT_NNP,
	OPT_PRESERVE,
	OPT_IGNORE_PAUSED,
	OPT_CGROUP,
	OPT_IGNORED,
	OPT_NOTHING
};

static const struct option options[] = {
	{ "process", required_argument, NULL, 'p' },
	{ "detach", no_argument, NULL, 'd' },
	{ "tty", no_argument, NULL, 't' },
	{ "env", required_argument, NULL, 'e' },
	{ "user", required_argument, NULL, 'u' },
	{ "additional-gids", required_argument, NULL, 'g' },
	{ "cap", required_argument, NULL, 'c' },
	{ "cwd", required_argument, NULL, OPT_CWD },
	{ "no-new-privs", no_argument, NULL, OPT_NNP },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "console-socket", required_argument, NULL, OPT_CONSOLE },
	{ "preserve-fds", required_argument, NULL, OPT_PRESERVE },
	{ "ignore-paused", no_argument, NULL, OPT_IGNORE_PAUSED },
	{ "process-label", required_argument, NULL, OPT_IGNORED },
	{ "apparmor", required_argument, NULL, OPT_IGNORED },
	{ "cgroup", required_argument, NULL, OPT_CGROUP },
	{ "no-subreaper", no_argument, NULL, OPT_NOTHING },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int add(struct domlet_cli *cli, const char **list, size_t *count, const char *text)
{
	if (*count == ADDED_MAX)
		return domlet_error_set(&cli->err, E2BIG,
					"an option was given more than %d times, the last with \"%.64s\"", ADDED_MAX,
					text);
	list[(*count)++] = text;
	return 0;
}

static int read_option(struct domlet_cli *cli, struct exec *e, int c)
{
	struct domlet_oci_process_options *p = &e->process;

	switch (c) {
	case 'p': p->file = optarg; return 0;
	case 'd': e->detach = true; return 0;
	case 't': p->terminal = true; return 0;
	case 'u': p->user = optarg; return 0;
	case 'e': return add(cli, e->env, &p->env_count, optarg);
	case 'g': return add(cli, e->gids, &p->gid_count, optarg);
	case 'c': return add(cli, e->caps, &p->cap_count, optarg);
	case OPT_CWD: p->cwd = optarg; return 0;
	case OPT_NNP: p->no_new_privs = true; return 0;
	case OPT_PID_FILE: e->pid_file = optarg; return 0;
	case OPT_CONSOLE: e->console_socket = optarg; return 0;
	case OPT_PRESERVE: return domlet_cli_preserve_fds(cli, optarg);
	case OPT_IGNORE_PAUSED: e->ignore_paused = true; return 0;
	case OPT_CGROUP: return add(cli, e->cgroups, &p->cgroup_count, optarg);
	case OPT_IGNORED:
	case OPT_NOTHING: return 0;
	default: return -EINVAL;
	}
}

static int refuse_stopped(struct domlet_cli *cli)
{
	return domlet_error_set(&cli->err, ESRCH, "cannot exec in a stopped container");
}

static int check_state(struct domlet_cli *cli, const struct domlet_state *st, const struct exec *e)
{
	struct domlet_error ignored;

	switch (domlet_state_status(st)) {
	case DOMLET_STATUS_CREATED:
	case DOMLET_STATUS_RUNNING:
		/* The proxy would be frozen, too, and nobody would be told the process's end. */
		if (!st->cgroup || domlet_cgroup_refuse_frozen(st->cgroup, &ignored) == 0)
			return 0;
		__attribute__((fallthrough));
	case DOMLET_STATUS_PAUSED:
		return e->ignore_paused ?
			       0 :
			       domlet_error_set(&cli->err, EBUSY,
						"cannot exec in a paused container (use --ignore-paused to override)");
	default: return refuse_stopped(cli);
	}
}

/* Returns a file in memory with the process object, or -errno. */
static int write_object(struct json_object *process, struct domlet_error *err)
{
	const char *text;
	size_t len;
	int fd;

	text = json_object_to_json_string_length(process, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (len > DOMLET_CONFIG_MAX)
		return domlet_error_set(
			err, E2BIG,
			"the process object is %zu bytes, and an exec takes %u at most: give it fewer or shorter variables",
			len, DOMLET_CONFIG_MAX);
	fd = domlet_cli_memory_file(text, len);
	return fd < 0 ? domlet_error_set(err, ENOMEM, "can't keep a process object of %zu bytes in memory", len) : fd;
}

static int send_request(int fd, struct json_object *process, bool terminal, int fds[DOMLET_MONITOR_EXEC_FDS],
			struct domlet_error *err)
{
	cleanup_close int object = write_object(process, err);
	char text[64];
	int r;

	if (object < 0)
		return object;
	fds[4] = object;
	(void)snprintf(text, sizeof text, "{\"verb\":\"exec\",\"terminal\":%s}", terminal ? "true" : "false");
	r = domlet_cli_send_descriptors(fd, text, strlen(text), fds, DOMLET_MONITOR_EXEC_FDS);
	if (r < 0 && r != -EPIPE) /* with -EPIPE the monitor's answer says why it does not listen */
		return domlet_error_set(err, -r, "can't ask the container's monitor: %s", domlet_strerror(-r));
	return domlet_cli_read_answer(fd, err);
}

/* Starts the process in the guest; returns the pid of its proxy, or -errno. */
static pid_t launch(struct domlet_cli *cli, const struct domlet_state *st, const struct exec *e,
		    struct json_object *process, bool terminal, int tty)
{
	struct json_object *args;
	cleanup_close int monitor = domlet_cli_connect(cli, st, &cli->err), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int ours = -1, theirs = -1;
	struct domlet_proxy p = { .tty = tty, .cgroup = st->cgroup };
	int pair[2], fds[DOMLET_MONITOR_EXEC_FDS];
	pid_t pid;

	if (monitor < 0)
		return monitor;
	if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return domlet_error_set(&cli->err, errno, "can't make a socket pair: %s", domlet_strerror(errno));
	ours = pair[0], theirs = pair[1];
	(void)json_object_object_get_ex(process, "args", &args);
	p.name = json_object_get_string(json_object_array_get_idx(args, 0));
	p.fd = theirs;
	if (tty < 0 && terminal && !e->detach && isatty(STDIN_FILENO))
		p.tty = STDIN_FILENO;
	pid = domlet_proxy_spawn_beside(&p, &st->proxy, &cli->err);
	if (pid == -ENOMEM) /* clone() says this of a pid namespace that is about to end */
		domlet_pid_wait(&st->proxy, 1000);
	if (pid < 0 && domlet_pid_look(&st->proxy) == 0)
		return refuse_stopped(cli);
	if (pid < 0)
		return pid;
	fds[0] = tty >= 0 ? tty : STDIN_FILENO;
	fds[1] = tty >= 0 ? tty : STDOUT_FILENO;
	fds[2] = terminal ? null : STDERR_FILENO;
	fds[3] = ours;
	if (send_request(monitor, process, terminal, fds, &cli->err) < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return -cli->err.code;
	}
	return pid;
}

static void set_size(struct json_object *process)
{
	struct winsize ws;
	struct json_object *size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0 || !ws.ws_row || !ws.ws_col)
		return;
	size = json_object_new_object();
	json_object_object_add(size, "height", json_object_new_int(ws.ws_row));
	json_object_object_add(size, "width", json_object_new_int(ws.ws_col));
	json_object_object_add(process, "consoleSize", size);
}

static uint16_t size_of(struct json_object *process, const char *key)
{
	struct json_object *size, *v;

	return json_object_object_get_ex(process, "consoleSize", &size) && json_object_object_get_ex(size, key, &v) ?
		       (uint16_t)json_object_get_int(v) :
		       0;
}

static int run_process(struct domlet_cli *cli, const struct domlet_state *st, const struct exec *e,
		       struct json_object *process)
{
	struct json_object *v = NULL;
	bool terminal = json_object_object_get_ex(process, "terminal", &v) && json_object_get_boolean(v);
	cleanup_close int tty = -1;
	struct domlet_attach a;
	pid_t pid;
	int status;

	if (terminal && e->console_socket) {
		tty = domlet_cli_console(e->console_socket, size_of(process, "height"), size_of(process, "width"),
					 &cli->err);
		if (tty < 0)
			return STATUS_FAILED;
	} else if (terminal && e->detach) {
		(void)domlet_error_set(
			&cli->err, EINVAL,
			"cannot allocate tty if runc will detach without setting console socket (use --console-socket)");
		return STATUS_FAILED;
	} else if (terminal) {
		set_size(process);
	}
	pid = launch(cli, st, e, process, terminal, tty);
	if (pid < 0)
		return STATUS_FAILED;
	if (domlet_cli_write_pid_file(e->pid_file, pid, &cli->err) < 0) {
		(void)kill(pid, SIGKILL);
		return STATUS_FAILED;
	}
	if (e->detach)
		return 0;
	domlet_cli_attach(&a, pid, terminal && tty < 0);
	domlet_cli_reap_others(cli); /* not only when the process has ended: that may take days */
	status = domlet_cli_attached_wait(&a);
	domlet_cli_detach(&a);
	return status;
}

static int exec_verb(struct domlet_cli *cli, int argc, char **argv)
{
	static struct exec e;
	struct domlet_state st = { 0 };
	struct json_object *process = NULL;
	cleanup_free char *labels = NULL;
	int c, status = STATUS_FAILED;

	e.process.env = e.env, e.process.caps = e.caps, e.process.gids = e.gids, e.process.cgroups = e.cgroups;
	while ((c = getopt_long(argc, argv, "+:p:dte:u:g:c:h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(&domlet_verb_exec, true);
		if (c == '?' || c == ':') {
			(void)domlet_cli_bad_option(cli, &domlet_verb_exec, c, argc, argv);
			return STATUS_FAILED;
		}
		if (read_option(cli, &e, c) < 0)
			return STATUS_FAILED;
	}
	if (argc - optind < 1 || (argc - optind < 2 && !e.process.file)) {
		(void)domlet_error_set(
			&cli->err, EINVAL,
			"exec takes a container's id and a command, or --process FILE; see \"domlet exec --help\"");
		return STATUS_FAILED;
	}
	e.process.args = argv + optind + 1;
	if (domlet_id_check(argv[optind], &cli->err) < 0)
		return STATUS_FAILED;
	domlet_cli_stdio_kinds(cli, e.process.stdio);
	if (domlet_state_load(cli->root, argv[optind], &st, &cli->err) == 0 && check_state(cli, &st, &e) == 0 &&
	    domlet_oci_process_plan(st.bundle, &e.process, &process, &labels, &cli->err) == 0) {
		if (cli->log.debug) /* an engine's health check asks for them each time, and create has told */
			domlet_cli_tell_labels(cli, st.id, labels);
		status = run_process(cli, &st, &e, process);
	}
	domlet_cli_reap_others(cli);
	json_object_put(process);
	domlet_state_free(&st);
	return status;
}

const struct domlet_verb domlet_verb_exec = {
	.name = "exec",
	.summary = "run another process in a container",
	.usage = "domlet exec [OPTIONS] ID COMMAND [ARGUMENT…]\n"
		 "       domlet exec [OPTIONS] --process FILE ID\n\n"
		 "  -p, --process FILE     a file with an OCI process object\n"
		 "  -d, --detach           leave the process running\n"
		 "  -t, --tty              give it a terminal\n"
		 "  -e, --env NAME=VALUE   another variable; may be repeated, as may -c and -g\n"
		 "  -u, --user UID[:GID]   its user and group, in numbers\n"
		 "  -g, --additional-gids GID   another group\n"
		 "  -c, --cap NAME         another capability\n"
		 "  --cwd DIR              its working directory (the container's)\n"
		 "  --no-new-privs         it can't gain privileges\n"
		 "  --pid-file FILE        write the pid of its proxy there\n"
		 "  --console-socket SOCKET   send the master end of its terminal there\n"
		 "  --preserve-fds N       refused when one of the N descriptors from 3 on is open: none can enter a guest\n"
		 "  --ignore-paused        also in a paused container\n"
		 "  --cgroup PATH          run it in this cgroup below the container's; [CONTROLLER,…:]PATH, too\n"
		 "  --process-label, --apparmor VALUE   ignored: there is nothing of the kind in a guest\n"
		 "  --no-subreaper         ignored\n",
	.run = exec_verb,
};
