/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ASK_H
#define DOMLET_CLI_ASK_H

/*
 * A command's side of what monitor/monitor.h describes: requests to a container's
 * monitor, and the monitor's answers. All verbs that need a monitor come here. Texts and
 * descriptors are the caller's. A function that has an error returns 0 or -errno; an
 * answer that is an error is one, too.
 */

#include "../../frontend/proto/figures.h"
#include "../state/state.h"
#include "cli.h"

/* Sends JSON over the connection FD and waits for the answer. */
int domlet_cli_ask_fd(int fd, const char *json, struct domlet_error *err);
/* To be called by the launching command at the end of its work: the container, whose
 * monitor has FD's other end, outlives the command. FD stays open. */
void domlet_cli_let_go(int fd);
/* Returns a connection of TYPE (SOCK_SEQPACKET and its flags) to the monitor of the domain UUID, which is about
 * no container; or -errno. Each wait on it may take TIMEOUT_S seconds (0: there is no limit). */
int domlet_cli_connect_to_domain(const char *domains, const char *uuid, int type, int timeout_s,
				 struct domlet_error *err);
/* Returns a connection to the monitor of ST, which is about ST; or -errno. */
int domlet_cli_connect(const struct domlet_cli *cli, const struct domlet_state *st, struct domlet_error *err);
/* Each wait on FD may take TIMEOUT_S seconds from now on (0: there is no limit). */
void domlet_cli_be_patient(int fd, int timeout_s);
/* Has the monitor at FD give a number, and a generation of that, to a container that is about to come by FD. They are
 * kept for it as long as FD is open. */
int domlet_cli_join(int fd, uint32_t *number, uint64_t *generation, struct domlet_error *err);
/* Waits for one answer at the connection FD. */
int domlet_cli_read_answer(int fd, struct domlet_error *err);
/* Connects, sends JSON and waits for the answer. -ETIMEDOUT: nothing came for TIMEOUT_S
 * seconds (0: there is no limit). */
int domlet_cli_ask(const struct domlet_cli *cli, const struct domlet_state *st, const char *json, int timeout_s,
		   struct domlet_error *err);
/* The same for a request whose answer may take as long as a boot, as the domain's record says. -ETIMEDOUT: a
 * monitor that is asked before whether it is there says nothing for a few seconds, or takes longer. */
int domlet_cli_ask_slow(const struct domlet_cli *cli, const struct domlet_state *st, const char *json,
			struct domlet_error *err);
/* Sends JSON without waiting for an answer, or for a monitor that hangs: the request may
 * not have arrived. */
void domlet_cli_tell(const char *domains, const struct domlet_state *st, const char *json);

/* Waits for one answer to a request for figures at FD: *FIGURES is filled; or *OOM is set, as somebody was killed for want
 * of memory, of which FD's monitor was asked to tell. */
int domlet_cli_read_figures(int fd, struct domlet_figures *figures, bool *oom, struct domlet_error *err);
/* Waits at FD until the monitor has ended; *WHY is set when the monitor says why its
 * container ended. */
void domlet_cli_hear_out(int fd, struct domlet_error *why);

#endif
