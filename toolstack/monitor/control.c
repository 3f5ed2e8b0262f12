// SPDX-License-Identifier: GPL-2.0-or-later
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/file.h"

#define NO_DESCRIPTORS                                                                                           \
	"the monitor has no descriptors left for another command: try again when processes have ended, or raise" \
	" RLIMIT_NOFILE of what calls domlet"

static void send_answer(int fd, int code, const char *text)
{
	struct json_object *o = json_object_new_object();
	const char *s;

	json_object_object_add(o, "code", json_object_new_int(code));
	if (text)
		json_object_object_add(o, "text", json_object_new_string(text));
	s = json_object_to_json_string(o);
	(void)send(fd, s, strlen(s), MSG_NOSIGNAL | MSG_DONTWAIT);
	json_object_put(o);
}

void domlet_control_answer(const struct domlet_connection *c, int code, const char *text)
{
	if (c && c->fd >= 0)
		send_answer(c->fd, code, text);
}

void domlet_control_answer_join(const struct domlet_connection *c, uint32_t number, uint64_t generation)
{
	char text[96];

	(void)snprintf(text, sizeof text, "{\"code\":0,\"number\":%u,\"generation\":%llu}", number,
		       (unsigned long long)generation);
	(void)send(c->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void domlet_control_answer_all(struct domlet_control *ctl, uint32_t container, enum domlet_control_verb verb, int code,
			       const char *text)
{
	for (size_t i = 0; i < ctl->top; i++) {
		struct domlet_connection *c = &ctl->connections[i];

		if (c->container != container || !(c->waits & 1u << verb))
			continue;
		c->waits &= ~(1u << verb);
		domlet_control_answer(c, code, text);
	}
}

static struct json_object *list_of(const struct domlet_figures *figures)
{
	struct json_object *list = json_object_new_array();
	uint64_t numbers[DOMLET_FIGURES_COUNT];

	memcpy(numbers, figures, sizeof numbers);
	for (size_t i = 0; i < DOMLET_FIGURES_COUNT; i++)
		json_object_array_add(list, json_object_new_uint64(numbers[i]));
	return list;
}

void domlet_control_answer_figures(struct domlet_control *ctl, uint32_t container, const struct domlet_figures *figures)
{
	struct json_object *o = json_object_new_object();
	const char *text;

	json_object_object_add(o, "code", json_object_new_int(0));
	json_object_object_add(o, "figures", list_of(figures));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	for (size_t i = 0; i < ctl->top; i++) {
		struct domlet_connection *c = &ctl->connections[i];

		if (c->container != container || !(c->waits & 1u << DOMLET_CONTROL_STATS))
			continue;
		c->waits &= ~(1u << DOMLET_CONTROL_STATS);
		(void)send(c->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	json_object_put(o);
}

void domlet_control_tell_oom(struct domlet_control *ctl, uint32_t container)
{
	static const char text[] = "{\"oom\":true}";

	for (size_t i = 0; i < ctl->top; i++)
		if (ctl->connections[i].watches && ctl->connections[i].container == container)
			(void)send(ctl->connections[i].fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void domlet_control_send_exit(struct domlet_control *ctl, uint32_t process, uint32_t code)
{
	char text[32];

	(void)snprintf(text, sizeof text, "{\"exit\":%u}", code);
	for (size_t i = 0; i < ctl->top; i++) {
		struct domlet_connection *c = &ctl->connections[i];

		if (c->process != process)
			continue;
		c->process = 0;
		if (c->fd >= 0)
			(void)send(c->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

struct domlet_connection *domlet_control_launcher(struct domlet_control *ctl, uint32_t container)
{
	for (size_t i = 0; i < ctl->top; i++)
		if (ctl->connections[i].is_launcher && ctl->connections[i].container == container)
			return &ctl->connections[i];
	return NULL;
}

bool domlet_control_is_forsaken(struct domlet_control *ctl, uint32_t container, int wait_ms)
{
	const struct domlet_connection *c = domlet_control_launcher(ctl, container);
	struct pollfd fd = { .fd = c ? c->fd : -1, .events = POLLIN };
	char byte;

	return !c || c->fd < 0 || (poll(&fd, 1, wait_ms) > 0 && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0);
}

/* Its process has ended, and it will in a moment: what it forwards until then
 * is meant for no other process. It stays open meanwhile, as a proxy whose
 * packets are left unread is reset before it reads its exit status. */
static bool has_lost_its_process(const struct domlet_connection *c)
{
	return c->is_proxy && !c->process;
}

bool domlet_control_has_ending_proxy(const struct domlet_control *ctl, uint32_t container)
{
	for (size_t i = 0; i < ctl->top; i++)
		if (ctl->connections[i].open && ctl->connections[i].container == container &&
		    has_lost_its_process(&ctl->connections[i]))
			return true;
	return false;
}

static void closed(uv_handle_t *h)
{
	struct domlet_connection *c = h->data;

	close(c->fd);
	memset(c, 0, sizeof *c);
	c->fd = -1;
	c->container = DOMLET_CONTROL_NOBODY;
}

static void close_connection(struct domlet_connection *c)
{
	if (!c->open)
		return;
	c->open = c->is_launcher = c->watches = false;
	c->waits = 0;
	c->process = 0;
	uv_close((uv_handle_t *)&c->poll, closed);
}

void domlet_control_forget(struct domlet_control *ctl, uint32_t container)
{
	for (size_t i = 0; i < ctl->top; i++) {
		struct domlet_connection *c = &ctl->connections[i];

		if (c->container != container)
			continue;
		c->container = DOMLET_CONTROL_NOBODY;
		c->process = 0;
		if (c->is_launcher || c->watches || c->waits) /* it may wait for that, or for what will not come */
			close_connection(c);
	}
}

/* From 0 to MAX; -1: there is none, or it is anything else. */
static int number(struct json_object *o, const char *key, int max)
{
	struct json_object *v;
	int64_t n = json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_int) ?
			    json_object_get_int64(v) :
			    -1;

	return n >= 0 && n <= max ? (int)n : -1;
}

static bool flag(struct json_object *o, const char *key)
{
	struct json_object *v;

	return number(o, key, 1) == 1 || (json_object_object_get_ex(o, key, &v) &&
					  json_object_is_type(v, json_type_boolean) && json_object_get_boolean(v));
}

/* "": none. */
static const char *verb_of(struct json_object *o)
{
	struct json_object *v;

	return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, "verb", &v) &&
			       json_object_is_type(v, json_type_string) ?
		       json_object_get_string(v) :
		       "";
}

/* The packet's part for a signal; false: it was answered. */
static bool read_signal(struct domlet_connection *c, struct json_object *o, struct domlet_control_request *r)
{
	r->signo = number(o, "signo", NSIG - 1);
	r->all = flag(o, "all");
	if (has_lost_its_process(c))
		return false;
	if (r->signo < 0)
		domlet_control_answer(c, EINVAL, "there is no such signal");
	return r->signo >= 0;
}

static bool read_size(const struct domlet_connection *c, struct json_object *o, struct domlet_control_request *r)
{
	int rows = number(o, "rows", UINT16_MAX), cols = number(o, "cols", UINT16_MAX);

	r->rows = (uint32_t)rows;
	r->cols = (uint32_t)cols;
	return !has_lost_its_process(c) && rows >= 0 && cols >= 0;
}

/* The bytes of the file FD. */
static int read_file(int fd, char **text, size_t *len, struct domlet_error *err)
{
	char path[32];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return domlet_file_read(path, DOMLET_CONFIG_MAX, text, len, err);
}

static void take_descriptors(int *to, int *from, int count)
{
	for (int i = 0; i < count; i++) {
		to[i] = from[i];
		from[i] = -1;
	}
}

static bool read_exec(struct domlet_connection *c, struct json_object *o, int fds[DOMLET_MONITOR_FDS_MAX],
		      struct domlet_control_request *r)
{
	struct domlet_error err;

	if (fds[DOMLET_MONITOR_EXEC_FDS - 1] < 0 || fds[DOMLET_MONITOR_EXEC_FDS] >= 0) {
		domlet_control_answer(c, EINVAL, "an exec needs five descriptors");
		return false;
	}
	if (read_file(fds[DOMLET_MONITOR_EXEC_FDS - 1], &r->object, &r->object_len, &err) < 0) {
		domlet_control_answer(c, err.code, err.text);
		return false;
	}
	r->terminal = flag(o, "terminal");
	take_descriptors(r->fds, fds, 4);
	return true;
}

/* A count, also one of more than an int has; 0: there is none, or it is anything else. */
static uint64_t count(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_int) &&
			       json_object_get_int64(v) > 0 ?
		       json_object_get_uint64(v) :
		       0;
}

/* A copy; NULL: there is none. */
static char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ?
		       strdup(json_object_get_string(v)) :
		       NULL;
}

/* A file that is not well described is left out. */
static void read_files(struct json_object *o, struct domlet_files *files)
{
	struct json_object *list;
	size_t n = json_object_object_get_ex(o, "files", &list) && json_object_is_type(list, json_type_array) ?
			   json_object_array_length(list) :
			   0;

	for (size_t i = 0; i < n && files->count < DOMLET_FILES_MAX; i++) {
		struct json_object *file = json_object_array_get_idx(list, i);
		int mount = json_object_is_type(file, json_type_object) ? number(file, "mount", INT32_MAX) : -1;
		char *path = mount >= 0 ? text_of(file, "path") : NULL;

		if (path)
			files->list[files->count++] = (struct domlet_file){ .mount = (uint32_t)mount,
									    .path = path,
									    .resolves = flag(file, "resolves") };
	}
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* FDS are those that are left for them. -1: they are not what O says. */
static int count_sockets(struct json_object *o, const int fds[DOMLET_SOCKET_MAX])
{
	struct json_object *v;
	int said = json_object_object_get_ex(o, "sockets", &v) ? number(o, "sockets", DOMLET_SOCKET_MAX) : 0;

	for (int i = 0; i < (int)DOMLET_SOCKET_MAX; i++)
		if (i < said ? !is_socket(fds[i]) : fds[i] >= 0)
			return -1;
	return said;
}

static bool read_create(struct domlet_connection *c, struct json_object *o, int fds[DOMLET_MONITOR_FDS_MAX],
			struct domlet_control_request *r)
{
	char text[160];
	int sockets;

	if (number(o, "version", INT32_MAX) != DOMLET_MONITOR_VERSION) {
		(void)snprintf(
			text, sizeof text,
			"the domain's monitor takes containers in version %d alone: end the domain, and create it anew",
			DOMLET_MONITOR_VERSION);
		domlet_control_answer(c, EPROTO, text);
		return false;
	}
	if (fds[DOMLET_MONITOR_CREATE_FDS - 1] < 0) {
		domlet_control_answer(c, EINVAL, "a create needs seven descriptors");
		return false;
	}
	sockets = count_sockets(o, fds + DOMLET_MONITOR_CREATE_FDS);
	if (sockets < 0) {
		domlet_control_answer(c, EINVAL,
				      "a create needs one descriptor for each of its sockets, and that of a socket");
		return false;
	}
	r->create = (struct domlet_control_create){ .root = text_of(o, "root"),
						    .id = text_of(o, "id"),
						    .foreground = flag(o, "foreground"),
						    .keep = flag(o, "keep"),
						    .keeps = flag(o, "keeps"),
						    .share = -1,
						    .forges = flag(o, "forges"),
						    .memory_kib = count(o, "memory"),
						    .vcpus = (uint32_t)count(o, "vcpus") };
	if (!r->create.root || !r->create.id) {
		free(r->create.root);
		free(r->create.id);
		domlet_control_answer(c, EINVAL, "a create needs a root and an id");
		return false;
	}
	read_files(o, &r->create.files);
	r->terminal = flag(o, "terminal");
	take_descriptors(r->fds, fds, 4);
	take_descriptors(&r->create.document, fds + 4, 1);
	take_descriptors(&r->create.lock, fds + 5, 1);
	r->create.socket_count = (uint32_t)sockets;
	take_descriptors(r->create.sockets, fds + DOMLET_MONITOR_CREATE_FDS, sockets);
	if (flag(o, "shares"))
		take_descriptors(&r->create.share, fds + 6, 1);
	return true;
}

static bool read_update(struct domlet_connection *c, struct json_object *o, struct domlet_control_request *r)
{
	struct domlet_control_update *u = &r->update;

	*u = (struct domlet_control_update){ .was = text_of(o, "was"),
					     .limits = text_of(o, "limits"),
					     .resources = text_of(o, "resources"),
					     .memory_kib = count(o, "memory"),
					     .vcpus = (uint32_t)count(o, "vcpus"),
					     .weight = (uint32_t)count(o, "weight"),
					     .cap = number(o, "cap", INT32_MAX) };
	if (u->was && u->limits && u->resources && strlen(u->resources) <= DOMLET_UPDATE_MAX)
		return true;
	free(u->was);
	free(u->limits);
	free(u->resources);
	domlet_control_answer(c, EINVAL, "an update needs limits before and after, and resources");
	return false;
}

static bool read_about(struct json_object *o, struct domlet_control_request *r)
{
	int n = number(o, "number", DOMLET_CONTAINER_MAX - 1);

	r->number = n < 0 ? DOMLET_CONTROL_NOBODY : (uint32_t)n;
	r->generation = count(o, "generation");
	return true;
}

/* O is any JSON, or NULL. False: it was answered, or is to be ignored. */
static bool read_request(struct domlet_connection *c, struct json_object *o, int fds[DOMLET_MONITOR_FDS_MAX],
			 struct domlet_control_request *r)
{
	static const char *const verbs[] = { "start",  "signal", "winsize", "exec",  "destroy", "done",  "pause",
					     "resume", "join",   "create",  "about", "stats",   "update" };
	const char *verb = verb_of(o);
	size_t i = 0;

	while (i < sizeof verbs / sizeof verbs[0] && strcmp(verb, verbs[i]) != 0)
		i++;
	*r = (struct domlet_control_request){ .verb = (enum domlet_control_verb)i, .fds = { -1, -1, -1, -1 } };
	switch (r->verb) {
	case DOMLET_CONTROL_START:
	case DOMLET_CONTROL_DESTROY:
	case DOMLET_CONTROL_DONE:
	case DOMLET_CONTROL_PAUSE:
	case DOMLET_CONTROL_RESUME:
	case DOMLET_CONTROL_JOIN: return true;
	case DOMLET_CONTROL_CREATE: return read_create(c, o, fds, r);
	case DOMLET_CONTROL_ABOUT: return read_about(o, r);
	case DOMLET_CONTROL_UPDATE: return read_update(c, o, r);
	case DOMLET_CONTROL_STATS: r->watch = flag(o, "watch"); return true;
	case DOMLET_CONTROL_SIGNAL: return read_signal(c, o, r);
	case DOMLET_CONTROL_SIZE: return read_size(c, o, r);
	case DOMLET_CONTROL_EXEC: return read_exec(c, o, fds, r);
	}
	domlet_control_answer(c, EINVAL, "that is no request that a monitor knows");
	return false;
}

/* FDS are the descriptors that came along, -1 for none. *CUT: E2BIG, when there was more than a packet may have, and
 * EMFILE, when we had no descriptors for those; else 0. */
static ssize_t receive_packet(int fd, char *text, size_t len, int fds[DOMLET_MONITOR_FDS_MAX], int *cut)
{
	union {
		char bytes[CMSG_SPACE(DOMLET_MONITOR_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = text, .iov_len = len };
	/* CMSG_SPACE may have room for another descriptor. */
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = CMSG_LEN(DOMLET_MONITOR_FDS_MAX * sizeof(int)) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	for (size_t i = 0; i < DOMLET_MONITOR_FDS_MAX; i++)
		fds[i] = -1;
	*cut = n > 0 && msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? E2BIG : 0;
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	if (*cut && !(msg.msg_flags & MSG_TRUNC) && fds[DOMLET_MONITOR_FDS_MAX - 1] < 0)
		*cut = EMFILE;
	return n;
}

static void on_packet(uv_poll_t *h, int status, int events)
{
	struct domlet_connection *c = h->data;
	const struct domlet_control_listener *listener = &c->control->listener;
	static char text[DOMLET_MONITOR_PACKET_MAX + 1];
	int fds[DOMLET_MONITOR_FDS_MAX], cut;
	ssize_t n = receive_packet(c->fd, text, sizeof text - 1, fds, &cut);
	struct domlet_control_request r;
	struct json_object *o;

	(void)events;
	if (n < 0 && errno == EAGAIN && status == 0)
		return;
	if (n <= 0) {
		listener->lost(listener->user, c);
		close_connection(c);
		return;
	}
	text[n] = '\0';
	o = cut ? NULL : json_tokener_parse(text);
	if (cut)
		domlet_control_answer(c, cut,
				      cut == EMFILE ?
					      NO_DESCRIPTORS :
					      "that packet is too long for a monitor, or has too many descriptors");
	else if (read_request(c, o, fds, &r))
		listener->requested(listener->user, c, &r);
	json_object_put(o);
	for (size_t i = 0; i < DOMLET_MONITOR_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

struct domlet_connection *domlet_control_add(struct domlet_control *ctl, int fd, uint32_t process, uint32_t container)
{
	for (size_t i = 0; fd >= 0 && i < DOMLET_CONNECTION_MAX; i++) {
		struct domlet_connection *c = &ctl->connections[i];

		if (i < ctl->top && c->fd >= 0)
			continue;
		ctl->top = i < ctl->top ? ctl->top : i + 1;
		c->fd = fd;
		c->process = process;
		c->container = container;
		c->is_proxy = process != 0;
		c->control = ctl;
		c->open = uv_poll_init(ctl->loop, &c->poll, fd) == 0;
		c->poll.data = c;
		if (c->open)
			uv_poll_start(&c->poll, UV_READABLE, on_packet);
		return c;
	}
	return NULL;
}

/* Not ESRCH, and not without a word: callers would take the container for dead. */
static void refuse(int fd, int code, const char *text)
{
	send_answer(fd, code, text);
	close(fd);
}

static void refuse_for_want_of_room(const struct domlet_control *ctl, int fd)
{
	char text[256];

	(void)snprintf(text, sizeof text,
		       "too many commands at once for the monitor of domain %s, which takes %u: try again", ctl->name,
		       DOMLET_CONNECTION_MAX);
	refuse(fd, EAGAIN, text);
}

/* Nobody else gets as far as the socket, whose directory says so, too. */
static bool is_of_our_user(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

/* Else the connection would wait, and wake us for ever. */
static void refuse_for_want_of_descriptors(struct domlet_control *ctl)
{
	int fd;

	if (ctl->spare_fd >= 0)
		close(ctl->spare_fd);
	fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		send_answer(fd, EMFILE, NO_DESCRIPTORS);
		close(fd);
	}
	ctl->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(uv_poll_t *h, int status, int events)
{
	struct domlet_control *ctl = h->data;
	int fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status, (void)events;
	if (fd < 0 && errno == EMFILE)
		refuse_for_want_of_descriptors(ctl);
	if (fd < 0)
		return;
	if (!is_of_our_user(fd))
		refuse(fd, EPERM, "a monitor talks to its own user alone");
	else if (!domlet_control_add(ctl, fd, 0, DOMLET_CONTROL_NOBODY))
		refuse_for_want_of_room(ctl, fd);
}

/* For each process its proxy's connection and three streams. What the caller was allowed is often 1,024. */
static void allow_descriptors(void)
{
	const rlim_t wanted = 4 * DOMLET_PROCESS_MAX + 1024;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max; /* who may not raise that */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void domlet_control_open(struct domlet_control *ctl, uv_loop_t *loop, const char *name,
			 const struct domlet_control_listener *listener)
{
	ctl->loop = loop;
	ctl->name = name;
	ctl->listener = *listener;
	ctl->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	allow_descriptors();
}

int domlet_control_listen(struct domlet_control *ctl, const char *dir, struct domlet_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int here, r;

	ctl->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A root of any length: bind by a short name from inside the directory. */
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", DOMLET_MONITOR_SOCKET);
	here = chdir(dir);
	r = here < 0 || ctl->listen_fd < 0 || bind(ctl->listen_fd, (struct sockaddr *)&a, sizeof a) < 0 ||
			    chmod(DOMLET_MONITOR_SOCKET, 0700) < 0 || listen(ctl->listen_fd, DOMLET_CONNECTION_MAX) < 0 ?
		    errno :
		    0;
	if (chdir("/") < 0 || r)
		return domlet_error_set(err, r, "can't listen on %s/%s: %s", dir, DOMLET_MONITOR_SOCKET,
					domlet_strerror(r));
	uv_poll_init(ctl->loop, &ctl->listen_poll, ctl->listen_fd);
	ctl->listen_poll.data = ctl;
	uv_poll_start(&ctl->listen_poll, UV_READABLE, on_connection);
	return 0;
}
