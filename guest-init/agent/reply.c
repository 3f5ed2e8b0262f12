// SPDX-License-Identifier: GPL-2.0-or-later
#include "reply.h"

#include <string.h>

void domlet_reply_message(struct agent *a, const struct domlet_msg *m)
{
	if (domlet_link_send(&a->link, m) < 0)
		domlet_agent_end(a, "the monitor has stopped reading");
}

void domlet_reply_send(struct agent *a, uint32_t request, const struct domlet_failure *failure)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = request };

	if (!request)
		return;
	m.reply.code = failure ? failure->code : 0;
	if (failure && failure->code) {
		m.reply.text.ptr = (const uint8_t *)failure->text;
		m.reply.text.len = (uint32_t)strnlen(failure->text, sizeof failure->text);
	}
	domlet_reply_message(a, &m);
}
