// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * docker's resolver as a container sees it: domlet-init on a socket, the half of
 * the monitor that faces it, and a name server at 127.0.0.11 in a network
 * namespace that plays the container's in dom0. This program is also what runs in
 * the container, and asks. Without the right to make all that, it is skipped.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/sha256.h"
#include "../../toolstack/dom0/netns.h"
#include "../../toolstack/monitor/forward.h"
#include "../fakes/ring_fake.h"
#include "../fakes/xen_fake.h"
#include "guest.h"

#define BULK 60000u
#define LARGE 5000u /* more than a datagram may have */

/* DNS, as little as there can be: one name of one label. */

enum { HEADER = 12, OPT_LEN = 11 };

static size_t put_question(uint8_t *out, uint16_t id, const char *name, unsigned int size)
{
	size_t len = strlen(name), at = HEADER;

	memset(out, 0, HEADER);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[5] = 1;
	out[11] = size != 0;
	out[at++] = (uint8_t)len;
	memcpy(out + at, name, len);
	at += len;
	memcpy(out + at, (const uint8_t[]){ 0, 0, 1, 0, 1 }, 5);
	at += 5;
	if (size) {
		memcpy(out + at, (const uint8_t[OPT_LEN]){ 0, 0, 41, (uint8_t)(size >> 8), (uint8_t)size }, OPT_LEN);
		at += OPT_LEN;
	}
	return at;
}

static bool is_about(const uint8_t *m, const char *name)
{
	return m[HEADER] == strlen(name) && memcmp(m + HEADER + 1, name, strlen(name)) == 0;
}

/* What NAME is: 10.1.2.3, or the size that the question has for answers by UDP. */
static size_t put_answer(uint8_t *m)
{
	size_t at = HEADER + 1 + m[HEADER] + 5;
	uint8_t address[4] = { 10, 1, 2, 3 };

	if (is_about(m, "size"))
		memcpy(address + 2, m[11] ? m + at + 3 : (const uint8_t[2]){ 0, 0 }, 2);
	m[2] |= 0x80;
	m[7] = 1;
	m[11] = 0;
	memcpy(m + at, (const uint8_t[]){ 0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4 }, 12);
	memcpy(m + at + 12, address, 4);
	return at + 16;
}

/* The server */

static const struct sockaddr_in resolver = { .sin_family = AF_INET };

static struct sockaddr_in address_of(const char *text, uint16_t port)
{
	struct sockaddr_in a = resolver;

	a.sin_port = htons(port);
	(void)inet_pton(AF_INET, text, &a.sin_addr);
	return a;
}

static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		_exit(3);
	close(fd);
}

static void answer_datagram(int fd)
{
	uint8_t m[LARGE + 1000];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t n = recvfrom(fd, m, 1000, 0, (struct sockaddr *)&from, &from_len);
	size_t len;

	if (n < HEADER || is_about(m, "silent"))
		return;
	if (is_about(m, "slow")) {
		if (fork() > 0)
			return;
		usleep(3000000);
	}
	len = put_answer(m);
	if (is_about(m, "large")) {
		memset(m + len, 0, LARGE);
		m[7] = 200;
		len = LARGE;
	}
	(void)sendto(fd, m, len, 0, (struct sockaddr *)&from, from_len);
	if (is_about(m, "slow"))
		_exit(0);
}

/* Answers what is asked, and ends its half when that has ended. */
static _Noreturn void serve_connection(int fd)
{
	static uint8_t m[2 + BULK];

	while (recv(fd, m, 2, MSG_WAITALL) == 2) {
		size_t len = (size_t)m[0] << 8 | m[1];

		if (recv(fd, m + 2, len, MSG_WAITALL) != (ssize_t)len)
			break;
		len = is_about(m + 2, "bulk") ? BULK : put_answer(m + 2);
		m[0] = (uint8_t)(len >> 8);
		m[1] = (uint8_t)len;
		if (send(fd, m, 2 + len, MSG_NOSIGNAL) < 0 || is_about(m + 2, "once"))
			break;
	}
	_exit(0);
}

static _Noreturn void serve(int udp, int tcp)
{
	struct pollfd fds[2] = { { .fd = udp, .events = POLLIN }, { .fd = tcp, .events = POLLIN } };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		(void)poll(fds, 2, -1);
		if (fds[0].revents)
			answer_datagram(udp);
		if (fds[1].revents) {
			int fd = accept(tcp, NULL, NULL);

			if (fork() == 0)
				serve_connection(fd);
			close(fd);
		}
	}
}

static void listen_as(const char *address, int *udp, int *tcp)
{
	const struct sockaddr_in here = address_of(address, 53);

	*udp = socket(AF_INET, SOCK_DGRAM, 0);
	*tcp = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(*udp, (const struct sockaddr *)&here, sizeof here) < 0 ||
	    bind(*tcp, (const struct sockaddr *)&here, sizeof here) < 0 || listen(*tcp, 64) < 0) {
		perror("listen");
		_exit(4);
	}
}

/* In a network namespace of its own; -1: that can't be made. */
static pid_t start_server(void)
{
	int ready[2], udp, tcp;
	pid_t pid;
	char c;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0)
			_exit(2);
		raise_loopback();
		listen_as("127.0.0.11", &udp, &tcp);
		(void)!write(ready[1], "r", 1);
		close(ready[1]);
		serve(udp, tcp);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

/* The client, in the container */

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say_answer(const uint8_t *m, ssize_t n)
{
	const uint8_t *a = m + n - 4;

	if (n < HEADER)
		printf("nothing");
	else if (m[2] & 2)
		printf("cut %zd %d", n, m[7]);
	else
		printf("%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
}

static void say_address(const struct sockaddr_storage *s)
{
	char text[64] = "";

	if (s->ss_family == AF_INET) {
		const struct sockaddr_in *a = (const void *)s;

		(void)inet_ntop(AF_INET, &a->sin_addr, text, sizeof text);
		printf(" %s:%d", text, ntohs(a->sin_port));
	} else {
		const struct sockaddr_in6 *a = (const void *)s;

		(void)inet_ntop(AF_INET6, &a->sin6_addr, text, sizeof text);
		printf(" %s:%d", text, ntohs(a->sin6_port));
	}
}

static socklen_t server_address(struct sockaddr_storage *s, bool six, const char *address)
{
	*(struct sockaddr_in *)s = address_of(address, 53);
	if (!six)
		return sizeof(struct sockaddr_in);
	*(struct sockaddr_in6 *)s = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(53) };
	(void)inet_pton(AF_INET6, "::ffff:127.0.0.11", &((struct sockaddr_in6 *)s)->sin6_addr);
	return sizeof(struct sockaddr_in6);
}

static int open_client(bool six, int type)
{
	const struct timeval wait = { .tv_sec = 15 };
	int fd = socket(six ? AF_INET6 : AF_INET, type, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0)
		exit(5);
	return fd;
}

static void ask_udp(const char *address, const char *name, bool six, bool connected, unsigned int size)
{
	struct sockaddr_storage to = { 0 }, from = { 0 };
	socklen_t len = server_address(&to, six, address), from_len = sizeof from;
	int fd = open_client(six, SOCK_DGRAM);
	uint8_t m[8192];
	size_t asked = put_question(m, 77, name, size);
	ssize_t n;

	if (connected && connect(fd, (struct sockaddr *)&to, len) < 0)
		exit(6);
	if (sendto(fd, m, asked, 0, connected ? NULL : (struct sockaddr *)&to, connected ? 0 : len) < 0) {
		perror("sendto");
		exit(7);
	}
	n = recvfrom(fd, m, sizeof m, 0, (struct sockaddr *)&from, &from_len);
	say_answer(m, n);
	say_address(&from);
	from_len = sizeof from;
	if (connected && getpeername(fd, (struct sockaddr *)&from, &from_len) == 0)
		say_address(&from);
	printf("\n");
}

static int open_tcp(bool six)
{
	struct sockaddr_storage to = { 0 };
	socklen_t len = server_address(&to, six, "127.0.0.11");
	int fd = open_client(six, SOCK_STREAM);

	if (connect(fd, (struct sockaddr *)&to, len) < 0) {
		perror("connect");
		exit(8);
	}
	return fd;
}

static void send_tcp(int fd, const char *name)
{
	uint8_t m[300];
	size_t len = put_question(m + 2, 78, name, 0);

	m[0] = 0;
	m[1] = (uint8_t)len;
	(void)!write(fd, m, 2 + len);
}

/* Reads to the end, which the server makes; HALF_CLOSES: as it sees this one. */
static void ask_tcp(const char *name, bool six, bool half_closes)
{
	static uint8_t m[2 * BULK];
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof peer;
	int fd = open_tcp(six);
	size_t got = 0;
	ssize_t n;

	if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0)
		exit(8);
	send_tcp(fd, name);
	if (half_closes)
		(void)shutdown(fd, SHUT_WR);
	while ((n = read(fd, m + got, sizeof m - got)) > 0)
		got += (size_t)n;
	if (got > 1000)
		printf("%zu", got);
	else
		say_answer(m + 2, (ssize_t)got - 2);
	say_address(&peer);
	printf("%s\n", n < 0 ? " broken" : "");
}

/* COUNT connections that stay open: how many have an answer while they do. */
static void hold(int count)
{
	int fds[2 * DOMLET_FORWARD_CONNECTION_MAX], most = DOMLET_FORWARD_CONNECTION_MAX, answered = 0;
	uint8_t m[300];

	for (int i = 0; i < count; i++) {
		const struct timeval wait = { .tv_usec = 300000 };

		fds[i] = open_tcp(false);
		(void)setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
		send_tcp(fds[i], "hello");
	}
	for (int i = 0; i < count; i++)
		answered += read(fds[i], m, sizeof m) > 0;
	printf("%d of %d\n", answered, count);
	for (int i = 0; i < most; i++)
		close(fds[i]);
	answered = 0;
	for (int i = most; i < count; i++) {
		const struct timeval wait = { .tv_sec = 5 };

		(void)setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
		answered += read(fds[i], m, sizeof m) > 0;
	}
	printf("%d of %d\n", answered, count - most);
}

/* SILENT ones that nobody answers first, then COUNT of another name: how many of these are answered, and when. */
static void ask_many(int silent, int count)
{
	struct sockaddr_storage to = { 0 };
	socklen_t len = server_address(&to, false, "127.0.0.11");
	int fd = open_client(false, SOCK_DGRAM), answered = 0, bytes = 1 << 20;
	double began = now();
	uint8_t m[8192];

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	for (int i = 0; i < silent + count; i++) {
		size_t n = put_question(m, (uint16_t)i, i < silent ? "silent" : "hello", 0);

		(void)sendto(fd, m, n, 0, (struct sockaddr *)&to, len);
	}
	while (answered < count && recv(fd, m, sizeof m, 0) > HEADER)
		answered++;
	printf("%d %s\n", answered, now() - began < 9 ? "soon" : now() - began < 20 ? "late" : "too late");
}

/* A name server of the container's own, on all addresses, and one of a network namespace inside of it. */
static void have_own(void)
{
	int udp, tcp;

	listen_as("0.0.0.0", &udp, &tcp);
	if (fork() == 0)
		serve(udp, tcp);
	ask_udp("127.0.0.1", "size", false, false, 4096);
	ask_udp("127.0.0.11", "size", false, false, 4096);
	if (unshare(CLONE_NEWNET) < 0)
		exit(9);
	raise_loopback();
	listen_as("127.0.0.11", &udp, &tcp);
	if (fork() == 0)
		serve(udp, tcp);
	ask_udp("127.0.0.11", "size", false, true, 4096);
}

/* Each port can be had, and asked from. */
static void ask_from_ports(void)
{
	static const uint16_t ports[] = { 1024, 5353, 32768, 60999, 63487, 63488, 64001, 65000, 65535 };
	const struct sockaddr_in to = address_of("127.0.0.11", 53);
	int answered = 0;

	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
		const struct sockaddr_in here = address_of("0.0.0.0", ports[i]);
		int fd = open_client(false, SOCK_DGRAM);
		uint8_t m[300];
		size_t n = put_question(m, 1, "hello", 0);

		if (bind(fd, (const struct sockaddr *)&here, sizeof here) < 0 ||
		    sendto(fd, m, n, 0, (const struct sockaddr *)&to, sizeof to) < 0)
			exit(10);
		answered += recv(fd, m, sizeof m, 0) > HEADER;
	}
	printf("%d\n", answered);
}

/* From one port: asks, and doesn't wait; or waits, and has not asked. */
static void use_port(bool asks)
{
	const struct sockaddr_in here = address_of("0.0.0.0", 5000), to = address_of("127.0.0.11", 53);
	const struct timeval wait = { .tv_sec = 5 };
	int fd = open_client(false, SOCK_DGRAM);
	uint8_t m[300];
	size_t n = put_question(m, 1, "slow", 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	if (bind(fd, (const struct sockaddr *)&here, sizeof here) < 0)
		exit(11);
	if (asks)
		(void)sendto(fd, m, n, 0, (const struct sockaddr *)&to, sizeof to);
	else
		printf("%s\n", recv(fd, m, sizeof m, 0) < 0 ? "nothing" : "another's");
}

static int be_client(const char *what)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* before it forks */
	if (!strcmp(what, "udp")) {
		ask_udp("127.0.0.11", "hello", false, false, 0);
		ask_udp("127.0.0.11", "hello", false, true, 0);
		ask_udp("127.0.0.11", "hello", true, false, 0);
		ask_udp("127.0.0.11", "hello", true, true, 0);
		ask_udp("127.0.0.11", "size", false, false, 0);
		ask_udp("127.0.0.11", "size", false, false, 512);
		ask_udp("127.0.0.11", "size", false, false, 4096);
		ask_udp("127.0.0.11", "large", false, false, 4096);
	} else if (!strcmp(what, "tcp")) {
		ask_tcp("hello", false, true);
		ask_tcp("hello", true, true);
		ask_tcp("bulk", false, true);
		ask_tcp("once", false, false);
	} else if (!strcmp(what, "hold")) {
		hold(68);
	} else if (!strcmp(what, "many")) {
		ask_many(0, 300);
	} else if (!strcmp(what, "late")) {
		ask_many(300, 1);
	} else if (!strcmp(what, "own")) {
		have_own();
	} else if (!strcmp(what, "ask-and-go") || !strcmp(what, "wait")) {
		use_port(what[0] == 'a');
	} else if (!strcmp(what, "ports")) {
		ask_from_ports();
	} else if (!strcmp(what, "none")) {
		int fd = open_client(false, SOCK_STREAM);
		const struct sockaddr_in to = address_of("127.0.0.11", 53);

		printf("%s\n",
		       connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 ? strerrorname_np(errno) : "there");
	}
	return 0;
}

/* The test */

static char self[] = "/var/tmp/domlet-forward-XXXXXX";
static uv_loop_t loop;
static struct domlet_guest guest;
static struct domlet_forward forward;
static pid_t server, agent;
static struct domlet_guest_event last;
static bool heard[DOMLET_GUEST_BROKEN + 1];
static unsigned int sockets;
static char cgroup[256];

static void post(void *user, const struct domlet_guest_event *ev)
{
	(void)user;
	if (ev->type == DOMLET_GUEST_BROKEN)
		print_message("broken: %s\n", ev->text);
	if (ev->type == DOMLET_GUEST_SOCKET) {
		sockets++;
		domlet_forward_hear(ev->code < 2 ? &forward : NULL, &guest, ev);
		return;
	}
	heard[ev->type] = true;
	if (ev->type == DOMLET_GUEST_ANSWERED)
		last = *ev;
}

static void on_late(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

static void await(enum domlet_guest_event_type type)
{
	bool late = false;
	uv_timer_t limit;

	uv_timer_init(&loop, &limit);
	limit.data = &late;
	uv_timer_start(&limit, on_late, 30000, 0);
	while (!heard[type] && !late)
		(void)uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&limit, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_true(heard[type]);
	heard[type] = false;
}

static void expect_answer(uint32_t code)
{
	await(DOMLET_GUEST_ANSWERED);
	if (last.code != code)
		fail_msg("%u, not %u: %s", last.code, code, last.text);
}

#define CAPABILITIES "[\"CAP_SYS_ADMIN\", \"CAP_NET_ADMIN\", \"CAP_NET_BIND_SERVICE\"]"

/* JOIN: of the plan's mounts. */
static void create(uint32_t container, const char *more_namespaces, const char *join)
{
	char *process = text_of(PROCESS
				", \"args\": [\"sleep\", \"1000\"], \"capabilities\": {\"bounding\": " CAPABILITIES
				", \"permitted\": " CAPABILITIES ", \"effective\": " CAPABILITIES
				", \"inheritable\": " CAPABILITIES "}");
	char *namespaces = text_of(", \"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"mount\"}%s]", more_namespaces);
	char *document = document_with(process, "", join, "", namespaces);
	const struct domlet_guest_first first = { .container = container,
						  .process = container + 1,
						  .stdio = { -1, -1, -1 } };
	uint8_t sha256[DOMLET_SHA256_LEN];
	struct domlet_guest_create order = { .tag = 1,
					     .container = container,
					     .process = container + 1,
					     .id = "c1",
					     .sha256 = sha256,
					     .document = document,
					     .document_len = strlen(document) };

	domlet_sha256(document, strlen(document), sha256);
	domlet_guest_take_first(&guest, &first);
	domlet_guest_create(&guest, &order);
	expect_answer(0);
	free(process);
	free(namespaces);
}

static void start(uint32_t container)
{
	domlet_guest_start(&guest, 2, container);
	expect_answer(0);
}

static void expect_said(uint32_t container, const char *what, const char *text)
{
	char *object = text_of("{" PROCESS ", \"args\": [\"%s\", \"client\", \"%s\"]}", self, what), said[4096] = "";
	struct domlet_guest_exec order = {
		.tag = 3, .container = container, .process = 60, .object = object, .len = strlen(object), .timeout_ms = 20000
	};
	int out[2], again;
	ssize_t n;

	assert_int_equal(pipe(out), 0);
	again = dup(out[1]);
	memcpy(order.stdio, (const int[3]){ -1, out[1], again }, sizeof order.stdio);
	domlet_guest_exec(&guest, &order); /* the streams are taken over */
	expect_answer(0);
	await(DOMLET_GUEST_ENDED);
	await(DOMLET_GUEST_FREED);
	n = read(out[0], said, sizeof said - 1);
	close(out[0]);
	said[n > 0 ? n : 0] = '\0';
	assert_string_equal(said, text);
}

static int set_up(void **state)
{
	const struct domlet_guest_listener listener = { post, NULL };
	const struct domlet_ring_offer offer = { DOMLET_RING_ORDER_DEFAULT, 8, 9, 1 };
	struct domlet_error err;

	(void)state;
	ring_fake_guest = RING_FAKE_AGENT;
	memset(&guest, 0, sizeof guest);
	memset(heard, 0, sizeof heard);
	sockets = 0;
	domlet_forward_init(&forward);
	uv_loop_init(&loop);
	xen_fake_reset(&loop, 0);
	agent = guest_spawn(&ring_fake_socket);
	domlet_guest_open(&guest, &loop, &listener);
	assert_int_equal(domlet_guest_attach(&guest, 7, &offer, &err), 0);
	await(DOMLET_GUEST_HELLO);
	create(0, ", {\"type\": \"network\"}", "");
	return 0;
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static int tear_down(void **state)
{
	int status;

	(void)state;
	domlet_guest_detach(&guest);
	for (uint32_t i = guest.processes.top; i >= 1; i--)
		if (domlet_guest_process_find(&guest.processes, i))
			domlet_guest_forget_first(&guest, i);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	uv_walk(&loop, close_handle, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	domlet_forward_end(&forward);
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1); /* as its monitor has gone */
	return 0;
}

static void begin(uint32_t container)
{
	domlet_forward_begin(&forward, &guest, 4, container, domlet_netns_open(server));
	expect_answer(0);
}

#define HELLO "10.1.2.3 127.0.0.11:53"
#define HELLO6 "10.1.2.3 ::ffff:127.0.0.11:53"

static void datagrams_are_answered(void **state)
{
	(void)state;
	begin(0);
	start(0);
	expect_said(0, "udp",
		    HELLO "\n" HELLO " 127.0.0.11:53\n" HELLO6 "\n" HELLO6 " ::ffff:127.0.0.11:53\n"
			  "10.1.0.0 127.0.0.11:53\n10.1.2.0 127.0.0.11:53\n10.1.4.208 127.0.0.11:53\n"
			  "cut 23 0 127.0.0.11:53\n");
	assert_int_equal(sockets, 8);
}

static void connections_carry_bytes_and_ends(void **state)
{
	(void)state;
	begin(0);
	start(0);
	expect_said(0, "tcp", HELLO "\n" HELLO6 "\n60002 127.0.0.11:53\n" HELLO "\n");
	assert_int_equal(sockets, 4);
	expect_said(0, "hold", "64 of 68\n4 of 4\n");
	expect_said(0, "tcp", HELLO "\n" HELLO6 "\n60002 127.0.0.11:53\n" HELLO "\n");
}

static void many_ask_at_once(void **state)
{
	(void)state;
	begin(0);
	start(0);
	expect_said(0, "many", "300 soon\n");
	assert_int_equal(sockets, 300);
	expect_said(0, "ports", "9\n");
	expect_said(0, "late", "1 late\n");
	/* Of 300 that nobody answers, at least those that had to wait. */
	assert_uint_in_range(guest.forward.question_count, 44, DOMLET_FORWARD_QUESTION_MAX);
}

static void others_have_their_own(void **state)
{
	(void)state;
	begin(0);
	start(0);
	expect_said(0, "own",
		    "10.1.16.0 127.0.0.1:53\n10.1.4.208 127.0.0.11:53\n10.1.16.0 127.0.0.11:53 127.0.0.11:53\n");
}

/* Without an order nobody is there; who shares a network shares the relay, as long as one of them lives. */
static void it_is_whose_it_was_given_to(void **state)
{
	(void)state;
	start(0);
	expect_said(0, "none", "ECONNREFUSED\n");
	create(1, "", "], \"join\": {\"network\": 0}, \"end\": [");
	domlet_guest_forward(&guest, 5, 1, 7);
	expect_answer(ENOSYS);
	domlet_guest_forward(&guest, 5, 9, DOMLET_FORWARD_RESOLVER);
	expect_answer(ESRCH);
	begin(0);
	domlet_guest_forward(&guest, 4, 0, DOMLET_FORWARD_RESOLVER); /* which changes nothing */
	expect_answer(0);
	start(1);
	expect_said(0, "none", "there\n");
	expect_said(1, "none", "ECONNREFUSED\n");
	domlet_guest_forward(&guest, 4, 1, DOMLET_FORWARD_RESOLVER);
	expect_answer(0);
	expect_said(1, "tcp", HELLO "\n" HELLO6 "\n60002 127.0.0.11:53\n" HELLO "\n");
	domlet_guest_signal(&guest, &(struct domlet_guest_signal){ .process = 1, .signo = SIGKILL });
	await(DOMLET_GUEST_ENDED);
	domlet_guest_delete(&guest, 6, 0);
	expect_answer(0);
	expect_said(1, "tcp", HELLO "\n" HELLO6 "\n60002 127.0.0.11:53\n" HELLO "\n");
	domlet_guest_signal(&guest, &(struct domlet_guest_signal){ .process = 2, .signo = SIGKILL });
	await(DOMLET_GUEST_ENDED);
	domlet_guest_forward(&guest, 4, 1, DOMLET_FORWARD_RESOLVER);
	expect_answer(ESRCH);
}

/* Not even who has the relay's place and the asker's port by then. */
static void an_answer_that_comes_too_late_is_nobodys(void **state)
{
	(void)state;
	begin(0);
	start(0);
	expect_said(0, "ask-and-go", "");
	assert_int_equal(guest.forward.question_count, 1);
	domlet_guest_signal(&guest, &(struct domlet_guest_signal){ .process = 1, .signo = SIGKILL });
	await(DOMLET_GUEST_ENDED);
	create(1, ", {\"type\": \"network\"}", "");
	domlet_guest_forward(&guest, 4, 1, DOMLET_FORWARD_RESOLVER);
	expect_answer(0);
	start(1);
	expect_said(1, "wait", "nothing\n");
	assert_int_equal(guest.forward.question_count, 0);
}

/* Where this machine has cgroups of version 2. */
static bool make_cgroup(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		char *file = text_of("%s/cgroup.procs", roots[i]);
		bool there = access(file, W_OK) == 0;

		free(file);
		(void)snprintf(cgroup, sizeof cgroup, "%s/domlet-forward-%d", roots[i], (int)getpid());
		if (there && mkdir(cgroup, 0755) == 0)
			return true;
	}
	return false;
}

static void remove_cgroup(void)
{
	for (int i = 0; i < 100 && rmdir(cgroup) < 0; i++) {
		char *all = text_of("rmdir %s/*/ 2>/dev/null", cgroup);

		(void)!system(all);
		free(all);
		usleep(20000); /* whom the agent has killed ends by and by */
	}
}

/* The containers' root is this machine's without what is mounted in it, as this tree may be. */
static bool copy_self(void)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = mkostemp(self, O_CLOEXEC);
	bool copied = from >= 0 && to >= 0 && fchmod(to, 0755) == 0;

	while (copied && sendfile(to, from, NULL, 1 << 20) > 0)
		;
	copied = copied && lseek(to, 0, SEEK_CUR) == lseek(from, 0, SEEK_END);
	close(from);
	close(to); /* or it couldn't be executed */
	return copied;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(datagrams_are_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connections_carry_bytes_and_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_ask_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_have_their_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_whose_it_was_given_to, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_that_comes_too_late_is_nobodys, set_up, tear_down),
	};
	int r;

	if (argc == 3 && !strcmp(argv[1], "client"))
		return be_client(argv[2]);
	if (!guest_take_arguments(argc, argv) || !guest_may_mount() || !make_cgroup() || !copy_self())
		return 77;
	guest_use_cgroup(cgroup);
	server = start_server();
	r = server < 0 ? 77 : cmocka_run_group_tests(tests, NULL, NULL);
	if (server > 0) {
		kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	remove_cgroup();
	unlink(self);
	return r;
}
