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
/* Names that the guest believes not to be there until it is told. */
#define ABSENT_MAX 4096u
/* What the guest is still to be told; one half of it is for what requests bring up, the other for events. */
#define NEWS_MAX 1024u

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
	uint32_t parent;    /* slot; 0: it has no name any more */
	uint32_t children;  /* nodes whose parent it is */
	uint32_t next;      /* slot: of the same hash, or the next free one */
	uint32_t next_name; /* slot: of the same hash of parent and name */
	uint32_t watch;     /* of a directory, or of an export that is a file: its number in the watcher; 0: none */
	/* What the guest may believe until it is told: of owner and mode, and of all else; 0: nothing. */
	uint32_t told_rights, told_rest;
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
	bool seen : 1;    /* under its name, while PARENT was watched: the guest may believe the name, too */
	bool paged : 1;   /* the guest may have some of its content */
};

/* Flags of INIT that domlet's own guest kernel has (images/patches/): FLUSH comes for a file with fcntl's locks in spite of
 * FOPEN_NOFLUSH; a READ makes the time of access unknown only where relatime changes it. */
#define SHARE_FLUSH_FOR_LOCKS (1ull << 62)
#define SHARE_RELATIME (1ull << 61)

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

/* A message that the guest's kernel didn't ask for. */
struct domlet_share_news {
	uint64_t node, child; /* CHILD: NODE is its directory, and it is gone */
	char *name;           /* in NODE; NULL: it is about NODE itself */
	bool content;
};

struct domlet_share_absent {
	uint64_t dir; /* the node's id */
	char *name;   /* NULL: this one is free */
	uint32_t next;
};

/* A node of a share's that is watched. One directory may be several nodes, which the kernel has one number for. */
struct domlet_share_watch {
	struct domlet_share *s; /* NULL: this one is free */
	uint32_t slot, next;
	int wd;
};

#define WATCH_HEADS 1024u

struct domlet_share_watcher {
	int fd;
	bool told_of; /* the guest takes news, so that it may believe what it is told */
	uint32_t credit;
	struct domlet_share *shares;
	struct domlet_share_watch *watches; /* 1 to ROOM - 1 */
	uint32_t count, room, free, most;
	uint32_t heads[WATCH_HEADS]; /* by wd */
	/* Whose content a request of the guest's is changing; NULL: there is none. */
	struct domlet_share *writer;
	uint32_t written;
	char events[16384] __attribute__((aligned(8)));
};

struct domlet_share {
	int proc_fd, own_fd; /* the process's working directory, which xattr.c leaves and comes back to */
	uint32_t export_count;
	bool *readonly; /* of each export */
	uint64_t seed[2];
	bool ready;           /* INIT has come */
	bool submounts;       /* the guest's kernel mounts what has FUSE_ATTR_SUBMOUNT */
	bool flush_for_locks; /* closing need not be told of files that nobody has locked */

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

	struct domlet_share_watcher *watcher; /* NULL: there is none */
	struct domlet_share *next_watched;    /* another one of the watcher's */
	uint32_t *names;                      /* NAME_HEADS slots by the hash of parent and name */
	struct domlet_share_absent *absents;  /* 1 to ABSENT_MAX */
	uint32_t *absent_heads, absent_hand;
	struct domlet_share_news *news; /* NEWS_MAX */
	uint32_t news_first, news_count;
	uint32_t sweep_hand, sweep_left; /* nodes that are still to be compared, as events were lost */

	char scratch[SCRATCH_LEN] __attribute__((aligned(8)));
};

#define NEWS_FIRST_LEN (sizeof(struct fuse_out_header) + sizeof(struct fuse_notify_inval_inode_out))

/* A request: its node is known when its function is called, its body as long as the table in share.c says. OUT is
 * behind the reply's header. */
struct domlet_share_request {
	struct domlet_share *s;
	struct fuse_in_header in;
	struct domlet_share_node *node;
	const uint8_t *body;
	size_t len;
	uint8_t *out;
	/* A message before the reply; 0: there is none. */
	size_t first_len;
	uint8_t first[NEWS_FIRST_LEN];
};

/* Answers: bytes at OUT, -errno, or this: nothing is sent. */
#define NO_REPLY (-100000)
typedef ssize_t domlet_share_verb(struct domlet_share_request *r);

/* slot.c: nodes by their numbers. */
/* statx of NAME in FD, or with "" of FD. */
int domlet_share_stat(int fd, const char *name, struct statx *stx);
struct domlet_share_node *domlet_share_node_at(struct domlet_share *s, uint32_t slot);
uint64_t domlet_share_node_id(const struct domlet_share_node *n);
/* NULL: there is none of that id. */
struct domlet_share_node *domlet_share_node_get(struct domlet_share *s, uint64_t id);

/* node.c: the table. */
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
/* N, or NULL, is what is called NAME in PARENT now; what was, if the table has it, is that no more. */
void domlet_share_node_displace(struct domlet_share *s, const struct domlet_share_node *parent, const char *name,
				const struct domlet_share_node *n);
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

/* child.c: nodes by their names. */
#define NAME_HEADS 16384u
uint32_t domlet_share_name_hash(const struct domlet_share *s, uint64_t parent, const char *name);
void domlet_share_child_add(struct domlet_share *s, struct domlet_share_node *n);
void domlet_share_child_remove(struct domlet_share *s, struct domlet_share_node *n);
struct domlet_share_node *domlet_share_child_find(struct domlet_share *s, const struct domlet_share_node *parent,
						  const char *name);

/* absent.c: names that the guest believes not to be there. */
/* False: it can't be remembered, so that the guest is to ask again soon. */
bool domlet_share_absent_add(struct domlet_share *s, const struct domlet_share_node *dir, const char *name);
bool domlet_share_absent_has(const struct domlet_share *s, const struct domlet_share_node *dir, const char *name);
void domlet_share_absent_remove(struct domlet_share *s, const struct domlet_share_node *dir, const char *name);
/* Tells the guest to ask again for as many as there is room for; true: none is left. */
bool domlet_share_absent_sweep(struct domlet_share *s);
void domlet_share_absent_reset(struct domlet_share *s);

/* news.c: what the guest is told. The first two return false, and change nothing, when there is no room. */
/* NAME in DIR isn't what it was; CHILD, or NULL, was there, and is removed. EVENT: it is no request's. */
bool domlet_share_news_name(struct domlet_share *s, const struct domlet_share_node *dir,
			    const struct domlet_share_node *child, const char *name, bool event);
bool domlet_share_news_node(struct domlet_share *s, struct domlet_share_node *n, bool content);
/* The guest is told these, which it may believe for long. */
void domlet_share_news_told(struct domlet_share_node *n, const struct statx *stx);
bool domlet_share_news_differs(const struct domlet_share_node *n, const struct statx *stx);
/* The next one's message and its length, or 0. */
size_t domlet_share_news_take(struct domlet_share *s, uint8_t *message);
/* The message that takes attributes of N back, for who sends it at once, and its length. */
size_t domlet_share_news_first(struct domlet_share_node *n, uint8_t *message);
void domlet_share_news_reset(struct domlet_share *s);

/* notice.c: what events mean. */
/* NAME in DIR, or NULL, may be something else now. OWN: its content was changed by the guest. */
void domlet_share_notice(struct domlet_share *s, struct domlet_share_node *dir, const char *name, uint32_t mask,
			 bool own);
/* N may not be as the guest was told. STX is NULL: it is to be looked at. False: there is no room to tell it. */
bool domlet_share_notice_node(struct domlet_share *s, struct domlet_share_node *n, const struct statx *stx);
/* Events were lost. */
void domlet_share_notice_all(struct domlet_share *s);
/* Goes on with that, for a short time. */
void domlet_share_notice_some(struct domlet_share *s);

/* watch.c: what is watched. */
bool domlet_share_watch_room(struct domlet_share_watcher *w);
void domlet_share_watch_add(struct domlet_share *s, struct domlet_share_node *n, int wd);
/* It is the kernel's no more. */
void domlet_share_watch_drop(struct domlet_share_watcher *w, uint32_t i);
void domlet_share_watch_end(struct domlet_share *s, struct domlet_share_node *n);
/* Those of the same WD; 0: none. */
uint32_t domlet_share_watch_first(struct domlet_share_watcher *w, int wd);
uint32_t domlet_share_watch_next(struct domlet_share_watcher *w, uint32_t i);
void domlet_share_watch_leave(struct domlet_share *s);

/* events.c */
/* Whether N, a directory or an export, is watched from now on. */
bool domlet_share_watch_begin(struct domlet_share *s, struct domlet_share_node *n);
/* What has come was somebody else's. From here on, until domlet_share_watch_wrote(), content of N is changed by the
 * guest. */
void domlet_share_watch_writes(struct domlet_share *s, struct domlet_share_node *n);
void domlet_share_watch_wrote(struct domlet_share *s);

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
/* How long the guest may believe what it isn't told the end of, and what it is. */
#define VALID_S 1u
#define VALID_LONG_S 86400u
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

domlet_share_verb domlet_share_take_credit;
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
