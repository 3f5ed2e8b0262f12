// SPDX-License-Identifier: GPL-2.0-or-later
/* Of libxl and libxc, what changes the size of a domain: a guest of this machine takes memory, and gives it, at once. */
#include <errno.h>
#include <stdlib.h>

#include <libxl.h>
#include <libxl_utils.h>
#include <xenctrl.h>

#include "fault.h"
#include "hypervisor.h"

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info, uint32_t domid)
{
	char answer[STANDIN_ANSWER_LEN];
	int rc = standin_fault("domain_info") ? ERROR_FAIL : standin_hypercall(answer, "memory %u\n", domid);

	(void)ctx;
	if (!rc)
		info->current_memkb = strtoull(answer, NULL, 10);
	return rc;
}

int libxl_domain_setmaxmem(libxl_ctx *ctx, uint32_t domid, uint64_t max_memkb)
{
	char answer[STANDIN_ANSWER_LEN];

	(void)ctx, (void)max_memkb;
	return standin_fault("domain_setmaxmem") ? ERROR_FAIL : standin_hypercall(answer, "memory %u\n", domid);
}

int libxl_set_memory_target(libxl_ctx *ctx, uint32_t domid, int64_t target_memkb, int relative, int enforce)
{
	char answer[STANDIN_ANSWER_LEN];

	(void)ctx, (void)relative, (void)enforce;
	return standin_fault("set_memory_target") ?
		       ERROR_FAIL :
		       standin_hypercall(answer, "memory %u %lld\n", domid, (long long)target_memkb);
}

int libxl_set_vcpuonline(libxl_ctx *ctx, uint32_t domid, libxl_bitmap *map, const libxl_asyncop_how *how)
{
	char answer[STANDIN_ANSWER_LEN];
	int rc = standin_fault("set_vcpuonline") ?
			 ERROR_FAIL :
			 standin_hypercall(answer, "vcpus %u %d\n", domid, libxl_bitmap_count_set(map));

	if (!rc)
		how->callback(ctx, 0, how->u.for_callback);
	return rc;
}

int libxl_domain_sched_params_set(libxl_ctx *ctx, uint32_t domid, const libxl_domain_sched_params *params)
{
	char answer[STANDIN_ANSWER_LEN];

	(void)ctx;
	return standin_fault("domain_sched_params_set") ?
		       ERROR_FAIL :
		       standin_hypercall(answer, "schedule %u %d %d\n", domid, params->weight, params->cap);
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger, unsigned int flags)
{
	static char interface;

	(void)logger, (void)dombuild_logger, (void)flags;
	return (xc_interface *)&interface;
}

int xc_interface_close(xc_interface *xc)
{
	(void)xc;
	return 0;
}

int xc_get_paging_mempool_size(xc_interface *xc, uint32_t domid, uint64_t *size)
{
	(void)xc, (void)domid;
	*size = 0;
	return 0;
}

int xc_set_paging_mempool_size(xc_interface *xc, uint32_t domid, uint64_t size)
{
	(void)xc, (void)domid, (void)size;
	errno = ENOMEM;
	return standin_fault("set_paging_mempool_size") ? -1 : 0;
}
