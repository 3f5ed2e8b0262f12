/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_BASE64_H
#define DOMLET_OCI_BASE64_H

/*
 * Base64 (RFC 4648, section 4, padded): how a file's bytes travel in JSON.
 * Nothing is kept here.
 */

#include <stddef.h>

/* The LEN bytes of DATA as text with its NUL, which the caller frees; NULL: out of
 * memory. */
char *domlet_base64_encode(const void *data, size_t len);

#endif
