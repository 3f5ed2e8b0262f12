/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_CONSOLE_H
#define DOMLET_RING_CONSOLE_H

/*
 * A guest's last words: the end of what it wrote to its console, read out of
 * the console's own ring (xen/io/console.h). The ring keeps its last 2,048
 * bytes whether or not xenconsoled has taken them, so nothing is waited for,
 * and nothing is taken away from whoever reads the console.
 */

#include <stddef.h>
#include <stdint.h>

struct xencons_interface;

/* Fills BUF with the last words of domain DOMID, which still exists: at most
 * LEN - 1 bytes (LEN > 0), made printable, ended with a NUL. Empty when it
 * wrote none, or they can't be had. */
void domlet_host_console_tail(uint32_t domid, char *buf, size_t len);

/* The same from PAGE, which the guest may change meanwhile. */
void domlet_console_tail(const volatile struct xencons_interface *page, char *buf, size_t len);

#endif
