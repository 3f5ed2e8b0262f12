/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_CONFIG_H
#define DOMLET_INIT_CONFIG_H

/*
 * What the host asks for, read once from JSON ({"oci": what is the guest's of config.json, as the
 * engine wrote it, "plan": what the host decided about root and mounts}) and
 * checked once; everything after works on these structs. A config owns its
 * JSON document, and its strings point into it: domlet_config_free() ends
 * them all. Counts are bounded here, so nothing later needs a limit.
 */

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../frontend/proto/limits.h"
#include "json_read.h"

#define DOMLET_CONFIG_ARGS_MAX 65536u
#define DOMLET_CONFIG_MOUNTS_MAX 512u
#define DOMLET_CONFIG_PATHS_MAX 512u
#define DOMLET_CONFIG_GROUPS_MAX 65536u /* NGROUPS_MAX */
#define DOMLET_CONFIG_RLIMITS_MAX 16u   /* RLIM_NLIMITS */
#define DOMLET_CONFIG_DEVICES_MAX 1024u
#define DOMLET_CONFIG_SYSCTLS_MAX 256u
#define DOMLET_CONFIG_NAMESPACES_MAX 16u
#define DOMLET_CONFIG_HOOKS_MAX 64u
#define DOMLET_CONFIG_EXPORTS_MAX (DOMLET_CONFIG_MOUNTS_MAX + 1u)
#define DOMLET_CONFIG_SHARED_MAX 64u /* letters of a shared tmpfs's name */

enum domlet_caps_set {
	DOMLET_CAPS_BOUNDING,
	DOMLET_CAPS_EFFECTIVE,
	DOMLET_CAPS_PERMITTED,
	DOMLET_CAPS_INHERITABLE,
	DOMLET_CAPS_AMBIENT,
	DOMLET_CAPS_SETS
};

struct domlet_rlimit_config {
	int resource;
	uint64_t soft, hard;
};

/* What sched_setattr(2) takes. */
struct domlet_scheduler_config {
	bool given;
	uint32_t policy, priority;
	uint64_t flags, runtime, deadline, period;
	int32_t nice;
};

/* What a standard stream is in the container, as it is for the caller in dom0. */
enum domlet_stdio_kind { DOMLET_STDIO_PIPE, DOMLET_STDIO_NULL, DOMLET_STDIO_CLOSED };

struct domlet_process_config {
	struct json_object *document; /* NULL when a container's config owns it */
	struct domlet_strings args, env;
	const char *cwd;
	bool terminal;
	enum domlet_stdio_kind stdio[3]; /* not of a terminal */
	uint16_t rows, cols;             /* 0: not given */
	uint32_t uid, gid;
	bool has_umask;
	mode_t umask;
	gid_t *groups;
	uint32_t group_count;
	bool has_caps;
	uint64_t caps[DOMLET_CAPS_SETS]; /* bit n: capability n */
	struct domlet_rlimit_config rlimits[DOMLET_CONFIG_RLIMITS_MAX];
	uint32_t rlimit_count;
	bool no_new_privs;
	bool has_oom_score_adj;
	int oom_score_adj;
	struct domlet_scheduler_config scheduler;
	bool has_io_priority;
	int io_priority;    /* as ioprio_set(2) takes it */
	const char *cgroup; /* of an EXEC: below the container's; NULL: that one, or its first process's */
};

enum domlet_root_via { DOMLET_ROOT_VBD, DOMLET_ROOT_DIRECTORY, DOMLET_ROOT_LIVE };

struct domlet_root_config {
	enum domlet_root_via via;
	const char *device; /* block device, or the directory; not of LIVE */
	uint32_t export;    /* LIVE: number of dom0's export */
	const char *type;   /* filesystem */
	bool overlay;       /* writable by a tmpfs on top */
	bool readonly;
};

/* Namespaces of another container's that one can be made in. */
enum domlet_join { DOMLET_JOIN_IPC, DOMLET_JOIN_UTS, DOMLET_JOIN_NETWORK, DOMLET_JOIN_PID, DOMLET_JOINS };

enum domlet_mount_via {
	DOMLET_MOUNT_GUEST,
	DOMLET_MOUNT_COPY,
	DOMLET_MOUNT_LIVE,
	DOMLET_MOUNT_SOCKET,
	DOMLET_MOUNT_SKIP
};

struct domlet_mount_config {
	enum domlet_mount_via via;
	const char *destination, *type, *source;
	const char *shared; /* GUEST: name of the tmpfs that it is one with, in all containers that say so; NULL: its own */
	struct domlet_strings options;
	uint32_t export;  /* LIVE: number of dom0's export */
	uint8_t *content; /* COPY: owned */
	uint32_t content_len;
	uint32_t socket; /* SOCKET: number of dom0's */
	bool datagrams;  /* SOCKET: it takes those */
	mode_t mode;     /* COPY and SOCKET, with the owner */
	uint32_t uid, gid;
};

struct domlet_device_config {
	const char *path;
	mode_t mode; /* with its S_IF bits */
	uint32_t major, minor;
	uint32_t uid, gid;
};

/* By how much a clock of the container's time namespace is ahead of the guest's. */
struct domlet_time_offset_config {
	const char *clock; /* as /proc/PID/timens_offsets names it */
	int64_t secs;
	uint32_t nanosecs;
};

struct domlet_sysctl_config {
	const char *key, *value;
};

/* Limits: -1 is unlimited, and has_* or 0 tells what was not given. */
struct domlet_resources_config {
	bool has_memory, has_swap, has_pids;
	int64_t memory, swap, pids; /* bytes, bytes of memory+swap, count */
	int64_t reservation;        /* bytes, 0: none */
	int64_t shares, quota_us, period_us;
	const char *cpus, *mems;
	struct json_object *unified; /* files of the cgroup and what they get, as text; NULL: none */
	bool check;                  /* of an update: no limit of memory below what is used */
};

/* One line of linux.resources.devices; of two that match the later one counts. */
struct domlet_device_rule {
	bool allow;
	char type;            /* 'c', 'b', 'a': both */
	int64_t major, minor; /* -1: all */
	uint32_t access;      /* BPF_DEVCG_ACC_* */
};

struct domlet_hook_config {
	const char *path;
	struct domlet_strings args, env;
	int timeout_s; /* 0: none */
};

struct domlet_container_config {
	struct json_object *document;
	struct domlet_process_config process;
	struct domlet_root_config root;
	struct domlet_mount_config *mounts;
	uint32_t mount_count;
	uint32_t namespaces;    /* CLONE_NEW* to create */
	uint32_t joined;        /* CLONE_NEW* of other containers' */
	int join[DOMLET_JOINS]; /* the number of the container whose namespace it is in; -1: none */
	const char *hostname, *domainname;
	struct domlet_time_offset_config time_offsets[2];
	uint32_t time_offset_count;
	struct domlet_sysctl_config *sysctls;
	uint32_t sysctl_count;
	struct domlet_strings masked, read_only;
	struct domlet_device_config *devices;
	uint32_t device_count;
	struct domlet_device_rule *device_rules;
	uint32_t device_rule_count;
	bool has_personality;
	unsigned long personality; /* PER_*, of its processes */
	unsigned long propagation; /* MS_PRIVATE and the like, 0: not given */
	struct domlet_resources_config resources;
	struct json_object *seccomp;      /* read by filter.c; NULL: no filter */
	struct domlet_hook_config *hooks; /* startContainer */
	uint32_t hook_count;
	struct json_object *state; /* what hooks read, but for status and pid; with hooks never NULL */
};

/* 0 or -errno with *failure; *c is then already freed. */
/* An OCI object of resources alone, whose strings belong to *DOCUMENT, which the caller puts. */
int domlet_resources_read(const char *text, size_t len, struct domlet_resources_config *res,
			  struct json_object **document, struct domlet_failure *failure);
/* MERGED: BEFORE, but for what ASKED gives. 0, or -EINVAL when that can't be together. */
int domlet_resources_merge(const struct domlet_resources_config *before, const struct domlet_resources_config *asked,
			   struct domlet_resources_config *merged, struct domlet_failure *failure);
int domlet_config_parse(struct domlet_container_config *c, const char *text, size_t len, struct domlet_failure *failure);
void domlet_config_free(struct domlet_container_config *c);

/* The OCI process object of an EXEC. What runc takes from the container's where it is absent is FIRST's:
 * capabilities, limits, umask, oomScoreAdj, scheduler, ioPriority. */
int domlet_config_parse_process(struct domlet_process_config *p, const struct domlet_process_config *first,
				const char *text, size_t len, struct domlet_failure *failure);
/* Reads the object P's document or a container's "process". */
void domlet_config_read_process(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r);
void domlet_config_free_process(struct domlet_process_config *p);

/* Standard base64 into a new buffer: 0, -EINVAL or -ENOMEM. */
int domlet_config_base64(const char *text, uint8_t **out, uint32_t *out_len);

#endif
