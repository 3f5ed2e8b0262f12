// SPDX-License-Identifier: GPL-2.0-or-later
#include "net-space.h"

#include <errno.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../toolstack/dom0/netns.h"

#define SKIP 77

void demand(bool is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(EXIT_FAILURE);
}

void skip(const char *why)
{
	printf("%s: skipped: %s\n", program_invocation_short_name, why);
	exit(SKIP);
}

void need_namespaces(void)
{
	if (geteuid() != 0)
		skip("it takes root");
	if (system("command -v ip >/dev/null") != 0)
		skip("there is no ip");
}

void run(const char *command)
{
	demand(system(command) == 0, command);
}

int open_namespace(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

int new_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		skip("no network namespace can be made");
	return open_namespace();
}

void enter(int namespace)
{
	demand(setns(namespace, CLONE_NEWNET) == 0, "can't go back to a namespace");
}

void join(struct domlet_net_socket *inside, int container, int here, const struct domlet_net_sender *sender,
	  struct domlet_net_splice *splice)
{
	struct domlet_error err;
	uint32_t link;

	enter(container);
	link = if_nametoindex("eth0");
	enter(here);
	if (domlet_net_splice_join(inside, "vif9.0", link, 1500, sender, splice, &err) == 0)
		return;
	demand(err.code == ENOENT, err.text);
	demand(domlet_net_filter_set(inside, splice->vif, sender, &err) == 0, err.text);
	enter(container);
	if (system("command -v tc >/dev/null") != 0 ||
	    system("tc filter add dev eth0 ingress pref 100 u32 match u32 0 0 action mirred egress redirect dev vif9.0 &&"
		   "tc filter add dev vif9.0 ingress pref 100 u32 match u32 0 0 action mirred egress redirect dev eth0") !=
		    0)
		skip("this kernel has neither matchall nor u32");
	enter(here);
}

int open_device(int here, int namespace, const char *name)
{
	const struct timeval patience = { .tv_usec = 300000 };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = domlet_netns_socket(namespace, AF_PACKET, SOCK_RAW, 0);

	enter(namespace);
	at.sll_ifindex = (int)if_nametoindex(name);
	enter(here);
	demand(fd >= 0 && at.sll_ifindex && bind(fd, (void *)&at, sizeof at) == 0 &&
		       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0,
	       "a device can't be opened");
	return fd;
}

void make_spaces(int *network, int *container, int *guest)
{
	static const char up[] = " name eth0 && ip link set eth0 address " MAC " && ip addr add 10.1.2.3/24 dev eth0 &&"
				 " ip addr add fd00::3/64 dev eth0 nodad && ip link set eth0 up";
	struct domlet_net_socket host;
	struct domlet_error err;
	char command[512];

	*network = new_namespace();
	*guest = new_namespace();
	*container = new_namespace();
	enter(*network);
	run("ip link set lo up && ip link add vif9.0 type veth peer name guest");
	run("ip link add made type veth peer name network && ip link set network up && ip addr add 10.1.2.1/24 dev network &&"
	    " ip addr add fd00::1/64 dev network nodad");
	demand(domlet_net_socket_open(&host, -1, &err) == 0 &&
		       domlet_net_splice_move(&host, "made", *container, &err) == 0 &&
		       domlet_net_splice_move(&host, "guest", *guest, &err) == 0 &&
		       domlet_net_splice_move(&host, "vif9.0", *container, &err) == 0,
	       err.text);
	domlet_net_socket_close(&host);
	enter(*container);
	(void)snprintf(command, sizeof command, "ip link set made%s", up);
	run(command);
	enter(*guest);
	(void)snprintf(command, sizeof command, "ip link set guest%s", up);
	run(command);
	enter(*network);
}
