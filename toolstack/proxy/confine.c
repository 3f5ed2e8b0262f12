/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#if defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined __SANITIZE_ADDRESS__
#define SANITIZED
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
/* Goes on with the next instruction if the loaded word is VALUE, or else skips that. */
#define IF(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1)
#define ALLOW(call) IF(SYS_##call), RETURN(SECCOMP_RET_ALLOW)

/* The filter is written by hand, since libseccomp takes longer to make one than all else
 * here takes, and each exec waits for it. A call of another architecture (x32 has a bit of
 * its own in the number) is none of these. */
static const struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#ifdef SYS_poll
	ALLOW(poll),
#endif
	ALLOW(ppoll),
	ALLOW(restart_syscall), /* poll(), after SIGSTOP and SIGCONT */
	ALLOW(read),
	ALLOW(recvfrom),
	ALLOW(sendto),
	ALLOW(close),
	ALLOW(exit_group),
#ifdef SANITIZED
	ALLOW(sigaltstack), /* the sanitizer, before what does not return */
#endif
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(args[1]), /* its lower half */
	IF(TIOCGWINSZ),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_KILL_PROCESS),
};

int domlet_proxy_confine(void)
{
	const struct sock_fprog program = { .len = sizeof filter / sizeof filter[0],
					    .filter = (struct sock_filter *)(uintptr_t)filter };

	/* The bounding set is emptied, and uid 0 is locked out of what it means. */
	if (cap_set_mode(CAP_MODE_NOPRIV) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return -errno;
	return 0;
}
