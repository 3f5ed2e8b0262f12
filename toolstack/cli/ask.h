/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ASK_H
#define DOMLET_CLI_ASK_H

/*
 * A verb's side of what monitor/monitor.h describes: requests to a container's
 * monitor, and its answers.
 */

#include "../state/state.h"
#include "cli.h"

/* Sends JSON over FD, waits for the answer. */
int domlet_cli_ask_fd(int fd, const char *json, struct domlet_error *err);
/* Of the launching command, at the end of its work: the container outlives it. */
void domlet_cli_let_go(int fd);
/* The parts of it: a connection to the monitor, or -errno; one answer. */
int domlet_cli_connect(const struct domlet_state *st, struct domlet_error *err);
int domlet_cli_read_answer(int fd, struct domlet_error *err);
/* ETIMEDOUT when nothing comes for TIMEOUT_S seconds (0: there is no limit). */
int domlet_cli_ask(const struct domlet_state *st, const char *json, int timeout_s, struct domlet_error *err);
/* Without an answer, and without waiting for a monitor that hangs; it may not have arrived. */
void domlet_cli_tell(const struct domlet_state *st, const char *json);

/* Until the monitor has ended; *WHY is set when it says why the container did. */
void domlet_cli_hear_out(int fd, struct domlet_error *why);

#endif
