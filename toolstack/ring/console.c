/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console.h"

#include <sys/mman.h>

#include <xengnttab.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>

#include "../base/error.h"
#include "../base/text.h"

void domlet_console_tail(const volatile struct xencons_interface *page, char *buf, size_t len)
{
	const uint32_t size = sizeof(page->out);
	uint32_t end = page->out_prod; /* read once; any value is one inside the ring */
	uint32_t count = end < size ? end : size;
	size_t used = 0;

	if (count > len - 1)
		count = (uint32_t)(len - 1);
	for (uint32_t i = end - count; i != end; i++) {
		unsigned char c = (unsigned char)page->out[MASK_XENCONS_IDX(i, page->out)];

		if (c == '\r' || c == '\0')
			continue;
		buf[used++] = (char)c;
	}
	buf[used] = '\0';
	domlet_text_clean(buf);
	domlet_error_reword(buf);
}

void domlet_host_console_tail(uint32_t domid, char *buf, size_t len)
{
	xengnttab_handle *gnt = xengnttab_open(NULL, 0);
	void *page = gnt ? xengnttab_map_grant_ref(gnt, domid, GNTTAB_RESERVED_CONSOLE, PROT_READ) : NULL;

	buf[0] = '\0';
	if (page) {
		domlet_console_tail(page, buf, len);
		xengnttab_unmap(gnt, page, 1);
	}
	if (gnt)
		xengnttab_close(gnt);
}
