// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes. trusted.* needs CAP_SYS_ADMIN, which this process hasn't, and those of dom0's own
 * overlays are none of the guest's: a guest's "trusted.X" is "user.domlet.trusted.X" here, and what begins with
 * "user.domlet." isn't there for the guest under that name. That much is to be had on regular files and directories only,
 * as user.* is; elsewhere EPERM says so, which overlayfs takes for "not needed". security.capability is itself;
 * all else of security.* and system.* (labels, ACLs) isn't supported.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "internal.h"

#define HIDDEN "user.domlet."
#define TRUSTED "trusted."
#define VALUE_MAX 65536u

struct attribute {
	char name[NAME_LEN_MAX + 1]; /* as it is here */
};

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* The attribute that the guest calls by the name at BODY, or how it can't be: ABSENT for one that is hidden. */
static int map_name(const uint8_t *body, size_t len, int absent, struct attribute *a, size_t *used)
{
	const char *name = (const char *)body;
	const uint8_t *end = memchr(body, 0, len);
	int n;

	if (!end || end == body)
		return -EINVAL;
	*used = (size_t)(end - body) + 1;
	if (*used > sizeof a->name)
		return -ERANGE;
	if (begins(name, HIDDEN))
		return absent;
	if (!begins(name, "user.") && !begins(name, TRUSTED) && strcmp(name, "security.capability") != 0)
		return -EOPNOTSUPP;
	n = snprintf(a->name, sizeof a->name, "%s%s", begins(name, TRUSTED) ? HIDDEN : "", name);
	return n < (int)sizeof a->name ? 0 : -ERANGE;
}

/* Attributes of what is only open as O_PATH are reached by a name in /proc/self/fd, which has to be the working directory, as
 * these calls take no other one. It is for the time of one call only. */
static int go_to(struct domlet_share *s, struct domlet_share_node *n, struct domlet_share_number *number)
{
	int fd = domlet_share_node_fd(s, n);

	if (fd < 0)
		return fd;
	*number = domlet_share_number(fd);
	return fchdir(s->proc_fd) < 0 ? -errno : 0;
}

/* What a call has given, or -errno. */
static ssize_t come_back(struct domlet_share *s, ssize_t result)
{
	int e = errno;

	(void)!fchdir(s->own_fd);
	return result < 0 ? -e : result;
}

bool domlet_share_has_default_acl(struct domlet_share *s, int fd)
{
	if (fchdir(s->proc_fd) < 0)
		return false;
	return come_back(s, getxattr(domlet_share_number(fd).text, "system.posix_acl_default", NULL, 0)) > 0;
}

ssize_t domlet_share_setxattr(struct domlet_share_request *r)
{
	const size_t head = FUSE_COMPAT_SETXATTR_IN_SIZE;
	struct fuse_setxattr_in in = { 0 };
	struct domlet_share_number number;
	struct attribute a;
	size_t used;
	int e = map_name(r->body + head, r->len - head, -EPERM, &a, &used);

	memcpy(&in, r->body, head);
	if (e < 0)
		return e;
	if (in.size != r->len - head - used || in.flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (in.size > VALUE_MAX)
		return -E2BIG;
	e = go_to(r->s, r->node, &number);
	if (e < 0)
		return e;
	return come_back(r->s, setxattr(number.text, a.name, r->body + head + used, in.size, (int)in.flags));
}

static ssize_t put_size(struct domlet_share_request *r, size_t size)
{
	struct fuse_getxattr_out out = { .size = (uint32_t)size };

	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

ssize_t domlet_share_getxattr(struct domlet_share_request *r)
{
	struct domlet_share_number number;
	struct fuse_getxattr_in in;
	struct attribute a;
	size_t used;
	ssize_t n = map_name(r->body + sizeof in, r->len - sizeof in, -ENODATA, &a, &used);

	memcpy(&in, r->body, sizeof in);
	if (n < 0)
		return n;
	if (r->node->slot == ROOT_SLOT)
		return -ENODATA;
	n = go_to(r->s, r->node, &number);
	if (n < 0)
		return n;
	n = come_back(r->s, getxattr(number.text, a.name, r->out, in.size < VALUE_MAX ? in.size : VALUE_MAX));
	return n < 0 || in.size ? n : put_size(r, (size_t)n);
}

/* The guest's name of attribute NAME, or NULL: it has none. Root alone sees trusted.*, as everywhere. */
static const char *shown(const char *name, bool root)
{
	if (begins(name, HIDDEN TRUSTED))
		return root ? name + strlen(HIDDEN) : NULL;
	if (begins(name, HIDDEN))
		return NULL;
	return begins(name, "user.") || strcmp(name, "security.capability") == 0 ? name : NULL;
}

ssize_t domlet_share_listxattr(struct domlet_share_request *r)
{
	struct domlet_share_number number;
	struct fuse_getxattr_in in;
	size_t len = 0;
	ssize_t n;

	memcpy(&in, r->body, sizeof in);
	if (r->node->slot == ROOT_SLOT)
		return in.size ? 0 : put_size(r, 0);
	n = go_to(r->s, r->node, &number);
	if (n < 0)
		return n;
	n = come_back(r->s, listxattr(number.text, r->s->scratch, SCRATCH_LEN));
	if (n < 0)
		return n;
	for (const char *at = r->s->scratch; at < r->s->scratch + n; at += strlen(at) + 1) {
		const char *name = shown(at, r->in.uid == 0);
		size_t name_len = name ? strlen(name) + 1 : 0;

		if (in.size && len + name_len > in.size)
			return -ERANGE;
		if (in.size && name)
			memcpy(r->out + len, name, name_len);
		len += name_len;
	}
	return in.size ? (ssize_t)len : put_size(r, len);
}

ssize_t domlet_share_removexattr(struct domlet_share_request *r)
{
	struct domlet_share_number number;
	struct attribute a;
	size_t used;
	int e = map_name(r->body, r->len, -ENODATA, &a, &used);

	if (e == 0)
		e = go_to(r->s, r->node, &number);
	return e < 0 ? e : come_back(r->s, removexattr(number.text, a.name));
}
