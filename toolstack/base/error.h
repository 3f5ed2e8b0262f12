/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_ERROR_H
#define DOMLET_BASE_ERROR_H

/*
 * An error: a code and one sentence for a person, built where the facts are
 * known and printed once, by main(). The caller owns the struct, which points to
 * nothing. A function that takes one as its last parameter returns 0 or -errno,
 * and sets the error when it returns non-zero, and only then. A sentence names
 * what failed, with which value, why, and what to do.
 *
 * docker and podman turn texts with "no such file or directory" into exit status
 * 127, and texts with "permission denied" into 126. So each sentence but those
 * about the container's command takes domlet_strerror(), which words these
 * differently (tests/cli/words.py looks for others).
 */

struct domlet_error {
	int code; /* positive errno, 0: none */
	char text[1024];
};

/* Sets ERR, which may be NULL, and returns -CODE; a CODE of 0 is taken as EIO. A
 * sentence that is too long is cut. */
int domlet_error_set(struct domlet_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "PREFIX: " before the sentence that is in ERR; returns -err->code. */
int domlet_error_prefix(struct domlet_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As strerror(3), but never one of the texts that callers match: ENOENT is "it
 * does not exist", EACCES and EPERM are "access was refused", ENOTDIR is "a part
 * of the path is no directory". The text is static. */
const char *domlet_strerror(int errnum);
/* Rewords the same texts inside TEXT, which a library or a program has written,
 * in place; TEXT gets no longer. */
void domlet_error_reword(char *text);

#endif
