// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../../toolstack/ring/offer.h"

#define TEXT(s) { s, sizeof(s) - 1 }

static void accepts_a_good_offer(void **state)
{
	const struct domlet_ring_text good[] = { TEXT("1"), TEXT("6"), TEXT("4294967295"), TEXT("3"), TEXT("0") };
	struct domlet_ring_offer offer;
	struct domlet_error err;

	(void)state;
	assert_int_equal(domlet_ring_offer_parse(good, 5, &offer, &err), 0);
	assert_int_equal(offer.order, 6);
	assert_int_equal(offer.index_ref, UINT32_MAX);
	assert_int_equal(offer.port, 3);
	assert_int_equal(offer.epoch, 0);
}

static void refuses(size_t node, struct domlet_ring_text text, const char *words)
{
	struct domlet_ring_text nodes[] = { TEXT("1"), TEXT("6"), TEXT("8"), TEXT("3"), TEXT("1") };
	struct domlet_ring_offer offer;
	struct domlet_error err;

	nodes[node] = text;
	assert_int_equal(domlet_ring_offer_parse(nodes, 5, &offer, &err), -EPROTO);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void refuses_what_is_no_number(void **state)
{
	static const struct domlet_ring_text bad[] = {
		TEXT(""), TEXT("-1"), TEXT("+1"), TEXT(" 1"), TEXT("1 "), TEXT("0x1"), TEXT("1\n"), TEXT("1\0"),
		TEXT("4294967296"), TEXT("9999999999"), TEXT("00000000001"), { NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refuses(0, bad[i], "'version' holds no number");
		refuses(3, bad[i], "'event-channel' holds no number");
	}
	refuses(0, (struct domlet_ring_text)TEXT("2"), "speaks version 2");
	refuses(1, (struct domlet_ring_text)TEXT("9"), "order 9, more than 8");
}

static void knows_the_state_that_matters(void **state)
{
	(void)state;
	assert_true(domlet_ring_offer_is_ready((struct domlet_ring_text)TEXT("ready")));
	assert_false(domlet_ring_offer_is_ready((struct domlet_ring_text)TEXT("ready\0")));
	assert_false(domlet_ring_offer_is_ready((struct domlet_ring_text)TEXT("read")));
	assert_false(domlet_ring_offer_is_ready((struct domlet_ring_text){ NULL, 0 }));
}

static void compares_the_page(void **state)
{
	const struct domlet_ring_offer offer = { 2, 8, 3, 7 };
	struct domlet_ring_page page;
	struct domlet_error err;

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
	assert_non_null(strstr(err.text, "version 2"));
	page.magic++;
	assert_int_equal(domlet_ring_offer_check_page(&page, 5, &offer, &err), -EPROTO);
	assert_non_null(strstr(err.text, "magic"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_a_good_offer),
		cmocka_unit_test(refuses_what_is_no_number),
		cmocka_unit_test(knows_the_state_that_matters),
		cmocka_unit_test(compares_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
