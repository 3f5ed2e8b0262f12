/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_E2E_NET_SPACE_H
#define DOMLET_E2E_NET_SPACE_H

/*
 * For the programs here that work in network namespaces of their own. What isn't as it is to be ends the program with a
 * sentence; exit status 77: this kernel or this user can't.
 */

#include <stdbool.h>

void demand(bool is, const char *what);
_Noreturn void skip(const char *why);
/* Skips where there is no root or no ip(8). */
void need_namespaces(void);
/* A command of the shell, in the namespace where this thread is. */
void run(const char *command);
/* Descriptors of namespaces, that of this thread, and of a new one, where it is then. */
int open_namespace(void);
int new_namespace(void);
void enter(int namespace);

#endif
