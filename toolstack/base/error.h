/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_ERROR_H
#define DOMLET_BASE_ERROR_H

/*
 * An error: a code and one sentence for a person, built where the facts are
 * known and printed once, by main(). The caller owns the struct; functions
 * that take one as last parameter return 0 or -errno, and set it when (and
 * only when) they return non-zero. A sentence names what, which value, why,
 * and what to do.
 *
 * docker and podman turn texts with "no such file or directory" into exit
 * 127 and "permission denied" into 126, so errors of the infrastructure take
 * domlet_strerror(), which words these differently.
 */

struct domlet_error {
	int code; /* positive errno, 0: none */
	char text[1024];
};

/* Sets ERR (may be NULL) and returns -code; code 0 is taken as EIO. */
int domlet_error_set(struct domlet_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "PREFIX: " before the sentence already in ERR; returns -err->code. */
int domlet_error_prefix(struct domlet_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Like strerror(), but never one of the two texts that callers match:
 * ENOENT "it does not exist", EACCES and EPERM "access was refused", ENOTDIR
 * "a part of the path is no directory". */
const char *domlet_strerror(int errnum);
/* The same for TEXT of another's making (a library's, a program's), in place:
 * it gets no longer. */
void domlet_error_reword(char *text);

#endif
