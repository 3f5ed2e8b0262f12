// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void domlet_net_bpf_emit(struct domlet_net_bpf *p, unsigned int code, unsigned int dst, unsigned int src, int16_t off,
			 int32_t imm)
{
	if (p->count < DOMLET_NET_BPF_INSNS)
		p->insn[p->count] = (struct bpf_insn){
			.code = (uint8_t)code, .dst_reg = dst & 15u, .src_reg = src & 15u, .off = off, .imm = imm
		};
	p->count++;
}

void domlet_net_bpf_label(struct domlet_net_bpf *p, uint32_t label)
{
	p->labels[label] = p->count;
}

void domlet_net_bpf_set(struct domlet_net_bpf *p, unsigned int dst, int32_t value)
{
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

void domlet_net_bpf_copy(struct domlet_net_bpf *p, unsigned int dst, unsigned int src)
{
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

void domlet_net_bpf_load(struct domlet_net_bpf *p, unsigned int size, unsigned int dst, unsigned int from, int16_t off)
{
	domlet_net_bpf_emit(p, BPF_LDX | BPF_MEM | size, dst, from, off, 0);
}

void domlet_net_bpf_go(struct domlet_net_bpf *p, uint32_t label)
{
	domlet_net_bpf_emit(p, BPF_JMP | BPF_JA, 0, 0, (int16_t)label, 0);
}

void domlet_net_bpf_if(struct domlet_net_bpf *p, unsigned int reg, uint32_t value, uint32_t label)
{
	domlet_net_bpf_emit(p, BPF_JMP32 | BPF_JEQ | BPF_K, reg, 0, (int16_t)label, (int32_t)value);
}

void domlet_net_bpf_unless(struct domlet_net_bpf *p, unsigned int reg, uint32_t value, uint32_t label)
{
	domlet_net_bpf_emit(p, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, (int16_t)label, (int32_t)value);
}

void domlet_net_bpf_begin(struct domlet_net_bpf *p)
{
	domlet_net_bpf_copy(p, DOMLET_NET_BPF_FRAME, BPF_REG_1);
}

/* Where it begins is in register 2. It may lie in several pieces, of which the kernel puts it together. */
static void fetch(struct domlet_net_bpf *p, int16_t to, int32_t len, uint32_t label)
{
	domlet_net_bpf_copy(p, BPF_REG_1, DOMLET_NET_BPF_FRAME);
	domlet_net_bpf_copy(p, BPF_REG_3, BPF_REG_10);
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, to);
	domlet_net_bpf_set(p, BPF_REG_4, len);
	domlet_net_bpf_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes);
	domlet_net_bpf_unless(p, BPF_REG_0, 0, label);
}

void domlet_net_bpf_fetch(struct domlet_net_bpf *p, uint32_t at, int16_t to, int32_t len, uint32_t label)
{
	domlet_net_bpf_set(p, BPF_REG_2, (int32_t)at);
	fetch(p, to, len, label);
}

void domlet_net_bpf_fetch_at(struct domlet_net_bpf *p, unsigned int at, int16_t to, int32_t len, uint32_t label)
{
	domlet_net_bpf_copy(p, BPF_REG_2, at);
	fetch(p, to, len, label);
}

void domlet_net_bpf_return(struct domlet_net_bpf *p, int32_t verdict)
{
	domlet_net_bpf_set(p, BPF_REG_0, verdict);
	domlet_net_bpf_emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static bool is_jump(const struct bpf_insn *insn)
{
	unsigned int class = BPF_CLASS(insn->code), what = BPF_OP(insn->code);

	return class == BPF_JMP32 || (class == BPF_JMP && what != BPF_CALL && what != BPF_EXIT);
}

int domlet_net_bpf_open(struct domlet_net_bpf *p, const char *name)
{
	union bpf_attr attr;
	long r;

	if (p->count > DOMLET_NET_BPF_INSNS)
		return -E2BIG;
	for (uint32_t i = 0; i < p->count; i++)
		if (is_jump(&p->insn[i]))
			p->insn[i].off = (int16_t)(p->labels[p->insn[i].off] - i - 1);
	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uint64_t)(uintptr_t)p->insn;
	attr.insn_cnt = p->count;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	(void)snprintf(attr.prog_name, sizeof attr.prog_name, "%s", name);
	r = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
	return r < 0 ? -errno : (int)r; /* which exec closes */
}
