// SPDX-License-Identifier: GPL-2.0-or-later
#include "request.h"

bool domlet_guest_request_has_room(const struct domlet_guest_requests *all)
{
	if (all->top < DOMLET_GUEST_REQUEST_MAX)
		return true;
	for (size_t i = 0; i < all->top; i++)
		if (!all->requests[i].number)
			return true;
	return false;
}

bool domlet_guest_request_add(struct domlet_guest_requests *all, const struct domlet_guest_request *r)
{
	size_t i = 0;

	while (i < all->top && all->requests[i].number)
		i++;
	if (i == DOMLET_GUEST_REQUEST_MAX)
		return false;
	all->requests[i] = *r;
	all->top += i == all->top;
	return true;
}

void domlet_guest_request_drop(struct domlet_guest_requests *all, struct domlet_guest_request *r)
{
	*r = (struct domlet_guest_request){ 0 };
	while (all->top && !all->requests[all->top - 1].number)
		all->top--;
}

bool domlet_guest_request_take(struct domlet_guest_requests *all, uint32_t number, struct domlet_guest_request *taken)
{
	for (size_t i = 0; number && i < all->top; i++)
		if (all->requests[i].number == number) {
			*taken = all->requests[i];
			domlet_guest_request_drop(all, &all->requests[i]);
			return true;
		}
	return false;
}

bool domlet_guest_request_take_any(struct domlet_guest_requests *all, struct domlet_guest_request *taken)
{
	return all->top && domlet_guest_request_take(all, all->requests[all->top - 1].number, taken);
}

struct domlet_guest_request *domlet_guest_request_about(struct domlet_guest_requests *all, uint32_t process)
{
	for (size_t i = 0; i < all->top; i++)
		if (all->requests[i].number && all->requests[i].process == process)
			return &all->requests[i];
	return NULL;
}

struct domlet_guest_request *domlet_guest_request_of(struct domlet_guest_requests *all, uint32_t type,
						     uint32_t container)
{
	for (size_t i = 0; i < all->top; i++)
		if (all->requests[i].number && all->requests[i].type == type && all->requests[i].container == container)
			return &all->requests[i];
	return NULL;
}
