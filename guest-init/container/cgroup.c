// SPDX-License-Identifier: GPL-2.0-or-later
#include "cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
/* Cgroups that a container may make one in another. */
#define DEPTH_MAX 16
#define DEPTH_MAX_TEXT "16"

static int write_at(int dir, const char *name, const char *value)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int rc;

	if (fd < 0)
		return -errno;
	n = write(fd, value, strlen(value));
	rc = n < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static bool read_at(int dir, const char *name, char *out, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

uint64_t domlet_cgroup_weight(int64_t shares)
{
	if (shares < 2)
		shares = 2;
	if (shares > 262144)
		shares = 262144;
	return 1 + (uint64_t)(shares - 2) * 9999 / 262142;
}

/* A limit that can't be kept is an error; a file this kernel lacks isn't. */
static void set_limit(int dir, const char *name, const char *value, struct domlet_failure *failure, int *rc)
{
	int error = *rc < 0 ? 0 : write_at(dir, name, value);

	if (error < 0 && error != -ENOENT)
		*rc = domlet_failure_set(failure, -error, "can't set %s of the container to %s: %s", name, value,
					 domlet_failure_name(-error));
}

static void set_number(int dir, const char *name, int64_t value, struct domlet_failure *failure, int *rc)
{
	char text[32] = "max";

	if (value >= 0)
		snprintf(text, sizeof(text), "%" PRId64, value);
	set_limit(dir, name, text, failure, rc);
}

static int set_limits(int dir, const struct domlet_resources_config *r, struct domlet_failure *failure)
{
	char text[64];
	int rc = 0;

	if (r->has_memory)
		set_number(dir, "memory.max", r->memory, failure, &rc);
	/* OCI counts memory and swap together, the kernel swap alone. */
	if (r->has_swap && (r->swap < 0 || (r->has_memory && r->memory >= 0 && r->swap >= r->memory)))
		set_number(dir, "memory.swap.max", r->swap < 0 ? -1 : r->swap - r->memory, failure, &rc);
	if (r->reservation > 0)
		set_number(dir, "memory.low", r->reservation, failure, &rc);
	if (r->has_pids)
		set_number(dir, "pids.max", r->pids, failure, &rc);
	if (r->shares) {
		snprintf(text, sizeof(text), "%" PRIu64, domlet_cgroup_weight(r->shares));
		set_limit(dir, "cpu.weight", text, failure, &rc);
	}
	if (r->quota_us > 0 || r->period_us > 0) {
		int64_t period = r->period_us > 0 ? r->period_us : 100000;

		if (r->quota_us > 0)
			snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, r->quota_us, period);
		else
			snprintf(text, sizeof(text), "max %" PRId64, period);
		set_limit(dir, "cpu.max", text, failure, &rc);
	}
	/* cpuset: numbers of the host's processors mean nothing here. */
	if (!r->unified)
		return rc;
	json_object_object_foreach(r->unified, file, value)
	{
		int error = rc < 0 ? 0 : write_at(dir, file, json_object_get_string(value));

		if (error < 0)
			rc = domlet_failure_set(failure, -error, "can't set %s of the container to %s: %s", file,
						json_object_get_string(value), domlet_failure_name(-error));
	}
	return rc;
}

int domlet_cgroup_create(uint32_t number, const struct domlet_resources_config *r, struct domlet_failure *failure)
{
	char path[64];
	int dir, rc;

	snprintf(path, sizeof(path), CGROUP_ROOT "/container-%" PRIu32, number);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return domlet_failure_set(failure, errno, "can't create the container's cgroup: %s",
					  domlet_failure_name(errno));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return domlet_failure_set(failure, errno, "can't open the container's cgroup: %s",
					  domlet_failure_name(errno));
	/* Bounds what has to be walked when the container ends. */
	(void)write_at(dir, "cgroup.max.depth", DEPTH_MAX_TEXT);
	(void)write_at(dir, "cgroup.max.descendants", "512");
	rc = set_limits(dir, r, failure);
	if (rc < 0) {
		close(dir);
		(void)domlet_cgroup_remove(number);
		return rc;
	}
	return dir;
}

static int signal_listed(int dir, int signo)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC), pid, found = 0;
	FILE *list = fd < 0 ? NULL : fdopen(fd, "r");
	char line[16];

	if (!list) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (fgets(line, sizeof line, list)) {
		pid = atoi(line);
		if (pid > 1 && kill(pid, signo) == 0)
			found++;
	}
	fclose(list);
	return found;
}

/* Consumes DIR. */
static int signal_below(int dir, int signo, int depth)
{
	int found = signal_listed(dir, signo);
	DIR *stream = fdopendir(dir);
	struct dirent *entry;

	if (!stream) {
		close(dir);
		return found;
	}
	while (depth > 0 && (entry = readdir(stream))) {
		int below;

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		below = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0)
			found += signal_below(below, signo, depth - 1);
	}
	closedir(stream);
	return found;
}

int domlet_cgroup_of(pid_t pid)
{
	char path[64], text[PATH_MAX] = "", file[PATH_MAX + sizeof CGROUP_ROOT];
	int dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (!read_at(AT_FDCWD, path, text, sizeof(text)) || strncmp(text, "0::/", 4) != 0)
		return -ESRCH;
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(file, sizeof(file), CGROUP_ROOT "%s", text + 3);
	dir = open(file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

int domlet_cgroup_below(int cgroup_fd, const char *path, struct domlet_failure *failure)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	const char *relative = path + strspn(path, "/");
	int dir = (int)syscall(SYS_openat2, cgroup_fd, relative[0] ? relative : ".", &how, sizeof how);

	if (dir >= 0)
		return dir;
	if (errno == ENOENT || errno == ENOTDIR || errno == EBADF)
		return domlet_failure_set(failure, ENOENT,
					  "the container has no cgroup \"%.256s\"; its own programs make them", path);
	return domlet_failure_set(failure, errno, "can't open the cgroup \"%.256s\" of the container: %s", path,
				  domlet_failure_name(errno));
}

int domlet_cgroup_signal(int cgroup_fd, int signo)
{
	int dir;

	if (signo == SIGKILL)
		return write_at(cgroup_fd, "cgroup.kill", "1");
	dir = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return signal_below(dir, signo, DEPTH_MAX) ? 0 : -ESRCH;
}

static uint64_t read_counter(int cgroup_fd, const char *file, const char *name)
{
	char text[1024], *at;

	if (!read_at(cgroup_fd, file, text, sizeof(text)))
		return 0;
	for (at = text; (at = strstr(at, name)); at++)
		if ((at == text || at[-1] == '\n') && at[strlen(name)] == ' ')
			return strtoull(at + strlen(name), NULL, 10);
	return 0;
}

uint64_t domlet_cgroup_oom_kills(int cgroup_fd)
{
	return read_counter(cgroup_fd, "memory.events", "oom_kill");
}

static int watch(int cgroup_fd, const char *file)
{
	int fd = openat(cgroup_fd, file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	domlet_cgroup_look(fd);
	return fd;
}

int domlet_cgroup_watch(int cgroup_fd)
{
	return watch(cgroup_fd, "cgroup.events");
}

int domlet_cgroup_watch_memory(int cgroup_fd)
{
	return watch(cgroup_fd, "memory.events");
}

void domlet_cgroup_look(int watch_fd)
{
	char text[256];

	(void)!pread(watch_fd, text, sizeof text, 0);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_listed(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n');
}

int domlet_cgroup_freeze(int cgroup_fd, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms, left = timeout_ms;
	struct pollfd p = { .fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC), .events = POLLPRI };
	char text[256] = "";
	int rc = p.fd < 0 ? -errno : write_at(cgroup_fd, "cgroup.freeze", "1");
	ssize_t n;

	while (rc == 0) {
		n = pread(p.fd, text, sizeof text - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (n < 0)
			rc = -errno;
		else if (is_listed(text, "frozen 1"))
			break;
		else if (left <= 0)
			rc = -ETIMEDOUT;
		else
			(void)poll(&p, 1, (int)left);
		left = end - now_ms();
	}
	if (p.fd >= 0)
		close(p.fd);
	return rc;
}

int domlet_cgroup_thaw(int cgroup_fd)
{
	return write_at(cgroup_fd, "cgroup.freeze", "0");
}

bool domlet_cgroup_is_frozen(int cgroup_fd)
{
	char text[8];

	return cgroup_fd >= 0 && read_at(cgroup_fd, "cgroup.freeze", text, sizeof text) && text[0] == '1';
}

/* Name of some directory in DIR (which is consumed); false when none. */
static bool first_child(int dir, char *name, size_t size)
{
	DIR *stream = fdopendir(dir);
	struct dirent *entry;
	bool found = false;

	if (!stream) {
		close(dir);
		return false;
	}
	while (!found && (entry = readdir(stream))) {
		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		found = snprintf(name, size, "%s", entry->d_name) < (int)size;
	}
	closedir(stream);
	return found;
}

/* Removes one deepest cgroup below DIR: 1 done, 0 none is left, -errno. */
static int remove_leaf(int dir)
{
	int at = dup(dir), below, rc;
	char name[256], next[256];

	if (at < 0)
		return -errno;
	if (!first_child(openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), name, sizeof(name))) {
		close(at);
		return 0;
	}
	for (;;) {
		below = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0 ||
		    !first_child(openat(below, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next, sizeof(next)))
			break;
		close(at);
		at = below;
		memcpy(name, next, sizeof(name));
	}
	rc = unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 1;
	if (below >= 0)
		close(below);
	close(at);
	return rc;
}

int domlet_cgroup_remove(uint32_t number)
{
	char path[64];
	int dir, rc;

	snprintf(path, sizeof(path), CGROUP_ROOT "/container-%" PRIu32, number);
	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	do {
		rc = remove_leaf(dir);
	} while (rc > 0);
	close(dir);
	if (rc < 0)
		return rc;
	return rmdir(path) < 0 ? -errno : 0;
}
