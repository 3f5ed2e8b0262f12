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

#include "../../frontend/proto/figures.h"
#include "../../frontend/proto/limits.h"
#include "../base/error.h"
#include "files.h"
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
	DOMLET_CONTROL_JOIN,
	DOMLET_CONTROL_CREATE,
	DOMLET_CONTROL_ABOUT,
	DOMLET_CONTROL_STATS,
	DOMLET_CONTROL_UPDATE,
};

/* CREATE's. */
struct domlet_control_create {
	char *root, *id; /* taken over */
	bool foreground, keep, keeps, forges;
	uint64_t memory_kib;
	uint32_t vcpus;
	int document, lock; /* taken over */
	uint32_t socket_count;
	int sockets[DOMLET_SOCKET_MAX]; /* of the host's, in its binds; taken over */
	int share;                      /* of the process that serves its files; -1: none; taken over */
	struct domlet_files files;      /* taken over */
};

/* UPDATE's, whose texts are taken over. */
struct domlet_control_update {
	char *was, *limits, *resources;
	uint64_t memory_kib;
	uint32_t vcpus, weight;
	int cap;
};

struct domlet_control_request {
	enum domlet_control_verb verb;
	int signo;
	bool all, terminal, watch;
	uint32_t rows, cols;
	uint32_t number; /* ABOUT's */
	uint64_t generation;
	struct domlet_control_create create;
	struct domlet_control_update update;
	char *object; /* EXEC's, of OBJECT_LEN bytes; taken over */
	size_t object_len;
	int fds[4]; /* EXEC's and CREATE's: streams and the proxy's socket; -1: none; taken over */
};

struct domlet_control;

#define DOMLET_CONTROL_NOBODY UINT32_MAX

struct domlet_connection {
	int fd; /* -1: free */
	uv_poll_t poll;
	bool open, is_proxy;
	uint32_t container; /* that it is about, by number; DOMLET_CONTROL_NOBODY */
	bool watches;       /* is told when the guest's kernel kills for want of memory */
	bool is_launcher;   /* the command that makes the container */
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
	const char *name; /* of the domain, for people */
	struct domlet_control_listener listener;
	uv_poll_t listen_poll;
	int listen_fd;
	int spare_fd; /* given up for the moment in which there is no other to refuse a command by */
	struct domlet_connection connections[DOMLET_CONNECTION_MAX];
	size_t top; /* from there on none was ever used, nor touched */
};

/* CTL is zero. As many descriptors as connections and streams may need are allowed from now on. */
void domlet_control_open(struct domlet_control *ctl, uv_loop_t *loop, const char *name,
			 const struct domlet_control_listener *listener);
/* Beside others in DIR. */
int domlet_control_listen(struct domlet_control *ctl, const char *dir, struct domlet_error *err);
/* PROCESS 0: a command. CONTAINER: DOMLET_CONTROL_NOBODY, or a number. NULL: too many, or FD is none, and stays
 * the caller's. */
struct domlet_connection *domlet_control_add(struct domlet_control *ctl, int fd, uint32_t process, uint32_t container);
/* The command that makes CONTAINER; NULL: it is gone. */
struct domlet_connection *domlet_control_launcher(struct domlet_control *ctl, uint32_t container);
/* The command that makes CONTAINER is gone, or goes within WAIT_MS, in which nobody is served; not if it says anything. */
bool domlet_control_is_forsaken(struct domlet_control *ctl, uint32_t container, int wait_ms);
/* There is no CONTAINER of that number any more: who asked about it does so of nobody. */
void domlet_control_forget(struct domlet_control *ctl, uint32_t container);
/* Of who is gone: to nobody. TEXT NULL: none. */
void domlet_control_answer(const struct domlet_connection *c, int code, const char *text);
/* It is answered when what it asks for is done, or has failed. */
static inline void domlet_control_wait(struct domlet_connection *c, enum domlet_control_verb verb)
{
	c->waits |= 1u << verb;
}
/* JOIN's answer. */
void domlet_control_answer_join(const struct domlet_connection *c, uint32_t number, uint64_t generation);
/* Everybody who waits for STATS of CONTAINER. */
void domlet_control_answer_figures(struct domlet_control *ctl, uint32_t container, const struct domlet_figures *figures);
/* Everybody who watches CONTAINER: the kernel of its guest has killed processes of it for want of memory. Who doesn't
 * read is not waited for. */
void domlet_control_tell_oom(struct domlet_control *ctl, uint32_t container);
/* Everybody who waits for VERB of CONTAINER, with the same. */
void domlet_control_answer_all(struct domlet_control *ctl, uint32_t container, enum domlet_control_verb verb, int code,
			       const char *text);
/* PROCESS's proxy, which ends with that; it is forgotten as PROCESS's, and what it
 * forwards until then is meant for no other. */
void domlet_control_send_exit(struct domlet_control *ctl, uint32_t process, uint32_t code);
/* Of a process of CONTAINER that has ended, while it has not read so or is still about to end. */
bool domlet_control_has_ending_proxy(const struct domlet_control *ctl, uint32_t container);

#endif
