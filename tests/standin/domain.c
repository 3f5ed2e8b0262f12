// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A domain of the stand-in: domain ROOT CGROUP [MAJOR:MINOR] is what a kernel
 * is to domlet-init. It makes namespaces, with ROOT for the root and the block
 * device for /dev/xvda (hexadecimal, as blkback reads it), and starts /init as
 * process 1 there. A line "NAME MAJOR:MINOR" that it reads is a further disk, and
 * "NAME " one that is gone. It ends with 0 when that has powered the domain off, as
 * reboot(2) says of a pid namespace, and with 1 when it has ended otherwise.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

static void plug(const char *path, const char *numbers)
{
	unsigned int major, minor;

	if (unlink(path) < 0 && errno != ENOENT)
		warn("%s", path);
	if (sscanf(numbers, "%x:%x", &major, &minor) == 2 && mknod(path, S_IFBLK | 0600, makedev(major, minor)) < 0)
		warn("%s", path);
}

/* What devtmpfs would have. */
static void make_devices(const char *disk)
{
	if (mount("dev", "dev", "tmpfs", MS_NOSUID, "mode=0755") < 0)
		err(1, "can't mount /dev");
	for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
		if (mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) < 0)
			err(1, "%s", devices[i].path);
	if (*disk)
		plug("dev/xvda", disk);
}

static _Noreturn void become_init(const char *root, const char *disk)
{
	int null;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount(root, root, NULL, MS_BIND, NULL) < 0 ||
	    chdir(root) < 0)
		err(1, "%s", root);
	(void)umask(0);
	make_devices(disk);
	null = open("dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0) /* what comes there is for its parent */
		err(1, "dev/null");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		err(1, "can't change the root");
	execve("/init", (char *[]){ "init", NULL }, (char *[]){ "HOME=/", "TERM=linux", NULL });
	err(1, "/init");
}

/* Until INIT, a pidfd, has ended. */
static void watch_disks(int init)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = init, .events = POLLIN } };
	char line[64], name[8], numbers[32], path[32];

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		*numbers = '\0';
		if (!fgets(line, sizeof line, stdin))
			fds[0].fd = -1;
		else if (sscanf(line, "%7s %31s", name, numbers) >= 1) {
			(void)snprintf(path, sizeof path, "/dev/%s", name);
			plug(path, numbers);
		}
	}
}

int main(int argc, char **argv)
{
	int status, running[2];
	pid_t pid;

	if (argc < 3)
		errx(2, "usage: domain ROOT CGROUP [MAJOR:MINOR]");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	join_cgroup(argv[2], "");
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWCGROUP) < 0)
		err(1, "can't make namespaces");
	/* Unlike a kernel's own root, this one gives no controllers away while it has processes. */
	join_cgroup(argv[2], "/init");
	(void)setvbuf(stdin, NULL, _IONBF, 0); /* so that poll() sees what is left */
	if (pipe2(running, O_CLOEXEC) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		become_init(argv[1], argc > 3 ? argv[3] : "");
	close(running[1]);
	if (read(running[0], &(char){ 0 }, 1) == 0) /* it has another root, and so have we */
		watch_disks((int)syscall(SYS_pidfd_open, pid, 0));
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGINT ? 0 : 1;
}
