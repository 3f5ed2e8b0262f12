/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What domlet-init reads of a container's document, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/personality.h>

#include "../../guest-init/config/config.h"

#define PLAN(mounts)                                                                                         \
	"\"plan\":{\"root\":{\"via\":\"vbd\",\"device\":\"/dev/xvda\",\"type\":\"erofs\",\"overlay\":true}," \
	"\"mounts\":[" mounts "]}"

static int parse(struct domlet_container_config *c, struct domlet_failure *f, const char *text)
{
	return domlet_config_parse(c, text, strlen(text), f);
}

static void refuses(const char *text, int code, const char *words)
{
	struct domlet_container_config c;
	struct domlet_failure f = { 0 };

	assert_int_equal(parse(&c, &f, text), -code);
	assert_int_equal(f.code, code);
	if (!strstr(f.text, words))
		fail_msg("\"%s\" does not say \"%s\"", f.text, words);
}

static void reads_a_container(void **state)
{
	struct domlet_container_config c;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(
		parse(&c, &f,
		      "{\"oci\":{\"hostname\":\"box\",\"root\":{\"readonly\":true},\"process\":{"
		      "\"args\":[\"sh\",\"-c\",\"x\"],\"env\":[\"A=b\"],\"cwd\":\"/tmp\",\"terminal\":true,"
		      "\"consoleSize\":{\"height\":24,\"width\":80},\"noNewPrivileges\":true,\"oomScoreAdj\":-5,"
		      "\"user\":{\"uid\":1000,\"gid\":1001,\"umask\":63,\"additionalGids\":[5,6]},"
		      "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\",\"CAP_NO_SUCH\"]},"
		      "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":18446744073709551615}]},"
		      "\"mounts\":[{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"options\":[\"ro\"]}],"
		      "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"uts\"},{\"type\":\"network\"},{\"type\":\"time\"}],\"timeOffsets\":{\"boottime\":{\"secs\":-7,\"nanosecs\":8}},\"personality\":{\"domain\":\"LINUX32\"},"
		      "\"rootfsPropagation\":\"rslave\",\"resources\":{\"memory\":{\"limit\":1048576},\"pids\":{\"limit\":9},"
		      "\"unified\":{\"memory.high\":\"max\"},\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		      "{\"allow\":true,\"type\":\"\",\"access\":\"m\"},{\"allow\":true,\"type\":\"c\",\"major\":10,\"access\":\"r\"}]},"
		      "\"maskedPaths\":[\"/proc/kcore\"]}}," PLAN(
			      "{\"via\":\"copy\",\"content\":\"aGk=\",\"mode\":420,\"uid\":5,\"gid\":6}") "}"),
		0);
	assert_int_equal(c.process.args.count, 3);
	assert_null(c.process.args.item[3]);
	assert_string_equal(c.process.cwd, "/tmp");
	assert_true(c.process.terminal && c.process.no_new_privs && c.root.readonly && c.root.overlay);
	assert_int_equal(c.process.rows, 24);
	assert_int_equal(c.process.uid, 1000);
	assert_int_equal(c.process.umask, 077);
	assert_int_equal(c.process.group_count, 2);
	assert_int_equal(c.process.oom_score_adj, -5);
	assert_int_equal(c.process.caps[DOMLET_CAPS_BOUNDING], 1 << 0 | 1 << 5);
	assert_int_equal(c.process.caps[DOMLET_CAPS_EFFECTIVE], 0);
	assert_true(c.process.rlimits[0].hard == UINT64_MAX);
	assert_int_equal(c.namespaces, CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWTIME | CLONE_NEWNS);
	assert_int_equal(c.time_offset_count, 1);
	assert_string_equal(c.time_offsets[0].clock, "boottime");
	assert_true(c.time_offsets[0].secs == -7 && c.time_offsets[0].nanosecs == 8);
	assert_true(c.has_personality && c.personality == PER_LINUX32);
	assert_non_null(c.resources.unified);
	assert_int_equal(c.device_rule_count, 3);
	assert_int_equal(c.device_rules[1].type, 'a');
	assert_true(!c.device_rules[0].allow && c.device_rules[0].type == 'a' && c.device_rules[0].major == -1);
	assert_int_equal(c.device_rules[0].access, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD);
	assert_true(c.device_rules[2].allow && c.device_rules[2].type == 'c' && c.device_rules[2].major == 10);
	assert_int_equal(c.device_rules[2].access, BPF_DEVCG_ACC_READ);
	assert_int_equal(c.propagation, MS_SLAVE | MS_REC);
	assert_int_equal(c.resources.memory, 1048576);
	assert_int_equal(c.mounts[0].via, DOMLET_MOUNT_COPY);
	assert_int_equal(c.mounts[0].content_len, 2);
	assert_memory_equal(c.mounts[0].content, "hi", 2);
	assert_int_equal(c.mounts[0].uid, 5);
	assert_int_equal(c.mounts[0].gid, 6);
	domlet_config_free(&c);
}

static void sockets(void **state)
{
	static const char *const refused[] = { "{\"via\":\"socket\",\"socket\":16}",
					       "{\"via\":\"socket\",\"socket\":-1}",
					       "{\"via\":\"socket\",\"socket\":\"1\"}" };
	struct domlet_container_config c;
	struct domlet_failure f = { 0 };
	char text[600];

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0] + 1; i++) {
		(void)snprintf(
			text, sizeof text,
			"{\"oci\":{\"process\":{\"args\":[\"sh\"]},\"mounts\":[{\"destination\":\"/s\",\"type\":\"bind\"}]},"
			"\"plan\":{\"root\":{\"via\":\"vbd\",\"device\":\"/dev/xvda\"},\"mounts\":[%s]}}",
			i ? refused[i - 1] : "{\"via\":\"socket\",\"socket\":15,\"mode\":432,\"uid\":5,\"gid\":6}");
		assert_int_equal(parse(&c, &f, text) == 0, i == 0);
		if (i)
			continue;
		assert_int_equal(c.mounts[0].via, DOMLET_MOUNT_SOCKET);
		assert_int_equal(c.mounts[0].socket, 15);
		assert_int_equal(c.mounts[0].mode, 0660);
		assert_int_equal(c.mounts[0].uid, 5);
		assert_int_equal(c.mounts[0].gid, 6);
		domlet_config_free(&c);
	}
}

#define MEMBER(oci, plan)                                                                       \
	"{\"oci\":{\"process\":{\"args\":[\"a\"]}" oci "},\"plan\":{\"root\":{\"via\":\"vbd\"," \
	"\"device\":\"/dev/xvda\"}" plan "}}"
#define TMPFS ",\"mounts\":[{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\"}]"
#define BIND ",\"mounts\":[{\"destination\":\"/dev/shm\",\"type\":\"bind\"}]"

/* What it has of other containers in its domain. */
static void reads_a_member(void **state)
{
	struct domlet_container_config c;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(parse(&c, &f,
			       MEMBER(BIND ",\"hostname\":\"box\"",
				      ",\"join\":{\"uts\":15,\"network\":0},"
				      "\"mounts\":[{\"via\":\"guest\",\"type\":\"tmpfs\",\"shared\":\"a-Z_9\"}]")),
			 0);
	assert_int_equal(c.namespaces, CLONE_NEWNS);
	assert_int_equal(c.joined, CLONE_NEWUTS | CLONE_NEWNET);
	assert_int_equal(c.join[DOMLET_JOIN_UTS], 15);
	assert_int_equal(c.join[DOMLET_JOIN_NETWORK], 0);
	assert_int_equal(c.join[DOMLET_JOIN_IPC], -1);
	assert_int_equal(c.join[DOMLET_JOIN_PID], -1);
	assert_string_equal(c.mounts[0].shared, "a-Z_9");
	domlet_config_free(&c);
	assert_int_equal(parse(&c, &f, MEMBER(TMPFS, ",\"mounts\":[{\"via\":\"guest\"}]")), 0);
	assert_int_equal(c.joined, 0);
	assert_int_equal(c.join[DOMLET_JOIN_UTS], -1);
	assert_null(c.mounts[0].shared);
	domlet_config_free(&c);
	refuses(MEMBER("", ",\"join\":{\"uts\":16}"), EINVAL, "uts is out of range");
	refuses(MEMBER("", ",\"join\":{\"user\":0}"), EINVAL, "none of ipc, uts, network and pid");
	refuses(MEMBER("", ",\"join\":[0]"), EINVAL, "join");
	refuses(MEMBER(",\"linux\":{\"namespaces\":[{\"type\":\"ipc\"}]}", ",\"join\":{\"ipc\":0}"), EINVAL,
		"has of its own");
	refuses(MEMBER(TMPFS, ",\"mounts\":[{\"via\":\"guest\",\"shared\":\"\"}]"), EINVAL, "1 to 64 letters");
	refuses(MEMBER(TMPFS, ",\"mounts\":[{\"via\":\"guest\",\"shared\":\"..\"}]"), EINVAL, "1 to 64 letters");
	refuses(MEMBER(TMPFS, ",\"mounts\":[{\"via\":\"guest\",\"shared\":"
			      "\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg\"}]"),
		EINVAL, "1 to 64 letters");
	refuses(MEMBER(",\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"}]",
		       ",\"mounts\":[{\"via\":\"guest\",\"shared\":\"a\"}]"),
		EINVAL, "for a tmpfs alone");
}

static void refuses_what_it_cannot_do(void **state)
{
	(void)state;
	refuses("[]", EBADMSG, "not a JSON object");
	refuses("{} x", EBADMSG, "not a JSON object");
	refuses("{}", EINVAL, "must be objects");
	refuses("{\"oci\":{\"process\":{\"args\":[]}}," PLAN("") "}", EINVAL, "must name a command");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\\u0000b\"]}}," PLAN("") "}", EINVAL, "NUL byte");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"],\"cwd\":\"x\"}}," PLAN("") "}", EINVAL, "absolute path");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"]},\"mounts\":[{\"destination\":\"/x\"}]}," PLAN("") "}", EINVAL,
		"does not pair");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"]},\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}}," PLAN(
			"") "}",
		EINVAL, "user namespace");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"]},\"linux\":{\"namespaces\":[{\"type\":\"ipc\",\"path\":\"/x\"}]}}," PLAN(
			"") "}",
		EINVAL, "by its path");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"]},\"linux\":{\"timeOffsets\":{\"monotonic\":{\"secs\":1}}}}," PLAN(
			"") "}",
		EINVAL, "needs a time namespace");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"],\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},"
		"{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":2}]}}," PLAN("") "}",
		EINVAL, "twice");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"]},\"linux\":{\"resources\":{\"devices\":[{\"type\":\"x\"}]}}}," PLAN(
			"") "}",
		EINVAL, "a, c, u and b");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"]},\"linux\":{\"resources\":{\"devices\":[{\"access\":\"rx\"}]}}}," PLAN(
			"") "}",
		EINVAL, "of r, w and m");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"]},\"linux\":{\"resources\":{\"unified\":{\"../x\":\"1\"}}}}," PLAN(
			"") "}",
		EINVAL, "no file of a cgroup");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"],\"user\":{\"uid\":4294967295}}}," PLAN("") "}", EINVAL,
		"out of range");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"],\"scheduler\":{\"policy\":\"SCHED_X\"}}}," PLAN("") "}",
		EINVAL, "process.scheduler.policy");
	refuses("{\"oci\":{\"process\":{\"args\":[\"a\"],\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}}}," PLAN(
			"") "}",
		EINVAL, "priority is out of range");
}

static void inherit(struct domlet_process_config *p, const struct domlet_process_config *first, const char *members)
{
	struct domlet_failure f = { 0 };
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"args\":[\"a\"]%s}", members);
	assert_int_equal(domlet_config_parse_process(p, first, text, strlen(text), &f), 0);
}

/* As with runc: what is absent is the container's, but who it is and what it may not gain is its own. */
static void a_further_process_inherits(void **state)
{
	struct domlet_container_config c;
	struct domlet_process_config p;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(
		parse(&c, &f,
		      "{\"oci\":{\"process\":{\"args\":[\"sh\"],\"noNewPrivileges\":true,\"oomScoreAdj\":5,"
		      "\"user\":{\"uid\":1,\"gid\":2,\"umask\":63},\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"],\"ambient\":[\"CAP_KILL\"]},"
		      "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":20}],\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":1},"
		      "\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":-3,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_KEEP_POLICY\"]}}}," PLAN(
			      "") "}"),
		0);
	inherit(&p, &c.process, "");
	assert_int_equal(p.caps[DOMLET_CAPS_BOUNDING], 1);
	assert_int_equal(p.caps[DOMLET_CAPS_AMBIENT], 1 << 5);
	assert_int_equal(p.rlimit_count, 1);
	assert_int_equal(p.rlimits[0].hard, 20);
	assert_int_equal(p.umask, 077);
	assert_int_equal(p.oom_score_adj, 5);
	assert_true(p.scheduler.given);
	assert_int_equal(p.scheduler.policy, 3);
	assert_int_equal(p.scheduler.nice, -3);
	assert_int_equal(p.scheduler.flags, 9);
	assert_int_equal(p.io_priority, 3 << 13 | 1);
	assert_false(p.no_new_privs);
	assert_int_equal(p.uid, 0);
	domlet_config_free_process(&p);

	inherit(&p, &c.process,
		",\"capabilities\":{},\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}],\"user\":{\"umask\":0},"
		"\"oomScoreAdj\":0,\"scheduler\":{\"policy\":\"SCHED_OTHER\"},\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\"}");
	assert_int_equal(p.caps[DOMLET_CAPS_BOUNDING] | p.caps[DOMLET_CAPS_AMBIENT], 0);
	assert_int_equal(p.rlimit_count, 1);
	assert_int_equal(p.rlimits[0].soft, 1);
	assert_int_equal(p.umask, 0);
	assert_true(p.has_oom_score_adj);
	assert_int_equal(p.oom_score_adj, 0);
	assert_int_equal(p.scheduler.policy, 0);
	assert_int_equal(p.io_priority, 1 << 13);
	domlet_config_free_process(&p);
	domlet_config_free(&c);
}

static void refuses_deep_nesting(void **state)
{
	char text[512];
	size_t i, n = (size_t)snprintf(text, sizeof(text), "{\"oci\":");

	(void)state;
	for (i = 0; i < 100; i++)
		text[n++] = '[';
	for (i = 0; i < 100; i++)
		text[n++] = ']';
	text[n++] = '}';
	text[n] = '\0';
	refuses(text, EBADMSG, "not a JSON object");
}

static void decodes_base64(void **state)
{
	static const struct {
		const char *text, *bytes;
	} good[] = { { "", "" }, { "aA==", "h" }, { "aGk=", "hi" }, { "aGlo", "hih" }, { "aGloaQ==", "hihi" } };
	static const char *const bad[] = { "a", "aGk", "a===", "aG=k", "====", "a\nk=", "aA==aA==" };
	uint8_t *out;
	uint32_t len;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(domlet_config_base64(good[i].text, &out, &len), 0);
		assert_int_equal(len, strlen(good[i].bytes));
		assert_memory_equal(out, good[i].bytes, len);
		free(out);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(domlet_config_base64(bad[i], &out, &len), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets),
		cmocka_unit_test(reads_a_container),
		cmocka_unit_test(reads_a_member),
		cmocka_unit_test(refuses_what_it_cannot_do),
		cmocka_unit_test(a_further_process_inherits),
		cmocka_unit_test(refuses_deep_nesting),
		cmocka_unit_test(decodes_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
