/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_DNS_H
#define DOMLET_INIT_DNS_H

/*
 * The little that a relay has to know of DNS messages (RFC 1035, RFC 6891).
 * Whoever may send them, nothing is read or written outside of their LEN bytes.
 */

#include <stddef.h>
#include <stdint.h>

/* What arrives in one piece wherever IPv6 does, less the headers. */
#define DOMLET_DNS_UDP_SIZE 1232u

/* A question that takes longer answers by UDP takes DOMLET_DNS_UDP_SIZE bytes from now on: longer ones would reach
 * dockerd in fragments, which have no ports by which the host could tell them from the container's own. Anything else
 * stays as it is. */
void domlet_dns_lower(uint8_t *message, size_t len);
/* An answer whose end is missing becomes one that says so, which has its asker ask again by TCP; how long it then is.
 * 0: it is no message. */
size_t domlet_dns_cut(uint8_t *message, size_t len);

#endif
