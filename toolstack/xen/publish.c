/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What xenstore tells a guest of its containers. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "../../frontend/proto/limits.h"
#include "../base/cleanup.h"
#include "domain.h"

/* A transaction is tried again when someone else wrote meanwhile. */
#define TRIES_MAX 100

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
		struct writer w = { .store = xen->store.xs, .domid = xen->domid };

		w.t = xs_transaction_start(xen->store.xs);
		if (w.t == XBT_NULL)
			return -errno;
		put_all(&w, p);
		if (xs_transaction_end(xen->store.xs, w.t, w.failed)) {
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

	if (xen->domid == DOMLET_XEN_NO_DOMID || xen->gone)
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

	if (xen->domid == DOMLET_XEN_NO_DOMID || xen->gone)
		return 0;
	snprintf(path, sizeof(path), "/local/domain/%u/domlet/seed", xen->domid);
	return xs_rm(xen->store.xs, XBT_NULL, path) || errno == ENOENT ? 0 : -errno;
}
