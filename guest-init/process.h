/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_PROCESS_H
#define DOMLET_INIT_PROCESS_H

/*
 * One container process, from clone to just before exec (spawn), and on
 * (the caller writes a byte to go_fd). The child reports on status_fd: a
 * struct domlet_failure with code 0 when it stands before exec, another with
 * a code when something failed, end of file when exec succeeded. The caller
 * owns the descriptors and reaps the pid.
 */

#include <sys/types.h>

#include "config.h"

struct domlet_process {
	uint32_t number; /* 0: free slot */
	pid_t pid;
	int status_fd, go_fd;
	int in_fd, out_fd, err_fd; /* -1: closed; terminal: in and out are the pty's master */
	bool terminal;
};

int domlet_process_spawn(struct domlet_process *p, const struct domlet_container_config *c, uint32_t container,
			 struct domlet_failure *failure);

#endif
