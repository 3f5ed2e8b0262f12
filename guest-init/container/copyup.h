/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_COPYUP_H
#define DOMLET_INIT_COPYUP_H

/*
 * What a directory has is copied into a tmpfs that is mounted over it (the option tmpcopyup): files with their owners,
 * modes, times and capabilities, directories, links, FIFOs and devices; not sockets. No link is followed. Who
 * has chosen the names may have an image's power; it is all done in the guest, below two descriptors.
 */

/* Copies what is in the directory FROM into the directory TO, which is empty; both stay the caller's, and so does where FROM
 * is read up to. 0 or -errno: ENOSPC where it doesn't fit, ELOOP where directories are nested too deep. */
int domlet_copyup(int from, int to);

#endif
