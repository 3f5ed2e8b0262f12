/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_SHARE_SHARE_H
#define DOMLET_SHARE_SHARE_H

/*
 * The answering half of the FUSE protocol (linux/fuse.h): requests of a guest's kernel about files of dom0. It
 * has no transport, no thread and no clock of its own, so that tests and a fuzzer call it directly; whoever has
 * the ring comes here. All that is done to files is done relative to descriptors of the exports, one name at a
 * time, and never through a symbolic link: a guest can't leave its exports by what it asks.
 *
 * Node 1 is a virtual, read-only directory whose entries "0", "1", … are the exports, in their order. With
 * FUSE_SUBMOUNTS each export that is a directory is a file system of its own in the guest, as is each mount below one.
 * Linux offers that on a connection of virtiofs only (fs/fuse/virtio_fs.c sets auto_submounts), and domlet's guest kernel
 * on each (images/patches/): elsewhere all of a connection has one device number. Whoever wants one for each export
 * opens a share and a connection for each; that only export isn't mounted once more. STATFS is each node's own file system's either way.
 *
 * One thread at a time may use a share, and no other one its process's working directory meanwhile: calls for extended
 * attributes go elsewhere and come back. The process's umask must be 0.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct domlet_share_export {
	int fd;        /* O_PATH, of its root: a directory, or a single file; becomes the share's */
	bool readonly; /* each change is refused with EROFS, whatever the mount says */
};

struct domlet_share;

/* PROC_FD is /proc/self/fd, opened with O_PATH | O_DIRECTORY by the process that will answer (it is its opener's, so:
 * after the fork), which may have no /proc that can be named any more. It becomes the share's, as do the exports'
 * descriptors, unless NULL is returned: out of memory. No limit is raised here: a share needs a soft RLIMIT_NOFILE of
 * DOMLET_SHARE_DESCRIPTORS beside what else is open, or gives the guest ENFILE sooner. */
struct domlet_share *domlet_share_open(const struct domlet_share_export *exports, uint32_t count, int proc_fd);
#define DOMLET_SHARE_DESCRIPTORS 65536u

/* Answers the LEN bytes at REQUEST, one message of /dev/fuse, which is a copy that the guest can't change any more.
 * Writes at most DOMLET_SHARE_MESSAGE_MAX bytes (frontend/proto/limits.h) at REPLY, which is aligned for a
 * uint64_t, and returns their number. 0: there is no reply to this (FORGET), or none yet (a lock that is waited for).
 * -EPROTO: the guest breaks the protocol in a way that no reply can say, and is to be ended. Waits for the file systems
 * below, and never for what a guest decides. The reply to an INTERRUPT is that of the request which it ended.
 * In front of a reply may be a FUSE_NOTIFY_INVAL_INODE of its file, attributes alone, with a header and a length of its own: the
 * guest's kernel is to take it first, and takes it without waiting. */
ssize_t domlet_share_answer(struct domlet_share *s, const uint8_t *request, size_t len, uint8_t *reply);

/* Is a lock waited for? Then domlet_share_retry() is to be called each 20 to 50 ms, until it returns 0: it gives
 * one late reply a call, as domlet_share_answer() does, for a lock that could be had now. */
bool domlet_share_waits(const struct domlet_share *s);
ssize_t domlet_share_retry(struct domlet_share *s, uint8_t *reply);

/*
 * What dom0 changes. A watcher hears of it by inotify, for all shares of the process. The guest's kernel is then told, by
 * messages that it didn't ask for (FUSE_NOTIFY_…), and so may believe what it knows for long; what can't be watched
 * it believes for a second, as it does all without a watcher. It says first how many of these messages it takes,
 * as the unique number of a FUSE_NOTIFY_REPLY, and by another one each time how many more.
 */
struct domlet_share_watcher;

/* FD is from inotify_init1(IN_NONBLOCK) and becomes the watcher's, unless NULL is returned: out of memory. It watches less
 * than MOST directories, and less than DOMLET_SHARE_WATCHES. */
struct domlet_share_watcher *domlet_share_watcher_open(int fd, uint32_t most);
#define DOMLET_SHARE_WATCHES 8192u
/* To be read when FD is, before sleeping, and now and then; takes a short time, and doesn't wait. */
void domlet_share_watcher_read(struct domlet_share_watcher *w);
/* After its shares. W may be NULL. */
void domlet_share_watcher_close(struct domlet_share_watcher *w);
/* Before the first request. */
void domlet_share_watch(struct domlet_share *s, struct domlet_share_watcher *w);
/* Is there something to tell, and does the guest take it? Then domlet_share_tell() writes one message of at most
 * DOMLET_SHARE_NEWS_MAX bytes (limits.h) and returns its length, or 0: not yet. */
bool domlet_share_has_news(const struct domlet_share *s);
size_t domlet_share_tell(struct domlet_share *s, uint8_t *message);

/* Gives back all that the share holds: descriptors, and with them its locks. S may be NULL. */
void domlet_share_close(struct domlet_share *s);

#endif
