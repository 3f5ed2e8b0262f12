// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where Xen's libraries say what went wrong: on the console, as libxentoollog's own
 * logger does, which they would take. That one also knows dates, for which libc links
 * time zones and scanf with all of its floating point: a tenth of this program.
 */
#include <stdio.h>
#include <string.h>

#include <xentoollog.h>

static void say(xentoollog_logger *logger, xentoollog_level level, int errnoval, const char *context,
		const char *format, va_list args)
{
	(void)logger;
	(void)level;
	fprintf(stderr, "%s: ", context ? context : "xen");
	vfprintf(stderr, format, args);
	fprintf(stderr, errnoval > 0 ? ": %s\n" : "\n", strerrorname_np(errnoval));
}

static void destroy(xentoollog_logger *logger)
{
	(void)logger;
}

static xentoollog_logger the = { say, NULL, destroy };

/* libxentoollog's name, whose own is then not linked. */
xentoollog_logger_stdiostream *xtl_createlogger_stdiostream(FILE *file, xentoollog_level min_level, unsigned int flags)
{
	(void)file;
	(void)min_level;
	(void)flags;
	return (xentoollog_logger_stdiostream *)&the;
}
