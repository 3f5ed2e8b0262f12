/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_MONITOR_H
#define DOMLET_TESTS_MONITOR_H

/*
 * The least that can be called a monitor: starts domlet-init on a socket,
 * speaks to it through a link, and keeps what it says. One agent at a time;
 * every wait is bounded, and ends the test when it takes too long.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../frontend/proto/figures.h"
#include "../../frontend/proto/link.h"
#include "../../frontend/proto/pump.h"

#define WAIT_MS 30000

struct output {
	uint8_t *bytes;
	size_t len;
	bool eof;
	bool reset; /* an input's: the guest wants no more */
};

struct monitor {
	pid_t pid;
	int fd;
	struct domlet_pump pump;
	struct domlet_link link;
	uint32_t requests;
	bool hello;
	const char *broken;
	struct {
		bool answered;
		int code;
		char text[1024];
	} replies[2048]; /* by request */
	struct {
		bool exited;
		uint32_t code, signo, oom;
	} exits[DOMLET_PROCESS_MAX + 1];
	struct domlet_figures figures; /* that came last */
	uint32_t ooms;                 /* OOMs that came */
	struct output outputs[DOMLET_STREAM_END];
	bool stopped[DOMLET_STREAM_END]; /* streams that get no credit */
};

void monitor_open(struct monitor *m);
/* Asks it to end; its exit status. */
int monitor_close(struct monitor *m);
/* Moves what can be moved, waiting MS at most for more. */
void monitor_turn(struct monitor *m, int ms);

void monitor_open_streams(struct monitor *m, uint32_t process);
void monitor_close_streams(struct monitor *m, uint32_t process);
/* Sends with a new request number, which is returned. */
uint32_t monitor_send(struct monitor *m, struct domlet_msg *msg);
/* The reply's code. */
int monitor_reply(struct monitor *m, uint32_t request);
int monitor_ask(struct monitor *m, struct domlet_msg *msg);
void monitor_write(struct monitor *m, uint32_t stream, const void *data, size_t len, bool end);
/* Waits for EXITED; its code. */
int monitor_exit(struct monitor *m, uint32_t process);
/* The same, and closes the streams. */
int monitor_wait(struct monitor *m, uint32_t process);
/* Of an output. */
void monitor_eof(struct monitor *m, uint32_t process, enum domlet_stream_kind kind);

#endif
