// SPDX-License-Identifier: GPL-2.0-or-later
#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../monitor/monitor.h"
#include "../state/domain.h"

/* How long a monitor may take to say that it is there. */
#define PRESENCE_S 8
/* That a monitor has beside the time that its guest has for an answer. */
#define SLACK_S 20

static int no_answer(struct domlet_error *err)
{
	return domlet_error_set(err, ETIMEDOUT, "the container's monitor does not answer");
}

/* Returns the answer at FD, which is good, or NULL with the error that it is. */
static struct json_object *read_good_answer(int fd, struct domlet_error *err)
{
	char text[4 * DOMLET_MONITOR_ANSWER_MAX + 1]; /* a sentence may grow when it is escaped */
	ssize_t n;
	struct json_object *o, *v;
	int code = 0;

	/* A monitor that closes with our request unread resets us once; its answer can still be read. */
	do
		n = recv(fd, text, sizeof text - 1, 0);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0 && errno == EAGAIN) {
		(void)no_answer(err);
		return NULL;
	}
	if (n <= 0) {
		(void)domlet_error_set(
			err, EPIPE,
			"the container's monitor ended before it answered; it was killed, or the container is gone");
		return NULL;
	}
	text[n] = '\0';
	o = json_tokener_parse(text);
	if (!json_object_is_type(o, json_type_object))
		(void)domlet_error_set(err, code = EPROTO,
				       "the container's monitor gave an answer that is no JSON object");
	else if (json_object_object_get_ex(o, "code", &v) && (code = json_object_get_int(v)))
		(void)domlet_error_set(err, code, "%s",
				       json_object_object_get_ex(o, "text", &v) ? json_object_get_string(v) :
										  "the monitor gave no reason");
	if (!code)
		return o;
	json_object_put(o);
	return NULL;
}

int domlet_cli_read_answer(int fd, struct domlet_error *err)
{
	struct json_object *o = read_good_answer(fd, err);

	json_object_put(o);
	return o ? 0 : -err->code;
}

static bool take_figures(struct json_object *list, struct domlet_figures *figures)
{
	uint64_t numbers[DOMLET_FIGURES_COUNT];

	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) != DOMLET_FIGURES_COUNT)
		return false;
	for (size_t i = 0; i < DOMLET_FIGURES_COUNT; i++)
		numbers[i] = json_object_get_uint64(json_object_array_get_idx(list, i));
	memcpy(figures, numbers, sizeof numbers);
	return true;
}

int domlet_cli_read_figures(int fd, struct domlet_figures *figures, bool *oom, struct domlet_error *err)
{
	struct json_object *o = read_good_answer(fd, err), *list;
	bool taken;

	if (!o)
		return -err->code;
	*oom = json_object_object_get_ex(o, "oom", NULL);
	taken = *oom || (json_object_object_get_ex(o, "figures", &list) && take_figures(list, figures));
	json_object_put(o);
	return taken ? 0 :
		       domlet_error_set(err, EPROTO,
					"the container's monitor tells its figures as another version of domlet does");
}

int domlet_cli_ask_fd(int fd, const char *json, struct domlet_error *err)
{
	bool sent = send(fd, json, strlen(json), MSG_NOSIGNAL) >= 0, closed = !sent && errno == EPIPE;
	/* A monitor that has no room for us says so before it closes. */
	int r = sent || closed ? domlet_cli_read_answer(fd, err) : -EPIPE;

	if (!sent && (r == 0 || r == -EPIPE))
		return domlet_error_set(err, ESRCH, "container not running");
	return r;
}

void domlet_cli_let_go(int fd)
{
	static const char done[] = "{\"verb\":\"done\"}";

	/* A monitor that has ended meanwhile has left a record, which says so. */
	(void)send(fd, done, strlen(done), MSG_NOSIGNAL);
}

void domlet_cli_hear_out(int fd, struct domlet_error *why)
{
	struct domlet_error last = { 0 };

	while (domlet_cli_read_answer(fd, &last) != -EPIPE)
		if (last.code)
			*why = last;
}

/* Whether FD leads to the monitor of ST: where that listened, another may listen by now. The
 * kernel says who called listen(). */
static bool is_monitor_of(const struct domlet_state *st, int fd)
{
	struct ucred listener = { 0 };
	socklen_t len = sizeof listener;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &len) == 0 && listener.pid == st->monitor.pid;
}

void domlet_cli_be_patient(int fd, int timeout_s)
{
	const struct timeval patience = { .tv_sec = timeout_s };

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

int domlet_cli_connect_to_domain(const char *domains, const char *uuid, int type, int timeout_s,
				 struct domlet_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char dir[4096];
	cleanup_close int dir_fd = -1;
	cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)snprintf(dir, sizeof dir, "%s/%s", domains, uuid);
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir_fd, DOMLET_MONITOR_SOCKET);
	domlet_cli_be_patient(fd, timeout_s);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return fd >= 0 && errno == EAGAIN ? no_answer(err) :
						    domlet_error_set(err, ESRCH, "container not running");
	return take_fd(&fd);
}

/* Each wait may take TIMEOUT_S seconds (0: there is no limit). */
static int connect_to(const char *domains, const struct domlet_state *st, int type, int timeout_s,
		      struct domlet_error *err)
{
	cleanup_close int fd = domlet_cli_connect_to_domain(domains, st->uuid, type, timeout_s, err);
	char about[96];

	if (fd < 0)
		return fd;
	if (!is_monitor_of(st, fd))
		return domlet_error_set(err, ESRCH, "container not running");
	(void)snprintf(about, sizeof about, "{\"verb\":\"about\",\"number\":%u,\"generation\":%llu}", st->number,
		       (unsigned long long)st->generation);
	(void)send(fd, about, strlen(about), MSG_NOSIGNAL); /* whoever listens no more says so to the next */
	return take_fd(&fd);
}

int domlet_cli_connect(const struct domlet_cli *cli, const struct domlet_state *st, struct domlet_error *err)
{
	return connect_to(cli->domains, st, SOCK_SEQPACKET, 0, err);
}

void domlet_cli_tell(const char *domains, const struct domlet_state *st, const char *json)
{
	struct domlet_error ignored;
	cleanup_close int fd = connect_to(domains, st, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, &ignored);

	if (fd >= 0)
		(void)send(fd, json, strlen(json), MSG_NOSIGNAL);
}

int domlet_cli_ask(const struct domlet_cli *cli, const struct domlet_state *st, const char *json, int timeout_s,
		   struct domlet_error *err)
{
	cleanup_close int fd = connect_to(cli->domains, st, SOCK_SEQPACKET, timeout_s, err);

	return fd < 0 ? fd : domlet_cli_ask_fd(fd, json, err);
}

int domlet_cli_ask_slow(const struct domlet_cli *cli, const struct domlet_state *st, const char *json,
			struct domlet_error *err)
{
	struct domlet_error presence = { 0 };
	struct domlet_domain_record d;
	cleanup_close int fd = -1;
	int timeout_s, r;

	if (domlet_domain_record_load(cli->domains, st->uuid, &d, err) < 0)
		return domlet_error_set(err, ESRCH, "container not running");
	timeout_s = (int)d.boot_timeout_s + SLACK_S;
	domlet_domain_record_free(&d);
	fd = connect_to(cli->domains, st, SOCK_SEQPACKET, PRESENCE_S, err);
	if (fd < 0)
		return fd;
	r = domlet_cli_ask_fd(fd, "{}", &presence);
	if (r != -EINVAL) { /* what is no request is answered with that, at once */
		*err = presence;
		return r;
	}
	domlet_cli_be_patient(fd, timeout_s);
	return domlet_cli_ask_fd(fd, json, err);
}

int domlet_cli_join(int fd, uint32_t *number, uint64_t *generation, struct domlet_error *err)
{
	static const char join[] = "{\"verb\":\"join\"}";
	struct json_object *o, *n = NULL, *g = NULL;

	(void)send(fd, join, strlen(join), MSG_NOSIGNAL); /* the answer says why nobody listens */
	o = read_good_answer(fd, err);
	if (!o)
		return -err->code;
	if (json_object_object_get_ex(o, "number", &n) && json_object_object_get_ex(o, "generation", &g)) {
		*number = (uint32_t)json_object_get_int64(n);
		*generation = json_object_get_uint64(g);
	}
	json_object_put(o);
	if (!n || !g || *number >= DOMLET_CONTAINER_MAX || !*generation)
		return domlet_error_set(err, EPROTO, "the domain's monitor gave no place to a container that joins");
	return 0;
}
