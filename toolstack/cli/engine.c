/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/file.h"
#include "option.h"

#define FILE_MAX (1U << 20)
#define BACKUP ".before-domlet"
#define CANDIDATE ".domlet-new"

const struct domlet_engine domlet_engines[] = {
	{ DOMLET_ENGINE_DOCKER, "docker", "/usr/sbin/dockerd", "docker.io", "/etc/docker/daemon.json",
	  "have dockerd read it: systemctl reload docker (or send it SIGHUP)",
	  "docker run --rm --network none --runtime=domlet IMAGE COMMAND" },
	{ DOMLET_ENGINE_PODMAN, "podman", "/usr/bin/podman", "podman", "/etc/containers/containers.conf.d/domlet.conf",
	  "podman reads it at each call: nothing to reload",
	  "podman --runtime domlet run --rm --network none IMAGE COMMAND" },
	{ DOMLET_ENGINE_CONTAINERD, "containerd", "/usr/bin/containerd", "containerd", "/etc/containerd/config.toml",
	  "for Kubernetes' pods restart containerd: systemctl restart containerd; ctr needs no restart",
	  NULL },
};
const unsigned int domlet_engine_count = sizeof domlet_engines / sizeof domlet_engines[0];

/* Runs ARGV with its output, as much as fits, in OUT. Returns its exit status,
 * or -errno. */
static int run_quietly(char *const argv[], char *out, size_t size)
{
	posix_spawn_file_actions_t actions;
	cleanup_fclose FILE *f = tmpfile();
	int status, r;
	size_t n;
	pid_t pid;

	if (!f)
		return -errno;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, fileno(f), 1);
	(void)posix_spawn_file_actions_adddup2(&actions, fileno(f), 2);
	r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	rewind(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Has containerd itself read the new file before it takes the old one's place.
 * podman's is wholly ours, and docker 20.10 has no way to check a file. */
static int validate(const struct domlet_engine *e, const char *candidate, struct domlet_error *err)
{
	char *argv[] = { (char *)e->program, "--config", (char *)candidate, "config", "dump", NULL };
	cleanup_free char *out = malloc(FILE_MAX);
	int r;

	if (e->kind != DOMLET_ENGINE_CONTAINERD)
		return 0;
	r = out ? run_quietly(argv, out, FILE_MAX) : -ENOMEM;
	if (r < 0)
		return domlet_error_set(err, -r, "%s can't be run: %s", e->program, domlet_strerror(-r));
	out[strcspn(out, "\n")] = r ? '\0' : '\n';
	if (r)
		return domlet_error_set(err, EINVAL, "%s is left as it was: with domlet in it containerd refuses it: %s",
					e->file, out);
	if (!strstr(out, ".containerd.runtimes.domlet]"))
		return domlet_error_set(err, EINVAL,
					"%s is left as it was: containerd does not see a runtime that is put there; is it in the old format (\"version = 2\" missing)?",
					e->file);
	return 0;
}

/* OLD is NULL when there is no file, NEW when none shall stay. */
static int replace(const struct domlet_engine *e, const char *path, const char *old, const char *new, mode_t mode,
		   struct domlet_error *err)
{
	char beside[PATH_MAX + 32];
	int r;

	(void)snprintf(beside, sizeof beside, "%s" BACKUP, path);
	if (old && (r = domlet_file_write(beside, old, strlen(old), mode, err)) < 0)
		return r;
	if (!new)
		return unlink(path) < 0 ? domlet_error_set(err, errno, "%s can't be removed: %s", path, domlet_strerror(errno)) : 0;
	(void)snprintf(beside, sizeof beside, "%s" CANDIDATE, path);
	if ((r = domlet_file_write(beside, new, strlen(new), mode, err)) < 0)
		return r;
	r = validate(e, beside, err);
	if (r == 0 && rename(beside, path) < 0)
		r = domlet_error_set(err, errno, "%s can't be written: %s", path, domlet_strerror(errno));
	if (r < 0)
		(void)unlink(beside);
	return r;
}

/* Returns 1 when something was changed. */
static int change(const struct domlet_engine *e, const char *program, struct domlet_error *err)
{
	cleanup_free char *old = NULL, *new = NULL, *dir = strdup(e->file);
	char path[PATH_MAX];
	struct stat st = { .st_mode = 0644 };
	size_t len;
	int r;

	/* A symbolic link stays one. */
	if (!realpath(e->file, path))
		(void)snprintf(path, sizeof path, "%s", e->file);
	if (stat(path, &st) == 0 && (r = domlet_file_read(path, FILE_MAX, &old, &len, err)) < 0)
		return r;
	if (old && strlen(old) != len)
		return domlet_error_set(err, EINVAL, "%s is left as it was: it has a zero byte", e->file);
	if (domlet_engine_text_edit(e->kind, old, program, &new, err) < 0)
		return domlet_error_prefix(err, "%s is left as it was", e->file);
	if (old && new ? !strcmp(old, new) : !old && !new)
		return 0;
	if (program && dir && (r = domlet_file_mkdir_parents(dirname(dir), 0755, err)) < 0)
		return r;
	r = replace(e, path, old, new, st.st_mode & 0777, err);
	if (r == 0 && old)
		printf("%s: changed; as it was: %s" BACKUP "\n", e->file, path);
	else if (r == 0)
		printf("%s: made\n", e->file);
	return r < 0 ? r : 1;
}

static const struct domlet_engine *find(const char *name)
{
	for (unsigned int i = 0; i < domlet_engine_count; i++)
		if (!strcmp(domlet_engines[i].name, name))
			return &domlet_engines[i];
	return NULL;
}

static int own_path(char *path, size_t size, struct domlet_error *err)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	if (n < 0)
		return domlet_error_set(err, errno, "domlet can't find its own path: is /proc mounted?");
	path[n] = '\0';
	return 0;
}

static int change_one(struct domlet_cli *cli, const struct domlet_engine *e, bool put_in)
{
	char program[PATH_MAX];
	int r;

	if (own_path(program, sizeof program, &cli->err) < 0)
		return 1;
	if (put_in && access(e->program, X_OK) < 0) {
		(void)domlet_error_set(&cli->err, ENOENT, "%s is not on this host (%s): apt-get install %s", e->name, e->program,
				       e->package);
		return 1;
	}
	r = change(e, put_in ? program : NULL, &cli->err);
	if (r < 0)
		return 1;
	if (r == 0)
		printf("%s: domlet %s\n", e->file, put_in ? "is registered already" : "is not registered");
	else
		printf("%s\n", e->reload);
	if (put_in && e->kind == DOMLET_ENGINE_CONTAINERD) /* ctr doesn't read the file */
		printf("then: ctr run --rm --runc-binary %s IMAGE ID COMMAND\n", program);
	else if (put_in)
		printf("then: %s\n", e->use);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

int domlet_engine_change(struct domlet_cli *cli, const struct domlet_verb *verb, bool put_in, int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const struct domlet_engine *e;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(verb, true);
		return domlet_cli_bad_option(cli, verb, c, argc, argv);
	}
	e = argc - optind == 1 ? find(argv[optind]) : NULL;
	if (e)
		return change_one(cli, e, put_in);
	(void)domlet_error_set(&cli->err, EINVAL, "\"%s\" needs one argument: docker, podman or containerd", verb->name);
	return 1;
}

int domlet_engine_check_all(int (*line)(bool ok, const char *what, const char *remedy))
{
	int failures = 0;

	for (unsigned int i = 0; i < domlet_engine_count; i++) {
		const struct domlet_engine *e = &domlet_engines[i];
		cleanup_free char *text = NULL;
		char program[PATH_MAX], what[PATH_MAX + 64], remedy[64];
		struct domlet_error ignored;
		size_t len;

		if (access(e->program, X_OK) < 0)
			continue;
		if (domlet_file_read(e->file, FILE_MAX, &text, &len, &ignored) < 0 ||
		    !domlet_engine_text_find(e->kind, text, program, sizeof program)) {
			printf("note  %s does not know domlet: domlet install %s\n", e->name, e->name);
			continue;
		}
		(void)snprintf(what, sizeof what, "%s runs %s as its runtime \"domlet\"", e->name, program);
		(void)snprintf(remedy, sizeof remedy, "it is no program; domlet install %s", e->name);
		failures += line(access(program, X_OK) == 0, what, remedy);
	}
	return failures;
}
