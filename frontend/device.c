// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define RING_NODE "data/domlet/ring/0"
#define HOST_DOMID 0u

static int fail(char *err, size_t err_len, int code, const char *what)
{
	(void)snprintf(err, err_len, "%s: %s", what, strerrorname_np(code));
	return -code;
}

static int last_errno(void)
{
	return errno ? errno : EIO;
}

static int share_pages(struct domlet_device *d)
{
	uint32_t refs[2u << DOMLET_RING_ORDER_MAX];
	struct domlet_ring_page *page;

	d->page_count = 2u << d->order;
	d->page = xengntshr_share_pages(d->gnt, HOST_DOMID, 1, &d->index_ref, 1);
	if (!d->page)
		return -last_errno();
	d->data = xengntshr_share_pages(d->gnt, HOST_DOMID, (int)d->page_count, refs, 1);
	if (!d->data)
		return -last_errno();
	page = d->page;
	domlet_ring_page_init(page, d->order, d->epoch);
	memcpy(page->ref, refs, d->page_count * sizeof refs[0]);
	domlet_ring_attach(&d->ring, page, d->data, (uint8_t *)d->data + ((size_t)DOMLET_PAGE_SIZE << d->order),
			   d->order, DOMLET_RING_GUEST);
	return 0;
}

int domlet_device_open(struct domlet_device *d, uint32_t order, uint32_t epoch, char *err, size_t err_len)
{
	xenevtchn_port_or_error_t port;
	int r;

	*d = (struct domlet_device){ .order = order, .epoch = epoch };
	if (order > DOMLET_RING_ORDER_MAX)
		return fail(err, err_len, EINVAL, "ring order out of range");
	d->gnt = xengntshr_open(NULL, 0);
	if (!d->gnt)
		return fail(err, err_len, last_errno(), "can't open /dev/xen/gntalloc");
	d->evtchn = xenevtchn_open(NULL, 0);
	if (!d->evtchn) {
		r = fail(err, err_len, last_errno(), "can't open /dev/xen/evtchn");
		domlet_device_close(d);
		return r;
	}
	r = share_pages(d);
	if (r < 0) {
		r = fail(err, err_len, -r, "can't grant the ring's pages (xen_gntalloc.limit?)");
		domlet_device_close(d);
		return r;
	}
	port = xenevtchn_bind_unbound_port(d->evtchn, HOST_DOMID);
	if (port < 0) {
		r = fail(err, err_len, last_errno(), "can't offer an event channel");
		domlet_device_close(d);
		return r;
	}
	d->port = (uint32_t)port;
	return 0;
}

/* One node, one request: PROTOCOL.md, "Finding each other". */
int domlet_device_announce(struct domlet_device *d, struct xs_handle *xs, char *err, size_t err_len)
{
	char offer[64];
	int len = snprintf(offer, sizeof offer, "%u %u %u %u %u", DOMLET_PROTO_VERSION, d->order, d->index_ref, d->port,
			   d->epoch);
	int r;

	if (xs_write(xs, XBT_NULL, RING_NODE, offer, (unsigned int)len))
		return 0;
	r = fail(err, err_len, last_errno(), "can't announce the ring in xenstore");
	domlet_device_close(d);
	return r;
}

void domlet_device_unmap(struct domlet_device *d)
{
	if (d->data)
		xengntshr_unshare(d->gnt, d->data, d->page_count);
	if (d->page)
		xengntshr_unshare(d->gnt, d->page, 1);
	d->data = d->page = NULL;
}

void domlet_device_close(struct domlet_device *d)
{
	domlet_device_unmap(d);
	if (d->evtchn)
		xenevtchn_close(d->evtchn);
	if (d->gnt)
		xengntshr_close(d->gnt);
	memset(d, 0, sizeof *d);
}

int domlet_device_fd(const struct domlet_device *d)
{
	return xenevtchn_fd(d->evtchn);
}

int domlet_device_notify(struct domlet_device *d)
{
	return xenevtchn_notify(d->evtchn, d->port) < 0 ? -last_errno() : 0;
}

static long switches(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw + u.ru_nivcsw;
}

bool domlet_device_yield(void)
{
	long before = switches();

	(void)sched_yield();
	return switches() == before;
}

int domlet_device_drain(struct domlet_device *d)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(d->evtchn);

	if (port < 0)
		return -last_errno();
	return xenevtchn_unmask(d->evtchn, (evtchn_port_t)port) < 0 ? -last_errno() : 0;
}
