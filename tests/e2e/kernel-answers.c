// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks the kernel what programs ask it, and says "question: answer", a line each,
 * for kernel.bats to compare a guest's with those of Debian's kernel. It is made
 * to be the first process of a container with all capabilities and no filter.
 * An answer is what any run would get: an error's name or "yes", never a number
 * that depends on the machine.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "kernel-answers.h"

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "an error without a name";
}

/* RESULT of a call that left errno. */
static const char *answer(long result)
{
	return result < 0 ? error_name(errno) : "yes";
}

static void say_call(const char *kind, const char *name, long result)
{
	printf("%s %s: %s\n", kind, name, answer(result));
}

static void say_number(const char *kind, int number, long result)
{
	printf("%s %d: %s\n", kind, number, answer(result));
}

/* What can't be undone, or ends the process, is done in a child; its exit
 * status is an errno, 0 for yes. */
static void say_of_child(const char *question, long (*ask)(long), long argument)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long r;

		alarm(20);
		r = ask(argument);
		_exit(r < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		printf("%s: can't be asked, %s\n", question, error_name(errno));
	else if (WIFSIGNALED(status))
		printf("%s: SIG%s\n", question, sigabbrev_np(WTERMSIG(status)));
	else
		printf("%s: %s\n", question, WEXITSTATUS(status) ? error_name(WEXITSTATUS(status)) : "yes");
}

/* Each system call with arguments that no kernel takes: only whether there is
 * one of this number. Those that do something nonetheless are left out. */
static void ask_system_calls(void)
{
	for (size_t i = 0; i < sizeof system_calls / sizeof system_calls[0]; i++) {
		/* Of a function that they don't know these say ENOSYS, too. */
		long wrong = system_calls[i].number == SYS_modify_ldt || system_calls[i].number == SYS_futex ? 0 : -1;
		long r = syscall(system_calls[i].number, wrong, wrong, wrong, wrong, wrong, wrong);

		printf("system call %s: %s\n", system_calls[i].name, r < 0 && errno == ENOSYS ? "ENOSYS" : "yes");
	}
}

/* Whatever else there may be wrong with it, ENOPROTOOPT says no. */
static void ask_socket_options(const char *kind, int level)
{
	for (int i = 1; i <= 76; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char value[256];
		socklen_t len = sizeof value;
		long r = getsockopt(fd, level, i, value, &len);

		printf("%s option %d: %s\n", kind, i, r < 0 && errno == ENOPROTOOPT ? "ENOPROTOOPT" : "yes");
		close(fd);
	}
}

static void ask_sockets(void)
{
	static const struct {
		const char *name;
		int family, type, protocol;
	} protocols[] = {
		{ "tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP },
		{ "mptcp", AF_INET, SOCK_STREAM, 262 },
		{ "sctp", AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP },
		{ "dccp", AF_INET, SOCK_DCCP, IPPROTO_DCCP },
		{ "udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ "raw", AF_INET, SOCK_RAW, IPPROTO_RAW },
		{ "icmp", AF_INET, SOCK_RAW, IPPROTO_ICMP },
		{ "tcp over IPv6", AF_INET6, SOCK_STREAM, IPPROTO_TCP },
		{ "l2tp", AF_INET, SOCK_DGRAM, 115 },
		{ "unix stream", AF_UNIX, SOCK_STREAM, 0 },
		{ "unix datagram", AF_UNIX, SOCK_DGRAM, 0 },
		{ "unix seqpacket", AF_UNIX, SOCK_SEQPACKET, 0 },
		{ "packet", AF_PACKET, SOCK_RAW, 0 },
		{ "alg", AF_ALG, SOCK_SEQPACKET, 0 },
		{ "vsock", AF_VSOCK, SOCK_STREAM, 0 },
		{ "key", AF_KEY, SOCK_RAW, 2 },
		{ "xdp", AF_XDP, SOCK_RAW, 0 },
		{ "kcm", AF_KCM, SOCK_DGRAM, 0 },
		{ "tipc", AF_TIPC, SOCK_RDM, 0 },
		{ "rds", AF_RDS, SOCK_SEQPACKET, 0 },
		{ "smc", AF_SMC, SOCK_STREAM, 0 },
		{ "pppox", AF_PPPOX, SOCK_STREAM, 0 },
		{ "rxrpc", AF_RXRPC, SOCK_DGRAM, AF_INET },
		{ "phonet", AF_PHONET, SOCK_DGRAM, 0 },
		{ "mctp", AF_MCTP, SOCK_DGRAM, 0 },
	};
	static const char *const congestions[] = { "cubic", "reno", "bbr", "dctcp", "vegas", "htcp" };

	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
		int fd = socket(protocols[i].family, protocols[i].type, protocols[i].protocol);

		say_call("socket", protocols[i].name, fd);
		close(fd);
	}
	for (int i = 0; i <= NETLINK_SMC; i++) {
		int fd = socket(AF_NETLINK, SOCK_RAW, i);

		say_number("netlink", i, fd);
		close(fd);
	}
	for (size_t i = 0; i < sizeof congestions / sizeof congestions[0]; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		say_call("congestion control", congestions[i],
			 setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestions[i], (socklen_t)strlen(congestions[i])));
		close(fd);
	}
	ask_socket_options("socket's", SOL_SOCKET);
	ask_socket_options("IP's", IPPROTO_IP);
	ask_socket_options("TCP's", IPPROTO_TCP);
}

/* A connection over lo, and its end given to the kernel's TLS. */
static long use_tls(long unused)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	(void)unused;
	if (bind(listener, (struct sockaddr *)&name, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&name, &len) < 0 ||
	    connect(client, (struct sockaddr *)&name, len) < 0)
		return -1;
	return setsockopt(client, IPPROTO_TCP, TCP_ULP, "tls", 3);
}

static void ask_ciphers(void)
{
	static const struct {
		const char *type, *name;
	} ciphers[] = {
		{ "hash", "md5" },
		{ "hash", "sha1" },
		{ "hash", "sha256" },
		{ "hash", "sha512" },
		{ "hash", "hmac(sha256)" },
		{ "hash", "cmac(aes)" },
		{ "hash", "crc32c" },
		{ "hash", "sha3-256" },
		{ "skcipher", "cbc(aes)" },
		{ "skcipher", "ctr(aes)" },
		{ "skcipher", "ecb(aes)" },
		{ "skcipher", "xts(aes)" },
		{ "skcipher", "cbc(des3_ede)" },
		{ "aead", "gcm(aes)" },
		{ "aead", "ccm(aes)" },
		{ "aead", "rfc7539(chacha20,poly1305)" },
		{ "rng", "stdrng" },
	};

	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
		struct sockaddr_alg sa = { .salg_family = AF_ALG };
		int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);

		strncpy((char *)sa.salg_type, ciphers[i].type, sizeof sa.salg_type - 1);
		strncpy((char *)sa.salg_name, ciphers[i].name, sizeof sa.salg_name - 1);
		say_call("cipher", ciphers[i].name, bind(fd, (struct sockaddr *)&sa, sizeof sa));
		close(fd);
	}
}

static void ask_file_systems(void)
{
	/* Without those whose modules the lab's dom0 does not have. */
	static const char *const types[] = {
		"proc",     "sysfs",     "tmpfs",       "ramfs",      "devtmpfs", "devpts",   "mqueue",  "cgroup2",
		"cgroup",   "overlay",   "erofs",       "ext4",       "ext3",     "ext2",     "fuse",    "fuseblk",
		"fusectl",  "hugetlbfs", "binfmt_misc", "securityfs", "bpf",      "tracefs",  "debugfs", "configfs",
		"pstore",   "efivarfs",  "autofs",      "rpc_pipefs", "vfat",     "exfat",    "iso9660", "udf",
		"squashfs", "cramfs",    "romfs",       "minix",      "9p",       "virtiofs", "nullfs",
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		long fd = syscall(SYS_fsopen, types[i], 0);

		say_call("file system", types[i], fd);
		close((int)fd);
	}
}

static long do_unshare(long flag)
{
	return unshare((int)flag);
}

static long do_personality(long value)
{
	return personality((unsigned long)value);
}

static long call_by_interrupt(long number)
{
	long r = number;

	__asm__ volatile("int $0x80" : "+a"(r) : "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-r;
	return r < 0 ? -1 : 0;
}

/* A program of 32 bits: exit(0) by interrupt 0x80. */
static long run_program_of_32_bits(long unused)
{
	static const unsigned char program[] = {
		0x7f, 'E', 'L',  'F', 1,    1,    1,    0, 0,    0,    0,    0,    0,    0,    0,    0,    2,    0, 3,
		0,    1,   0,    0,   0,    0x54, 0x80, 4, 8,    0x34, 0,    0,    0,    0,    0,    0,    0,    0, 0,
		0,    0,   0x34, 0,   0x20, 0,    1,    0, 0,    0,    0,    0,    0,    0,    1,    0,    0,    0, 0,
		0,    0,   0,    0,   0x80, 4,    8,    0, 0x80, 4,    8,    0x5d, 0,    0,    0,    0x5d, 0,    0, 0,
		5,    0,   0,    0,   0,    0x10, 0,    0, 0x31, 0xdb, 0x31, 0xc0, 0x40, 0xcd, 0x80, 0x0f, 0x0b,
	};
	char *const none[] = { NULL };
	int fd = memfd_create("program", 0);

	(void)unused;
	if (fd < 0 || write(fd, program, sizeof program) != (ssize_t)sizeof program)
		return -1;
	return execveat(fd, "", none, none, AT_EMPTY_PATH);
}

static long call_vsyscall(long unused)
{
	long (*now)(void *) = (long (*)(void *))0xffffffffff600400;

	(void)unused;
	return now(NULL) > 0 ? 0 : -1;
}

static long uname_of_32_bits(long unused)
{
	struct utsname name;

	(void)unused;
	if (personality(PER_LINUX32) < 0 || uname(&name) < 0)
		return -1;
	errno = ENOEXEC;
	return strcmp(name.machine, "i686") == 0 ? 0 : -1;
}

/* More than fits is promised, as long as nobody touches it. */
static long reserve_much(long bytes)
{
	return mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 :
														     0;
}

/* The arguments of prctl. */
static const struct {
	const char *name;
	long values[5];
} controls[] = {
	{ "keeps capabilities", { PR_SET_KEEPCAPS, 1 } },
	{ "secure bits", { PR_GET_SECUREBITS } },
	{ "ambient capabilities", { PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL } },
	{ "no new privileges", { PR_SET_NO_NEW_PRIVS, 1 } },
	{ "subreaper", { PR_SET_CHILD_SUBREAPER, 1 } },
	{ "timer slack", { PR_GET_TIMERSLACK } },
	{ "time stamp counter", { PR_SET_TSC, PR_TSC_ENABLE } },
	{ "machine checks", { PR_MCE_KILL_GET } },
	{ "performance events", { PR_TASK_PERF_EVENTS_DISABLE } },
	{ "no huge pages", { PR_SET_THP_DISABLE, 1 } },
	{ "merging memory", { 67, 1 } },
	{ "no writable code", { 65, 1 } },
	{ "speculation, store bypass", { PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS } },
	{ "speculation, indirect branches", { PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH } },
	{ "flusher of disks", { 57, 1 } },
	{ "dispatch of system calls", { 59, 0 } },
	{ "cores shared with friends", { 62, 1 } },
	{ "tracer", { PR_SET_PTRACER, -1 } },
	{ "auxiliary vector", { 0x41555856, 0, 0 } },
};

static long do_control(long i)
{
	const long *v = controls[i].values;

	return prctl((int)v[0], v[1], v[2], v[3], v[4]);
}

/* What has pointers among its arguments. */
static long name_memory(long unused)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, 4096, "name");
}

static long size_of_memory_map(long unused)
{
	unsigned int size;

	(void)unused;
	return prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0);
}

static void ask_controls(void)
{
	char question[64];

	for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
		snprintf(question, sizeof question, "prctl %s", controls[i].name);
		say_of_child(question, do_control, (long)i);
	}
	say_of_child("prctl name of memory", name_memory, 0);
	say_of_child("prctl memory map", size_of_memory_map, 0);
}

static void ask_processes(void)
{
	static const struct {
		const char *name;
		long value;
	} namespaces[] = {
		{"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET}, {"mnt", CLONE_NEWNS},
		{"uts", CLONE_NEWUTS}, {"ipc", CLONE_NEWIPC}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
	}, personalities[] = {
		{"without randomization", ADDR_NO_RANDOMIZE}, {"read implies exec", READ_IMPLIES_EXEC},
		{"legacy layout", ADDR_COMPAT_LAYOUT}, {"3 GiB", ADDR_LIMIT_3GB}, {"uname 2.6", UNAME26},
		{"sticky timeouts", STICKY_TIMEOUTS}, {"Linux of 32 bits", PER_LINUX32}, {"SVR4", PER_SVR4}, {"BSD", PER_BSD},
	};
	char question[64];

	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++) {
		snprintf(question, sizeof question, "namespace %s", namespaces[i].name);
		say_of_child(question, do_unshare, namespaces[i].value);
	}
	for (size_t i = 0; i < sizeof personalities / sizeof personalities[0]; i++) {
		snprintf(question, sizeof question, "personality %s", personalities[i].name);
		say_of_child(question, do_personality, personalities[i].value);
	}
	say_of_child("uname -m under linux32 is i686", uname_of_32_bits, 0);
	say_of_child("a program of 32 bits", run_program_of_32_bits, 0);
	say_of_child("a system call of 32 bits, getpid", call_by_interrupt, 20);
	say_of_child("a system call of 32 bits, getuid of 16 bits", call_by_interrupt, 24);
	say_of_child("a system call of 32 bits, time", call_by_interrupt, 13);
	say_of_child("the vsyscall page", call_vsyscall, 0);
	say_of_child("a reservation of 64 GiB", reserve_much, 64l << 30);
	say_of_child("TLS in the kernel", use_tls, 0);
	ask_controls();
}

static void ask_memory(void)
{
	static const struct {
		const char *name;
		int flags;
	} maps[] = {
		{ "huge", MAP_HUGETLB },
		{ "huge of 1 GiB", MAP_HUGETLB | 30 << MAP_HUGE_SHIFT },
		{ "below 2 GiB", MAP_32BIT },
		{ "growing down", MAP_GROWSDOWN },
		{ "locked", MAP_LOCKED },
		{ "populated", MAP_POPULATE },
		{ "stack", MAP_STACK },
		{ "not reserved", MAP_NORESERVE },
		{ "fixed, not over others", MAP_FIXED_NOREPLACE },
	};
	static const struct {
		const char *name;
		unsigned int flags;
	} memfds[] = {
		{ "plain", 0 },          { "sealing", MFD_ALLOW_SEALING },
		{ "huge", MFD_HUGETLB }, { "not executable", 8 },
		{ "executable", 16 },
	};
	int key;

	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | maps[i].flags, -1, 0);

		say_call("mapping", maps[i].name, at == MAP_FAILED ? -1 : 0);
	}
	for (size_t i = 0; i < sizeof memfds / sizeof memfds[0]; i++) {
		int fd = memfd_create("m", memfds[i].flags);

		say_call("memfd", memfds[i].name, fd);
		close(fd);
	}
	for (int i = 0; i <= 25; i++) {
		char *at = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		say_number("madvise", i, madvise(at, 4 << 20, i));
		munmap(at, 4 << 20);
	}
	key = pkey_alloc(0, 0);
	/* Not every processor has keys. */
	printf("protection keys: %s\n", key < 0 && errno != ENOSPC && errno != EINVAL ? error_name(errno) : "yes");
}

static void ask_files(void)
{
	static const struct {
		const char *name;
		unsigned long request;
	} ioctls[] = {
		{"FS_IOC_GETFLAGS", 0x80086601}, {"FS_IOC_FSGETXATTR", 0x801c581f}, {"FS_IOC_FIEMAP", 0xc020660b},
		{"FIGETBSZ", 2}, {"FIBMAP", 1}, {"FICLONE", 0x40049409}, {"FS_IOC_GETFSLABEL", 0x81009431},
		{"FS_IOC_GET_ENCRYPTION_POLICY", 0x400c6615}, {"FS_IOC_ENABLE_VERITY", 0x40806685},
	}, terminals[] = {
		{"TIOCGPTN", TIOCGPTN}, {"TIOCGPKT", TIOCGPKT}, {"TIOCGWINSZ", TIOCGWINSZ},
		{"TCGETS2", 0x802c542a}, {"TIOCGEXCL", TIOCGEXCL}, {"TIOCSTI", TIOCSTI}, {"TIOCLINUX", TIOCLINUX},
		{"TIOCCONS", TIOCCONS}, {"FIONREAD", FIONREAD},
	}, links[] = {
		{"SIOCGIFCONF", 0x8912}, {"SIOCGIFNAME", 0x8910}, {"SIOCETHTOOL", 0x8946}, {"SIOCGIFBR", 0x8940},
		{"SIOCGIFVLAN", 0x8982}, {"SIOCGIWNAME", 0x8b01},
	};
	static const char *const attributes[] = { "user.a", "trusted.a", "security.a", "security.capability",
						  "system.posix_acl_access" };
	static const int fanotifies[] = { 0, 4, 8, 0x200, 0x80, 0x1000 };
	char value[4096] = "";
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600), terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	int net = socket(AF_INET, SOCK_DGRAM, 0), leases;

	say_call("file", "without a name, in /dev/shm", fd);
	for (size_t i = 0; i < sizeof ioctls / sizeof ioctls[0]; i++)
		say_call("file's ioctl", ioctls[i].name, ioctl(fd, ioctls[i].request, value));
	for (size_t i = 0; i < sizeof terminals / sizeof terminals[0]; i++)
		say_call("terminal's ioctl", terminals[i].name,
			 ioctl(terminal, terminals[i].request, memset(value, 0, 64)));
	(void)unlockpt(terminal);
	say_call("terminal's ioctl", "TIOCGPTPEER", ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		say_call("network's ioctl", links[i].name, ioctl(net, links[i].request, memset(value, 0, 64)));
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
		say_call("attribute in /dev/shm", attributes[i], fsetxattr(fd, attributes[i], "x", 1, 0));
	for (size_t i = 0; i < sizeof fanotifies / sizeof fanotifies[0]; i++)
		say_number("fanotify", fanotifies[i], syscall(SYS_fanotify_init, fanotifies[i], 0));
	leases = fcntl(fd, F_SETLEASE, F_WRLCK);
	say_call("file", "lease", leases);
	say_call("file", "seals", fcntl(fd, F_GET_SEALS));
	say_call("directory", "dnotify", fcntl(open("/tmp", O_RDONLY), F_NOTIFY, 0));
	say_call("pipe", "of packets", pipe2((int[2]){ 0 }, O_DIRECT));
	say_call("pipe", "for notifications", pipe2((int[2]){ 0 }, O_EXCL));
}

static void ask_clocks(void)
{
	for (int i = 0; i <= 11; i++) {
		struct timespec now;
		timer_t timer;
		struct sigevent none = { .sigev_notify = SIGEV_NONE };

		say_number("clock", i, clock_gettime(i, &now));
		say_number("timer", i, timer_create(i, &none, &timer));
		say_number("timer's descriptor", i, timerfd_create(i, 0));
	}
}

/* Programs of the kinds that containers' runtimes and tools load, and maps. */
static void ask_bpf(void)
{
	static const uint64_t program[] = { 0x00000000000000b7, 0x0000000000000095 }; /* r0 = 0; exit */

	for (uint32_t i = 1; i <= 31; i++) {
		struct {
			uint32_t type, count;
			uint64_t program, licence;
			uint32_t level, size;
			uint64_t log;
			uint32_t version, flags;
			uint8_t rest[64];
		} load = { .type = i, .count = 2, .program = (uintptr_t)program, .licence = (uintptr_t) "GPL" };

		say_number("BPF program", (int)i, syscall(SYS_bpf, 5, &load, sizeof load));
	}
	for (uint32_t i = 1; i <= 32; i++) {
		uint32_t map[18] = { i, 4, 4, 1 };

		say_number("BPF map", (int)i, syscall(SYS_bpf, 0, map, sizeof map));
	}
}

/* The names in a directory, the kernel's own and no process's or processor's. */
static void list_directory(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir) {
		printf("%s: %s\n", path, error_name(errno));
		return;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && entry->d_name[strspn(entry->d_name, "cpu")] > '9')
			printf("%s/%s: yes\n", path, entry->d_name);
	closedir(dir);
}

/* The first word of each line. */
static void list_words(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	if (!file) {
		printf("%s: %s\n", path, error_name(errno));
		return;
	}
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, ": \t\n")] = '\0';
		/* A processor or an interrupt has a line of its own in /proc/stat. */
		if (line[0] >= 'A' && strspn(line, "cpu0123456789") != strlen(line))
			printf("%s has %s: yes\n", path, line);
	}
	fclose(file);
}

static void ask_names(void)
{
	static const char *const directories[] = {
		"/proc",
		"/proc/self",
		"/proc/self/ns",
		"/proc/self/net",
		"/proc/self/attr",
		"/proc/pressure",
		"/proc/sys",
		"/proc/sys/kernel",
		"/proc/sys/kernel/keys",
		"/proc/sys/kernel/random",
		"/proc/sys/kernel/seccomp",
		"/proc/sys/kernel/yama",
		"/proc/sys/vm",
		"/proc/sys/fs",
		"/proc/sys/fs/inotify",
		"/proc/sys/fs/mqueue",
		"/proc/sys/user",
		"/proc/sys/net",
		"/proc/sys/net/core",
		"/proc/sys/net/ipv4",
		"/proc/sys/net/ipv6",
		"/proc/sys/net/unix",
		"/sys",
		"/sys/kernel",
		"/sys/kernel/mm",
		"/sys/kernel/mm/transparent_hugepage",
		"/sys/kernel/mm/hugepages",
		"/sys/fs",
		"/sys/fs/cgroup",
		"/sys/devices",
		"/sys/devices/system",
		"/sys/devices/system/cpu",
		"/sys/devices/system/node",
		"/sys/class",
	};
	static const char *const files[] = { "/proc/meminfo",
					     "/proc/stat",
					     "/proc/cgroups",
					     "/proc/swaps",
					     "/proc/self/status",
					     "/proc/self/io",
					     "/proc/self/smaps_rollup",
					     "/sys/fs/cgroup/memory.stat",
					     "/sys/fs/cgroup/memory.events",
					     "/sys/fs/cgroup/cpu.stat" };

	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++)
		list_directory(directories[i]);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		list_words(files[i]);
}

int main(void)
{
	/* A call with a signal as its answer, and a writer without reader. */
	signal(SIGSYS, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	ask_system_calls();
	ask_sockets();
	ask_ciphers();
	ask_file_systems();
	ask_processes();
	ask_memory();
	ask_files();
	ask_clocks();
	ask_bpf();
	ask_names();
	puts("end: yes");
	return 0;
}
