// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <errno.h>

/* A guest that runs again has as long to read as a killed one has to die. */
#define WAKE_MS 3000

static void on_ring(uv_poll_t *h, int status, int events)
{
	struct domlet_guest_link *l = h->data;

	(void)status, (void)events;
	(void)domlet_host_ring_drain(&l->ring);
	l->turn(l->user);
}

int domlet_guest_link_attach(struct domlet_guest_link *l, uint32_t domid, const struct domlet_ring_offer *offer,
			     struct domlet_error *err)
{
	int r = domlet_host_ring_map(&l->ring, domid, offer, err);

	if (r < 0)
		return r;
	domlet_link_init(&l->link, &l->ring.ring, DOMLET_RING_HOST, offer->epoch);
	uv_poll_init(l->loop, &l->poll, domlet_host_ring_fd(&l->ring));
	l->poll.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_ring);
	l->attached = true;
	(void)uv_async_send(&l->wake); /* the guest may have written already */
	return 0;
}

void domlet_guest_link_detach(struct domlet_guest_link *l)
{
	l->attached = false;
	uv_poll_stop(&l->poll);
	domlet_host_ring_unmap(&l->ring);
	(void)uv_async_send(&l->wake);
}

uint32_t domlet_guest_link_send(struct domlet_guest_link *l, struct domlet_msg *msg)
{
	bool full;

	msg->request = ++l->requests ? l->requests : ++l->requests; /* 0 is none */
	full = domlet_link_send(&l->link, msg) == -EAGAIN;
	if (full && l->wakes && uv_now(l->loop) - l->woken_at >= WAKE_MS)
		l->sleeps = l->wakes = false;
	if (full && !l->sleeps)
		l->broken = "it has stopped reading";
	(void)uv_async_send(&l->wake);
	return full && l->sleeps ? 0 : msg->request;
}

void domlet_guest_link_sleep(struct domlet_guest_link *l, bool sleeps)
{
	if (!sleeps && l->sleeps && !l->wakes)
		l->woken_at = uv_now(l->loop);
	l->wakes = !sleeps && l->sleeps;
	l->sleeps = l->sleeps || sleeps;
	(void)uv_async_send(&l->wake);
}

bool domlet_guest_link_flush(struct domlet_guest_link *l)
{
	bool waits = domlet_link_flush(&l->link);

	if (l->wakes && !waits)
		l->sleeps = l->wakes = false;
	return waits;
}

void domlet_guest_link_tell(struct domlet_guest_link *l)
{
	if (domlet_ring_take_notify(&l->ring.ring))
		(void)domlet_host_ring_notify(&l->ring);
}
