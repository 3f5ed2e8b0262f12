// SPDX-License-Identifier: GPL-2.0-or-later
#include "boot.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <xenstore.h>

#include "../frontend/proto/limits.h"

#define OVERCOMMIT "/proc/sys/vm/overcommit_memory"
#define RESERVE "/proc/sys/vm/min_free_kbytes"
/* The kernel's bounds of it. */
#define RESERVE_MIN_KIB 128u
#define RESERVE_MAX_KIB (256u * 1024u)
#define GRANTS "/sys/module/xen_gntalloc/parameters/limit"
#define GRANTS_MAX "4096"

static const struct {
	const char *target, *type, *data;
	unsigned long flags;
} boot_mounts[] = {
	/* the first is domlet_boot_devices()'s */
	{ "/dev", "devtmpfs", NULL, MS_NOSUID },
	{ "/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "/dev/pts", "devpts", "ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC },
	{ "/run", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV },
	{ "/sys/fs/cgroup", "cgroup2", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
};

static void enable_controllers(void)
{
	char names[512], *save = NULL, *name;
	ssize_t n;
	int fd = open("/sys/fs/cgroup/cgroup.controllers", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	n = read(fd, names, sizeof names - 1);
	close(fd);
	if (n <= 0)
		return;
	names[n] = '\0';
	fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	for (name = strtok_r(names, " \n", &save); name; name = strtok_r(NULL, " \n", &save)) {
		char text[64] = "+";

		if (strlen(name) < sizeof text - 2)
			(void)!write(fd, strcat(text, name), strlen(name) + 1);
	}
	close(fd);
}

static int mount_some(size_t from, size_t to, struct domlet_failure *failure)
{
	for (size_t i = from; i < to; i++) {
		(void)mkdir(boot_mounts[i].target, 0755);
		if (mount(boot_mounts[i].type, boot_mounts[i].target, boot_mounts[i].type, boot_mounts[i].flags,
			  boot_mounts[i].data) < 0 &&
		    errno != EBUSY)
			return domlet_failure_set(failure, errno, "the guest can't mount %s on %s: %s",
						  boot_mounts[i].type, boot_mounts[i].target,
						  domlet_failure_name(errno));
	}
	return 0;
}

int domlet_boot_devices(struct domlet_failure *failure)
{
	return mount_some(0, 1, failure);
}

int domlet_boot_mounts(struct domlet_failure *failure)
{
	int r = mount_some(1, sizeof boot_mounts / sizeof boot_mounts[0], failure);

	if (r == 0)
		enable_controllers();
	return r;
}

static int move_to_cgroup(const char *path)
{
	char file[PATH_MAX];
	int fd, r;

	(void)snprintf(file, sizeof file, "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	r = fd < 0 || write(fd, "0", 1) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

int domlet_boot_cgroup(const char *path, struct domlet_failure *failure)
{
	int r = move_to_cgroup(path);

	if (r == 0 && (unshare(CLONE_NEWCGROUP) < 0 || mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0))
		r = -errno;
	/* One that has processes gives none of its controllers to those below. */
	if (r == 0 && mkdir("/sys/fs/cgroup/init", 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		r = move_to_cgroup("/sys/fs/cgroup/init");
	if (r < 0)
		return domlet_failure_set(failure, -r, "can't use the cgroup %s: %s", path, domlet_failure_name(-r));
	enable_controllers();
	return 0;
}

void domlet_boot_limits(void)
{
	/* systemd's; the kernel's own, 4,096, is too few for servers, and for us. Who is made has fewer at first
	 * (guest-init/container/command.c). */
	const struct rlimit files = { 524288, 524288 };
	/* The kernel's is half of what fits into memory, for each user. */
	const struct rlimit processes = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)setrlimit(RLIMIT_NPROC, &processes);
}

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		domlet_failure_log("the guest can't set %s to %s: %s", path, value, domlet_failure_name(errno));
	if (fd >= 0)
		close(fd);
}

uint64_t domlet_boot_reserve_kib(uint64_t memory_kib)
{
	uint64_t root = 0, square = memory_kib * 16;

	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= square)
			root |= bit;
	return root < RESERVE_MIN_KIB ? RESERVE_MIN_KIB : root > RESERVE_MAX_KIB ? RESERVE_MAX_KIB : root;
}

void domlet_boot_grants(void)
{
	if (access(GRANTS, F_OK) == 0)
		write_setting(GRANTS, GRANTS_MAX);
}

void domlet_boot_memory(void)
{
	struct sysinfo memory = { 0 };
	char now[32] = "", text[32];
	uint64_t wanted;
	int fd;

	/* The kernel's guess would refuse what is more than this guest's whole
	 * memory. On a host it is a part of the host's; what counts there, and
	 * here, is the container's limit, and that what is touched is kept to it. */
	write_setting(OVERCOMMIT, "1");
	fd = open(RESERVE, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sysinfo(&memory) < 0 || read(fd, now, sizeof now - 1) <= 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	close(fd);
	wanted = domlet_boot_reserve_kib((uint64_t)memory.totalram * memory.mem_unit / 1024);
	if (strtoull(now, NULL, 10) <= wanted)
		return;
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)wanted);
	write_setting(RESERVE, text);
}

void domlet_boot_modules(void)
{
	struct dirent **entries = NULL;
	int n = scandir("/modules", &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[sizeof "/modules/" + NAME_MAX];
		int fd;

		(void)snprintf(path, sizeof path, "/modules/%s", entries[i]->d_name);
		free(entries[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || unlink(path) < 0) { /* "." and ".."; and the memory is better used */
			close(fd);
			continue;
		}
		if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
			domlet_failure_log("the kernel refuses %s: %s", path, domlet_failure_name(errno));
		close(fd);
	}
	free(entries);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int domlet_boot_seed(struct xs_handle *xs, struct domlet_failure *failure)
{
	/* struct rand_pool_info, whose last member has no size of its own. */
	struct {
		int entropy_count, buf_size;
		uint8_t bytes[DOMLET_SEED_LEN];
	} seed = { .entropy_count = (int)DOMLET_SEED_LEN * 8, .buf_size = (int)DOMLET_SEED_LEN };

	_Static_assert(offsetof(struct rand_pool_info, buf) == 2 * sizeof(int), "the kernel's layout");
	unsigned int len = 0;
	char *text = xs_read(xs, XBT_NULL, "domlet/seed", &len);
	int fd, r = 0;

	if (!text || len != 2 * DOMLET_SEED_LEN) {
		free(text);
		return domlet_failure_set(
			failure, ENODATA,
			"the guest takes no container without a random seed, and dom0 gave none of %u bytes",
			DOMLET_SEED_LEN);
	}
	for (unsigned int i = 0; r == 0 && i < DOMLET_SEED_LEN; i++) {
		int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);

		if (high < 0 || low < 0)
			r = -EINVAL;
		else
			seed.bytes[i] = (uint8_t)(high << 4 | low);
	}
	explicit_bzero(text, len);
	free(text);
	fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	if (r == 0 && (fd < 0 || ioctl(fd, RNDADDENTROPY, &seed) < 0))
		r = -errno;
	if (fd >= 0)
		close(fd);
	explicit_bzero(&seed, sizeof seed);
	return r == 0 ? 0 :
			domlet_failure_set(
				failure, -r,
				"the guest takes no container without a random seed, and can't credit dom0's: %s",
				domlet_failure_name(-r));
}
