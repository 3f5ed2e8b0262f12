/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_LOG_H
#define DOMLET_BASE_LOG_H

/*
 * The log: --log FILE, --log-format text|json, --debug. An error goes to the file
 * as exactly one line (podman parses the whole file as one JSON object) and to
 * stderr. A notice goes to the file when the format is text, and to stderr
 * otherwise; but to the system's log where stderr may be a container's (an engine
 * asks for JSON) or nobody's (a monitor, but with --debug in the foreground). A
 * debug line is written with --debug only, to the file when there is one and the
 * format is text, and to stderr otherwise. There is one log per process, set up by
 * main() before anything else, and inherited by the processes that it forks. The
 * log owns FD; its strings are the caller's or static.
 */

#include <stdbool.h>
#include <stdint.h>

struct domlet_error;

struct domlet_log {
	int fd;             /* of the file; -1: none */
	bool json;          /* the file's format */
	bool debug;         /* debug lines are written */
	bool background;    /* nobody reads this process's stderr */
	bool impatient;     /* domlet_log_unblock_stderr() was called */
	const char *system; /* the path of the socket of the system's log */
	uint64_t start_ns;  /* CLOCK_MONOTONIC when it was opened */
};

/* Opens FILE for append, or none when FILE is NULL. FORMAT is "text", "json" or NULL
 * for text. Returns 0 or -errno; -EINVAL: there is no such format. */
int domlet_log_open(struct domlet_log *log, const char *file, const char *format, bool debug, struct domlet_error *err);
/* For a process that must never wait: from now on a line that stderr doesn't take
 * at once is lost. The open file description of stderr, which others share, stays
 * as it is. */
void domlet_log_unblock_stderr(struct domlet_log *log);
/* Writes "domlet: TEXT" to stderr, and to the file TEXT as one line of its format: of
 * JSON {"level":"error","msg":TEXT,"time":…}. */
void domlet_log_error(const struct domlet_log *log, const char *text);
void domlet_log_notice(const struct domlet_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes nothing without --debug. */
void domlet_log_debug(const struct domlet_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes a debug line with the milliseconds since the log was opened and the name of
 * the PHASE that has ended. */
void domlet_log_phase(const struct domlet_log *log, const char *phase);

#endif
