// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libxl for the stand-in: what starts or waits asks machine.py, what only fills
 * structures is the real library. It does in this process what libxl does here:
 * it writes the domain's nodes to xenstore and runs the disk's script as a
 * child, by the event loop's hooks or, without a callback, at once. The moments
 * of standin_fault() are the names of the calls and, within the two long ones,
 * domain_create.{made,stored,disk} and domain_destroy.{killed,disk,freed}.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>
#include <xenstore.h>

#include "fault.h"

#define DISK 51712 /* xvda */
#define ANSWER_LEN 16384

struct operation {
	bool destroys, aborted, has_disk;
	uint32_t domid;
	pid_t script;
	libxl_asyncop_how how;
};

struct libxl__ctx {
	xentoollog_logger *log;
	const libxl_osevent_hooks *os;
	const libxl_event_hooks *events;
	void *os_user, *events_user;
	struct operation *operation; /* domlet has one at a time */
	libxl_evgen_domain_death *death;
};

struct libxl__evgen_domain_death {
	int fd;
	uint32_t domid;
	void *registration;
};

static void complain(libxl_ctx *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(libxl_ctx *ctx, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	xtl_log(ctx->log, XTL_ERROR, -1, "libxl", "%s", text);
}

/* The hypervisor */

static int connect_to_machine(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/run/standin/hypervisor" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* "ok TEXT": TEXT is left in ANSWER. */
static int ask(int fd, char answer[static ANSWER_LEN], const char *format, va_list ap)
{
	size_t len = 0;
	char line[512];
	ssize_t n;
	int count = vsnprintf(line, sizeof line, format, ap);

	if (fd < 0 || count < 0 || (size_t)count >= sizeof line || send(fd, line, (size_t)count, MSG_NOSIGNAL) != count)
		return ERROR_FAIL;
	do {
		n = recv(fd, answer + len, ANSWER_LEN - 1 - len, 0);
		if (n <= 0)
			return ERROR_FAIL;
		len += (size_t)n;
	} while (answer[len - 1] != '\n');
	answer[len - 1] = '\0';
	if (strncmp(answer, "ok ", 3) == 0) {
		memmove(answer, answer + 3, len - 3);
		return 0;
	}
	return strcmp(answer, "no ESRCH") == 0 ? ERROR_DOMAIN_NOTFOUND : ERROR_FAIL;
}

static int hypercall(char answer[static ANSWER_LEN], const char *format, ...) __attribute__((format(printf, 2, 3)));
static int hypercall(char answer[static ANSWER_LEN], const char *format, ...)
{
	int rc, fd = connect_to_machine();
	va_list ap;

	va_start(ap, format);
	rc = ask(fd, answer, format, ap);
	va_end(ap);
	close(fd);
	return rc;
}

/* xenstore */

static bool put(struct xs_handle *xs, const char *value, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool put(struct xs_handle *xs, const char *value, const char *format, ...)
{
	char path[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(path, sizeof path, format, ap);
	va_end(ap);
	return xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value));
}

static bool own(struct xs_handle *xs, const char *path, struct xs_permissions first, struct xs_permissions second)
{
	struct xs_permissions perms[] = { first, second };

	return xs_mkdir(xs, XBT_NULL, path) && xs_set_permissions(xs, XBT_NULL, path, perms, 2);
}

static bool put_disk(struct xs_handle *xs, uint32_t domid, const libxl_device_disk *disk)
{
	char backend[64], frontend[64];

	(void)snprintf(backend, sizeof backend, "/local/domain/0/backend/vbd/%u/%u", domid, DISK);
	(void)snprintf(frontend, sizeof frontend, "/local/domain/%u/device/vbd/%u", domid, DISK);
	return put(xs, backend, "%s/backend", frontend) && put(xs, frontend, "%s/frontend", backend) &&
	       put(xs, disk->pdev_path, "%s/params", backend) && put(xs, disk->script, "%s/script", backend) &&
	       put(xs, disk->readwrite ? "w" : "r", "%s/mode", backend);
}

static bool put_domain(uint32_t domid, const char *uuid, const libxl_domain_config *config)
{
	struct xs_handle *xs = xs_open(0);
	char path[64], vm[64], number[16];
	bool good = xs != NULL;

	(void)snprintf(vm, sizeof vm, "/vm/%s", uuid);
	(void)snprintf(number, sizeof number, "%u", domid);
	(void)snprintf(path, sizeof path, "/local/domain/%u", domid);
	good = good && own(xs, path, (struct xs_permissions){ .id = 0 },
			   (struct xs_permissions){ .id = domid, .perms = XS_PERM_READ });
	good = good && put(xs, vm, "%s/vm", path) && put(xs, config->c_info.name, "%s/name", path) &&
	       put(xs, number, "%s/domid", path) && put(xs, uuid, "%s/uuid", vm);
	(void)snprintf(path, sizeof path, "/local/domain/%u/data", domid);
	good = good && own(xs, path, (struct xs_permissions){ .id = domid }, (struct xs_permissions){ .id = 0 });
	good = good && put(xs, "", "/local/domain/0/backend/console/%u/0/state", domid);
	good = good && (!config->num_disks || put_disk(xs, domid, &config->disks[0]));
	if (xs)
		xs_close(xs);
	return good;
}

static void remove_domain(uint32_t domid)
{
	struct xs_handle *xs = xs_open(0);
	unsigned int len;
	char path[64], *vm;

	if (!xs)
		return;
	(void)snprintf(path, sizeof path, "/local/domain/%u/vm", domid);
	vm = xs_read(xs, XBT_NULL, path, &len);
	if (vm)
		(void)xs_rm(xs, XBT_NULL, vm);
	free(vm);
	(void)snprintf(path, sizeof path, "/local/domain/0/backend/vbd/%u", domid);
	(void)xs_rm(xs, XBT_NULL, path);
	(void)snprintf(path, sizeof path, "/local/domain/0/backend/console/%u", domid);
	(void)xs_rm(xs, XBT_NULL, path);
	(void)snprintf(path, sizeof path, "/local/domain/%u", domid);
	(void)xs_rm(xs, XBT_NULL, path);
	xs_close(xs);
}

/* The disk's script, as libxl runs it; 0 when there is none. */
static pid_t run_script(uint32_t domid, const char *command)
{
	char path[80], backend[96], *script;
	char *argv[] = { NULL, (char *)command, NULL },
	     *envp[] = { backend, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	struct xs_handle *xs = xs_open(0);
	posix_spawnattr_t attributes;
	unsigned int len;
	sigset_t none;
	pid_t pid;

	if (!xs)
		return -1;
	(void)snprintf(path, sizeof path, "/local/domain/0/backend/vbd/%u/%u/script", domid, DISK);
	script = xs_read(xs, XBT_NULL, path, &len);
	xs_close(xs);
	if (!script)
		return 0;
	(void)snprintf(backend, sizeof backend, "XENBUS_PATH=/local/domain/0/backend/vbd/%u/%u", domid, DISK);
	argv[0] = script;
	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	if (posix_spawn(&pid, script, NULL, &attributes, argv, envp) != 0)
		pid = -1;
	(void)posix_spawnattr_destroy(&attributes);
	free(script);
	return pid;
}

/* The context */

int libxl_ctx_alloc(libxl_ctx **ctx, int version, unsigned int flags, xentoollog_logger *log)
{
	(void)version, (void)flags;
	*ctx = standin_fault("ctx_alloc") ? NULL : calloc(1, sizeof **ctx);
	if (!*ctx)
		return ERROR_NOMEM;
	(*ctx)->log = log;
	return 0;
}

int libxl_ctx_free(libxl_ctx *ctx)
{
	if (ctx->operation) /* libxl asserts it */
		abort();
	free(ctx);
	return 0;
}

void libxl_osevent_register_hooks(libxl_ctx *ctx, const libxl_osevent_hooks *hooks, void *user)
{
	ctx->os = hooks;
	ctx->os_user = user;
}

void libxl_childproc_setmode(libxl_ctx *ctx, const libxl_childproc_hooks *hooks, void *user)
{
	(void)ctx, (void)hooks, (void)user;
}

void libxl_event_register_callbacks(libxl_ctx *ctx, const libxl_event_hooks *hooks, void *user)
{
	ctx->events = hooks;
	ctx->events_user = user;
}

void libxl_event_free(libxl_ctx *ctx, libxl_event *event)
{
	(void)ctx;
	free(event);
}

int libxl_cpu_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *map, int max_cpus)
{
	(void)ctx;
	map->size = (uint32_t)((max_cpus ? max_cpus : 8) + 7) / 8;
	map->map = calloc(map->size, 1);
	return map->map ? 0 : ERROR_NOMEM;
}

int libxl_get_physinfo(libxl_ctx *ctx, libxl_physinfo *info)
{
	char answer[ANSWER_LEN];

	(void)ctx;
	if (standin_fault("get_physinfo") || hypercall(answer, "free\n"))
		return ERROR_FAIL;
	info->free_pages = strtoull(answer, NULL, 10) / 4;
	info->cap_hvm = info->cap_hap = true;
	return 0;
}

/* Fields of a domain that xl.c shows are not in libxl_dominfo: it asks, too. */
libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *count)
{
	char answer[ANSWER_LEN], *at = NULL, *word;
	libxl_dominfo *list = calloc(256, sizeof *list);

	*count = 1; /* dom0 */
	if (!list || standin_fault("list_domain") || hypercall(answer, "list\n")) {
		complain(ctx, "getting domain info list");
		free(list);
		return NULL;
	}
	for (word = strtok_r(answer, " ", &at); word && *count < 256; word = strtok_r(NULL, " ", &at)) {
		libxl_dominfo *d = &list[(*count)++];

		libxl_dominfo_init(d);
		d->domid = (uint32_t)atoi(word);
		(void)libxl_uuid_from_string(&d->uuid, strtok_r(NULL, " ", &at));
		for (int i = 0; i < 3; i++)
			(void)strtok_r(NULL, " ", &at);
	}
	return list;
}

/* Operations */

static void on_timeout(libxl_ctx *ctx);

static int call_soon(libxl_ctx *ctx)
{
	struct timeval now;
	void *registration;

	(void)gettimeofday(&now, NULL);
	return ctx->os->timeout_register(ctx->os_user, &registration, now, ctx) ? ERROR_FAIL : 0;
}

static struct operation *begin(libxl_ctx *ctx, bool destroys, uint32_t domid, const libxl_asyncop_how *how)
{
	struct operation *o = calloc(1, sizeof *o);

	if (!o || ctx->operation)
		abort();
	*o = (struct operation){ .destroys = destroys, .domid = domid };
	if (how)
		o->how = *how;
	return ctx->operation = o;
}

static int finish(libxl_ctx *ctx, int rc)
{
	struct operation *o = ctx->operation;
	libxl_asyncop_how how = o->how;

	ctx->operation = NULL;
	free(o);
	if (how.callback)
		how.callback(ctx, rc, how.u.for_callback);
	return rc;
}

/* With its nodes, and whatever its disk's script says. */
static int free_domain(uint32_t domid)
{
	char answer[ANSWER_LEN];

	remove_domain(domid);
	return hypercall(answer, "destroy %u\n", domid);
}

static void give_up(uint32_t domid)
{
	char answer[ANSWER_LEN];
	pid_t pid;

	(void)hypercall(answer, "kill %u\n", domid);
	pid = run_script(domid, "remove");
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	(void)free_domain(domid);
}

/* Its disk's script has ended, with STATUS of waitpid(2). */
static int go_on(libxl_ctx *ctx, int status)
{
	struct operation *o = ctx->operation;
	int rc = 0;

	if (o->destroys) {
		if (standin_fault("domain_destroy.disk"))
			return finish(ctx, ERROR_FAIL);
		rc = free_domain(o->domid);
		if (standin_fault("domain_destroy.freed"))
			rc = ERROR_FAIL;
		return finish(ctx, rc);
	}
	if (standin_fault("domain_create.disk") || status != 0) {
		complain(ctx, "the disk's script ended with %d", status);
		rc = ERROR_FAIL;
	}
	if (o->aborted)
		rc = ERROR_ABORTED;
	if (rc)
		give_up(o->domid);
	return finish(ctx, rc);
}

static int await_script(libxl_ctx *ctx, const char *command)
{
	struct operation *o = ctx->operation;
	int status = 0;

	o->script = run_script(o->domid, command);
	if (o->how.callback)
		return o->script > 0 ? 0 : call_soon(ctx);
	if (o->script > 0)
		(void)waitpid(o->script, &status, 0);
	return go_on(ctx, status);
}

/* From the loop: an operation without a script goes on. */
static void on_timeout(libxl_ctx *ctx)
{
	if (ctx->operation)
		(void)go_on(ctx, ctx->operation->script < 0 ? 1 : 0);
}

void libxl_osevent_occurred_timeout(libxl_ctx *ctx, void *for_libxl)
{
	on_timeout(for_libxl == ctx ? ctx : NULL);
}

void libxl_childproc_sigchld_occurred(libxl_ctx *ctx)
{
	struct operation *o = ctx->operation;
	int status;

	if (o && o->script > 0 && waitpid(o->script, &status, WNOHANG) == o->script)
		(void)go_on(ctx, status);
}

static bool is_kernel(const char *path)
{
	char magic[4] = "";
	FILE *f = fopen(path, "re");

	if (f) {
		(void)!fread(magic, 1, sizeof magic, f);
		(void)fclose(f);
	}
	return memcmp(magic, "\177ELF", 4) == 0;
}

int libxl_domain_create_new(libxl_ctx *ctx, libxl_domain_config *config, uint32_t *domid, const libxl_asyncop_how *how,
			    const libxl_asyncprogress_how *console)
{
	char answer[ANSWER_LEN], uuid[40];
	struct operation *o;

	(void)console;
	(void)snprintf(uuid, sizeof uuid, LIBXL_UUID_FMT, LIBXL_UUID_BYTES(config->c_info.uuid));
	if (standin_fault("domain_create_new") || !is_kernel(config->b_info.kernel)) {
		complain(ctx, "no kernel");
		return ERROR_INVAL;
	}
	if (hypercall(answer, "create %s %llu %s %s\n", uuid, (unsigned long long)config->b_info.max_memkb,
		      config->c_info.name, config->b_info.ramdisk ? config->b_info.ramdisk : "/dev/null")) {
		complain(ctx, "domain creation fail");
		return ERROR_FAIL;
	}
	o = begin(ctx, false, (uint32_t)atoi(answer), how);
	*domid = o->domid;
	if (standin_fault("domain_create.made") || !put_domain(o->domid, uuid, config) ||
	    standin_fault("domain_create.stored")) {
		complain(ctx, "domain %u can't be made", o->domid);
		give_up(o->domid);
		ctx->operation = NULL;
		free(o);
		return ERROR_FAIL;
	}
	return await_script(ctx, "add");
}

int libxl_ao_abort(libxl_ctx *ctx, const libxl_asyncop_how *how)
{
	(void)how;
	if (standin_fault("ao_abort") || !ctx->operation)
		return ERROR_NOTFOUND; /* it goes on to its own end */
	ctx->operation->aborted = true;
	return 0;
}

static int simple(libxl_ctx *ctx, const char *verb, uint32_t domid, const libxl_asyncop_how *how)
{
	char answer[ANSWER_LEN];
	int rc = hypercall(answer, "%s %u\n", verb, domid);

	if (rc) {
		complain(ctx, "can't %s domain %u", verb, domid);
		return rc;
	}
	if (how)
		how->callback(ctx, 0, how->u.for_callback);
	return 0;
}

int libxl_domain_unpause(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how)
{
	return standin_fault("domain_unpause") ? ERROR_FAIL : simple(ctx, "unpause", domid, how);
}

int libxl_domain_pause(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how)
{
	return standin_fault("domain_pause") ? ERROR_FAIL : simple(ctx, "pause", domid, how);
}

int libxl_domain_destroy(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how)
{
	char answer[ANSWER_LEN];
	int rc;

	if (standin_fault("domain_destroy"))
		return ERROR_FAIL;
	rc = hypercall(answer, "kill %u\n", domid);
	if (rc)
		return rc;
	if (standin_fault("domain_destroy.killed"))
		return ERROR_FAIL;
	(void)begin(ctx, true, domid, how);
	return await_script(ctx, "remove");
}

/* A domain's end */

int libxl_evenable_domain_death(libxl_ctx *ctx, uint32_t domid, libxl_ev_user user, libxl_evgen_domain_death **out)
{
	libxl_evgen_domain_death *death = calloc(1, sizeof *death);
	char line[32];
	int len = snprintf(line, sizeof line, "await %u\n", domid);

	(void)user;
	if (!death || standin_fault("evenable_domain_death"))
		goto failed;
	death->domid = domid;
	death->fd = connect_to_machine();
	if (death->fd < 0)
		goto failed;
	if (send(death->fd, line, (size_t)len, MSG_NOSIGNAL) != len ||
	    ctx->os->fd_register(ctx->os_user, death->fd, &death->registration, POLLIN, death)) {
		close(death->fd);
		goto failed;
	}
	*out = ctx->death = death;
	return 0;
failed:
	free(death);
	return ERROR_FAIL;
}

void libxl_evdisable_domain_death(libxl_ctx *ctx, libxl_evgen_domain_death *death)
{
	if (death->registration)
		ctx->os->fd_deregister(ctx->os_user, death->fd, death->registration);
	close(death->fd);
	free(death);
	ctx->death = NULL;
}

static void tell(libxl_ctx *ctx, libxl_event_type type, uint8_t reason)
{
	libxl_event *e = calloc(1, sizeof *e);

	if (!e)
		abort();
	e->type = type;
	e->domid = ctx->death->domid;
	if (type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN)
		e->u.domain_shutdown.shutdown_reason = reason;
	ctx->events->event_occurs(ctx->events_user, e);
}

/* "ok ", which answers, or "shutdown REASON" or "gone", in lines. */
void libxl_osevent_occurred_fd(libxl_ctx *ctx, void *for_libxl, int fd, short events, short revents)
{
	char text[256], *line, *at = NULL;
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
	bool gone = n == 0;

	(void)events, (void)revents;
	if (for_libxl != ctx->death || (n < 0 && errno == EAGAIN))
		return;
	text[n > 0 ? n : 0] = '\0';
	for (line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		char *shutdown = strstr(line, "shutdown ");

		if (shutdown)
			tell(ctx, LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN, (uint8_t)atoi(shutdown + 9));
		gone = gone || strcmp(line, "gone") == 0 || strncmp(line, "no ", 3) == 0;
	}
	if (!gone)
		return;
	ctx->os->fd_deregister(ctx->os_user, fd, ctx->death->registration);
	ctx->death->registration = NULL;
	tell(ctx, LIBXL_EVENT_TYPE_DOMAIN_DEATH, 0);
}
