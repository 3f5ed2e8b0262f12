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

/* A new network namespace has its loopback device, but down. */
static int raise_loopback(struct domlet_failure *failure)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r < 0 ? domlet_failure_set(failure, -r, "can't bring the loopback device up: %s",
					  domlet_failure_name(-r)) : 0;
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
	int fd, r = 0;

	if ((size_t)snprintf(path + start, sizeof path - start, "%s", s->key) >= sizeof path - start)
		return domlet_failure_set(failure, ENAMETOOLONG, "sysctl %.64s... is a name too long", s->key);
	sysctl_path(path + start);
	if (strstr(path, "/../"))
		return domlet_failure_set(failure, EINVAL, "sysctl %s has a name that is none", s->key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, s->value, strlen(s->value)) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r == -ENOENT)
		return domlet_failure_set(failure, ENOENT, "sysctl %s is not known to the guest's kernel", s->key);
	return r < 0 ? domlet_failure_set(failure, -r, "can't set sysctl %s to %s: %s", s->key, s->value,
					  domlet_failure_name(-r)) : 0;
}

int domlet_namespaces_set_up(const struct domlet_container_config *c, struct domlet_failure *failure)
{
	int r = 0;

	/* Only now is its root the cgroup that this process was born in. */
	if ((c->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return domlet_failure_set(failure, errno, "can't make a cgroup namespace: %s", domlet_failure_name(errno));
	if (c->hostname[0] && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return domlet_failure_set(failure, errno, "can't set the hostname %s: %s", c->hostname,
					  domlet_failure_name(errno));
	if (c->domainname[0] && setdomainname(c->domainname, strlen(c->domainname)) < 0)
		return domlet_failure_set(failure, errno, "can't set the domain name %s: %s", c->domainname,
					  domlet_failure_name(errno));
	if (c->namespaces & CLONE_NEWNET)
		r = raise_loopback(failure);
	for (uint32_t i = 0; i < c->sysctl_count && r == 0; i++)
		r = set_sysctl(&c->sysctls[i], failure);
	return r;
}
