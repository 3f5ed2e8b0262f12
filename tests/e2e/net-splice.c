// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A vif that is spliced with an engine's link, in network namespaces of this program's own. A pair of veth plays
 * the vif and its guest, another one the engine's link and its network; both far ends are here. Exit
 * status 77: this kernel or this user can't.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../toolstack/base/cleanup.h"
#include "../../toolstack/net/compare.h"
#include "../../toolstack/net/splice.h"
#include "net-space.h"

#define KIND 0x88b5 /* for experiments, IEEE 802 says */

/* A socket for all frames that the device NAME, which is here, sends and receives. */
static int open_experiment(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(KIND),
				  .sll_ifindex = (int)if_nametoindex(name) };
	const struct timeval patience = { .tv_sec = 2 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(KIND));

	demand(fd >= 0 && at.sll_ifindex && bind(fd, (void *)&at, sizeof at) == 0 &&
		       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0,
	       "can't open a device");
	return fd;
}

/* Whether the frame that FROM sends comes to TO. To nobody's MAC, as the splice doesn't look. */
static bool passes(int from, int to, size_t len)
{
	static uint8_t sent[9000], got[9000];
	static uint8_t number;

	memset(sent, ++number, len);
	memcpy(sent, "\x02\x11\x22\x33\x44\x55\x02\x66\x77\x88\x99\xaa\x88\xb5", ETH_HLEN);
	if (send(from, sent, len, 0) != (ssize_t)len)
		return false;
	for (;;) {
		ssize_t n = recv(to, got, sizeof got, 0);

		if (n < 0)
			return false;
		if (n == (ssize_t)len && memcmp(sent, got, len) == 0)
			return true;
	}
}

static const struct domlet_net_device *find(const struct domlet_net_view *view, const char *name)
{
	for (uint32_t i = 0; i < view->device_count; i++)
		if (strcmp(view->devices[i].link.name, name) == 0)
			return &view->devices[i];
	fprintf(stderr, "%s is not in the namespace\n", name);
	exit(EXIT_FAILURE);
}

static const struct domlet_net_sender anybody = { .forges = true };
static struct domlet_net_view view;
static struct domlet_error err;

static void read_view(struct domlet_net_socket *s)
{
	demand(domlet_net_view_read(s, &view, &err) == 0, err.text);
}

int main(void)
{
	struct domlet_net_socket host, inside;
	struct domlet_net_splice splice;
	cleanup_close int here = -1, container = -1, guest = -1, network = -1;
	bool joined;

	need_namespaces();
	here = new_namespace();
	run("ip link add vif9.0 type veth peer name guest && ip link set guest up mtu 9000");
	run("ip link add made type veth peer name network && ip link set network up mtu 9000");
	container = new_namespace();
	enter(here);
	demand(domlet_net_socket_open(&host, -1, &err) == 0 && domlet_net_socket_open(&inside, container, &err) == 0,
	       err.text);
	demand(if_nametoindex("guest") != 0, "opening a socket of another namespace has left this one");

	/* As an engine does it. */
	demand(domlet_net_splice_move(&host, "made", container, &err) == 0, err.text);
	enter(container);
	run("ip link set made name eth0 && ip link set eth0 mtu 1400 && ip addr add 10.1.2.3/24 dev eth0 && ip link set eth0 up");
	enter(here);

	demand(domlet_net_splice_move(&host, "vif8.0", container, &err) < 0, "a vif that is not there was moved");
	demand(domlet_net_splice_move(&host, "vif9.0", container, &err) == 0, err.text);
	demand(if_nametoindex("vif9.0") == 0, "the vif was not moved");
	read_view(&inside);
	demand(domlet_net_has_links(&view) && domlet_net_has_vif(&view), "the namespace was not read whole");
	demand(view.address_count == 1 && view.addresses[0].index == find(&view, "eth0")->index,
	       "the address was not read");

	joined = domlet_net_splice_join(&inside, "vif9.0", find(&view, "eth0")->index, 1400, &anybody, &splice, &err) ==
		 0;
	read_view(&inside);
	demand(find(&view, "vif9.0")->up && find(&view, "vif9.0")->link.no_arp && find(&view, "vif9.0")->link.mtu == 1400,
	       "the vif was not set up");
	enter(container);
	run("test -z \"$(ip -o -6 addr show dev vif9.0)\"");
	run("ip -d link show vif9.0 | grep -q 'addrgenmode none'");
	enter(here);
	if (!joined && err.code == ENOENT)
		skip("this kernel has no matchall filter; the vif was moved and set up");
	demand(joined, err.text);

	guest = open_experiment("guest");
	network = open_experiment("network");
	for (size_t len = 60; len <= 1400; len += 670) {
		demand(passes(guest, network, len), "a frame of the guest's doesn't come to the network");
		demand(passes(network, guest, len), "a frame of the network's doesn't come to the guest");
	}
	demand(domlet_net_splice_resize(&inside, &splice, 8000) == 0, "the vif takes no other MTU");
	demand(domlet_net_splice_join(&inside, "vif9.0", splice.link, 1400, &anybody, &splice, &err) < 0,
	       "a vif was joined twice");
	demand(domlet_net_splice_join(&inside, "vif9.0", splice.link, 1400, &anybody, &splice, &err) == 0,
	       "what was left of a join that failed is in the way");
	demand(passes(guest, network, 100), "a frame doesn't pass after another join");
	domlet_net_splice_part(&inside, &splice);
	demand(!passes(guest, network, 100) && !passes(network, guest, 100),
	       "frames pass though the splice was taken away");
	domlet_net_socket_close(&host);
	domlet_net_socket_close(&inside);
	puts("net-splice: ok");
	return EXIT_SUCCESS;
}
