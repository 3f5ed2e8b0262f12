/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_AGENT_H
#define DOMLET_INIT_AGENT_H

/*
 * What domlet-init does for the monitor: containers and processes, made,
 * signalled and reported as its messages say, and their streams. One struct
 * holds it all; the caller owns the ring below the link, sleeps, and looks at
 * each turn whether the domain is to end.
 *
 * A process, its number and its streams live from CREATE or EXEC until EXITED
 * and the ends of its outputs were sent, or until a REPLY told that it could not
 * be made. A container lives from CREATE until DELETE is answered.
 */

#include <poll.h>

#include "../../frontend/proto/backlog.h"
#include "../../frontend/proto/link.h"
#include "../config/config.h"
#include "../container/spawn.h"
#include "door.h"
#include "drain.h"
#include "fetch.h"
#include "forward.h"

struct xs_handle;

enum guest_stage {
	STAGE_DOCUMENT, /* its configuration is under way */
	STAGE_SETUP,    /* the child prepares itself */
	STAGE_READY,    /* a container's first process waits for START */
	STAGE_EXEC,     /* told to exec */
	STAGE_RUNNING   /* has executed its command, or died trying */
};

struct guest_output {
	bool open;
	bool bounded; /* the process has ended: LEFT bytes, at most, are its last */
	bool lingers; /* those are on their way, and somebody else has it open still */
	uint32_t left;
};

struct guest_process {
	struct guest_process *next; /* in the table */
	struct domlet_spawn p;
	struct guest_container *container;
	bool first; /* the container's init, not an EXEC's */
	enum guest_stage stage;
	uint32_t request;      /* answered when the stage ends; 0: none */
	bool exited, reported; /* it has ended; EXITED was sent */
	bool hung_up;          /* its terminal is to be, as soon as it is open */
	int status;            /* of waitpid */
	bool oom;              /* killed for want of memory */
	char *document;        /* of STAGE_DOCUMENT */
	uint32_t document_len, document_have;
	uint8_t sha256[DOMLET_SHA256_LEN];
	struct guest_output out[2];    /* stdout, stderr */
	struct domlet_backlog backlog; /* stdin bytes that the pipe refused */
	bool stdin_eof;
	bool stdin_lost; /* nobody can read it any more, and the monitor is to be told */
	nfds_t stdin_at; /* its place among what is polled; 0: none */
};

/* A child that waits for something in our place. */
struct guest_wait {
	pid_t pid;        /* 0: there is none */
	uint32_t request; /* answered when it has ended */
	bool unwanted;    /* what it does is to be undone then */
};

struct guest_net;
struct guest_share;

struct guest_container {
	bool used, stopped;
	uint32_t number;
	struct domlet_container_config config;
	int cgroup_fd;                 /* -1: none */
	int pidfd;                     /* of its first process; -1: it has ended */
	struct domlet_namespaces held; /* of its first process, for those that join it */
	uint64_t oom_kills;            /* when it was last certain that no process's end is still to be told of one */
	bool deleting;
	uint32_t delete_request;       /* answered when nothing of it is left: DELETE, or the CREATE that failed */
	struct domlet_failure refusal; /* why that failed; code 0: it didn't */
	struct guest_wait freezer, updater;
	struct domlet_resources_config updated; /* what counts when that is done */
	struct domlet_failure *update_failure;  /* of updater, which writes there; owned */
	struct guest_net *net;                  /* NULL: it has none but the loopback device */
	struct guest_share *share;              /* NULL: no files of it are dom0's */
	int events_fd;     /* what tells that its cgroup is empty, when that is waited for; -1: it isn't */
	int oom_fd;        /* what tells that the kernel kills for want of memory, when the monitor asked for it; -1 */
	uint64_t oom_told; /* so many kills */
	nfds_t oom_at;     /* its place among what is polled; 0: none */
};

/* A tmpfs that containers share. */
struct guest_shm {
	uint32_t users; /* bit n: container n; 0: free */
	char name[DOMLET_CONFIG_SHARED_MAX + 1];
};

struct agent {
	struct domlet_link link;
	struct xs_handle *xs;                                    /* NULL: no configurations from there */
	struct domlet_fetch ahead;                               /* what was read of a container before its CREATE */
	bool cgroups;                                            /* the machine's cgroups are ours */
	struct domlet_failure unready;                           /* why it takes no container; code 0: it does */
	struct guest_process *processes;                         /* in the order in which they came; owned */
	struct guest_process *by_number[DOMLET_PROCESS_MAX + 1]; /* untouched beyond what is used */
	struct guest_container containers[DOMLET_CONTAINER_MAX];
	struct guest_shm shm[DOMLET_CONTAINER_MAX];
	struct guest_wait sync;
	struct domlet_forward forward;
	struct domlet_doors doors;
	struct domlet_drain drain;
	nfds_t drain_at; /* its place among what is polled; 0: none */
	bool ended;      /* the domain is to end ... */
	const char *why; /* ... because of this; NULL: it was told to */
};

/* Says hello. boot_ns: CLOCK_BOOTTIME of this program's start. */
void domlet_agent_init(struct agent *a, struct domlet_ring *ring, uint32_t epoch, uint64_t boot_ns);
/* Handles what can be handled now: true when it did something, and nothing more when the domain is to end. */
bool domlet_agent_work(struct agent *a);
/* Where process 1 does not end the machine and them with it. */
void domlet_agent_kill_all(struct agent *a);

#define DOMLET_AGENT_POLL_MAX \
	(DOMLET_PROCESS_MAX * 4 + 2 * DOMLET_CONTAINER_MAX + 1 + DOMLET_FORWARD_POLL_MAX + DOMLET_DOOR_POLL_MAX)
/* Adds what to sleep on; true when room in the ring is to be waited for. */
bool domlet_agent_poll(struct agent *a, struct pollfd *fds, nfds_t *n);
/* After poll(), with the same FDS: what is no work yet, as an end that can only be seen there. */
void domlet_agent_polled(struct agent *a, const struct pollfd *fds);

/* The domain is to end: because of WHY, a static text, or as it was told to (NULL). The first word counts. */
static inline void domlet_agent_end(struct agent *a, const char *why)
{
	if (!a->ended)
		a->why = why;
	a->ended = true;
}

#endif
