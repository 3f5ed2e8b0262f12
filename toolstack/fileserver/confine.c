// SPDX-License-Identifier: GPL-2.0-or-later
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/sys/evtchn.h>

#include "../share/share.h"

#if defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined __SANITIZE_ADDRESS__
#define SANITIZED
#endif

/* Any folder that each root has: the new root is mounted over it, and becomes all that there is. */
#define PLACE "/run"

static int fail(struct domlet_error *err, const char *what)
{
	int code = errno;

	return domlet_error_set(err, code, "the server of the container's files can't %s: %s", what,
				domlet_strerror(code));
}

static int attach(int tree, const char *name)
{
	struct stat st;

	if (fstat(tree, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode) ? mkdir(name, 0700) < 0 : mknod(name, S_IFREG | 0600, 0) < 0)
		return -1;
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH);
}

/* The kernel names files by descriptors there alone, and no other way leads to what is below /proc. */
static int open_proc(void)
{
	int fd = -1;

	if (mkdir("/proc", 0700) < 0 || mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -1;
	fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)umount2("/proc", MNT_DETACH);
	(void)rmdir("/proc");
	return fd;
}

int domlet_fileserver_enter(const int *trees, size_t count, int *roots, int *proc_fd, struct domlet_error *err)
{
	char name[24];

	if (mount("domlet", PLACE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0 || chdir(PLACE) < 0)
		return fail(err, "make a root of its own");
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(name, sizeof name, "%zu", i);
		if (attach(trees[i], name) < 0)
			return fail(err, "have what it is to share");
	}
	/* What dom0 mounts and unmounts below an export is so here, too; nothing goes the other way. */
	if (mount(NULL, PLACE, NULL, MS_REC | MS_SLAVE, NULL) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail(err, "leave dom0's files");
	*proc_fd = open_proc();
	if (*proc_fd < 0)
		return fail(err, "open its descriptors");
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(name, sizeof name, "/%zu", i);
		roots[i] = open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (roots[i] < 0)
			return fail(err, "open what it is to share");
	}
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return fail(err, "close its root");
	return 0;
}

/* Files of other users are read and written, and get owners, modes and nodes; nothing else. */
static int drop_capabilities(void)
{
	static const cap_value_t kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP };
	const int count = sizeof kept / sizeof kept[0];
	cap_t caps = cap_init();
	int r = caps ? 0 : -1;

	for (cap_value_t c = 0; r == 0 && c <= CAP_LAST_CAP; c++) {
		bool keep = false;

		for (int i = 0; i < count; i++)
			keep = keep || kept[i] == c;
		if (!keep && CAP_IS_SUPPORTED(c))
			r = cap_drop_bound(c);
	}
	if (r == 0 && (cap_set_flag(caps, CAP_PERMITTED, count, kept, CAP_SET) < 0 ||
		       cap_set_flag(caps, CAP_EFFECTIVE, count, kept, CAP_SET) < 0 || cap_set_proc(caps) < 0))
		r = -1;
	if (caps)
		cap_free(caps);
	return r;
}

/* Of all exports together: the nodes of a full table, twice, open files and their buffers. Each export has tables of
 * its own that are mostly never touched. */
#define MEMORY_MAX (160ul << 20)
#define EXPORT_MEMORY_MAX (4ul << 20)

/* A caller's hard limit may be lower, and not ours to raise: the guest has so much less open at once then. */
static int set_limits(size_t exports)
{
	struct rlimit files = { DOMLET_SHARE_DESCRIPTORS + 1024, DOMLET_SHARE_DESCRIPTORS + 1024 };
	const rlim_t bytes = MEMORY_MAX + exports * EXPORT_MEMORY_MAX;
	const struct rlimit memory = { bytes, bytes };
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY }, none = { 0, 0 };
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return -1;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
		now.rlim_cur = now.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &now) < 0)
			return -1;
	}
	if (setrlimit(RLIMIT_DATA, &memory) < 0)
		return -1;
	(void)setrlimit(RLIMIT_FSIZE, &unlimited); /* the container's own limit is its kernel's business */
	return setrlimit(RLIMIT_CORE, &none);
}

/* All that share/ does to files, the ring's event channel, the monitor's socket, and memory. Nothing makes a
 * process, a socket or a mount, executes, maps a device, or opens by a file's handle. */
static const int allowed[] = {
	/* files */
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(pwritev2),
	SCMP_SYS(copy_file_range),
	SCMP_SYS(fallocate),
	SCMP_SYS(truncate),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlinkat),
	SCMP_SYS(linkat),
	SCMP_SYS(unlinkat),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(fchmodat),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchownat),
	SCMP_SYS(fchown),
	SCMP_SYS(utimensat),
	SCMP_SYS(getxattr),
	SCMP_SYS(fgetxattr),
	SCMP_SYS(listxattr),
	SCMP_SYS(flistxattr),
	SCMP_SYS(setxattr),
	SCMP_SYS(fsetxattr),
	SCMP_SYS(removexattr),
	SCMP_SYS(fremovexattr),
	SCMP_SYS(flock),
	SCMP_SYS(fcntl),
	SCMP_SYS(fchdir),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
	SCMP_SYS(faccessat2),
	/* the ring and the monitor */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	/* memory, time, the end */
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield),
	SCMP_SYS(geteuid),
	SCMP_SYS(exit_group),
#ifdef SANITIZED
	SCMP_SYS(sigaltstack),
	SCMP_SYS(futex),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
#endif
};

static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < sizeof allowed / sizeof allowed[0]; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)IOCTL_EVTCHN_NOTIFY));
	if (r == 0)
		r = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int domlet_fileserver_confine(size_t exports, struct domlet_error *err)
{
	if (set_limits(exports) < 0)
		return fail(err, "have as many descriptors, and as much memory, as it may need");
	if (drop_capabilities() < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(err, "give up its capabilities");
	if (filter_calls() < 0)
		return fail(err, "give up system calls");
	return 0;
}
