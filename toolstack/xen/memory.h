/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_MEMORY_H
#define DOMLET_XEN_MEMORY_H

/* The memory that Xen needs for what is to be built, or is to grow; and whether it has that. */

#include <libxl.h>
#include <stdint.h>

#include "../base/error.h"

/* 0 when so much is free, or can't be told; -ENOMEM with a sentence. */
int domlet_xen_memory_check(libxl_ctx *ctx, uint64_t need_kib, struct domlet_error *err);
/* What a PVH domain's page tables are made of, for so much memory and so many processors. */
uint64_t domlet_xen_pool_kib(uint64_t memory_kib, uint32_t vcpus);

#endif
