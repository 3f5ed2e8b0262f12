// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../frontend/proto/limits.h"
#include "../../toolstack/ring/offer.h"

static int parse(const char *text, size_t len, struct domlet_ring_offer *offer, struct domlet_error *err)
{
	/* A V at its beginning is our version. */
	char versioned[128];
	int n = *text == 'V' ? snprintf(versioned, sizeof versioned, "%u", DOMLET_PROTO_VERSION) : 0;

	if (!n)
		return domlet_ring_offer_parse(text, len, 5, offer, err);
	memcpy(versioned + n, text + 1, strlen(text)); /* with its NUL */
	return domlet_ring_offer_parse(versioned, (size_t)n + len - 1, 5, offer, err);
}

static void accepts_a_good_offer(void **state)
{
	static const char good[] = "V 6 4294967295 3 0and what is beyond the value";
	struct domlet_ring_offer offer;
	struct domlet_error err;

	(void)state;
	assert_int_equal(parse(good, strcspn(good, "a"), &offer, &err), 0);
	assert_int_equal(offer.order, 6);
	assert_int_equal(offer.index_ref, UINT32_MAX);
	assert_int_equal(offer.port, 3);
	assert_int_equal(offer.epoch, 0);
}

static void refuses_what_is_none(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "", "version is no number" },
		{ "ready", "version is no number" },
		{ " 2 6 8 3 1", "version is no number" },
		{ "2", "version is no number" }, /* nothing behind it */
		{ "2\n6 8 3 1", "version is no number" },
		{ "1 and another version's words", "speaks version 1" },
		{ "V ", "order is no number" },
		{ "V  6 8 3 1", "order is no number" },
		{ "V -6 8 3 1", "order is no number" },
		{ "V 9 8 3 1", "order 9, more than 8" },
		{ "V 6 4294967296 3 1", "ring reference is no number" },
		{ "V 6 00000000001 3 1", "ring reference is no number" },
		{ "V 6 0x8 3 1", "ring reference is no number" },
		{ "V 6 8 +3 1", "event channel is no number" },
		{ "V 6 8 3", "event channel is no number" },
		{ "V 6 8 3 ", "epoch is no number" },
		{ "V 6 8 3 1 ", "epoch is no number" },
		{ "V 6 8 3 1 1", "epoch is no number" },
	};
	struct domlet_ring_offer offer;
	struct domlet_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].text, strlen(bad[i].text), &offer, &err), -EPROTO);
		if (!strstr(err.text, bad[i].words))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", bad[i].text, err.text, bad[i].words);
	}
	assert_int_equal(parse("V 6 8 3 1", sizeof("V 6 8 3 1"), &offer, &err), -EPROTO); /* with its NUL */
}

static void compares_the_page(void **state)
{
	const struct domlet_ring_offer offer = { 2, 8, 3, 7 };
	struct domlet_ring_page page;
	struct domlet_error err;
	char words[24];

	(void)state;
	domlet_ring_page_init(&page, 2, 7);
	assert_int_equal(domlet_ring_offer_check_page(&page, 5, &offer, &err), 0);
	page.epoch = 8;
	assert_int_equal(domlet_ring_offer_check_page(&page, 5, &offer, &err), -EPROTO);
	domlet_ring_page_init(&page, 3, 7);
	assert_int_equal(domlet_ring_offer_check_page(&page, 5, &offer, &err), -EPROTO);
	domlet_ring_page_init(&page, 2, 7);
	page.version++;
	assert_int_equal(domlet_ring_offer_check_page(&page, 5, &offer, &err), -EPROTO);
	(void)snprintf(words, sizeof words, "version %u", DOMLET_PROTO_VERSION + 1);
	assert_non_null(strstr(err.text, words));
	page.magic++;
	assert_int_equal(domlet_ring_offer_check_page(&page, 5, &offer, &err), -EPROTO);
	assert_non_null(strstr(err.text, "magic"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_a_good_offer),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(compares_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
