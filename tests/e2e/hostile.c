// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Process 1 of a hostile guest: what a container that has taken over its
 * kernel could do to the monitor. The kernel's command line names the crime
 * (hostile=NAME), or on the stand-in, where there is none, the file /crime. Each
 * must end with the domain destroyed, a clear reason, and nobody else disturbed.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xenstore.h>

#include "../../frontend/device.h"
#include "../../frontend/proto/link.h"

static struct xs_handle *xs;
static struct domlet_device device;
static struct domlet_link guest_link;
static const char *crime;

static bool is(const char *name)
{
	return strcmp(crime, name) == 0;
}

static _Noreturn void hang(void)
{
	(void)dprintf(2, "hostile: %s hangs\n", crime);
	for (;;)
		pause();
}

static _Noreturn void offer(const char *value, size_t len)
{
	if (!xs_write(xs, XBT_NULL, "data/domlet/ring/0", value, (unsigned int)len))
		(void)dprintf(2, "hostile: can't write the offer\n");
	hang();
}

static void lie_in_xenstore(void)
{
	static const struct {
		const char *crime, *behind; /* this version */
	} lies[] = {
		{ "words", " 6 eight 9 1" }, { "negative", " -1 8 9 1" }, { "endless", " 99999999999999999999 8 9 1" },
		{ "missing", " 6 8 1" },     { "order", " 31 8 9 1" },    { "no-grant", " 6 31000 9 1" },
	};
	char huge[2000];

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
		if (is(lies[i].crime))
			offer(huge, (size_t)snprintf(huge, sizeof huge, "%u%s", DOMLET_PROTO_VERSION, lies[i].behind));
	if (is("version"))
		offer("4711 6 8 9 1", 12);
	if (is("empty"))
		offer("", 0);
	memset(huge, is("huge") ? '7' : 0, sizeof huge);
	if (is("huge") || is("binary"))
		offer(huge, is("huge") ? sizeof huge : 16);
	while (is("watches")) { /* who watches a node is told of what is above it, too, when that goes */
		(void)xs_write(xs, XBT_NULL, "data/domlet/ring/1", "x", 1);
		(void)xs_rm(xs, XBT_NULL, "data/domlet/ring");
	}
}

static _Noreturn void end_early(void)
{
	if (is("off"))
		reboot(RB_POWER_OFF);
	if (is("reboot"))
		reboot(RB_AUTOBOOT);
	abort(); /* process 1 died: the kernel panics */
}

/* Fills the ring with NOISE and lets the index run AHEAD bytes further. */
static _Noreturn void abuse_ring(uint32_t ahead)
{
	struct domlet_ring_page *page = device.page;
	uint8_t *data = device.data;

	for (size_t i = 0; i < device.ring.size; i++)
		data[i] = (uint8_t)(i * 167 + i / 256);
	atomic_store((_Atomic uint32_t *)&page->to_host.prod, ahead);
	(void)domlet_device_notify(&device);
	hang();
}

static void put(const struct domlet_msg *m)
{
	while (domlet_link_send(&guest_link, m) < 0)
		;
	(void)domlet_link_flush(&guest_link);
	if (domlet_ring_take_notify(&device.ring))
		(void)domlet_device_notify(&device);
}

static void hello(void)
{
	struct domlet_msg m = { .type = DOMLET_MSG_HELLO };

	m.hello.version = DOMLET_PROTO_VERSION;
	m.hello.kernel = (struct domlet_slice){ (const uint8_t *)"evil", 4 };
	put(&m);
}

static void reply(uint32_t request)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = request };

	put(&m);
}

static void await(uint32_t type, uint32_t *request)
{
	struct domlet_link_event ev;

	for (;;) {
		domlet_link_next(&guest_link, &ev);
		if (ev.type == DOMLET_LINK_MSG && ev.msg.type == type) {
			*request = ev.msg.request;
			return;
		}
		if (ev.type == DOMLET_LINK_BROKEN)
			end_early();
		if (ev.type != DOMLET_LINK_IDLE)
			continue;
		(void)domlet_link_flush(&guest_link);
		if (domlet_ring_take_notify(&device.ring))
			(void)domlet_device_notify(&device);
		if (!domlet_ring_arm(&device.ring, false) &&
		    poll(&(struct pollfd){ .fd = domlet_device_fd(&device), .events = POLLIN }, 1, 100) == 1)
			(void)domlet_device_drain(&device);
		domlet_ring_disarm(&device.ring);
	}
}

static _Noreturn void flood(void)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = 77 };
	static uint8_t text[4096];

	memset(text, 'x', sizeof text);
	m.reply.code = 5;
	m.reply.text = (struct domlet_slice){ text, sizeof text };
	for (;;) {
		if (domlet_link_send(&guest_link, &m) == 0)
			continue;
		(void)domlet_link_flush(&guest_link);
		if (domlet_ring_take_notify(&device.ring))
			(void)domlet_device_notify(&device);
	}
}

/* A ring for the container's files, and on it what no kernel asks. */
static _Noreturn void abuse_share(void)
{
	struct domlet_msg m = { .type = DOMLET_MSG_SHARE };
	static struct domlet_device share;
	uint32_t request[12] = { 0, 40 }; /* export, length, and what is behind the length in a header */
	uint32_t len = 44;
	char err[256];

	if (domlet_device_open(&share, DOMLET_SHARE_RING_ORDER, 1, err, sizeof err) < 0) {
		(void)dprintf(2, "hostile: %s\n", err);
		hang();
	}
	m.share.order = share.order;
	m.share.index_ref = is("share-grant") ? 31000 : share.index_ref;
	m.share.port = share.port;
	m.share.epoch = share.epoch;
	put(&m);
	if (is("share-short")) /* than a header */
		request[1] = 20, len = 24;
	if (is("share-long"))
		request[1] = UINT32_MAX;
	if (is("share-export"))
		request[0] = 7;
	domlet_ring_copy_in(&share.ring, 0, (const uint8_t *)request, len);
	domlet_ring_produce(&share.ring, len);
	domlet_ring_publish(&share.ring);
	if (is("share-index"))
		atomic_store((_Atomic uint32_t *)&((struct domlet_ring_page *)share.page)->to_host.prod, 0x80000000u);
	(void)domlet_device_notify(&share);
	hang();
}

static _Noreturn void run_container(void)
{
	struct domlet_msg exited = { .type = DOMLET_MSG_EXITED };
	uint32_t request;

	hello();
	await(DOMLET_MSG_CREATE, &request);
	exited.exited.process = 1;
	if (is("early-exit")) /* nothing was created yet */
		put(&exited);
	if (is("deaf") || is("early-exit"))
		hang();
	if (strncmp(crime, "share-", 6) == 0)
		abuse_share();
	reply(request);
	if (is("off-created"))
		reboot(RB_POWER_OFF);
	if (is("deaf-created"))
		hang();
	await(DOMLET_MSG_START, &request);
	reply(request);
	if (is("flood"))
		flood();
	if (is("crash-started"))
		abort();
	hang(); /* "mute": never exits, answers no signal */
}

static void learn_crime(void)
{
	static char name[32];
	int fd = open("/crime", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, name, sizeof name - 1) > 0)
		crime = name;
	else
		crime = getenv("hostile");
	if (!crime)
		crime = "never";
}

int main(void)
{
	char err[256];

	(void)mkdir("/dev", 0755);
	(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
	learn_crime();
	(void)dprintf(2, "hostile: %s\n", crime);
	if (is("never"))
		hang();
	if (is("off") || is("reboot") || is("crash"))
		end_early();
	xs = xs_open(0);
	lie_in_xenstore();
	if (domlet_device_open(&device, DOMLET_RING_ORDER_DEFAULT, 1, err, sizeof err) < 0 ||
	    domlet_device_announce(&device, xs, err, sizeof err) < 0) {
		(void)dprintf(2, "hostile: %s\n", err);
		hang();
	}
	if (is("silent"))
		hang();
	if (is("garbage"))
		abuse_ring(device.ring.size);
	if (is("index"))
		abuse_ring(0x80000000u);
	domlet_link_init(&guest_link, &device.ring, DOMLET_RING_GUEST, 1);
	run_container();
}
