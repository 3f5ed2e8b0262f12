/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's document as the guest finds it in a xenstore of this file's
 * own: it is taken when it is whole and the announced one, and refused with
 * the reason otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xenstore.h>

#include "../../frontend/proto/limits.h"
#include "../../frontend/proto/sha256.h"
#include "../../guest-init/agent/fetch.h"

#define NODE "domlet/container/3/" /* its number is 3 */
#define GENERATION 7u
#define LEN (2 * DOMLET_CONFIG_CHUNK + 452) /* of the document in most tests */
#define CHUNK_MAX (DOMLET_CONFIG_XENSTORE_MAX / DOMLET_CONFIG_CHUNK)

static char text[DOMLET_CONFIG_XENSTORE_MAX + 2 * DOMLET_CONFIG_CHUNK];
static uint8_t sha256[DOMLET_SHA256_LEN];
static char length_node[16], sha256_node[2 * DOMLET_SHA256_LEN + 1];

static struct {
	const char *length, *generation, *sha256; /* NULL: missing, as a chunk */
	struct {
		const char *at;
		unsigned int len;
	} chunks[CHUNK_MAX];
	unsigned int chunk_reads;
} store;

static void *value_of(const char *at, unsigned int size, unsigned int *len)
{
	char *value = at ? malloc(size + 1) : NULL; /* libxenstore adds a NUL, too */

	if (!value)
		return NULL;
	memcpy(value, at, size);
	value[size] = '\0';
	*len = size;
	return value;
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *len)
{
	const struct {
		const char *key, *value;
	} nodes[] = {
		{ NODE "length", store.length },
		{ NODE "generation", store.generation },
		{ NODE "sha256", store.sha256 },
	};
	unsigned int i;

	(void)xs, (void)t;
	for (size_t n = 0; n < sizeof nodes / sizeof nodes[0]; n++)
		if (strcmp(path, nodes[n].key) == 0)
			return nodes[n].value ? value_of(nodes[n].value, (unsigned int)strlen(nodes[n].value), len) :
						NULL;
	assert_int_equal(sscanf(path, NODE "chunk/%u", &i), 1);
	store.chunk_reads++;
	return i < CHUNK_MAX ? value_of(store.chunks[i].at, store.chunks[i].len, len) : NULL;
}

/* As dom0 does it: LEN bytes of the text. */
static void publish(uint32_t len)
{
	memset(&store, 0, sizeof store);
	domlet_sha256(text, len, sha256);
	(void)snprintf(length_node, sizeof length_node, "%u", len);
	for (size_t i = 0; i < sizeof sha256; i++)
		(void)snprintf(sha256_node + 2 * i, 3, "%02x", sha256[i]);
	store.length = length_node;
	store.generation = "7";
	store.sha256 = sha256_node;
	for (uint32_t i = 0, at = 0; at < len && i < CHUNK_MAX; i++, at += DOMLET_CONFIG_CHUNK) {
		store.chunks[i].at = text + at;
		store.chunks[i].len = len - at < DOMLET_CONFIG_CHUNK ? len - at : DOMLET_CONFIG_CHUNK;
	}
}

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(' ' + (i * 7 + i / 251) % 90);
	publish(LEN);
	return 0;
}

static void expect(int r, const struct domlet_failure *failure, int code, const char *words)
{
	assert_int_equal(r, -code);
	assert_int_equal(failure->code, code);
	if (!strstr(failure->text, words))
		fail_msg("\"%s\" does not say \"%s\"", failure->text, words);
}

/* When that comes over the ring, what is in the store is refused with CODE and WORDS (0: taken). */
static void expect_announced(uint64_t generation, uint32_t len, int code, const char *words)
{
	struct domlet_failure failure = { 0 };
	struct domlet_fetch f;

	domlet_fetch_read(&f, NULL, 3);
	expect(domlet_fetch_announced(&f, generation, len, sha256, &failure), &failure, code, words);
	domlet_fetch_free(&f);
}

static void expect_document(uint32_t len, int code, const char *words)
{
	struct domlet_failure failure = { 0 };
	struct domlet_fetch f;

	domlet_fetch_read(&f, NULL, 3);
	expect(domlet_fetch_document(&f, len, sha256, &failure), &failure, code, words);
	domlet_fetch_free(&f);
}

static void takes_what_was_announced(void **state)
{
	static const uint32_t lens[] = { 1,   DOMLET_CONFIG_CHUNK - 1,   DOMLET_CONFIG_CHUNK, DOMLET_CONFIG_CHUNK + 1,
					 LEN, DOMLET_CONFIG_XENSTORE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		struct domlet_failure failure = { 0 };
		struct domlet_fetch f;

		publish(lens[i]);
		domlet_fetch_read(&f, NULL, 3);
		assert_int_equal(f.container, 3);
		assert_int_equal(domlet_fetch_announced(&f, GENERATION, lens[i], sha256, &failure), 0);
		assert_int_equal(domlet_fetch_document(&f, lens[i], sha256, &failure), 0);
		assert_int_equal(f.len, lens[i]);
		assert_memory_equal(f.document, text, lens[i]);
		assert_int_equal(f.document[lens[i]], '\0');
		domlet_fetch_free(&f);
		assert_null(f.document);
		assert_null(f.length);
	}
}

static void another_announcement_is_refused(void **state)
{
	char upper[sizeof sha256_node];

	(void)state;
	expect_announced(GENERATION + 1, LEN, EBADMSG, "generation in xenstore is 7, but 8 was announced");
	expect_announced(GENERATION + (UINT64_C(1) << 32), LEN, EBADMSG, "generation");
	expect_announced(GENERATION, LEN - 1, EBADMSG, "length in xenstore is 2500, but 2499 was announced");
	store.length = "02500";
	expect_announced(GENERATION, LEN, EBADMSG, "length");
	store.length = NULL;
	expect_announced(GENERATION, LEN, ENODATA, "found no length");
	publish(LEN);
	store.generation = NULL;
	expect_announced(GENERATION, LEN, ENODATA, "found no generation");
	publish(LEN);
	store.sha256 = NULL;
	expect_announced(GENERATION, LEN, ENODATA, "found no sha256");
	store.sha256 = "";
	expect_announced(GENERATION, LEN, EBADMSG, "sha256");
	for (size_t i = 0; i < sizeof upper; i++)
		upper[i] = sha256_node[i] >= 'a' ? (char)(sha256_node[i] - 32) : sha256_node[i];
	store.sha256 = upper;
	expect_announced(GENERATION, LEN, EBADMSG, "sha256");
	publish(LEN);
	sha256[DOMLET_SHA256_LEN - 1] ^= 1;
	expect_announced(GENERATION, LEN, EBADMSG, "sha256");
	sha256[DOMLET_SHA256_LEN - 1] ^= 1;
	expect_announced(GENERATION, LEN, 0, "");
}

static void a_changed_document_is_refused(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < LEN; at += LEN / 4) {
		text[at] ^= 1;
		expect_document(LEN, EBADMSG, "SHA-256 is not the announced one");
		text[at] ^= 1;
	}
	store.chunks[0] = store.chunks[1]; /* one twice, another not at all */
	expect_document(LEN, EBADMSG, "SHA-256");
	publish(LEN);
	sha256[0] ^= 0x80;
	expect_document(LEN, EBADMSG, "SHA-256");
}

static void chunks_that_do_not_fit_are_refused(void **state)
{
	static const char *const before[] = { "found 0 of", "found 1024 of", "found 2048 of" };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		publish(LEN);
		store.chunks[i].at = NULL;
		expect_document(LEN, EBADMSG, before[i]);
		publish(LEN);
		store.chunks[i].len--;
		expect_document(LEN, EBADMSG, "found 2499 of the configuration's 2500 bytes");
		publish(LEN);
		store.chunks[i].len = 0;
		expect_document(LEN, EBADMSG, before[i]);
		publish(LEN);
		store.chunks[i].len++; /* the last one does not fit then */
		expect_document(LEN, EBADMSG, i < 2 ? "found 2049 of" : "found 2048 of");
		publish(LEN);
		store.chunks[i].len = LEN + 1;
		expect_document(LEN, EBADMSG, before[i]);
	}
	/* Behind the end nobody looks. */
	publish(LEN);
	store.chunks[3] = store.chunks[0];
	store.chunk_reads = 0;
	expect_document(LEN, 0, "");
	assert_int_equal(store.chunk_reads, 3);
}

static void the_ring_announces_another_length(void **state)
{
	(void)state;
	expect_document(LEN - 1, EBADMSG, "found 2500 of the configuration's 2499 bytes");
	expect_document(LEN + 1, EBADMSG, "found 2500 of the configuration's 2501 bytes");
}

/* Nothing is read, and no memory taken, for a length that can't be. */
static void lengths_are_bounded(void **state)
{
	static const char *const lengths[] = { "131073", "4294967297", "18446744073709551616", "-1", "0", "", "many" };

	(void)state;
	publish(DOMLET_CONFIG_XENSTORE_MAX);
	expect_document(DOMLET_CONFIG_XENSTORE_MAX + 1, EMSGSIZE, "too large for xenstore");
	store.chunk_reads = 0;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct domlet_fetch f;

		store.length = lengths[i];
		domlet_fetch_read(&f, NULL, 3);
		assert_null(f.document);
		assert_int_equal(f.len, 0);
		domlet_fetch_free(&f);
		expect_document(LEN, ENOMEM, "no memory");
	}
	assert_int_equal(store.chunk_reads, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_what_was_announced, set_up),
		cmocka_unit_test_setup(another_announcement_is_refused, set_up),
		cmocka_unit_test_setup(a_changed_document_is_refused, set_up),
		cmocka_unit_test_setup(chunks_that_do_not_fit_are_refused, set_up),
		cmocka_unit_test_setup(the_ring_announces_another_length, set_up),
		cmocka_unit_test_setup(lengths_are_bounded, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
