/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "../base/cleanup.h"
#include "xen.h"

/* Watch events taken in one turn of the loop: a guest may send them without
 * end, and all of them together cost one look at the state. */
#define EVENTS_MAX 64
/* libxenstore waits for ever on the kernel's device when xenstored is gone. */
#define ANSWER_MS 5000
#define TOKEN "domlet" /* there is one watch */

static bool socket_answers(void)
{
	const struct timeval patience = { .tv_sec = ANSWER_MS / 1000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", xs_daemon_socket());
	/* connect() waits while too many others do. */
	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	       connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

/* A xenstored in a domain of its own is reached through the kernel only. */
static bool kernel_answers(void)
{
	struct {
		struct xsd_sockmsg head;
		char body[2];
	} ask = { .head = { .type = XS_GET_DOMAIN_PATH, .len = 2 }, .body = "0" };
	cleanup_close int fd = open("/dev/xen/xenbus", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = offsetof(__typeof__(ask), body) + sizeof(ask.body);

	return fd >= 0 && write(fd, &ask, len) == (ssize_t)len && poll(&p, 1, ANSWER_MS) == 1 &&
	       read(fd, &ask.head, sizeof(ask.head)) == (ssize_t)sizeof(ask.head) && ask.head.type == XS_GET_DOMAIN_PATH;
}

int domlet_xen_store_check(struct domlet_error *err)
{
	if (socket_answers() || kernel_answers())
		return 0;
	return domlet_error_set(
		err, ECONNREFUSED,
		"xenstored doesn't answer: it was never started, or has died and with it what Xen's toolstack knew of the domains; start it (`systemctl start xenstored`) or restart this host");
}

static bool exists(struct xs_handle *xs, const char *path)
{
	unsigned int count;
	cleanup_free char **names = xs_directory(xs, XBT_NULL, path, &count);

	return names || errno != ENOENT;
}

void domlet_xen_store_sweep(struct xs_handle *xs, uint32_t domid)
{
	static const char *const kinds[] = { "vbd", "console" };
	char domain[64], backend[96];

	(void)snprintf(domain, sizeof(domain), "/local/domain/%u", domid);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		(void)snprintf(backend, sizeof(backend), "/local/domain/0/backend/%s/%u", kinds[i], domid);
		if (exists(xs, backend) && !exists(xs, domain))
			(void)xs_rm(xs, XBT_NULL, backend);
	}
}

int domlet_xen_store_open(struct domlet_xen_store *store, struct domlet_xen_loop *loop, struct domlet_error *err)
{
	int fd, flags, rc = domlet_xen_store_check(err);

	if (rc)
		return rc;
	store->loop = loop;
	store->xs = xs_open(0);
	if (!store->xs) {
		int code = errno;

		return domlet_error_set(
			err, code,
			"can't talk to xenstored: %s; start it (`systemctl start xenstored`, or `service xen start`)",
			domlet_strerror(code));
	}
	fd = xs_fileno(store->xs);
	flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	rc = flags < 0 ? UV_EBADF : uv_poll_init(loop->uv, &store->poll, fd);
	if (rc)
		return domlet_error_set(err, -rc, "can't watch xenstore's descriptor: %s", domlet_strerror(rc));
	/* libxenstore reads its own pipe as a blocking one. */
	(void)fcntl(fd, F_SETFL, flags);
	domlet_xen_loop_hold(loop, (uv_handle_t *)&store->poll, store);
	return 0;
}

void domlet_xen_store_close(struct domlet_xen_store *store)
{
	domlet_xen_loop_drop(store->loop, (uv_handle_t *)&store->poll);
	if (store->xs)
		xs_close(store->xs);
	store->xs = NULL;
}

static void on_watch(uv_poll_t *handle, int status, int events)
{
	struct domlet_xen_store *store = handle->data;
	bool fired = false;

	(void)events;
	errno = EAGAIN;
	for (int i = 0; status >= 0 && i < EVENTS_MAX; i++) {
		char **event = xs_check_watch(store->xs);

		if (!event)
			break;
		fired = true;
		free(event);
		errno = EAGAIN; /* when the turn's share is used up */
	}
	if (status < 0 || errno != EAGAIN) {
		uv_poll_stop(handle);
		store->watch->lost(store->watch->user);
		return;
	}
	if (fired)
		store->watch->changed(store->watch->user);
}

int domlet_xen_store_watch(struct domlet_xen_store *store, const struct domlet_xen_watch *watch,
			   struct domlet_error *err)
{
	if (!xs_watch(store->xs, watch->path, TOKEN)) {
		int code = errno;

		return domlet_error_set(err, code, "can't watch %s in xenstore: %s", watch->path, domlet_strerror(code));
	}
	store->watch = watch;
	uv_poll_start(&store->poll, UV_READABLE, on_watch);
	return 0;
}

void domlet_xen_store_unwatch(struct domlet_xen_store *store)
{
	xs_unwatch(store->xs, store->watch->path, TOKEN);
	uv_poll_stop(&store->poll);
	store->watch = NULL;
}
