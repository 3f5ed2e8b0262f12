// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The host's half of forwarded sockets, whose guest is the input: messages and
 * frames of any numbers, in any order, between what the sockets' other ends and
 * their giver do. Nothing is left at the end, and no more is under way than may be.
 */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../toolstack/guest/forward.h"
#include "../unit/ring_pair.h"
#include "fuzz.h"

#define SOCKETS (DOMLET_FORWARD_QUESTION_MAX + DOMLET_FORWARD_CONNECTION_MAX)

static struct {
	const uint8_t *at;
	size_t left;
	uv_loop_t loop;
	struct ring_pair pair;
	struct domlet_guest_link link;
	struct domlet_guest_forward forward;
	struct domlet_guest_event asked[SOCKETS];
	size_t asked_count;
	int ends[SOCKETS];
	size_t end_count;
	uint32_t seq;
} t;

static uint8_t get_u8(void)
{
	if (!t.left)
		return 0;
	t.left--;
	return *t.at++;
}

/* Of numbers the small ones are the usual ones. */
static uint32_t get_number(void)
{
	uint32_t v = get_u8();

	return v < 240 ? v % 20 : v == 240 ? UINT32_MAX : v * 16;
}

static void post(void *user, const struct domlet_guest_event *ev)
{
	(void)user;
	if (t.asked_count < SOCKETS)
		t.asked[t.asked_count++] = *ev;
}

static void receive(void)
{
	struct domlet_link_event ev;

	while (!t.link.broken) {
		domlet_link_next(&t.link.link, &ev);
		switch (ev.type) {
		case DOMLET_LINK_MSG:
			if (ev.msg.type == DOMLET_MSG_QUESTION)
				domlet_guest_forward_question(&t.forward, &ev.msg.question);
			if (ev.msg.type == DOMLET_MSG_DATAGRAM)
				domlet_guest_forward_datagram(&t.forward, &ev.msg.datagram);
			if (ev.msg.type == DOMLET_MSG_CONNECT)
				domlet_guest_forward_connect(&t.forward, &ev.msg.connect);
			break;
		case DOMLET_LINK_DATA:
			domlet_guest_forward_data(&t.forward, ev.stream, ev.data, ev.len);
			domlet_link_taken(&t.link.link, ev.len);
			break;
		case DOMLET_LINK_EOF: domlet_guest_forward_eof(&t.forward, ev.stream); break;
		case DOMLET_LINK_RESET: domlet_guest_forward_reset(&t.forward, ev.stream); break;
		case DOMLET_LINK_BROKEN: t.link.broken = ev.reason; break;
		case DOMLET_LINK_IDLE: return;
		default: break;
		}
	}
}

static void turn(void *user)
{
	(void)user;
	receive();
	t.link.wants_room = false;
	(void)domlet_guest_forward_move(&t.forward);
	(void)domlet_guest_link_flush(&t.link);
	if (t.forward.question_count > DOMLET_FORWARD_QUESTION_MAX ||
	    t.forward.datagram_count > DOMLET_SOCKET_DATAGRAMS ||
	    t.link.link.outbox_len > 2 * DOMLET_FORWARD_DATAGRAM_MAX)
		abort();
}

static void on_wake(uv_async_t *a)
{
	(void)a;
	turn(NULL);
}

static void put_frame(uint8_t type, uint32_t stream, const void *payload, uint32_t len)
{
	struct domlet_frame f = { .length = len, .type = type, .stream = stream, .epoch = RING_PAIR_EPOCH };
	uint8_t header[DOMLET_FRAME_HEADER_LEN];

	f.seq = type == DOMLET_FRAME_MSG ? ++t.seq : 0;
	domlet_frame_encode(&f, header);
	if (domlet_ring_room(&t.pair.guest) < (int64_t)(sizeof header + len))
		return;
	domlet_ring_copy_in(&t.pair.guest, 0, header, sizeof header);
	domlet_ring_produce(&t.pair.guest, sizeof header);
	domlet_ring_copy_in(&t.pair.guest, 0, payload, len);
	domlet_ring_produce(&t.pair.guest, len);
	domlet_ring_publish(&t.pair.guest);
}

static void put_message(bool connects)
{
	static const uint8_t text[UINT8_MAX * 33];
	struct domlet_msg m = { .type = connects ? DOMLET_MSG_CONNECT : DOMLET_MSG_QUESTION };
	uint8_t wire[DOMLET_MSG_MAX];
	uint32_t number = get_number(), container = get_u8() & 1, kind = get_u8();
	uint32_t service = kind == 0xff ? 3 : kind == 0xfe ? DOMLET_FORWARD_SOCKET : DOMLET_FORWARD_RESOLVER;
	int len;

	if (connects) {
		m.connect.number = number;
		m.connect.container = container;
		m.connect.service = service;
		if (service == DOMLET_FORWARD_SOCKET) {
			m.connect.socket = get_u8() % 4u;
			m.connect.groups = (struct domlet_slice){ text, get_u8() * 2u };
		}
	} else if (service == DOMLET_FORWARD_SOCKET) {
		m.type = DOMLET_MSG_DATAGRAM;
		m.datagram.number = number;
		m.datagram.container = container;
		m.datagram.socket = get_u8() % 4u;
		m.datagram.datagram = (struct domlet_slice){ text, get_u8() * 33u };
	} else {
		m.question.number = number;
		m.question.container = container;
		m.question.service = service;
		m.question.datagram = (struct domlet_slice){ text, get_u8() * 17u };
	}
	len = domlet_msg_encode(&m, wire, sizeof wire);
	if (len > 0)
		put_frame(DOMLET_FRAME_MSG, 0, wire, (uint32_t)len);
}

static void put_of_stream(void)
{
	static const uint8_t bytes[DOMLET_FRAME_PAYLOAD_MAX];
	uint8_t how = get_u8(), kind = get_u8();
	uint32_t stream = domlet_stream_id(DOMLET_STREAM_CONNECTION + get_number(), kind & 1);
	const uint8_t credit[4] = { 0, get_u8(), 1, 0 };

	switch (how % 4) {
	case 0: put_frame(DOMLET_FRAME_DATA, stream, bytes, 1 + get_u8() * 64u); return;
	case 1: put_frame(DOMLET_FRAME_EOF, stream, bytes, 0); return;
	case 2: put_frame(DOMLET_FRAME_RESET, stream, bytes, 0); return;
	default: put_frame(DOMLET_FRAME_CREDIT, stream, credit, sizeof credit); return;
	}
}

static void give(void)
{
	struct domlet_guest_socket order = { .fd = -1 };
	int ends[2];
	size_t which;

	if (!t.asked_count)
		return;
	which = get_u8() % t.asked_count;
	order.tag = t.asked[which].tag + (get_u8() == 0xff);
	if (get_u8() < 0xe0 && t.end_count < SOCKETS &&
	    socketpair(AF_UNIX, (t.asked[which].stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       ends) == 0) {
		t.ends[t.end_count++] = ends[0];
		order.fd = ends[1];
	}
	t.asked[which] = t.asked[--t.asked_count];
	domlet_guest_forward_give(&t.forward, &order);
}

static void use_end(void)
{
	static uint8_t bytes[20000];
	size_t which;
	int *fd;

	if (!t.end_count)
		return;
	which = get_u8() % t.end_count;
	fd = &t.ends[which];
	switch (get_u8() % 4) {
	case 0: (void)!send(*fd, bytes, get_u8() * 33u, MSG_NOSIGNAL); return;
	case 1: (void)!recv(*fd, bytes, sizeof bytes, 0); return;
	case 2: (void)shutdown(*fd, SHUT_WR); return;
	default: close(*fd); *fd = t.ends[--t.end_count];
	}
}

static void play(void)
{
	while (t.left) {
		switch (get_u8() % 10) {
		case 0:
		case 1: put_message(false); break;
		case 2: put_message(true); break;
		case 3:
		case 4: put_of_stream(); break;
		case 5:
		case 6: give(); break;
		case 7: use_end(); break;
		case 8: /* the guest reads */
			if (domlet_ring_ready(&t.pair.guest) > 0)
				domlet_ring_consume(&t.pair.guest, (uint32_t)domlet_ring_ready(&t.pair.guest));
			domlet_ring_publish(&t.pair.guest);
			break;
		default:
			if (get_u8() == 0)
				domlet_guest_forward_forbid(&t.forward, 0);
			else
				domlet_guest_forward_allow(&t.forward, 0);
			domlet_guest_forward_allow_sockets(&t.forward, 1, 2);
		}
		turn(NULL);
		(void)uv_run(&t.loop, UV_RUN_NOWAIT);
	}
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct domlet_guest_listener listener = { post, NULL };
	static bool warm; /* libuv keeps descriptors of its first loop */
	int before;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!warm) {
		uv_loop_init(&t.loop);
		(void)uv_loop_close(&t.loop);
	}
	warm = true;
	memset(&t, 0, sizeof t);
	t.at = data;
	t.left = size;
	before = count_descriptors();
	uv_loop_init(&t.loop);
	ring_pair_open(&t.pair, DOMLET_RING_ORDER_DEFAULT);
	domlet_link_init(&t.link.link, &t.pair.host, DOMLET_RING_HOST, RING_PAIR_EPOCH);
	t.link.loop = &t.loop;
	t.link.turn = turn;
	t.link.attached = true;
	uv_async_init(&t.loop, &t.link.wake, on_wake);
	domlet_guest_forward_open(&t.forward, &t.link, &listener);
	domlet_guest_forward_allow(&t.forward, 0);
	domlet_guest_forward_allow_sockets(&t.forward, 1, 2);
	play();
	t.link.attached = false;
	domlet_guest_forward_end_all(&t.forward);
	uv_close((uv_handle_t *)&t.link.wake, NULL);
	uv_close((uv_handle_t *)&t.forward.clock, NULL);
	(void)uv_run(&t.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&t.loop) != 0 || t.forward.question_count)
		abort();
	ring_pair_close(&t.pair);
	while (t.end_count)
		close(t.ends[--t.end_count]);
	if (count_descriptors() != before)
		abort();
	return 0;
}
