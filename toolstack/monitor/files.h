/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_FILES_H
#define DOMLET_MONITOR_FILES_H

/*
 * Files that an engine keeps for a container while it lives: hosts, hostname and resolv.conf. The guest has
 * copies, which were made when its create began; engines write them once more after that, some of them before the start
 * alone, and again when the container's networks change. So they are read again, and written anew in the guest, before the container
 * starts and after each change.
 */

#include <uv.h>

#include "../guest/guest.h"
#include "quiet.h"

#define DOMLET_FILES_MAX 3u

struct domlet_file {
	uint32_t mount;     /* its number in the container's document */
	char *path;         /* of the host's file; owned */
	bool resolves;      /* it is the container's resolv.conf */
	int changes, moves; /* inotify's numbers of the file and of its folder; 0: not watched */
};

struct domlet_files {
	uint32_t count;
	struct domlet_file list[DOMLET_FILES_MAX];
	uint32_t asked;          /* that the guest has yet to answer for */
	bool asks_resolver;      /* resolv.conf names docker's, 127.0.0.11 */
	bool has_resolver;       /* the guest was told to lead there */
	bool dirty;              /* they have changed since they were sent */
	struct domlet_error err; /* why one of them isn't in the guest; code 0: they are */

	/* private */
	uv_poll_t *poll; /* of inotify, whose descriptor is NOTICES; NULL: none */
	int notices;
	struct domlet_quiet quiet;
};

/* From now on CHANGED is called soon after they were changed, or others took their places. F stays where it is until it is freed. Once is
 * enough. */
int domlet_files_watch(struct domlet_files *f, uv_loop_t *loop, void (*changed)(void *user), void *user,
		       struct domlet_error *err);

/* Reads all and orders the guest to write them, under TAG each. A file that is gone, or isn't one any more, stays in the guest
 * what it was. */
void domlet_files_send(struct domlet_files *f, struct domlet_guest *guest, uint32_t tag, uint32_t container);
/* The guest's answer to one of them. */
void domlet_files_answered(struct domlet_files *f, const struct domlet_guest_event *ev);
/* Whether a resolv.conf of LEN bytes has docker's resolver as a name server; a keyword begins a line (resolv.conf(5)). */
bool domlet_files_name_resolver(const char *text, size_t len);
/* Ends the watch, too. */
void domlet_files_free(struct domlet_files *f);

#endif
