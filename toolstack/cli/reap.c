// SPDX-License-Identifier: GPL-2.0-or-later
#include "reap.h"

#include <signal.h>
#include <unistd.h>

#include "../xen/xen.h"
#include "ask.h"

/* What outlives a monitor that was killed: its domain and its proxy. Xen isn't
 * asked for a domain that this process itself never had built. */
static int end_remains(const struct domlet_state *st, struct domlet_error *err)
{
	bool maybe_built = st->domid != DOMLET_DOMID_NONE || !domlet_process_alive(&st->monitor);
	int r = maybe_built && st->uuid[0] ? domlet_xen_destroy_uuid(st->uuid, err) : 0;

	if (domlet_process_alive(&st->proxy))
		(void)kill(st->proxy.pid, SIGKILL);
	return r;
}

int domlet_cli_remove(struct domlet_state *st, struct domlet_error *err)
{
	if (st->monitor.pid != getpid() && domlet_process_alive(&st->monitor)) {
		struct domlet_error ignored;

		(void)domlet_cli_ask(st, "{\"verb\":\"destroy\"}", &ignored);
		domlet_process_wait(&st->monitor, 30000);
	}
	if (end_remains(st, err) < 0)
		return -err->code;
	domlet_process_wait(&st->proxy, 2000);
	domlet_process_remove_cgroup(st->cgroup);
	return domlet_state_remove(st, err);
}

static int reap_one(struct domlet_state *st, void *arg)
{
	struct domlet_cli *cli = arg;
	struct domlet_error err;

	if (st->status == DOMLET_STATUS_STOPPED || domlet_process_alive(&st->monitor))
		return 0;
	domlet_log_notice(&cli->log, "cleaning up after the monitor of container %s, which was killed", st->id);
	if (st->status == DOMLET_STATUS_CREATING) {
		(void)domlet_cli_remove(st, &err);
		return 0;
	}
	(void)end_remains(st, &err);
	st->status = DOMLET_STATUS_STOPPED;
	st->exit_code = 137;
	(void)domlet_state_save(st, &err);
	return 0;
}

void domlet_cli_reap(struct domlet_cli *cli)
{
	struct domlet_error ignored;

	domlet_state_sweep(cli->root);
	(void)domlet_state_each(cli->root, reap_one, cli, &ignored);
}
