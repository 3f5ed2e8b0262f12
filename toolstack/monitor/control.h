/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_CONTROL_H
#define DOMLET_MONITOR_CONTROL_H

/*
 * The connections of commands and proxies: a packet, in JSON, becomes a struct
 * here, and an answer a packet (monitor.h has their texts). What is asked is
 * done by the listener, and nothing of it here.
 */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "../../frontend/proto/limits.h"
#include "../base/error.h"
#include "monitor.h"

/* For each process its proxy; and commands of the moment. */
#define DOMLET_CONNECTION_MAX (DOMLET_PROCESS_MAX + 144u)

enum domlet_control_verb {
	DOMLET_CONTROL_START,
	DOMLET_CONTROL_SIGNAL,
	DOMLET_CONTROL_SIZE,
	DOMLET_CONTROL_EXEC,
	DOMLET_CONTROL_DESTROY,
	DOMLET_CONTROL_DONE,
	DOMLET_CONTROL_PAUSE,
	DOMLET_CONTROL_RESUME,
};

struct domlet_control_request {
	enum domlet_control_verb verb;
	int signo;
	bool all, terminal;
	uint32_t rows, cols;
	char *object; /* EXEC's, of OBJECT_LEN bytes; taken over */
	size_t object_len;
	int fds[4]; /* EXEC's: streams and the proxy's socket; -1: none; taken over */
};

struct domlet_control;

struct domlet_connection {
	int fd; /* -1: free */
	uv_poll_t poll;
	bool open, is_proxy;
	bool is_launcher;   /* the command that launched the container */
	unsigned int waits; /* for the ends of these: a bit for each enum domlet_control_verb */
	uint32_t process;   /* whose proxy it is; 0: a command, or a proxy whose process has ended */
	struct domlet_control *control;
};

struct domlet_control_listener {
	void (*requested)(void *user, struct domlet_connection *c, struct domlet_control_request *r);
	void (*lost)(void *user, struct domlet_connection *c); /* closed afterwards */
	void *user;
};

struct domlet_control {
	uv_loop_t *loop;
	const char *id; /* of the container, for people */
	struct domlet_control_listener listener;
	uv_poll_t listen_poll;
	int listen_fd;
	int spare_fd; /* given up for the moment in which there is no other to refuse a command by */
	struct domlet_connection connections[DOMLET_CONNECTION_MAX];
	size_t top; /* from there on none was ever used, nor touched */
};

/* CTL is zero. As many descriptors as connections and streams may need are allowed from now on. */
void domlet_control_open(struct domlet_control *ctl, uv_loop_t *loop, const char *id,
			 const struct domlet_control_listener *listener);
/* Beside others in DIR. */
int domlet_control_listen(struct domlet_control *ctl, const char *dir, struct domlet_error *err);
/* PROCESS 0: a command. NULL: too many, or FD is none, and stays the caller's. */
struct domlet_connection *domlet_control_add(struct domlet_control *ctl, int fd, uint32_t process);
/* The launching command; NULL: it is gone. */
struct domlet_connection *domlet_control_launcher(struct domlet_control *ctl);
/* Of who is gone: to nobody. TEXT NULL: none. */
void domlet_control_answer(const struct domlet_connection *c, int code, const char *text);
/* It is answered when what it asks for is done, or has failed. */
static inline void domlet_control_wait(struct domlet_connection *c, enum domlet_control_verb verb)
{
	c->waits |= 1u << verb;
}
/* Everybody who waits for VERB, with the same. */
void domlet_control_answer_all(struct domlet_control *ctl, enum domlet_control_verb verb, int code, const char *text);
/* PROCESS's proxy, which ends with that; it is forgotten as PROCESS's, and what it
 * forwards until then is meant for no other. */
void domlet_control_send_exit(struct domlet_control *ctl, uint32_t process, uint32_t code);
/* Of a process that has ended, while it has not read so or is still about to end. */
bool domlet_control_has_ending_proxy(const struct domlet_control *ctl);

#endif
