/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_PROXY_CONFINE_H
#define DOMLET_PROXY_CONFINE_H

/*
 * What a proxy gives up, for ever, before it begins to wait: each capability
 * and each way to gain one, being looked into by processes without
 * capabilities, and all system calls but those of its loop. Only proxy/
 * includes this. There is no memory.
 */

/* Has the calling process give all of that up. 0 or -errno; after an error the process
 * must end. */
int domlet_proxy_confine(void);

#endif
