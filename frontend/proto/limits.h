/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_LIMITS_H
#define DOMLET_PROTO_LIMITS_H

/*
 * Every number that bounds what one side may ask of the other, with its
 * reason. Both sides and every test include this file; nothing else does
 * arithmetic on literal sizes.
 */

/* Raised whenever a peer of the older version could misread the newer. */
#define DOMLET_PROTO_VERSION 10u

#define DOMLET_PAGE_SIZE 4096u

/* Data pages per direction are 1 << order: 32 pages, 128 KiB, hold four of the
 * largest frames and cost a guest 65 grants. */
#define DOMLET_RING_ORDER_DEFAULT 5u
/* 2 * 256 data pages + 1 stay below gntalloc's default of 1,024 grants. */
#define DOMLET_RING_ORDER_MAX 8u

/* Payload of one frame: a quarter of a default direction, so that a control
 * frame never waits for more than that. */
#define DOMLET_FRAME_PAYLOAD_MAX 32768u
/* A message is small; what is large (a configuration) travels as a stream. */
#define DOMLET_MSG_MAX 16384u
/* Unsent control bytes a link may hold while the ring is full; more means
 * that the peer has stopped reading and the caller must stop producing. */
#define DOMLET_LINK_OUTBOX_MAX 65536u

/* Bytes a stream's sender may have in flight or unread at the receiver.
 * Bounds the receiver's buffer for a blocked reader. Half of it, the credit
 * given back at once, is a default direction, so that a sender whose reader
 * keeps up waits for room in the ring and never for credit. */
#define DOMLET_STREAM_WINDOW 262144u
/* Process numbers are host-chosen, 1-based, the lowest free ones first. Of all
 * containers of a domain together: the first processes and those of EXEC, not what
 * they start. Memory, descriptors and the containers' pids limits bound them before
 * this does; tables by number are this long, and what isn't used of them is never
 * touched, so that no page of memory is taken for it. */
#define DOMLET_PROCESS_MAX 4096u
/* Of a domain, with the sandbox. */
#define DOMLET_CONTAINER_MAX 16u

/* Sockets of the host that containers reach over the ring, of a domain at once. Questions are
 * datagrams that have one answer: each costs the host a descriptor for as long as its answer may
 * take, and further ones wait in the socket that the guest listens on. dockerd's resolver asks
 * outside for 100 names at once, or for 1,024. */
#define DOMLET_FORWARD_QUESTION_MAX 256u
#define DOMLET_FORWARD_QUESTION_MS 10000u
/* Each may cost either side a stream's window, if nobody there reads it. */
#define DOMLET_FORWARD_CONNECTION_MAX 64u
/* Sockets of the host that a container has in its binds: each costs both sides a descriptor. */
#define DOMLET_SOCKET_MAX 16u
/* Of one who connects to such. NGROUPS_MAX is 65,536; who is in more than a few is no program. */
#define DOMLET_FORWARD_GROUP_MAX 64u
/* Datagrams for such a socket: a message's worth, and so many under way, of a domain. */
#define DOMLET_SOCKET_DATAGRAM_MAX 12288u
#define DOMLET_SOCKET_DATAGRAMS 32u
/* Bytes of a copied file that may be written anew, in one message. */
#define DOMLET_FILE_MAX 12288u
/* Bytes of the resources that an update changes, in one message. */
#define DOMLET_UPDATE_MAX 12288u
/* A datagram: three times what resolvers send over an Ethernet. */
#define DOMLET_FORWARD_DATAGRAM_MAX 4096u

/* The largest request or reply of the share: 1 MiB of data, which is FUSE's max_write with 256 pages, and its headers. */
#define DOMLET_SHARE_DATA_MAX 1048576u
/* Pages of a share's ring per direction, 256 KiB: two replies of the size that readahead asks for. With it a
 * container costs a guest 129 grants. */
#define DOMLET_SHARE_RING_ORDER 6u
#define DOMLET_SHARE_MESSAGE_MAX (DOMLET_SHARE_DATA_MAX + 4096u)
/* The length in a FUSE_NOTIFY_INVAL_INODE without content that is to be taken before the next reply. */
#define DOMLET_SHARE_FIRST 1
/* What the guest's kernel is told without having asked: a name, and what it is about. */
#define DOMLET_SHARE_NEWS_MAX 512u

/* Container ids: runc's bound is the file name's. */
#define DOMLET_ID_MAX 255u
/* Configuration (the document of PROTOCOL.md), whichever way it travels. */
#define DOMLET_CONFIG_MAX (16u * 1024u * 1024u)
/* Larger documents go over the ring: oxenstored gives a domain about 1,000
 * nodes, and 128 KiB in 1 KiB chunks leaves most of them free. */
#define DOMLET_CONFIG_XENSTORE_MAX (128u * 1024u)
#define DOMLET_CONFIG_CHUNK 1024u
#define DOMLET_SHA256_LEN 32u
#define DOMLET_SEED_LEN 64u

#endif
