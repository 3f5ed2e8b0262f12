// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A domain of the stand-in: domain ROOT CGROUP [MAJOR:MINOR] is what a kernel
 * is to domlet-init. It makes namespaces, with ROOT for the root and the block
 * device for /dev/xvda (hexadecimal, as blkback reads it), and starts /init as
 * process 1 there. It ends with 0 when that has powered the domain off, as
 * reboot(2) says of a pid namespace, and with 1 when it has ended otherwise.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *path;
	unsigned int major, minor;
} devices[] = {
	{ "dev/null", 1, 3 },    { "dev/zero", 1, 5 }, { "dev/full", 1, 7 }, { "dev/random", 1, 8 },
	{ "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },  { "dev/ptmx", 5, 2 }, { "dev/console", 1, 3 },
};

static void join_cgroup(const char *cgroup, const char *below)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof path, "%s%s", cgroup, below);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		err(1, "%s", path);
	(void)snprintf(path, sizeof path, "%s%s/cgroup.procs", cgroup, below);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(1, "%s", path);
	close(fd);
}

/* What devtmpfs would have. */
static void make_devices(const char *disk)
{
	unsigned int major, minor;

	if (mount("dev", "dev", "tmpfs", MS_NOSUID, "mode=0755") < 0)
		err(1, "can't mount /dev");
	for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
		if (mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) < 0)
			err(1, "%s", devices[i].path);
	if (sscanf(disk, "%x:%x", &major, &minor) == 2 && mknod("dev/xvda", S_IFBLK | 0600, makedev(major, minor)) < 0)
		err(1, "dev/xvda");
}

static _Noreturn void become_init(const char *root, const char *disk)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount(root, root, NULL, MS_BIND, NULL) < 0 ||
	    chdir(root) < 0)
		err(1, "%s", root);
	(void)umask(0);
	make_devices(disk);
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		err(1, "can't change the root");
	execve("/init", (char *[]){ "init", NULL }, (char *[]){ "HOME=/", "TERM=linux", NULL });
	err(1, "/init");
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 3)
		errx(2, "usage: domain ROOT CGROUP [MAJOR:MINOR]");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	join_cgroup(argv[2], "");
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWCGROUP) < 0)
		err(1, "can't make namespaces");
	/* Unlike a kernel's own root, this one gives no controllers away while it has processes. */
	join_cgroup(argv[2], "/init");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		become_init(argv[1], argc > 3 ? argv[3] : "");
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGINT ? 0 : 1;
}
