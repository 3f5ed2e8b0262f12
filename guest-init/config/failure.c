/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int domlet_failure_set(struct domlet_failure *f, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	f->code = code;
	(void)vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
	return -code;
}

const char *domlet_failure_name(int code)
{
	const char *name = strerrorname_np(code);

	return name ? name : "an unknown error";
}

void domlet_failure_log(const char *format, ...)
{
	char line[DOMLET_FAILURE_TEXT_MAX + 64] = "domlet-init: ";
	const size_t start = sizeof("domlet-init: ") - 1;
	va_list ap;
	size_t len;

	va_start(ap, format);
	/* One byte stays free for the newline. */
	(void)vsnprintf(line + start, sizeof(line) - start - 1, format, ap);
	va_end(ap);
	len = strlen(line);
	line[len++] = '\n';
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		;
}
