/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_CONSOLE_H
#define DOMLET_RING_CONSOLE_H

/*
 * A guest's last words: the end of what the guest wrote to its console, read out of the
 * console's own ring (xen/io/console.h). That ring keeps its last 2,048 bytes whether or
 * not xenconsoled has taken them, so nothing is waited for, and nothing is taken away
 * from whoever reads the console. The monitor comes here after a failed boot. Buffers are
 * the caller's, and no mapping is kept.
 */

#include <stddef.h>
#include <stdint.h>

struct xencons_interface;

/* Fills BUF with the last words of the domain DOMID, which must still exist: at most
 * LEN - 1 bytes (LEN > 0), made printable, ended with a NUL. BUF is empty when the guest
 * wrote nothing, or its words can't be had. */
void domlet_host_console_tail(uint32_t domid, char *buf, size_t len);

/* Fills BUF in the same way from PAGE, which the guest may change meanwhile. */
void domlet_console_tail(const volatile struct xencons_interface *page, char *buf, size_t len);

#endif
