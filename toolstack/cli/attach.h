/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ATTACH_H
#define DOMLET_CLI_ATTACH_H

/*
 * A command that stays in the foreground with a process in a guest (run, exec): the
 * command's signals go to the process's proxy, its terminal becomes raw and says when
 * its size changes, and the command ends with the process's exit status. Of the caller's
 * streams the command keeps standard error, and the terminal that was made raw. There is
 * one at a time in a process, since signal handlers know it.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

struct domlet_attach {
	pid_t proxy;          /* a child of ours */
	bool raw;             /* the terminal on standard input was made raw */
	struct termios saved; /* that terminal's settings before */
};

/* Has signals go to PROXY from now on. With TERMINAL, standard input becomes raw if it is
 * a terminal. */
void domlet_cli_attach(struct domlet_attach *a, pid_t proxy, bool terminal);
/* Waits for the proxy's end; a change of the terminal's size makes the proxy ask for the
 * new one. Returns the exit status, which is 128 + the signal for a killed proxy. */
int domlet_cli_attached_wait(const struct domlet_attach *a);
/* Gives the terminal its settings back. */
void domlet_cli_detach(const struct domlet_attach *a);

#endif
