/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAMES_MAX = 4096, RULES_MAX = 4096, ARGS_MAX = 6, STUB_INSNS = 9 };
/* asm/unistd.h's __X32_SYSCALL_BIT, which is a constant of the machine's width there. */
#define X32_SYSCALL_BIT 0x40000000u

static uint32_t read_action(struct domlet_reader *r, struct json_object *in, const char *key, const char *errno_key)
{
	const char *name = domlet_read_string(r, in, key, "");
	uint32_t code = (uint32_t)domlet_read_int(r, in, errno_key, 0, 4095, EPERM);

	if (!strcmp(name, "SCMP_ACT_ALLOW"))
		return SCMP_ACT_ALLOW;
	if (!strcmp(name, "SCMP_ACT_ERRNO"))
		return SCMP_ACT_ERRNO(code);
	if (!strcmp(name, "SCMP_ACT_KILL") || !strcmp(name, "SCMP_ACT_KILL_THREAD"))
		return SCMP_ACT_KILL_THREAD;
	if (!strcmp(name, "SCMP_ACT_KILL_PROCESS"))
		return SCMP_ACT_KILL_PROCESS;
	if (!strcmp(name, "SCMP_ACT_TRAP"))
		return SCMP_ACT_TRAP;
	if (!strcmp(name, "SCMP_ACT_TRACE"))
		return SCMP_ACT_TRACE(code);
	if (!strcmp(name, "SCMP_ACT_LOG"))
		return SCMP_ACT_LOG;
	domlet_read_fail(r, "linux.seccomp",
			 !strcmp(name, "SCMP_ACT_NOTIFY") ? "asks for a listener, which can't reach into a guest" :
							    "has an action this guest does not know");
	return SCMP_ACT_KILL_PROCESS;
}

static int read_operator(struct domlet_reader *r, struct json_object *in)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} known[] = {
		{ "SCMP_CMP_NE", SCMP_CMP_NE },
		{ "SCMP_CMP_LT", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", SCMP_CMP_LE },
		{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
		{ "SCMP_CMP_GE", SCMP_CMP_GE },
		{ "SCMP_CMP_GT", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	};
	const char *name = domlet_read_string(r, in, "op", "");
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i].name))
			return (int)known[i].op;
	domlet_read_fail(r, "linux.seccomp.syscalls.args.op", "is no comparison");
	return SCMP_CMP_EQ;
}

static uint64_t read_u64(struct json_object *in, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(in, key, &value))
		return 0;
	return json_object_get_uint64(value);
}

static uint32_t read_args(struct domlet_reader *r, struct json_object *rule, struct scmp_arg_cmp *out, bool *repeated)
{
	uint32_t count, i, seen = 0;
	struct json_object *array = domlet_read_array(r, rule, "args", ARGS_MAX, &count);

	*repeated = false;
	for (i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(array, i);

		memset(&out[i], 0, sizeof(out[i]));
		if (!json_object_is_type(one, json_type_object)) {
			domlet_read_fail(r, "linux.seccomp.syscalls.args", "must hold objects");
			return 0;
		}
		out[i].arg = (unsigned int)domlet_read_int(r, one, "index", 0, 5, 0);
		out[i].op = (enum scmp_compare)read_operator(r, one);
		out[i].datum_a = read_u64(one, "value");
		out[i].datum_b = read_u64(one, "valueTwo");
		*repeated |= (seen >> out[i].arg & 1) != 0;
		seen |= 1u << out[i].arg;
	}
	return count;
}

/* Conditions on different arguments must all hold; libseccomp takes an
 * argument once a rule, so several on one argument become rules of their own
 * (any may hold), as the engines' profiles mean it. */
static int add_rule(scmp_filter_ctx ctx, uint32_t action, int nr, const struct scmp_arg_cmp *args, uint32_t count,
		    bool repeated)
{
	uint32_t i;
	int rc = 0;

	if (!repeated)
		return seccomp_rule_add_array(ctx, action, nr, count, args);
	for (i = 0; i < count && rc == 0; i++)
		rc = seccomp_rule_add_array(ctx, action, nr, 1, &args[i]);
	return rc;
}

/* The highest call that any rule so far has named; of programs of 32 bits, too. */
struct last_calls {
	int native, x86;
};

static void note_call(struct last_calls *last, const char *name, int nr)
{
	int x86 = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name);

	last->native = nr > last->native ? nr : last->native;
	last->x86 = x86 > last->x86 ? x86 : last->x86;
}

static void read_rule(struct domlet_reader *r, scmp_filter_ctx ctx, struct json_object *rule, uint32_t default_action,
		      struct last_calls *last)
{
	struct scmp_arg_cmp args[ARGS_MAX];
	uint32_t names, i, arg_count, action;
	struct json_object *array = domlet_read_array(r, rule, "names", NAMES_MAX, &names);
	bool repeated;

	action = read_action(r, rule, "action", "errnoRet");
	arg_count = read_args(r, rule, args, &repeated);
	if (r->failed)
		return;
	for (i = 0; i < names; i++) {
		const char *name = domlet_read_text(r, json_object_array_get_idx(array, i), "names");
		int nr, rc;

		if (!name)
			return;
		nr = seccomp_syscall_resolve_name(name);
		/* Profiles name calls of all machines and of later kernels. */
		if (nr == __NR_SCMP_ERROR)
			continue;
		note_call(last, name, nr);
		/* libseccomp refuses rules that change nothing. */
		if (action == default_action)
			continue;
		rc = add_rule(ctx, action, nr, args, arg_count, repeated);
		if (rc < 0 && rc != -EEXIST && rc != -EDOM && rc != -EACCES) {
			domlet_read_fail(r, "linux.seccomp.syscalls", "can't be made into a filter");
			return;
		}
	}
}

static void read_architectures(struct domlet_reader *r, scmp_filter_ctx ctx, struct json_object *seccomp)
{
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, seccomp, "architectures", 64, &count);

	for (i = 0; i < count; i++) {
		const char *name = domlet_read_text(r, json_object_array_get_idx(array, i), "architectures");

		/* Others can't run here: the filter kills what it doesn't list. */
		if (name && !strcmp(name, "SCMP_ARCH_X86"))
			(void)seccomp_arch_add(ctx, SCMP_ARCH_X86);
		else if (name && !strcmp(name, "SCMP_ARCH_X32"))
			(void)seccomp_arch_add(ctx, SCMP_ARCH_X32);
	}
}

static void read_flags(struct domlet_reader *r, struct json_object *seccomp, struct domlet_filter *out)
{
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, seccomp, "flags", 16, &count);

	for (i = 0; i < count; i++) {
		const char *name = domlet_read_text(r, json_object_array_get_idx(array, i), "flags");

		/* A process has one thread when it installs its filter. */
		if (!name || !strcmp(name, "SECCOMP_FILTER_FLAG_TSYNC"))
			continue;
		if (!strcmp(name, "SECCOMP_FILTER_FLAG_LOG"))
			out->flags |= SECCOMP_FILTER_FLAG_LOG;
		else if (!strcmp(name, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"))
			out->flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
		else
			domlet_read_fail(r, "linux.seccomp.flags", "has a flag this guest does not know");
	}
}

/* A call later than all that a profile names was unknown to who wrote it. To
 * refuse it would end programs that only ask whether the kernel has it, so it
 * is answered as by a kernel that has not, as runc does. */
static void add_later_calls(struct domlet_filter *out, uint32_t default_action, const struct last_calls *last)
{
	const uint32_t native = last->native > 0 ? (uint32_t)last->native : UINT32_MAX; /* none is later */
	const uint32_t x86 = last->x86 > 0 ? (uint32_t)last->x86 : UINT32_MAX;
	const struct sock_filter stub[STUB_INSNS] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_SYSCALL_BIT, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, native, 3, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, x86, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	if (default_action == SCMP_ACT_ALLOW || default_action == SCMP_ACT_LOG || out->len > BPF_MAXINSNS - STUB_INSNS)
		return;
	memmove(out->code + STUB_INSNS, out->code, out->len * sizeof(*out->code));
	memcpy(out->code, stub, sizeof(stub));
	out->len += STUB_INSNS;
}

/* libseccomp exports to a descriptor only; the longest program the kernel
 * takes is half of what a pipe holds, and non-blocking writes end the rest. */
static int export_program(scmp_filter_ctx ctx, struct domlet_filter *out)
{
	static const size_t size_max = BPF_MAXINSNS * sizeof(struct sock_filter);
	int fds[2], rc;
	ssize_t n = 0;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	out->code = malloc(size_max + STUB_INSNS * sizeof(struct sock_filter));
	rc = out->code ? seccomp_export_bpf(ctx, fds[1]) : -ENOMEM;
	if (rc == 0)
		n = read(fds[0], out->code, size_max + 1);
	close(fds[0]);
	close(fds[1]);
	if (rc < 0)
		return rc;
	if (n <= 0 || (size_t)n > size_max || (size_t)n % sizeof(struct sock_filter))
		return -E2BIG;
	out->len = (uint16_t)((size_t)n / sizeof(struct sock_filter));
	return 0;
}

static int build(struct domlet_reader *r, scmp_filter_ctx ctx, struct json_object *seccomp, uint32_t default_action,
		 struct domlet_filter *out)
{
	uint32_t count, i;
	struct json_object *rules = domlet_read_array(r, seccomp, "syscalls", RULES_MAX, &count);
	struct last_calls last = { 0 };
	int rc;

	read_architectures(r, ctx, seccomp);
	read_flags(r, seccomp, out);
	/* Binary search instead of a list: a third of the cost a call. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (i = 0; i < count && !r->failed; i++)
		read_rule(r, ctx, json_object_array_get_idx(rules, i), default_action, &last);
	if (r->failed)
		return -r->failure->code;
	rc = export_program(ctx, out);
	if (rc < 0)
		return domlet_failure_set(r->failure, -rc, "cannot build the seccomp filter: %s",
					  domlet_failure_name(-rc));
	if (seccomp_arch_exist(ctx, SCMP_ARCH_X86) < 0)
		last.x86 = 0;
	add_later_calls(out, default_action, &last);
	return 0;
}

int domlet_filter_compile(struct json_object *seccomp, struct domlet_filter *out, struct domlet_failure *failure)
{
	struct domlet_reader r = { .failure = failure };
	scmp_filter_ctx ctx;
	uint32_t action;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!seccomp)
		return 0;
	action = read_action(&r, seccomp, "defaultAction", "defaultErrnoRet");
	if (r.failed)
		return -failure->code;
	ctx = seccomp_init(action);
	if (!ctx)
		return domlet_failure_set(failure, ENOMEM, "no memory for the seccomp filter");
	rc = build(&r, ctx, seccomp, action, out);
	seccomp_release(ctx);
	if (rc < 0)
		domlet_filter_free(out);
	return rc;
}

int domlet_filter_install(const struct domlet_filter *s, struct domlet_failure *failure)
{
	struct sock_fprog program = { .len = s->len, .filter = s->code };

	if (!s->code)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->flags, &program) < 0)
		return domlet_failure_set(failure, errno, "cannot install the seccomp filter: %s",
					  domlet_failure_name(errno));
	return 0;
}

void domlet_filter_free(struct domlet_filter *s)
{
	free(s->code);
	memset(s, 0, sizeof(*s));
}
