// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ended processes whose outputs are still open in what they have left running, and read in dom0: each costs three
 * descriptors there, and whoever runs a command a minute in the container would have thousands. */
#define LINGERING_MAX 48
/* What a message holds beside the process object. */
#define EXEC_OVERHEAD 32u
/* What the status is of who was killed with its domain. */
#define EXIT_KILLED (128u + SIGKILL)
/* And of an exec that failed itself. */
#define STATUS_FAILED 255u
/* Each takes three descriptors, and a few thousand bytes. */
#define NO_PLACE                                                                             \
	"the container's monitor has no descriptors left for another process's streams: try" \
	" again when others have ended, or raise RLIMIT_NOFILE of what calls domlet"

/* Something is to be done or told that no message of ours says. */
static void wake(const struct domlet_guest_processes *all)
{
	(void)uv_async_send(&all->link->wake);
}

static void post(const struct domlet_guest_processes *all, enum domlet_guest_event_type type, uint32_t process,
		 uint32_t code)
{
	struct domlet_guest_event ev = { .type = type, .process = process, .code = code };

	all->listener.post(all->listener.user, &ev);
}

static void answer(const struct domlet_guest_processes *all, uint32_t tag, uint32_t code, const char *text)
{
	struct domlet_guest_event ev = { .type = DOMLET_GUEST_ANSWERED, .tag = tag, .code = code };

	(void)snprintf(ev.text, sizeof ev.text, "%s", text);
	all->listener.post(all->listener.user, &ev);
}

/* Before the guest has. */
static void answer_unheard(const struct domlet_guest_processes *all, uint32_t tag, int code)
{
	struct domlet_guest_event ev = {
		.type = DOMLET_GUEST_ANSWERED, .tag = tag, .code = (uint32_t)code, .unheard = true
	};

	all->listener.post(all->listener.user, &ev);
}

/* What was asked about P, unless that was answered. */
static void answer_about(const struct domlet_guest_process *p, int code)
{
	struct domlet_guest_request *r = domlet_guest_request_about(&p->all->requests, p->number);

	if (!r || r->answered)
		return;
	r->answered = true;
	answer_unheard(p->all, r->tag, code);
}

static void tell_end(struct domlet_guest_process *p, uint32_t code)
{
	if (!p->told)
		post(p->all, DOMLET_GUEST_ENDED, p->number, code);
	p->told = true;
}

struct domlet_guest_process *domlet_guest_process_find(struct domlet_guest_processes *all, uint32_t number)
{
	struct domlet_guest_process *p = number && number <= all->top ? all->by_number[number] : NULL;

	return p && p->phase != DOMLET_GUEST_PROCESS_CLOSING ? p : NULL;
}

void domlet_guest_process_make_room(struct domlet_guest_processes *all)
{
	struct domlet_guest_process *oldest = NULL;
	unsigned int count = 0;

	for (uint32_t number = 1; number <= all->top; number++) {
		struct domlet_guest_process *p = domlet_guest_process_find(all, number);

		if (!p || p->phase != DOMLET_GUEST_PROCESS_LINGERING || !domlet_guest_streams_have_reader(&p->streams))
			continue;
		count++;
		if (!oldest || p->ended < oldest->ended)
			oldest = p;
	}
	if (count < LINGERING_MAX)
		return;
	domlet_guest_streams_close(&oldest->streams);
	wake(all);
}

static void let_go(struct domlet_guest_process *p)
{
	struct domlet_guest_processes *all = p->all;
	uint32_t number = p->number;

	if (--p->handles || p->phase != DOMLET_GUEST_PROCESS_CLOSING)
		return;
	free(p);
	all->by_number[number] = NULL;
	while (all->top && !all->by_number[all->top])
		all->top--;
	post(all, DOMLET_GUEST_FREED, number, 0);
}

static void stream_closed(uv_handle_t *h)
{
	struct domlet_guest_streams *s = h->data;

	let_go((struct domlet_guest_process *)((char *)s - offsetof(struct domlet_guest_process, streams)));
}

static void deadline_closed(uv_handle_t *h)
{
	let_go(h->data);
}

/* NULL: there is no memory, or no descriptor, for it. */
static struct domlet_guest_process *take(struct domlet_guest_processes *all, uint32_t number, uint32_t container,
					 const int stdio[3], bool terminal)
{
	struct domlet_guest_process *p = calloc(1, sizeof *p);
	int handles = p ? domlet_guest_streams_open(&p->streams, all->link, number, stdio, terminal, stream_closed) :
			  -ENOMEM;

	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
	if (handles < 0) {
		free(p);
		return NULL;
	}
	assert(!all->by_number[number]); /* it was FREED */
	p->number = number;
	p->container = container;
	p->all = all;
	(void)uv_timer_init(all->link->loop, &p->deadline);
	p->deadline.data = p;
	p->handles = 1 + (unsigned int)handles;
	all->by_number[number] = p;
	all->top = all->top > number ? all->top : number;
	return p;
}

static void free_process(struct domlet_guest_process *p)
{
	struct domlet_guest_request *r = domlet_guest_request_about(&p->all->requests, p->number);

	if (r) /* the number may be another process's by then */
		domlet_guest_request_drop(&p->all->requests, r);
	domlet_guest_document_close(&p->document, p->all->link);
	domlet_guest_streams_withdraw(p->all->link, p->number);
	domlet_guest_streams_close(&p->streams);
	p->phase = DOMLET_GUEST_PROCESS_CLOSING;
	uv_close((uv_handle_t *)&p->deadline, deadline_closed);
}

static void end(struct domlet_guest_process *p)
{
	/* Before the proxy ends: callers read until the end, or only a little longer. */
	domlet_guest_streams_close(&p->streams);
	tell_end(p, p->exit_code);
	free_process(p);
}

/* The same while the guest has not ended its outputs. */
static void linger(struct domlet_guest_process *p)
{
	domlet_guest_streams_close_input(&p->streams);
	wake(p->all); /* the end of its input is owed */
	tell_end(p, p->exit_code);
	p->phase = DOMLET_GUEST_PROCESS_LINGERING;
	p->ended = ++p->all->ended;
}

static void kill_in_guest(const struct domlet_guest_process *p)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SIGNAL };

	msg.signal.container = p->container;
	msg.signal.process = p->number;
	msg.signal.signo = SIGKILL;
	if (p->all->link->attached)
		(void)domlet_guest_link_send(p->all->link, &msg);
}

static void stop_deadline(struct domlet_guest_process *p)
{
	p->left_ms = 0;
	(void)uv_timer_stop(&p->deadline);
}

/* Until the guest says what became of P, it keeps its number, and whatever it is, is killed. */
void domlet_guest_process_abandon(struct domlet_guest_process *p, int code)
{
	if (p->phase != DOMLET_GUEST_PROCESS_STARTING)
		return;
	p->orphan = true;
	stop_deadline(p);
	answer_about(p, code);
	domlet_guest_document_cut(&p->document);
	domlet_guest_streams_close(&p->streams);
	tell_end(p, EXIT_KILLED);
	kill_in_guest(p);
}

static void on_deadline(uv_timer_t *t)
{
	domlet_guest_process_abandon(t->data, ETIMEDOUT);
}

static void start_deadline(struct domlet_guest_process *p, uint64_t ms)
{
	p->left_ms = p->all->asleep ? ms : 0;
	if (!p->all->asleep)
		(void)uv_timer_start(&p->deadline, on_deadline, ms, 0);
}

void domlet_guest_process_sleep(struct domlet_guest_processes *all, bool asleep)
{
	if (asleep == all->asleep)
		return;
	all->asleep = asleep;
	for (uint32_t number = 1; number <= all->top; number++) {
		struct domlet_guest_process *p = domlet_guest_process_find(all, number);

		if (p && asleep && uv_is_active((uv_handle_t *)&p->deadline)) {
			p->left_ms = uv_timer_get_due_in(&p->deadline) + 1;
			(void)uv_timer_stop(&p->deadline);
		} else if (p && !asleep && p->left_ms) {
			start_deadline(p, p->left_ms);
		}
	}
}

void domlet_guest_process_lose_proxy(struct domlet_guest_process *p)
{
	p->orphan = true;
	domlet_guest_document_cut(&p->document);
	if (p->phase == DOMLET_GUEST_PROCESS_DRAINING) { /* nobody waits for its output any more */
		domlet_guest_streams_close(&p->streams);
		wake(p->all);
		return;
	}
	kill_in_guest(p);
}

void domlet_guest_process_take_first(struct domlet_guest_processes *all, const struct domlet_guest_first *order)
{
	struct domlet_guest_process *p = take(all, order->process, order->container, order->stdio, order->terminal);

	if (p) {
		p->first = true;
		p->phase = DOMLET_GUEST_PROCESS_WAITING;
	}
}

void domlet_guest_process_forget_first(struct domlet_guest_processes *all, uint32_t number)
{
	struct domlet_guest_process *p = domlet_guest_process_find(all, number);

	if (p && (p->phase == DOMLET_GUEST_PROCESS_WAITING || !all->link->attached))
		free_process(p);
	else if (!p && !all->by_number[number]) /* there was no place for it */
		post(all, DOMLET_GUEST_FREED, number, 0);
}

/* False: the order was answered, as more was asked than a guest can owe. */
static bool ask(struct domlet_guest_processes *all, struct domlet_msg *msg, struct domlet_guest_request r)
{
	r.type = msg->type;
	if (domlet_guest_request_has_room(&all->requests)) /* else the guest would do what nobody knows of */
		r.number = domlet_guest_link_send(all->link, msg);
	if (r.number)
		(void)domlet_guest_request_add(&all->requests, &r);
	else
		answer(all, r.tag, EAGAIN, "the guest has more to answer than it can be asked: try again");
	return r.number != 0;
}

/* What a guest is asked again only when it has answered. */
static void ask_once(struct domlet_guest_processes *all, struct domlet_msg *msg, uint32_t tag, uint32_t container)
{
	const char *what = msg->type == DOMLET_MSG_THAW    ? "resume" :
			   msg->type == DOMLET_MSG_DELETE  ? "delete" :
			   msg->type == DOMLET_MSG_FORWARD ? "start" :
			   msg->type == DOMLET_MSG_STATS   ? "events" :
			   msg->type == DOMLET_MSG_UPDATE  ? "update" :
							     "pause";
	char text[80];

	if (!domlet_guest_request_of(&all->requests, msg->type, container)) {
		(void)ask(all, msg, (struct domlet_guest_request){ .tag = tag, .container = container });
		return;
	}
	(void)snprintf(text, sizeof text, "it is still at what an earlier %s asked for: try again", what);
	answer(all, tag, EAGAIN, text);
}

void domlet_guest_process_create(struct domlet_guest_processes *all, const struct domlet_guest_create *order)
{
	struct domlet_guest_process *p = domlet_guest_process_find(all, order->process);
	struct domlet_msg msg = { .type = DOMLET_MSG_CREATE };

	if (!p) {
		free(order->document);
		answer(all, order->tag, EMFILE, NO_PLACE);
		return;
	}
	msg.create.source = order->document != NULL;
	if (order->document)
		domlet_guest_document_open(&p->document, all->link, p->number, order->document, order->document_len,
					   order->document);
	else
		domlet_guest_streams_announce(all->link, p->number);
	msg.create.container = order->container;
	msg.create.process = order->process;
	msg.create.generation = order->generation;
	msg.create.length = (uint32_t)order->document_len;
	msg.create.sha256 = (struct domlet_slice){ order->sha256, DOMLET_SHA256_LEN };
	msg.create.id = (struct domlet_slice){ (const uint8_t *)order->id, (uint32_t)strlen(order->id) };
	p->phase = DOMLET_GUEST_PROCESS_STARTING;
	if (!ask(all, &msg,
		 (struct domlet_guest_request){
			 .tag = order->tag, .process = order->process, .container = order->container }))
		free_process(p);
}

/* The guest knows nothing of P. */
static void give_up(struct domlet_guest_process *p)
{
	tell_end(p, STATUS_FAILED);
	free_process(p);
}

void domlet_guest_process_exec(struct domlet_guest_processes *all, const struct domlet_guest_exec *order)
{
	struct domlet_guest_process *p = take(all, order->process, order->container, order->stdio, order->terminal);
	struct domlet_guest_request r = { .tag = order->tag, .process = order->process, .container = order->container };
	struct domlet_msg msg = { .type = DOMLET_MSG_EXEC };

	if (!p) {
		free(order->object);
		answer(all, order->tag, EMFILE, NO_PLACE);
		post(all, DOMLET_GUEST_ENDED, order->process, STATUS_FAILED);
		post(all, DOMLET_GUEST_FREED, order->process, 0);
		return;
	}
	p->phase = DOMLET_GUEST_PROCESS_STARTING;
	start_deadline(p, order->timeout_ms);
	msg.exec.container = order->container;
	msg.exec.process = order->process;
	if (order->len > DOMLET_MSG_MAX - EXEC_OVERHEAD) {
		msg.exec.length = (uint32_t)order->len;
		domlet_guest_document_open(&p->document, all->link, p->number, order->object, order->len, order->object);
		if (!ask(all, &msg, r))
			give_up(p);
		return;
	}
	domlet_guest_streams_announce(all->link, p->number);
	msg.exec.process_json = (struct domlet_slice){ (const uint8_t *)order->object, (uint32_t)order->len };
	if (!ask(all, &msg, r))
		give_up(p);
	free(order->object);
}

void domlet_guest_process_start(struct domlet_guest_processes *all, uint32_t tag, uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_START };

	msg.start.container = container;
	(void)ask(all, &msg, (struct domlet_guest_request){ .tag = tag, .container = container });
}

void domlet_guest_process_sync(struct domlet_guest_processes *all, uint32_t tag)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SYNC };

	ask_once(all, &msg, tag, 0);
}

void domlet_guest_process_freeze(struct domlet_guest_processes *all, uint32_t tag, uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_FREEZE };

	msg.freeze.container = container;
	ask_once(all, &msg, tag, container);
}

void domlet_guest_process_thaw(struct domlet_guest_processes *all, uint32_t tag, uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_THAW };

	msg.thaw.container = container;
	ask_once(all, &msg, tag, container);
}

void domlet_guest_process_forward(struct domlet_guest_processes *all, uint32_t tag, uint32_t container, uint32_t service)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_FORWARD };

	msg.forward.container = container;
	msg.forward.service = service;
	ask_once(all, &msg, tag, container);
}

void domlet_guest_process_net(struct domlet_guest_processes *all, const struct domlet_guest_net *order)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_NET };

	msg.net.container = order->container;
	msg.net.revision = order->revision;
	msg.net.state = (struct domlet_slice){ order->state, order->len };
	ask_once(all, &msg, order->tag, order->container);
}

void domlet_guest_process_file(struct domlet_guest_processes *all, const struct domlet_guest_file *order)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_FILE };

	msg.file.container = order->container;
	msg.file.mount = order->mount;
	msg.file.content = (struct domlet_slice){ order->content, order->len };
	(void)ask(all, &msg, (struct domlet_guest_request){ .tag = order->tag, .container = order->container });
}

void domlet_guest_process_delete(struct domlet_guest_processes *all, uint32_t tag, uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_DELETE };

	msg.delete_.container = container;
	ask_once(all, &msg, tag, container);
}

void domlet_guest_process_stats(struct domlet_guest_processes *all, uint32_t tag, uint32_t container, bool watch)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_STATS };

	msg.stats.container = container;
	msg.stats.watch = watch;
	ask_once(all, &msg, tag, container);
}

void domlet_guest_process_update(struct domlet_guest_processes *all, const struct domlet_guest_update *order)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_UPDATE };

	msg.update.container = order->container;
	msg.update.resources = (struct domlet_slice){ (const uint8_t *)order->resources, order->len };
	ask_once(all, &msg, order->tag, order->container);
}

/* False: it had ended, and was told so. */
static bool mark_ended(struct domlet_guest_process *p)
{
	if (p->phase == DOMLET_GUEST_PROCESS_STARTING || p->phase == DOMLET_GUEST_PROCESS_RUNNING)
		p->exit_code = EXIT_KILLED;
	else if (p->phase != DOMLET_GUEST_PROCESS_LINGERING)
		return false;
	answer_about(p, ECANCELED);
	p->phase = DOMLET_GUEST_PROCESS_DRAINING;
	return true;
}

/* Nothing of the container is left in the guest; what others have written may still be read. */
static void free_deleted(struct domlet_guest_processes *all, uint32_t container)
{
	for (uint32_t number = 1; number <= all->top; number++) {
		struct domlet_guest_process *p = domlet_guest_process_find(all, number);

		if (!p || !(p->first || p->dropped) || p->container != container ||
		    p->phase == DOMLET_GUEST_PROCESS_WAITING)
			continue;
		(void)mark_ended(p);
		tell_end(p, p->exit_code);
		free_process(p);
	}
}

void domlet_guest_process_replied(struct domlet_guest_processes *all, uint32_t request, uint32_t code, const char *text)
{
	struct domlet_guest_request r;
	struct domlet_guest_process *p;

	if (!domlet_guest_request_take(&all->requests, request, &r))
		return;                              /* what was never asked, or wants no answer, or has had one */
	if (r.type == DOMLET_MSG_STATS && code == 0) /* figures would be the answer */
		code = EIO;
	p = domlet_guest_process_find(all, r.process);
	if (p && p->phase != DOMLET_GUEST_PROCESS_STARTING)
		p = NULL; /* so short that its end came first */
	if (p)
		stop_deadline(p);
	if (p && code && !p->first)
		tell_end(p, STATUS_FAILED);
	if (!r.answered)
		answer(all, r.tag, code, text);
	if (r.type == DOMLET_MSG_DELETE && code == 0)
		free_deleted(all, r.container);
	if (!p)
		return;
	if (code) {
		free_process(p);
		return;
	}
	p->phase = DOMLET_GUEST_PROCESS_RUNNING;
	if (p->orphan)
		kill_in_guest(p);
}

void domlet_guest_process_counted(struct domlet_guest_processes *all, uint32_t request, uint32_t container,
				  const struct domlet_figures *figures)
{
	struct domlet_guest_event ev = { .type = DOMLET_GUEST_ANSWERED, .figures = *figures };
	struct domlet_guest_request r;

	if (!domlet_guest_request_take(&all->requests, request, &r))
		return;
	if (r.type != DOMLET_MSG_STATS || r.container != container) {
		all->link->broken = "figures that were not asked for";
		return;
	}
	ev.tag = r.tag;
	all->listener.post(all->listener.user, &ev);
}

void domlet_guest_process_exited(struct domlet_guest_process *p, uint32_t code, bool out_of_memory)
{
	struct domlet_guest_event ev = {
		.type = DOMLET_GUEST_EXITED, .process = p->number, .code = code, .out_of_memory = out_of_memory
	};

	/* Once; and a first one has not ended before it is there. */
	if (p->phase != DOMLET_GUEST_PROCESS_RUNNING && (p->first || p->phase != DOMLET_GUEST_PROCESS_STARTING))
		return;
	stop_deadline(p);
	answer_about(p, 0); /* so short that its end came first */
	p->all->listener.post(p->all->listener.user, &ev);
	domlet_guest_streams_owe(&p->streams);
	p->phase = DOMLET_GUEST_PROCESS_DRAINING;
	p->exit_code = code;
}

/* True while the guest may be given input for P. */
static bool takes_input(const struct domlet_guest_process *p)
{
	return p->phase == DOMLET_GUEST_PROCESS_RUNNING ||
	       (!p->first && (p->phase == DOMLET_GUEST_PROCESS_STARTING || p->phase == DOMLET_GUEST_PROCESS_LINGERING));
}

/* The guest may have refused it before its end. */
static bool send_document(struct domlet_guest_process *p)
{
	struct domlet_guest_link *l = p->all->link;
	bool moved;

	if (!p->document.text || !l->attached)
		return false;
	if (p->phase != DOMLET_GUEST_PROCESS_STARTING) {
		domlet_guest_document_close(&p->document, l);
		return false;
	}
	moved = domlet_guest_document_send(&p->document, l);
	if (!p->document.text)
		domlet_guest_streams_announce(l, p->number);
	return moved;
}

bool domlet_guest_process_move(struct domlet_guest_processes *all)
{
	bool any = false;

	all->link->wants_room = false;
	for (uint32_t number = 1; number <= all->top; number++) {
		struct domlet_guest_process *p = domlet_guest_process_find(all, number);

		if (!p)
			continue;
		any = domlet_guest_streams_move(&p->streams, takes_input(p)) || any;
		any = send_document(p) || any;
	}
	return any;
}

void domlet_guest_process_sweep(struct domlet_guest_processes *all)
{
	for (uint32_t number = 1; number <= all->top; number++) {
		struct domlet_guest_process *p = domlet_guest_process_find(all, number);

		if (!p)
			continue;
		if (p->first) {
			if (p->phase == DOMLET_GUEST_PROCESS_DRAINING && domlet_guest_streams_drained(&p->streams))
				tell_end(p, p->exit_code);
			continue;
		}
		if (p->phase == DOMLET_GUEST_PROCESS_LINGERING && domlet_guest_streams_ended(&p->streams))
			free_process(p);
		if (p->phase != DOMLET_GUEST_PROCESS_DRAINING)
			continue;
		/* Whom it left behind may write faster than anybody reads. */
		if (all->link->attached && !domlet_guest_streams_ended(&p->streams) &&
		    domlet_guest_streams_settled(&p->streams))
			linger(p);
		else if (domlet_guest_streams_drained(&p->streams))
			end(p);
	}
}

void domlet_guest_process_end_all(struct domlet_guest_processes *all)
{
	struct domlet_guest_request r;

	while (domlet_guest_request_take_any(&all->requests, &r))
		if (!r.answered)
			answer_unheard(all, r.tag, ECANCELED);
	for (uint32_t number = 1; number <= all->top; number++) {
		struct domlet_guest_process *p = domlet_guest_process_find(all, number);

		if (p)
			(void)mark_ended(p);
	}
	domlet_guest_process_sweep(all);
}

/* The guest may have it for a while yet: its number is given to no other until then, or another would be taken for it. */
static void drop(struct domlet_guest_process *p)
{
	if (p->dropped)
		return;
	if (p->phase == DOMLET_GUEST_PROCESS_STARTING || p->phase == DOMLET_GUEST_PROCESS_RUNNING)
		p->exit_code = EXIT_KILLED;
	p->dropped = p->orphan = true;
	stop_deadline(p);
	answer_about(p, ECANCELED);
	domlet_guest_document_cut(&p->document);
	domlet_guest_streams_close(&p->streams);
	tell_end(p, p->exit_code);
	post(p->all, DOMLET_GUEST_DROPPED, p->number, 0);
}

bool domlet_guest_process_moved(struct domlet_guest_processes *all, uint32_t container)
{
	bool moved = false;

	for (uint32_t i = 1; i <= all->top; i++) {
		struct domlet_guest_process *p = all->by_number[i];

		if (p && p->container == container)
			moved = domlet_guest_streams_moved(&p->streams) || moved;
	}
	return moved;
}

void domlet_guest_process_drop_further(struct domlet_guest_processes *all, uint32_t container)
{
	for (uint32_t number = 1; number <= all->top; number++) {
		struct domlet_guest_process *p = domlet_guest_process_find(all, number);

		if (!p || p->first || p->container != container)
			continue;
		if (all->link->attached)
			drop(p);
		else if (mark_ended(p) || p->phase == DOMLET_GUEST_PROCESS_DRAINING)
			end(p);
	}
	wake(all);
}
