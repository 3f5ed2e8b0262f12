// SPDX-License-Identifier: GPL-2.0-or-later
#include "files.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

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

/* Watching */

static const char *name_in(const struct domlet_file *file)
{
	const char *slash = strrchr(file->path, '/');

	return slash ? slash + 1 : file->path;
}

/* Who writes a file anew either writes into it, or gives another one its name. The folder has other files, which
 * may be written to all the time (docker's has the container's log), so it says only who comes there. */
static void watch_one(struct domlet_files *f, struct domlet_file *file)
{
	int before = file->changes;
	bool shared = false;

	file->changes = inotify_add_watch(f->notices, file->path, IN_MODIFY);
	for (uint32_t i = 0; i < f->count; i++)
		shared = shared || f->list[i].changes == before;
	if (before > 0 && !shared)
		(void)inotify_rm_watch(f->notices, before);
}

static int watch_folder(struct domlet_files *f, struct domlet_file *file)
{
	cleanup_free char *folder = strndup(file->path, (size_t)(name_in(file) - file->path));

	if (!folder)
		return -ENOMEM;
	file->moves = inotify_add_watch(f->notices, folder[0] ? folder : ".", IN_MOVED_TO | IN_CREATE);
	return file->moves < 0 ? -errno : 0;
}

/* True: one of the files may say something else now. */
static bool take_notice(struct domlet_files *f, const struct inotify_event *e)
{
	bool changed = (e->mask & IN_Q_OVERFLOW) != 0;

	for (uint32_t i = 0; i < f->count; i++) {
		struct domlet_file *file = &f->list[i];
		bool comes = (e->mask & IN_Q_OVERFLOW) ||
			     (e->wd == file->moves && e->len && strcmp(e->name, name_in(file)) == 0);

		if (comes)
			watch_one(f, file);
		changed = changed || comes || (e->wd == file->changes && (e->mask & IN_MODIFY));
	}
	return changed;
}

static void on_notice(uv_poll_t *poll, int status, int events)
{
	char bytes[4096] __attribute__((aligned(_Alignof(struct inotify_event))));
	struct domlet_files *f = poll->data;
	ssize_t n = read(f->notices, bytes, sizeof bytes);
	bool changed = false;

	(void)status, (void)events;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(bytes + at);

		changed |= take_notice(f, e);
		at += (ssize_t)(sizeof *e + e->len);
	}
	if (changed) {
		f->dirty = true;
		domlet_quiet_changed(&f->quiet);
	}
}

static void free_poll(uv_handle_t *h)
{
	free(h);
}

static void stop_watching(struct domlet_files *f)
{
	domlet_quiet_close(&f->quiet);
	if (!f->poll)
		return;
	uv_close((uv_handle_t *)f->poll, free_poll);
	close(f->notices);
	f->poll = NULL;
}

static int open_notices(struct domlet_files *f, uv_loop_t *loop)
{
	uv_poll_t *poll = calloc(1, sizeof *poll);

	f->notices = poll ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
	if (f->notices < 0 || uv_poll_init(loop, poll, f->notices) < 0) {
		int code = poll && f->notices < 0 ? errno : ENOMEM;

		if (f->notices >= 0)
			close(f->notices);
		free(poll);
		return -code;
	}
	f->poll = poll;
	poll->data = f;
	(void)uv_poll_start(poll, UV_READABLE, on_notice);
	return 0;
}

int domlet_files_watch(struct domlet_files *f, uv_loop_t *loop, void (*changed)(void *user), void *user,
		       struct domlet_error *err)
{
	int r;

	if (!f->count || f->poll)
		return 0;
	r = open_notices(f, loop);
	if (r == 0)
		r = domlet_quiet_open(&f->quiet, loop, changed, user);
	for (uint32_t i = 0; i < f->count && r == 0; i++) {
		r = watch_folder(f, &f->list[i]);
		watch_one(f, &f->list[i]); /* one that isn't there may come */
	}
	if (r == 0)
		return 0;
	stop_watching(f);
	return domlet_error_set(err, -r, "changes of its hosts and resolv.conf can't be followed: %s",
				domlet_strerror(-r));
}

/* Sending */

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
	f->dirty = false;
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
	stop_watching(f);
	for (uint32_t i = 0; i < f->count; i++)
		free(f->list[i].path);
	*f = (struct domlet_files){ 0 };
}
