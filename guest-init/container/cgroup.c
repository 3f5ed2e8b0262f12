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
/* Processors, or memory's nodes, that a guest may have. */
#define LIST_MAX 128u

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

/* What stood in files that were written, to be written back. */
struct journal {
	struct {
		const char *name;
		char text[64];
	} files[8]; /* as many as set_limits() names and set_processors() */
	size_t count;
};

struct writer {
	int dir;
	struct journal *journal; /* NULL: none is kept */
	struct domlet_failure *failure;
	int rc;
};

static void note_old(struct writer *w, const char *name)
{
	struct journal *j = w->journal;

	if (!j || j->count == sizeof j->files / sizeof j->files[0])
		return;
	j->files[j->count].name = name;
	if (read_at(w->dir, name, j->files[j->count].text, sizeof j->files[0].text))
		j->count++;
}

static void write_back(int dir, const struct journal *j)
{
	for (size_t i = j->count; i-- > 0;)
		(void)write_at(dir, j->files[i].name, j->files[i].text);
}

/* A limit that can't be kept is an error; a file this kernel lacks is one only where a limit is to change. */
static void set_limit(struct writer *w, const char *name, const char *value)
{
	int error;

	if (w->rc < 0)
		return;
	note_old(w, name);
	error = write_at(w->dir, name, value);
	if (error < 0 && (error != -ENOENT || w->journal))
		w->rc = domlet_failure_set(w->failure, -error, "can't set %s of the container to %s: %s", name, value,
					   domlet_failure_name(-error));
}

static void set_number(struct writer *w, const char *name, int64_t value)
{
	char text[32] = "max";

	if (value >= 0)
		snprintf(text, sizeof(text), "%" PRId64, value);
	set_limit(w, name, text);
}

static void set_cpu_time(struct writer *w, const struct domlet_resources_config *r)
{
	int64_t period = r->period_us > 0 ? r->period_us : 100000;
	char text[64];

	if (r->quota_us > 0)
		snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, r->quota_us, period);
	else
		snprintf(text, sizeof(text), "max %" PRId64, period);
	set_limit(w, "cpu.max", text);
}

static void set_unified(struct writer *w, struct json_object *unified)
{
	if (!unified)
		return;
	json_object_object_foreach(unified, file, value)
	{
		int error = w->rc < 0 ? 0 : write_at(w->dir, file, json_object_get_string(value));

		if (error < 0)
			w->rc = domlet_failure_set(w->failure, -error, "can't set %s of the container to %s: %s", file,
						   json_object_get_string(value), domlet_failure_name(-error));
	}
}

static int set_limits(struct writer *w, const struct domlet_resources_config *r)
{
	char text[64];

	if (r->has_memory)
		set_number(w, "memory.max", r->memory);
	/* OCI counts memory and swap together, the kernel swap alone. */
	if (r->has_swap && (r->swap < 0 || (r->has_memory && r->memory >= 0 && r->swap >= r->memory)))
		set_number(w, "memory.swap.max", r->swap < 0 ? -1 : r->swap - r->memory);
	if (r->reservation > 0 || (r->reservation < 0 && w->journal))
		set_number(w, "memory.low", r->reservation);
	if (r->has_pids)
		set_number(w, "pids.max", r->pids);
	if (r->shares) {
		snprintf(text, sizeof(text), "%" PRIu64, domlet_cgroup_weight(r->shares));
		set_limit(w, "cpu.weight", text);
	}
	if (r->quota_us > 0 || r->period_us > 0 || (r->quota_us < 0 && w->journal))
		set_cpu_time(w, r);
	set_unified(w, r->unified);
	return w->rc;
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
	/* cpuset: numbers of the host's processors mean nothing here. */
	rc = set_limits(&(struct writer){ .dir = dir, .failure = failure }, r);
	if (rc < 0) {
		close(dir);
		(void)domlet_cgroup_remove(number);
		return rc;
	}
	return dir;
}

/* A list of processors or nodes as the kernel writes it, "0-3,7", in bits. False: it is none, or names what no guest has. */
static bool read_list(const char *text, uint64_t bits[LIST_MAX / 64])
{
	unsigned long first, last;
	char *end;

	memset(bits, 0, LIST_MAX / 8);
	do {
		if (*text < '0' || *text > '9')
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoul(end + 1, &end, 10);
		if (first > last || last >= LIST_MAX)
			return false;
		for (; first <= last; first++)
			bits[first / 64] |= UINT64_C(1) << first % 64;
		text = end + (*end == ',');
	} while (*end == ',');
	return *end == '\0' || *end == '\n';
}

/* The kernel would take others, too, and then use those that there are. */
static void set_list(struct writer *w, const char *name, const char *there_is, const char *list)
{
	uint64_t wanted[LIST_MAX / 64], there[LIST_MAX / 64];
	char text[256] = "";

	if (!list || !*list || w->rc < 0)
		return;
	if (!read_list(list, wanted)) {
		w->rc = domlet_failure_set(w->failure, EINVAL, "%s \"%.64s\" is no list as in 0-3,7", name, list);
		return;
	}
	if (read_at(w->dir, there_is, text, sizeof(text)) && read_list(text, there))
		for (size_t i = 0; i < LIST_MAX / 64; i++)
			if (wanted[i] & ~there[i]) {
				text[strcspn(text, "\n")] = '\0';
				w->rc = domlet_failure_set(w->failure, EINVAL,
							   "%s can't be %.64s: the container's domain has %s", name,
							   list, text);
				return;
			}
	set_limit(w, name, list);
}

/* Memory that is used now: 0 where nobody counts. */
static int64_t memory_in_use(int dir)
{
	char text[32];

	return read_at(dir, "memory.current", text, sizeof(text)) ? strtoll(text, NULL, 10) : 0;
}

int domlet_cgroup_update(int cgroup_fd, const struct domlet_resources_config *asked,
			 const struct domlet_resources_config *merged, struct domlet_failure *failure)
{
	struct journal journal = { 0 };
	struct writer w = { .dir = cgroup_fd, .journal = &journal, .failure = failure };
	struct domlet_resources_config r = *merged;
	int64_t used = asked->check && asked->memory > 0 ? memory_in_use(cgroup_fd) : 0;

	if (used > asked->memory && asked->memory > 0)
		return domlet_failure_set(failure, EBUSY,
					  "rejecting memory limit %" PRId64 ": the container uses %" PRId64,
					  asked->memory, used);
	/* What depends on each other is written together, the rest as it was asked for. */
	r.has_memory = r.has_memory && (asked->has_memory || asked->has_swap);
	r.has_swap = r.has_swap && (asked->has_memory || asked->has_swap);
	r.has_pids = asked->has_pids;
	r.reservation = asked->reservation;
	r.shares = asked->shares;
	if (!asked->quota_us && !asked->period_us)
		r.quota_us = r.period_us = 0;
	r.unified = asked->unified;
	set_list(&w, "cpuset.cpus", "../cpuset.cpus.effective", asked->cpus);
	set_list(&w, "cpuset.mems", "../cpuset.mems.effective", asked->mems);
	if (set_limits(&w, &r) < 0)
		write_back(cgroup_fd, &journal);
	return w.rc;
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
