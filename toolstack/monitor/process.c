// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/limits.h"

#define STEP 16u

static bool grow(struct domlet_monitor_processes *all)
{
	uint32_t count = all->count + STEP > DOMLET_PROCESS_MAX + 1 ? DOMLET_PROCESS_MAX + 1 : all->count + STEP;
	struct domlet_monitor_process *slots = count > all->count ? realloc(all->slots, count * sizeof *slots) : NULL;

	if (!slots)
		return false;
	memset(slots + all->count, 0, (count - all->count) * sizeof *slots);
	all->slots = slots;
	all->count = count;
	return true;
}

uint32_t domlet_monitor_process_add(struct domlet_monitor_processes *all, uint32_t container, bool first)
{
	uint32_t n = 1;

	while (n < all->count && all->slots[n].used)
		n++;
	if (n >= all->count && !grow(all))
		return 0;
	all->slots[n] = (struct domlet_monitor_process){ .used = true, .first = first, .container = container };
	return n;
}

struct domlet_monitor_process *domlet_monitor_process_find(const struct domlet_monitor_processes *all, uint32_t number)
{
	return number > 0 && number < all->count && all->slots[number].used ? &all->slots[number] : NULL;
}

bool domlet_monitor_process_has_further(const struct domlet_monitor_processes *all, uint32_t container)
{
	for (uint32_t n = 1; n < all->count; n++)
		if (all->slots[n].used && !all->slots[n].first && !all->slots[n].dropped &&
		    all->slots[n].container == container)
			return true;
	return false;
}
