// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void domlet_bpf_emit(struct domlet_bpf *p, uint8_t code, unsigned int dst, unsigned int src, int16_t off, int32_t imm)
{
	struct bpf_insn *insn = &p->insn[p->count++];

	insn->code = code;
	insn->dst_reg = dst & 15u;
	insn->src_reg = src & 15u;
	insn->off = off;
	insn->imm = imm;
}

void domlet_bpf_return(struct domlet_bpf *p, int32_t result)
{
	domlet_bpf_emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, result);
	domlet_bpf_emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void domlet_bpf_land(struct domlet_bpf *p, uint32_t at)
{
	p->insn[at].off = (int16_t)(p->count - at - 1);
}

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof *attr);

	return r < 0 ? -errno : (int)r;
}

int domlet_bpf_attach(const struct domlet_bpf *p, enum bpf_prog_type type, enum bpf_attach_type where, int cgroup_fd)
{
	union bpf_attr attr;
	int program, r;

	memset(&attr, 0, sizeof attr);
	attr.prog_type = type;
	attr.expected_attach_type = where;
	attr.insns = (uint64_t)(uintptr_t)p->insn;
	attr.insn_cnt = p->count;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	program = bpf(BPF_PROG_LOAD, &attr);
	if (program < 0)
		return program;
	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = where;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	r = bpf(BPF_PROG_ATTACH, &attr);
	close(program);
	return r;
}
