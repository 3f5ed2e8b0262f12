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
#include "launch.h"
#include "option.h"

#define FILE_MAX (1U << 20)
#define BACKUP ".before-domlet"
#define CANDIDATE ".domlet-new"
/* Programs that call domlet with a template, for engines that can give a runtime
 * no arguments: podman gives none to "state", containerd none at all. */
#define WRAPPERS "/var/lib/domlet/runtimes"

const struct domlet_engine domlet_engines[] = {
	{ DOMLET_ENGINE_DOCKER,
	  "docker",
	  "/usr/sbin/dockerd",
	  "docker.io",
	  "/etc/docker/daemon.json",
	  "have dockerd read it: systemctl reload docker (or send it SIGHUP)",
	  { "docker run --rm --network none --runtime=", " IMAGE COMMAND" } },
	{ DOMLET_ENGINE_PODMAN,
	  "podman",
	  "/usr/bin/podman",
	  "podman",
	  "/etc/containers/containers.conf.d/domlet.conf",
	  "podman reads it at each call: nothing to reload",
	  { "podman --runtime ", " run --rm --network none IMAGE COMMAND" } },
	{ DOMLET_ENGINE_CONTAINERD,
	  "containerd",
	  "/usr/bin/containerd",
	  "containerd",
	  "/etc/containerd/config.toml",
	  "for Kubernetes' pods restart containerd: systemctl restart containerd; ctr needs no restart",
	  { NULL, NULL } },
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

/* Has containerd itself read the new file before it takes the old one's place,
 * with the runtime that is ADDED to it (NULL: none).
 * podman's is wholly ours, and docker 20.10 has no way to check a file. */
static int validate(const struct domlet_engine *e, const char *candidate, const struct domlet_engine_runtime *added,
		    struct domlet_error *err)
{
	char table[512];
	char *argv[] = { (char *)e->program, "--config", (char *)candidate, "config", "dump", NULL };
	cleanup_free char *out = malloc(FILE_MAX);
	int r;

	if (e->kind != DOMLET_ENGINE_CONTAINERD)
		return 0;
	r = out ? run_quietly(argv, out, FILE_MAX) : -ENOMEM;
	if (r < 0)
		return domlet_error_set(err, -r, "%s can't be run: %s", e->program, domlet_strerror(-r));
	if (r) { /* the first line of the output is the reason */
		out[strcspn(out, "\n")] = '\0';
		return domlet_error_set(
			err, EINVAL, "%s is left as it was: with domlet in it containerd refuses it: %s", e->file, out);
	}
	(void)snprintf(table, sizeof table, ".containerd.runtimes.%s]", added ? added->name : "");
	if (added && !strstr(out, table))
		return domlet_error_set(
			err, EINVAL,
			"%s is left as it was: containerd does not see a runtime that is put there; is it in the old format (\"version = 2\" missing)?",
			e->file);
	return 0;
}

/* Replaces the text OLD of PATH by NEW. OLD is NULL when there is no file, NEW when none shall
 * stay, ADDED when a runtime goes. */
static int replace(const struct domlet_engine *e, const char *path, const char *old, const char *new, mode_t mode,
		   const struct domlet_engine_runtime *added, struct domlet_error *err)
{
	char beside[PATH_MAX + 32];
	int r;

	(void)snprintf(beside, sizeof beside, "%s" BACKUP, path);
	if (old && (r = domlet_file_write(beside, old, strlen(old), mode, err)) < 0)
		return r;
	if (!new)
		return unlink(path) < 0 ?
			       domlet_error_set(err, errno, "%s can't be removed: %s", path, domlet_strerror(errno)) :
			       0;
	(void)snprintf(beside, sizeof beside, "%s" CANDIDATE, path);
	if ((r = domlet_file_write(beside, new, strlen(new), mode, err)) < 0)
		return r;
	r = validate(e, beside, added, err);
	if (r == 0 && rename(beside, path) < 0)
		r = domlet_error_set(err, errno, "%s can't be written: %s", path, domlet_strerror(errno));
	if (r < 0)
		(void)unlink(beside);
	return r;
}

/* Changes the engine's configuration. Returns 1 when that became another one, else 0 or
 * -errno. */
static int change(const struct domlet_engine *e, const struct domlet_engine_runtime *runtime, bool put_in,
		  struct domlet_error *err)
{
	cleanup_free char *old = NULL, *new = NULL, *dir = strdup(e->file);
	char path[PATH_MAX];
	struct stat st = { .st_mode = 0644 };
	size_t len;
	int r;

	/* The file behind a symbolic link is changed, so that the link stays one. */
	if (!realpath(e->file, path))
		(void)snprintf(path, sizeof path, "%s", e->file);
	if (stat(path, &st) == 0 && (r = domlet_file_read(path, FILE_MAX, &old, &len, err)) < 0)
		return r;
	if (old && strlen(old) != len)
		return domlet_error_set(err, EINVAL, "%s is left as it was: it has a zero byte", e->file);
	if (domlet_engine_text_edit(e->kind, old, runtime, put_in, &new, err) < 0)
		return domlet_error_prefix(err, "%s is left as it was", e->file);
	if (old && new ? !strcmp(old, new) : !old && !new)
		return 0;
	if (put_in && dir && (r = domlet_file_mkdir_parents(dirname(dir), 0755, err)) < 0)
		return r;
	r = replace(e, path, old, new, st.st_mode & 0777, put_in ? runtime : NULL, err);
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

/* Fills in the runtime that is registered: domlet itself, or a way to domlet with a template.
 * The strings are in NAME and PROGRAM. */
static int name_runtime(struct domlet_cli *cli, const struct domlet_engine *e, char name[NAME_MAX + 1],
			char program[PATH_MAX], struct domlet_engine_runtime *runtime)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	const char *template_name = cli->template_name;

	if (own_path(program, PATH_MAX, &cli->err) < 0)
		return -1;
	*runtime = (struct domlet_engine_runtime){ .name = "domlet", .program = program };
	if (!template_name)
		return 0;
	/* As in TOML's names, and in the shell's words that docker makes of it. */
	if (template_name[strspn(template_name, allowed)] || strlen(template_name) > 64)
		return domlet_error_set(
			&cli->err, EINVAL,
			"a runtime can't be named after the template \"%.64s\": it may have 64 letters, digits, _ and -",
			template_name);
	(void)snprintf(name, NAME_MAX + 1, "domlet-%s", template_name);
	runtime->name = name;
	if (e->kind == DOMLET_ENGINE_DOCKER)
		runtime->template_name = template_name;
	else
		(void)snprintf(program, PATH_MAX, WRAPPERS "/%s", name);
	return 0;
}

static int write_wrapper(const char *file, const char *template_name, struct domlet_error *err)
{
	char program[PATH_MAX], text[2 * PATH_MAX];
	int r = own_path(program, sizeof program, err);

	if (r < 0)
		return r;
	if (strchr(program, '\''))
		return domlet_error_set(err, EINVAL, "domlet's own path has a character that can't be written there");
	(void)snprintf(text, sizeof text,
		       "#!/bin/sh\n# Written by \"domlet --template %s install\".\nexec '%s' --template %s \"$@\"\n",
		       template_name, program, template_name);
	r = domlet_file_mkdir_parents(WRAPPERS, 0755, err);
	return r < 0 ? r : domlet_file_write(file, text, strlen(text), 0755, err);
}

/* Removes the script FILE, unless another engine runs it. */
static void remove_wrapper(const char *file)
{
	for (unsigned int i = 0; i < domlet_engine_count; i++) {
		cleanup_free char *text = NULL;
		struct domlet_error ignored;
		size_t len;

		if (domlet_file_read(domlet_engines[i].file, FILE_MAX, &text, &len, &ignored) == 0 && strstr(text, file))
			return;
	}
	(void)unlink(file);
}

static void say_use(const struct domlet_engine *e, const struct domlet_engine_runtime *runtime)
{
	if (e->kind == DOMLET_ENGINE_CONTAINERD) /* ctr doesn't read the file */
		printf("then: ctr run --rm --runc-binary %s IMAGE ID COMMAND\n", runtime->program);
	else
		printf("then: %s%s%s\n", e->use[0], runtime->name, e->use[1]);
}

static int change_one(struct domlet_cli *cli, const struct domlet_engine *e, bool put_in)
{
	char name[NAME_MAX + 1], program[PATH_MAX], path[512];
	struct domlet_engine_runtime runtime;
	bool wrapper = cli->template_name && e->kind != DOMLET_ENGINE_DOCKER;
	int r;

	if (name_runtime(cli, e, name, program, &runtime) < 0)
		return 1;
	if (put_in && access(e->program, X_OK) < 0) {
		(void)domlet_error_set(&cli->err, ENOENT, "%s is not on this host (%s): apt-get install %s", e->name,
				       e->program, e->package);
		return 1;
	}
	if (put_in && cli->template_name &&
	    domlet_cli_find_template(cli->template_name, path, sizeof path, &cli->err) < 0)
		return 1;
	if (put_in && wrapper && write_wrapper(program, cli->template_name, &cli->err) < 0)
		return 1;
	r = change(e, &runtime, put_in, &cli->err);
	if (wrapper && (r < 0 || !put_in))
		remove_wrapper(program);
	if (r < 0)
		return 1;
	if (r == 0)
		printf("%s: %s %s\n", e->file, runtime.name, put_in ? "is registered already" : "is not registered");
	else
		printf("%s\n", e->reload);
	if (put_in)
		say_use(e, &runtime);
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

struct check {
	const struct domlet_engine *engine;
	int (*line)(bool ok, const char *what, const char *remedy);
	int failures;
};

static void check_runtime(const struct domlet_engine_runtime *runtime, void *arg)
{
	struct check *c = arg;
	const struct domlet_engine *e = c->engine;
	const char *template_name = runtime->template_name;
	char what[PATH_MAX + 512], remedy[1024], path[512];
	struct domlet_error err = { 0 };
	bool found = true;

	if (e->kind != DOMLET_ENGINE_DOCKER && !strncmp(runtime->name, "domlet-", strlen("domlet-")))
		template_name = runtime->name + strlen("domlet-");
	if (template_name)
		found = domlet_cli_find_template(template_name, path, sizeof path, &err) == 0;
	(void)snprintf(what, sizeof what, "%s runs %s as its runtime \"%s\"", e->name, runtime->program, runtime->name);
	if (found)
		(void)snprintf(remedy, sizeof remedy, "it is no program; domlet %s%s%sinstall %s",
			       template_name ? "--template " : "", template_name ?: "", template_name ? " " : "",
			       e->name);
	else
		(void)snprintf(remedy, sizeof remedy, "%.*s", (int)sizeof remedy - 1, err.text);
	c->failures += c->line(found && access(runtime->program, X_OK) == 0, what, remedy);
}

int domlet_engine_check_all(int (*line)(bool ok, const char *what, const char *remedy))
{
	struct check c = { .line = line };

	for (unsigned int i = 0; i < domlet_engine_count; i++) {
		const struct domlet_engine *e = &domlet_engines[i];
		cleanup_free char *text = NULL;
		struct domlet_error ignored;
		size_t len;

		if (access(e->program, X_OK) < 0)
			continue;
		c.engine = e;
		if (domlet_file_read(e->file, FILE_MAX, &text, &len, &ignored) < 0 ||
		    domlet_engine_text_each(e->kind, text, check_runtime, &c) == 0)
			printf("note  %s does not know domlet: domlet install %s\n", e->name, e->name);
	}
	return c.failures;
}
