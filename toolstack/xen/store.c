/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>
#include <xenstore_lib.h>

#include "../../frontend/proto/limits.h"
#include "../base/cleanup.h"

/* Watch events taken in one turn of the loop: a guest may send them without
 * end, and all of them together cost one look at the state. */
#define EVENTS_MAX 64
/* A transaction is tried again when someone else wrote meanwhile. */
#define TRIES_MAX 100
/* libxenstore waits for ever on the kernel's device when xenstored is gone. */
#define ANSWER_MS 5000
#define RING_PATH_LEN 64

struct writer {
	struct xs_handle *store;
	xs_transaction_t t;
	uint32_t domid;
	bool failed;
	int code; /* errno of the first failure */
	char path[128];
};

static void fail(struct writer *w)
{
	if (!w->failed)
		w->code = errno;
	w->failed = true;
}

/* A new node has the permissions of the one above it (xenstored keeps to this
 * for whoever may set them: docs/misc/xenstore.txt of Xen), so that they are
 * set once, on what is above all of ours: owned by dom0, and readable by this
 * guest alone. */
static void make_directory(struct writer *w)
{
	struct xs_permissions perms[] = {
		{ .id = 0, .perms = XS_PERM_NONE },
		{ .id = w->domid, .perms = XS_PERM_READ },
	};

	if (w->failed)
		return;
	snprintf(w->path, sizeof(w->path), "/local/domain/%u/domlet", w->domid);
	if (!xs_mkdir(w->store, w->t, w->path) || !xs_set_permissions(w->store, w->t, w->path, perms, 2))
		fail(w);
}

static void put(struct writer *w, const void *value, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void put(struct writer *w, const void *value, size_t len, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->failed)
		return;
	n = snprintf(w->path, sizeof(w->path), "/local/domain/%u/domlet", w->domid);
	va_start(ap, fmt);
	vsnprintf(w->path + n, sizeof(w->path) - (size_t)n, fmt, ap);
	va_end(ap);
	if (!xs_write(w->store, w->t, w->path, value, (unsigned int)len))
		fail(w);
}

static void put_text(struct writer *w, const char *name, uint32_t n, const char *text)
{
	put(w, text, strlen(text), "/container/%u/%s", n, name);
}

static void hex(char *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

struct publication {
	uint32_t n;
	const char *id;
	uint64_t generation;
	const char *document;
	size_t len;
	const char *sha256; /* hexadecimal */
	const char *seed;   /* the same, NULL: was given already */
};

/* Writing below a domain that has just been destroyed would leave a directory
 * that nobody ever removes; the transaction sees to that. */
static void check_domain(struct writer *w)
{
	unsigned int len;

	snprintf(w->path, sizeof(w->path), "/local/domain/%u/vm", w->domid);
	cleanup_free char *vm = xs_read(w->store, w->t, w->path, &len);

	if (!vm)
		fail(w);
}

static void put_all(struct writer *w, const struct publication *p)
{
	char number[24];

	check_domain(w);
	make_directory(w);
	if (p->seed)
		put(w, p->seed, strlen(p->seed), "/seed");
	put_text(w, "id", p->n, p->id);
	snprintf(number, sizeof(number), "%zu", p->len);
	put_text(w, "length", p->n, number);
	for (size_t at = 0; p->document && at < p->len; at += DOMLET_CONFIG_CHUNK) {
		size_t left = p->len - at;

		put(w, p->document + at, left < DOMLET_CONFIG_CHUNK ? left : DOMLET_CONFIG_CHUNK,
		    "/container/%u/chunk/%zu", p->n, at / DOMLET_CONFIG_CHUNK);
	}
	put_text(w, "sha256", p->n, p->sha256);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)p->generation);
	put_text(w, "generation", p->n, number);
}

static int write_all(struct domlet_xen *xen, const struct publication *p)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		struct writer w = { .store = xen->store, .domid = xen->domid };

		w.t = xs_transaction_start(xen->store);
		if (w.t == XBT_NULL)
			return -errno;
		put_all(&w, p);
		if (xs_transaction_end(xen->store, w.t, w.failed)) {
			if (!w.failed)
				return 0;
			return -(w.code ? w.code : EIO);
		}
		if (w.failed)
			return -(w.code ? w.code : EIO);
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

int domlet_xen_publish(struct domlet_xen *xen, uint32_t n, const char *id, uint64_t generation, const char *document,
		       size_t len, const uint8_t sha256[32], struct domlet_error *err)
{
	uint8_t seed[DOMLET_SEED_LEN];
	char seed_hex[2 * DOMLET_SEED_LEN + 1], sha256_hex[2 * DOMLET_SHA256_LEN + 1];
	struct publication p = {
		.n = n,
		.id = id,
		.generation = generation,
		.document = document,
		.len = len,
		.sha256 = sha256_hex,
		.seed = xen->seed_given ? NULL : seed_hex,
	};
	int rc;

	if (xen->domid == NO_DOMID || xen->gone)
		return domlet_error_set(err, ESRCH, "can't hand over the configuration: the domain is gone");
	if (document && len > DOMLET_CONFIG_XENSTORE_MAX)
		return domlet_error_set(err, E2BIG, "a configuration of %zu bytes is too large for xenstore", len);
	hex(sha256_hex, sha256, DOMLET_SHA256_LEN);
	if (p.seed) {
		if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
			return domlet_error_set(err, EIO, "the kernel gave no random bytes for the guest's seed");
		hex(seed_hex, seed, sizeof(seed));
	}
	rc = write_all(xen, &p);
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(seed_hex, sizeof(seed_hex));
	if (rc)
		return domlet_error_set(err, -rc, "can't write the configuration of %s to xenstore: %s", id,
					domlet_strerror(rc));
	xen->seed_given = true;
	return 0;
}

int domlet_xen_forget_seed(struct domlet_xen *xen)
{
	char path[64];

	if (xen->domid == NO_DOMID || xen->gone)
		return 0;
	snprintf(path, sizeof(path), "/local/domain/%u/domlet/seed", xen->domid);
	return xs_rm(xen->store, XBT_NULL, path) || errno == ENOENT ? 0 : -errno;
}

static void ring_path(const struct domlet_xen *xen, char path[static RING_PATH_LEN])
{
	snprintf(path, RING_PATH_LEN, "/local/domain/%u/data/domlet/ring/0", xen->domid);
}

static void unwatch(struct domlet_xen *xen)
{
	char path[RING_PATH_LEN];

	ring_path(xen, path);
	xs_unwatch(xen->store, path, "ring");
	uv_poll_stop(&xen->store_poll);
}

static void look_at_ring(struct domlet_xen *xen)
{
	struct domlet_error err;
	unsigned int len = 0;
	char path[RING_PATH_LEN];
	int rc;

	ring_path(xen, path);
	cleanup_free char *text = xs_read(xen->store, XBT_NULL, path, &len);

	if (!text) /* not yet */
		return;
	xen->ring_seen = true;
	unwatch(xen);
	rc = domlet_ring_offer_parse(text, len, xen->domid, &xen->ring_offer, &err);
	if (rc)
		snprintf(xen->disaster, sizeof(xen->disaster), "%s", err.text);
	domlet_xen_post(xen, rc ? DOMLET_XEN_DISASTER : DOMLET_XEN_RING_READY);
}

static void on_watch(uv_poll_t *handle, int status, int events)
{
	struct domlet_xen *xen = handle->data;
	bool fired = false;

	(void)events;
	errno = EAGAIN;
	for (int i = 0; status >= 0 && i < EVENTS_MAX; i++) {
		char **event = xs_check_watch(xen->store);

		if (!event)
			break;
		fired = true;
		free(event);
		errno = EAGAIN; /* when the turn's share is used up */
	}
	if (status < 0 || errno != EAGAIN) {
		uv_poll_stop(handle);
		snprintf(xen->disaster, sizeof(xen->disaster),
			 "the connection to xenstored has ended: it has died, and with it what Xen's toolstack knew of the domains; restart this host");
		domlet_xen_post(xen, DOMLET_XEN_DISASTER);
		return;
	}
	if (fired && !xen->ring_seen)
		look_at_ring(xen);
}

int domlet_xen_store_watch(struct domlet_xen *xen, struct domlet_error *err)
{
	char path[RING_PATH_LEN];

	ring_path(xen, path);
	if (!xs_watch(xen->store, path, "ring")) {
		int code = errno;

		return domlet_error_set(err, code, "can't watch %s in xenstore: %s", path, domlet_strerror(code));
	}
	uv_poll_start(&xen->store_poll, UV_READABLE, on_watch);
	return 0;
}

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

static bool exists(struct xs_handle *store, const char *path)
{
	unsigned int count;
	cleanup_free char **names = xs_directory(store, XBT_NULL, path, &count);

	return names || errno != ENOENT;
}

void domlet_xen_store_sweep(struct xs_handle *store, uint32_t domid)
{
	static const char *const kinds[] = { "vbd", "console" };
	char domain[64], backend[96];

	(void)snprintf(domain, sizeof(domain), "/local/domain/%u", domid);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		(void)snprintf(backend, sizeof(backend), "/local/domain/0/backend/%s/%u", kinds[i], domid);
		if (exists(store, backend) && !exists(store, domain))
			(void)xs_rm(store, XBT_NULL, backend);
	}
}

int domlet_xen_store_open(struct domlet_xen *xen, struct domlet_error *err)
{
	int fd, flags, rc = domlet_xen_store_check(err);

	if (rc)
		return rc;
	xen->store = xs_open(0);
	if (!xen->store) {
		int code = errno;

		return domlet_error_set(
			err, code,
			"can't talk to xenstored: %s; start it (`systemctl start xenstored`, or `service xen start`)",
			domlet_strerror(code));
	}
	fd = xs_fileno(xen->store);
	flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	rc = flags < 0 ? UV_EBADF : uv_poll_init(xen->loop, &xen->store_poll, fd);
	if (rc)
		return domlet_error_set(err, -rc, "can't watch xenstore's descriptor: %s", domlet_strerror(rc));
	/* libxenstore reads its own pipe as a blocking one. */
	(void)fcntl(fd, F_SETFL, flags);
	xen->store_poll.data = xen;
	xen->handle_count++;
	return 0;
}

void domlet_xen_store_close(struct domlet_xen *xen)
{
	if (xen->store_poll.data)
		uv_close((uv_handle_t *)&xen->store_poll, domlet_xen_handle_closed);
	if (xen->store)
		xs_close(xen->store);
	xen->store = NULL;
}
