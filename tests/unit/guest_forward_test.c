/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets of the host for a guest: what is asked for, what is given, what moves
 * between them, and what a guest gets that asks for what it can't have. The guest
 * is the other end of a link; the sockets' other ends are the test's.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/guest/forward.h"
#include "ring_pair.h"

#define CONNECTIONS DOMLET_FORWARD_CONNECTION_MAX
#define QUESTIONS DOMLET_FORWARD_QUESTION_MAX
#define TO(n) domlet_stream_id(DOMLET_STREAM_CONNECTION + (n), DOMLET_STREAM_STDIN)
#define FROM(n) domlet_stream_id(DOMLET_STREAM_CONNECTION + (n), DOMLET_STREAM_STDOUT)

static struct {
	uv_loop_t loop;
	struct ring_pair pair;
	struct domlet_guest_link link;
	struct domlet_link peer;
	struct domlet_guest_forward forward;
	struct domlet_guest_event asked[QUESTIONS + CONNECTIONS]; /* sockets */
	size_t asked_count;
	/* What the peer has heard. */
	unsigned int answers[QUESTIONS], replies[CONNECTIONS];
	uint8_t answer[DOMLET_FORWARD_DATAGRAM_MAX];
	size_t answer_len;
	bool cut, eof[CONNECTIONS], reset[CONNECTIONS], keeps;
	int code;
	char got[1 << 20];
	size_t got_len;
	int descriptors;
} t;

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void post(void *user, const struct domlet_guest_event *ev)
{
	(void)user;
	assert_int_equal(ev->type, DOMLET_GUEST_SOCKET);
	t.asked[t.asked_count++] = *ev;
}

static void receive(void)
{
	struct domlet_link_event ev;

	for (domlet_link_next(&t.link.link, &ev); ev.type != DOMLET_LINK_IDLE && !t.link.broken;
	     domlet_link_next(&t.link.link, &ev)) {
		if (ev.type == DOMLET_LINK_MSG && ev.msg.type == DOMLET_MSG_QUESTION)
			domlet_guest_forward_question(&t.forward, &ev.msg.question);
		if (ev.type == DOMLET_LINK_MSG && ev.msg.type == DOMLET_MSG_DATAGRAM)
			domlet_guest_forward_datagram(&t.forward, &ev.msg.datagram);
		if (ev.type == DOMLET_LINK_MSG && ev.msg.type == DOMLET_MSG_CONNECT)
			domlet_guest_forward_connect(&t.forward, &ev.msg.connect);
		if (ev.type == DOMLET_LINK_DATA) {
			domlet_guest_forward_data(&t.forward, ev.stream, ev.data, ev.len);
			domlet_link_taken(&t.link.link, ev.len);
		}
		if (ev.type == DOMLET_LINK_EOF)
			domlet_guest_forward_eof(&t.forward, ev.stream);
		if (ev.type == DOMLET_LINK_RESET)
			domlet_guest_forward_reset(&t.forward, ev.stream);
		if (ev.type == DOMLET_LINK_BROKEN)
			t.link.broken = ev.reason;
	}
}

static void turn(void *user)
{
	(void)user;
	receive();
	t.link.wants_room = false;
	while (domlet_guest_forward_move(&t.forward))
		;
	(void)domlet_guest_link_flush(&t.link);
}

static void on_wake(uv_async_t *a)
{
	(void)a;
	turn(NULL);
}

static void hear_message(const struct domlet_msg *m)
{
	if (m->type == DOMLET_MSG_ANSWER) {
		t.answers[m->answer.number]++;
		t.answer_len = m->answer.datagram.len;
		if (t.answer_len)
			memcpy(t.answer, m->answer.datagram.ptr, t.answer_len);
		t.cut = m->answer.cut;
	} else {
		assert_int_equal(m->type, DOMLET_MSG_CONNECTED);
		t.replies[m->connected.number]++;
		t.code = m->connected.code;
		if (t.code)
			return;
		assert_int_equal(domlet_link_open(&t.peer, TO(m->connected.number)), 0);
		assert_int_equal(domlet_link_open(&t.peer, FROM(m->connected.number)), 0);
	}
}

static void hear(void)
{
	struct domlet_link_event ev;

	for (domlet_link_next(&t.peer, &ev); ev.type != DOMLET_LINK_IDLE; domlet_link_next(&t.peer, &ev)) {
		uint32_t n = (ev.stream >> 2) - DOMLET_STREAM_CONNECTION;

		assert_int_not_equal(ev.type, DOMLET_LINK_BROKEN);
		if (ev.type == DOMLET_LINK_MSG)
			hear_message(&ev.msg);
		if (ev.type == DOMLET_LINK_EOF)
			t.eof[n] = true;
		if (ev.type == DOMLET_LINK_RESET)
			t.reset[n] = true;
		if (ev.type == DOMLET_LINK_DATA) {
			assert_true(t.got_len + ev.len <= sizeof t.got);
			memcpy(t.got + t.got_len, ev.data, ev.len);
			t.got_len += ev.len;
			domlet_link_taken(&t.peer, ev.len);
			if (!t.keeps)
				domlet_link_credit(&t.peer, ev.stream, ev.len);
		}
	}
	(void)domlet_link_flush(&t.peer);
}

static void settle(void)
{
	(void)domlet_link_flush(&t.peer);
	for (int i = 0; i < 20; i++) {
		turn(NULL);
		(void)uv_run(&t.loop, UV_RUN_NOWAIT);
		hear();
	}
}

static int set_up(void **state)
{
	const struct domlet_guest_listener listener = { post, NULL };

	(void)state;
	memset(&t, 0, sizeof t);
	t.descriptors = count_descriptors();
	(void)signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&t.loop);
	ring_pair_open(&t.pair, DOMLET_RING_ORDER_DEFAULT);
	domlet_link_init(&t.link.link, &t.pair.host, DOMLET_RING_HOST, RING_PAIR_EPOCH);
	domlet_link_init(&t.peer, &t.pair.guest, DOMLET_RING_GUEST, RING_PAIR_EPOCH);
	t.link.loop = &t.loop;
	t.link.turn = turn;
	t.link.attached = true;
	uv_async_init(&t.loop, &t.link.wake, on_wake);
	domlet_guest_forward_open(&t.forward, &t.link, &listener);
	domlet_guest_forward_allow(&t.forward, 0);
	return 0;
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

/* Nothing is left: neither descriptors, nor (as a sanitizer sees) memory. */
static int tear_down(void **state)
{
	(void)state;
	t.link.attached = false;
	domlet_guest_forward_end_all(&t.forward);
	assert_int_equal(t.forward.question_count, 0);
	uv_close((uv_handle_t *)&t.forward.clock, NULL);
	(void)uv_run(&t.loop, UV_RUN_NOWAIT);
	uv_walk(&t.loop, close_handle, NULL);
	(void)uv_run(&t.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t.loop), 0);
	ring_pair_close(&t.pair);
	assert_int_equal(count_descriptors(), t.descriptors);
	return 0;
}

static void send_question(uint32_t container, uint32_t number, size_t len)
{
	static const uint8_t text[DOMLET_FORWARD_DATAGRAM_MAX + 1] = "question";
	struct domlet_msg m = { .type = DOMLET_MSG_QUESTION };

	m.question.container = container;
	m.question.service = DOMLET_FORWARD_RESOLVER;
	m.question.number = number;
	m.question.datagram = (struct domlet_slice){ text, (uint32_t)len };
	assert_int_equal(domlet_link_send(&t.peer, &m), 0);
	settle();
}

/* For the socket number SOCKET of the container. */
static void send_datagram(uint32_t container, uint32_t number, uint32_t socket, size_t len)
{
	static const uint8_t text[DOMLET_SOCKET_DATAGRAM_MAX + 1] = "datagram";
	struct domlet_msg m = { .type = DOMLET_MSG_DATAGRAM };

	m.datagram.container = container;
	m.datagram.number = number;
	m.datagram.socket = socket;
	m.datagram.uid = 1000;
	m.datagram.gid = 1001;
	m.datagram.datagram = (struct domlet_slice){ text, (uint32_t)len };
	assert_int_equal(domlet_link_send(&t.peer, &m), 0);
	settle();
}

static void send_connect(uint32_t container, uint32_t number)
{
	struct domlet_msg m = { .type = DOMLET_MSG_CONNECT };

	m.connect.container = container;
	m.connect.service = DOMLET_FORWARD_RESOLVER;
	m.connect.number = number;
	assert_int_equal(domlet_link_send(&t.peer, &m), 0);
	settle();
}

/* Of the socket number SOCKET, by one in COUNT groups and in half of one when that is CUT. */
static void send_connect_to(uint32_t container, uint32_t number, uint32_t socket, uint32_t count, bool cut)
{
	static const uint8_t groups[(DOMLET_FORWARD_GROUP_MAX + 1) * 4] = { 4, 0, 0, 0, 0xff, 0xfe, 0xfd, 0xfc };
	struct domlet_msg m = { .type = DOMLET_MSG_CONNECT };

	m.connect.container = container;
	m.connect.service = DOMLET_FORWARD_SOCKET;
	m.connect.number = number;
	m.connect.socket = socket;
	m.connect.uid = 1000;
	m.connect.gid = 1001;
	m.connect.groups = (struct domlet_slice){ groups, count * 4 + (cut ? 2 : 0) };
	assert_int_equal(domlet_link_send(&t.peer, &m), 0);
	settle();
}

/* What was asked for last, by the errno or as the test's other end. */
static int give(int code)
{
	int ends[2] = { -1, -code };
	const struct domlet_guest_event *ev = &t.asked[t.asked_count - 1];
	struct domlet_guest_socket order = { .tag = ev->tag };

	if (!code)
		assert_int_equal(socketpair(AF_UNIX, (ev->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0, ends),
				 0);
	order.fd = ends[1];
	domlet_guest_forward_give(&t.forward, &order);
	settle();
	return ends[0];
}

static void expect_broken(const char *words)
{
	assert_non_null(t.link.broken);
	if (!strstr(t.link.broken, words))
		fail_msg("\"%s\" does not say \"%s\"", t.link.broken, words);
}

static void a_question_has_one_answer(void **state)
{
	char text[32];
	int fd;

	(void)state;
	send_question(0, 255, 8);
	assert_int_equal(t.asked_count, 1);
	assert_int_equal(t.asked[0].code, 0);
	assert_int_equal(t.asked[0].service, DOMLET_FORWARD_RESOLVER);
	assert_false(t.asked[0].stream);
	fd = give(0);
	assert_int_equal(read(fd, text, sizeof text), 8);
	assert_memory_equal(text, "question", 8);
	assert_int_equal(t.answers[255], 0);
	assert_int_equal(write(fd, "answer", 6), 6);
	assert_int_equal(write(fd, "more", 4), 4);
	settle();
	assert_int_equal(t.answers[255], 1);
	assert_int_equal(t.answer_len, 6);
	assert_memory_equal(t.answer, "answer", 6);
	assert_false(t.cut);
	assert_int_equal(write(fd, "more", 4), -1); /* its socket is closed */
	close(fd);
	send_question(0, 255, 8);
	close(give(0));
	assert_int_equal(t.asked_count, 2);
}

static void a_longer_answer_is_cut(void **state)
{
	static uint8_t text[DOMLET_FORWARD_DATAGRAM_MAX + 1] = { 7 };
	int fd;

	(void)state;
	send_question(0, 0, DOMLET_FORWARD_DATAGRAM_MAX);
	fd = give(0);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	settle();
	assert_int_equal(t.answer_len, DOMLET_FORWARD_DATAGRAM_MAX);
	assert_false(t.cut);
	close(fd);
	send_question(0, 0, 1);
	fd = give(0);
	assert_int_equal(write(fd, text, sizeof text), sizeof text);
	settle();
	assert_int_equal(t.answers[0], 2);
	assert_int_equal(t.answer_len, DOMLET_FORWARD_DATAGRAM_MAX);
	assert_true(t.cut);
	close(fd);
}

static void what_has_no_answer_has_none(void **state)
{
	const struct sockaddr_in closed = { .sin_family = AF_INET,
					    .sin_port = htons(1),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct domlet_guest_socket nobody;

	(void)state;
	send_question(1, 0, 8); /* of a container that may not */
	assert_int_equal(t.answers[0], 1);
	send_question(DOMLET_CONTAINER_MAX, 0, 8); /* which there can't be */
	send_question(UINT32_MAX, 0, 8);
	assert_int_equal(t.answers[0], 3);
	send_connect(1, 0);
	assert_int_equal(t.replies[0], 1);
	assert_int_equal(t.code, ECONNREFUSED);
	assert_int_equal(t.asked_count, 0);
	send_question(0, 0, 8);
	(void)give(EMFILE);
	assert_int_equal(t.answers[0], 4);
	assert_int_equal(t.answer_len, 0);
	send_connect(0, 0);
	(void)give(EMFILE);
	assert_int_equal(t.replies[0], 2);
	assert_int_equal(t.code, EMFILE);
	send_question(0, 0, 8);
	nobody.tag = t.asked[t.asked_count - 1].tag;
	nobody.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(nobody.fd, (const struct sockaddr *)&closed, sizeof closed), 0);
	domlet_guest_forward_give(&t.forward, &nobody);
	settle();
	assert_int_equal(t.answers[0], 5); /* as the kernel says at once */
	assert_null(t.link.broken);
	assert_int_equal(t.forward.question_count, 0);
}

static void what_comes_too_late_is_closed(void **state)
{
	(void)state;
	send_question(0, 3, 8);
	send_connect(0, 3);
	domlet_guest_forward_forbid(&t.forward, 0);
	settle();
	assert_int_equal(t.answers[3], 1);
	assert_int_equal(t.code, ECONNREFUSED);
	close(give(0));
	t.asked_count--;
	close(give(0));
	assert_int_equal(t.answers[3], 1);
	assert_int_equal(t.replies[3], 1);
	send_question(0, 3, 8);
	assert_int_equal(t.answers[3], 2);
}

static void lies_break_the_link(void **state)
{
	const struct {
		uint32_t number;
		size_t len;
		const char *words;
	} lies[] = {
		{ QUESTIONS, 8, "number out of range" }, { UINT32_MAX, 8, "number out of range" },
		{ 5, 0, "no possible length" },          { 5, DOMLET_FORWARD_DATAGRAM_MAX + 1, "no possible length" },
		{ 4, 8, "number of another one" },
	};

	(void)state;
	send_question(0, 4, 8);
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		send_question(0, lies[i].number, lies[i].len);
		expect_broken(lies[i].words);
		t.link.broken = NULL;
	}
	send_connect(0, CONNECTIONS);
	expect_broken("number out of range");
	t.link.broken = NULL;
	send_connect(0, 15);
	assert_null(t.link.broken);
	send_connect(0, 15);
	expect_broken("number of another one");
}

static void a_socket_is_its_containers(void **state)
{
	char text[8];
	int fd;

	(void)state;
	domlet_guest_forward_allow_sockets(&t.forward, 3, 2);
	send_connect_to(3, 0, 2, 0, false);
	send_connect_to(3, 1, UINT32_MAX, 0, false);
	send_connect_to(2, 2, 0, 0, false);
	send_connect_to(0, 3, 0, 0, false); /* it has the resolver alone */
	send_connect_to(UINT32_MAX, 4, 0, 0, false);
	send_connect(3, 5);
	assert_int_equal(t.asked_count, 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(t.replies[i], 1);
	assert_int_equal(t.code, ECONNREFUSED);

	send_connect_to(3, 0, 1, 2, false);
	assert_int_equal(t.asked_count, 1);
	assert_int_equal(t.asked[0].code, 3);
	assert_int_equal(t.asked[0].service, DOMLET_FORWARD_SOCKET);
	assert_true(t.asked[0].stream);
	assert_int_equal(t.asked[0].peer.socket, 1);
	assert_int_equal(t.asked[0].peer.uid, 1000);
	assert_int_equal(t.asked[0].peer.gid, 1001);
	assert_int_equal(t.asked[0].peer.group_count, 2);
	assert_int_equal(t.asked[0].peer.groups[0], 4);
	assert_int_equal(t.asked[0].peer.groups[1], 0xfcfdfeff);
	fd = give(0);
	assert_int_equal(t.code, 0);
	assert_int_equal(write(fd, "hello", 5), 5);
	settle();
	assert_int_equal(t.got_len, 5);
	send_connect_to(3, 1, 0, DOMLET_FORWARD_GROUP_MAX, false);
	assert_int_equal(t.asked[1].peer.group_count, DOMLET_FORWARD_GROUP_MAX);
	assert_int_equal(give(EAGAIN), -1);
	assert_int_equal(t.code, EAGAIN);

	domlet_guest_forward_forbid(&t.forward, 3);
	settle();
	assert_int_equal(read(fd, text, sizeof text), 0);
	close(fd);
	send_connect_to(3, 2, 0, 0, false);
	assert_int_equal(t.asked_count, 2);

	send_connect_to(3, 7, 0, DOMLET_FORWARD_GROUP_MAX + 1, false);
	expect_broken("groups that can't be");
	t.link.broken = NULL;
	send_connect_to(3, 7, 0, 1, true);
	expect_broken("groups that can't be");
	t.link.broken = NULL;
}

/* Of a guest that reads nothing no more is kept than what it has asked for. */
static void many_wait_for_their_reader(void **state)
{
	static const uint8_t text[DOMLET_FORWARD_DATAGRAM_MAX];
	int fds[QUESTIONS];

	(void)state;
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		send_question(0, i, 8);
		fds[i] = give(0);
	}
	assert_int_equal(t.forward.question_count, QUESTIONS);
	for (uint32_t i = 0; i < QUESTIONS; i++)
		assert_int_equal(write(fds[i], text, sizeof text), sizeof text);
	for (int i = 0; i < 20; i++) {
		(void)uv_run(&t.loop, UV_RUN_NOWAIT);
		turn(NULL);
	}
	assert_true(t.forward.question_count > QUESTIONS / 2); /* of 1 MiB the ring takes 128 KiB */
	assert_true(t.link.wants_room);
	assert_true(t.link.link.outbox_len < 2 * DOMLET_FORWARD_DATAGRAM_MAX);
	for (int i = 0; i < 20; i++)
		settle();
	for (uint32_t i = 0; i < QUESTIONS; i++) {
		assert_int_equal(t.answers[i], 1);
		close(fds[i]);
	}
	assert_int_equal(t.forward.question_count, 0);
}

static void send_bytes(uint32_t stream, size_t len)
{
	while (len) {
		size_t n = len;
		uint8_t *span = domlet_link_reserve(&t.peer, stream, &n);

		if (!span) {
			settle();
			continue;
		}
		memset(span, 'x', n);
		domlet_link_commit(&t.peer, n);
		len -= n;
	}
	settle();
}

static void expect_bytes(int fd, size_t len)
{
	static char text[1 << 20];
	size_t got = 0;

	for (int i = 0; i < 1000 && got < len; i++) {
		ssize_t n = read(fd, text, sizeof text);

		got += n > 0 ? (size_t)n : 0;
		settle();
	}
	assert_int_equal(got, len);
}

static bool is_free(uint32_t number)
{
	return !t.forward.connections[number];
}

/* Both directions by themselves, and the number is free when both have ended. */
static void a_connection_goes_both_ways(void **state)
{
	char c;
	int fd;

	(void)state;
	for (int round = 0; round < 2; round++) {
		send_connect(0, 15);
		assert_true(t.asked[t.asked_count - 1].stream);
		fd = give(0);
		assert_int_equal(t.replies[15], round + 1);
		assert_int_equal(t.code, 0);
		t.got_len = 0;
		assert_int_equal(write(fd, "hello", 5), 5);
		settle();
		assert_int_equal(t.got_len, 5);
		send_bytes(FROM(15), 100000);
		expect_bytes(fd, 100000);
		assert_int_equal(domlet_link_send_eof(&t.peer, FROM(15)), 0);
		settle();
		assert_int_equal(read(fd, &c, 1), 0); /* that half has ended; the other one goes on */
		assert_int_equal(write(fd, "bye", 3), 3);
		settle();
		assert_int_equal(t.got_len, 8);
		assert_false(is_free(15));
		close(fd);
		settle();
		assert_true(t.eof[15]);
		assert_true(is_free(15));
		t.eof[15] = false;
		domlet_link_close(&t.peer, TO(15));
		domlet_link_close(&t.peer, FROM(15));
	}
}

/* What nobody takes waits within a window in each direction. */
static void a_connection_has_a_window(void **state)
{
	static const char text[1 << 20];
	size_t sent = 0, n = 1;
	int fd;

	(void)state;
	send_connect(0, 0);
	fd = give(0);
	t.keeps = true;
	for (int i = 0; i < 50; i++) {
		ssize_t w = write(fd, text, sizeof text);

		sent += w > 0 ? (size_t)w : 0;
		settle();
	}
	assert_int_equal(t.got_len, DOMLET_STREAM_WINDOW);
	assert_true(sent > DOMLET_STREAM_WINDOW);
	for (sent = 0; n; sent += n) {
		n = DOMLET_FRAME_PAYLOAD_MAX;
		if (!domlet_link_reserve(&t.peer, FROM(0), &n)) {
			settle();
			n = DOMLET_FRAME_PAYLOAD_MAX;
			if (!domlet_link_reserve(&t.peer, FROM(0), &n))
				break;
		}
		domlet_link_commit(&t.peer, n);
	}
	assert_true(sent >= DOMLET_STREAM_WINDOW);
	expect_bytes(fd, sent);
	close(fd);
}

static void who_goes_is_missed(void **state)
{
	char c;
	int fd;

	(void)state;
	send_connect(0, 0);
	fd = give(0);
	close(fd); /* the service */
	settle();
	assert_true(t.eof[0]);
	send_bytes(FROM(0), 100);
	assert_true(t.reset[0]);
	assert_false(is_free(0)); /* the guest's half is open, as long as it likes */
	assert_int_equal(domlet_link_send_eof(&t.peer, FROM(0)), 0);
	settle();
	assert_true(is_free(0));
	send_connect(0, 1);
	fd = give(0);
	assert_int_equal(domlet_link_send_reset(&t.peer, TO(1)), 0); /* the client */
	assert_int_equal(domlet_link_send_eof(&t.peer, FROM(1)), 0);
	settle();
	assert_true(is_free(1));
	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
	send_connect(0, 2);
	fd = give(0);
	domlet_guest_forward_forbid(&t.forward, 0); /* the container */
	settle();
	assert_true(t.eof[2] && t.reset[2]);
	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
	assert_int_equal(domlet_link_send_eof(&t.peer, FROM(2)), 0);
	settle();
	assert_true(is_free(2));
}

static void data_before_the_answer_breaks_the_link(void **state)
{
	(void)state;
	send_connect(0, 0);
	assert_int_equal(domlet_link_open(&t.peer, FROM(0)), 0);
	send_bytes(FROM(0), 1);
	expect_broken("not open");
}

/* The last one that came to FD, and who has sent it. */
static ssize_t take_datagram(int fd, struct ucred *who)
{
	static char text[DOMLET_SOCKET_DATAGRAM_MAX];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof *who)];
	} control;
	struct iovec part = { text, sizeof text };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	ssize_t n;
	int on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	n = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (n >= 0)
		memcpy(who, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof *who);
	return n;
}

static void a_datagram_comes_from_who_has_sent_it(void **state)
{
	struct ucred who = { 0 };
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip(); /* nobody else may send in another's name */
	domlet_guest_forward_allow_sockets(&t.forward, 0, 2);
	send_datagram(0, 9, 1, 8);
	assert_int_equal(t.asked_count, 1);
	assert_int_equal(t.asked[0].service, DOMLET_FORWARD_SOCKET);
	assert_false(t.asked[0].stream);
	assert_int_equal(t.asked[0].peer.socket, 1);
	assert_int_equal(t.asked[0].peer.uid, 1000);
	assert_int_equal(t.asked[0].peer.gid, 1001);
	assert_int_equal(t.asked[0].peer.group_count, 0);
	fd = give(0);
	assert_int_equal(t.answers[9], 1);
	assert_int_equal(t.answer_len, 0);
	assert_int_equal(take_datagram(fd, &who), 8);
	assert_int_equal(who.uid, 1000);
	assert_int_equal(who.gid, 1001);
	close(fd);
	/* An empty one is one, too; and the longest. */
	send_datagram(0, 9, 1, 0);
	fd = give(0);
	assert_int_equal(take_datagram(fd, &who), 0);
	close(fd);
	send_datagram(0, 9, 0, DOMLET_SOCKET_DATAGRAM_MAX);
	fd = give(0);
	assert_int_equal(take_datagram(fd, &who), DOMLET_SOCKET_DATAGRAM_MAX);
	close(fd);
	assert_int_equal(t.answers[9], 3);
}

static void a_datagram_that_finds_no_room_waits(void **state)
{
	char text[16];
	int fds[2], fd, n = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	domlet_guest_forward_allow_sockets(&t.forward, 0, 1);
	send_datagram(0, 0, 0, 8);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	while (write(fds[1], "x", 1) == 1)
		n++;
	domlet_guest_forward_give(&t.forward, &(struct domlet_guest_socket){ .tag = t.asked[0].tag, .fd = fds[1] });
	settle();
	assert_int_equal(t.answers[0], 0);
	while (n--)
		assert_int_equal(read(fds[0], text, sizeof text), 1);
	settle();
	assert_int_equal(t.answers[0], 1);
	assert_int_equal(read(fds[0], text, sizeof text), 8);
	close(fds[0]);
	/* Nobody takes it any more. */
	send_datagram(0, 0, 0, 8);
	fd = give(ECONNREFUSED);
	assert_true(fd < 0);
	assert_int_equal(t.answers[0], 2);
	/* Its container goes. */
	send_datagram(0, 0, 0, 8);
	domlet_guest_forward_forbid(&t.forward, 0);
	settle();
	assert_int_equal(t.answers[0], 3);
	assert_int_equal(t.forward.datagram_count, 0);
}

static void datagrams_are_few_and_short(void **state)
{
	(void)state;
	domlet_guest_forward_allow_sockets(&t.forward, 0, 1);
	send_datagram(0, 0, 1, 8); /* of a socket that it has not */
	send_datagram(1, 1, 0, 8);
	send_datagram(UINT32_MAX, 2, 0, 8);
	assert_int_equal(t.asked_count, 0);
	assert_int_equal(t.answers[0] + t.answers[1] + t.answers[2], 3);
	for (uint32_t i = 0; i < DOMLET_SOCKET_DATAGRAMS; i++)
		send_datagram(0, i, 0, 8);
	assert_null(t.link.broken);
	send_question(0, 200, 8); /* which are others */
	assert_null(t.link.broken);
	send_datagram(0, 100, 0, 8);
	expect_broken("too many");
	t.link.broken = NULL;
	send_datagram(0, 200, 0, 8);
	expect_broken("the number of another");
	t.link.broken = NULL;
	send_datagram(0, 100, 0, DOMLET_SOCKET_DATAGRAM_MAX + 1);
	expect_broken("length");
}

/* With all that can be under way. */
static void a_link_ends_at_any_time(void **state)
{
	int fds[CONNECTIONS], fd;

	(void)state;
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		send_connect(0, i);
		fds[i] = i % 3 ? give(0) : -1;
		send_question(0, i, 8);
		if (i % 2)
			close(give(0));
	}
	send_question(0, 100, 8);
	fd = give(0);
	send_bytes(FROM(1), 300000);
	assert_int_equal(write(fd, "answer", 6), 6);
	t.link.attached = false;
	domlet_guest_forward_end_all(&t.forward);
	assert_int_equal(write(fd, "more", 4), -1);
	close(fd);
	for (uint32_t i = 0; i < CONNECTIONS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_has_one_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_longer_answer_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_has_no_answer_has_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_comes_too_late_is_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lies_break_the_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_socket_is_its_containers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_wait_for_their_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_connection_goes_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_connection_has_a_window, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_goes_is_missed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(data_before_the_answer_breaks_the_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_datagram_comes_from_who_has_sent_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_datagram_that_finds_no_room_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(datagrams_are_few_and_short, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_link_ends_at_any_time, set_up, tear_down),
	};

	uv_loop_init(&t.loop); /* libuv keeps descriptors of its first one */
	(void)uv_loop_close(&t.loop);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
