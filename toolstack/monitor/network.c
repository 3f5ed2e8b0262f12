// SPDX-License-Identifier: GPL-2.0-or-later
#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../dom0/netns.h"
#include "../net/resolver.h"

static void go_on(struct domlet_network *n);

/* Opening and closing */

static void free_handle(uv_handle_t *h)
{
	free(h);
}

static void on_quiet(void *user)
{
	struct domlet_network *n = user;

	n->dirty = true;
	go_on(n);
}

static void on_change(uv_poll_t *poll, int status, int events)
{
	struct domlet_network *n = poll->data;

	(void)status, (void)events;
	domlet_net_socket_drain(&n->events);
	domlet_quiet_changed(&n->quiet);
}

static int watch(struct domlet_network *n, uv_loop_t *loop, struct domlet_error *err)
{
	int r = domlet_net_socket_watch(&n->events, n->namespace, err);

	if (r < 0)
		return r;
	n->poll = calloc(1, sizeof *n->poll);
	if (!n->poll || domlet_quiet_open(&n->quiet, loop, on_quiet, n) < 0 ||
	    uv_poll_init(loop, n->poll, domlet_net_socket_fd(&n->events)) < 0) {
		free(n->poll);
		n->poll = NULL;
		domlet_quiet_close(&n->quiet);
		return domlet_error_set(err, ENOMEM, "the container's network can't be watched: out of memory");
	}
	n->poll->data = n;
	(void)uv_poll_start(n->poll, UV_READABLE, on_change);
	return 0;
}

static bool shares(const struct domlet_network *n, const struct domlet_network *other)
{
	return other && other->dev == n->dev && other->ino == n->ino;
}

/* Whose vifs are N's; NULL: its own. */
static struct domlet_network *find_owner(const struct domlet_network *n)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct domlet_network *other = n->all->of[i];

		if (other != n && shares(n, other) && !other->is_others)
			return other;
	}
	return NULL;
}

/* One that does is enough: they are one host. */
static bool forges(const struct domlet_network *n)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (shares(n, n->all->of[i]) && n->all->of[i]->forges)
			return true;
	return false;
}

static int open_namespace(struct domlet_network *n, pid_t proxy, struct domlet_error *err)
{
	struct stat st;

	n->namespace = domlet_netns_open(proxy);
	if (n->namespace < 0)
		return domlet_error_set(err, -n->namespace, "the network namespace of process %d can't be opened: %s",
					proxy, domlet_strerror(-n->namespace));
	if (fstat(n->namespace, &st) < 0)
		return domlet_error_set(err, errno, "the container's network namespace can't be told from others: %s",
					domlet_strerror(errno));
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	return 0;
}

/* What dom0's processes ask in there is told apart from what the guest asks by its port. */
static void keep_ports(const struct domlet_network *n)
{
	char range[32];
	int r;

	(void)snprintf(range, sizeof range, "%d %d", DOMLET_NET_HOST_PORT_MIN, DOMLET_NET_HOST_PORT_MAX);
	r = domlet_netns_set(n->namespace, "ipv4/ip_local_port_range", range);
	if (r < 0)
		domlet_log_notice(
			n->spec->log,
			"the ports of dom0's sockets in the network of container %u of domain %s can't be set: %s",
			n->container, n->spec->record->name, domlet_strerror(-r));
}

int domlet_network_open(struct domlet_network *n, uv_loop_t *loop, pid_t proxy, struct domlet_error *err)
{
	int r = open_namespace(n, proxy, err);
	struct domlet_network *owner = r == 0 ? find_owner(n) : NULL;

	n->is_others = owner != NULL;
	if (r == 0 && !n->is_others)
		r = domlet_net_socket_open(&n->socket, n->namespace, err);
	if (r == 0 && !n->is_others)
		r = watch(n, loop, err); /* before the first look, so that no change is missed */
	if (r == 0 && !n->is_others)
		keep_ports(n);
	n->is_open = true;
	if (r < 0) {
		domlet_network_close(n);
		return r;
	}
	n->all->of[n->container] = n;
	n->dirty = true;
	go_on(n);
	if (owner) { /* which may send what it might not before */
		owner->dirty = true;
		go_on(owner);
	}
	return 0;
}

/* Of a network that is left: what it might send its owner may not any more. */
static void tell_owner(const struct domlet_network *n)
{
	struct domlet_network *owner = n->is_others ? find_owner(n) : NULL;

	if (owner && owner->poll && uv_is_active((uv_handle_t *)owner->poll))
		domlet_quiet_changed(&owner->quiet);
}

void domlet_network_close(struct domlet_network *n)
{
	if (!n->is_open)
		return;
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (n->nics[i].state == DOMLET_NETWORK_NIC_JOINED)
			domlet_net_splice_part(&n->socket, &n->nics[i].splice);
	if (n->poll)
		uv_close((uv_handle_t *)n->poll, free_handle);
	n->poll = NULL;
	domlet_quiet_close(&n->quiet);
	domlet_net_socket_close(&n->events);
	domlet_net_socket_close(&n->socket);
	if (n->namespace >= 0)
		close(n->namespace);
	n->namespace = -1;
	if (n->all->of[n->container] == n) {
		n->all->of[n->container] = NULL;
		tell_owner(n);
	}
	n->is_open = false;
}

/* What goes wrong is a start's to tell, or else the log's. */
static void note(struct domlet_network *n, const struct domlet_error *err)
{
	if (n->starting && !n->err.code)
		n->err = *err;
	else if (!n->starting)
		domlet_log_notice(n->spec->log, "the network of container %u of domain %s is not as it is in dom0: %s",
				  n->container, n->spec->record->name, err->text);
}

/* Vifs */

static struct domlet_network_nic *find_free(struct domlet_network *n)
{
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (n->nics[i].state == DOMLET_NETWORK_NIC_FREE)
			return &n->nics[i];
	return NULL;
}

static void give_free(struct domlet_network *n, struct domlet_network_nic *nic)
{
	n->all->numbers &= ~(UINT64_C(1) << nic->number);
	nic->state = nic->failed ? DOMLET_NETWORK_NIC_FAILED : DOMLET_NETWORK_NIC_FREE;
}

/* Whoever tries each time that something changes would never come to an end, as trying changes something. */
static bool has_failed(const struct domlet_network *n, uint32_t link)
{
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (n->nics[i].failed && n->nics[i].state != DOMLET_NETWORK_NIC_FREE && n->nics[i].link == link)
			return true;
	return false;
}

static void add_nic(struct domlet_network *n, const struct domlet_net_device *d)
{
	struct domlet_network_nic *nic = find_free(n);
	struct domlet_error err;
	uint32_t number = 0;
	int r;

	while (number < DOMLET_XEN_NICS_MAX && n->all->numbers >> number & 1)
		number++;
	if (!nic || number == DOMLET_XEN_NICS_MAX) {
		(void)domlet_error_set(&err, ENOSPC, "%s is one link more than the guest can have", d->link.name);
		note(n, &err);
		return;
	}
	r = domlet_xen_nic_add(n->domain->xen, number, d->link.mac, &err);
	if (r < 0) {
		note(n, &err);
		return;
	}
	*nic = (struct domlet_network_nic){
		.state = DOMLET_NETWORK_NIC_ADDING, .number = number, .link = d->index, .mtu = d->link.mtu
	};
	n->all->numbers |= UINT64_C(1) << number;
}

static void remove_nic(struct domlet_network *n, struct domlet_network_nic *nic)
{
	struct domlet_error err;

	nic->state = DOMLET_NETWORK_NIC_REMOVING;
	if (domlet_xen_nic_remove(n->domain->xen, nic->number, &err) < 0)
		give_free(n, nic); /* it goes with its domain */
}

/* Without it all but the engine's own questions works. */
static void pass_answers(struct domlet_network *n, const struct domlet_network_nic *nic)
{
	struct domlet_error err;

	if (domlet_net_resolver_pass(&n->socket, &nic->splice, &err) < 0)
		domlet_log_notice(n->spec->log, "container %u of domain %s: %s", n->container, n->spec->record->name,
				  err.text);
}

/* It is there, in dom0's namespace. */
static void join(struct domlet_network *n, struct domlet_network_nic *nic)
{
	const struct domlet_net_sender sender = { .forges = forges(n) }; /* and its addresses come with the next look */
	struct domlet_net_socket host = { 0 };
	struct domlet_error err;
	char vif[32];
	int r = domlet_net_socket_open(&host, -1, &err);

	(void)snprintf(vif, sizeof vif, "vif%u.%u", n->spec->record->domid, nic->number);
	if (r == 0)
		r = domlet_net_splice_move(&host, vif, n->namespace, &err);
	if (r == 0)
		r = domlet_net_splice_join(&n->socket, vif, nic->link, nic->mtu, &sender, &nic->splice, &err);
	domlet_net_socket_close(&host);
	n->dirty = true;
	nic->failed = r < 0;
	nic->state = r == 0 ? DOMLET_NETWORK_NIC_JOINED : DOMLET_NETWORK_NIC_GOING;
	if (r < 0)
		note(n, &err);
	else
		pass_answers(n, nic);
}

static struct domlet_network_nic *find_number(struct domlet_networks *all, uint32_t number,
					      struct domlet_network **whose)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		for (uint32_t k = 0; all->of[i] && k < DOMLET_NET_LINKS_MAX; k++) {
			struct domlet_network_nic *nic = &all->of[i]->nics[k];

			*whose = all->of[i];
			if (nic->state != DOMLET_NETWORK_NIC_FREE && nic->number == number)
				return nic;
		}
	return NULL;
}

void domlet_networks_nic_done(struct domlet_networks *all, uint32_t number, int rc, const struct domlet_error *err)
{
	struct domlet_network *n;
	struct domlet_network_nic *nic = find_number(all, number, &n);

	if (!nic)
		return;
	if (rc < 0)
		note(n, err);
	if (nic->state == DOMLET_NETWORK_NIC_ADDING && rc == 0)
		join(n, nic);
	else if (nic->state == DOMLET_NETWORK_NIC_ADDING)
		nic->failed = true, give_free(n, nic);
	else if (rc == 0)
		give_free(n, nic);
	else
		nic->state = DOMLET_NETWORK_NIC_FREE; /* but its number stays taken: it is there still */
	go_on(n);
}

/* Looking */

/* A network of another domain's container has its vif already: two hosts can't be one. */
static int refuse_others(const struct domlet_network *n, const struct domlet_net_view *view, struct domlet_error *err)
{
	char prefix[32];

	(void)snprintf(prefix, sizeof prefix, "vif%u.", n->spec->record->domid);
	for (uint32_t i = 0; i < view->device_count; i++)
		if (view->devices[i].kind == DOMLET_NET_VIF &&
		    strncmp(view->devices[i].link.name, prefix, strlen(prefix)) != 0)
			return domlet_error_set(
				err, ENOTSUP,
				"its network namespace is that of a container in another domain (%s is there), which can't be shared: give it a network of its own",
				view->devices[i].link.name);
	return 0;
}

static void follow_mtu(struct domlet_network *n, const struct domlet_net_view *view)
{
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++) {
		struct domlet_network_nic *nic = &n->nics[i];
		const struct domlet_net_device *d = domlet_net_view_find(view, nic->link);

		if (nic->state != DOMLET_NETWORK_NIC_JOINED || !d || d->link.mtu == nic->mtu)
			continue;
		nic->mtu = d->link.mtu;
		(void)domlet_net_splice_resize(&n->socket, &nic->splice, nic->mtu);
	}
}

/* Each vif passes on what its link has now. */
static void set_filters(struct domlet_network *n)
{
	struct domlet_net_sender sender = { .forges = forges(n), .net = &n->wanted };
	struct domlet_error err;

	for (sender.link = 0; sender.link < n->wanted.link_count; sender.link++)
		for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
			if (n->nics[i].state == DOMLET_NETWORK_NIC_JOINED &&
			    n->nics[i].number == n->wanted.links[sender.link].device &&
			    domlet_net_filter_set(&n->socket, n->nics[i].splice.vif, &sender, &err) < 0)
				note(n, &err);
}

static void look(struct domlet_network *n)
{
	struct domlet_net_nic nics[DOMLET_NET_LINKS_MAX];
	struct domlet_net_view view;
	struct domlet_net_changes changes;
	struct domlet_error err;

	n->dirty = false;
	if (domlet_net_view_read(&n->socket, &view, &err) < 0 || refuse_others(n, &view, &err) < 0) {
		note(n, &err);
		return;
	}
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		nics[i] = (struct domlet_net_nic){ .used = n->nics[i].state == DOMLET_NETWORK_NIC_JOINED,
						   .device = n->nics[i].number,
						   .link = n->nics[i].link };
	domlet_net_compare(&view, nics, &changes);
	if (view.left_out)
		domlet_log_notice(
			n->spec->log,
			"%u links, addresses, routes or neighbours in the network namespace of container %u of domain %s are not in the guest: they are too many, or of a kind that it isn't given",
			view.left_out, n->container, n->spec->record->name);
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (changes.remove >> i & 1)
			n->nics[i].state = DOMLET_NETWORK_NIC_GOING;
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (n->nics[i].state == DOMLET_NETWORK_NIC_FAILED && !domlet_net_view_find(&view, n->nics[i].link))
			n->nics[i].state = DOMLET_NETWORK_NIC_FREE;
	for (uint32_t i = 0; i < changes.add_count; i++)
		if (!has_failed(n, changes.add[i]))
			add_nic(n, domlet_net_view_find(&view, changes.add[i]));
	follow_mtu(n, &view);
	n->wanted = changes.wanted;
	set_filters(n);
	n->to_send = memcmp(&n->wanted, &n->sent, sizeof n->sent) != 0;
}

static bool has_nic(const struct domlet_network *n, enum domlet_network_nic_state state)
{
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (n->nics[i].state == state)
			return true;
	return false;
}

static bool is_under_way(const struct domlet_network *n)
{
	return n->asked || has_nic(n, DOMLET_NETWORK_NIC_ADDING) || has_nic(n, DOMLET_NETWORK_NIC_REMOVING);
}

static void send_wanted(struct domlet_network *n)
{
	uint8_t bytes[DOMLET_NET_ENCODED_MAX];
	struct domlet_guest_net order = { .tag = n->tag,
					  .container = n->container,
					  .revision = ++n->revision,
					  .state = bytes,
					  .len = (uint32_t)domlet_net_encode(&n->wanted, bytes) };

	n->to_send = false;
	n->asked = true;
	domlet_guest_net(n->guest, &order);
}

void domlet_network_answered(struct domlet_network *n, const struct domlet_guest_event *ev)
{
	struct domlet_error err;

	n->asked = false;
	if (ev->unheard)
		return; /* its domain ends */
	if (ev->code == 0) {
		n->sent = n->wanted;
	} else if (ev->code != ESRCH) { /* which it is when the container has ended meanwhile */
		(void)domlet_error_set(&err, (int)ev->code, "%s", ev->text);
		note(n, &err);
	}
	go_on(n);
}

static void remove_going(struct domlet_network *n)
{
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (n->nics[i].state == DOMLET_NETWORK_NIC_GOING)
			remove_nic(n, &n->nics[i]);
}

static void tell_ready(struct domlet_network *n)
{
	struct domlet_error err = n->err;

	if (!n->starting)
		return;
	n->starting = false;
	n->err.code = 0;
	n->ready(n->user, err.code ? &err : NULL);
}

/* One step after another, each of which is answered before the next one: look, add, join, look, tell the guest, remove. */
static void go_on(struct domlet_network *n)
{
	if (n->domain->ends)
		return; /* and whoever waits for a start is told so */
	while (n->is_open && !n->is_others && !is_under_way(n)) {
		if (n->dirty)
			look(n);
		else if (n->to_send)
			send_wanted(n);
		else if (has_nic(n, DOMLET_NETWORK_NIC_GOING))
			remove_going(n);
		else
			break;
	}
	if (!n->is_open || n->is_others || !is_under_way(n))
		tell_ready(n);
}

void domlet_network_start(struct domlet_network *n)
{
	/* What has failed before is tried once more. */
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++) {
		n->nics[i].failed = false;
		if (n->nics[i].state == DOMLET_NETWORK_NIC_FAILED)
			n->nics[i].state = DOMLET_NETWORK_NIC_FREE;
	}
	n->starting = true;
	n->dirty = true;
	go_on(n);
}

bool domlet_network_end(struct domlet_network *n)
{
	if (!n->is_open || n->is_others)
		return true;
	n->dirty = n->to_send = false;
	if (n->poll) /* nothing more is looked at */
		(void)uv_poll_stop(n->poll);
	domlet_quiet_stop(&n->quiet);
	if (is_under_way(n))
		return false;
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (n->nics[i].state == DOMLET_NETWORK_NIC_JOINED || n->nics[i].state == DOMLET_NETWORK_NIC_GOING)
			remove_nic(n, &n->nics[i]);
	return !has_nic(n, DOMLET_NETWORK_NIC_REMOVING);
}
