// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Process 1 of a hostile guest: what a container that has taken over its
 * kernel could do to the monitor. The kernel's command line names the crime
 * (hostile=NAME). Each must end with the domain destroyed, a clear reason,
 * and nobody else disturbed.
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
	for (;;)
		pause();
}

static void node(const char *key, const char *value, size_t len)
{
	char path[64];

	(void)snprintf(path, sizeof path, "data/domlet/ring/0/%s", key);
	if (!xs_write(xs, XBT_NULL, path, value, (unsigned int)len))
		(void)dprintf(2, "hostile: can't write %s\n", path);
}

static void set(const char *key, const char *value)
{
	node(key, value, strlen(value));
}

/* Announces a ring of which one value is a lie; VALUE NULL: is missing. */
static _Noreturn void announce(const char *lie, const char *value, size_t len)
{
	static const char *const keys[][2] = { { "version", "1" }, { "order", "6" }, { "ring-ref", "8" },
					       { "event-channel", "9" }, { "epoch", "1" }, { "state", "ready" } };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (strcmp(keys[i][0], lie) != 0)
			set(keys[i][0], keys[i][1]);
		else if (value)
			node(lie, value, len);
	hang();
}

static void lie_in_xenstore(void)
{
	static const struct { const char *crime, *key, *value; } lies[] = {
		{ "words", "ring-ref", "eight" }, { "negative", "order", "-1" }, { "endless", "order", "99999999999999999999" },
		{ "missing", "event-channel", NULL }, { "order", "order", "31" }, { "version", "version", "4711" },
		{ "no-grant", "ring-ref", "31000" }, { "empty", "epoch", "" },
	};
	char huge[2000];

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
		if (is(lies[i].crime))
			announce(lies[i].key, lies[i].value, lies[i].value ? strlen(lies[i].value) : 0);
	memset(huge, '7', sizeof huge);
	if (is("huge"))
		announce("ring-ref", huge, sizeof huge);
	if (is("binary")) {
		memset(huge, 0, 16);
		announce("ring-ref", huge, 16);
	}
	for (int i = 0; is("watches"); i++)
		set("state", i & 1 ? "almost" : "nearly");
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

int main(void)
{
	char err[256];

	(void)mkdir("/dev", 0755);
	(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
	crime = getenv("hostile");
	crime = crime ? crime : "never";
	(void)dprintf(2, "hostile: %s\n", crime);
	if (is("never"))
		hang();
	if (is("off") || is("reboot") || is("crash"))
		end_early();
	xs = xs_open(0);
	lie_in_xenstore();
	if (domlet_device_open(&device, xs, DOMLET_RING_ORDER_DEFAULT, 1, err, sizeof err) < 0) {
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
