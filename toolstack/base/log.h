/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_LOG_H
#define DOMLET_BASE_LOG_H

/*
 * The log: --log FILE, --log-format text|json, --debug. Errors go to the file
 * as exactly one line (podman parses the whole file as one JSON object) and
 * to stderr. Notices go to the file when its format is text, or else to stderr,
 * but to the system's log where stderr may be a container's (an engine asks for
 * JSON) or nobody's (a monitor, but with --debug in the foreground). Debug lines
 * go to stderr (or the file when there is one and the format is text) only with
 * --debug. One log a process, set up by main() before anything else and
 * inherited by the processes it forks.
 */

#include <stdbool.h>
#include <stdint.h>

struct domlet_error;

struct domlet_log {
	int fd; /* -1: none */
	bool json;
	bool debug;
	bool background;    /* nobody reads this process's stderr */
	bool impatient;     /* domlet_log_unblock_stderr() */
	const char *system; /* the socket of the system's log */
	uint64_t start_ns;  /* CLOCK_MONOTONIC when it was opened */
};

/* Opens FILE for append (NULL: none). */
int domlet_log_open(struct domlet_log *log, const char *file, const char *format, bool debug, struct domlet_error *err);
/* For a process that must never wait: from now on lines that stderr doesn't
 * take at once are lost. The caller's open file, which others share, stays as it is. */
void domlet_log_unblock_stderr(struct domlet_log *log);
/* "domlet: TEXT" on stderr, and one line {"level":"error","msg":…,"time":…}. */
void domlet_log_error(const struct domlet_log *log, const char *text);
void domlet_log_notice(const struct domlet_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void domlet_log_debug(const struct domlet_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Debug line with the milliseconds since the process family started (the
 * phases `--debug` shows). */
void domlet_log_phase(const struct domlet_log *log, const char *phase);

#endif
