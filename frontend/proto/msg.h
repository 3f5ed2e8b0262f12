/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_MSG_H
#define DOMLET_PROTO_MSG_H

/*
 * Messages: one line each in DOMLET_MSG_LIST, their fields in a list of their
 * own; encode, decode, names and the fuzzers' dictionary come from these.
 * Wire form: u32 type, u32 request, then the fields in order, little endian;
 * a STR (no NUL inside) or BYTES field is u32 length and its bytes. Decoded
 * slices point into the caller's buffer. Trailing bytes are an error.
 */

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

struct domlet_slice {
	const uint8_t *ptr;
	uint32_t len;
};

/* clang-format off */
/*        NAME      member    number direction: G guest to host, H host to guest */
#define DOMLET_MSG_LIST(M)            \
	M(HELLO,    hello,    1, G)   \
	M(WELCOME,  welcome,  2, H)   \
	M(CREATE,   create,   3, H)   \
	M(START,    start,    4, H)   \
	M(EXEC,     exec,     5, H)   \
	M(SIGNAL,   signal,   6, H)   \
	M(WINSIZE,  winsize,  7, H)   \
	M(DELETE,   delete_,  8, H)   \
	M(SHUTDOWN, shutdown, 9, H)   \
	M(REPLY,    reply,   10, G)   \
	M(EXITED,   exited,  11, G)   \
	M(PING,     ping,    12, H)   \
	M(SYNC,     sync,    13, H)   \
	M(FREEZE,   freeze,  14, H)   \
	M(THAW,     thaw,    15, H)   \
	M(NET,      net,     16, H)   \
	M(FORWARD,  forward, 17, H)   \
	M(QUESTION, question, 18, G)  \
	M(ANSWER,   answer,  19, H)   \
	M(CONNECT,  connect, 20, G)   \
	M(CONNECTED, connected, 21, H) \
	M(FILE,     file,    22, H)   \
	M(SHARE,    share,   23, G)   \
	M(UNSHARE,  unshare, 24, H)   \
	M(STATS,    stats,   25, H)   \
	M(FIGURES,  figures, 26, G)   \
	M(OOM,      oom,     27, G)   \
	M(DATAGRAM, datagram, 28, G)  \
	M(UPDATE,   update,  29, H)

/* First message of the guest on each attachment. boot_ns: CLOCK_BOOTTIME when
 * domlet-init started. */
#define DOMLET_MSG_HELLO_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(version) U32(features) U64(boot_ns) STR(kernel)
#define DOMLET_MSG_WELCOME_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(version) U32(features)
/* Sets a container up to just before exec. source: 0 xenstore, 1 the CONFIG
 * stream of PROCESS. Answered by REPLY. */
#define DOMLET_MSG_CREATE_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(container) U32(process) U64(generation) U32(source) U32(length) BYTES(sha256) STR(id)
#define DOMLET_MSG_START_FIELDS(U32, U64, I32, STR, BYTES) U32(container)
/* process_json: an OCI process object (config.md#process); when it is empty,
 * the CONFIG stream of PROCESS carries LENGTH bytes of it. Answered by REPLY
 * when the command runs; when code != 0 there is no process: no end of its
 * streams and no EXITED will come. */
#define DOMLET_MSG_EXEC_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(container) U32(process) U32(length) BYTES(process_json)
/* all: every process of the container, process 0 then. */
#define DOMLET_MSG_SIGNAL_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(container) U32(process) U32(signo) U32(all)
#define DOMLET_MSG_WINSIZE_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(process) U32(rows) U32(cols)
/* Of a stopped container: answered when nothing of it is left. */
#define DOMLET_MSG_DELETE_FIELDS(U32, U64, I32, STR, BYTES) U32(container)
#define DOMLET_MSG_SHUTDOWN_FIELDS(U32, U64, I32, STR, BYTES) U32(reboot)
/* Answer to the request with the same request number. code: 0 or an errno;
 * text: one sentence when code != 0. */
#define DOMLET_MSG_REPLY_FIELDS(U32, U64, I32, STR, BYTES) I32(code) STR(text)
/* signo != 0: killed by it, code is then 128 + signo. Sent after the last
 * byte and EOF of the process's output streams; its number is then free. */
#define DOMLET_MSG_EXITED_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(process) U32(code) U32(signo) U32(oom)
#define DOMLET_MSG_PING_FIELDS(U32, U64, I32, STR, BYTES) U64(cookie)
/* Writes out what is dirty, of all file systems. Answered by REPLY when it is. */
#define DOMLET_MSG_SYNC_FIELDS(U32, U64, I32, STR, BYTES)
/* The same, and then no process of the container runs until THAW. Each is answered
 * when it is so. */
#define DOMLET_MSG_FREEZE_FIELDS(U32, U64, I32, STR, BYTES) U32(container)
#define DOMLET_MSG_THAW_FIELDS(U32, U64, I32, STR, BYTES) U32(container)
/* state: the whole network that the container, which was set up and has a namespace of
 * its own, is to have from now on (net.h). Answered when it has it, or can't. */
#define DOMLET_MSG_NET_FIELDS(U32, U64, I32, STR, BYTES) U32(container) U64(revision) BYTES(state)
/* From now on processes of CONTAINER, which has been created, reach a SERVICE of the host's
 * (enum domlet_forward_service). Answered by REPLY. */
#define DOMLET_MSG_FORWARD_FIELDS(U32, U64, I32, STR, BYTES) U32(container) U32(service)
/* A datagram for the service, and the one answer to it, or none when there was none in time: no
 * bytes then. cut: it had more bytes than these. The guest chooses the number, below
 * DOMLET_FORWARD_QUESTION_MAX; it is free when the answer has come. */
#define DOMLET_MSG_QUESTION_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(container) U32(service) U32(number) BYTES(datagram)
#define DOMLET_MSG_ANSWER_FIELDS(U32, U64, I32, STR, BYTES) U32(number) U32(cut) BYTES(datagram)
/* A datagram for a socket that is bound into the container, with its number in the container's document, and who
 * sends it. NUMBER is a QUESTION's, and free when an ANSWER without bytes has come, whatever became of it. */
#define DOMLET_MSG_DATAGRAM_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(container) U32(number) U32(socket) U32(uid) U32(gid) BYTES(datagram)
/* A connection to the service, whose bytes go by its two streams when CONNECTED has come with
 * code 0; with an errno there is none. The guest chooses the number, below
 * DOMLET_FORWARD_CONNECTION_MAX; it is free when both streams have ended. Of DOMLET_FORWARD_SOCKET, socket is
 * its number in the container's document, and the rest is who connects, groups being U32s; else all are 0. */
#define DOMLET_MSG_CONNECT_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(container) U32(service) U32(number) U32(socket) U32(uid) U32(gid) BYTES(groups)
#define DOMLET_MSG_CONNECTED_FIELDS(U32, U64, I32, STR, BYTES) U32(number) I32(code)
/* The file that was copied for mount number MOUNT of CONTAINER, which has been created, has this content from
 * now on, under the same owner and mode; at most DOMLET_FILE_MAX bytes. Answered by REPLY. */
#define DOMLET_MSG_FILE_FIELDS(U32, U64, I32, STR, BYTES) U32(container) U32(mount) BYTES(content)
/* The ring over which the files of CONTAINER go, which is being created: as that of the domain is announced in
 * xenstore. Once a container. */
#define DOMLET_MSG_SHARE_FIELDS(U32, U64, I32, STR, BYTES) \
	U32(container) U32(order) U32(index_ref) U32(port) U32(epoch)
/* Nobody serves that ring any more. */
#define DOMLET_MSG_UNSHARE_FIELDS(U32, U64, I32, STR, BYTES) U32(container)
/* Answered by FIGURES with the same request number, or by REPLY with a code other than 0. watch: and from now on
 * OOM comes. */
#define DOMLET_MSG_STATS_FIELDS(U32, U64, I32, STR, BYTES) U32(container) U32(watch)
/* What was counted of CONTAINER (figures.h). */
#define DOMLET_MSG_FIGURES_FIELDS(U32, U64, I32, STR, BYTES) U32(container) BYTES(numbers)
/* The kernel has killed processes of CONTAINER for want of memory: so many since it was created, more than when
 * it was watched or this was told last. */
#define DOMLET_MSG_OOM_FIELDS(U32, U64, I32, STR, BYTES) U32(container) U64(kills)
/* resources: an OCI object of linux.resources, of which what is there and not 0 is changed. Answered by REPLY when it
 * is, or when it can't be and all is as it was. */
#define DOMLET_MSG_UPDATE_FIELDS(U32, U64, I32, STR, BYTES) U32(container) BYTES(resources)

/* clang-format on */

enum domlet_forward_service {
	DOMLET_FORWARD_RESOLVER = 1, /* docker's, 127.0.0.11 port 53, UDP and TCP */
	DOMLET_FORWARD_SOCKET = 2,   /* a UNIX socket that is bound into the container, for which there is no FORWARD */
};

enum domlet_msg_type {
#define M(NAME, member, number, dir) DOMLET_MSG_##NAME = number,
	DOMLET_MSG_LIST(M)
#undef M
};

#define DOMLET_F_U32(n) uint32_t n;
#define DOMLET_F_U64(n) uint64_t n;
#define DOMLET_F_I32(n) int32_t n;
#define DOMLET_F_STR(n) struct domlet_slice n;
#define M(NAME, member, number, dir)                                                                             \
	struct domlet_msg_##member {                                                                             \
		DOMLET_MSG_##NAME##_FIELDS(DOMLET_F_U32, DOMLET_F_U64, DOMLET_F_I32, DOMLET_F_STR, DOMLET_F_STR) \
	};
DOMLET_MSG_LIST(M)
#undef M

struct domlet_msg {
	uint32_t type;    /* enum domlet_msg_type */
	uint32_t request; /* 0: no answer wanted */
	union {
#define M(NAME, member, number, dir) struct domlet_msg_##member member;
		DOMLET_MSG_LIST(M)
#undef M
	};
};

const char *domlet_msg_name(uint32_t type); /* "HELLO", or "unknown" */
char domlet_msg_direction(uint32_t type);   /* 'G', 'H', or 0 */

/* Encoded bytes, which may be more than DOMLET_MSG_MAX; 0: unknown type. */
size_t domlet_msg_size(const struct domlet_msg *m);
/* Bytes written; -EMSGSIZE; -EINVAL: unknown type or a NUL inside a STR. */
int domlet_msg_encode(const struct domlet_msg *m, uint8_t *out, size_t out_len);
/* 0 or -EPROTO with a static sentence in *reason. */
int domlet_msg_decode(const uint8_t *in, size_t in_len, struct domlet_msg *m, const char **reason);

#endif
