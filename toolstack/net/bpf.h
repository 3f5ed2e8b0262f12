/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_BPF_H
#define DOMLET_NET_BPF_H

/*
 * Programs that dom0's kernel asks what is to become of a frame which a device has received
 * (bpf(2), BPF_PROG_TYPE_SCHED_CLS), put together here and loaded. A frame begins with its Ethernet header; what
 * is read of it is as it is on the wire. A jump names a label, which is before or behind it.
 */

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#define DOMLET_NET_BPF_INSNS 1024u
#define DOMLET_NET_BPF_LABELS 160u

struct domlet_net_bpf { /* all 0 in the beginning */
	uint32_t count;
	uint32_t labels[DOMLET_NET_BPF_LABELS];
	struct bpf_insn insn[DOMLET_NET_BPF_INSNS];
};

/* Adds one instruction; of a jump OFF is a label. Those for which there is no room are counted alone. */
void domlet_net_bpf_emit(struct domlet_net_bpf *p, unsigned int code, unsigned int dst, unsigned int src, int16_t off,
			 int32_t imm);
/* It stands before what comes next. */
void domlet_net_bpf_label(struct domlet_net_bpf *p, uint32_t label);

/* Registers and values; SIZE is BPF_B, BPF_H or BPF_W. */
void domlet_net_bpf_set(struct domlet_net_bpf *p, unsigned int dst, int32_t value);
void domlet_net_bpf_copy(struct domlet_net_bpf *p, unsigned int dst, unsigned int src);
void domlet_net_bpf_load(struct domlet_net_bpf *p, unsigned int size, unsigned int dst, unsigned int from, int16_t off);
/* Jumps */
void domlet_net_bpf_go(struct domlet_net_bpf *p, uint32_t label);
void domlet_net_bpf_if(struct domlet_net_bpf *p, unsigned int reg, uint32_t value, uint32_t label);
void domlet_net_bpf_unless(struct domlet_net_bpf *p, unsigned int reg, uint32_t value, uint32_t label);

/* The program keeps its context, the frame, in this register. It begins with this. */
#define DOMLET_NET_BPF_FRAME BPF_REG_6
void domlet_net_bpf_begin(struct domlet_net_bpf *p);
/* LEN bytes of the frame from AT, a number, are at TO of the stack afterwards; with a frame that ends before, it goes on at LABEL. */
void domlet_net_bpf_fetch(struct domlet_net_bpf *p, uint32_t at, int16_t to, int32_t len, uint32_t label);
/* The same from where register AT says. */
void domlet_net_bpf_fetch_at(struct domlet_net_bpf *p, unsigned int at, int16_t to, int32_t len, uint32_t label);
void domlet_net_bpf_return(struct domlet_net_bpf *p, int32_t verdict);

/* Resolves the labels, once. A descriptor for the caller to close, or -errno. */
int domlet_net_bpf_open(struct domlet_net_bpf *p, const char *name);

#endif
