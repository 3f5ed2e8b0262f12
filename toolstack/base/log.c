/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "error.h"
#include "text.h"

#define LOG_TEXT_MAX 2048

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int domlet_log_open(struct domlet_log *log, const char *file, const char *format, bool debug, struct domlet_error *err)
{
	*log = (struct domlet_log){ .fd = -1, .debug = debug, .system = _PATH_LOG, .start_ns = now_ns() };
	if (format && strcmp(format, "json") == 0)
		log->json = true;
	else if (format && strcmp(format, "text") != 0)
		return domlet_error_set(err, EINVAL, "unknown log format \"%s\"; \"text\" and \"json\" are known",
					format);
	if (!file || file[0] == '\0')
		return 0;
	/* A FIFO nobody reads must fail, not hang the caller. */
	log->fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	if (log->fd < 0)
		return domlet_error_set(err, errno, "the log file %s can't be opened: %s", file, domlet_strerror(errno));
	return 0;
}

/* A descriptor for what FD is open on that a write doesn't wait for: where FD is a
 * pipe or a terminal, an open file of our own; FD itself where a write never waits (a
 * file) or can be told not to (a socket); -1: there is neither. A terminal's master
 * can't be opened again: that would be another terminal. */
static int own_stderr(int fd)
{
	unsigned int number;
	struct stat st;
	char path[32];

	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode))
		return fd;
	if ((!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)) || ioctl(fd, TIOCGPTN, &number) == 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void domlet_log_unblock_stderr(struct domlet_log *log)
{
	int own = own_stderr(STDERR_FILENO);

	log->impatient = true;
	if (own < 0)
		own = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (own < 0 || own == STDERR_FILENO)
		return;
	(void)dup2(own, STDERR_FILENO);
	close(own);
}

/* One write, so that lines of several processes don't mix. What can't be
 * logged is lost: there is nobody to tell. */
static void write_line(int fd, const char *text, size_t len)
{
	ssize_t n;

	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
}

/* Copies without what would break the one-line form, or a terminal. */
static void one_line(const char *text, char *out, size_t out_len)
{
	size_t i = 0;

	for (; text[i] != '\0' && i + 1 < out_len; i++)
		out[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
	out[i] = '\0';
	domlet_text_clean(out); /* also what was cut in two */
}

static void time_text(char *out, size_t len)
{
	struct timespec ts;
	struct tm tm;
	char day[32];

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, len, "%s.%09ldZ", day, ts.tv_nsec);
}

static void write_json(int fd, const char *level, const char *text)
{
	struct json_object *line = json_object_new_object();
	char when[64];
	const char *s;
	char out[8 * LOG_TEXT_MAX];
	int n = -1;

	if (!line)
		return;
	time_text(when, sizeof(when));
	json_object_object_add(line, "level", json_object_new_string(level));
	json_object_object_add(line, "msg", json_object_new_string(text));
	json_object_object_add(line, "time", json_object_new_string(when));
	s = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (s)
		n = snprintf(out, sizeof(out), "%s\n", s);
	if (n > 0 && (size_t)n < sizeof(out))
		write_line(fd, out, (size_t)n);
	json_object_put(line);
}

static void write_text(int fd, const char *level, const char *text)
{
	char when[64], out[LOG_TEXT_MAX + 128];
	int n;

	time_text(when, sizeof(when));
	n = snprintf(out, sizeof(out), "%s %s: %s\n", when, level, text);
	if (n > 0)
		write_line(fd, out, (size_t)n < sizeof(out) ? (size_t)n : sizeof(out) - 1);
}

static void write_stderr(const struct domlet_log *log, const char *text)
{
	char out[LOG_TEXT_MAX + 16];
	int n = snprintf(out, sizeof(out), "domlet: %s\n", text);

	if (n <= 0)
		return;
	if (!log->impatient ||
	    (send(STDERR_FILENO, out, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ENOTSOCK))
		write_line(STDERR_FILENO, out, (size_t)n);
}

/* What syslog(3) does, but without waiting: a log that is full must not hold
 * a monitor up. */
static void write_system(const char *socket_path, const char *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char out[LOG_TEXT_MAX + 64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n = snprintf(out, sizeof(out), "<%d>domlet[%d]: %s", LOG_DAEMON | LOG_NOTICE, getpid(), text);

	if (fd < 0)
		return;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", socket_path);
	if (n > 0)
		(void)sendto(fd, out, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

void domlet_log_error(const struct domlet_log *log, const char *text)
{
	char line[LOG_TEXT_MAX];

	one_line(text, line, sizeof(line));
	write_stderr(log, line);
	if (log->fd < 0)
		return;
	if (log->json)
		write_json(log->fd, "error", line);
	else
		write_text(log->fd, "error", line);
}

void domlet_log_notice(const struct domlet_log *log, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX], line[LOG_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	one_line(text, line, sizeof(line));
	/* Never into a JSON log: podman takes its whole content as the error. */
	if (log->fd >= 0 && !log->json)
		write_text(log->fd, "notice", line);
	else if (log->json || log->background)
		write_system(log->system, line);
	else
		write_stderr(log, line);
}

static void write_debug(const struct domlet_log *log, const char *text)
{
	char line[LOG_TEXT_MAX];

	one_line(text, line, sizeof(line));
	if (log->fd >= 0 && !log->json)
		write_text(log->fd, "debug", line);
	else
		write_stderr(log, line);
}

void domlet_log_debug(const struct domlet_log *log, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX];
	va_list ap;

	if (!log->debug)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_debug(log, text);
}

void domlet_log_phase(const struct domlet_log *log, const char *phase)
{
	uint64_t us;
	char text[LOG_TEXT_MAX];

	if (!log->debug)
		return;
	us = (now_ns() - log->start_ns) / 1000;
	snprintf(text, sizeof(text), "%6llu.%03llu ms %s", (unsigned long long)(us / 1000),
		 (unsigned long long)(us % 1000), phase);
	write_debug(log, text);
}
