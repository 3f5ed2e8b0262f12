// SPDX-License-Identifier: GPL-2.0-or-later
#include "event.h"

#include <assert.h>

void domlet_life_act(struct domlet_life_actions *out, enum domlet_life_action_type type, uint32_t container)
{
	assert(out->len < DOMLET_LIFE_ACTIONS_MAX);
	out->act[out->len++] = (struct domlet_life_action){ type, container };
}
