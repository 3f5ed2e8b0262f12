/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FILESERVER_SERVE_H
#define DOMLET_FILESERVER_SERVE_H

/* Becomes the server: waits at SOCKET for the ring, confines itself to TREES, a descriptor for each of S's exports, and
 * serves. */

#include "fileserver.h"

_Noreturn void domlet_fileserver_serve(const struct domlet_fileserver *s, int socket, int *trees);

#endif
