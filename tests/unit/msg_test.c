// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/msg.h"

#define SLICE(s) ((struct domlet_slice){ (const uint8_t *)(s), sizeof(s) - 1 })

/* fill_hello(), ...: different values in all fields. */
#define FILL_U32(n) f->n = v++;
#define FILL_U64(n)                   \
	f->n = (uint64_t)v << 40 | v; \
	v++;
#define FILL_I32(n) f->n = -(int32_t)v++;
#define FILL_STR(n) f->n = (struct domlet_slice){ text, v++ % sizeof(text) };
#define M(NAME, member, number, dir)                                                                  \
	static void fill_##member(struct domlet_msg_##member *f)                                      \
	{                                                                                             \
		static const uint8_t text[] = "some text of which a part is used";                    \
		uint32_t v = 1000 * number;                                                           \
		(void)text, (void)f;                                                                  \
		DOMLET_MSG_##NAME##_FIELDS(FILL_U32, FILL_U64, FILL_I32, FILL_STR, FILL_STR)(void) v; \
	}
DOMLET_MSG_LIST(M)
#undef M

#define SAME_NUMBER(n) assert_true(a->n == b->n);
#define SAME_SLICE(n)                         \
	assert_int_equal(a->n.len, b->n.len); \
	if (a->n.len)                         \
		assert_memory_equal(a->n.ptr, b->n.ptr, a->n.len);
#define M(NAME, member, number, dir)                                                                        \
	static void same_##member(const struct domlet_msg_##member *a, const struct domlet_msg_##member *b) \
	{                                                                                                   \
		(void)a, (void)b;                                                                           \
		DOMLET_MSG_##NAME##_FIELDS(SAME_NUMBER, SAME_NUMBER, SAME_NUMBER, SAME_SLICE, SAME_SLICE)   \
	}
DOMLET_MSG_LIST(M)
#undef M

static void fill(struct domlet_msg *m, uint32_t type)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	m->request = 0x01020304;
	switch (type) {
#define M(NAME, member, number, dir) \
	case number: fill_##member(&m->member); break;
		DOMLET_MSG_LIST(M)
#undef M
	}
}

static void assert_same(const struct domlet_msg *a, const struct domlet_msg *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->request, b->request);
	switch (a->type) {
#define M(NAME, member, number, dir) \
	case number: same_##member(&a->member, &b->member); break;
		DOMLET_MSG_LIST(M)
#undef M
	}
}

static const uint32_t types[] = {
#define M(NAME, member, number, dir) number,
	DOMLET_MSG_LIST(M)
#undef M
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static void each_message_comes_back(void **state)
{
	uint8_t wire[DOMLET_MSG_MAX];
	struct domlet_msg m, got;
	const char *reason;
	int len;

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		fill(&m, types[i]);
		len = domlet_msg_encode(&m, wire, sizeof(wire));
		assert_int_equal(len, domlet_msg_size(&m));
		assert_int_equal(domlet_msg_decode(wire, (size_t)len, &got, &reason), 0);
		assert_null(reason);
		assert_same(&m, &got);
	}
}

/* In a buffer of its own size each time, for the sanitizer. */
static void refuses_each_cut_and_each_longer_one(void **state)
{
	struct domlet_msg m, got;
	const char *reason;

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		size_t size;

		fill(&m, types[i]);
		size = domlet_msg_size(&m);
		for (size_t len = 0; len <= size + 1; len++) {
			uint8_t *wire = calloc(1, size + 1), *cut = malloc(len ? len : 1);

			assert_int_equal(domlet_msg_encode(&m, wire, size), size);
			memcpy(cut, wire, len);
			assert_int_equal(domlet_msg_decode(cut, len, &got, &reason), len == size ? 0 : -EPROTO);
			assert_true((len == size) == (reason == NULL));
			free(wire);
			free(cut);
		}
	}
}

/* Any byte changed: it decodes to something or is refused; slices stay inside. */
static void survives_each_changed_byte(void **state)
{
	uint8_t wire[512];
	struct domlet_msg m, got;
	const char *reason;

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		int len;

		fill(&m, types[i]);
		len = domlet_msg_encode(&m, wire, sizeof(wire));
		assert_true(len > 0);
		for (int at = 0; at < len; at++)
			for (uint32_t to = 0; to <= UINT8_MAX; to += 5) {
				uint8_t was = wire[at];
				uint8_t again[512];

				wire[at] = (uint8_t)to;
				if (domlet_msg_decode(wire, (size_t)len, &got, &reason) == 0) {
					assert_int_equal(domlet_msg_encode(&got, again, sizeof(again)), len);
					assert_memory_equal(wire, again, (size_t)len);
				} else {
					assert_non_null(reason);
				}
				wire[at] = was;
			}
	}
}

static void refuses(const void *wire, size_t len, const char *words)
{
	struct domlet_msg m;
	const char *reason;

	assert_int_equal(domlet_msg_decode(wire, len, &m, &reason), -EPROTO);
	if (!strstr(reason, words))
		fail_msg("\"%s\" does not say \"%s\"", reason, words);
}

static void refuses_lies(void **state)
{
	static const uint8_t unknown[8] = { 99 }, none[8] = { 0 };
	static const uint8_t nul[] = { DOMLET_MSG_REPLY, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 'a', 0, 'b' };
	static const uint8_t longer[] = { DOMLET_MSG_REPLY, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 'a', 'b', 'c' };
	static const uint8_t longest[] = {
		DOMLET_MSG_REPLY, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 'a'
	};
	static uint8_t large[DOMLET_MSG_MAX + 1] = { DOMLET_MSG_START };

	(void)state;
	refuses(unknown, sizeof(unknown), "unknown type");
	refuses(none, sizeof(none), "unknown type");
	refuses(nul, sizeof(nul), "NUL");
	refuses(longer, sizeof(longer), "longer than the message");
	refuses(longest, sizeof(longest), "longer than the message");
	refuses(large, sizeof(large), "too long");
	refuses(large, DOMLET_MSG_MAX, "after its last field");
}

static void encode_keeps_the_rules(void **state)
{
	static uint8_t large[DOMLET_MSG_MAX], wire[DOMLET_MSG_MAX + 64];
	struct domlet_msg m = { .type = DOMLET_MSG_EXEC };

	(void)state;
	/* type, request, container, process, length and length: 24 bytes before the bytes. */
	m.exec.process_json = (struct domlet_slice){ large, DOMLET_MSG_MAX - 24 };
	assert_int_equal(domlet_msg_encode(&m, wire, sizeof(wire)), DOMLET_MSG_MAX);
	assert_int_equal(domlet_msg_encode(&m, wire, DOMLET_MSG_MAX - 1), -EMSGSIZE);
	m.exec.process_json.len++;
	assert_int_equal(domlet_msg_size(&m), DOMLET_MSG_MAX + 1);
	assert_int_equal(domlet_msg_encode(&m, wire, sizeof(wire)), -EMSGSIZE);
	m = (struct domlet_msg){ .type = DOMLET_MSG_REPLY, .reply.text = { (const uint8_t *)"a\0b", 3 } };
	assert_int_equal(domlet_msg_encode(&m, wire, sizeof(wire)), -EINVAL);
	m = (struct domlet_msg){ .type = 99 };
	assert_int_equal(domlet_msg_size(&m), 0);
	assert_int_equal(domlet_msg_encode(&m, wire, sizeof(wire)), -EINVAL);
}

static void wire_form_is_fixed(void **state)
{
	static const uint8_t exited[] = { 11, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 137, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0 };
	static const uint8_t hello[] = { 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,   0,   0,  0,
					 8, 7, 6, 5, 4, 3, 2, 1, 3, 0, 0, 0, '6', '.', '1' };
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED, .exited = { 1, 137, 9, 1 } };
	uint8_t wire[64];

	(void)state;
	assert_int_equal(domlet_msg_encode(&m, wire, sizeof(wire)), sizeof(exited));
	assert_memory_equal(wire, exited, sizeof(exited));
	m = (struct domlet_msg){ .type = DOMLET_MSG_HELLO, .hello = { 1, 0, 0x0102030405060708, SLICE("6.1") } };
	assert_int_equal(domlet_msg_encode(&m, wire, sizeof(wire)), sizeof(hello));
	assert_memory_equal(wire, hello, sizeof(hello));
}

static void knows_names_and_directions(void **state)
{
	(void)state;
	assert_string_equal(domlet_msg_name(DOMLET_MSG_DELETE), "DELETE");
	assert_string_equal(domlet_msg_name(0), "unknown");
	assert_int_equal(domlet_msg_direction(DOMLET_MSG_CREATE), 'H');
	assert_int_equal(domlet_msg_direction(DOMLET_MSG_EXITED), 'G');
	assert_int_equal(domlet_msg_direction(UINT32_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_comes_back),    cmocka_unit_test(refuses_each_cut_and_each_longer_one),
		cmocka_unit_test(survives_each_changed_byte), cmocka_unit_test(refuses_lies),
		cmocka_unit_test(encode_keeps_the_rules),     cmocka_unit_test(wire_form_is_fixed),
		cmocka_unit_test(knows_names_and_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
