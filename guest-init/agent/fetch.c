// SPDX-License-Identifier: GPL-2.0-or-later
#include "fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "../../frontend/proto/limits.h"
#include "../../frontend/proto/sha256.h"

int domlet_fetch_check(const char *text, uint32_t len, const uint8_t sha256[static 32], struct domlet_failure *failure)
{
	uint8_t digest[DOMLET_SHA256_LEN];

	domlet_sha256(text, len, digest);
	if (memcmp(digest, sha256, sizeof digest) != 0)
		return domlet_failure_set(
			failure, EBADMSG,
			"the configuration was changed on its way to the guest: its SHA-256 is not the announced one");
	return 0;
}

static char *read_node(struct xs_handle *xs, uint32_t container, const char *key, unsigned int *len)
{
	char path[64];

	(void)snprintf(path, sizeof path, "domlet/container/%u/%s", container, key);
	return xs_read(xs, XBT_NULL, path, len);
}

/* Chunks until LEN bytes are there, or until one is missing or does not fit. */
static void read_document(struct domlet_fetch *f, struct xs_handle *xs, uint32_t len)
{
	char key[32];

	f->document = malloc((size_t)len + 1);
	for (uint32_t i = 0; f->document && f->len < len; i++) {
		unsigned int n = 0;
		char *chunk;

		(void)snprintf(key, sizeof key, "chunk/%u", i);
		chunk = read_node(xs, f->container, key, &n);
		if (chunk && n <= len - f->len)
			memcpy(f->document + f->len, chunk, n);
		else
			n = 0;
		f->len += n;
		free(chunk);
		if (n == 0)
			break;
	}
	if (f->document)
		f->document[f->len] = '\0';
}

void domlet_fetch_read(struct domlet_fetch *f, struct xs_handle *xs, uint32_t container)
{
	unsigned int n;
	unsigned long len;

	*f = (struct domlet_fetch){ .container = container };
	f->length = read_node(xs, container, "length", &n);
	f->generation = read_node(xs, container, "generation", &n);
	f->sha256 = read_node(xs, container, "sha256", &n);
	len = f->length ? strtoul(f->length, NULL, 10) : 0;
	if (len > 0 && len <= DOMLET_CONFIG_XENSTORE_MAX)
		read_document(f, xs, (uint32_t)len);
}

void domlet_fetch_free(struct domlet_fetch *f)
{
	free(f->length);
	free(f->generation);
	free(f->sha256);
	free(f->document);
	*f = (struct domlet_fetch){ 0 };
}

static int check_node(const char *key, const char *text, const char *wanted, struct domlet_failure *failure)
{
	if (!text)
		return domlet_failure_set(failure, ENODATA, "the guest found no %s of the container in xenstore", key);
	if (strcmp(text, wanted) != 0)
		return domlet_failure_set(failure, EBADMSG,
					  "the container's %s in xenstore is %.64s, but %s was announced", key, text,
					  wanted);
	return 0;
}

int domlet_fetch_announced(const struct domlet_fetch *f, uint64_t generation, uint32_t len,
			   const uint8_t sha256[static 32], struct domlet_failure *failure)
{
	char text[2 * DOMLET_SHA256_LEN + 1];
	int r;

	(void)snprintf(text, sizeof text, "%u", len);
	r = check_node("length", f->length, text, failure);
	(void)snprintf(text, sizeof text, "%" PRIu64, generation);
	if (r == 0)
		r = check_node("generation", f->generation, text, failure);
	for (size_t i = 0; i < DOMLET_SHA256_LEN; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", sha256[i]);
	return r == 0 ? check_node("sha256", f->sha256, text, failure) : r;
}

int domlet_fetch_document(const struct domlet_fetch *f, uint32_t len, const uint8_t sha256[static 32],
			  struct domlet_failure *failure)
{
	if (len > DOMLET_CONFIG_XENSTORE_MAX)
		return domlet_failure_set(failure, EMSGSIZE, "a configuration of %u bytes is too large for xenstore",
					  len);
	if (!f->document)
		return domlet_failure_set(failure, ENOMEM, "the guest has no memory for a configuration of %u bytes",
					  len);
	if (f->len != len)
		return domlet_failure_set(failure, EBADMSG,
					  "the guest found %u of the configuration's %u bytes in xenstore", f->len, len);
	return domlet_fetch_check(f->document, len, sha256, failure);
}
