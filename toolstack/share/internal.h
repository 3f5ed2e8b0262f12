/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_SHARE_INTERNAL_H
#define DOMLET_SHARE_INTERNAL_H

/*
 * What the files of this folder share: the table of nodes, the open files, and a request on its way through.
 * Functions that return an int or ssize_t give -errno for an error, which is the guest's answer.
 */

#include <linux/fuse.h>
#include <sys/stat.h>

#include "../../frontend/proto/limits.h"
#include "share.h"

/* Nodes, all that the guest knows by name at once. Its kernel needs about 1 KiB of memory for each, so that 262,144 are
 * more than most guests hold; one costs about 120 bytes here. The table drops what wasn't used for long when it
 * is full: the guest's kernel, told ESTALE, looks the name up again. */
#define NODE_MAX 262144u
/* O_PATH descriptors of nodes that are kept open because they are likely to be used again. */
#define NODE_FD_MAX 4096u
/* Descriptors of nodes without a name (removed, O_TMPFILE), which can be found in no other way. */
#define PINNED_MAX 16384u
/* Open files and directories. */
#define HANDLE_MAX 16384u
/* Owners of fcntl locks, each of which costs a descriptor; and locks that are waited for. */
#define LOCK_OWNER_MAX 4096u
#define LOCK_WAIT_MAX 256u
/* Directories between a node and the nearest one above it that has a descriptor. */
#define WALK_MAX 1024u
#define EXPORT_MAX 4096u

#define NODE_CHUNK 1024u
#define NAME_LEN_MAX 255u
#define SCRATCH_LEN 65536u

#define ROOT_SLOT 1u

/* A file or directory that the guest knows. Its id is its slot, and the slot's generation above that. */
struct domlet_share_node {
	uint64_t dev, ino;
	uint64_t born;    /* ns since 1970; 0: the file system doesn't say */
	uint64_t lookups; /* what the guest may FORGET */
	uint64_t opened; /* of its content when the guest last opened it: the time of its last change, in ns; 0: not known */
	char *name;      /* where it was seen last: in PARENT, under this name */
	uint32_t slot, generation;
	uint32_t parent;       /* slot; 0: it has no name any more */
	uint32_t children;     /* nodes whose parent it is */
	uint32_t next;         /* slot: of the same hash, or the next free one */
	uint32_t newer, older; /* slots: of those with a descriptor, the next ones by their last use */
	int fd;                /* O_PATH, or -1 */
	uint32_t mount;        /* statx's mount id */
	uint16_t export_index;
	uint16_t type; /* S_IFMT's bits */
	uint16_t handles;
	uint8_t busy;     /* requests under way that use it */
	bool used : 1;    /* the slot is taken */
	bool pinned : 1;  /* FD is not among those that may be closed */
	bool kept : 1;    /* it stays, whatever the guest forgets: the root, exports, mounts */
	bool touched : 1; /* since the table was last searched for what to drop */
};

struct domlet_share_handle {
	int fd; /* -1: of the virtual root */
	uint32_t generation, node, next;
	uint64_t position; /* of a directory: what was read up to */
	bool used, directory, writable;
};

struct domlet_share_owner {
	uint64_t owner;
	uint32_t node, pid;
	uint64_t handle; /* through which it has locked last */
	int fd;          /* whose open file description holds its locks */
	bool writable;
};

struct domlet_share_wait {
	uint64_t unique, nodeid;
	uint32_t pid;
	struct fuse_lk_in in;
};

struct domlet_share {
	int proc_fd, own_fd; /* the process's working directory, which xattr.c leaves and comes back to */
	uint32_t export_count;
	bool *readonly; /* of each export */
	uint64_t seed[2];
	bool ready;     /* INIT has come */
	bool submounts; /* the guest's kernel mounts what has FUSE_ATTR_SUBMOUNT */

	struct domlet_share_node *chunks[NODE_MAX / NODE_CHUNK];
	uint32_t *heads; /* NODE_MAX slots by hash */
	uint32_t slot_count, free_slot, node_count, hand;
	uint32_t newest, oldest, fd_count, pinned_count;

	struct domlet_share_handle *handles;
	uint32_t handle_room, handle_count, free_handle;

	struct domlet_share_owner *owners;
	uint32_t owner_count, owner_room;
	struct domlet_share_wait waits[LOCK_WAIT_MAX];
	uint32_t wait_count;

	char scratch[SCRATCH_LEN] __attribute__((aligned(8)));
};

/* A request: its node is known when its function is called, its body as long as the table in share.c says. OUT is
 * behind the reply's header. */
struct domlet_share_request {
	struct domlet_share *s;
	struct fuse_in_header in;
	struct domlet_share_node *node;
	const uint8_t *body;
	size_t len;
	uint8_t *out;
};

/* Answers: bytes at OUT, -errno, or this: nothing is sent. */
#define NO_REPLY (-100000)
typedef ssize_t domlet_share_verb(struct domlet_share_request *r);

/* node.c: the table. */
/* statx of NAME in FD, or with "" of FD. */
int domlet_share_stat(int fd, const char *name, struct statx *stx);
struct domlet_share_node *domlet_share_node_at(struct domlet_share *s, uint32_t slot);
uint64_t domlet_share_node_id(const struct domlet_share_node *n);
/* NULL: there is none of that id. */
struct domlet_share_node *domlet_share_node_get(struct domlet_share *s, uint64_t id);
/* Makes sure that one more node fits, or says ENFILE. */
int domlet_share_node_room(struct domlet_share *s);
struct domlet_share_node *domlet_share_node_find(struct domlet_share *s, uint16_t export_index, const struct statx *stx);
/* The node of the file that was just seen as NAME in PARENT, a new one or one that is known. NAME NULL: it has none. */
int domlet_share_node_know(struct domlet_share *s, struct domlet_share_node *parent, const char *name,
			   const struct statx *stx, struct domlet_share_node **node);
bool domlet_share_node_same(const struct domlet_share_node *n, const struct statx *stx);
int domlet_share_node_rename(struct domlet_share *s, struct domlet_share_node *n, struct domlet_share_node *parent,
			     const char *name);
/* N isn't called NAME in PARENT any more; its descriptor, which it should have, is the only way to it. */
void domlet_share_node_unname(struct domlet_share *s, struct domlet_share_node *n,
			      const struct domlet_share_node *parent, const char *name);
void domlet_share_node_forget(struct domlet_share *s, struct domlet_share_node *n, uint64_t lookups);
/* It stays until it is let go again, whatever happens to others. */
void domlet_share_node_hold(struct domlet_share_node *n);
void domlet_share_node_let_go(struct domlet_share *s, struct domlet_share_node *n);
/* Hands FD over to N. */
void domlet_share_node_give(struct domlet_share *s, struct domlet_share_node *n, int fd);
void domlet_share_node_touch(struct domlet_share *s, struct domlet_share_node *n);
void domlet_share_node_pin(struct domlet_share *s, struct domlet_share_node *n);
bool domlet_share_node_readonly(const struct domlet_share *s, const struct domlet_share_node *n);
bool domlet_share_node_submount(struct domlet_share *s, const struct domlet_share_node *n);
/* Closes descriptors of nodes that no request is about, until at most KEEP are left. */
void domlet_share_node_trim(struct domlet_share *s, uint32_t keep);
int domlet_share_node_open_table(struct domlet_share *s, const struct domlet_share_export *exports);
/* The descriptors of exports stay open where they aren't the share's yet. */
void domlet_share_node_close_table(struct domlet_share *s, bool exports_stay);
/* Forgets all but the root and the exports. */
void domlet_share_node_reset(struct domlet_share *s);

/* walk.c: descriptors. */
/* openat() with O_CLOEXEC, which makes room for a descriptor when there is none. */
int domlet_share_openat(struct domlet_share *s, int fd, const char *name, int flags, mode_t mode);
/* Opens the file of FD, which is O_PATH or not. It must be a regular file, or a directory. */
int domlet_share_reopen(struct domlet_share *s, int fd, int flags);
/* N's own descriptor, which is O_PATH and stays open while N is held. ESTALE: the file isn't where it was. */
int domlet_share_node_fd(struct domlet_share *s, struct domlet_share_node *n);
int domlet_share_node_stat(struct domlet_share *s, struct domlet_share_node *n, struct statx *stx);
/* "N" in PROC_FD. */
struct domlet_share_number {
	char text[12];
};
struct domlet_share_number domlet_share_number(int fd);

/* handle.c: open files and directories. */
int domlet_share_handle_room(struct domlet_share *s);
/* FD becomes the handle's; there must be room. */
uint64_t domlet_share_handle_add(struct domlet_share *s, struct domlet_share_node *n, int fd, bool directory,
				 bool writable);
/* NULL: it isn't one of this node's, or not of this kind. */
struct domlet_share_handle *domlet_share_handle_get(struct domlet_share *s, const struct domlet_share_node *n,
						    uint64_t fh, bool directory);
void domlet_share_handle_remove(struct domlet_share *s, struct domlet_share_handle *h);
void domlet_share_handle_reset(struct domlet_share *s);

/* attr.c */
/* How long the guest may believe a name, and attributes, without asking again: the one place that decides it. N is
 * NULL for a name that isn't there. */
void domlet_share_validity(const struct domlet_share *s, const struct domlet_share_node *n, uint64_t *valid_s,
			   uint32_t *valid_ns);
void domlet_share_attr(struct domlet_share *s, const struct domlet_share_node *n, const struct statx *stx,
		       struct fuse_attr *attr);
/* What a lookup gives, which counts as one. */
void domlet_share_entry(struct domlet_share *s, struct domlet_share_node *n, const struct statx *stx,
			struct fuse_entry_out *out);
/* As a local file system does when somebody without CAP_FSETID changes a file. FD may be O_PATH. GID is the requester's; that
 * he has other groups isn't said. */
int domlet_share_kill_suidgid(struct domlet_share *s, int fd, gid_t gid);

/* name.c: the name at the beginning of BODY, of which USED bytes are taken with its end. */
int domlet_share_name(const uint8_t *body, size_t len, const char **name, size_t *used);

/* xattr.c */
bool domlet_share_has_default_acl(struct domlet_share *s, int fd);

/* lock.c: all that OWNER holds of N is let go; of a handle that ends, what was locked through it. */
void domlet_share_lock_flush(struct domlet_share *s, const struct domlet_share_node *n, uint64_t owner);
void domlet_share_lock_release(struct domlet_share *s, const struct domlet_share_node *n, uint64_t fh);
void domlet_share_lock_reset(struct domlet_share *s);
/* The late reply's error and its request's number: true, when a lock that was waited for is decided. */
bool domlet_share_lock_retry(struct domlet_share *s, uint64_t *unique, int *error);
/* Was this a lock that is waited for? It isn't any more. */
bool domlet_share_lock_interrupt(struct domlet_share *s, uint64_t unique);

domlet_share_verb domlet_share_lookup, domlet_share_forget, domlet_share_batch_forget, domlet_share_unlink,
	domlet_share_rmdir, domlet_share_rename, domlet_share_rename2, domlet_share_link, domlet_share_readlink;
domlet_share_verb domlet_share_symlink, domlet_share_mknod, domlet_share_mkdir, domlet_share_create,
	domlet_share_tmpfile;
domlet_share_verb domlet_share_getattr, domlet_share_setattr, domlet_share_statfs;
domlet_share_verb domlet_share_open_file, domlet_share_read, domlet_share_write, domlet_share_release,
	domlet_share_flush, domlet_share_fsync, domlet_share_fallocate, domlet_share_lseek, domlet_share_copy_file_range;
domlet_share_verb domlet_share_opendir, domlet_share_readdir, domlet_share_readdirplus, domlet_share_releasedir,
	domlet_share_fsyncdir;
domlet_share_verb domlet_share_setxattr, domlet_share_getxattr, domlet_share_listxattr, domlet_share_removexattr;
domlet_share_verb domlet_share_getlk, domlet_share_setlk, domlet_share_setlkw;

#endif
