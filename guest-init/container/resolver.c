// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf.h"

enum {
	RESULT = BPF_REG_0,
	ARGUMENT = BPF_REG_1,
	SCRATCH = BPF_REG_2,
	CONTEXT = BPF_REG_6, /* which a call leaves as it is */
};

/* BPF_CGROUP_INET_INGRESS, which is none of ours. */
#define NO_HOOK ((enum bpf_attach_type)0)

/* A datagram to ::ffff:127.0.0.11 is one of IPv4 when it is sent, but not when its socket is connected, nor when its
 * reader is told who has sent it. */
const enum bpf_attach_type domlet_resolver_hooks[] = {
	BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP4_RECVMSG,      BPF_CGROUP_INET4_GETPEERNAME,
	BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_INET6_GETPEERNAME, NO_HOOK,
};

static bool is_of_ipv6(enum bpf_attach_type hook)
{
	return hook == BPF_CGROUP_INET6_CONNECT || hook == BPF_CGROUP_UDP6_RECVMSG ||
	       hook == BPF_CGROUP_INET6_GETPEERNAME;
}

static bool is_of_sender(enum bpf_attach_type hook)
{
	return hook == BPF_CGROUP_INET4_CONNECT || hook == BPF_CGROUP_UDP4_SENDMSG || hook == BPF_CGROUP_INET6_CONNECT;
}

/* A jump that is taken when the context's word at FIELD is not VALUE; where it stands. */
static uint32_t unless(struct domlet_bpf *p, size_t field, uint32_t value)
{
	domlet_bpf_emit(p, BPF_LDX | BPF_MEM | BPF_W, SCRATCH, CONTEXT, (int16_t)field, 0);
	domlet_bpf_emit(p, BPF_JMP32 | BPF_JNE | BPF_K, SCRATCH, 0, 0, (int32_t)value);
	return p->count - 1;
}

/* The same when it is done in another namespace. */
static uint32_t unless_in(struct domlet_bpf *p, uint64_t cookie)
{
	domlet_bpf_emit(p, BPF_ALU64 | BPF_MOV | BPF_X, CONTEXT, ARGUMENT, 0, 0);
	domlet_bpf_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_netns_cookie);
	domlet_bpf_emit(p, BPF_LD | BPF_DW | BPF_IMM, SCRATCH, 0, 0, (int32_t)(uint32_t)cookie);
	domlet_bpf_emit(p, 0, 0, 0, 0, (int32_t)(uint32_t)(cookie >> 32)); /* its other half */
	domlet_bpf_emit(p, BPF_JMP | BPF_JNE | BPF_X, RESULT, SCRATCH, 0, 0);
	return p->count - 1;
}

uint32_t domlet_resolver_make(struct bpf_insn insn[static DOMLET_RESOLVER_INSNS], enum bpf_attach_type hook,
			      uint64_t cookie, uint16_t port)
{
	const uint32_t address[4] = { 0, 0, htonl(0xffff), htonl(DOMLET_RESOLVER_ADDRESS) };
	uint16_t from = is_of_sender(hook) ? DOMLET_RESOLVER_PORT : port,
		 to = is_of_sender(hook) ? port : DOMLET_RESOLVER_PORT;
	struct domlet_bpf p = { .insn = insn };
	uint32_t jumps[6], n = 0;

	jumps[n++] = unless_in(&p, cookie);
	if (is_of_ipv6(hook))
		for (uint32_t i = 0; i < 4; i++)
			jumps[n++] = unless(&p, offsetof(struct bpf_sock_addr, user_ip6) + 4 * i, address[i]);
	else
		jumps[n++] = unless(&p, offsetof(struct bpf_sock_addr, user_ip4), address[3]);
	jumps[n++] = unless(&p, offsetof(struct bpf_sock_addr, user_port), htons(from));
	domlet_bpf_emit(&p, BPF_ALU64 | BPF_MOV | BPF_K, SCRATCH, 0, 0, htons(to));
	domlet_bpf_emit(&p, BPF_STX | BPF_MEM | BPF_W, CONTEXT, SCRATCH, offsetof(struct bpf_sock_addr, user_port), 0);
	while (n)
		domlet_bpf_land(&p, jumps[--n]);
	domlet_bpf_return(&p, 1); /* go on */
	return p.count;
}

int domlet_resolver_attach(int cgroup_fd, uint64_t cookie, uint16_t port, struct domlet_failure *failure)
{
	struct bpf_insn insn[DOMLET_RESOLVER_INSNS];
	int r = 0;

	for (size_t i = 0; domlet_resolver_hooks[i] != NO_HOOK && r == 0; i++) {
		struct domlet_bpf p = { insn, domlet_resolver_make(insn, domlet_resolver_hooks[i], cookie, port) };

		r = domlet_bpf_attach(&p, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, domlet_resolver_hooks[i], cgroup_fd);
	}
	return r < 0 ? domlet_failure_set(failure, -r, "can't lead the container to the engine's resolver: %s",
					  domlet_failure_name(-r)) :
		       0;
}
