// SPDX-License-Identifier: GPL-2.0-or-later
#include "files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/file.h"

#define RESOLVER "127.0.0.11"

bool domlet_files_name_resolver(const char *text, size_t len)
{
	static const char keyword[] = "nameserver";
	const char *end = text + len;

	for (const char *line = text; line && line < end; line = memchr(line, '\n', (size_t)(end - line))) {
		const char *at;

		if (*line == '\n')
			line++;
		at = line + strlen(keyword);
		if ((size_t)(end - line) <= strlen(keyword) || memcmp(line, keyword, strlen(keyword)) != 0 ||
		    (*at != ' ' && *at != '\t'))
			continue;
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if ((size_t)(end - at) >= strlen(RESOLVER) && memcmp(at, RESOLVER, strlen(RESOLVER)) == 0 &&
		    (at + strlen(RESOLVER) == end || isspace((unsigned char)at[strlen(RESOLVER)])))
			return true;
	}
	return false;
}

static void send_one(struct domlet_files *f, const struct domlet_file *file, struct domlet_guest *guest,
		     struct domlet_guest_file order)
{
	cleanup_free char *text = NULL;
	struct domlet_error ignored;
	size_t len;

	if (domlet_file_read(file->path, DOMLET_FILE_MAX, &text, &len, &ignored) < 0)
		return;
	if (file->resolves)
		f->asks_resolver = domlet_files_name_resolver(text, len);
	order.mount = file->mount;
	order.content = text;
	order.len = (uint32_t)len;
	f->asked++;
	domlet_guest_file(guest, &order);
}

void domlet_files_send(struct domlet_files *f, struct domlet_guest *guest, uint32_t tag, uint32_t container)
{
	f->err.code = 0;
	for (uint32_t i = 0; i < f->count; i++)
		send_one(f, &f->list[i], guest, (struct domlet_guest_file){ .tag = tag, .container = container });
}

void domlet_files_answered(struct domlet_files *f, const struct domlet_guest_event *ev)
{
	if (f->asked)
		f->asked--;
	if (ev->code && !f->err.code)
		(void)domlet_error_set(&f->err, (int)ev->code, "%s", ev->text);
}

void domlet_files_free(struct domlet_files *f)
{
	for (uint32_t i = 0; i < f->count; i++)
		free(f->list[i].path);
	*f = (struct domlet_files){ 0 };
}
