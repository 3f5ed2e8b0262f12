// SPDX-License-Identifier: GPL-2.0-or-later
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../frontend/proto/carrier.h"
#include "../config/failure.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

/* Requests of one export before others are looked at. */
#define IN_A_ROW 16u

/* What may wait at once to be written by who writes what nobody has asked for; dom0 hears of each half that is. */
#define NEWS_MAX 64u
#define NEWS_HALF (NEWS_MAX / 2)

struct relay {
	struct domlet_device *device;
	const struct domlet_relay_export *exports;
	bool *answered; /* of each export: the kernel and dom0 have agreed on how they speak */
	uint32_t count;
	uint32_t in_a_row;  /* requests that were taken from it */
	uint32_t next;      /* export that is asked first: that which has asked last, as it will most likely be */
	struct pollfd *fds; /* of each export, and of the ring behind these */
	struct domlet_carrier carrier;
	uint8_t *request; /* of DOMLET_SHARE_MESSAGE_MAX bytes */
	int teller;       /* a socket */
	uint32_t credit;  /* that dom0 hasn't been told of */
	struct fuse_in_header credit_message;
};

struct news {
	uint32_t export;
	uint8_t message[DOMLET_SHARE_NEWS_MAX];
};

static _Noreturn void end(const char *why)
{
	if (why)
		domlet_failure_log("the container's files are gone: %s", why);
	_exit(why ? 1 : 0);
}

static void tell(struct relay *r)
{
	if (domlet_ring_take_notify(&r->device->ring))
		(void)domlet_device_notify(r->device);
}

/* The kernel takes a reply whole or not at all. One for what nobody waits for any more, as it was interrupted, is
 * refused with ENOENT. */
static void hand_to_kernel(int fuse, const uint8_t *message, size_t len)
{
	ssize_t n;

	while ((n = write(fuse, message, len)) < 0 && errno == EINTR)
		;
	if (n < 0 && errno == ENODEV)
		end(NULL); /* it was unmounted */
	if (n < 0 && errno != ENOENT)
		end("the kernel refuses what dom0 has answered");
}

/* As much as one request can bring, eight times what a file system has by itself; the kernel takes no more than that
 * before its first request is answered. */
static void read_ahead(dev_t dev)
{
	char path[64], text[16];
	int fd;

	(void)snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(dev), minor(dev));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, text, (size_t)snprintf(text, sizeof text, "%u", DOMLET_SHARE_DATA_MAX >> 10));
	close(fd);
}

/* When memory is short, something else ends. */
static void spare(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "-1000", 5);
	close(fd);
}

/* Reading a page may need this process, so that it must not wait for a page to be read or written. */
static void be_dependable(void)
{
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	spare();
}

/* What dom0 changes is told to the kernel by a process of its own: the kernel may take the lock of a directory for
 * it, which somebody has who waits for a reply. What the kernel answers is nothing to dom0: mostly that it doesn't have that
 * any more. */
static _Noreturn void tell_kernel(const struct domlet_relay_export *exports, int socket)
{
	uint32_t done = 0;
	struct news news;
	ssize_t n;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "domlet-teller", 0, 0, 0);
	while ((n = recv(socket, &news, sizeof news, 0)) > (ssize_t)sizeof news.export) {
		(void)!write(exports[news.export].fuse, news.message, (size_t)n - sizeof news.export);
		if (++done < NEWS_HALF)
			continue;
		done = 0;
		(void)send(socket, "", 1, MSG_NOSIGNAL);
	}
	_exit(0);
}

/* Before there is memory that is locked, and copied. */
static void start_teller(struct relay *r)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		end("the guest has no memory for who tells what dom0 changes");
	pid = fork();
	if (pid < 0)
		end("the guest has no memory for who tells what dom0 changes");
	if (pid == 0) {
		close(pair[0]);
		close(domlet_device_fd(r->device));
		domlet_device_unmap(r->device);
		be_dependable();
		tell_kernel(r->exports, pair[1]);
	}
	close(pair[1]);
	r->teller = pair[0];
	r->credit = NEWS_MAX;
}

/* It never has more to do than it was said to take. */
static void hand_to_teller(const struct relay *r, uint32_t export, size_t len)
{
	struct news news = { .export = export };

	if (len > sizeof news.message)
		end("dom0 tells more of a change than there is to tell");
	memcpy(news.message, r->carrier.in, len);
	if (send(r->teller, &news, sizeof news.export + len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		end("dom0 tells more changes than it may");
}

static void look_at_teller(struct relay *r)
{
	char byte;
	ssize_t n;

	while ((n = recv(r->teller, &byte, 1, MSG_DONTWAIT)) > 0)
		r->credit += NEWS_HALF;
	if (n == 0)
		end("who tells what dom0 changes has ended");
}

/* True: dom0 is told how much it may tell. */
static bool give_credit(struct relay *r)
{
	if (!r->credit || r->carrier.out)
		return false;
	r->credit_message = (struct fuse_in_header){ .len = sizeof r->credit_message,
						     .opcode = FUSE_NOTIFY_REPLY,
						     .unique = r->credit };
	r->credit = 0;
	domlet_carrier_send(&r->carrier, 0, (const uint8_t *)&r->credit_message, sizeof r->credit_message);
	return true;
}

/* Attributes that the kernel is to give up before it takes the reply that comes next, which it does without waiting for
 * anybody: dom0 says so by a length, which means nothing where there is no content. */
static bool is_first(const uint8_t *message, size_t len)
{
	struct fuse_notify_inval_inode_out inode;
	struct fuse_out_header out;

	memcpy(&out, message, sizeof out);
	if (out.error != FUSE_NOTIFY_INVAL_INODE || len != sizeof out + sizeof inode)
		return false;
	memcpy(&inode, message + sizeof out, sizeof inode);
	return inode.off < 0 && inode.len == DOMLET_SHARE_FIRST;
}

/* A reply, or what nobody has asked for. */
static void hand_over(struct relay *r, uint32_t export, size_t len)
{
	int fuse = r->exports[export].fuse;
	struct fuse_out_header out;

	memcpy(&out, r->carrier.in, sizeof out);
	if (out.unique == 0 && !is_first(r->carrier.in, len)) {
		hand_to_teller(r, export, len);
		return;
	}
	hand_to_kernel(fuse, r->carrier.in, len);
	if (!r->answered[export])
		read_ahead(r->exports[export].dev);
	r->answered[export] = true;
}

/* True: something came. */
static bool take_replies(struct relay *r)
{
	int64_t len;
	bool any = false;

	while ((len = domlet_carrier_take(&r->carrier)) > 0) {
		uint32_t export = r->carrier.in_export;

		if (export >= r->count)
			end("dom0 answers for a file system that there isn't");
		any = true;
		hand_over(r, export, (size_t)len);
	}
	if (len < 0)
		end("dom0 broke the ring");
	return any;
}

/* True: a request of EXPORT went on its way, or a part of it. */
static bool take_request_of(struct relay *r, uint32_t export)
{
	ssize_t n = read(r->exports[export].fuse, r->request, DOMLET_SHARE_MESSAGE_MAX);

	if (n < 0 && errno == ENODEV)
		end(NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT)
		end("the kernel gives no requests");
	if (n <= 0)
		return false;
	r->next = export;
	domlet_carrier_send(&r->carrier, export, r->request, (uint32_t)n);
	return true;
}

/* In turn, so that none of them waits for ever. */
static bool take_request_of_others(struct relay *r)
{
	if (poll(r->fds, r->count, 0) <= 0)
		return false;
	for (uint32_t i = 1; i < r->count; i++) {
		uint32_t export = (r->next + i) % r->count;

		if (r->fds[export].revents && take_request_of(r, export))
			return true;
	}
	return false;
}

static bool take_request(struct relay *r)
{
	if (r->carrier.out)
		return false;
	if (r->count > 1 && ++r->in_a_row > IN_A_ROW) {
		r->in_a_row = 0;
		if (take_request_of_others(r))
			return true;
	}
	return take_request_of(r, r->next) || (r->count > 1 && take_request_of_others(r));
}

static void sleep_until_something_comes(struct relay *r)
{
	struct pollfd *ring = &r->fds[r->count];

	if (domlet_ring_arm(&r->device->ring, r->carrier.out != NULL))
		return;
	if (r->carrier.out) { /* no request is taken before it has gone */
		(void)poll(ring, 2, -1);
	} else {
		(void)poll(r->fds, r->count + 2, -1);
		for (uint32_t i = 0; i < r->count; i++)
			if (r->fds[i].revents & POLLERR)
				end(NULL); /* it was unmounted */
	}
	domlet_ring_disarm(&r->device->ring);
	if (ring->revents)
		(void)domlet_device_drain(r->device);
	if (ring[1].revents)
		look_at_teller(r);
}

static void prepare(struct relay *r, uint8_t *in)
{
	bool ready = in && r->request && r->fds && r->answered;

	for (uint32_t i = 0; ready && i < r->count; i++) {
		r->fds[i] = (struct pollfd){ .fd = r->exports[i].fuse, .events = POLLIN };
		ready = fcntl(r->exports[i].fuse, F_SETFL, O_NONBLOCK) == 0;
	}
	if (!ready)
		end("the guest has no memory for who carries them");
	r->fds[r->count] = (struct pollfd){ .fd = domlet_device_fd(r->device), .events = POLLIN };
	r->fds[r->count + 1] = (struct pollfd){ .fd = r->teller, .events = POLLIN };
}

_Noreturn void domlet_relay_run(struct domlet_device *device, const struct domlet_relay_export *exports, uint32_t count)
{
	struct relay r = { .device = device,
			   .exports = exports,
			   .count = count,
			   .fds = calloc(count + 2u, sizeof *r.fds),
			   .answered = calloc(count, sizeof *r.answered),
			   .request = malloc(DOMLET_SHARE_MESSAGE_MAX) };
	uint8_t *in = malloc(DOMLET_SHARE_MESSAGE_MAX);
	bool any;

	start_teller(&r);
	prepare(&r, in);
	be_dependable();
	(void)prctl(PR_SET_NAME, "domlet-relay", 0, 0, 0);
	domlet_carrier_init(&r.carrier, &device->ring, in);
	for (;;) {
		any = take_replies(&r);
		any = give_credit(&r) || take_request(&r) || any;
		if (domlet_carrier_go_on(&r.carrier) < 0)
			end("dom0 broke the ring");
		tell(&r);
		if (!any && !domlet_ring_linger(&device->ring, r.carrier.out != NULL, domlet_device_yield))
			sleep_until_something_comes(&r);
	}
}
