/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_MONITOR_RUN_H
#define DOMLET_TESTS_MONITOR_RUN_H

/*
 * One monitor, from launch to end, as a child of the test: on a libxl and a
 * xenstore of which one call may fail, with a guest that is a thread (ring_fake.h).
 * Of RING_FAKE_AGENT's container we have all streams, of others' the output.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../fakes/ring_fake.h"
#include "../fakes/xen_fake.h"

struct seen { /* by the monitor's process, in shared memory */
	struct xen_fake xen;
	char failed[40];
	unsigned int saves;
};

struct run {
	pid_t pid;
	int caller, proxy, in, out, err; /* our ends */
	char answer[1200], started[1200], last[1200], exit[64], output[64], errors[64];
	char reason[1200]; /* of its end, in its record */
	bool untaken;      /* it never was the monitor's, which had ended or refused it: its proxy is told nothing */
};

extern struct seen *seen;
#define UUID "12345678-1234-1234-1234-123456789012" /* of the domain, whose first container is c1 */

extern char top[32], root[80], domains[48], log_path[80]; /* TOP is a directory of the test's own */
extern char document[17u << 20];                          /* more than there may be */
extern size_t document_len;                               /* of it, as configuration; 0: a small one */
extern bool detached;                                     /* `create`, not `run` */
extern bool forges;                                       /* a container that is brought may send in any name */
extern bool kept;                                         /* `run --keep` */
extern int out_file;                                      /* the container's output; -1: a pipe */
extern unsigned int full_from,
	full_for;     /* so many saves of the record, from that one (1: the first; 0: none), find no room */
extern bool may_grow; /* the domain, as far as it likes */
extern unsigned int targets_refused; /* so many growths of the domain, of which it has no other chance; 0: it never grows */

/* Before all tests, after each, and after all. */
int set_up(void **state);
int tear_down(void **state);
/* The same after a test of a container in the background, or of records that find no room. */
int tear_down_attached(void **state);
int tear_down_all(void **state);

/* Starts a monitor of which the FAIL_AT'th call fails (0: none); begin() also
 * waits for what the launching command is told, start() asks for the start. */
void launch(struct run *r, unsigned int fail_at);
void begin(struct run *r, unsigned int fail_at);
void start(struct run *r);
/* Both, with such a guest. */
void begin_started(struct run *r, enum ring_fake_guest guest);
/* Everything that comes after an end, and what must be true then. */
void finish(struct run *r);
/* The same of a container that sleeps until it gets a signal, this one or SIGTERM. */
void end_by(struct run *r, int signo);
void end_sleeper(struct run *r);

/* Asks for an exec with LEN bytes at TEXT for a process object, of which IN and
 * OUT are the streams; one with a terminal if they are one; returns its proxy's end. */
int ask_for_exec_with(int caller, const char *text, size_t len, int in, int out);
/* Its input is empty, its output a pipe, of which OUT is the end to read from. */
int ask_for_exec(int caller, const char *text, size_t len, int *out);
/* What its proxy is told at its end, past the answers to signals. */
void expect_exit(int proxy, const char *expected);

/* Sends a packet with so many descriptors. */
void send_packet(int fd, const char *text, const int *fds, size_t count);
/* Brings the container ID, whose record is there, with these streams (-1: /dev/null) and its proxy's end. */
void bring(int caller, const char *id, const int stdio[3], int proxy);
/* A later command's connection; the container that it is about. */
int connect_to_monitor(void);
void be_about(int fd, unsigned int number, unsigned int generation);

/* How often the monitors' log says WHAT. */
unsigned int count_in_log(const char *what);

/* A packet, "" at the end. */
void receive(int fd, char *text, size_t len);
/* The answer of who has done what was asked. */
bool good(const char *answer);
/* Any other says why. */
void reasoned(const char *answer);
void send_signal(int fd, int signo);
/* Nothing comes for a while. */
void wait_unread(int fd);
size_t read_to_the_end(int fd);
/* The next container's output is a pipe with no room left, whose ends these are. */
void fill_output(int full[2]);

#endif
