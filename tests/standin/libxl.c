// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libxl for the stand-in: what starts or waits asks machine.py, what only fills
 * structures is the real library. It does in this process what libxl does here:
 * it writes the domain's nodes to xenstore and runs the disk's script as a
 * child, by the event loop's hooks or, without a callback, at once. The moments
 * of standin_fault() are the names of the calls and, within the long ones,
 * domain_create.{made,stored,disk}, domain_destroy.{killed,disk,freed},
 * device_disk_add.{stored,disk}, and device_disk_{remove,destroy}.disk.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>

#include "fault.h"
#include "hypervisor.h"
#include "store.h"

enum kind { CREATES, DESTROYS, ADDS, REMOVES, FORCES };

struct operation {
	struct operation *next;
	enum kind kind;
	bool aborted;
	uint32_t domid;
	unsigned int disks[STANDIN_DISKS_MAX], count, at; /* those whose scripts run, one after another */
	pid_t script;
	libxl_asyncop_how how;
};

struct libxl__ctx {
	xentoollog_logger *log;
	const libxl_osevent_hooks *os;
	const libxl_event_hooks *events;
	void *os_user, *events_user;
	struct operation *operations;
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
	if (ctx->operations) /* libxl asserts it */
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
	char answer[STANDIN_ANSWER_LEN];

	(void)ctx;
	if (standin_fault("get_physinfo") || standin_hypercall(answer, "free\n"))
		return ERROR_FAIL;
	info->free_pages = strtoull(answer, NULL, 10) / 4;
	info->cap_hvm = info->cap_hap = true;
	return 0;
}

/* Fields of a domain that xl.c shows are not in libxl_dominfo: it asks, too. */
libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *count)
{
	char answer[STANDIN_ANSWER_LEN], *at = NULL, *word;
	libxl_dominfo *list = calloc(256, sizeof *list);

	*count = 1; /* dom0 */
	if (!list || standin_fault("list_domain") || standin_hypercall(answer, "list\n")) {
		complain(ctx, "getting domain info list");
		free(list);
		return NULL;
	}
	for (word = strtok_r(answer, " ", &at); word && *count < 256; word = strtok_r(NULL, " ", &at)) {
		libxl_dominfo *d = &list[(*count)++];

		libxl_dominfo_init(d);
		d->domid = (uint32_t)atoi(word);
		(void)libxl_uuid_from_string(&d->uuid, strtok_r(NULL, " ", &at));
		for (int i = 0; i < 4; i++)
			(void)strtok_r(NULL, " ", &at);
	}
	return list;
}

/* Operations */

static int call_soon(libxl_ctx *ctx, struct operation *o)
{
	struct timeval now;
	void *registration;

	(void)gettimeofday(&now, NULL);
	return ctx->os->timeout_register(ctx->os_user, &registration, now, o) ? ERROR_FAIL : 0;
}

static struct operation *begin(libxl_ctx *ctx, enum kind kind, uint32_t domid, const libxl_asyncop_how *how)
{
	struct operation *o = calloc(1, sizeof *o);

	if (!o)
		abort();
	*o = (struct operation){ .next = ctx->operations, .kind = kind, .domid = domid };
	if (how)
		o->how = *how;
	return ctx->operations = o;
}

static int finish(libxl_ctx *ctx, struct operation *o, int rc)
{
	libxl_asyncop_how how = o->how;
	struct operation **at = &ctx->operations;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	free(o);
	if (how.callback)
		how.callback(ctx, rc, how.u.for_callback);
	return rc;
}

/* With its nodes, and whatever its disk's script says. */
static int free_domain(uint32_t domid)
{
	char answer[STANDIN_ANSWER_LEN];

	standin_remove_domain(domid);
	return standin_hypercall(answer, "destroy %u\n", domid);
}

static void give_up(uint32_t domid)
{
	unsigned int numbers[STANDIN_DISKS_MAX], count = standin_find_disks(domid, numbers);
	char answer[STANDIN_ANSWER_LEN];
	pid_t pid;

	(void)standin_hypercall(answer, "kill %u\n", domid);
	for (unsigned int i = 0; i < count; i++) {
		pid = standin_run_script(domid, numbers[i], "remove");
		if (pid > 0)
			(void)waitpid(pid, NULL, 0);
	}
	(void)free_domain(domid);
}

static int end_create(struct operation *o, int status)
{
	int rc = 0;

	if (standin_fault("domain_create.disk") || status != 0)
		rc = ERROR_FAIL;
	if (o->aborted)
		rc = ERROR_ABORTED;
	if (rc)
		give_up(o->domid);
	return rc;
}

static int end_destroy(struct operation *o)
{
	int rc;

	if (standin_fault("domain_destroy.disk"))
		return ERROR_FAIL;
	rc = free_domain(o->domid);
	return standin_fault("domain_destroy.freed") ? ERROR_FAIL : rc;
}

/* libxl leaves the nodes of a disk that it couldn't add, or not remove unless by force. */
static int end_disk(struct operation *o, int status)
{
	static const char *const moments[] = {
		[ADDS] = "device_disk_add.disk", [REMOVES] = "device_disk_remove.disk", [FORCES] = "device_disk_destroy.disk"
	};
	int rc = 0;

	if (standin_fault(moments[o->kind]) || (o->kind == ADDS && status != 0))
		rc = ERROR_FAIL;
	if (o->aborted)
		rc = ERROR_ABORTED;
	if (o->kind == ADDS || (rc && o->kind == REMOVES))
		return rc;
	return standin_remove_disk(o->domid, o->disks[0]) ? rc : ERROR_FAIL;
}

static int run_scripts(libxl_ctx *ctx, struct operation *o);

/* A script has ended, with STATUS of waitpid(2). */
static int go_on(libxl_ctx *ctx, struct operation *o, int status)
{
	o->script = 0;
	o->at++;
	if (o->kind == DESTROYS && o->at < o->count)
		return run_scripts(ctx, o);
	if (status != 0 && !o->aborted)
		complain(ctx, "the disk's script ended with %d", status);
	switch (o->kind) {
	case CREATES: return finish(ctx, o, end_create(o, status));
	case DESTROYS: return finish(ctx, o, end_destroy(o));
	default: return finish(ctx, o, end_disk(o, status));
	}
}

/* Of the disk that is next; what needs none goes on from the loop. */
static int run_scripts(libxl_ctx *ctx, struct operation *o)
{
	bool adds = o->kind == CREATES || o->kind == ADDS;
	int status = 0;

	o->script = o->at < o->count ? standin_run_script(o->domid, o->disks[o->at], adds ? "add" : "remove") : 0;
	if (o->how.callback)
		return o->script > 0 ? 0 : call_soon(ctx, o);
	if (o->script > 0)
		(void)waitpid(o->script, &status, 0);
	return go_on(ctx, o, status);
}

void libxl_osevent_occurred_timeout(libxl_ctx *ctx, void *for_libxl)
{
	struct operation *o = for_libxl;

	(void)go_on(ctx, o, o->script < 0 ? 1 : 0);
}

void libxl_childproc_sigchld_occurred(libxl_ctx *ctx)
{
	struct operation *o = ctx->operations;
	int status;

	while (o) {
		if (o->script > 0 && waitpid(o->script, &status, WNOHANG) == o->script) {
			(void)go_on(ctx, o, status);
			o = ctx->operations; /* the list may be another now */
		} else {
			o = o->next;
		}
	}
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
	char answer[STANDIN_ANSWER_LEN], uuid[40];
	struct operation *o;

	(void)console;
	(void)snprintf(uuid, sizeof uuid, LIBXL_UUID_FMT, LIBXL_UUID_BYTES(config->c_info.uuid));
	if (standin_fault("domain_create_new") || !is_kernel(config->b_info.kernel)) {
		complain(ctx, "no kernel");
		return ERROR_INVAL;
	}
	if (standin_hypercall(answer, "create %s %llu %s %s\n", uuid, (unsigned long long)config->b_info.max_memkb,
			      config->c_info.name, config->b_info.ramdisk ? config->b_info.ramdisk : "/dev/null")) {
		complain(ctx, "domain creation fail");
		return ERROR_FAIL;
	}
	o = begin(ctx, CREATES, (uint32_t)atoi(answer), how);
	*domid = o->domid;
	if (standin_fault("domain_create.made") || !standin_put_domain(o->domid, uuid, config) ||
	    standin_fault("domain_create.stored")) {
		complain(ctx, "domain %u can't be made", o->domid);
		give_up(o->domid);
		o->how.callback = NULL;
		return finish(ctx, o, ERROR_FAIL);
	}
	o->count = standin_find_disks(o->domid, o->disks);
	return run_scripts(ctx, o);
}

int libxl_ao_abort(libxl_ctx *ctx, const libxl_asyncop_how *how)
{
	struct operation *o = ctx->operations;

	while (o && (o->how.callback != how->callback || o->how.u.for_callback != how->u.for_callback))
		o = o->next;
	if (standin_fault("ao_abort") || !o)
		return ERROR_NOTFOUND; /* it goes on to its own end */
	o->aborted = true;
	if (o->script > 0)
		(void)kill(o->script, SIGKILL);
	return 0;
}

static int simple(libxl_ctx *ctx, const char *verb, uint32_t domid, const libxl_asyncop_how *how)
{
	char answer[STANDIN_ANSWER_LEN];
	int rc = standin_hypercall(answer, "%s %u\n", verb, domid);

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
	char answer[STANDIN_ANSWER_LEN];
	struct operation *o;
	int rc;

	if (standin_fault("domain_destroy"))
		return ERROR_FAIL;
	rc = standin_hypercall(answer, "kill %u\n", domid);
	if (rc)
		return rc;
	if (standin_fault("domain_destroy.killed"))
		return ERROR_FAIL;
	o = begin(ctx, DESTROYS, domid, how);
	o->count = standin_find_disks(domid, o->disks);
	return run_scripts(ctx, o);
}

/* Disks */

int libxl_device_disk_add(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk, const libxl_asyncop_how *how)
{
	unsigned int numbers[STANDIN_DISKS_MAX], count = standin_find_disks(domid, numbers);
	char answer[STANDIN_ANSWER_LEN];
	struct operation *o;

	if (standin_fault("device_disk_add") || standin_hypercall(answer, "memory %u\n", domid))
		return ERROR_FAIL;
	o = begin(ctx, ADDS, domid, how);
	o->disks[o->count++] = standin_disk_number(disk);
	for (unsigned int i = 0; i < count; i++) {
		if (numbers[i] != o->disks[0])
			continue;
		complain(ctx, "device already exists in xenstore");
		(void)finish(ctx, o, ERROR_DEVICE_EXISTS);
		return 0;
	}
	if (!standin_put_disk(domid, disk) || standin_fault("device_disk_add.stored")) {
		complain(ctx, "unable to initialize the device");
		(void)finish(ctx, o, ERROR_FAIL);
		return 0;
	}
	return run_scripts(ctx, o);
}

static int remove_disk(libxl_ctx *ctx, enum kind kind, uint32_t domid, const libxl_device_disk *disk,
		       const libxl_asyncop_how *how)
{
	struct operation *o = begin(ctx, kind, domid, how);

	o->disks[o->count++] = standin_disk_number(disk);
	standin_close_disk(domid, o->disks[0]);
	return run_scripts(ctx, o);
}

int libxl_device_disk_remove(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk, const libxl_asyncop_how *how)
{
	return standin_fault("device_disk_remove") ? ERROR_FAIL : remove_disk(ctx, REMOVES, domid, disk, how);
}

int libxl_device_disk_destroy(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk, const libxl_asyncop_how *how)
{
	return standin_fault("device_disk_destroy") ? ERROR_FAIL : remove_disk(ctx, FORCES, domid, disk, how);
}

/* Vifs, which there are none of: a veth would take netback's place, but not each kernel has the filters of a splice. */

static int refuse_nic(libxl_ctx *ctx)
{
	complain(ctx, "the stand-in has no vifs");
	return ERROR_FAIL;
}

int libxl_device_nic_add(libxl_ctx *ctx, uint32_t domid, libxl_device_nic *nic, const libxl_asyncop_how *how)
{
	(void)domid, (void)nic, (void)how;
	return refuse_nic(ctx);
}

int libxl_device_nic_remove(libxl_ctx *ctx, uint32_t domid, libxl_device_nic *nic, const libxl_asyncop_how *how)
{
	(void)domid, (void)nic, (void)how;
	return refuse_nic(ctx);
}

int libxl_device_nic_destroy(libxl_ctx *ctx, uint32_t domid, libxl_device_nic *nic, const libxl_asyncop_how *how)
{
	(void)domid, (void)nic, (void)how;
	return refuse_nic(ctx);
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
	death->fd = standin_connect();
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
