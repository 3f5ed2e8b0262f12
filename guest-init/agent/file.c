// SPDX-License-Identifier: GPL-2.0-or-later
#include "file.h"

#include "../container/copies.h"
#include "reply.h"
#include "table.h"

static int check(struct agent *a, const struct guest_container *c, const struct domlet_msg_file *m,
		 struct domlet_failure *failure)
{
	const struct guest_process *first = c ? domlet_table_first(a, c) : NULL;

	if (!c || c->deleting)
		return domlet_failure_set(failure, ENOENT, "container does not exist");
	if (c->stopped || !first || first->stage < STAGE_READY)
		return domlet_failure_set(failure, ESRCH, "container not running");
	if (m->mount >= c->config.mount_count || c->config.mounts[m->mount].via != DOMLET_MOUNT_COPY)
		return domlet_failure_set(failure, EINVAL, "mount %u of container %u is no copied file", m->mount,
					  c->number);
	if (m->content.len > DOMLET_FILE_MAX)
		return domlet_failure_set(failure, EFBIG, "a copied file may get %u bytes, and not %u", DOMLET_FILE_MAX,
					  m->content.len);
	return 0;
}

void domlet_agent_file(struct agent *a, uint32_t request, const struct domlet_msg_file *m)
{
	const struct guest_container *c = domlet_table_container(a, m->container);
	struct domlet_failure failure = { 0 };
	int rc = check(a, c, m, &failure);

	if (rc == 0) {
		rc = domlet_copies_write(c->number, m->mount, m->content.ptr, m->content.len);
		if (rc < 0)
			(void)domlet_failure_set(&failure, -rc, "can't write %s anew: %s",
						 c->config.mounts[m->mount].destination, domlet_failure_name(-rc));
	}
	domlet_reply_send(a, request, &failure);
}
