// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init, process 1 of a domain: boots, announces the ring, and then
 * does what the monitor's messages say until it is told to shut down.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "../frontend/device.h"
#include "../frontend/proto/pump.h"
#include "agent/agent.h"
#include "agent/process.h"
#include "boot.h"

/* Of the first attachment, and today the only one. */
#define EPOCH 1u
/* That dom0 publishes before it unpauses the domain. */
#define FIRST_CONTAINER 0u

static struct agent the; /* process 1 has one of everything */
static struct domlet_device device;
static int signal_fd;

/* --socket: the monitor is at the other end of this, and there is no Xen. */
static int monitor_fd = -1;
static struct domlet_pump pump;

/* Ends the domain: as it was told to (NULL), or because of WHY. */
static _Noreturn void end(const char *why)
{
	if (why)
		domlet_failure_log("%s", why);
	if (monitor_fd >= 0) {
		domlet_agent_kill_all(&the);
		exit(why ? 1 : 0);
	}
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void take_signals(void)
{
	struct signalfd_siginfo si;

	while (read(signal_fd, &si, sizeof si) == (ssize_t)sizeof si)
		;
	domlet_process_reap(&the);
}

/* Over a socket nobody waits for an event. */
static void tell(void)
{
	if (monitor_fd < 0 && domlet_ring_take_notify(&device.ring))
		(void)domlet_device_notify(&device);
}

/* Sleeps until there is something to do. */
static void sleep_on_device(bool wants_room, struct pollfd *fds, nfds_t n)
{
	tell();
	if (domlet_ring_linger(&device.ring, wants_room, domlet_device_yield) ||
	    domlet_ring_arm(&device.ring, wants_room))
		return;
	fds[0] = (struct pollfd){ .fd = domlet_device_fd(&device), .events = POLLIN };
	(void)poll(fds, n, -1);
	domlet_ring_disarm(&device.ring);
	if (fds[0].revents)
		(void)domlet_device_drain(&device);
}

/* Bytes to and from the socket: true when some moved. */
static bool pump_bytes(void)
{
	const uint8_t *out;
	uint8_t *in;
	size_t len;
	ssize_t n = 0;
	bool any = false;

	while ((out = domlet_pump_to_send(&pump, &len)) &&
	       (n = send(monitor_fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
		domlet_pump_sent(&pump, (size_t)n);
		any = true;
	}
	in = domlet_pump_space(&pump, &len);
	n = in ? recv(monitor_fd, in, len, MSG_DONTWAIT) : -1;
	if (in && n == 0)
		end("the monitor has gone");
	if (in && n > 0)
		domlet_pump_received(&pump, (size_t)n);
	return any || (in && n > 0);
}

static void sleep_on_socket(struct pollfd *fds, nfds_t n)
{
	size_t len;

	if (pump_bytes())
		return;
	fds[0] = (struct pollfd){ .fd = monitor_fd };
	fds[0].events |= domlet_pump_space(&pump, &len) ? POLLIN : 0;
	fds[0].events |= domlet_pump_to_send(&pump, &len) ? POLLOUT : 0;
	(void)poll(fds, n, -1);
}

static _Noreturn void loop(void)
{
	static struct pollfd fds[2 + DOMLET_AGENT_POLL_MAX];
	nfds_t n;
	bool waits;

	for (;;) {
		while (!the.ended && domlet_agent_work(&the))
			tell();
		if (the.ended)
			end(the.why);
		waits = domlet_link_flush(&the.link);
		fds[1] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
		n = 2;
		waits = domlet_agent_poll(&the, fds, &n) || waits;
		if (monitor_fd >= 0)
			sleep_on_socket(fds, n);
		else
			sleep_on_device(waits, fds, n);
		domlet_agent_polled(&the, fds);
		if (fds[1].revents)
			take_signals();
	}
}

/* An initrd without /dev/console leaves 0, 1 and 2 closed; the next pipe would
 * take their numbers, and the child's dup2() would then close it. */
static void hold_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* As much as the ring needs, before anything else: dom0 maps it while
 * boot_rest() goes on. */
static void boot(void)
{
	struct domlet_failure failure = { 0 };

	domlet_boot_modules();
	if (domlet_boot_devices(&failure) < 0)
		end(failure.text);
	hold_standard_streams();
	the.xs = xs_open(0);
	if (!the.xs)
		end("can't reach xenstore");
	if (domlet_boot_seed(the.xs, &the.unready) < 0)
		domlet_failure_log("%s", the.unready.text);
}

static void boot_rest(void)
{
	struct domlet_failure failure = { 0 };

	if (domlet_boot_mounts(&failure) < 0)
		end(failure.text);
	domlet_boot_limits();
	domlet_boot_memory();
	domlet_boot_grants();
	the.cgroups = true;
}

static struct domlet_ring *open_device(void)
{
	char err[256];

	if (domlet_device_open(&device, DOMLET_RING_ORDER_DEFAULT, EPOCH, err, sizeof err) < 0 ||
	    domlet_device_announce(&device, the.xs, err, sizeof err) < 0)
		end(err);
	return &device.ring;
}

/* Mounts stay in a namespace of our own, as far as we may make one. */
static struct domlet_ring *open_socket(const char *number, const char *cgroup)
{
	struct domlet_failure failure = { 0 };
	struct rlimit files;
	void *mem = aligned_alloc(DOMLET_PAGE_SIZE, DOMLET_PUMP_MEM_SIZE);

	monitor_fd = atoi(number);
	if (!mem || monitor_fd <= STDERR_FILENO || fcntl(monitor_fd, F_SETFD, FD_CLOEXEC) < 0)
		end("--socket takes the number of an open socket");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		(void)mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
	if (cgroup && domlet_boot_cgroup(cgroup, &failure) < 0)
		end(failure.text);
	the.cgroups = cgroup != NULL;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	domlet_pump_init(&pump, mem, DOMLET_RING_GUEST, EPOCH);
	return &pump.near;
}

int main(int argc, char **argv)
{
	bool on_socket = (argc == 3 || argc == 4) && strcmp(argv[1], "--socket") == 0;
	struct domlet_ring *ring;
	struct timespec now;
	sigset_t all;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	if (!on_socket && getpid() != 1) {
		(void)fprintf(
			stderr,
			"domlet-init is process 1 of a domlet domain; elsewhere it takes --socket FD [CGROUP] and does as the monitor there says\n");
		return 2;
	}
	if (!on_socket)
		domlet_failure_log("started");
	(void)umask(0); /* modes are exactly what is asked for */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (!on_socket)
		boot();
	signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	ring = on_socket ? open_socket(argv[2], argv[3]) : open_device();
	if (!on_socket)
		boot_rest(); /* before the greeting: until then dom0 listens to the console */
	domlet_agent_init(&the, ring, EPOCH, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	if (!on_socket) {
		domlet_failure_log("ring ready");
		(void)domlet_link_flush(&the.link); /* the greeting, which dom0 waits for */
		tell();
		domlet_fetch_read(&the.ahead, the.xs, FIRST_CONTAINER);
	}
	loop();
}
