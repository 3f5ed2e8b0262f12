/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <errno.h>
#include <libxl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../base/cleanup.h"
#include "../base/text.h"

static void append(struct domlet_xen_log *log, const char *line)
{
	size_t used = strlen(log->text);
	size_t len = strlen(line);

	/* libxl repeats itself at each level; the last reasons are the ones
	 * that stand near the failed call, so the oldest give way. */
	if (len > sizeof(log->text) / 2)
		len = sizeof(log->text) / 2;
	while (used && used + len + 3 > sizeof(log->text)) {
		char *next = strstr(log->text, "; ");

		if (!next) {
			used = 0;
			break;
		}
		used -= (size_t)(next + 2 - log->text);
		memmove(log->text, next + 2, used + 1);
	}
	snprintf(log->text + used, sizeof(log->text) - used, "%s%.*s", used ? "; " : "", (int)len, line);
}

static void sanitize(char *line)
{
	domlet_error_reword(line);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	domlet_text_clean(line);
}

static void log_vmessage(xentoollog_logger *logger, xentoollog_level level, int errnoval, const char *context,
			 const char *format, va_list ap)
{
	struct domlet_xen_log *log = (struct domlet_xen_log *)logger;
	char line[512];
	int n;

	(void)context;
	if (level < XTL_ERROR)
		return;
	n = vsnprintf(line, sizeof(line), format, ap);
	if (n < 0)
		return;
	if (errnoval > 0 && (size_t)n < sizeof(line))
		snprintf(line + n, sizeof(line) - (size_t)n, ": %s", domlet_strerror(errnoval));
	sanitize(line);
	/* libxl starts with "libxl_x.c:123:function: ": of no use to a person. */
	const char *start = line;
	const char *colon = strstr(line, ".c:");

	if (colon) {
		colon = strstr(colon + 3, ": ");
		if (colon)
			start = colon + 2;
	}
	if (!strstr(log->text, start))
		append(log, start);
}

static void log_progress(xentoollog_logger *logger, const char *context, const char *what, int percent,
			 unsigned long done, unsigned long total)
{
	(void)logger, (void)context, (void)what, (void)percent, (void)done, (void)total;
}

static void log_destroy(xentoollog_logger *logger)
{
	(void)logger;
}

void domlet_xen_log_init(struct domlet_xen_log *log)
{
	memset(log, 0, sizeof(*log));
	log->vtable.vmessage = log_vmessage;
	log->vtable.progress = log_progress;
	log->vtable.destroy = log_destroy;
}

void domlet_xen_log_clear(struct domlet_xen_log *log)
{
	log->text[0] = '\0';
}

int domlet_xen_log_error(struct domlet_xen_log *log, struct domlet_error *err, int rc, const char *what)
{
	const char *hint = "";
	int code = EIO;

	/* The hypervisor's ENOMEM reaches us in words only. */
	if (strstr(log->text, "xc_dom_chk_alloc_pages: segment")) {
		code = ENOMEM;
		hint = "; the domain is too small for its kernel and initrd: give it more memory, by its template, its memory limit, or the annotation dev.domlet.memory";
	} else if (strstr(log->text, "domlet-hotplug add") && strstr(log->text, "exited with error status 255")) {
		hint = "; this program can't be run: install domlet whole";
	} else if (strstr(log->text, "console tty: timed out")) {
		hint = "; xenconsoled does not run or does not answer: service xen start, and see domlet doctor";
	} else if (rc == ERROR_NOMEM || strcasestr(log->text, "cannot allocate memory") ||
		   strcasestr(log->text, "not enough") || strcasestr(log->text, "failed to free memory")) {
		code = ENOMEM;
		hint = "; Xen may not have enough free memory (`xl info` shows free_memory): stop a domain, lower dom0's memory, or ask for less";
	}
	return domlet_error_set(err, code, "%s: %s (libxl error %d)%s", what,
				log->text[0] ? log->text : "libxl gave no reason", rc, hint);
}
