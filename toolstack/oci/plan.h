/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_H
#define DOMLET_OCI_PLAN_H

/*
 * From a bundle to a plan: what will be built, as pure data, before anything is
 * touched. The plan decides how each mount goes (the guest's own, copied, on a block
 * device), what is refused, and how large the domain is. Commands make one; the
 * monitor reads it. A plan owns all its memory, which domlet_plan_free() releases,
 * also of a plan that is all zero. Each function that has an error returns 0 or
 * -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ask.h"
#include "id.h"
#include "limits.h"

struct domlet_error;
struct json_object;

/* How a mount of the configuration comes to be in the guest. */
enum domlet_plan_mount_way {
	DOMLET_PLAN_MOUNT_GUEST,  /* a file system of the guest's kernel: proc, tmpfs, … */
	DOMLET_PLAN_MOUNT_COPY,   /* a regular file of the host's, as it was when it was planned */
	DOMLET_PLAN_MOUNT_LIVE,   /* a directory or file of the host's, which both see as it is */
	DOMLET_PLAN_MOUNT_SKIP,   /* not at all: the guest has its own there */
	DOMLET_PLAN_MOUNT_SOCKET, /* a UNIX socket of the host's, which programs of the container reach */
};

struct domlet_plan_mount {
	char *destination; /* in the container, as configured */
	enum domlet_plan_mount_way way;
	/* A bind: its source is a path of the host's, which the guest doesn't get. */
	bool is_bind;

	/* GUEST. The source and the options of a bind take the place of the
	 * configured ones; any other mount is done as the configuration says. */
	const char *type;   /* of the file system, as the guest's kernel knows it */
	const char *source; /* NULL: none */
	char options[96];   /* separated by commas */
	/* A tmpfs: it is one with that of each container of the guest that says this name,
	 * 1 to 64 letters, digits, - and _. "": it is its own. */
	char shared[40];

	/* COPY */
	char *content; /* NULL once the document is made */
	size_t content_len;
	uint32_t mode, uid, gid;
	char *file; /* the host's, by an absolute path; also of LIVE and SOCKET */

	/* SOCKET, whose owner and mode are as a COPY's */
	uint32_t socket; /* its number among the container's, below DOMLET_SOCKET_MAX */
	bool datagrams;  /* it takes those; else connections */

	/* LIVE */
	uint32_t export; /* its number among what is shared with the guest */
	bool recursive;  /* with what is mounted below it */
	bool readonly;
};

/* A namespace that the configuration names by its path, of a type that containers in one
 * guest can share. The plan doesn't know whose it is: who places the container compares
 * device and inode with the namespaces of the processes that stand for containers. */
struct domlet_plan_join {
	const char *type; /* as the configuration calls it: "ipc", "uts", "network" or "pid" */
	const char *file; /* /proc/PID/ns/FILE is that of a process */
	char *path;
	dev_t dev;
	ino_t ino;
	int container; /* number of the container in the same domain whose it is; -1: none is known */
};

/* Each type at most once. */
#define DOMLET_PLAN_JOINS 4u

/* What the engine's annotations say the container is of a pod. */
enum domlet_sandbox_role {
	DOMLET_SANDBOX_NONE,      /* nothing */
	DOMLET_SANDBOX_ITSELF,    /* the sandbox, which later containers join */
	DOMLET_SANDBOX_CONTAINER, /* one that belongs to sandbox_id */
};

/* The container's root file system. */
struct domlet_plan_root {
	enum domlet_plan_root_way way;
	uint32_t export;    /* its number among what is shared with the guest; not of an IMAGE */
	const char *device; /* an IMAGE's disk, as Xen names it, and the guest below /dev */
};

struct domlet_plan {
	char *id;           /* the container's */
	char *bundle;       /* absolute */
	char *rootfs;       /* absolute, exists, a directory */
	char *oci_version;  /* as the configuration says */
	char *annotations;  /* JSON object text, "{}" when none */
	char *hooks;        /* config.md#posix-platform-hooks as JSON text; NULL: none */
	char *hostname;     /* NULL: the id's first 12 characters in the guest */
	char *cgroups_path; /* NULL: none given */
	/* Labels of the host's security modules, which no guest knows: the text of a JSON
	 * object, by their places in the configuration. NULL: none are asked for. */
	char *labels;
	char *net_path; /* the network namespace in dom0 to join, also one of joins; NULL: none */
	struct domlet_plan_join joins[DOMLET_PLAN_JOINS];
	size_t join_count;
	enum domlet_sandbox_role sandbox_role;
	char *sandbox_id; /* a valid id of a container; NULL: none is named */
	/* podman has made the configuration. Its annotations may be an image's, and so they can
	 * place no container alone. Its conmon waits for the monitor's end. */
	bool by_libpod;
	bool terminal;
	uint16_t console_rows, console_cols; /* 0: unknown */
	bool root_readonly;
	bool forges; /* it may have CAP_NET_RAW or CAP_NET_ADMIN, and send in any name with these */
	char *argv0; /* for messages and the proxy's name */

	struct domlet_plan_root root;
	struct domlet_plan_mount *mounts; /* in the configuration's order */
	size_t mount_count;
	uint32_t export_count; /* of the root and the mounts that are LIVE */
	uint32_t socket_count; /* of the mounts that are SOCKET */

	/* The domain's size by the container's limits; 0: it has no limit, so the template's. */
	uint64_t memory_kib;
	uint64_t limit_kib, limit_size_kib; /* the container's limit, and what it makes memory_kib; 0: none */
	uint32_t vcpus;
	struct domlet_limits limits; /* the container's own */
	/* A sandbox: that is enough for all containers of the pod, by its annotations. */
	bool memory_for_all, vcpus_for_all;
	struct domlet_ask ask; /* counts for nothing before domlet_ask_allow() */

	/* The checked configuration, for document.h, whose work fills what is below. */
	char *config_path;          /* for sentences */
	struct json_object *config; /* NULL once the document is made */
	char *document;
	size_t document_len;
	uint8_t sha256[32]; /* of the document */
};

/* Reads BUNDLE/config.json, checks it, and plans the container ID. Nothing is created.
 * What can't be honoured is refused, in one sentence that names it. The caller may set
 * terminal and console size later. */
int domlet_plan_read(const char *bundle, const char *id, struct domlet_plan *plan, struct domlet_error *err);
/* Plans as domlet_plan_read() does, with the configuration's LEN bytes at TEXT. */
int domlet_plan_parse(const char *bundle, const char *id, const char *text, size_t len, struct domlet_plan *plan,
		      struct domlet_error *err);
/* To be called once the domain's number of processors is known: for each of them the
 * guest needs memory of its own, beside what a container's limit promises. The number
 * is plan->vcpus, or TEMPLATE_VCPUS where that is 0. */
void domlet_plan_take_vcpus(struct domlet_plan *plan, uint32_t template_vcpus);
/* To be called before the document is made, by whoever has found the container's place:
 * it is container NUMBER (below DOMLET_CONTAINER_MAX; 0 if this isn't called) of its domain,
 * which decides what its disk, if it has one, is called there. */
void domlet_plan_number(struct domlet_plan *plan, uint32_t number);
/* The same of a namespace: joins' element TYPE is that of container NUMBER of the same domain. -EINVAL: there is no such element, or NUMBER is none. */
int domlet_plan_join(struct domlet_plan *plan, const char *type, uint32_t number);
void domlet_plan_free(struct domlet_plan *plan);

#endif
