// SPDX-License-Identifier: GPL-2.0-or-later
#include "command.h"

#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/ioprio.h>
#include <linux/sched/types.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caps.h"

/* Of a command: more may well never be used. */
#define READ_AHEAD_MAX (2 << 20)
/* The kernel cuts a request to what the disk takes at once. */
#define READ_AHEAD_STEP (128 << 10)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* systemd's default. Process 1 may have more open, for the streams of many processes. */
#define FILES 1024

static int set_limits(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FILES) {
		files.rlim_cur = FILES;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	for (uint32_t i = 0; i < p->rlimit_count; i++) {
		struct rlimit l = { p->rlimits[i].soft, p->rlimits[i].hard };

		if (setrlimit((__rlimit_resource_t)p->rlimits[i].resource, &l) < 0)
			return domlet_failure_set(failure, errno, "can't set resource limit %d: %s",
						  p->rlimits[i].resource, domlet_failure_name(errno));
	}
	return 0;
}

/* While the process may still do so. */
static int set_priorities(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	const struct domlet_scheduler_config *s = &p->scheduler;
	struct sched_attr attr = { .size = sizeof attr,
				   .sched_policy = s->policy,
				   .sched_flags = s->flags,
				   .sched_nice = s->nice,
				   .sched_priority = s->priority,
				   .sched_runtime = s->runtime,
				   .sched_deadline = s->deadline,
				   .sched_period = s->period };

	if (s->given && syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return domlet_failure_set(failure, errno, "error setting scheduler: %s", domlet_failure_name(errno));
	if (p->has_io_priority && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, p->io_priority) < 0)
		return domlet_failure_set(failure, errno, "failed to set io priority: %s", domlet_failure_name(errno));
	return 0;
}

/* The filter is for the container's programs and need not allow a call of
 * ours, so it is installed last. Without no_new_privs this takes CAP_SYS_ADMIN,
 * which is kept until then: execve makes the program's capabilities of the
 * other sets, and not of what was permitted or effective before. */
static int become_user(const struct domlet_process_config *p, const struct domlet_filter *filter,
		       struct domlet_failure *failure)
{
	uint64_t kept = filter->code && !p->no_new_privs ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
	int r = domlet_caps_bound(p, failure);

	if (r < 0)
		return r;
	if (setgroups(p->group_count, p->groups) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
	    setresuid(p->uid, p->uid, p->uid) < 0)
		return domlet_failure_set(failure, errno, "can't become user %u, group %u: %s", p->uid, p->gid,
					  domlet_failure_name(errno));
	(void)umask(p->umask);
	return domlet_caps_apply(p, kept, failure);
}

/* An errno in the words of Go's runtime, which is what the engines match. */
static const char *go_text(int code, char *text, size_t len)
{
	(void)snprintf(text, len, "%s", strerror(code));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int enter_directory(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	char text[64], path[PATH_MAX];

	if (chdir(p->cwd) == 0) {
		/* A link of /proc may lead to another tree, which has no path from our
		 * root: the kernel says so, and getcwd() would look for one itself. */
		if (syscall(SYS_getcwd, path, sizeof path) > 0 && path[0] == '/')
			return 0;
		return domlet_failure_set(failure, EPERM, "cwd (\"%s\") set in config.json is outside the container",
					  p->cwd);
	}
	return domlet_failure_set(failure, errno, "chdir to cwd (\"%s\") set in config.json failed: %s", p->cwd,
				  go_text(errno, text, sizeof text));
}

/* Of several with one name the last counts, here and for the program. */
static const char *env_of(const struct domlet_process_config *p, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = p->env.count; i > 0; i--)
		if (strncmp(p->env.item[i - 1], name, len) == 0 && p->env.item[i - 1][len] == '=')
			return p->env.item[i - 1] + len + 1;
	return NULL;
}

/* HOME as the image's /etc/passwd has it, which may be anything. */
static char *home_of(uint32_t uid)
{
	int fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct passwd *entry;
	char *home = NULL;
	struct stat st;

	if (!file || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (file)
			fclose(file);
		else if (fd >= 0)
			close(fd);
		return NULL;
	}
	while (!home && (entry = fgetpwent(file)))
		if (entry->pw_uid == uid && entry->pw_dir[0])
			home = entry->pw_dir;
	if (home && asprintf(&home, "HOME=%s", home) < 0)
		home = NULL;
	fclose(file);
	return home;
}

static char root_home[] = "HOME=/";

struct variable {
	char *text;
	uint32_t at;
};

static int by_name(const void *a, const void *b)
{
	const struct variable *x = a, *y = b;
	size_t x_len = strcspn(x->text, "="), y_len = strcspn(y->text, "=");
	int order = strncmp(x->text, y->text, x_len < y_len ? x_len : y_len);

	if (order == 0)
		order = (x_len > y_len) - (x_len < y_len);
	return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Leaves the last of each name, and NULL in the others' places. */
static int keep_last(char **env, uint32_t count)
{
	struct variable *sorted = calloc((size_t)count + 1, sizeof *sorted);

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = (struct variable){ env[i], i };
	qsort(sorted, count, sizeof *sorted, by_name);
	for (uint32_t i = 0; i + 1 < count; i++)
		if (strncmp(sorted[i].text, sorted[i + 1].text, strcspn(sorted[i].text, "=") + 1) == 0)
			env[sorted[i].at] = NULL;
	free(sorted);
	return 0;
}

static int check_environment(const struct domlet_strings *env, struct domlet_failure *failure)
{
	for (uint32_t i = 0; i < env->count; i++)
		if (env->item[i][0] == '=' || !strchr(env->item[i], '='))
			return domlet_failure_set(failure, EINVAL, "invalid environment variable: %s",
						  env->item[i][0] == '=' ? "name cannot be empty" : "missing '='");
	return 0;
}

/* Runs before the limits, which may leave no memory. */
static int make_environment(struct domlet_command *cmd, struct domlet_failure *failure)
{
	const struct domlet_strings *env = &cmd->p->env;
	const char *home = env_of(cmd->p, "HOME");
	bool has_home = home && home[0];
	char *added = has_home ? NULL : home_of(cmd->p->uid);
	uint32_t n = 0;

	if (check_environment(env, failure) < 0)
		return -failure->code;
	cmd->env = calloc((size_t)env->count + 2, sizeof *cmd->env);
	if (cmd->env && env->count)
		memcpy(cmd->env, env->item, env->count * sizeof *cmd->env);
	if (!cmd->env || keep_last(cmd->env, env->count) < 0)
		return domlet_failure_set(failure, ENOMEM, "no memory for the environment");
	for (uint32_t i = 0; i < env->count; i++)
		if (cmd->env[i] && (has_home || strncmp(cmd->env[i], "HOME=", 5) != 0))
			cmd->env[n++] = cmd->env[i];
	if (!has_home)
		cmd->env[n++] = added ? added : root_home;
	cmd->env[n] = NULL;
	return 0;
}

static bool runnable(const char *path, int *why)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		*why = errno;
		return false;
	}
	if (!S_ISREG(st.st_mode) ||
	    (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 && errno != EPERM && errno != ENOSYS)) {
		*why = EACCES;
		return false;
	}
	return true; /* or the question is refused, and execve answers it */
}

enum found { FOUND_NONE, FOUND_DENIED, FOUND_RELATIVE, FOUND };

/* As Go's LookPath, which runc uses: an empty part of DIRS is the working
 * directory, and a command that would be found there is none. */
static enum found look_in(const char *dirs, const char *name, char *path, size_t len)
{
	enum found found = FOUND_NONE;
	const char *end;
	int why;

	for (dirs = dirs[0] ? dirs : NULL; dirs; dirs = end[0] ? end + 1 : NULL) {
		end = strchrnul(dirs, ':');
		if ((size_t)snprintf(path, len, "%.*s/%s", end > dirs ? (int)(end - dirs) : 1, end > dirs ? dirs : ".",
				     name) >= len)
			continue;
		if (runnable(path, &why))
			return path[0] == '/' ? FOUND : FOUND_RELATIVE;
		if (why == EACCES)
			found = FOUND_DENIED;
	}
	return found;
}

/* The texts are those that docker and podman match for the exit statuses 127 and 126. */
static int resolve(const struct domlet_process_config *p, char *path, size_t len, struct domlet_failure *failure)
{
	const char *name = p->args.item[0], *dirs = env_of(p, "PATH");
	int why = ENOENT;

	if (strchr(name, '/')) {
		(void)snprintf(path, len, "%s", name);
		if (runnable(path, &why))
			return 0;
		if (why == EACCES)
			return domlet_failure_set(failure, EACCES, "exec: \"%s\": permission denied", name);
		return domlet_failure_set(failure, why, "exec: \"%s\": stat %s: no such file or directory", name, name);
	}
	switch (look_in(dirs ? dirs : DEFAULT_PATH, name, path, len)) {
	case FOUND: return 0;
	case FOUND_RELATIVE:
		return domlet_failure_set(failure, EACCES,
					  "exec: \"%s\": cannot run executable found relative to current directory",
					  name);
	case FOUND_DENIED: return domlet_failure_set(failure, EACCES, "exec: \"%s\": permission denied", name);
	default: return domlet_failure_set(failure, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
	}
}

/* The command's pages come from the disk while the container waits for START,
 * in a few large requests instead of one for each page that is touched first. */
static void read_ahead(const struct domlet_process_config *p)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC; /* it may be another file by now */
	struct domlet_failure ignored;
	char path[PATH_MAX];
	int fd = resolve(p, path, sizeof path, &ignored) < 0 ? -1 : open(path, flags);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		for (off_t at = 0; at < st.st_size && at < READ_AHEAD_MAX; at += READ_AHEAD_STEP)
			(void)readahead(fd, at, READ_AHEAD_STEP);
	if (fd >= 0)
		close(fd);
}

int domlet_command_prepare(struct domlet_command *cmd, const struct domlet_process_config *p,
			   struct json_object *seccomp, struct domlet_failure *failure)
{
	bool inside;
	int r;

	cmd->p = p;
	r = make_environment(cmd, failure);
	/* Needs more memory and descriptors than the limits may leave. */
	if (r == 0)
		r = domlet_filter_compile(seccomp, &cmd->filter, failure);
	if (r == 0)
		r = set_priorities(p, failure);
	if (r == 0)
		r = set_limits(p, failure);
	if (r < 0)
		return r;
	/* As root, for a directory that only root may enter; then as the user,
	 * for one that only the user may. */
	inside = enter_directory(p, failure) == 0;
	if (!inside && failure->code != EACCES)
		return -failure->code;
	failure->code = 0;
	read_ahead(p);
	r = become_user(p, &cmd->filter, failure);
	if (r == 0 && !inside)
		r = enter_directory(p, failure);
	if (r < 0)
		return r;
	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return domlet_failure_set(failure, errno, "can't set no_new_privs");
	return resolve(p, cmd->path, sizeof cmd->path, failure);
}

int domlet_command_exec(const struct domlet_command *cmd, struct domlet_failure *failure)
{
	char text[64];

	if (domlet_filter_install(&cmd->filter, failure) < 0)
		return -failure->code;
	execve(cmd->path, cmd->p->args.item, cmd->env);
	return domlet_failure_set(failure, errno, "exec: \"%s\": %s", cmd->p->args.item[0],
				  go_text(errno, text, sizeof text));
}
