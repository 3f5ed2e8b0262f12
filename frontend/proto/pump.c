/* SPDX-License-Identifier: MIT */
#include "pump.h"

void domlet_pump_init(struct domlet_pump *p, void *mem, enum domlet_ring_role near_role, uint32_t epoch)
{
	struct domlet_ring_page *page = mem;
	uint8_t *to_host = (uint8_t *)mem + DOMLET_PAGE_SIZE;
	uint8_t *to_guest = to_host + ((size_t)DOMLET_PAGE_SIZE << DOMLET_RING_ORDER_DEFAULT);
	enum domlet_ring_role far_role = near_role == DOMLET_RING_GUEST ? DOMLET_RING_HOST : DOMLET_RING_GUEST;

	domlet_ring_page_init(page, DOMLET_RING_ORDER_DEFAULT, epoch);
	domlet_ring_attach(&p->near, page, to_host, to_guest, DOMLET_RING_ORDER_DEFAULT, near_role);
	domlet_ring_attach(&p->far, page, to_host, to_guest, DOMLET_RING_ORDER_DEFAULT, far_role);
}

const uint8_t *domlet_pump_to_send(struct domlet_pump *p, size_t *len)
{
	*len = SIZE_MAX;
	domlet_ring_ready(&p->far);
	return domlet_ring_in_span(&p->far, 0, len);
}

void domlet_pump_sent(struct domlet_pump *p, size_t len)
{
	domlet_ring_consume(&p->far, (uint32_t)len);
	domlet_ring_publish(&p->far);
}

uint8_t *domlet_pump_space(struct domlet_pump *p, size_t *len)
{
	*len = SIZE_MAX;
	domlet_ring_room(&p->far);
	return domlet_ring_out_span(&p->far, 0, len);
}

void domlet_pump_received(struct domlet_pump *p, size_t len)
{
	domlet_ring_produce(&p->far, (uint32_t)len);
	domlet_ring_publish(&p->far);
}
