// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void domlet_namespaces_init(struct domlet_namespaces *n)
{
	for (int i = 0; i < DOMLET_JOINS; i++)
		n->fd[i] = -1;
}

int domlet_namespaces_open(struct domlet_namespaces *n, pid_t pid, struct domlet_failure *failure)
{
	static const char *const names[DOMLET_JOINS] = {
		[DOMLET_JOIN_IPC] = "ipc", [DOMLET_JOIN_UTS] = "uts", [DOMLET_JOIN_NETWORK] = "net", [DOMLET_JOIN_PID] = "pid"
	};
	char path[64];

	for (int i = 0; i < DOMLET_JOINS; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, names[i]);
		n->fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (n->fd[i] < 0 && errno != ENOENT) { /* which it is when the process has ended, too */
			int code = errno;

			domlet_namespaces_close(n);
			return domlet_failure_set(failure, code, "can't hold the container's namespaces: %s",
						  domlet_failure_name(code));
		}
	}
	return 0;
}

void domlet_namespaces_close(struct domlet_namespaces *n)
{
	for (int i = 0; i < DOMLET_JOINS; i++)
		if (n->fd[i] >= 0)
			close(n->fd[i]);
	domlet_namespaces_init(n);
}

bool domlet_namespaces_are_open(const struct domlet_namespaces *n)
{
	for (int i = 0; i < DOMLET_JOINS; i++)
		if (n->fd[i] >= 0)
			return true;
	return false;
}

int domlet_namespaces_join(const struct domlet_namespaces *n, struct domlet_failure *failure)
{
	for (int i = 0; i < DOMLET_JOINS; i++)
		if (i != DOMLET_JOIN_PID && n->fd[i] >= 0 && setns(n->fd[i], 0) < 0)
			return domlet_failure_set(failure, errno, "can't join another container's namespaces: %s",
						  domlet_failure_name(errno));
	return 0;
}

/* A new network namespace has its loopback device, but down. */
static int raise_loopback(struct domlet_failure *failure)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r < 0 ? domlet_failure_set(failure, -r, "can't bring the loopback device up: %s",
					  domlet_failure_name(-r)) :
		       0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

/* "net.ipv4.ip_forward" is net/ipv4/ip_forward below /proc/sys, and either may
 * be written; of the two separators the first one counts, and beside dots "/" is
 * the dot of a device's name (sysctl(8)). Which names are allowed the host has
 * decided (toolstack/oci/sysctl.c). */
static void sysctl_path(char *name)
{
	if (name[strcspn(name, "./")] != '.')
		return;
	for (; *name; name++)
		*name = *name == '.' ? '/' : *name == '/' ? '.' : *name;
}

static int set_sysctl(const struct domlet_sysctl_config *s, struct domlet_failure *failure)
{
	char path[256] = "/proc/sys/";
	const size_t start = strlen(path);
	int r;

	if ((size_t)snprintf(path + start, sizeof path - start, "%s", s->key) >= sizeof path - start)
		return domlet_failure_set(failure, ENAMETOOLONG, "sysctl %.64s... is a name too long", s->key);
	sysctl_path(path + start);
	if (strstr(path, "/../"))
		return domlet_failure_set(failure, EINVAL, "sysctl %s has a name that is none", s->key);
	r = write_file(path, s->value);
	if (r == -ENOENT)
		return domlet_failure_set(failure, ENOENT, "sysctl %s is not known to the guest's kernel", s->key);
	return r < 0 ? domlet_failure_set(failure, -r, "can't set sysctl %s to %s: %s", s->key, s->value,
					  domlet_failure_name(-r)) :
		       0;
}

static int set_time_offset(const struct domlet_time_offset_config *o, struct domlet_failure *failure)
{
	char text[96];
	int r;

	(void)snprintf(text, sizeof text, "%s %lld %u", o->clock, (long long)o->secs, o->nanosecs);
	r = write_file("/proc/self/timens_offsets", text);
	if (r == -ERANGE)
		return domlet_failure_set(
			failure, ERANGE,
			"linux.timeOffsets: the guest's clock %s, which began with its boot, can't be moved by %lld s",
			o->clock, (long long)o->secs);
	return r < 0 ? domlet_failure_set(failure, -r, "can't set the time offset of %s: %s", o->clock,
					  domlet_failure_name(-r)) :
		       0;
}

/* Offsets are set before anybody is in the namespace: so it is made for
 * children first, and then entered by its link (before Linux 6.3 exec doesn't
 * enter it). */
static int enter_time_namespace(const struct domlet_container_config *c, struct domlet_failure *failure)
{
	int r = unshare(CLONE_NEWTIME) < 0 ? -errno : 0, fd;

	if (r < 0)
		return domlet_failure_set(failure, -r, "can't make a time namespace: %s", domlet_failure_name(-r));
	for (uint32_t i = 0; i < c->time_offset_count && r == 0; i++)
		r = set_time_offset(&c->time_offsets[i], failure);
	if (r < 0)
		return r;
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	r = fd < 0 || setns(fd, CLONE_NEWTIME) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return r < 0 ? domlet_failure_set(failure, -r, "can't enter the time namespace: %s", domlet_failure_name(-r)) :
		       0;
}

int domlet_namespaces_set_up(const struct domlet_container_config *c, struct domlet_failure *failure)
{
	int r = 0;

	/* Only now is its root the cgroup that this process was born in. */
	if ((c->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return domlet_failure_set(failure, errno, "can't make a cgroup namespace: %s",
					  domlet_failure_name(errno));
	if (c->hostname[0] && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return domlet_failure_set(failure, errno, "can't set the hostname %s: %s", c->hostname,
					  domlet_failure_name(errno));
	if (c->domainname[0] && setdomainname(c->domainname, strlen(c->domainname)) < 0)
		return domlet_failure_set(failure, errno, "can't set the domain name %s: %s", c->domainname,
					  domlet_failure_name(errno));
	if (c->namespaces & CLONE_NEWTIME)
		r = enter_time_namespace(c, failure);
	if (r == 0 && c->namespaces & CLONE_NEWNET)
		r = raise_loopback(failure);
	for (uint32_t i = 0; i < c->sysctl_count && r == 0; i++)
		r = set_sysctl(&c->sysctls[i], failure);
	return r;
}
