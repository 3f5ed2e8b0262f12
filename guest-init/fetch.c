// SPDX-License-Identifier: GPL-2.0-or-later
#include "fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "../frontend/proto/limits.h"
#include "../frontend/proto/sha256.h"

int domlet_fetch_check(const char *text, uint32_t len, const uint8_t sha256[static 32], struct domlet_failure *failure)
{
	uint8_t digest[DOMLET_SHA256_LEN];

	domlet_sha256(text, len, digest);
	if (memcmp(digest, sha256, sizeof digest) != 0)
		return domlet_failure_set(failure, EBADMSG,
					  "the configuration was changed on its way to the guest: its SHA-256 is not the announced one");
	return 0;
}

static int check_node(struct xs_handle *xs, uint32_t container, const char *key, const char *wanted,
		      struct domlet_failure *failure)
{
	char path[64], *text;
	unsigned int len;
	int r = 0;

	(void)snprintf(path, sizeof path, "domlet/container/%u/%s", container, key);
	text = xs_read(xs, XBT_NULL, path, &len);
	if (!text)
		r = domlet_failure_set(failure, ENODATA, "the guest found no %s in xenstore", path);
	else if (strcmp(text, wanted) != 0)
		r = domlet_failure_set(failure, EBADMSG, "%s in xenstore is %.64s, but %s was announced", path, text, wanted);
	free(text);
	return r;
}

int domlet_fetch_announced(struct xs_handle *xs, uint32_t container, uint64_t generation, uint32_t len,
			   const uint8_t sha256[static 32], struct domlet_failure *failure)
{
	char text[2 * DOMLET_SHA256_LEN + 1];
	int r;

	(void)snprintf(text, sizeof text, "%u", len);
	r = check_node(xs, container, "length", text, failure);
	(void)snprintf(text, sizeof text, "%" PRIu64, generation);
	if (r == 0)
		r = check_node(xs, container, "generation", text, failure);
	for (size_t i = 0; i < DOMLET_SHA256_LEN; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", sha256[i]);
	return r == 0 ? check_node(xs, container, "sha256", text, failure) : r;
}

int domlet_fetch_document(struct xs_handle *xs, uint32_t container, uint32_t len, const uint8_t sha256[static 32],
			  char **text, struct domlet_failure *failure)
{
	char path[64], *all;
	uint32_t used = 0;
	int r;

	if (len > DOMLET_CONFIG_XENSTORE_MAX)
		return domlet_failure_set(failure, EMSGSIZE, "a configuration of %u bytes is too large for xenstore", len);
	all = malloc((size_t)len + 1);
	if (!all)
		return domlet_failure_set(failure, ENOMEM, "the guest has no memory for a configuration of %u bytes", len);
	for (uint32_t i = 0; used < len; i++) {
		unsigned int n;
		char *chunk;

		(void)snprintf(path, sizeof path, "domlet/container/%u/chunk/%u", container, i);
		chunk = xs_read(xs, XBT_NULL, path, &n);
		if (!chunk || n == 0 || n > len - used) {
			free(chunk);
			free(all);
			return domlet_failure_set(failure, EBADMSG, "%s in xenstore is missing or too long", path);
		}
		memcpy(all + used, chunk, n);
		used += n;
		free(chunk);
	}
	all[len] = '\0';
	r = domlet_fetch_check(all, len, sha256, failure);
	if (r < 0)
		free(all);
	else
		*text = all;
	return r;
}
