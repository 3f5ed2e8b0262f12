// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A service at a UNIX socket and its clients, for the tests of sockets in binds: the service runs in dom0, the
 * clients in containers.
 *   unix-talk serve PATH [UID:GID MODE]   gives back what comes, and after its end says "UID GID GROUPS BYTES
 *                                         DESCRIPTORS" of the connection, to it and on standard output
 *   unix-talk ask PATH BYTES TIMES        sends so many bytes, ends that, checks what comes back, and prints what is
 *                                         said then; one connection after the other
 *   unix-talk say PATH BYTES              sends, and ends without having read
 *   unix-talk tell PATH TEXT              sends that, and prints what comes
 *   unix-talk rights PATH                 sends a byte with a descriptor, and prints what is said
 *   unix-talk hold PATH COUNT             has so many connections at once, each of which gives a byte back, perhaps late; then waits
 *   unix-talk take PATH                   for datagrams: says "UID GID TEXT" of each
 *   unix-talk send PATH TEXT TIMES        datagrams, with the turn behind TEXT; the last TEXT alone
 *   unix-talk long PATH BYTES             one of so many
 * An error is printed by its name, and 1 the status.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS 60000

static _Noreturn void fail(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
	exit(1);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	return a;
}

static int connect_to(const char *path)
{
	const struct sockaddr_un to = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
		fail("connect");
	return fd;
}

/* The service */

/* False: nobody reads it. */
static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static ssize_t receive(int fd, char *bytes, size_t len, int *descriptors)
{
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = bytes, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);

	for (struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c))
		*descriptors += c->cmsg_type == SCM_RIGHTS;
	return n;
}

static _Noreturn void serve_one(int fd)
{
	static char bytes[65536], groups[1024], line[1200];
	gid_t list[64];
	socklen_t len = sizeof(struct ucred), list_len = sizeof list;
	unsigned long long total = 0;
	struct ucred who;
	int descriptors = 0;
	bool read = true;
	ssize_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &list_len) < 0)
		_exit(1);
	for (size_t i = 0; i < list_len / sizeof *list; i++)
		snprintf(groups + strlen(groups), sizeof groups - strlen(groups), "%s%u", i ? "," : "", list[i]);
	while ((n = receive(fd, bytes, sizeof bytes, &descriptors)) > 0) {
		total += (size_t)n;
		read = read && send_all(fd, bytes, (size_t)n);
	}
	n = snprintf(line, sizeof line, "%u %u %s %llu %d\n", who.uid, who.gid, groups[0] ? groups : "-", total,
		     descriptors);
	(void)!write(STDOUT_FILENO, line, (size_t)n);
	(void)send_all(fd, line, (size_t)n);
	exit(0);
}

static _Noreturn void serve(const char *path, const char *owner, const char *mode)
{
	const struct sockaddr_un here = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned int uid, gid;

	signal(SIGCHLD, SIG_IGN);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&here, sizeof here) < 0)
		fail("bind");
	if (owner && (sscanf(owner, "%u:%u", &uid, &gid) != 2 || chown(path, uid, gid) < 0 ||
		      chmod(path, (mode_t)strtoul(mode, NULL, 8)) < 0))
		fail("owner");
	if (listen(fd, 128) < 0)
		fail("listen");
	puts("ready");
	for (;;) {
		int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (one < 0)
			fail("accept");
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			signal(SIGPIPE, SIG_IGN);
			serve_one(one);
		}
		close(one);
	}
}

static _Noreturn void take(const char *path)
{
	const struct sockaddr_un here = address_of(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
	static char text[65536];

	if (fd < 0 || bind(fd, (const struct sockaddr *)&here, sizeof here) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 || chmod(path, 0666) < 0)
		fail("bind");
	puts("ready");
	for (;;) {
		union {
			char bytes[CMSG_SPACE(sizeof(struct ucred))];
			struct cmsghdr align;
		} control;
		struct iovec iov = { .iov_base = text, .iov_len = sizeof text };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = control.bytes,
				      .msg_controllen = sizeof control.bytes };
		ssize_t n = recvmsg(fd, &msg, 0);
		struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
		struct ucred who;

		if (!c)
			fail("recvmsg");
		memcpy(&who, CMSG_DATA(c), sizeof who);
		printf("%u %u %.*s\n", who.uid, who.gid, (int)(n < 40 ? n : snprintf(text, 40, "%zd bytes", n)), text);
	}
}

/* Clients */

static char byte_at(size_t i)
{
	return (char)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

/* What is left after LEN bytes that are ours; NULL: it is cut short. */
static char *exchange(int fd, size_t len)
{
	static char bytes[65536], rest[2048];
	size_t sent = 0, got = 0, rest_len = 0;
	ssize_t n = 1;

	if (!len && shutdown(fd, SHUT_WR) < 0)
		fail("shutdown");
	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = (short)(POLLIN | (sent < len ? POLLOUT : 0)) };

		errno = ETIMEDOUT;
		if (poll(&p, 1, WAIT_MS) <= 0)
			fail("poll");
		if (p.revents & POLLOUT) {
			size_t span = len - sent < sizeof bytes ? len - sent : sizeof bytes;

			for (size_t i = 0; i < span; i++)
				bytes[i] = byte_at(sent + i);
			n = send(fd, bytes, span, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (n < 0 && errno != EAGAIN)
				fail("send");
			sent += n > 0 ? (size_t)n : 0;
			if (sent == len && shutdown(fd, SHUT_WR) < 0)
				fail("shutdown");
		}
		n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			fail("recv");
		for (ssize_t i = 0; i < n; i++) {
			if (got < len && bytes[i] != byte_at(got)) {
				printf("byte %zu is another\n", got);
				exit(1);
			}
			if (got++ >= len && rest_len < sizeof rest - 1)
				rest[rest_len++] = bytes[i];
		}
		n = n < 0 ? 1 : n;
	}
	if (got < len || !rest_len) {
		printf("end after %zu bytes\n", got);
		exit(1);
	}
	return rest;
}

static void ask(const char *path, size_t len, int times)
{
	while (times--) {
		int fd = connect_to(path);

		fputs(exchange(fd, len), stdout);
		close(fd);
	}
}

static void say(const char *path, size_t len)
{
	char *bytes = malloc(len + 1);
	int fd = connect_to(path);

	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(i);
	if (!send_all(fd, bytes, len))
		fail("send");
}

static void tell(const char *path, const char *text)
{
	int fd = connect_to(path);
	char bytes[4096];
	ssize_t n;

	if (!send_all(fd, text, strlen(text)))
		fail("send");
	while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
		fwrite(bytes, 1, (size_t)n, stdout);
	if (n < 0)
		fail("recv");
}

static void send_rights(const char *path)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte = byte_at(0);
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd = connect_to(path), given = STDOUT_FILENO;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &given, sizeof given);
	if (sendmsg(fd, &msg, 0) != 1 || shutdown(fd, SHUT_WR) < 0 || recv(fd, &byte, 1, 0) != 1)
		fail("sendmsg");
	fputs(exchange(fd, 0), stdout);
}

static void send_datagram(int fd, const char *path, const char *bytes, size_t len)
{
	const struct sockaddr_un to = address_of(path);

	if (sendto(fd, bytes, len, 0, (const struct sockaddr *)&to, sizeof to) < 0)
		fail("sendto");
}

static void send_times(const char *path, const char *text, int times)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char line[256];

	for (int i = 1; i < times; i++)
		send_datagram(fd, path, line, (size_t)snprintf(line, sizeof line, "%s%d", text, i));
	send_datagram(fd, path, text, strlen(text));
}

static void hold(const char *path, int count)
{
	for (int i = 0; i < count; i++) {
		int fd = connect_to(path);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char byte = 'x';

		if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
			fail("held");
		if (poll(&p, 1, 2000) == 0)
			printf("%d held, and waits\n", i);
		if (recv(fd, &byte, 1, 0) != 1)
			fail("held");
	}
	printf("%d held\n", count);
	fflush(stdout);
	pause();
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(verb, "serve"))
		serve(argv[2], argc > 4 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
	else if (!strcmp(verb, "ask") && argc > 4)
		ask(argv[2], strtoul(argv[3], NULL, 10), atoi(argv[4]));
	else if (!strcmp(verb, "say") && argc > 3)
		say(argv[2], strtoul(argv[3], NULL, 10));
	else if (!strcmp(verb, "tell") && argc > 3)
		tell(argv[2], argv[3]);
	else if (!strcmp(verb, "rights"))
		send_rights(argv[2]);
	else if (!strcmp(verb, "take"))
		take(argv[2]);
	else if (!strcmp(verb, "send") && argc > 4)
		send_times(argv[2], argv[3], atoi(argv[4]));
	else if (!strcmp(verb, "long") && argc > 3)
		send_datagram(socket(AF_UNIX, SOCK_DGRAM, 0), argv[2], calloc(1, strtoul(argv[3], NULL, 10) + 1),
			      strtoul(argv[3], NULL, 10));
	else if (!strcmp(verb, "hold") && argc > 3)
		hold(argv[2], atoi(argv[3]));
	else
		return 2;
	return 0;
}
