// SPDX-License-Identifier: GPL-2.0-or-later
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../frontend/proto/carrier.h"
#include "../config/failure.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

struct relay {
	struct domlet_device *device;
	int fuse;
	dev_t dev;
	bool answered; /* the kernel and dom0 have agreed on how they speak */
	struct domlet_carrier carrier;
	uint8_t *request; /* of DOMLET_SHARE_MESSAGE_MAX bytes */
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
static void hand_to_kernel(const struct relay *r, const uint8_t *message, size_t len)
{
	ssize_t n;

	while ((n = write(r->fuse, message, len)) < 0 && errno == EINTR)
		;
	if (n < 0 && errno == ENODEV)
		end(NULL); /* it was unmounted */
	if (n < 0 && errno != ENOENT)
		end("the kernel refuses what dom0 has answered");
}

/* As much as one request can bring, eight times what a file system has by itself; the kernel takes no more than that
 * before its first request is answered. */
static void read_ahead(const struct relay *r)
{
	char path[64], text[16];
	int fd;

	(void)snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(r->dev), minor(r->dev));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, text, (size_t)snprintf(text, sizeof text, "%u", DOMLET_SHARE_DATA_MAX >> 10));
	close(fd);
}

/* True: something came. */
static bool take_replies(struct relay *r)
{
	int64_t len;
	bool any = false;

	while ((len = domlet_carrier_take(&r->carrier)) > 0) {
		hand_to_kernel(r, r->carrier.in, (size_t)len);
		if (!r->answered)
			read_ahead(r);
		r->answered = true;
		any = true;
	}
	if (len < 0)
		end("dom0 broke the ring");
	return any;
}

/* True: a request went on its way, or a part of it. */
static bool take_request(struct relay *r)
{
	ssize_t n;

	if (r->carrier.out)
		return false;
	n = read(r->fuse, r->request, DOMLET_SHARE_MESSAGE_MAX);
	if (n < 0 && errno == ENODEV)
		end(NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT)
		end("the kernel gives no requests");
	if (n <= 0)
		return false;
	domlet_carrier_send(&r->carrier, r->request, (uint32_t)n);
	return true;
}

static void sleep_until_something_comes(struct relay *r)
{
	struct pollfd fds[2] = { { .fd = domlet_device_fd(r->device), .events = POLLIN },
				 { .fd = r->fuse, .events = r->carrier.out ? 0 : POLLIN } };

	if (domlet_ring_arm(&r->device->ring, r->carrier.out != NULL))
		return;
	(void)poll(fds, 2, -1);
	domlet_ring_disarm(&r->device->ring);
	if (fds[0].revents)
		(void)domlet_device_drain(r->device);
	if (fds[1].revents & POLLERR)
		end(NULL); /* it was unmounted */
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
	(void)prctl(PR_SET_NAME, "domlet-relay", 0, 0, 0);
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	spare();
}

_Noreturn void domlet_relay_run(struct domlet_device *device, int fuse, dev_t dev)
{
	struct relay r = { .device = device, .fuse = fuse, .dev = dev, .request = malloc(DOMLET_SHARE_MESSAGE_MAX) };
	uint8_t *in = malloc(DOMLET_SHARE_MESSAGE_MAX);
	bool any;

	if (!r.request || !in || fcntl(fuse, F_SETFL, O_NONBLOCK) < 0)
		end("the guest has no memory for who carries them");
	be_dependable();
	domlet_carrier_init(&r.carrier, &device->ring, in);
	for (;;) {
		any = take_replies(&r);
		any = take_request(&r) || any;
		if (domlet_carrier_go_on(&r.carrier) < 0)
			end("dom0 broke the ring");
		tell(&r);
		if (!any && !domlet_ring_linger(&device->ring, r.carrier.out != NULL, domlet_device_yield))
			sleep_until_something_comes(&r);
	}
}
