// SPDX-License-Identifier: GPL-2.0-or-later
#include "net_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../toolstack/dom0/netns.h"
#include "../../toolstack/net/resolver.h"

struct net_fake *net_fake;
int net_fake_changes = -1;

int domlet_netns_open(pid_t pid)
{
	(void)pid;
	return net_fake && net_fake->is_one ? open("/", O_RDONLY | O_CLOEXEC) : memfd_create("net", MFD_CLOEXEC);
}

int domlet_netns_socket(int namespace, int family, int type, int protocol)
{
	(void)namespace;
	return socket(family, type | SOCK_CLOEXEC, protocol);
}

int domlet_netns_set(int namespace, const char *key, const char *value)
{
	(void)namespace, (void)key, (void)value;
	if (net_fake)
		net_fake->set++;
	return 0;
}

int domlet_net_socket_open(struct domlet_net_socket *s, int namespace, struct domlet_error *err)
{
	(void)namespace, (void)err;
	s->nl = NULL;
	return 0;
}

int domlet_net_socket_watch(struct domlet_net_socket *s, int namespace, struct domlet_error *err)
{
	return domlet_net_socket_open(s, namespace, err);
}

/* The same for all: a test has one container with changes. */
int domlet_net_socket_fd(const struct domlet_net_socket *s)
{
	int ends[2] = { -1, -1 };

	(void)s;
	if (net_fake_changes >= 0)
		return net_fake_changes;
	return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 ? ends[0] : -1;
}

void domlet_net_socket_drain(struct domlet_net_socket *s)
{
	char bytes[64];

	(void)s;
	(void)!read(net_fake_changes, bytes, sizeof bytes);
}

void domlet_net_socket_close(struct domlet_net_socket *s)
{
	(void)s;
}

int domlet_net_view_read(struct domlet_net_socket *s, struct domlet_net_view *view, struct domlet_error *err)
{
	(void)s, (void)err;
	memset(view, 0, sizeof *view);
	if (net_fake) {
		*view = net_fake->view;
		net_fake->views++;
	}
	return 0;
}

const struct domlet_net_device *domlet_net_view_find(const struct domlet_net_view *view, uint32_t index)
{
	for (uint32_t i = 0; i < view->device_count; i++)
		if (view->devices[i].index == index)
			return &view->devices[i];
	return NULL;
}

int domlet_net_splice_move(struct domlet_net_socket *host, const char *vif, int namespace, struct domlet_error *err)
{
	(void)host, (void)namespace;
	if (strncmp(vif, "vif7.", 5) != 0)
		return domlet_error_set(err, ENODEV, "%s is not the domain's", vif);
	net_fake->moved++;
	return net_fake->move_fails ? domlet_error_set(err, net_fake->move_fails, "%s can't be moved", vif) : 0;
}

int domlet_net_splice_join(struct domlet_net_socket *s, const char *vif, uint32_t link, uint32_t mtu,
			   const struct domlet_net_sender *sender, struct domlet_net_splice *splice,
			   struct domlet_error *err)
{
	(void)s, (void)mtu;
	net_fake->open_joins += sender->forges || sender->net;
	*splice = (struct domlet_net_splice){ .link = link };
	net_fake->joined++;
	return net_fake->join_fails ? domlet_error_set(err, net_fake->join_fails, "%s can't be joined", vif) : 0;
}

int domlet_net_filter_set(struct domlet_net_socket *s, uint32_t vif, const struct domlet_net_sender *sender,
			  struct domlet_error *err)
{
	(void)s, (void)vif;
	net_fake->filters++;
	net_fake->forges = sender->forges;
	net_fake->sender = *sender->net;
	net_fake->sender_link = sender->link;
	return net_fake->filter_fails ? domlet_error_set(err, net_fake->filter_fails, "a filter can't be had") : 0;
}

int domlet_net_resolver_pass(struct domlet_net_socket *s, const struct domlet_net_splice *splice,
			     struct domlet_error *err)
{
	(void)s, (void)splice;
	net_fake->passed++;
	return net_fake->pass_fails ? domlet_error_set(err, net_fake->pass_fails, "answers don't pass") : 0;
}

void domlet_net_splice_part(struct domlet_net_socket *s, const struct domlet_net_splice *splice)
{
	(void)s, (void)splice;
	net_fake->parted++;
}

int domlet_net_splice_resize(struct domlet_net_socket *s, const struct domlet_net_splice *splice, uint32_t mtu)
{
	(void)s, (void)splice, (void)mtu;
	return 0;
}
