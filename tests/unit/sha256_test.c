/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../frontend/proto/sha256.h"

static void assert_hex(const uint8_t sum[32], const char *expected)
{
	char hex[65];

	for (unsigned int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	assert_string_equal(hex, expected);
}

/* FIPS 180-2, appendix B, and the empty message. */
static void standard_vectors(void **state)
{
	static const struct {
		const char *message, *sum;
	} vectors[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t sum[32];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		domlet_sha256(vectors[i].message, strlen(vectors[i].message), sum);
		assert_hex(sum, vectors[i].sum);
	}
}

static void million_letters(void **state)
{
	struct domlet_sha256 s;
	char part[1000];
	uint8_t sum[32];

	(void)state;
	memset(part, 'a', sizeof(part));
	domlet_sha256_init(&s);
	for (unsigned int i = 0; i < 1000; i++)
		domlet_sha256_update(&s, part, sizeof(part));
	domlet_sha256_final(&s, sum);
	assert_hex(sum, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* However the bytes are cut, around every block boundary. */
static void pieces_give_the_same(void **state)
{
	uint8_t data[200], whole[32], pieces[32];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(7 * i);
	for (size_t len = 0; len <= sizeof(data); len++) {
		domlet_sha256(data, len, whole);
		for (size_t step = 1; step <= 130; step += 3) {
			struct domlet_sha256 s;

			domlet_sha256_init(&s);
			for (size_t at = 0; at < len; at += step)
				domlet_sha256_update(&s, data + at, len - at < step ? len - at : step);
			domlet_sha256_update(&s, NULL, 0);
			domlet_sha256_final(&s, pieces);
			assert_memory_equal(whole, pieces, sizeof(whole));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_vectors),
		cmocka_unit_test(million_letters),
		cmocka_unit_test(pieces_give_the_same),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
