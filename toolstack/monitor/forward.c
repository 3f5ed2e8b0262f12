// SPDX-License-Identifier: GPL-2.0-or-later
#include "forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../dom0/netns.h"
#include "../dom0/peer.h"

/* docker's resolver in each namespace with a network of the user's; rules of dockerd's lead to where it listens. */
#define RESOLVER_ADDRESS 0x7f00000bu /* 127.0.0.11 */
#define RESOLVER_PORT 53

/* Each question has a socket, and so a port, of its own: nobody can guess it, and answers don't mix. */
static int open_resolver(int namespace, bool stream)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(RESOLVER_PORT),
					.sin_addr.s_addr = htonl(RESOLVER_ADDRESS) };
	int fd = domlet_netns_socket(namespace, AF_INET, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0), code;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)
		return fd;
	code = errno;
	close(fd);
	return -code;
}

static int open_file(const struct domlet_forward *f, const struct domlet_guest_peer *peer, int type)
{
	const struct domlet_peer as = {
		.uid = peer->uid, .gid = peer->gid, .groups = peer->groups, .group_count = peer->group_count
	};

	return peer->socket < f->file_count ? domlet_peer_connect(f->files[peer->socket], type, &as) : -ECONNREFUSED;
}

void domlet_forward_take(struct domlet_forward *f, const int *files, uint32_t count)
{
	memcpy(f->files, files, count * sizeof *files);
	f->file_count = count;
}

void domlet_forward_begin(struct domlet_forward *f, struct domlet_guest *guest, uint32_t tag, uint32_t container,
			  int namespace)
{
	f->namespace = namespace;
	domlet_guest_forward(guest, tag, container, DOMLET_FORWARD_RESOLVER);
}

void domlet_forward_hear(const struct domlet_forward *f, struct domlet_guest *guest, const struct domlet_guest_event *ev)
{
	struct domlet_guest_socket socket = { .tag = ev->tag, .fd = -ESRCH };

	if (f && ev->service == DOMLET_FORWARD_SOCKET)
		socket.fd = open_file(f, &ev->peer, ev->stream ? SOCK_STREAM : SOCK_DGRAM);
	else if (f && f->namespace >= 0 && ev->service == DOMLET_FORWARD_RESOLVER)
		socket.fd = open_resolver(f->namespace, ev->stream);
	domlet_guest_give_socket(guest, &socket);
}

void domlet_forward_end(struct domlet_forward *f)
{
	if (f->namespace >= 0)
		close(f->namespace);
	f->namespace = -1;
	while (f->file_count)
		close(f->files[--f->file_count]);
}
