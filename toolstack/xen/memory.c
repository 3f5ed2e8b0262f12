/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory.h"

#include <errno.h>

/* What a domain costs Xen beside its memory: page tables, structures. */
#define MEMORY_OVERHEAD_KIB 4096u

int domlet_xen_memory_check(libxl_ctx *ctx, uint64_t need_kib, struct domlet_error *err)
{
	libxl_physinfo info;
	uint64_t free_kib;

	libxl_physinfo_init(&info);
	if (libxl_get_physinfo(ctx, &info)) {
		libxl_physinfo_dispose(&info);
		return 0; /* the build will say it better */
	}
	free_kib = (info.free_pages + info.scrub_pages) * 4;
	free_kib -= info.outstanding_pages * 4 < free_kib ? info.outstanding_pages * 4 : free_kib;
	libxl_physinfo_dispose(&info);
	if (free_kib >= need_kib + MEMORY_OVERHEAD_KIB)
		return 0;
	return domlet_error_set(
		err, ENOMEM,
		"not enough memory in Xen: the domain needs %llu MiB and %llu MiB are free; stop a domain, lower dom0's (`xl mem-set 0 MIB`), or ask for less",
		(unsigned long long)(need_kib + MEMORY_OVERHEAD_KIB) / 1024, (unsigned long long)free_kib / 1024);
}

/* libxl's own measure for a domain with hardware page tables (libxl_create.c:
 * libxl__get_required_paging_memory). */
uint64_t domlet_xen_pool_kib(uint64_t memory_kib, uint32_t vcpus)
{
	return memory_kib / 1024 * 4 + vcpus * 1024u;
}
