/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FAILURE_H
#define DOMLET_INIT_FAILURE_H

/*
 * Why something failed: an errno and one sentence, built where the facts are
 * known. It travels to the host in a REPLY, so it is a fixed size and owns no
 * memory. Engines read "no such file or directory" and "permission denied" as
 * "the command is missing": only sentences about the command and its working
 * directory use strerror(); all others name the errno (ENOENT). "not a directory"
 * is for what is mounted on something of another kind (paths.c).
 */

#include <errno.h>

#define DOMLET_FAILURE_TEXT_MAX 768u

struct domlet_failure {
	int code;
	char text[DOMLET_FAILURE_TEXT_MAX];
};

/* Fills *f and returns -CODE. */
int domlet_failure_set(struct domlet_failure *f, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "ENOENT": the name of an errno. */
const char *domlet_failure_name(int code);

/* One line on the guest's console, for a host that wonders why a boot hangs. */
void domlet_failure_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
