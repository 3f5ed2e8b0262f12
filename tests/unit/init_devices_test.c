/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.resources.devices -> a program, and what that program decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../guest-init/container/device_filter.h"

#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD

static struct bpf_insn *insn;
static uint32_t count;

static int tear_down(void **state)
{
	(void)state;
	free(insn);
	insn = NULL;
	return 0;
}

/* The kernel's interpreter, as far as such a program needs it. */
static bool decide(char type, uint32_t major, uint32_t minor, uint32_t access)
{
	const uint32_t ctx[] = { access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major, minor };
	uint32_t reg[16] = { 0 };

	for (uint32_t at = 0; at < count; at++) {
		const struct bpf_insn *i = &insn[at];
		uint32_t *dst = &reg[i->dst_reg], value = BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint32_t)i->imm;
		bool equal = *dst == value;

		switch (i->code & ~BPF_X) {
		case BPF_LDX | BPF_MEM | BPF_W: *dst = ctx[i->off / 4]; break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
		case BPF_ALU | BPF_MOV | BPF_K: *dst = value; break;
		case BPF_ALU | BPF_AND | BPF_K: *dst &= value; break;
		case BPF_ALU | BPF_RSH | BPF_K: *dst >>= value; break;
		case BPF_JMP32 | BPF_JEQ | BPF_K: at += equal ? (uint32_t)i->off : 0; break;
		case BPF_JMP32 | BPF_JNE | BPF_K: at += equal ? 0 : (uint32_t)i->off; break;
		case BPF_JMP | BPF_EXIT: return reg[0];
		default: fail_msg("instruction %u has code 0x%x", at, i->code);
		}
	}
	fail_msg("the program has no end");
	return false;
}

static void make(const struct domlet_device_rule *rules, uint32_t n)
{
	free(insn);
	insn = domlet_device_filter_make(rules, n, &count);
	assert_non_null(insn);
}

static void without_rules_the_standard_devices_are_there(void **state)
{
	(void)state;
	make(NULL, 0);
	assert_true(decide('c', 1, 3, R | W));
	assert_true(decide('c', 5, 2, R | W));
	assert_true(decide('c', 136, 77, R | W));
	assert_true(decide('c', 10, 54, M));
	assert_true(decide('b', 202, 0, M));
	assert_false(decide('c', 10, 54, R));
	assert_false(decide('c', 1, 1, R));
	assert_false(decide('b', 202, 0, R));
	assert_false(decide('b', 1, 3, R));
}

static void the_last_rule_that_matches_counts(void **state)
{
	static const struct domlet_device_rule rules[] = {
		{ true, 'c', 10, -1, R | W },
		{ false, 'c', 10, 54, W },
		{ true, 'b', -1, 0, R },
		{ false, 'a', 9, -1, R | W | M },
	};

	(void)state;
	make(rules, 4);
	assert_true(decide('c', 10, 53, R | W));
	assert_true(decide('c', 10, 54, R));
	assert_false(decide('c', 10, 54, W));
	assert_false(decide('c', 10, 54, R | W));
	assert_true(decide('b', 202, 0, R));
	assert_false(decide('b', 202, 0, R | W));
	assert_false(decide('b', 202, 1, R));
	assert_false(decide('b', 9, 0, R));
}

/* Each access may be allowed by a line of its own. */
static void accesses_add_up(void **state)
{
	static const struct domlet_device_rule rules[] = { { true, 'c', 4, -1, R }, { true, 'a', -1, 7, W } };

	(void)state;
	make(rules, 2);
	assert_true(decide('c', 4, 7, R | W));
	assert_true(decide('c', 4, 7, R | W | M));
	assert_false(decide('c', 4, 8, R | W));
	assert_true(decide('b', 4, 7, W));
	assert_false(decide('b', 4, 7, R));
}

static void privileged_needs_no_program(void **state)
{
	static const struct domlet_device_rule rules[] = {
		{ false, 'a', -1, -1, R | W | M },
		{ true, 'a', -1, -1, R | W | M },
		{ true, 'c', 10, 1, R },
	};

	(void)state;
	assert_null(domlet_device_filter_make(rules, 3, &count));
	assert_int_equal(count, 0);
	make(rules, 1);
	assert_false(decide('c', 10, 54, R));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(without_rules_the_standard_devices_are_there, tear_down),
		cmocka_unit_test_teardown(the_last_rule_that_matches_counts, tear_down),
		cmocka_unit_test_teardown(accesses_add_up, tear_down),
		cmocka_unit_test_teardown(privileged_needs_no_program, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
