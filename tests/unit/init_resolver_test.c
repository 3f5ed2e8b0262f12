/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs make of an address, without a kernel; with one: tests/agent/forward_test.c. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../guest-init/container/resolver.h"

#define COOKIE UINT64_C(0x9abcdef012345678)
#define PORT 14

static const uint32_t mapped[4] = { 0, 0, 0xffff, DOMLET_RESOLVER_ADDRESS };

/* The kernel's interpreter, as far as such a program needs it. */
static uint32_t run(enum bpf_attach_type hook, uint64_t cookie, struct bpf_sock_addr *ctx)
{
	struct bpf_insn insn[DOMLET_RESOLVER_INSNS];
	uint32_t count = domlet_resolver_make(insn, hook, COOKIE, PORT);
	uint64_t reg[16] = { 0 };

	assert_uint_in_range(count, 1, DOMLET_RESOLVER_INSNS);
	for (uint32_t at = 0; at < count; at++) {
		const struct bpf_insn *i = &insn[at];
		uint64_t *dst = &reg[i->dst_reg];
		uint32_t *field = (uint32_t *)((char *)ctx + i->off);

		switch (i->code) {
		case BPF_ALU64 | BPF_MOV | BPF_X: *dst = reg[i->src_reg]; break;
		case BPF_ALU64 | BPF_MOV | BPF_K: *dst = (uint64_t)i->imm; break;
		case BPF_JMP | BPF_CALL:
			assert_int_equal(i->imm, BPF_FUNC_get_netns_cookie);
			reg[BPF_REG_0] = cookie;
			break;
		case BPF_LD | BPF_DW | BPF_IMM:
			*dst = (uint32_t)i->imm | (uint64_t)(uint32_t)insn[++at].imm << 32;
			break;
		case BPF_LDX | BPF_MEM | BPF_W: *dst = *field; break;
		case BPF_STX | BPF_MEM | BPF_W: *field = (uint32_t)reg[i->src_reg]; break;
		case BPF_JMP | BPF_JNE | BPF_X: at += *dst != reg[i->src_reg] ? (uint32_t)i->off : 0; break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			at += (uint32_t)*dst != (uint32_t)i->imm ? (uint32_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT: return (uint32_t)reg[0];
		default: fail_msg("instruction %u has code 0x%x", at, i->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

/* The port that FROM becomes. */
static uint16_t port_of(enum bpf_attach_type hook, uint64_t cookie, const uint32_t address[4], uint16_t from)
{
	struct bpf_sock_addr ctx = { .user_port = htons(from), .user_ip4 = htonl(address[3]) }, before;

	for (int i = 0; i < 4; i++)
		ctx.user_ip6[i] = htonl(address[i]);
	before = ctx;
	assert_int_equal(run(hook, cookie, &ctx), 1);
	before.user_port = ctx.user_port;
	assert_memory_equal(&ctx, &before, sizeof ctx);
	return ntohs((uint16_t)ctx.user_port);
}

static bool is_senders(enum bpf_attach_type hook)
{
	return hook == BPF_CGROUP_INET4_CONNECT || hook == BPF_CGROUP_UDP4_SENDMSG || hook == BPF_CGROUP_INET6_CONNECT;
}

static void one_port_becomes_the_other(void **state)
{
	(void)state;
	for (const enum bpf_attach_type *h = domlet_resolver_hooks; *h; h++) {
		assert_int_equal(port_of(*h, COOKIE, mapped, 53), is_senders(*h) ? PORT : 53);
		assert_int_equal(port_of(*h, COOKIE, mapped, PORT), is_senders(*h) ? PORT : 53);
		assert_int_equal(port_of(*h, COOKIE, mapped, 54), 54);
	}
}

static void elsewhere_nothing_changes(void **state)
{
	(void)state;
	for (const enum bpf_attach_type *h = domlet_resolver_hooks; *h; h++) {
		uint16_t from = is_senders(*h) ? 53 : PORT;

		assert_int_equal(port_of(*h, COOKIE ^ 1, mapped, from), from);
		assert_int_equal(port_of(*h, COOKIE ^ UINT64_C(1) << 63, mapped, from), from);
		for (int i = 0; i < 4; i++) {
			uint32_t other[4];
			bool seen = i == 3 || *h == BPF_CGROUP_INET6_CONNECT || *h == BPF_CGROUP_UDP6_RECVMSG ||
				    *h == BPF_CGROUP_INET6_GETPEERNAME;

			memcpy(other, mapped, sizeof other);
			other[i] ^= 1;
			if (seen)
				assert_int_equal(port_of(*h, COOKIE, other, from), from);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_port_becomes_the_other),
		cmocka_unit_test(elsewhere_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
