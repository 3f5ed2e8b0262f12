// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "tc.h"

#define REQUEST_MAX 1024

/* A request under construction, and its header. */
struct request {
	char buffer[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static struct nlmsghdr *begin(struct request *r, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(r->buffer);

	m->nlmsg_type = type;
	m->nlmsg_flags = flags;
	return m;
}

static struct nlmsghdr *begin_link(struct request *r, uint16_t type, uint32_t index, struct ifinfomsg **header)
{
	struct nlmsghdr *m = begin(r, type, 0);

	*header = mnl_nlmsg_put_extra_header(m, sizeof **header);
	(*header)->ifi_index = (int)index;
	return m;
}

int domlet_net_splice_move(struct domlet_net_socket *host, const char *vif, int namespace, struct domlet_error *err)
{
	struct request r;
	struct ifinfomsg *header;
	struct nlmsghdr *m = begin_link(&r, RTM_NEWLINK, 0, &header);
	int done;

	mnl_attr_put_strz(m, IFLA_IFNAME, vif);
	mnl_attr_put_u32(m, IFLA_NET_NS_FD, (uint32_t) namespace);
	done = domlet_net_socket_do(host, m);
	return done < 0 ? domlet_error_set(err, -done, "can't move %s into the container's network namespace: %s", vif,
					   domlet_strerror(-done)) :
			  0;
}

struct search {
	const char *name;
	bool is_it;
	uint32_t index;
};

static int compare_name(const struct nlattr *a, void *user)
{
	struct search *s = user;

	s->is_it = s->is_it || (mnl_attr_get_type(a) == IFLA_IFNAME && strcmp(mnl_attr_get_str(a), s->name) == 0);
	return MNL_CB_OK;
}

static int look(void *user, const struct nlmsghdr *m)
{
	struct search *s = user;

	s->is_it = false;
	(void)mnl_attr_parse(m, sizeof(struct ifinfomsg), compare_name, s);
	if (s->is_it)
		s->index = (uint32_t)((const struct ifinfomsg *)mnl_nlmsg_get_payload(m))->ifi_index;
	return 0;
}

/* The index of the device NAME, which may have changed when that was moved. */
static int find_index(struct domlet_net_socket *s, const char *name, uint32_t *index)
{
	struct search search = { .name = name };
	int r = domlet_net_socket_list(s, RTM_GETLINK, AF_UNSPEC, look, &search);

	*index = search.index;
	return r < 0 && r != -EINTR ? r : search.index ? 0 : -ENODEV;
}

/* Otherwise the namespace's own IPv6 would speak into the guest by it. */
static void put_no_ipv6(struct nlmsghdr *m)
{
	struct nlattr *families = mnl_attr_nest_start(m, IFLA_AF_SPEC);
	struct nlattr *ipv6 = mnl_attr_nest_start(m, AF_INET6);

	mnl_attr_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(m, ipv6);
	mnl_attr_nest_end(m, families);
}

static int set_up(struct domlet_net_socket *s, uint32_t index, uint32_t mtu)
{
	struct request r;
	struct ifinfomsg *header;
	struct nlmsghdr *m = begin_link(&r, RTM_NEWLINK, index, &header);
	int done;

	/* Before it is up, or it would have an address by then. A kernel without IPv6 needs nothing of it. */
	put_no_ipv6(m);
	done = domlet_net_socket_do(s, m);
	if (done < 0 && done != -EAFNOSUPPORT && done != -EOPNOTSUPP)
		return done;
	m = begin_link(&r, RTM_NEWLINK, index, &header);
	header->ifi_flags = header->ifi_change = IFF_UP | IFF_NOARP;
	mnl_attr_put_u32(m, IFLA_MTU, mtu);
	return domlet_net_socket_do(s, m);
}

static void remove_all(struct domlet_net_socket *s, uint32_t index)
{
	/* They may have gone with their device. */
	(void)domlet_net_tc_remove(s, index, DOMLET_NET_PREFERENCE_REDIRECT);
	(void)domlet_net_tc_remove(s, index, DOMLET_NET_PREFERENCE_FIRST);
}

int domlet_net_splice_join(struct domlet_net_socket *s, const char *vif, uint32_t link, uint32_t mtu,
			   const struct domlet_net_sender *sender, struct domlet_net_splice *splice,
			   struct domlet_error *err)
{
	bool filtered = false;
	int r;

	*splice = (struct domlet_net_splice){ .link = link };
	r = find_index(s, vif, &splice->vif);
	if (r == 0)
		r = set_up(s, splice->vif,
			   mtu); /* before a filter: what comes for a device that is down is dropped, and logged */
	if (r < 0)
		return domlet_error_set(err, -r, "can't set up %s in the container's network namespace: %s", vif,
					domlet_strerror(-r));
	r = domlet_net_tc_open(s, splice->vif);
	if (r == 0)
		r = domlet_net_tc_open(s, link);
	if (r == 0)
		filtered = domlet_net_filter_set(s, splice->vif, sender, err) == 0; /* before anything passes */
	if (r == 0 && filtered)
		r = domlet_net_tc_redirect(s, splice->vif, link);
	if (r == 0 && filtered)
		r = domlet_net_tc_redirect(s, link, splice->vif);
	if (r == 0 && filtered)
		return 0;
	domlet_net_splice_part(s, splice);
	return r == 0 ?
		       -err->code :
		       domlet_error_set(
			       err, -r,
			       "can't join %s with the container's link: %s; dom0's kernel needs the modules sch_ingress, cls_matchall and act_mirred",
			       vif, domlet_strerror(-r));
}

void domlet_net_splice_part(struct domlet_net_socket *s, const struct domlet_net_splice *splice)
{
	remove_all(s, splice->link);
	remove_all(s, splice->vif);
}

int domlet_net_splice_resize(struct domlet_net_socket *s, const struct domlet_net_splice *splice, uint32_t mtu)
{
	return set_up(s, splice->vif, mtu);
}
