// SPDX-License-Identifier: GPL-2.0-or-later
#include "request.h"

#include <stddef.h>

bool domlet_guest_request_has_room(const struct domlet_guest_requests *all)
{
	for (size_t i = 0; i < DOMLET_GUEST_REQUEST_MAX; i++)
		if (!all->requests[i].number)
			return true;
	return false;
}

bool domlet_guest_request_add(struct domlet_guest_requests *all, const struct domlet_guest_request *r)
{
	for (size_t i = 0; i < DOMLET_GUEST_REQUEST_MAX; i++)
		if (!all->requests[i].number) {
			all->requests[i] = *r;
			return true;
		}
	return false;
}

bool domlet_guest_request_take(struct domlet_guest_requests *all, uint32_t number, struct domlet_guest_request *taken)
{
	for (size_t i = 0; number && i < DOMLET_GUEST_REQUEST_MAX; i++)
		if (all->requests[i].number == number) {
			*taken = all->requests[i];
			all->requests[i].number = 0;
			return true;
		}
	return false;
}

bool domlet_guest_request_take_any(struct domlet_guest_requests *all, struct domlet_guest_request *taken)
{
	for (size_t i = 0; i < DOMLET_GUEST_REQUEST_MAX; i++)
		if (all->requests[i].number)
			return domlet_guest_request_take(all, all->requests[i].number, taken);
	return false;
}

struct domlet_guest_request *domlet_guest_request_about(struct domlet_guest_requests *all, uint32_t process)
{
	for (size_t i = 0; i < DOMLET_GUEST_REQUEST_MAX; i++)
		if (all->requests[i].number && all->requests[i].process == process)
			return &all->requests[i];
	return NULL;
}

struct domlet_guest_request *domlet_guest_request_of(struct domlet_guest_requests *all, uint32_t type,
						     uint32_t container)
{
	for (size_t i = 0; i < DOMLET_GUEST_REQUEST_MAX; i++)
		if (all->requests[i].number && all->requests[i].type == type && all->requests[i].container == container)
			return &all->requests[i];
	return NULL;
}
