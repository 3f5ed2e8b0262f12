// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of nodes. A node is a file, found again by its device, inode and time of birth, so that hard links
 * are one node; its name is only a hint at where to open it. Nobody but walk.c believes hints, and it checks them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "internal.h"

/* Slots that are looked at for one to drop: so long may a request take in a table that is full. */
#define SWEEP_MAX 2048u
/* Directories above one that is found in a new place, to see that it isn't put below itself. */
#define ABOVE_MAX 65536u

bool domlet_share_node_readonly(const struct domlet_share *s, const struct domlet_share_node *n)
{
	return n->slot == ROOT_SLOT || s->readonly[n->export_index];
}

bool domlet_share_node_submount(struct domlet_share *s, const struct domlet_share_node *n)
{
	const struct domlet_share_node *parent;

	if (n->type != S_IFDIR || !n->parent)
		return false;
	parent = domlet_share_node_at(s, n->parent);
	return parent->slot == ROOT_SLOT || n->dev != parent->dev || n->mount != parent->mount;
}

/* Exports have their descriptor and their name for good. */
static bool is_export(const struct domlet_share *s, const struct domlet_share_node *n)
{
	return n->slot <= ROOT_SLOT + s->export_count;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The guest can choose inode numbers by making many files, and not what they become here. */
static uint32_t hash(const struct domlet_share *s, uint16_t export_index, uint32_t mount, uint64_t dev, uint64_t ino)
{
	uint64_t place = (uint64_t)export_index << 32 | mount;

	return (uint32_t)mix(mix(ino ^ s->seed[0], dev ^ s->seed[1]) ^ s->seed[0], place ^ s->seed[1]) % NODE_MAX;
}

static uint64_t device(const struct statx *stx)
{
	return (uint64_t)stx->stx_dev_major << 32 | stx->stx_dev_minor;
}

static uint64_t birth(const struct statx *stx)
{
	return stx->stx_mask & STATX_BTIME ? (uint64_t)stx->stx_btime.tv_sec * 1000000000u + stx->stx_btime.tv_nsec : 0;
}

static uint32_t mount_id(const struct statx *stx)
{
	return stx->stx_mask & STATX_MNT_ID ? (uint32_t)stx->stx_mnt_id : 0;
}

static bool same_place(const struct domlet_share_node *n, const struct statx *stx)
{
	return n->ino == stx->stx_ino && n->dev == device(stx) && n->mount == mount_id(stx) &&
	       n->type == (stx->stx_mode & S_IFMT);
}

bool domlet_share_node_same(const struct domlet_share_node *n, const struct statx *stx)
{
	uint64_t born = birth(stx);

	return same_place(n, stx) && (!n->born || !born || n->born == born);
}

static uint32_t *head_of(struct domlet_share *s, const struct domlet_share_node *n)
{
	return &s->heads[hash(s, n->export_index, n->mount, n->dev, n->ino)];
}

static void unhash(struct domlet_share *s, struct domlet_share_node *n)
{
	uint32_t *at = head_of(s, n);

	while (*at && *at != n->slot)
		at = &domlet_share_node_at(s, *at)->next;
	if (*at)
		*at = n->next;
	n->next = 0;
}

struct domlet_share_node *domlet_share_node_find(struct domlet_share *s, uint16_t export_index, const struct statx *stx)
{
	uint32_t slot = s->heads[hash(s, export_index, mount_id(stx), device(stx), stx->stx_ino)];
	struct domlet_share_node *n;

	for (; slot; slot = n->next) {
		n = domlet_share_node_at(s, slot);
		if (n->export_index != export_index || !same_place(n, stx))
			continue;
		/* What has a descriptor is open, and its inode is nobody else's. Where file systems are
		 * stacked its time of birth may change with its first write. */
		if (n->fd >= 0)
			n->born = birth(stx);
		if (domlet_share_node_same(n, stx))
			return n;
	}
	return NULL;
}

static void list_remove(struct domlet_share *s, struct domlet_share_node *n)
{
	*(n->newer ? &domlet_share_node_at(s, n->newer)->older : &s->newest) = n->older;
	*(n->older ? &domlet_share_node_at(s, n->older)->newer : &s->oldest) = n->newer;
	n->newer = n->older = 0;
	s->fd_count--;
}

static void list_add(struct domlet_share *s, struct domlet_share_node *n)
{
	n->older = s->newest;
	n->newer = 0;
	*(s->newest ? &domlet_share_node_at(s, s->newest)->newer : &s->oldest) = n->slot;
	s->newest = n->slot;
	s->fd_count++;
}

void domlet_share_node_touch(struct domlet_share *s, struct domlet_share_node *n)
{
	n->touched = true;
	if (n->fd < 0 || n->pinned || s->newest == n->slot)
		return;
	list_remove(s, n);
	list_add(s, n);
}

static void drop_fd(struct domlet_share *s, struct domlet_share_node *n)
{
	if (n->fd < 0)
		return;
	if (n->pinned)
		s->pinned_count--;
	else
		list_remove(s, n);
	close(n->fd);
	n->fd = -1;
	n->pinned = false;
}

void domlet_share_node_trim(struct domlet_share *s, uint32_t keep)
{
	for (uint32_t left = s->fd_count; left && s->fd_count > keep; left--) {
		struct domlet_share_node *n = domlet_share_node_at(s, s->oldest);
		struct statx stx;

		if (n->busy) { /* a number that a request under way has must not become another file's */
			domlet_share_node_touch(s, n);
			continue;
		}
		/* It is known by this when it is opened again. */
		if (domlet_share_stat(n->fd, "", &stx) == 0)
			n->born = birth(&stx);
		drop_fd(s, n);
	}
}

void domlet_share_node_give(struct domlet_share *s, struct domlet_share_node *n, int fd)
{
	drop_fd(s, n);
	n->fd = fd;
	list_add(s, n);
	domlet_share_node_trim(s, NODE_FD_MAX);
}

void domlet_share_node_pin(struct domlet_share *s, struct domlet_share_node *n)
{
	if (n->fd < 0 || n->pinned || s->pinned_count >= PINNED_MAX)
		return;
	list_remove(s, n);
	n->pinned = true;
	s->pinned_count++;
}

static void unpin(struct domlet_share *s, struct domlet_share_node *n)
{
	if (!n->pinned)
		return;
	n->pinned = false;
	s->pinned_count--;
	list_add(s, n);
	domlet_share_node_trim(s, NODE_FD_MAX);
}

/* Frees N and what is above it, as far as nobody needs that any more. */
static void free_unused(struct domlet_share *s, struct domlet_share_node *n)
{
	while (!n->lookups && !n->children && !n->handles && !n->kept && !n->busy) {
		uint32_t parent = n->parent, slot = n->slot, generation = n->generation + 1;

		domlet_share_watch_end(s, n);
		drop_fd(s, n);
		unhash(s, n);
		domlet_share_child_remove(s, n);
		free(n->name);
		*n = (struct domlet_share_node){ .fd = -1, .slot = slot, .generation = generation ? generation : 1 };
		n->next = s->free_slot;
		s->free_slot = slot;
		s->node_count--;
		if (!parent)
			return;
		n = domlet_share_node_at(s, parent);
		n->children--;
	}
}

void domlet_share_node_forget(struct domlet_share *s, struct domlet_share_node *n, uint64_t lookups)
{
	n->lookups -= lookups < n->lookups ? lookups : n->lookups;
	free_unused(s, n);
}

void domlet_share_node_hold(struct domlet_share_node *n)
{
	n->busy++;
}

void domlet_share_node_let_go(struct domlet_share *s, struct domlet_share_node *n)
{
	n->busy--;
	free_unused(s, n);
}

/* Leaves the guest with an id that is nobody's: it is told ESTALE, and looks the name up again. */
static bool drop_one(struct domlet_share *s)
{
	struct domlet_share_node *first = NULL;

	for (uint32_t i = 0; i < SWEEP_MAX; i++) {
		struct domlet_share_node *n;

		s->hand = s->hand + 1 < s->slot_count ? s->hand + 1 : ROOT_SLOT;
		n = domlet_share_node_at(s, s->hand);
		if (!n->used || n->kept || n->children || n->handles || n->pinned || n->busy)
			continue;
		if (!first || !n->touched)
			first = n;
		if (!n->touched)
			break;
		n->touched = false;
	}
	if (first)
		domlet_share_node_forget(s, first, UINT64_MAX);
	return first;
}

int domlet_share_node_room(struct domlet_share *s)
{
	struct domlet_share_node **chunk = &s->chunks[s->slot_count / NODE_CHUNK % (NODE_MAX / NODE_CHUNK)];

	if (s->free_slot)
		return 0;
	if (s->slot_count == NODE_MAX)
		return drop_one(s) ? 0 : -ENFILE;
	if (!*chunk)
		*chunk = calloc(NODE_CHUNK, sizeof **chunk);
	if (*chunk)
		return 0;
	return drop_one(s) ? 0 : -ENOMEM;
}

/* Only after domlet_share_node_room() has said that there is one. */
static struct domlet_share_node *take_slot(struct domlet_share *s)
{
	struct domlet_share_node *n;
	uint32_t slot = s->free_slot ? s->free_slot : s->slot_count;

	n = domlet_share_node_at(s, slot);
	if (s->free_slot) {
		s->free_slot = n->next;
		n->next = 0;
	} else {
		s->slot_count++;
		*n = (struct domlet_share_node){ .slot = slot, .generation = 1 };
	}
	n->fd = -1;
	n->used = true;
	s->node_count++;
	return n;
}

static void unname(struct domlet_share *s, struct domlet_share_node *n)
{
	struct domlet_share_node *parent = n->parent ? domlet_share_node_at(s, n->parent) : NULL;

	domlet_share_child_remove(s, n);
	free(n->name);
	n->name = NULL;
	n->seen = false;
	n->parent = 0;
	domlet_share_node_pin(s, n);
	if (parent) {
		parent->children--;
		free_unused(s, parent);
	}
}

/* A hint that is out of date can say that PARENT is below N; then it is that hint which goes. */
static void part_circle(struct domlet_share *s, const struct domlet_share_node *n, struct domlet_share_node *parent)
{
	uint32_t slot = parent->slot;

	for (uint32_t i = 0; slot && slot != n->slot && i < ABOVE_MAX; i++)
		slot = domlet_share_node_at(s, slot)->parent;
	if (slot)
		unname(s, parent);
}

int domlet_share_node_rename(struct domlet_share *s, struct domlet_share_node *n, struct domlet_share_node *parent,
			     const char *name)
{
	struct domlet_share_node *before;
	char *copy;

	if (is_export(s, n) || (n->parent == parent->slot && n->name && strcmp(n->name, name) == 0))
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	if (n->children && n->parent != parent->slot) {
		domlet_share_node_hold(n);
		part_circle(s, n, parent);
		n->busy--;
	}
	domlet_share_child_remove(s, n);
	free(n->name);
	n->name = copy;
	unpin(s, n);
	before = n->parent ? domlet_share_node_at(s, n->parent) : NULL;
	n->parent = parent->slot;
	domlet_share_child_add(s, n);
	domlet_share_absent_remove(s, parent, name);
	if (before == parent)
		return 0;
	parent->children++;
	if (before) {
		before->children--;
		free_unused(s, before);
	}
	return 0;
}

void domlet_share_node_unname(struct domlet_share *s, struct domlet_share_node *n,
			      const struct domlet_share_node *parent, const char *name)
{
	if (n->parent == parent->slot && n->name && strcmp(n->name, name) == 0 && !is_export(s, n))
		unname(s, n);
}

void domlet_share_node_displace(struct domlet_share *s, const struct domlet_share_node *parent, const char *name,
				const struct domlet_share_node *n)
{
	struct domlet_share_node *other = domlet_share_child_find(s, parent, name);

	if (!other || other == n)
		return;
	if (other->told_rights)
		(void)domlet_share_news_node(s, other, false);
	domlet_share_node_unname(s, other, parent, name);
}

/* N was seen as NAME in PARENT, and the guest may know it by another one. */
static void leave_name(struct domlet_share *s, struct domlet_share_node *n, const struct domlet_share_node *parent,
		       const char *name)
{
	if (!n->seen || (n->parent == parent->slot && strcmp(n->name, name) == 0))
		return;
	/* A guest that lets so many wait for it has old names for so long. */
	(void)domlet_share_news_name(s, domlet_share_node_at(s, n->parent), NULL, n->name, false);
	n->seen = false;
}

/* Of a file with several names the table has one only, and events have any. What is mounted is elsewhere. */
static bool is_seen(const struct domlet_share_node *parent, const struct statx *stx)
{
	return parent->watch && mount_id(stx) == parent->mount && (S_ISDIR(stx->stx_mode) || stx->stx_nlink <= 1);
}

int domlet_share_node_know(struct domlet_share *s, struct domlet_share_node *parent, const char *name,
			   const struct statx *stx, struct domlet_share_node **node)
{
	struct domlet_share_node *n = domlet_share_node_find(s, parent->export_index, stx);
	cleanup_free char *copy = NULL;
	int r;

	*node = n;
	if (name)
		domlet_share_node_displace(s, parent, name, n);
	if (n && name)
		leave_name(s, n, parent, name);
	if (n) {
		n->touched = true;
		r = name ? domlet_share_node_rename(s, n, parent, name) : 0;
		n->seen = name && r == 0 && is_seen(parent, stx);
		return r;
	}
	/* The parent can't be what is dropped for this. */
	domlet_share_node_hold(parent);
	r = domlet_share_node_room(s);
	parent->busy--;
	if (r < 0)
		return r;
	copy = name ? strdup(name) : NULL;
	if (name && !copy)
		return -ENOMEM;
	n = take_slot(s);
	n->dev = device(stx);
	n->ino = stx->stx_ino;
	n->born = birth(stx);
	n->mount = mount_id(stx);
	n->type = stx->stx_mode & S_IFMT;
	n->export_index = parent->export_index;
	n->touched = true;
	n->name = take_ptr(copy);
	if (n->name) {
		n->parent = parent->slot;
		parent->children++;
		n->seen = is_seen(parent, stx);
		domlet_share_child_add(s, n);
		domlet_share_absent_remove(s, parent, n->name);
	}
	n->next = *head_of(s, n);
	*head_of(s, n) = n->slot;
	/* Mounts aren't the guest's to make; Linux 6.1 forgets one's node while it is still mounted there. */
	n->kept = domlet_share_node_submount(s, n);
	*node = n;
	return 0;
}

static void seed(uint64_t into[2])
{
	struct timespec now;

	if (getrandom(into, 2 * sizeof *into, GRND_NONBLOCK) == 2 * sizeof *into)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	into[0] = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)into;
	into[1] = mix(into[0], 0xd6e8feb86659fd93u);
}

int domlet_share_node_open_table(struct domlet_share *s, const struct domlet_share_export *exports)
{
	struct domlet_share_node *root, *n;
	char name[12];

	seed(s->seed);
	s->heads = calloc(NODE_MAX, sizeof *s->heads);
	s->names = calloc(NAME_HEADS, sizeof *s->names);
	s->slot_count = ROOT_SLOT;
	if (!s->heads || !s->names || domlet_share_node_room(s) < 0)
		return -ENOMEM;
	root = take_slot(s);
	root->type = S_IFDIR;
	root->kept = true;
	for (uint32_t i = 0; i < s->export_count; i++) {
		struct statx stx = { 0 }; /* of what can't be looked at nothing is ever found */

		(void)domlet_share_stat(exports[i].fd, "", &stx);
		snprintf(name, sizeof name, "%u", i);
		root->export_index = (uint16_t)i;
		if (domlet_share_node_know(s, root, name, &stx, &n) < 0)
			return -ENOMEM;
		n->kept = true;
		n->fd = exports[i].fd;
		n->pinned = true;
	}
	root->export_index = 0;
	return 0;
}

void domlet_share_node_reset(struct domlet_share *s)
{
	for (uint32_t slot = ROOT_SLOT + 1 + s->export_count; slot < s->slot_count; slot++) {
		struct domlet_share_node *n = domlet_share_node_at(s, slot);

		n->handles = 0;
		n->kept = false;
		if (n->used)
			domlet_share_node_forget(s, n, UINT64_MAX);
	}
	for (uint32_t slot = ROOT_SLOT; slot <= ROOT_SLOT + s->export_count; slot++) {
		struct domlet_share_node *n = domlet_share_node_at(s, slot);

		domlet_share_watch_end(s, n);
		n->handles = 0;
		n->lookups = 0;
		n->told_rights = n->told_rest = 0;
		n->paged = false;
	}
}

void domlet_share_node_close_table(struct domlet_share *s, bool exports_stay)
{
	for (uint32_t slot = ROOT_SLOT; slot < s->slot_count; slot++) {
		struct domlet_share_node *n = domlet_share_node_at(s, slot);

		if (n->fd >= 0 && !exports_stay)
			close(n->fd);
		free(n->name);
	}
	for (uint32_t i = 0; i < NODE_MAX / NODE_CHUNK; i++)
		free(s->chunks[i]);
	free(s->heads);
	free(s->names);
}
