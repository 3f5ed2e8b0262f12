/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <errno.h>
#include <libxl.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "log.h"
#include "xen.h"

int domlet_xen_check_host(struct domlet_error *err)
{
	cleanup_fclose FILE *f = fopen("/proc/xen/capabilities", "re");
	char text[64] = "";

	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (!strstr(text, "control_d"))
		return domlet_error_set(
			err, ENODEV,
			"this is not a Xen dom0: /proc/xen/capabilities %s; boot under Xen, and mount xenfs (`mount -t xenfs xenfs /proc/xen`)",
			f ? "doesn't say control_d" : "can't be read");
	return 0;
}

/* Without libxl there is only what the hypervisor lists, HAP left aside. */
static bool capabilities_say_hvm(void)
{
	cleanup_fclose FILE *f = fopen("/sys/hypervisor/properties/capabilities", "re");
	char text[512];

	return f && fgets(text, sizeof(text), f) && strstr(text, "hvm-3.0-x86_64");
}

bool domlet_xen_has_hvm(void)
{
	struct domlet_xen_log log;
	libxl_ctx *ctx = NULL;
	libxl_physinfo info;
	bool yes;

	if (domlet_xen_check_host(NULL))
		return false;
	domlet_xen_log_init(&log);
	if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, &log.vtable))
		return capabilities_say_hvm();
	libxl_physinfo_init(&info);
	yes = libxl_get_physinfo(ctx, &info) == 0 ? info.cap_hvm && info.cap_hap : capabilities_say_hvm();
	libxl_physinfo_dispose(&info);
	libxl_ctx_free(ctx);
	return yes;
}
