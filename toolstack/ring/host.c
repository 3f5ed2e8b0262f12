/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <xenevtchn.h>
#include <xengnttab.h>

/* Reads X once: the guest can change it while we look. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

static int map_pages(struct domlet_host_ring *hr, uint32_t domid, const struct domlet_ring_offer *offer,
		     struct domlet_error *err)
{
	uint32_t ref[2u << DOMLET_RING_ORDER_MAX];
	uint32_t index_ref = offer->index_ref, count = 2u << offer->order;
	struct domlet_ring_page *page;
	int rc;

	hr->page = xengnttab_map_domain_grant_refs(hr->gnt, 1, domid, &index_ref, PROT_READ | PROT_WRITE);
	if (!hr->page) {
		rc = errno;
		return domlet_error_set(err, rc, "can't map the ring's index page, grant %u of domain %u: %s",
					index_ref, domid, domlet_strerror(rc));
	}
	page = hr->page;
	rc = domlet_ring_offer_check_page(page, domid, offer, err);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < count; i++)
		ref[i] = READ_ONCE(page->ref[i]);
	hr->data = xengnttab_map_domain_grant_refs(hr->gnt, count, domid, ref, PROT_READ | PROT_WRITE);
	if (!hr->data) {
		rc = errno;
		return domlet_error_set(err, rc, "can't map the ring's %u data pages of domain %u: %s", count, domid,
					domlet_strerror(rc));
	}
	hr->page_count = count;
	return 0;
}

static int bind_channel(struct domlet_host_ring *hr, uint32_t domid, uint32_t remote_port, struct domlet_error *err)
{
	int fd = xenevtchn_fd(hr->evtchn);
	int flags = fcntl(fd, F_GETFL);
	xenevtchn_port_or_error_t port;

	/* A drain with nothing pending must not block the loop. */
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		int rc = errno;

		return domlet_error_set(err, rc, "can't make the event channel descriptor non-blocking: %s",
					domlet_strerror(rc));
	}
	port = xenevtchn_bind_interdomain(hr->evtchn, domid, remote_port);
	if (port < 0) {
		int rc = errno;

		return domlet_error_set(err, rc, "can't bind event channel %u of domain %u: %s", remote_port, domid,
					domlet_strerror(rc));
	}
	hr->local_port = (uint32_t)port;
	return 0;
}

static int map_all(struct domlet_host_ring *hr, uint32_t domid, const struct domlet_ring_offer *offer,
		   struct domlet_error *err)
{
	int rc;

	hr->gnt = xengnttab_open(NULL, 0);
	if (!hr->gnt) {
		rc = errno;
		return domlet_error_set(err, rc, "can't open /dev/xen/gntdev: %s; load the module xen-gntdev in dom0",
					domlet_strerror(rc));
	}
	hr->evtchn = xenevtchn_open(NULL, 0);
	if (!hr->evtchn) {
		rc = errno;
		return domlet_error_set(err, rc, "can't open /dev/xen/evtchn: %s; load the module xen-evtchn in dom0",
					domlet_strerror(rc));
	}
	rc = map_pages(hr, domid, offer, err);
	return rc ? rc : bind_channel(hr, domid, offer->port, err);
}

int domlet_host_ring_map(struct domlet_host_ring *hr, uint32_t domid, const struct domlet_ring_offer *offer,
			 struct domlet_error *err)
{
	uint8_t *data;
	int rc;

	memset(hr, 0, sizeof(*hr));
	rc = map_all(hr, domid, offer, err);
	if (rc) {
		domlet_host_ring_unmap(hr);
		return rc;
	}
	hr->epoch = offer->epoch;
	data = hr->data;
	domlet_ring_attach(&hr->ring, hr->page, data, data + ((size_t)DOMLET_PAGE_SIZE << offer->order), offer->order,
			   DOMLET_RING_HOST);
	return 0;
}

void domlet_host_ring_unmap(struct domlet_host_ring *hr)
{
	if (hr->evtchn)
		xenevtchn_close(hr->evtchn); /* unbinds the port */
	if (hr->data && hr->gnt)
		xengnttab_unmap(hr->gnt, hr->data, hr->page_count);
	if (hr->page && hr->gnt)
		xengnttab_unmap(hr->gnt, hr->page, 1);
	if (hr->gnt)
		xengnttab_close(hr->gnt);
	memset(hr, 0, sizeof(*hr));
}

/* A mapping keeps the device's file open, which is all that it needs. */
void domlet_host_ring_seal(struct domlet_host_ring *hr)
{
	(void)xengnttab_close(hr->gnt);
	hr->gnt = NULL;
}

int domlet_host_ring_fd(const struct domlet_host_ring *hr)
{
	return hr->evtchn ? xenevtchn_fd(hr->evtchn) : -EBADF;
}

int domlet_host_ring_notify(struct domlet_host_ring *hr)
{
	if (!hr->evtchn)
		return -EBADF;
	return xenevtchn_notify(hr->evtchn, hr->local_port) < 0 ? -errno : 0;
}

int domlet_host_ring_drain(struct domlet_host_ring *hr)
{
	xenevtchn_port_or_error_t port;

	if (!hr->evtchn)
		return -EBADF;
	port = xenevtchn_pending(hr->evtchn);
	if (port < 0)
		return errno == EAGAIN ? 0 : -errno;
	return xenevtchn_unmask(hr->evtchn, (evtchn_port_t)port) < 0 ? -errno : 0;
}
