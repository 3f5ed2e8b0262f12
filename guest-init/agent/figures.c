// SPDX-License-Identifier: GPL-2.0-or-later
#include "figures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The longest is memory.stat, of less than 3,000 bytes. */
#define TEXT_MAX 8192

/* What FILE of DIR holds, as far as it fits; "" when there is no such file. */
static void read_text(int dir, const char *file, char text[TEXT_MAX])
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text + len, TEXT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
}

/* A word that is no number, as "max", is none. */
static uint64_t number(const char *text)
{
	return *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : DOMLET_FIGURE_NONE;
}

/* The number behind KEY, at the begin of a line of TEXT. */
static uint64_t value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	while (*text) {
		if (len == 0)
			return number(text);
		if (strncmp(text, key, len) == 0 && text[len] == ' ')
			return number(text + len + 1);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return DOMLET_FIGURE_NONE;
}

static void read_memory(int dir, char text[TEXT_MAX], struct domlet_figures *figures)
{
	read_text(dir, "memory.stat", text);
	for (int i = 0; i < (int)DOMLET_FIGURE_MEMORY_COUNT; i++)
		figures->memory[i] = value_of(text, domlet_figure_memory_key((enum domlet_figure_memory)i));
}

/* The number behind KEY in a line of io.stat, which ends at END. */
static uint64_t device_value(const char *line, const char *end, const char *key)
{
	const char *at = strstr(line, key);

	return at && at < end ? number(at + strlen(key)) : 0;
}

static void read_devices(int dir, char text[TEXT_MAX], struct domlet_figures *figures)
{
	struct domlet_figure_device *d = figures->devices;
	unsigned int major, minor;

	read_text(dir, "io.stat", text);
	for (const char *line = text, *end; *line && d < figures->devices + DOMLET_FIGURE_DEVICES;
	     line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		/* One that was used by nobody has no numbers behind it. */
		if (sscanf(line, "%u:%u ", &major, &minor) != 2 || !memchr(line, '=', (size_t)(end - line)))
			continue;
		*d++ = (struct domlet_figure_device){ .major = major,
						      .minor = minor,
						      .read_bytes = device_value(line, end, " rbytes="),
						      .written_bytes = device_value(line, end, " wbytes="),
						      .reads = device_value(line, end, " rios="),
						      .writes = device_value(line, end, " wios=") };
	}
}

static uint64_t count_processes(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	uint64_t count = 0;
	char text[1024];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, text, sizeof text)) > 0)
		for (ssize_t i = 0; i < n; i++)
			count += text[i] == '\n';
	if (fd >= 0)
		close(fd);
	return count;
}

void domlet_figures_read(int cgroup_fd, struct domlet_figures *figures)
{
	char text[TEXT_MAX] = "";
	const char *read_last = "";

	domlet_figures_init(figures);
	for (int i = 0; i < (int)DOMLET_FIGURE_COUNT; i++) {
		enum domlet_figure f = (enum domlet_figure)i;

		if (strcmp(domlet_figure_file(f), read_last) != 0)
			read_text(cgroup_fd, domlet_figure_file(f), text);
		read_last = domlet_figure_file(f);
		figures->of[f] = value_of(text, domlet_figure_key(f));
	}
	if (figures->of[DOMLET_FIGURE_PIDS] == DOMLET_FIGURE_NONE)
		figures->of[DOMLET_FIGURE_PIDS] = count_processes(cgroup_fd);
	read_memory(cgroup_fd, text, figures);
	read_devices(cgroup_fd, text, figures);
}
