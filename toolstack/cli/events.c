// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "ask.h"
#include "duration.h"
#include "event_json.h"
#include "option.h"

/* That a guest may take to answer, whatever it is at. */
#define ANSWER_S 30
#define NS_PER_MS 1000000
#define INTERVAL_NS INT64_C(5000000000)

struct events {
	struct domlet_cli *cli;
	const char *id;
	int fd;      /* to the monitor */
	bool asked;  /* and not answered */
	bool missed; /* it was said why there are no figures now */
	int64_t interval_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Takes TEXT. */
static int print(struct events *e, char *owned)
{
	cleanup_free char *text = owned;

	if (!text)
		return domlet_error_set(&e->cli->err, ENOMEM, "events of %s: out of memory", e->id);
	if (puts(text) < 0 || fflush(stdout))
		return domlet_error_set(&e->cli->err, errno, "stdout: %s", domlet_strerror(errno));
	return 0;
}

static int ask(struct events *e, bool watch)
{
	const char *json = watch ? "{\"verb\":\"stats\",\"watch\":true}" : "{\"verb\":\"stats\"}";

	if (e->asked)
		return 0;
	e->asked = true;
	return send(e->fd, json, strlen(json), MSG_NOSIGNAL) < 0 ? -ESRCH : 0;
}

static int not_running(struct events *e)
{
	return domlet_error_set(&e->cli->err, ESRCH, "container with id %s is not running", e->id);
}

/* The container is over, or ends meanwhile. */
static bool is_end(int r)
{
	return r == -ESRCH || r == -EPIPE;
}

static int print_once(struct events *e)
{
	struct domlet_figures figures;
	bool oom;
	int r = ask(e, false);

	if (r == 0)
		r = domlet_cli_read_figures(e->fd, &figures, &oom, &e->cli->err);
	if (is_end(r))
		return not_running(e);
	return r < 0 ? r : print(e, domlet_event_json_stats(e->id, &figures));
}

/* What has come. 1: it was the first answer, which only says that the guest watches. */
static int take(struct events *e, bool first)
{
	struct domlet_figures figures;
	bool oom = false;
	int r = domlet_cli_read_figures(e->fd, &figures, &oom, &e->cli->err);

	if (r == 0 && oom)
		return print(e, domlet_event_json_oom(e->id));
	e->asked = false;
	if (is_end(r) || (r < 0 && first && r != -EBUSY))
		return r;
	if (r < 0 && !e->missed)
		domlet_log_notice(&e->cli->log, "%s", e->cli->err.text);
	e->missed = r < 0;
	if (r < 0)
		e->cli->err.code = 0;
	if (first)
		return 1;
	return r < 0 ? 0 : print(e, domlet_event_json_stats(e->id, &figures));
}

static int wait_for(const struct events *e, int64_t until_ns)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };
	int64_t ms = (until_ns - now_ns() + NS_PER_MS - 1) / NS_PER_MS;

	return poll(&p, 1, ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : (int)ms);
}

/* Until the container is over. Figures are asked for at each tick that finds none still under way. */
static int print_on(struct events *e)
{
	int64_t next_ns = now_ns() + e->interval_ns;
	bool first = true;
	int r = ask(e, true);

	while (r >= 0) {
		if (wait_for(e, next_ns) > 0) {
			r = take(e, first);
			first = first && r != 1;
		} else if (now_ns() >= next_ns) {
			next_ns = now_ns() + e->interval_ns;
			r = ask(e, false);
		}
	}
	if (is_end(r) && first)
		return not_running(e);
	if (!is_end(r))
		return r;
	e->cli->err.code = 0;
	return 0;
}

static int connect_and_print(struct events *e, const struct domlet_state *st, bool once)
{
	int r;

	if (domlet_state_status(st) == DOMLET_STATUS_STOPPED)
		return not_running(e);
	e->fd = domlet_cli_connect(e->cli, st, &e->cli->err);
	if (e->fd < 0)
		return is_end(e->fd) ? not_running(e) : e->fd;
	domlet_cli_be_patient(e->fd, ANSWER_S);
	r = once ? print_once(e) : print_on(e);
	(void)close(e->fd);
	return r;
}

static const struct option options[] = { { "interval", required_argument, NULL, 'i' },
					 { "stats", no_argument, NULL, 's' },
					 { "help", no_argument, NULL, 'h' },
					 { NULL, 0, NULL, 0 } };

static int events(struct domlet_cli *cli, int argc, char **argv)
{
	struct events e = { .cli = cli, .interval_ns = INTERVAL_NS };
	struct domlet_state st = { 0 };
	bool once = false;
	int c, r;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			if (domlet_duration_read(optarg, &e.interval_ns) == 0)
				break;
			(void)domlet_error_set(
				&cli->err, EINVAL,
				"invalid value \"%.32s\" for flag -interval: parse error: write 5s or 1m30s", optarg);
			return 1;
		case 's': once = true; break;
		case 'h': return domlet_cli_usage(&domlet_verb_events, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_events, c, argc, argv);
		}
	}
	e.id = domlet_cli_one_id(cli, &domlet_verb_events, argc, argv);
	if (!e.id || domlet_state_load(cli->root, e.id, &st, &cli->err) < 0)
		return 1;
	if (e.interval_ns <= 0)
		r = domlet_error_set(&cli->err, EINVAL, "duration interval must be greater than 0");
	else
		r = connect_and_print(&e, &st, once);
	domlet_state_free(&st);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_events = {
	.name = "events",
	.summary = "print what a container uses, and when memory runs out in it",
	.usage = "domlet events [--interval DURATION] [--stats] ID\n\n"
		 "      --interval DURATION   how often, as in 500ms or 1m30s (5s)\n"
		 "      --stats               once, and at once\n",
	.run = events,
};
