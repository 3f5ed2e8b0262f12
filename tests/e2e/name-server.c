// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * name-server ADDRESS ANSWER: a name server at port 53 of ADDRESS, by UDP and TCP, for the tests with engines in the
 * lab's dom0, which has none: each name has the address ANSWER, and nothing else.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <signal.h>

#define HEADER 12
#define MESSAGE_MAX 1024
#define TYPE_A 1

static struct in_addr has;

static size_t end_of_question(const uint8_t *m, size_t len)
{
	size_t at = HEADER;

	while (at < len && m[at] && m[at] < 64)
		at += m[at] + 1u;
	return at + 5 <= len && !m[at] ? at + 5 : 0;
}

/* RFC 1035, 4.1: the question as it came, and one record after it. M has room for 16 bytes more. 0: it is no question. */
static size_t answer(uint8_t *m, size_t len)
{
	static const uint8_t record[] = { 0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4 };
	size_t end = len > HEADER ? end_of_question(m, len) : 0;

	if (!end)
		return 0;
	m[2] |= 0x80;
	m[3] = 0x80;
	memset(m + 4, 0, 8);
	m[5] = 1;
	m[7] = m[end - 3] == TYPE_A;
	if (!m[7])
		return end;
	memcpy(m + end, record, sizeof record);
	memcpy(m + end + sizeof record, &has, sizeof has);
	return end + sizeof record + sizeof has;
}

static void serve_one(int fd)
{
	uint8_t m[2 + MESSAGE_MAX + 16];
	ssize_t n;
	size_t len;

	while ((n = recv(fd, m, 2, MSG_WAITALL)) == 2 && (len = (size_t)(m[0] << 8 | m[1])) <= MESSAGE_MAX &&
	       recv(fd, m + 2, len, MSG_WAITALL) == (ssize_t)len && (len = answer(m + 2, len))) {
		m[0] = (uint8_t)(len >> 8);
		m[1] = (uint8_t)len;
		(void)!send(fd, m, len + 2, MSG_NOSIGNAL);
	}
}

static void serve_stream(int fd)
{
	for (;;) {
		int caller = accept(fd, NULL, NULL);

		if (caller >= 0)
			serve_one(caller);
		close(caller);
	}
}

static void serve_datagrams(int fd)
{
	uint8_t m[MESSAGE_MAX + 16];
	struct sockaddr_in from;

	for (;;) {
		socklen_t from_len = sizeof from;
		ssize_t n = recvfrom(fd, m, MESSAGE_MAX, 0, (void *)&from, &from_len);
		size_t len = n > 0 ? answer(m, (size_t)n) : 0;

		if (len)
			(void)!sendto(fd, m, len, 0, (void *)&from, from_len);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(53) };
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 3 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1 || inet_pton(AF_INET, argv[2], &has) != 1 ||
	    bind(udp, (void *)&here, sizeof here) < 0 || bind(tcp, (void *)&here, sizeof here) < 0 ||
	    listen(tcp, 16) < 0) {
		perror("name-server");
		return EXIT_FAILURE;
	}
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		serve_stream(tcp);
	}
	serve_datagrams(udp);
}
