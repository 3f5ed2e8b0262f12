/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ATTACH_H
#define DOMLET_CLI_ATTACH_H

/*
 * A command that stays in the foreground with a process in a guest: its
 * signals go to the process's proxy, its terminal becomes raw and says when
 * its size changes, and it ends with the process's exit status. Of the caller's
 * streams it keeps standard error, and the terminal that was made raw.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct domlet_attach {
	pid_t proxy; /* a child of ours */
	bool raw;    /* the terminal on standard input was made raw */
	struct termios saved;
};

/* From now on signals go to PROXY. With TERMINAL, standard input becomes raw
 * when it is a terminal. */
void domlet_cli_attach(struct domlet_attach *a, pid_t proxy, bool terminal);
/* Waits for the proxy's end; a change of the terminal's size makes the proxy
 * ask for it. Returns the exit status, 128 + the signal for a killed one. */
int domlet_cli_attached_wait(const struct domlet_attach *a);
/* Gives the terminal its settings back. */
void domlet_cli_detach(const struct domlet_attach *a);

#endif
