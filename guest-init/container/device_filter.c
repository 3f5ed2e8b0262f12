// SPDX-License-Identifier: GPL-2.0-or-later
#include "device_filter.h"

#include <stddef.h>
#include <stdlib.h>

#include "bpf.h"

#define ALL_ACCESS (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)
/* Of linux/kdev_t.h and Documentation/admin-guide/devices.txt. */
#define MAJOR_MEM 1
#define MAJOR_TTY_AUX 5
#define MAJOR_PTS 136

/* The longest line, and what is before and after all lines. */
enum { RULE_INSNS = 8, FRAME_INSNS = 8 };

enum {
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

static void load(struct domlet_bpf *p, unsigned int reg, size_t field)
{
	domlet_bpf_emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, CONTEXT, (int16_t)field, 0);
}

static void begin(struct domlet_bpf *p)
{
	load(p, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	domlet_bpf_emit(p, BPF_ALU | BPF_MOV | BPF_X, WANTED, TYPE, 0, 0);
	domlet_bpf_emit(p, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	domlet_bpf_emit(p, BPF_ALU | BPF_RSH | BPF_K, WANTED, 0, 0, 16);
	load(p, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	load(p, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

/* From the last line to the first: what one has allowed is no longer wanted
 * of those before it. */
static void add_rule(struct domlet_bpf *p, const struct domlet_device_rule *d)
{
	uint32_t skips[3], n = 0;

	if (d->type != 'a') {
		skips[n++] = p->count;
		domlet_bpf_emit(p, BPF_JMP32 | BPF_JNE | BPF_K, TYPE, 0, 0,
				d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	}
	if (d->major >= 0) {
		skips[n++] = p->count;
		domlet_bpf_emit(p, BPF_JMP32 | BPF_JNE | BPF_K, MAJOR, 0, 0, (int32_t)d->major);
	}
	if (d->minor >= 0) {
		skips[n++] = p->count;
		domlet_bpf_emit(p, BPF_JMP32 | BPF_JNE | BPF_K, MINOR, 0, 0, (int32_t)d->minor);
	}
	if (d->allow) {
		domlet_bpf_emit(p, BPF_ALU | BPF_AND | BPF_K, WANTED, 0, 0, (int32_t)(ALL_ACCESS & ~d->access));
		domlet_bpf_emit(p, BPF_JMP32 | BPF_JNE | BPF_K, WANTED, 0, 2, 0);
	} else {
		domlet_bpf_emit(p, BPF_ALU | BPF_MOV | BPF_X, SCRATCH, WANTED, 0, 0);
		domlet_bpf_emit(p, BPF_ALU | BPF_AND | BPF_K, SCRATCH, 0, 0, (int32_t)d->access);
		domlet_bpf_emit(p, BPF_JMP32 | BPF_JEQ | BPF_K, SCRATCH, 0, 2, 0);
	}
	domlet_bpf_return(p, d->allow);
	for (uint32_t i = 0; i < n; i++)
		domlet_bpf_land(p, skips[i]);
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
	struct domlet_bpf p = { .count = 0 };
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
	domlet_bpf_return(&p, false);
	*count = p.count;
	return p.insn;
}

int domlet_device_filter_attach(int cgroup_fd, const struct domlet_container_config *c, struct domlet_failure *failure)
{
	struct domlet_bpf p;
	int r = 0;

	p.insn = domlet_device_filter_make(c->device_rules, c->device_rule_count, &p.count);
	if (p.insn)
		r = domlet_bpf_attach(&p, BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, cgroup_fd);
	else if (p.count)
		r = -ENOMEM;
	free(p.insn);
	if (r < 0)
		return domlet_failure_set(failure, -r,
					  "can't limit the container's devices (linux.resources.devices): %s",
					  domlet_failure_name(-r));
	return 0;
}
