/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domlet: global flags, then a verb. The one place that prints an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../oci/ask.h"
#include "../state/domain.h"
#include "cli.h"
#include "option.h"
#include "version.h"

static const struct domlet_verb *const verbs[] = {
	&domlet_verb_run,    &domlet_verb_create,  &domlet_verb_start,     &domlet_verb_state,  &domlet_verb_exec,
	&domlet_verb_pause,  &domlet_verb_resume,  &domlet_verb_ps,        &domlet_verb_update, &domlet_verb_events,
	&domlet_verb_kill,   &domlet_verb_delete,  &domlet_verb_list,      &domlet_verb_spec,   &domlet_verb_features,
	&domlet_verb_doctor, &domlet_verb_install, &domlet_verb_uninstall,
};

struct globals {
	const char *root;
	const char *template_name;
	const char *log_file;
	const char *log_format;
	bool systemd_cgroup;
	bool debug;
	bool help;
	bool version;
};

enum global_option {
	OPT_ROOT = 256,
	OPT_TEMPLATE,
	OPT_LOG,
	OPT_LOG_FORMAT,
	OPT_DEBUG,
	OPT_SYSTEMD_CGROUP,
	OPT_IGNORED,
	OPT_LOG_LEVEL,
};

static const struct option global_options[] = {
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "template", required_argument, NULL, OPT_TEMPLATE },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "log-format", required_argument, NULL, OPT_LOG_FORMAT },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "debug", optional_argument, NULL, OPT_DEBUG },
	{ "systemd-cgroup", optional_argument, NULL, OPT_SYSTEMD_CGROUP },
	/* Sent by go-runc and crun's callers; nothing here depends on them. */
	{ "criu", required_argument, NULL, OPT_IGNORED },
	{ "rootless", required_argument, NULL, OPT_IGNORED },
	{ "cgroup-manager", required_argument, NULL, OPT_IGNORED },
	{ "config", required_argument, NULL, OPT_IGNORED },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static int print_help(FILE *out)
{
	fputs("domlet runs OCI containers, each in a small Xen domain of its own.\n\n"
	      "Usage: domlet [GLOBAL OPTIONS] VERB [OPTIONS] [ARGUMENTS]\n\nVerbs:\n",
	      out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("\nGlobal options:\n"
	      "  --root DIR           where the state of containers is kept (" DOMLET_ROOT_DEFAULT ")\n"
	      "  --template NAME      the domains' template: /etc/domlet/NAME.cfg, or one that came with domlet\n"
	      "  --log FILE           append errors to FILE as well as printing them\n"
	      "  --log-format FORMAT  text or json\n"
	      "  --debug              say what is being done, and how long each phase took\n"
	      "  --log-level LEVEL    \"debug\" is --debug; others change nothing\n"
	      "  -v, --version        print versions\n"
	      "  -h, --help           print this help; \"domlet VERB --help\" or \"domlet help VERB\" tells a verb's options\n"
	      "  --systemd-cgroup     have systemd make the container's cgroup, a scope: cgroupsPath\n"
	      "                       is slice:prefix:name\n"
	      "  --criu, --rootless, --cgroup-manager, --config VALUE   ignored\n\n"
	      "Something does not work? \"domlet doctor\" checks this host. See also domlet(8).\n",
	      out);
	return fflush(out) || ferror(out) ? 1 : 0;
}

/* Go's flag syntax: a flag alone is true, and "=VALUE" may say otherwise. */
static bool flag_value(const char *arg)
{
	return !arg || !strcmp(arg, "true") || !strcmp(arg, "1");
}

/* Leaves optind at the verb. */
static int read_globals(struct domlet_cli *cli, struct globals *g, int argc, char **argv)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:hv", global_options, NULL)) != -1) {
		switch (c) {
		case OPT_ROOT: g->root = optarg; break;
		case OPT_TEMPLATE: g->template_name = optarg; break;
		case OPT_LOG: g->log_file = optarg; break;
		case OPT_LOG_FORMAT: g->log_format = optarg; break;
		case OPT_LOG_LEVEL: g->debug = g->debug || !strcmp(optarg, "debug"); break;
		case OPT_DEBUG: g->debug = flag_value(optarg); break;
		case OPT_SYSTEMD_CGROUP: g->systemd_cgroup = flag_value(optarg); break;
		case OPT_IGNORED: break;
		case 'h': g->help = true; break;
		case 'v': g->version = true; break;
		default: return domlet_cli_bad_option(cli, NULL, c, argc, argv);
		}
	}
	return 0;
}

/* Both are inherited, and a caller's are no business of ours: with SIGCHLD
 * ignored no child could be waited for, and what is blocked never comes. */
static void reset_signals(void)
{
	sigset_t none;

	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A descriptor opened below must never become someone's stdout. */
static int open_standard_descriptors(bool closed[3])
{
	int fd;

	for (int i = 0; i < 3; i++)
		closed[i] = fcntl(i, F_GETFD) < 0;
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
	} while (fd <= 2);
	close(fd);
	return 0;
}

/* The monitor outlives this command and its working directory. */
static int make_root_absolute(struct domlet_cli *cli, char **owned)
{
	cleanup_free char *cwd = NULL;

	if (!cli->root[0])
		return domlet_error_set(&cli->err, EINVAL, "--root is empty: give a directory");
	if (cli->root[0] != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd || asprintf(owned, "%s/%s", cwd, cli->root) < 0) {
			*owned = NULL;
			return domlet_error_set(&cli->err, errno, "--root %s: no working directory: %s", cli->root,
						domlet_strerror(errno));
		}
		cli->root = *owned;
	}
	/* State files and sockets get their names below it. */
	if (strlen(cli->root) >= PATH_MAX - 1024)
		return domlet_error_set(&cli->err, ENAMETOOLONG, "--root is longer than %d bytes", PATH_MAX - 1024);
	return 0;
}

static const struct domlet_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

static int run_verb(struct domlet_cli *cli, int argc, char **argv)
{
	bool help = !strcmp(argv[0], "help");
	const struct domlet_verb *verb;

	if (help && argc < 2)
		return print_help(stdout);
	verb = find_verb(argv[help]);
	if (!verb) {
		domlet_error_set(&cli->err, EINVAL, "unknown verb \"%.100s\": \"domlet --help\" lists the verbs",
				 argv[help]);
		return 1;
	}
	if (help)
		return domlet_cli_usage(verb, true);
	optind = 0; /* glibc: start afresh, with the verb as argv[0] */
	return verb->run(cli, argc, argv);
}

static int run(struct domlet_cli *cli, char **root, int argc, char **argv)
{
	struct globals g = { .root = DOMLET_ROOT_DEFAULT };
	int rc = read_globals(cli, &g, argc, argv);
	int first;

	if (rc)
		return rc;
	first = optind;
	if (g.version) {
		domlet_version_print(stdout);
		return fflush(stdout) || ferror(stdout) ? 1 : 0;
	}
	if (g.help)
		return print_help(stdout);
	cli->root = g.root;
	if (domlet_log_open(&cli->log, g.log_file, g.log_format, g.debug, &cli->err) || make_root_absolute(cli, root))
		return 1;
	cli->template_name = g.template_name;
	cli->systemd_cgroup = g.systemd_cgroup;
	if (g.template_name && !domlet_template_name_ok(g.template_name)) {
		domlet_error_set(&cli->err, EINVAL, "--template is \"%.64s\", but must be the name of a template",
				 g.template_name);
		return 1;
	}
	if (first >= argc) {
		domlet_error_set(&cli->err, EINVAL, "no verb given: \"domlet --help\" lists the verbs");
		return 1;
	}
	return run_verb(cli, argc - first, argv + first);
}

int main(int argc, char **argv)
{
	cleanup_free char *root = NULL;
	struct domlet_cli cli = { .root = DOMLET_ROOT_DEFAULT, .domains = DOMLET_DOMAINS_DEFAULT, .log = { .fd = -1 } };
	int status;

	reset_signals();
	if (open_standard_descriptors(cli.closed))
		return 1;
	status = run(&cli, &root, argc, argv);
	if (status && cli.err.code)
		domlet_log_error(&cli.log, cli.err.text);
	return status;
}
