/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_SANDBOX_H
#define DOMLET_OCI_SANDBOX_H

/*
 * What the annotations of container engines say about pods: whether the container is
 * a pod's sandbox or belongs to one, and how large the whole pod is to be. containerd's
 * CRI, CRI-O and podman each write some. Only oci/ includes this. What PLAN gets is
 * PLAN's.
 */

#include <stdint.h>

struct domlet_error;
struct domlet_plan;
struct json_object;

/* Of all the pod, as the kubelet knows it before there is a container; 0 or less: not said. */
struct domlet_sandbox_size {
	int64_t memory_bytes;
	int64_t cpu_quota_us, cpu_period_us;
};

/* Sets sandbox_role, sandbox_id and by_libpod of PLAN by the annotations of CONFIG, whose
 * types are checked, and *SIZE, which is for the domain of a sandbox. PATH is config.json's,
 * for sentences. -EINVAL: a value can't be meant. */
int domlet_sandbox_read(struct json_object *config, const char *path, struct domlet_plan *plan,
			struct domlet_sandbox_size *size, struct domlet_error *err);

#endif
