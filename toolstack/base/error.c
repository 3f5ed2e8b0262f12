/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int domlet_error_set(struct domlet_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (code == 0)
		code = EIO;
	if (code < 0)
		code = -code;
	if (err) {
		err->code = code;
		va_start(ap, fmt);
		if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
			err->text[0] = '\0';
		va_end(ap);
	}
	return -code;
}

int domlet_error_prefix(struct domlet_error *err, const char *fmt, ...)
{
	struct domlet_error old;
	va_list ap;
	size_t used;
	int n;

	if (!err)
		return -EIO;
	old = *err;
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = n < 0 ? 0 : (size_t)n;
	if (used < sizeof(err->text)) {
		size_t left = sizeof(err->text) - used;
		size_t len = strnlen(old.text, sizeof(old.text) - 1);

		if (left > 3) {
			memcpy(err->text + used, ": ", 2);
			used += 2;
			left -= 2;
		}
		len = len < left - 1 ? len : left - 1;
		memcpy(err->text + used, old.text, len);
		err->text[used + len] = '\0';
	}
	if (err->code == 0)
		err->code = EIO;
	return -err->code;
}

void domlet_error_reword(char *text)
{
	static const struct {
		const char *from, *to;
	} matched[] = {
		{ "no such file or directory", "it does not exist" },
		{ "permission denied", "access refused" },
		{ "operation not permitted", "access was refused" },
		{ "not a directory", "no directory" },
		{ "executable file not found in $PATH", "command not found" },
	};

	for (size_t i = 0; i < sizeof(matched) / sizeof(matched[0]); i++) {
		size_t to_len = strlen(matched[i].to);

		for (char *at = text; (at = strcasestr(at, matched[i].from)); at += to_len) {
			char *rest = at + strlen(matched[i].from);

			memcpy(at, matched[i].to, to_len);
			memmove(at + to_len, rest, strlen(rest) + 1);
		}
	}
}

const char *domlet_strerror(int errnum)
{
	if (errnum < 0)
		errnum = -errnum;
	switch (errnum) {
	case ENOENT: return "it does not exist";
	case EACCES:
	case EPERM: return "access was refused";
	case ENOTDIR: return "a part of the path is no directory";
	default: break;
	}
	/* Static texts, so that no buffer has an owner. */
	const char *text = strerrordesc_np(errnum);

	return text ? text : "unknown error";
}
