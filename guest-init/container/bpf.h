/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_BPF_H
#define DOMLET_INIT_BPF_H

/*
 * Programs of a few instructions that the kernel asks about what a cgroup's
 * processes do (bpf(2)): put together here, loaded, and attached to the cgroup,
 * which holds them until it is removed. The room for instructions is the caller's.
 */

#include <linux/bpf.h>
#include <stdint.h>

struct domlet_bpf {
	struct bpf_insn *insn;
	uint32_t count;
};

/* Adds one: there must be room for it. */
void domlet_bpf_emit(struct domlet_bpf *p, uint8_t code, unsigned int dst, unsigned int src, int16_t off, int32_t imm);
/* Two: the program ends with RESULT. */
void domlet_bpf_return(struct domlet_bpf *p, int32_t result);
/* The jump at AT leads to what comes next. */
void domlet_bpf_land(struct domlet_bpf *p, uint32_t at);

/* For the cgroup and all below, beside the programs that are there. 0 or -errno. */
int domlet_bpf_attach(const struct domlet_bpf *p, enum bpf_prog_type type, enum bpf_attach_type where, int cgroup_fd);

#endif
