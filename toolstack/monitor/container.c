// SPDX-License-Identifier: GPL-2.0-or-later
#include "container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../frontend/proto/sha256.h"
#include "../base/cleanup.h"
#include "../base/file.h"
#include "../base/text.h"
#include "../dom0/cgroup.h"
#include "../dom0/netns.h"
#include "../ring/console.h"
#include "../storage/image.h"

/* The proxy was told its exit status; it has only to end. */
#define PROXY_END_MS 2000
/* A command that was killed ends its proxy a moment before its connection. */
#define CALLER_END_MS 200
/* That somebody who removes what a killed command left may take. */
#define RECORD_LOCK_MS 100

#define DISK_NAME sizeof "xvda"

/* As the document names it (oci/plan.c: domlet_plan_number). */
static void name_disk(const struct domlet_container *c, char name[DISK_NAME])
{
	(void)strcpy(name, "xvda");
	name[3] = (char)('a' + c->number);
}

/* Coming */

/* A guest that freezes it after all thaws it again. */
static void give_up_pause(struct domlet_container *c, const struct domlet_error *err)
{
	const struct domlet_container_life *life = domlet_container_life(c);

	if (life->held)
		return;
	if (life->pause_pending) {
		domlet_queue_post_end(c->queue, DOMLET_EV_FREEZE_FAILED, c->number, err);
		domlet_container_send_thaw(c);
	} else if (life->resume_pending) {
		domlet_queue_post_end(c->queue, DOMLET_EV_THAW_FAILED, c->number, err);
	}
}

static void on_answer_timeout(uv_timer_t *t)
{
	struct domlet_container *c = t->data;
	struct domlet_error err;

	(void)domlet_error_set(
		&err, ETIMEDOUT, "the guest of container %s was still %s after %u s (domlet_boot_timeout in %s)",
		c->state.id, domlet_life_stage(c->life, c->number), c->spec->tmpl->boot_timeout_s, c->spec->tmpl->path);
	if (domlet_life_owes_answer(c->life, c->number))
		domlet_queue_post_end(c->queue, DOMLET_EV_ANSWER_TIMEOUT, c->number, &err);
	else
		give_up_pause(c, &err);
}

static void wait_for_an_answer(struct domlet_container *c)
{
	uv_timer_start(&c->answers, on_answer_timeout, c->spec->tmpl->boot_timeout_s * UINT64_C(1000), 0);
}

static void open_once(struct domlet_container *c, uv_loop_t *loop)
{
	if (c->opened)
		return;
	c->opened = true;
	c->lock = -1;
	domlet_forward_init(&c->forward);
	uv_timer_init(loop, &c->answers);
	c->answers.data = c;
	domlet_record_open(&c->record, loop);
	c->end = (struct domlet_end){
		.loop = loop, .life = c->life, .queue = c->queue, .guest = c->guest, .container = c->number
	};
	domlet_end_open(&c->end);
}

/* The record that the command has written, which is the monitor's from now on. */
static int take_record(struct domlet_container *c, const struct domlet_control_create *r, struct domlet_error *err)
{
	cleanup_close int lock = domlet_state_lock(r->root, r->id, RECORD_LOCK_MS, &c->state, err);
	int saved;

	if (lock < 0)
		return -err->code;
	if (strcmp(c->state.uuid, c->spec->record->uuid) != 0 || c->state.number != c->number ||
	    c->state.generation != c->generation || c->state.status != DOMLET_STATUS_CREATING)
		return domlet_error_set(err, EINVAL,
					"the record of container %s names another place than number %u of domain %s",
					r->id, c->number, c->spec->record->name);
	c->state.monitor = c->spec->record->monitor;
	domlet_record_take(&c->record, &c->state);
	saved = domlet_state_save(&c->state, err);
	if (saved == 0 &&
	    domlet_domain_record_set(c->spec->record, c->number, c->state.root, c->state.id, &c->state.proxy) < 0)
		return domlet_error_set(err, ENOMEM, "container %s can't be recorded: out of memory", r->id);
	return saved;
}

static int take_document(struct domlet_container *c, int fd, struct domlet_error *err)
{
	char path[32];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (domlet_file_read(path, DOMLET_CONFIG_MAX, &c->document, &c->document_len, err) < 0)
		return domlet_error_prefix(err, "the guest's document can't be read");
	domlet_sha256(c->document, c->document_len, c->sha256);
	return 0;
}

static int take_first_process(struct domlet_container *c, int fds[4], struct domlet_error *err)
{
	struct domlet_guest_first order = { .container = c->number, .terminal = c->terminal };

	domlet_guest_make_room(c->guest);
	c->first = order.process = domlet_monitor_process_add(c->processes, c->number, true);
	if (!c->first)
		return domlet_error_set(
			err, EAGAIN, "the domain of container %s has as many processes as it can have: end some first",
			c->state.id);
	if (!domlet_control_add(c->control, fds[3], c->first, c->number)) {
		domlet_monitor_process_find(c->processes, c->first)->used = false;
		return domlet_error_set(err, EAGAIN, "the monitor of container %s has too many connections: try again",
					c->state.id);
	}
	fds[3] = -1;
	if (c->terminal) { /* whoever reads standard error waits for its end */
		close(fds[2]);
		fds[2] = -1;
	}
	for (int i = 0; i < 3; i++) {
		order.stdio[i] = fds[i];
		fds[i] = -1;
	}
	domlet_guest_take_first(c->guest, &order);
	domlet_end_reset(&c->end, c->first);
	return 0;
}

static void forget_what_it_was(struct domlet_container *c)
{
	domlet_state_free(&c->state);
	domlet_update_forget(&c->update);
	free(c->document);
	if (c->lock >= 0)
		close(c->lock);
	c->document = NULL;
	c->lock = -1;
	c->err.code = c->pause_err.code = 0;
	c->created = c->done = c->exit_waits = c->late = c->attaches = c->has_disk = c->deletes = c->leaves =
		c->let_go = c->counts = c->watch = c->watch_asked = false;
}

/* To the command, which removes it. */
static void give_record_back(struct domlet_container *c)
{
	struct domlet_error ignored;

	(void)domlet_domain_record_set(c->spec->record, c->number, NULL, NULL, NULL);
	if (c->state.monitor.pid != c->spec->record->monitor.pid) /* it was not taken */
		return;
	c->state.monitor = (struct domlet_pid){ 0 };
	(void)domlet_state_save(&c->state, &ignored);
}

/* Nothing of what it has in its files can be read or written any more: its guest ends it. A guest that has lied
 * is not asked. */
static void lose_share(void *user, const struct domlet_error *err)
{
	struct domlet_container *c = user;
	struct domlet_error why;

	(void)domlet_error_set(&why, err->code, "container %s has lost its files: %s", c->state.id, err->text);
	if (!c->err.code)
		c->err = why;
	if (err->code == EPROTO)
		domlet_queue_post_end(c->queue, DOMLET_EV_BROKEN, 0, &why);
	else if (domlet_guest_is_attached(c->guest))
		domlet_guest_unshare(c->guest, c->number);
}

static int take_share(struct domlet_container *c, struct domlet_control_create *r, struct domlet_error *err)
{
	c->shared = (struct domlet_shared){ .lost = lose_share, .user = c };
	return r->share < 0 ? 0 : domlet_shared_open(&c->shared, c->end.loop, take_fd(&r->share), err);
}

void domlet_container_share(struct domlet_container *c, const struct domlet_ring_offer *offer)
{
	domlet_shared_attach(&c->shared, c->spec->record->domid, offer);
}

int domlet_container_take(struct domlet_container *c, uv_loop_t *loop, struct domlet_control_request *r,
			  struct domlet_error *err)
{
	struct domlet_control_create *create = &r->create;
	int taken;

	open_once(c, loop);
	c->terminal = r->terminal;
	c->foreground = create->foreground;
	c->keep = create->keep;
	c->forges = create->forges;
	c->memory_kib = create->memory_kib;
	c->vcpus = create->vcpus;
	c->late = c->life->domain.state != DOMLET_DOMAIN_NONE;
	taken = take_document(c, create->document, err);
	if (taken == 0)
		taken = take_record(c, create, err);
	if (taken == 0)
		taken = take_share(c, create, err);
	if (taken == 0)
		taken = take_first_process(c, r->fds, err);
	c->present = taken == 0;
	c->reserved = false;
	if (c->present) {
		c->lock = create->lock;
		create->lock = -1;
		domlet_forward_take(&c->forward, create->sockets, create->socket_count);
		create->socket_count = 0;
		c->files = create->files;
		create->files = (struct domlet_files){ 0 };
		domlet_domain_save(c->domain);
	} else {
		domlet_shared_close(&c->shared);
		give_record_back(c);
		forget_what_it_was(c);
	}
	return taken;
}

/* Leaving */

/* Nobody will come to delete it: also when the command that makes it was killed between its answer and its own end. */
static bool goes_by_itself(const struct domlet_container *c)
{
	return (c->foreground && !c->keep) || !c->created ||
	       (!c->foreground && !c->done && domlet_control_is_forsaken(c->control, c->number, CALLER_END_MS));
}

/* The record, and what only that leads to. Of a newcomer that was not created, in a domain that goes on,
 * the command that makes it removes these, as long as it is there: it may take a while. STUCK: the domain
 * could not be destroyed, so whoever removes the record is to try that first. */
static bool let_record_go(struct domlet_container *c, bool stuck)
{
	bool to_command = c->late && !c->created && !c->foreground && c->life->domain.state < DOMLET_DOMAIN_DYING &&
			  domlet_control_launcher(c->control, c->number);
	struct domlet_error ignored;

	c->let_go = true;
	domlet_record_drop(&c->record);
	if (goes_by_itself(c) && !to_command && !stuck) {
		domlet_pid_wait(&c->state.proxy, PROXY_END_MS); /* it sits in the cgroup */
		domlet_cgroup_remove(c->state.cgroup_kept ? NULL : c->state.cgroup);
		(void)domlet_state_remove(&c->state, &ignored);
		return true;
	}
	c->state.monitor = (struct domlet_pid){ 0 };
	c->record.over = domlet_record_save(&c->record, to_command ? DOMLET_STATUS_CREATING : DOMLET_STATUS_STOPPED,
					    &ignored) < 0;
	return !c->record.over;
}

bool domlet_container_leave(struct domlet_container *c, bool stuck)
{
	uv_timer_stop(&c->answers);
	domlet_network_close(&c->network);
	domlet_files_free(&c->files);
	domlet_shared_close(&c->shared);
	domlet_end_reset(&c->end, c->first);
	if (c->lock >= 0)
		close(c->lock);
	c->lock = -1;
	domlet_guest_forbid_sockets(c->guest, c->number);
	domlet_forward_end(&c->forward);
	if (!stuck)
		domlet_image_forget(c->state.image);
	(void)domlet_domain_record_set(c->spec->record, c->number, NULL, NULL, NULL);
	return c->let_go || let_record_go(c, stuck);
}

void domlet_container_free(struct domlet_container *c)
{
	struct domlet_monitor_process *first = domlet_monitor_process_find(c->processes, c->first);

	if (first && first->first && first->container == c->number)
		domlet_guest_forget_first(c->guest, c->first);
	domlet_control_forget(c->control, c->number);
	domlet_record_drop(&c->record);
	forget_what_it_was(c);
	c->present = false;
	c->reserved = c->spoilt;
}

bool domlet_container_go_on_leaving(struct domlet_container *c)
{
	const struct domlet_container_life *life = domlet_container_life(c);
	bool waits = c->attaches || c->life->domain.state != DOMLET_DOMAIN_READY;
	struct domlet_error err;
	char device[DISK_NAME];

	if (!c->present || c->leaves || !domlet_container_is_over(c))
		return false;
	/* Whoever wants to remove it needs the record, and not the number or the disk. */
	if (waits && life->state == DOMLET_CONTAINER_NONE && !c->let_go)
		(void)let_record_go(c, false);
	if (waits)
		return false;
	if (life->state == DOMLET_CONTAINER_STOPPED && !c->deletes) {
		c->deletes = true;
		domlet_queue_post(c->queue, DOMLET_EV_DELETE, c->number, 0);
	}
	if (life->state != DOMLET_CONTAINER_NONE || !domlet_network_end(&c->network))
		return false;
	c->leaves = true;
	if (!c->has_disk)
		return true;
	name_disk(c, device);
	c->spoilt = domlet_xen_disk_detach(c->domain->xen, c->number, device, &err) < 0;
	if (c->spoilt)
		domlet_log_notice(c->spec->log, "%s", err.text);
	return c->spoilt;
}

/* Actions */

/* Its configuration does: xenstore has no room for it, or it comes while the guest runs. */
static bool goes_over_the_ring(const struct domlet_container *c)
{
	return c->document_len > DOMLET_CONFIG_XENSTORE_MAX || c->late;
}

static void publish(struct domlet_container *c)
{
	struct domlet_domain_publication p = { .container = c->number,
					       .id = c->state.id,
					       .generation = c->generation,
					       .document = goes_over_the_ring(c) ? NULL : c->document,
					       .document_len = c->document_len,
					       .sha256 = c->sha256 };

	domlet_domain_publish(c->domain, &p);
}

/* The disk of the container that a domain was built for is there already. */
void domlet_container_publish(struct domlet_container *c)
{
	struct domlet_error err;
	char device[DISK_NAME];

	if (!c->late || !c->state.image) {
		c->has_disk = c->state.image;
		publish(c);
		return;
	}
	name_disk(c, device);
	c->attaches = domlet_xen_disk_attach(c->domain->xen, c->number, c->state.image, device, &err) == 0;
	if (!c->attaches)
		domlet_queue_post_end(c->queue, DOMLET_EV_PUBLISH_FAILED, c->number, &err);
}

void domlet_container_attached(struct domlet_container *c, int rc, const struct domlet_error *err)
{
	c->attaches = false;
	c->has_disk = rc == 0;
	if (c->has_disk)
		domlet_log_phase(c->spec->log, "attached");
	if (domlet_container_life(c)->state != DOMLET_CONTAINER_WAITING)
		return; /* it is over already */
	if (rc == 0)
		publish(c);
	else
		domlet_queue_post_end(c->queue, DOMLET_EV_PUBLISH_FAILED, c->number, err);
}

void domlet_container_send_create(struct domlet_container *c)
{
	struct domlet_guest_create order = { .tag = domlet_container_tag(DOMLET_ASKED_CREATE, c->number),
					     .container = c->number,
					     .process = c->first,
					     .id = c->state.id,
					     .generation = c->generation,
					     .sha256 = c->sha256,
					     .document = goes_over_the_ring(c) ? take_ptr(c->document) : NULL,
					     .document_len = c->document_len };

	domlet_guest_allow_sockets(c->guest, c->number, c->forward.file_count);
	domlet_guest_create(c->guest, &order);
	wait_for_an_answer(c);
}

static int open_network(struct domlet_container *c, struct domlet_error *err);

/* Its network is there before its command runs. */
void domlet_container_send_start(struct domlet_container *c)
{
	struct domlet_error err;

	wait_for_an_answer(c);
	if (c->network.is_open || open_network(c, &err) == 0)
		domlet_network_start(&c->network);
	else
		domlet_queue_post_end(c->queue, DOMLET_EV_START_FAILED, c->number, &err);
}

static void lead_to_resolver(struct domlet_container *c)
{
	c->files.has_resolver = true;
	domlet_forward_begin(&c->forward, c->guest, domlet_container_tag(DOMLET_ASKED_FORWARD, c->number), c->number,
			     domlet_netns_open(c->state.proxy.pid));
}

/* Its network is there, and its files are on the way: then docker's resolver, and then its command. */
static void start_when_ready(struct domlet_container *c)
{
	struct domlet_files *f = &c->files;
	struct domlet_error why;

	if (f->asked || domlet_container_life(c)->state != DOMLET_CONTAINER_STARTING ||
	    !domlet_guest_is_attached(c->guest))
		return;
	if (f->err.code) {
		(void)domlet_error_set(&why, f->err.code, "container %s can't have its engine's names: %s", c->state.id,
				       f->err.text);
		domlet_queue_post_end(c->queue, DOMLET_EV_START_FAILED, c->number, &why);
	} else if (f->asks_resolver && !f->has_resolver) {
		lead_to_resolver(c);
	} else {
		domlet_guest_start(c->guest, domlet_container_tag(DOMLET_ASKED_START, c->number), c->number);
	}
}

/* They may have changed since it was started, and what is wrong then is only told. */
static void follow_files(void *user)
{
	struct domlet_container *c = user;
	struct domlet_files *f = &c->files;

	if (domlet_container_life(c)->state != DOMLET_CONTAINER_RUNNING || !domlet_guest_is_attached(c->guest) ||
	    f->asked)
		return;                          /* and whatever comes next looks again */
	if (f->err.code && f->err.code != ESRCH) /* which it is when the container has ended meanwhile */
		domlet_log_notice(c->spec->log, "container %s does not have its engine's names: %s", c->state.id,
				  f->err.text);
	f->err.code = 0;
	if (f->dirty)
		domlet_files_send(f, c->guest, domlet_container_tag(DOMLET_ASKED_FILE, c->number), c->number);
	else if (f->asks_resolver && !f->has_resolver)
		lead_to_resolver(c);
}

static void watch_files(struct domlet_container *c)
{
	struct domlet_error err;

	if (domlet_files_watch(&c->files, c->end.loop, follow_files, c, &err) < 0)
		domlet_log_notice(c->spec->log, "container %s: %s", c->state.id, err.text);
}

static void network_ready(void *user, const struct domlet_error *err)
{
	struct domlet_container *c = user;
	struct domlet_error why;

	if (domlet_container_life(c)->state != DOMLET_CONTAINER_STARTING || !domlet_guest_is_attached(c->guest))
		return; /* it is over already */
	if (!err) {
		watch_files(c); /* before they are read */
		domlet_files_send(&c->files, c->guest, domlet_container_tag(DOMLET_ASKED_FILE, c->number), c->number);
		start_when_ready(c);
		return;
	}
	(void)domlet_error_set(&why, err->code, "container %s can't have its network: %s", c->state.id, err->text);
	domlet_queue_post_end(c->queue, DOMLET_EV_START_FAILED, c->number, &why);
}

static void hear_file(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	domlet_files_answered(&c->files, ev);
	start_when_ready(c);
	follow_files(c);
}

static void hear_forward(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	if (ev->code && !c->files.err.code)
		(void)domlet_error_set(&c->files.err, (int)ev->code, "%s", ev->text);
	start_when_ready(c);
	follow_files(c);
}

static int open_network(struct domlet_container *c, struct domlet_error *err)
{
	c->network = (struct domlet_network){ .spec = c->spec,
					      .all = c->networks,
					      .domain = c->domain,
					      .guest = c->guest,
					      .container = c->number,
					      .forges = c->forges,
					      .tag = domlet_container_tag(DOMLET_ASKED_NET, c->number),
					      .ready = network_ready,
					      .user = c,
					      .namespace = -1 };
	return domlet_network_open(&c->network, c->end.loop, c->state.proxy.pid, err);
}

void domlet_container_send_freeze(struct domlet_container *c)
{
	domlet_guest_freeze(c->guest, domlet_container_tag(DOMLET_ASKED_FREEZE, c->number), c->number);
	wait_for_an_answer(c);
}

void domlet_container_send_thaw(struct domlet_container *c)
{
	domlet_guest_thaw(c->guest, domlet_container_tag(DOMLET_ASKED_THAW, c->number), c->number);
	wait_for_an_answer(c);
}

void domlet_container_send_delete(struct domlet_container *c)
{
	domlet_guest_delete(c->guest, domlet_container_tag(DOMLET_ASKED_DELETE, c->number), c->number);
	wait_for_an_answer(c);
}

void domlet_container_kill(struct domlet_container *c)
{
	(void)domlet_end_signal(&c->end, c->first, SIGKILL, true);
}

/* The console's end is where the reason is: as much of it as there is room for. */
static void add_last_words(struct domlet_container *c)
{
	static const char intro[] = "; the guest's last words: ";
	size_t used = strlen(c->err.text), from = used + sizeof intro - 1;

	if (from + 1 >= sizeof c->err.text)
		return;
	domlet_host_console_tail(c->spec->record->domid, c->err.text + from, sizeof c->err.text - from);
	if (c->err.text[from])
		memcpy(c->err.text + used, intro, sizeof intro - 1);
}

void domlet_container_answer_create(struct domlet_container *c)
{
	struct domlet_connection *launcher = domlet_control_launcher(c->control, c->number);
	struct domlet_error ignored;

	if (domlet_container_life(c)->state != DOMLET_CONTAINER_CREATING) /* else the guest still owes an answer */
		uv_timer_stop(&c->answers);
	free(take_ptr(c->document));
	if (!domlet_container_life(c)->failed) {
		/* A container that its record doesn't know would be taken for one whose creation was cut short. */
		c->created = domlet_record_save(&c->record, DOMLET_STATUS_CREATED, &c->err) == 0;
		if (c->created)
			domlet_log_phase(c->spec->log, "created");
		domlet_control_answer(launcher, c->created ? 0 : c->err.code, c->created ? NULL : c->err.text);
		if (c->created) /* what can't be done yet is tried again, and said, at the start */
			(void)open_network(c, &ignored);
		if (!c->created)
			domlet_queue_post(c->queue, DOMLET_EV_CALLER_LOST, c->number, 0);
		return;
	}
	if (!c->err.code)
		(void)domlet_error_set(
			&c->err, EIO, "the domain of container %s ended before the container was created", c->state.id);
	if (c->spec->record->domid != DOMLET_DOMID_NONE && !c->life->domain.greeted)
		add_last_words(c);
	domlet_control_answer(launcher, c->err.code, c->err.text);
}

void domlet_container_answer_start(struct domlet_container *c)
{
	struct domlet_error ignored;

	uv_timer_stop(&c->answers);
	if (!domlet_container_life(c)->failed) {
		domlet_log_phase(c->spec->log, "started");
		(void)domlet_record_save(&c->record, DOMLET_STATUS_RUNNING, &ignored);
		domlet_control_answer_all(c->control, c->number, DOMLET_CONTROL_START, 0, NULL);
		follow_files(c);
	} else if (c->err.code) {
		domlet_control_answer_all(c->control, c->number, DOMLET_CONTROL_START, c->err.code, c->err.text);
	} else {
		domlet_control_answer_all(c->control, c->number, DOMLET_CONTROL_START, EIO,
					  "the domain ended before the container started");
	}
}

static void answer_paused(struct domlet_container *c, enum domlet_control_verb verb, bool done)
{
	if (done)
		domlet_control_answer_all(c->control, c->number, verb, 0, NULL);
	else if (c->pause_err.code)
		domlet_control_answer_all(c->control, c->number, verb, c->pause_err.code, c->pause_err.text);
	else
		domlet_control_answer_all(c->control, c->number, verb, ESRCH, "container not running");
}

void domlet_container_answer_pause(struct domlet_container *c)
{
	answer_paused(c, DOMLET_CONTROL_PAUSE, domlet_container_life(c)->state == DOMLET_CONTAINER_PAUSED);
}

/* Also when it has ended since, by itself: it did go on. */
void domlet_container_answer_resume(struct domlet_container *c)
{
	answer_paused(c, DOMLET_CONTROL_RESUME,
		      domlet_container_life(c)->state != DOMLET_CONTAINER_PAUSED &&
			      c->life->domain.state < DOMLET_DOMAIN_DYING);
	follow_files(c); /* which may have changed meanwhile */
}

/* What the guest can't forget stays as long as the domain does; but its record is nobody's any more. */
void domlet_container_answer_delete(struct domlet_container *c)
{
	struct domlet_error ignored;

	uv_timer_stop(&c->answers);
	if (domlet_container_life(c)->state == DOMLET_CONTAINER_NONE || c->let_go)
		return;
	domlet_log_notice(c->spec->log, "container %s stays in its domain, which can't delete it", c->state.id);
	c->let_go = true;
	c->state.monitor = (struct domlet_pid){ 0 };
	(void)domlet_record_save(&c->record, DOMLET_STATUS_STOPPED, &ignored);
	domlet_control_forget(c->control, c->number);
}

void domlet_container_report_exit(struct domlet_container *c)
{
	struct domlet_error ignored;

	domlet_log_phase(c->spec->log, "exited");
	if (c->created && c->err.code) { /* an end that nobody asked for: say why */
		domlet_record_keep_reason(&c->record, c->err.text);
		if (c->foreground)
			domlet_control_answer(domlet_control_launcher(c->control, c->number), c->err.code, c->err.text);
		else
			domlet_log_notice(c->spec->log, "%s", c->err.text);
	}
	/* Nothing of it runs any more, and all that it wrote is in dom0: engines unmount its root when the proxy ends. */
	domlet_shared_close(&c->shared);
	/* Before the proxy ends: callers read until the end, or only a little longer. */
	domlet_guest_close_streams(c->guest, c->first);
	c->state.exit_code = domlet_container_life(c)->exit_code;
	(void)domlet_record_save(&c->record, DOMLET_STATUS_STOPPED, &ignored);
	c->exit_waits = true;
	domlet_container_tell_exit(c, false);
	if (c->exit_waits)
		domlet_end_expect(&c->end);
}

static bool further_processes_have_ended(const struct domlet_container *c)
{
	return !domlet_monitor_process_has_further(c->processes, c->number);
}

/* The first proxy is process 1 of a pid namespace: when it ends, the kernel
 * kills the others in it, whatever status they were about to end with. */
void domlet_container_tell_exit(struct domlet_container *c, bool at_once)
{
	if (!c->exit_waits ||
	    (!at_once && (!further_processes_have_ended(c) || domlet_control_has_ending_proxy(c->control, c->number))))
		return;
	c->exit_waits = false;
	domlet_control_send_exit(c->control, c->first, domlet_container_life(c)->exit_code);
}

bool domlet_container_is_over(const struct domlet_container *c)
{
	return !c->exit_waits && further_processes_have_ended(c);
}

/* What the guest says */

static void hear_create_or_start(struct domlet_container *c, bool create, const struct domlet_guest_event *ev)
{
	struct domlet_error err = { .code = (int)ev->code };

	if (ev->unheard) /* the domain ends, which answers whoever waits */
		return;
	if (ev->code == 0) {
		domlet_queue_post(c->queue, create ? DOMLET_EV_CREATED : DOMLET_EV_STARTED, c->number, 0);
		return;
	}
	if (domlet_container_life(c)->state != (create ? DOMLET_CONTAINER_CREATING : DOMLET_CONTAINER_STARTING))
		return; /* a reason for what nobody waits for would hide the one that counts */
	(void)snprintf(err.text, sizeof err.text, "%.*s", (int)sizeof err.text - 1, ev->text);
	domlet_text_clean(err.text);                                                    /* where it was cut */
	if (strncmp(err.text, "error running hook", strlen("error running hook")) == 0) /* and what it printed */
		domlet_error_reword(err.text);
	domlet_queue_post_end(c->queue, create ? DOMLET_EV_CREATE_FAILED : DOMLET_EV_START_FAILED, c->number, &err);
}

static void hear_freeze_or_thaw(struct domlet_container *c, bool freeze, const struct domlet_guest_event *ev)
{
	struct domlet_error err;

	if (ev->unheard && ev->code == ECANCELED)
		return;
	if (ev->code == 0) {
		domlet_queue_post(c->queue, freeze ? DOMLET_EV_FROZEN : DOMLET_EV_THAWED, c->number, 0);
		return;
	}
	(void)domlet_error_set(&err, (int)ev->code, "the guest can't %s container %s: %s", freeze ? "pause" : "resume",
			       c->state.id, ev->text);
	domlet_queue_post_end(c->queue, freeze ? DOMLET_EV_FREEZE_FAILED : DOMLET_EV_THAW_FAILED, c->number, &err);
}

static void hear_delete(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	if (ev->unheard && ev->code == ECANCELED)
		return;
	if (ev->code)
		domlet_log_notice(c->spec->log, "the guest can't delete container %s: %s", c->state.id, ev->text);
	domlet_queue_post(c->queue, ev->code ? DOMLET_EV_DELETE_FAILED : DOMLET_EV_DELETED, c->number, 0);
}

static void hear_exec(struct domlet_container *c, uint32_t process, const struct domlet_guest_event *ev)
{
	struct domlet_monitor_process *p = domlet_monitor_process_find(c->processes, process);
	struct domlet_connection *asker = p ? p->asker : NULL;
	char text[512];

	if (p)
		p->asker = NULL;
	if (!ev->unheard) {
		domlet_control_answer(asker, (int)ev->code, ev->code ? ev->text : NULL);
	} else if (ev->code == ETIMEDOUT) {
		(void)snprintf(
			text, sizeof text,
			"the guest of container %s has not answered an exec after %u s (domlet_boot_timeout in %s)",
			c->state.id, c->spec->tmpl->boot_timeout_s, c->spec->tmpl->path);
		domlet_control_answer(asker, ETIMEDOUT, text);
	} else if (ev->code == 0) {
		domlet_control_answer(asker, 0, NULL);
	} else {
		domlet_control_answer(asker, ESRCH, "the container ended before the process ran");
	}
}

static void hear_exited(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	bool first = ev->process == c->first;

	/* A SIGKILL's timer runs on: it bounds the wait for a reader that has stopped, too. */
	if (first)
		domlet_queue_post(c->queue, DOMLET_EV_EXITED, c->number, ev->code);
	if (!ev->out_of_memory)
		return;
	if (first)
		domlet_record_keep_reason(&c->record, "the guest's kernel killed its first process for want of memory");
	domlet_log_notice(
		c->spec->log,
		"the guest's kernel killed process %u of container %s for want of memory: give the container more, by linux.resources.memory.limit",
		ev->process, c->state.id);
}

static void hear_answer(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	switch ((enum domlet_container_question)(ev->tag >> 16)) {
	case DOMLET_ASKED_CREATE: hear_create_or_start(c, true, ev); return;
	case DOMLET_ASKED_START: hear_create_or_start(c, false, ev); return;
	case DOMLET_ASKED_EXEC: hear_exec(c, ev->tag & UINT16_MAX, ev); return;
	case DOMLET_ASKED_FREEZE: hear_freeze_or_thaw(c, true, ev); return;
	case DOMLET_ASKED_THAW: hear_freeze_or_thaw(c, false, ev); return;
	case DOMLET_ASKED_DELETE: hear_delete(c, ev); return;
	case DOMLET_ASKED_FILE: hear_file(c, ev); return;
	case DOMLET_ASKED_FORWARD: hear_forward(c, ev); return;
	case DOMLET_ASKED_NET: domlet_network_answered(&c->network, ev); return;
	case DOMLET_ASKED_UPDATE: domlet_update_answered(c, ev); return;
	case DOMLET_ASKED_STATS: return; /* the callers' */
	case DOMLET_ASKED_SYNC: return;  /* the domain's */
	}
}

void domlet_container_hear(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	struct domlet_monitor_process *p = domlet_monitor_process_find(c->processes, ev->process);

	switch (ev->type) {
	case DOMLET_GUEST_ANSWERED: hear_answer(c, ev); return;
	case DOMLET_GUEST_EXITED: hear_exited(c, ev); return;
	case DOMLET_GUEST_ENDED:
		if (ev->process == c->first)
			domlet_queue_post(c->queue, DOMLET_EV_DRAINED, c->number, 0);
		else
			domlet_control_send_exit(c->control, ev->process, ev->code);
		return;
	case DOMLET_GUEST_DROPPED:
		if (p)
			p->dropped = true;
		return;
	case DOMLET_GUEST_FREED:
	case DOMLET_GUEST_OUTPUT:
	case DOMLET_GUEST_SOCKET:
	case DOMLET_GUEST_SHARE:
	case DOMLET_GUEST_OUT_OF_MEMORY:
	case DOMLET_GUEST_HELLO:
	case DOMLET_GUEST_BROKEN: return; /* the domain's */
	}
}
