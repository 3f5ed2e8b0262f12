/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_DEVICE_FILTER_H
#define DOMLET_INIT_DEVICE_FILTER_H

/*
 * linux.resources.devices: a cgroup of version 2 has no list of devices, but
 * asks a BPF program each time one is opened or made (bpf(2),
 * BPF_PROG_TYPE_CGROUP_DEVICE). Each of read, write and mknod is decided by
 * the last line that names it; what no line names is refused. After the
 * configuration's lines come those of every container: making any node, and
 * using the standard devices and terminals.
 */

#include <linux/bpf.h>

#include "../config/config.h"

/* The program that decides; its length in *count, and the caller frees it.
 * NULL with *count 0: everything is allowed; with *count not 0: no memory. */
struct bpf_insn *domlet_device_filter_make(const struct domlet_device_rule *rules, uint32_t rule_count, uint32_t *count);

/* Sets the rules of C for the cgroup and all below. 0, or -errno with *failure. */
int domlet_device_filter_attach(int cgroup_fd, const struct domlet_container_config *c, struct domlet_failure *failure);

#endif
