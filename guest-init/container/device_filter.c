// SPDX-License-Identifier: GPL-2.0-or-later
#include "device_filter.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALL_ACCESS (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)
/* Of linux/kdev_t.h and Documentation/admin-guide/devices.txt. */
#define MAJOR_MEM 1
#define MAJOR_TTY_AUX 5
#define MAJOR_PTS 136

/* The longest line, and what is before and after all lines. */
enum { RULE_INSNS = 8, FRAME_INSNS = 8 };

enum {
	RESULT = BPF_REG_0,
	CONTEXT = BPF_REG_1,
	TYPE = BPF_REG_2,
	WANTED = BPF_REG_3,
	MAJOR = BPF_REG_4,
	MINOR = BPF_REG_5,
	SCRATCH = BPF_REG_6,
};

static const struct domlet_device_rule standard[] = {
	{ true, 'a', -1, -1, BPF_DEVCG_ACC_MKNOD },  { true, 'c', MAJOR_MEM, 3, ALL_ACCESS }, /* null */
	{ true, 'c', MAJOR_MEM, 5, ALL_ACCESS },                                              /* zero */
	{ true, 'c', MAJOR_MEM, 7, ALL_ACCESS },                                              /* full */
	{ true, 'c', MAJOR_MEM, 8, ALL_ACCESS },                                              /* random */
	{ true, 'c', MAJOR_MEM, 9, ALL_ACCESS },                                              /* urandom */
	{ true, 'c', MAJOR_TTY_AUX, 0, ALL_ACCESS },                                          /* tty */
	{ true, 'c', MAJOR_TTY_AUX, 2, ALL_ACCESS },                                          /* ptmx */
	{ true, 'c', MAJOR_PTS, -1, ALL_ACCESS },
};
#define STANDARD_COUNT (sizeof standard / sizeof standard[0])

struct program {
	struct bpf_insn *insn;
	uint32_t count;
};

static void emit(struct program *p, uint8_t code, unsigned int dst, unsigned int src, int16_t off, int32_t imm)
{
	struct bpf_insn *insn = &p->insn[p->count++];

	insn->code = code;
	insn->dst_reg = dst & 15u;
	insn->src_reg = src & 15u;
	insn->off = off;
	insn->imm = imm;
}

static void answer(struct program *p, bool allow)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, 0, allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void load(struct program *p, unsigned int reg, size_t field)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, CONTEXT, (int16_t)field, 0);
}

static void begin(struct program *p)
{
	load(p, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(p, BPF_ALU | BPF_MOV | BPF_X, WANTED, TYPE, 0, 0);
	emit(p, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, WANTED, 0, 0, 16);
	load(p, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	load(p, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

/* From the last line to the first: what one has allowed is no longer wanted
 * of those before it. */
static void add_rule(struct program *p, const struct domlet_device_rule *d)
{
	uint32_t skips[3], n = 0;

	if (d->type != 'a') {
		skips[n++] = p->count;
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, TYPE, 0, 0,
		     d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	}
	if (d->major >= 0) {
		skips[n++] = p->count;
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, MAJOR, 0, 0, (int32_t)d->major);
	}
	if (d->minor >= 0) {
		skips[n++] = p->count;
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, MINOR, 0, 0, (int32_t)d->minor);
	}
	if (d->allow) {
		emit(p, BPF_ALU | BPF_AND | BPF_K, WANTED, 0, 0, (int32_t)(ALL_ACCESS & ~d->access));
		emit(p, BPF_JMP32 | BPF_JNE | BPF_K, WANTED, 0, 2, 0);
	} else {
		emit(p, BPF_ALU | BPF_MOV | BPF_X, SCRATCH, WANTED, 0, 0);
		emit(p, BPF_ALU | BPF_AND | BPF_K, SCRATCH, 0, 0, (int32_t)d->access);
		emit(p, BPF_JMP32 | BPF_JEQ | BPF_K, SCRATCH, 0, 2, 0);
	}
	answer(p, d->allow);
	for (uint32_t i = 0; i < n; i++)
		p->insn[skips[i]].off = (int16_t)(p->count - skips[i] - 1);
}

static bool allows_all(const struct domlet_device_rule *rules, uint32_t count)
{
	uint32_t access = 0;

	for (; count && rules[count - 1].allow; count--)
		if (rules[count - 1].type == 'a' && rules[count - 1].major < 0 && rules[count - 1].minor < 0)
			access |= rules[count - 1].access;
	return access == ALL_ACCESS;
}

struct bpf_insn *domlet_device_filter_make(const struct domlet_device_rule *rules, uint32_t rule_count, uint32_t *count)
{
	struct program p = { .count = 0 };
	uint32_t i;

	*count = 0;
	if (allows_all(rules, rule_count))
		return NULL;
	*count = 1;
	p.insn = calloc((rule_count + STANDARD_COUNT) * RULE_INSNS + FRAME_INSNS, sizeof *p.insn);
	if (!p.insn)
		return NULL;
	begin(&p);
	for (i = STANDARD_COUNT; i-- > 0;)
		add_rule(&p, &standard[i]);
	for (i = rule_count; i-- > 0;)
		add_rule(&p, &rules[i]);
	answer(&p, false);
	*count = p.count;
	return p.insn;
}

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof *attr);

	return r < 0 ? -errno : (int)r;
}

/* The cgroup holds the program until it is removed. */
static int load_and_attach(int cgroup_fd, const struct bpf_insn *insn, uint32_t count)
{
	union bpf_attr attr;
	int program, r;

	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)insn;
	attr.insn_cnt = count;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	program = bpf(BPF_PROG_LOAD, &attr);
	if (program < 0)
		return program;
	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	r = bpf(BPF_PROG_ATTACH, &attr);
	close(program);
	return r;
}

int domlet_device_filter_attach(int cgroup_fd, const struct domlet_container_config *c, struct domlet_failure *failure)
{
	uint32_t count;
	struct bpf_insn *insn = domlet_device_filter_make(c->device_rules, c->device_rule_count, &count);
	int r = insn ? load_and_attach(cgroup_fd, insn, count) : count ? -ENOMEM : 0;

	free(insn);
	if (r < 0)
		return domlet_failure_set(failure, -r,
					  "can't limit the container's devices (linux.resources.devices): %s",
					  domlet_failure_name(-r));
	return 0;
}
