/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_GUEST_H
#define DOMLET_TESTS_GUEST_H

/*
 * A guest without a machine: domlet-init as a child, on a socket, and the
 * documents of containers that it can make here: their root is this machine's
 * own, below a layer that is thrown away. Texts are the caller's to free.
 */

#include <stdbool.h>
#include <sys/types.h>

/* The program; domlet-init's path is the one argument. False: it isn't there. */
bool guest_take_arguments(int argc, char **argv);
/* Without that right an agent makes no container. */
bool guest_may_mount(void);
/* A cgroup for the agents from now on; NULL: none. */
void guest_use_cgroup(const char *path);
/* Starts domlet-init; *FD is the monitor's end. Its pid, -1: it can't be started. */
pid_t guest_spawn(int *fd);

#define PROCESS "\"cwd\": \"/\", \"env\": [\"PATH=/bin:/usr/bin\"]"

char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* OCI_MORE, LINUX_MORE: further members, each with a comma before it; a
 * "namespaces" takes the place of what there is. */
char *document_with(const char *process, const char *mounts, const char *plans, const char *oci_more,
		    const char *linux_more);
/* With a directory of its own as the root. */
char *document_in(const char *root, const char *process, const char *mounts, const char *plans, const char *oci_more,
		  const char *linux_more);
char *document_of(const char *args, const char *padding);

#endif
