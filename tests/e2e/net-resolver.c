// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions to a name server on the network, of the engine's in the container's namespace and of the guest's, which is a
 * namespace here, too, with the same MAC and addresses: each answer comes to whoever has asked. Pairs of veth play
 * the vif and the engine's link.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../frontend/proto/net.h"
#include "../../toolstack/base/cleanup.h"
#include "../../toolstack/dom0/netns.h"
#include "../../toolstack/net/resolver.h"
#include "../../toolstack/net/tc.h"
#include "net-space.h"

#define DNS_PORT 53

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static int network, container, guest;
static int servers[2][2]; /* of IPv6, by TCP */
static struct domlet_error err;

/* ::1 or .1 of the network is the server, and 3 both the container's namespace and its guest. */
static socklen_t fill(union address *a, bool six, unsigned int host, unsigned int port)
{
	memset(a, 0, sizeof *a);
	if (six) {
		a->six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
		(void)inet_pton(AF_INET6, host == 1 ? "fd00::1" : "::", &a->six.sin6_addr);
		return sizeof a->six;
	}
	a->four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	a->four.sin_addr.s_addr = htonl(host == 1 ? 0x0a010201 : 0);
	return sizeof a->four;
}

static int open_socket(int namespace, bool six, bool stream, unsigned int host, unsigned int port)
{
	const struct timeval patience = { .tv_sec = 2 };
	const int yes = 1;
	union address a;
	socklen_t len = fill(&a, six, host, port);
	int fd = domlet_netns_socket(namespace, six ? AF_INET6 : AF_INET, stream ? SOCK_STREAM : SOCK_DGRAM, 0);

	demand(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
		       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
		       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
		       bind(fd, &a.any, len) == 0,
	       "a socket can't be had");
	return fd;
}

static void serve(void)
{
	for (int six = 0; six < 2; six++)
		for (int stream = 0; stream < 2; stream++) {
			servers[six][stream] = open_socket(network, six, stream, 1, DNS_PORT);
			demand(!stream || listen(servers[six][stream], 8) == 0, "no server listens");
		}
}

/* Who asks, with CONTENT, and is connected to the server. -1: it can't be. */
static int ask(int namespace, bool six, bool stream, unsigned int port, char content)
{
	union address server;
	socklen_t len = fill(&server, six, 1, DNS_PORT);
	int fd = open_socket(namespace, six, stream, 0, port);

	if (connect(fd, &server.any, len) == 0 && send(fd, &content, 1, MSG_NOSIGNAL) == 1)
		return fd;
	close(fd);
	return -1;
}

static void answer(bool six, bool stream)
{
	cleanup_close int fd = -1;
	union address asker;
	socklen_t len = sizeof asker;
	char content;

	if (!stream) {
		demand(recvfrom(servers[six][false], &content, 1, 0, &asker.any, &len) == 1, "a question does not come");
		demand(sendto(servers[six][false], &content, 1, 0, &asker.any, len) == 1, "no answer can be sent");
		return;
	}
	fd = accept(servers[six][true], NULL, NULL);
	demand(fd >= 0 && recv(fd, &content, 1, 0) == 1 && send(fd, &content, 1, MSG_NOSIGNAL) == 1,
	       "a question does not come by TCP");
}

/* Whether FD, which is closed, gets CONTENT. */
static bool hears(int fd, char content)
{
	char got = 0;
	bool good = fd >= 0 && recv(fd, &got, 1, 0) == 1 && got == content;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool asks(int namespace, bool six, bool stream, unsigned int port)
{
	static char content;
	int fd = ask(namespace, six, stream, port, ++content);

	if (fd >= 0)
		answer(six, stream);
	return hears(fd, content);
}

static void forget_neighbours(void)
{
	enter(guest);
	run("ip neigh flush dev eth0");
	enter(container);
	run("ip neigh flush dev eth0");
	enter(network);
}

/* Each, by itself, when nobody knows the server's MAC yet; the other one afterwards. */
static void try_each(bool six, bool stream)
{
	static const unsigned int ports[] = { 1024, 5353, 32768, 60999, 63487, 63488, 64001, 65000, 65535 };

	for (int first = 0; first < 2; first++) {
		forget_neighbours();
		demand(asks(first ? guest : container, six, stream, 65001), "the first who asks gets no answer");
		demand(asks(first ? container : guest, six, stream, 65002), "the second who asks gets no answer");
	}
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		demand(asks(guest, six, stream, ports[i]), "the guest gets no answer at a port that it binds by number");
	for (unsigned int port = DOMLET_NET_HOST_PORT_MIN; port <= DOMLET_NET_HOST_PORT_MAX; port += 2047)
		demand(asks(container, six, stream, port), "the engine gets no answer");
}

/* Both ask at the same time. */
static void try_both(bool six)
{
	int engines = ask(container, six, false, 63500, 'e'), guests = ask(guest, six, false, 63501, 'g');
	bool good;

	answer(six, false);
	answer(six, false);
	good = hears(engines, 'e');
	demand(hears(guests, 'g') && good, "two who ask at the same time don't get their answers");
}

/* What is no answer of a name server, or not to a socket, is the guest's. */
static void try_others(bool six)
{
	cleanup_close int server = open_socket(network, six, false, 1, 54),
			  at = open_socket(guest, six, false, 0, 64002);
	cleanup_close int engines = open_socket(container, six, false, 0, 64002);
	union address to;
	socklen_t len = fill(&to, six, 0, 64002);
	char content;

	if (six)
		(void)inet_pton(AF_INET6, "fd00::3", &to.six.sin6_addr);
	else
		to.four.sin_addr.s_addr = htonl(0x0a010203);
	demand(sendto(server, "x", 1, 0, &to.any, len) == 1 && recv(at, &content, 1, 0) == 1 && content == 'x',
	       "what no name server sends does not come to the guest");
	demand(recv(engines, &content, 1, MSG_DONTWAIT) < 0, "what no name server sends comes to the engine, too");
}

/* Whether the guest gets the answer to port 64003, where the engine has a socket, when it is tagged, or a fragment. */
static bool guest_gets(int from, int at, bool tagged, bool is_fragment)
{
	static uint8_t number;
	uint8_t frame[] = { 2,    0x42, 10,   1,    2,
			    3,    2,    2,    2,    2,
			    2,    2,    0x81, 0,    0,
			    5,    8,    0,    0x45, 0,
			    0,    30,   0,    0,    is_fragment ? 0x20 : 0,
			    0,    64,   17,   0,    0,
			    10,   1,    2,    1,    10,
			    1,    2,    3,    0,    53,
			    0xfa, 3,    0,    10,   0,
			    0,    0,    0 };
	uint8_t got[2048];
	ssize_t n;

	frame[sizeof frame - 1] = ++number;
	if (!tagged)
		memmove(frame + 4, frame, 12);
	demand(send(from, frame + (tagged ? 0 : 4), sizeof frame - (tagged ? 0 : 4), 0) > 0, "a frame can't be sent");
	while ((n = recv(at, got, sizeof got, 0)) >= 0)
		if (n > 30 && memcmp(got + n - 30, frame + sizeof frame - 30, 30) == 0)
			return true;
	return false;
}

static void try_frames(void)
{
	cleanup_close int engines = open_socket(container, false, false, 0, 64003);
	cleanup_close int from = open_device(network, network, "network"), at = open_device(network, guest, "eth0");

	demand(!guest_gets(from, at, false, false), "the guest gets what the engine has asked for");
	demand(guest_gets(from, at, true, false),
	       "a frame with a tag, which is for a device of the guest's alone, is lost");
	demand(guest_gets(from, at, false, true), "a fragment, of which nobody knows whose it is, is lost");
}

/* A socket that asks for any port gets one of dom0's, and whoever is not in the namespace others. */
static void try_ports(void)
{
	union address a;
	socklen_t len;
	cleanup_close int in = -1, out = -1;

	demand(domlet_netns_set(container, "ipv4/none", "1") == -ENOENT, "what is not there was set");
	demand(domlet_netns_set(container, "ipv4/ip_local_port_range", "63488 65535") == 0, "the ports can't be set");
	demand(if_nametoindex("network") != 0, "setting it has left this namespace");
	for (int i = 0; i < 50; i++) {
		close(in);
		in = open_socket(container, false, false, 0, 0);
		len = sizeof a;
		demand(getsockname(in, &a.any, &len) == 0 && ntohs(a.four.sin_port) >= DOMLET_NET_HOST_PORT_MIN,
		       "the engine gets a port of the guest's");
	}
	out = open_socket(network, false, false, 0, 0);
	len = sizeof a;
	demand(getsockname(out, &a.any, &len) == 0 && ntohs(a.four.sin_port) < DOMLET_NET_HOST_PORT_MIN,
	       "the ports of another namespace have changed");
}

int main(void)
{
	struct domlet_net_socket inside;
	struct domlet_net_splice splice;

	need_namespaces();
	make_spaces(&network, &container, &guest);
	demand(domlet_net_socket_open(&inside, container, &err) == 0, err.text);
	join(&inside, container, network, &(struct domlet_net_sender){ .forges = true }, &splice);
	serve();
	demand(asks(guest, false, false, 63488) && asks(guest, true, true, 4000), "the guest has no network");
	demand(domlet_net_resolver_pass(&inside, &splice, &err) == 0, err.text);
	demand(domlet_net_resolver_pass(&inside, &splice, &err) == 0, err.text); /* in its own place */
	for (int i = 0; i < 4; i++)
		try_each(i & 1, i & 2);
	try_both(false);
	try_both(true);
	try_others(false);
	try_others(true);
	try_ports();
	try_frames();
	domlet_net_splice_part(&inside, &splice);
	demand(domlet_net_tc_remove(&inside, splice.link, DOMLET_NET_PREFERENCE_FIRST) < 0, "the splice left a filter");
	domlet_net_socket_close(&inside);
	puts("net-resolver: ok");
	return EXIT_SUCCESS;
}
