/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_ORDER_H
#define DOMLET_GUEST_ORDER_H

/*
 * What who has power over a domain orders of its guest: numbers, descriptors
 * and bounded bytes, nothing that a message on a socket couldn't carry. Its
 * pointers are to bytes of the caller's. An order with a tag asks, and
 * gets one DOMLET_GUEST_ANSWERED with it (ECANCELED when the link ends before).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A container's first process: its streams are taken over before it is created. */
struct domlet_guest_first {
	uint32_t container, process;
	int stdio[3]; /* -1: none; taken over */
	bool terminal;
};

struct domlet_guest_create {
	uint32_t tag, container, process;
	const char *id;
	uint64_t generation;
	const uint8_t *sha256; /* of the document */
	char *document;        /* goes over the ring; taken over; NULL: xenstore has it */
	size_t document_len;
};

struct domlet_guest_exec {
	uint32_t tag, container, process;
	char *object; /* an OCI process object of LEN bytes; taken over */
	size_t len;
	int stdio[3]; /* -1: none; taken over */
	bool terminal;
	uint64_t timeout_ms; /* for the guest's reply; then the answer is ETIMEDOUT, and the process killed when there is one */
};

struct domlet_guest_net {
	uint32_t tag, container;
	uint64_t revision;    /* of a container's, each above the last one's */
	const uint8_t *state; /* encoded (frontend/proto/net.h), of LEN bytes */
	uint32_t len;
};

struct domlet_guest_file {
	uint32_t tag, container;
	uint32_t mount;      /* its number in the container's document */
	const void *content; /* of LEN bytes, DOMLET_FILE_MAX at most */
	uint32_t len;
};

struct domlet_guest_update {
	uint32_t tag, container;
	const char *resources; /* JSON of LEN bytes, DOMLET_UPDATE_MAX at most */
	uint32_t len;
};

struct domlet_guest_signal {
	uint32_t container, process, signo;
	bool all; /* of the container's processes */
};

struct domlet_guest_size { /* of a process's terminal */
	uint32_t process, rows, cols;
};

/* What DOMLET_GUEST_SOCKET has asked for under this tag. */
struct domlet_guest_socket {
	uint32_t tag;
	int fd; /* connected, or about to be; taken over. -errno: there is none */
};

#endif
