/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/limits.h"
#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/oci/base64.h"
#include "../../toolstack/oci/document.h"
#include "../../toolstack/oci/plan.h"

#define PROCESS "\"process\":{\"args\":[\"sh\",\"-c\",\"true\"],\"cwd\":\"/\"}"
#define ROOT "\"root\":{\"path\":\"rootfs\"}"
#define NAMESPACE(type) "{\"type\":\"" type "\"}"
/* All that must be the container's own but the network; and all. */
#define UNCONNECTED NAMESPACE("mount") "," NAMESPACE("pid") "," NAMESPACE("ipc") "," NAMESPACE("uts")
#define NAMESPACES "\"namespaces\":[" UNCONNECTED "," NAMESPACE("network") "]"
/* A later "linux" takes the place of this one. */
#define BASE "\"ociVersion\":\"1.0.2\"," PROCESS "," ROOT ",\"linux\":{" NAMESPACES "}"

static char bundle[64];
static struct domlet_plan plan;
static struct domlet_error err;

static int set_up(void **state)
{
	char path[128];

	(void)state;
	strcpy(bundle, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(bundle))
		return -1;
	snprintf(path, sizeof(path), "%s/rootfs", bundle);
	return mkdir(path, 0755);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	domlet_plan_free(&plan);
	snprintf(command, sizeof(command), "rm -rf %s", bundle);
	return system(command);
}

static int read_bundle(const char *const *stdio)
{
	int r;

	domlet_plan_free(&plan);
	err.text[0] = '\0';
	r = domlet_plan_read(bundle, "c1", &plan, &err);
	if (r == 0)
		r = domlet_document_make(&plan, stdio, &err);
	if (r < 0)
		domlet_plan_free(&plan);
	return r;
}

static int read_bytes(const char *text, size_t len)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/config.json", bundle);
	if (domlet_file_write(path, text, len, 0644, &err) < 0)
		fail_msg("%s", err.text);
	return read_bundle(NULL);
}

static int read_config(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void assert_refused(const char *text, const char *sentence)
{
	if (read_config(text) == 0)
		fail_msg("accepted: %s", text);
	if (!strstr(err.text, sentence))
		fail_msg("\"%s\" isn't in \"%s\"", sentence, err.text);
	assert_null(plan.document);
	assert_null(strcasestr(err.text, "no such file or directory"));
}

static void smallest(void **state)
{
	(void)state;
	if (read_config("{" BASE "}\n") < 0)
		fail_msg("%s", err.text);
	assert_string_equal(plan.id, "c1");
	assert_string_equal(plan.annotations, "{}");
	assert_string_equal(plan.argv0, "sh");
	assert_string_equal(plan.oci_version, "1.0.2");
	assert_null(plan.hostname);
	assert_null(plan.hooks);
	assert_int_equal(plan.ask.type, DOMLET_TYPE_AUTO);
	assert_int_equal(plan.memory_kib, 0);
	assert_int_equal(plan.vcpus, 0);
	assert_int_equal(plan.document_len, strlen(plan.document));
	assert_non_null(strstr(plan.document, "\"mounts\":[]"));
	assert_null(strstr(plan.document, "\"join\""));
	assert_int_equal(plan.join_count, 0);
}

static void ids(void **state)
{
	char longest[300];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[255] = '\0';
	assert_int_equal(domlet_id_check(longest, &err), 0);
	assert_int_equal(domlet_id_check("A_z+0.-", &err), 0);
	longest[255] = 'a';
	longest[256] = '\0';
	assert_int_equal(domlet_id_check(longest, &err), -EINVAL);
	for (size_t i = 0; i < 6; i++) {
		const char *bad[] = { "", ".", "..", "a/b", "a b", "\xc3\xbc" };

		assert_int_equal(domlet_id_check(bad[i], &err), -EINVAL);
		assert_non_null(strstr(err.text, "invalid container ID format"));
	}
}

static void broken_files(void **state)
{
	char deep[400], *huge = calloc(1, 17u << 20);

	(void)state;
	assert_int_equal(domlet_plan_read("/nowhere", "c1", &plan, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere"));
	assert_refused("", "is empty");
	assert_refused(" \n", "is empty");
	assert_refused("{\"ociVersion\":", "is cut off");
	assert_refused("{" BASE "} x", "config.json");
	assert_refused("{\"a\":tru}", "isn't valid JSON");
	assert_refused("[]", "must be an object, but is an array");
	assert_refused("{" BASE ",\"hostname\":\"\xff\"}", "isn't valid JSON");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_refused(deep, "nested more than 60 levels");
	memset(huge, ' ', 17u << 20);
	assert_int_equal(read_bytes(huge, 17u << 20), -EFBIG);
	assert_non_null(strstr(err.text, "too large"));
	free(huge);
}

static void wrong_types(void **state)
{
	(void)state;
	assert_refused("{" PROCESS "," ROOT "}", "ociVersion is missing; it must be a string");
	assert_refused("{\"ociVersion\":1," PROCESS "," ROOT "}", "ociVersion must be a string, but is an integer");
	assert_refused("{\"ociVersion\":\"2.0.0\"," PROCESS "," ROOT "}", "ociVersion is \"2.0.0\"");
	assert_refused("{\"ociVersion\":\"1.0.2\"," ROOT "}", "process is missing");
	assert_refused("{" BASE ",\"process\":{\"cwd\":\"/\",\"args\":[]}}", "process.args is empty");
	assert_refused("{" BASE ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\",7]}}",
		       "process.args[1] must be a string, but is an integer");
	assert_refused("{" BASE ",\"process\":{\"cwd\":\"x\",\"args\":[\"a\"]}}", "process.cwd is \"x\"");
	assert_refused("{" BASE ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\\u0000b\"]}}", "without NUL");
	assert_refused("{" BASE ",\"mounts\":[{\"destination\":\"/p\",\"type\":\"proc\"},{}]}",
		       "mounts[1].destination is missing");
	assert_refused("{" BASE ",\"annotations\":{\"k\":false}}", "annotations[\"k\"] must be a string, but is false");
	assert_refused("{" BASE ",\"linux\":{\"resources\":{\"memory\":{\"limit\":1.5}}}}",
		       "linux.resources.memory.limit must be an integer, but is a number with a fraction");
	assert_refused("{\"ociVersion\":\"1.0.2\"," PROCESS ",\"root\":{\"path\":\"gone\"}}", "it does not exist");
}

static void refused_namespace(const char *namespaces, const char *text)
{
	char config[4096];

	snprintf(config, sizeof(config), "{" BASE ",\"linux\":{\"namespaces\":[%s]}}", namespaces);
	assert_refused(config, text);
}

static void namespaces_of_the_host(void **state)
{
	static const char *const all[] = { "mount", "pid", "ipc", "uts", "network" };

	(void)state;
	for (size_t absent = 0; absent < sizeof(all) / sizeof(all[0]); absent++) {
		char list[512] = NAMESPACE("cgroup"), text[128];

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			if (i != absent)
				snprintf(list + strlen(list), sizeof(list) - strlen(list), ",{\"type\":\"%s\"}", all[i]);
		snprintf(text, sizeof(text), "linux.namespaces has no %s namespace, which means the host's",
			 all[absent]);
		refused_namespace(list, text);
	}
	assert_refused("{" BASE ",\"linux\":{}}", "no mount namespace");
	assert_refused("{" BASE ",\"linux\":null}", "no mount namespace");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *file = strcmp(all[i], "mount") == 0   ? "mnt" :
				   strcmp(all[i], "network") == 0 ? "net" :
								    all[i];
		char path[64], one[128], text[128];

		for (int first = 0; first < 2; first++) {
			snprintf(path, sizeof(path), "/proc/%s/ns/%s", first ? "1" : "self", file);
			snprintf(one, sizeof(one), "{\"type\":\"%s\",\"path\":\"%s\"}", all[i], path);
			snprintf(text, sizeof(text), "the %s namespace %s is the host's", all[i], path);
			if (access(path, F_OK) == 0) /* not everybody may look at process 1's */
				refused_namespace(one, text);
		}
	}
	refused_namespace("{\"type\":\"cgroup\",\"path\":\"/proc/self/ns/cgroup\"}", "is the host's");
}

static void namespaces(void **state)
{
	(void)state;
	refused_namespace(NAMESPACE("user"), "user namespace");
	refused_namespace(NAMESPACE("new"), "type \"new\", which isn't known");
	refused_namespace("{\"type\":\"ipc\",\"path\":\"/run/x\"}",
			  "the ipc namespace /run/x can't be used: it does not exist");
	refused_namespace("{\"type\":\"mount\",\"path\":\"/dev/null\"}",
			  "the mount namespace /dev/null can't be joined: only ipc, uts, network and pid");
	refused_namespace("{\"type\":\"cgroup\",\"path\":\"/dev/null\"}",
			  "the cgroup namespace /dev/null can't be joined");
	refused_namespace("{\"type\":\"user\",\"path\":\"/dev/null\"}", "asks for a user namespace");
	refused_namespace(UNCONNECTED "," NAMESPACE("pid"), "\"pid\" twice");
	refused_namespace(UNCONNECTED ",{\"type\":\"network\",\"path\":\"/run/none\"}",
			  "the network namespace /run/none can't be used: it does not exist");
	refused_namespace(UNCONNECTED ",{\"type\":\"network\",\"path\":\"/dev/null\"}," NAMESPACE("network"),
			  "\"network\" twice");

	assert_int_equal(read_config("{" BASE ",\"linux\":{\"namespaces\":[" UNCONNECTED
				     ",{\"type\":\"network\",\"path\":\"/dev/null\"}]}}"),
			 0);
	assert_string_equal(plan.net_path, "/dev/null");
	assert_non_null(strstr(plan.document, "{\"type\":\"network\"}"));
	assert_int_equal(read_config("{" BASE ",\"linux\":{\"namespaces\":[" UNCONNECTED
				     ",{\"type\":\"network\",\"path\":\"\"}]}}"),
			 0);
	assert_null(plan.net_path);
}

/* Makes FILE in the bundle; returns its path, valid until the next call. */
static const char *file_of(const char *file, struct stat *st)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", bundle, file);
	assert_int_equal(domlet_file_write(path, "", 0, 0644, &err), 0);
	assert_int_equal(stat(path, st), 0);
	return path;
}

static void plan_joined(struct stat st[4])
{
	static const char *const types[] = { "pid", "ipc", "uts", "network" };
	char text[2048] = "{" BASE ",\"linux\":{\"namespaces\":[" NAMESPACE("mount");

	for (size_t i = 0; i < 4; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",{\"type\":\"%s\",\"path\":\"%s\"}",
			 types[i], file_of(types[i], &st[i]));
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}}");
	domlet_plan_free(&plan);
	if (domlet_plan_parse(bundle, "c1", text, strlen(text), &plan, &err) < 0)
		fail_msg("%s", err.text);
}

static void namespaces_of_others(void **state)
{
	static const char *const files[] = { "pid", "ipc", "uts", "net" };
	struct stat st[4];
	char text[256];

	(void)state;
	plan_joined(st);
	assert_int_equal(plan.join_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(plan.joins[i].file, files[i]);
		assert_int_equal(plan.joins[i].dev, st[i].st_dev);
		assert_int_equal(plan.joins[i].ino, st[i].st_ino);
		assert_int_equal(plan.joins[i].container, -1);
		snprintf(text, sizeof(text), "%s/%s", bundle, plan.joins[i].type);
		assert_string_equal(plan.joins[i].path, text);
	}
	assert_string_equal(plan.net_path, plan.joins[3].path);

	/* Whose they are is said one by one. */
	assert_int_equal(domlet_plan_join(&plan, "mount", 0), -EINVAL);
	assert_int_equal(domlet_plan_join(&plan, "pid", 16), -EINVAL);
	assert_int_equal(domlet_plan_join(&plan, "pid", 15), 0);
	assert_int_equal(domlet_plan_join(&plan, "ipc", 0), 0);
	assert_int_equal(domlet_document_make(&plan, NULL, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "the uts namespace "));
	assert_non_null(strstr(err.text, "/uts can't be joined: it is none of a container that domlet runs"));

	/* A network namespace may be the caller's own, and the guest then has one of its own, too. */
	plan_joined(st);
	assert_int_equal(domlet_plan_join(&plan, "pid", 15), 0);
	assert_int_equal(domlet_plan_join(&plan, "ipc", 0), 0);
	assert_int_equal(domlet_plan_join(&plan, "uts", 3), 0);
	domlet_plan_number(&plan, 15);
	plan.root.way = DOMLET_PLAN_ROOT_IMAGE;
	assert_int_equal(domlet_document_make(&plan, NULL, &err), 0);
	assert_non_null(strstr(plan.document, "\"join\":{\"pid\":15,\"ipc\":0,\"uts\":3}"));
	assert_non_null(strstr(plan.document, "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"network\"}]"));
	assert_non_null(strstr(plan.document, "\"device\":\"/dev/xvdp\""));
	assert_null(strstr(plan.document, bundle));

	plan_joined(st);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(domlet_plan_join(&plan, plan.joins[i].type, 1), 0);
	assert_int_equal(domlet_document_make(&plan, NULL, &err), 0);
	assert_non_null(strstr(plan.document, "\"join\":{\"pid\":1,\"ipc\":1,\"uts\":1,\"network\":1}"));
	assert_non_null(strstr(plan.document, "\"namespaces\":[{\"type\":\"mount\"}]"));
	assert_non_null(plan.net_path); /* the proxy's */
}

#define TIME(offsets)                                                                   \
	"{" BASE ",\"linux\":{\"timeOffsets\":" offsets ",\"namespaces\":[" UNCONNECTED \
	"," NAMESPACE("network") "," NAMESPACE("time") "]}}"

static void time_offsets(void **state)
{
	(void)state;
	assert_int_equal(read_config(TIME("{\"monotonic\":{\"secs\":-5,\"nanosecs\":999999999},\"boottime\":{}}")), 0);
	assert_non_null(strstr(plan.document,
			       "\"timeOffsets\":{\"monotonic\":{\"secs\":-5,\"nanosecs\":999999999},\"boottime\":{}}"));
	assert_int_equal(read_config("{" BASE ",\"linux\":{\"timeOffsets\":{}," NAMESPACES "}}"), 0);
	assert_refused("{" BASE ",\"linux\":{\"timeOffsets\":{\"boottime\":{}}," NAMESPACES "}}",
		       "linux.timeOffsets is given, but linux.namespaces has no time namespace");
	assert_refused(TIME("{\"realtime\":{\"secs\":1}}"), "has clock \"realtime\"");
	assert_refused(TIME("{\"boottime\":{\"nanosecs\":1000000000}}"),
		       "linux.timeOffsets.boottime.nanosecs is 1000000000, but");
	assert_refused(TIME("{\"boottime\":{\"nanosecs\":-1}}"), "an integer from 0");
	assert_refused(TIME("{\"boottime\":{\"secs\":\"1\"}}"),
		       "linux.timeOffsets[\"boottime\"].secs must be an integer");
	assert_refused(TIME("{\"boottime\":null}"), "must be an object");
	refused_namespace("{\"type\":\"time\",\"path\":\"/proc/self/ns/time\"}",
			  "time namespace /proc/self/ns/time is the host's");
	refused_namespace("{\"type\":\"time\",\"path\":\"/run/time\"}",
			  "the time namespace /run/time can't be joined: only ipc");
}

static void refused_features(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/fifo", bundle);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused("{" BASE ",\"linux\":{\"resources\":{\"blockIO\":{\"weight\":500}}}}",
		       "linux.resources.blockIO can't be done in the guest yet");
	assert_refused("{" BASE ",\"linux\":{\"intelRdt\":{\"closID\":\"x\"}}}", "linux.intelRdt can't be done");
	assert_refused("{" BASE ",\"linux\":{\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"x\"]}}}",
		       "linux.personality.flags");
	assert_refused("{" BASE ",\"mounts\":[{\"destination\":\"/p\",\"type\":\"proc\",\"uidMappings\":[{}]}]}",
		       "mounts[0].uidMappings can't be done");
	assert_refused("{" BASE ",\"mounts\":[{\"destination\":\"/p\",\"type\":\"bind\",\"source\":\"/etc/passwd\","
		       "\"options\":[\"rbind\",\"ridmap\"]}]}",
		       "the mount on /p has the option \"ridmap\"");
	assert_refused("{" BASE ",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"execCPUAffinity\":{\"final\":\"0\"}}}",
		       "process.execCPUAffinity can't be done");
	assert_refused("{" BASE ",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"ioPriority\":{\"priority\":1}}}",
		       "process.ioPriority.class is missing");
	assert_int_equal(
		read_config("{" BASE ",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\","
			    "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":1},"
			    "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":-1,\"flags\":[],\"runtime\":0}}}"),
		0);
	/* A name is enough to ask for a device. */
	assert_refused("{" BASE ",\"linux\":{" NAMESPACES ",\"netDevices\":{\"eth0\":{}}}}",
		       "linux.netDevices can't be done");
	assert_int_equal(read_config("{" BASE ",\"linux\":{" NAMESPACES
				     ",\"netDevices\":{},\"resources\":{\"memory\":{\"kernel\":-1,\"kernelTCP\":0,"
				     "\"disableOOMKiller\":false}}}}"),
			 0);
	/* As docker writes what nobody has asked for. */
	assert_int_equal(read_config("{" BASE ",\"linux\":{" NAMESPACES
				     ",\"resources\":{\"blockIO\":{\"weight\":0},\"network\":{},"
				     "\"cpu\":{\"realtimePeriod\":0}},\"uidMappings\":null}}"),
			 0);
	assert_refused("{" BASE ",\"mounts\":[{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"fifo\"}]}",
		       "a FIFO of the host can't be reached from the guest yet");
	assert_refused("{" BASE ",\"mounts\":[{\"destination\":\"/v\",\"type\":\"none\",\"options\":[\"rbind\"],"
		       "\"source\":\"missing\"}]}",
		       "the bind mount of missing on /v");
	assert_refused("{" BASE ",\"mounts\":[{\"destination\":\"/v\",\"type\":\"nfs\"}]}", "\"nfs\"");
	assert_refused("{" BASE ",\"annotations\":{\"dev.domlet.type\":\"hvm\"}}", "dev.domlet.type");
	assert_refused("{" BASE ",\"annotations\":{\"dev.domlet.memory\":\"64M\"}}", "dev.domlet.memory");
	assert_refused("{" BASE ",\"annotations\":{\"dev.domlet.vcpus\":\"0\"}}", "dev.domlet.vcpus");
	assert_refused("{" BASE ",\"annotations\":{\"dev.domlet.template\":\"../x\"}}", "dev.domlet.template");
	assert_refused("{" BASE ",\"annotations\":{\"dev.domlet.odd\":\"1\"}}", "dev.domlet.odd");
}

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(read_config("{" BASE ",\"linux\":{" NAMESPACES ",\"resources\":{\"memory\":{\"limit\":67108865},"
				     "\"cpu\":{\"quota\":150000,\"period\":100000}}}}"),
			 0);
	assert_int_equal(plan.memory_kib, 109 * 1024);
	assert_int_equal(plan.vcpus, 2);
	domlet_plan_take_vcpus(&plan, 8);
	assert_int_equal(plan.memory_kib, 109 * 1024);
	/* Processors that are the template's, or asked for, take as much as a quota's. */
	plan.vcpus = 0;
	domlet_plan_take_vcpus(&plan, 2);
	assert_int_equal(plan.memory_kib, 109 * 1024);
	domlet_plan_take_vcpus(&plan, 1);
	assert_int_equal(plan.memory_kib, 104 * 1024);
	plan.memory_kib = 64 * 1024; /* less was asked for */
	domlet_plan_take_vcpus(&plan, 8);
	assert_int_equal(plan.memory_kib, 64 * 1024);
	assert_int_equal(read_config("{" BASE ",\"linux\":{" NAMESPACES ",\"resources\":{\"memory\":{\"limit\":-1},"
				     "\"cpu\":{\"quota\":-1,\"period\":0}}}}"),
			 0);
	domlet_plan_take_vcpus(&plan, 8);
	assert_int_equal(plan.memory_kib, 0);
	assert_int_equal(plan.vcpus, 0);
	assert_int_equal(read_config("{" BASE ",\"linux\":{" NAMESPACES
				     ",\"resources\":{\"memory\":{\"limit\":9223372036854775807},"
				     "\"cpu\":{\"quota\":9223372036854775807,\"period\":1}}}}"),
			 0);
	assert_int_equal(plan.memory_kib, 0);
	assert_int_equal(plan.vcpus, 128);
	/* What annotations ask for doesn't count yet. */
	assert_int_equal(read_config("{" BASE ",\"annotations\":{\"dev.domlet.type\":\"pv\",\"dev.domlet.memory\":\"64\","
				     "\"dev.domlet.vcpus\":\"3\",\"dev.domlet.template\":\"small\",\"x\":\"y\"}}"),
			 0);
	assert_int_equal(plan.memory_kib, 0);
	assert_int_equal(plan.vcpus, 0);
	assert_int_equal(plan.ask.type, DOMLET_TYPE_PV);
	assert_int_equal(plan.ask.memory_kib, 64 * 1024);
	assert_int_equal(plan.ask.vcpus, 3);
	assert_string_equal(plan.ask.template_name, "small");
}

#define ANNOTATED(annotations) "{" BASE ",\"annotations\":{" annotations "}}"
#define CRI(type, id) "\"io.kubernetes.cri.container-type\":\"" type "\",\"io.kubernetes.cri.sandbox-id\":\"" id "\""
#define CRIO(type, id) "\"io.kubernetes.cri-o.ContainerType\":\"" type "\",\"io.kubernetes.cri-o.SandboxID\":\"" id "\""

static void assert_sandbox(const char *text, enum domlet_sandbox_role role, const char *id)
{
	if (read_config(text) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(plan.sandbox_role, role);
	if (id)
		assert_string_equal(plan.sandbox_id, id);
	else
		assert_null(plan.sandbox_id);
}

static void sandboxes(void **state)
{
	(void)state;
	assert_sandbox("{" BASE "}", DOMLET_SANDBOX_NONE, NULL);
	assert_sandbox(ANNOTATED(CRI("sandbox", "s1")), DOMLET_SANDBOX_ITSELF, "s1");
	assert_sandbox(ANNOTATED(CRI("container", "s1")), DOMLET_SANDBOX_CONTAINER, "s1");
	assert_sandbox(ANNOTATED(CRIO("sandbox", "s2")), DOMLET_SANDBOX_ITSELF, "s2");
	assert_sandbox(ANNOTATED(CRIO("container", "s2")), DOMLET_SANDBOX_CONTAINER, "s2");
	assert_false(plan.by_libpod);
	assert_sandbox(ANNOTATED(CRI("container", "s3") "," CRIO("container", "s3")), DOMLET_SANDBOX_CONTAINER, "s3");
	assert_sandbox(ANNOTATED("\"io.kubernetes.cri-o.ContainerType\":\"sandbox\""), DOMLET_SANDBOX_ITSELF, NULL);
	assert_sandbox(ANNOTATED("\"io.kubernetes.cri-o.SandboxID\":\"../x\""), DOMLET_SANDBOX_NONE, NULL);

	assert_refused(ANNOTATED(CRI("pod", "s1")),
		       "annotation io.kubernetes.cri.container-type is \"pod\"; \"sandbox\"");
	assert_refused(ANNOTATED("\"io.kubernetes.cri-o.ContainerType\":\"container\""),
		       "there is no annotation io.kubernetes.cri-o.SandboxID that names it");
	assert_refused(
		ANNOTATED(CRIO("container", "../x")),
		"annotation io.kubernetes.cri-o.SandboxID names no sandbox: invalid container ID format: \"../x\"");
	assert_refused(ANNOTATED(CRI("sandbox", "")), "names no sandbox: invalid container ID format");
	assert_refused(ANNOTATED(CRI("container", "a") "," CRIO("container", "b")), "say different things");
	assert_refused(ANNOTATED(CRI("container", "a") "," CRIO("sandbox", "a")), "say different things");

	/* podman passes an image's annotations on; what podman itself never writes is the image's. */
	assert_sandbox(ANNOTATED(CRI("container", "s1") ",\"io.container.manager\":\"libpod\""), DOMLET_SANDBOX_NONE,
		       NULL);
	assert_true(plan.by_libpod);
	assert_sandbox(
		ANNOTATED(CRIO("container", "s1") "," CRI("pod", "") ",\"io.container.manager\":\"x\","
								     "\"org.opencontainers.image.stopSignal\":\"15\""),
		DOMLET_SANDBOX_CONTAINER, "s1");
	assert_true(plan.by_libpod);
	assert_int_equal(read_config(ANNOTATED("\"org.opencontainers.image.stopSignal\":\"SIGTERM\","
					       "\"io.container.manager\":\"cri-o\"")),
			 0);
	assert_false(plan.by_libpod);
}

#define SIZE(key, value) ",\"io.kubernetes.cri.sandbox-" key "\":\"" value "\""
#define LIMITS                    \
	",\"linux\":{" NAMESPACES \
	",\"resources\":{\"memory\":{\"limit\":67108864},\"cpu\":{\"quota\":150000,\"period\":100000}}}"
#define SIZED(sizes) "{" BASE LIMITS ",\"annotations\":{" CRI("sandbox", "s") sizes "}}"

static void assert_size(const char *text, uint64_t memory_mib, bool memory_for_all, uint32_t vcpus, bool vcpus_for_all)
{
	if (read_config(text) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(plan.memory_kib, memory_mib * 1024);
	assert_int_equal(plan.memory_for_all, memory_for_all);
	assert_int_equal(plan.vcpus, vcpus);
	assert_int_equal(plan.vcpus_for_all, vcpus_for_all);
}

/* A sandbox's domain is large enough for all of its pod, as a limit of its own would make it. */
static void sizes_of_sandboxes(void **state)
{
	static const char *const bad[] = { SIZED(SIZE("memory", "64M")),
					   SIZED(SIZE("memory", "")),
					   SIZED(SIZE("memory", "9223372036854775808")),
					   SIZED(SIZE("cpu-quota", " 1")),
					   SIZED(SIZE("cpu-quota", "-")),
					   SIZED(SIZE("cpu-period", "+1")),
					   SIZED(SIZE("cpu-shares", "x")) };

	(void)state;
	assert_size(SIZED(""), 109, false, 2, false);
	assert_size(SIZED(SIZE("memory", "268435456") SIZE("cpu-quota", "300000") SIZE("cpu-period", "100000")
				  SIZE("cpu-shares", "2")),
		    312, true, 3, true);
	/* The container's own limits may be larger; 0, less and far too much are none. */
	assert_size(SIZED(SIZE("memory", "1") SIZE("cpu-quota", "1") SIZE("cpu-period", "0")), 109, true, 2, true);
	assert_size(SIZED(SIZE("memory", "0") SIZE("cpu-quota", "-1") SIZE("cpu-period", "-1")), 109, false, 2, false);
	assert_size(SIZED(SIZE("memory", "9223372036854775807") SIZE("cpu-quota", "9223372036854775807")), 759, false,
		    128, true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i], "but must be a number");
	/* They are nothing to others, nor to a container of podman's, whose image may have them. */
	assert_size("{" BASE ",\"annotations\":{" CRI("container", "s") SIZE("memory", "1000000000") "}}", 0, false, 0,
		    false);
	assert_size("{" BASE ",\"annotations\":{\"x\":\"y\"" SIZE("memory", "x") "}}", 0, false, 0, false);
	assert_size("{" BASE ",\"annotations\":{" CRI("sandbox", "s")
			    SIZE("memory", "1000000000") ",\"io.container.manager\":\"libpod\"}}",
		    0, false, 0, false);
	assert_size("{" BASE ",\"annotations\":{" CRIO("sandbox", "s")
			    SIZE("memory", "268435456") ",\"org.opencontainers.image.stopSignal\":\"9\"}}",
		    0, false, 0, false);
}

/* Whether a process with CAPABILITIES, JSON's, may send in any name. */
static bool may_forge(const char *capabilities)
{
	char text[1024];

	(void)snprintf(text, sizeof text,
		       "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"%s}," ROOT
		       ",\"linux\":{" NAMESPACES "}}",
		       capabilities);
	if (read_config(text) < 0)
		fail_msg("%s", err.text);
	return plan.forges;
}

static void who_may_forge(void **state)
{
	(void)state;
	assert_true(may_forge(",\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_NET_RAW\"]}"));
	assert_true(may_forge(",\"capabilities\":{\"bounding\":[\"cap_net_admin\"]}"));
	assert_false(may_forge(",\"capabilities\":{\"bounding\":[\"CAP_NET_BIND_SERVICE\"],"
			       "\"effective\":[\"CAP_NET_RAW\"],\"permitted\":[\"CAP_NET_ADMIN\"]}"));
	assert_false(may_forge(",\"capabilities\":{}"));
	assert_false(may_forge(",\"capabilities\":null"));
	assert_false(may_forge(""));
}

static void labels_of_the_host(void **state)
{
	(void)state;
	assert_int_equal(
		read_config(
			"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\",\"apparmorProfile\":\"docker-default\","
			"\"selinuxLabel\":\"a:b:c\"}," ROOT ",\"linux\":{" NAMESPACES ",\"mountLabel\":\"d:e:f\"}}"),
		0);
	assert_string_equal(plan.labels,
			    "{\"process.apparmorProfile\":\"docker-default\",\"process.selinuxLabel\":\"a:b:c\","
			    "\"linux.mountLabel\":\"d:e:f\"}");
	assert_null(strstr(plan.document, "docker-default"));
	/* Nothing is asked for. */
	assert_int_equal(
		read_config(
			"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\",\"apparmorProfile\":\"unconfined\","
			"\"selinuxLabel\":\"\"}," ROOT ",\"linux\":{" NAMESPACES "}}"),
		0);
	assert_null(plan.labels);
}

static int read_limit(uint64_t mib)
{
	char text[512];

	snprintf(text, sizeof text, "{" BASE ",\"linux\":{" NAMESPACES ",\"resources\":{\"memory\":{\"limit\":%llu}}}}",
		 (unsigned long long)mib << 20);
	return read_config(text);
}

/* A model of what the guest's own takes: measured in the lab with small PVH
 * domains, reckoned by the kernel's sources for the others. The kernel and what it has as soon as it runs, its description of pages
 * (2 MiB each 128 MiB), and a part of the rest of 1/128. On top of that is what
 * it keeps free (sixteen times the KiB, of that the root, and a half of it
 * more, or a five-hundredth). */
static uint64_t guest_needs_kib(uint64_t memory_kib)
{
	uint64_t pages = (memory_kib + 131071) / 131072 * 2048;
	uint64_t root = 1;

	while (root * root < 16 * memory_kib)
		root++;
	return 30 * 1024 + pages + memory_kib / 128 + root + (root / 2 > memory_kib / 500 ? root / 2 : memory_kib / 500);
}

static void what_a_limit_promises_is_there(void **state)
{
	static const struct {
		uint64_t limit_mib, memory_mib;
	} known[] = {
		{ 48, 87 }, { 64, 104 }, { 256, 302 }, { 1024, 1095 }, { 2048, 2152 }, { 65536, 67688 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		assert_int_equal(read_limit(known[i].limit_mib), 0);
		assert_int_equal(plan.memory_kib, known[i].memory_mib * 1024);
	}
	for (uint64_t mib = 48; mib <= 64 * 1024; mib += 1 + mib / 16) {
		assert_int_equal(read_limit(mib), 0);
		if (plan.memory_kib - guest_needs_kib(plan.memory_kib) < mib * 1024 ||
		    plan.memory_kib - guest_needs_kib(plan.memory_kib) > mib * 1024 * 66 / 64 + 8 * 1024)
			fail_msg("a limit of %llu MiB gives %llu KiB, of which the guest needs %llu",
				 (unsigned long long)mib, (unsigned long long)plan.memory_kib,
				 (unsigned long long)guest_needs_kib(plan.memory_kib));
	}
}

static void hooks_stay_on_the_host(void **state)
{
	(void)state;
	assert_int_equal(read_config("{" BASE ",\"hooks\":{\"prestart\":[{\"path\":\"/bin/hook\"}]}}"), 0);
	assert_non_null(strstr(plan.hooks, "/bin/hook"));
	assert_null(strstr(plan.document, "/bin/hook"));
	/* But those that run in the container, with the state they read. */
	domlet_plan_free(&plan);
	assert_int_equal(read_config("{" BASE ",\"hooks\":{\"poststop\":[{\"path\":\"/bin/hook\"}],"
				     "\"startContainer\":[{\"path\":\"/bin/inside\"}]}}"),
			 0);
	assert_null(strstr(plan.document, "/bin/hook"));
	assert_non_null(strstr(plan.document, "{\"startContainer\":[{\"path\":\"/bin/inside\"}]}"));
	assert_non_null(strstr(plan.document, "\"state\":{\"ociVersion\":\"1.0.2\",\"id\":"));
}

static void assert_mounts(const char *const *expected, size_t n)
{
	char line[256];

	assert_int_equal(plan.mount_count, n);
	for (size_t i = 0; i < n; i++) {
		const struct domlet_plan_mount *m = &plan.mounts[i];

		snprintf(line, sizeof(line), "%s %d %s: %s %s %s", m->destination, m->way,
			 m->is_bind ? "a bind" : "as configured", m->type ? m->type : "-", m->source ? m->source : "-",
			 m->options[0] ? m->options : "-");
		assert_string_equal(line, expected[i]);
	}
}

static void mounts(void **state)
{
	char path[128], expected[256];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/hosts", bundle);
	assert_int_equal(domlet_file_write(path, "foobar", 6, 0644, &err), 0);
	(void)!chown(path, 7, 8); /* root's tests only */
	assert_int_equal(stat(path, &st), 0);
	if (read_config(
		    "{" BASE ",\"mounts\":["
		    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		    "{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":\"hosts\",\"options\":[\"rbind\",\"ro\"]},"
		    "{\"destination\":\"/dev/shm\",\"type\":\"bind\",\"source\":\"/nowhere\",\"options\":[\"rbind\"]},"
		    "{\"destination\":\"/sys\",\"type\":\"bind\",\"source\":\"/sys\",\"options\":[\"rbind\",\"ro\"]},"
		    "{\"destination\":\"/dev/null\",\"type\":\"bind\",\"source\":\"/dev/null\"}]}") < 0)
		fail_msg("%s", err.text);
	snprintf(expected, sizeof(expected),
		 "\"mounts\":[{\"via\":\"guest\"},"
		 "{\"via\":\"copy\",\"content\":\"Zm9vYmFy\",\"mode\":420,\"uid\":%u,\"gid\":%u},"
		 "{\"via\":\"guest\",\"type\":\"tmpfs\"},{\"via\":\"guest\",\"type\":\"sysfs\"},"
		 "{\"via\":\"skip\"}]",
		 st.st_uid, st.st_gid);
	assert_non_null(strstr(plan.document, expected));
	assert_non_null(strstr(plan.document, "[\"nosuid\",\"nodev\",\"noexec\",\"mode=1777\",\"size=65536k\"]"));
	assert_non_null(strstr(plan.document, "\"type\":\"bind\",\"options\":[\"ro\"]"));
	/* A source is what /proc/mounts shows, but none of the host's paths. */
	assert_non_null(strstr(plan.document, "\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\""));
	assert_non_null(strstr(plan.document, "\"source\":\"shm\""));
	assert_mounts(
		(const char *const[]){
			"/proc 0 as configured: proc - -",
			"/etc/hosts 1 a bind: - - -",
			"/dev/shm 0 a bind: tmpfs shm nosuid,nodev,noexec,mode=1777,size=65536k",
			"/sys 0 a bind: sysfs - ro",
			"/dev/null 3 a bind: - - -",
		},
		5);
}

/* Who names the same source, by whatever path, has the same tmpfs; its name tells no path. */
static void one_shm_per_source(void **state)
{
	static const char *const sources[] = { "a", "./a", "link", "b" };
	char path[128], text[512], names[4][40];
	struct statvfs fs;

	(void)state;
	for (size_t i = 0; i < 4; i += 3) {
		snprintf(path, sizeof(path), "%s/%s", bundle, sources[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_int_equal(statvfs(path, &fs), 0);
	snprintf(path, sizeof(path), "%s/link", bundle);
	assert_int_equal(symlink("a", path), 0);
	for (size_t i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
			 "{" BASE ",\"mounts\":[{\"destination\":\"/dev/shm/\",\"type\":\"bind\",\"source\":\"%s%s%s\","
			 "\"options\":[\"rbind\",\"ro\"]}]}",
			 i % 2 ? bundle : "", i % 2 ? "/" : "", sources[i]);
		if (read_config(text) < 0)
			fail_msg("%s", err.text);
		snprintf(names[i], sizeof(names[i]), "%s", plan.mounts[0].shared);
		snprintf(text, sizeof(text), "{\"via\":\"guest\",\"type\":\"tmpfs\",\"shared\":\"%s\"}", names[i]);
		assert_non_null(strstr(plan.document, text));
		assert_int_equal(strspn(names[i], "shm-0123456789abcdef"), strlen(names[i]));
		assert_null(strstr(plan.document, bundle));
		snprintf(text, sizeof(text), "nosuid,nodev,noexec,mode=1777,size=%lluk,ro",
			 (unsigned long long)fs.f_blocks * fs.f_frsize / 1024);
		assert_string_equal(plan.mounts[0].options, text);
	}
	assert_string_equal(names[0], names[1]);
	assert_string_equal(names[0], names[2]);
	assert_string_not_equal(names[0], names[3]);
}

/* What a plan holds of a file is the file's, and not the document's yet. */
static void a_file_is_read_when_it_is_planned(void **state)
{
	static const char config[] = "{" BASE ",\"mounts\":["
				     "{\"destination\":\"/etc/hostname\",\"type\":\"bind\",\"source\":\"f\"}]}";
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/f", bundle);
	assert_int_equal(domlet_file_write(path, "foo", 3, 0640, &err), 0);
	if (domlet_plan_parse(bundle, "c1", config, strlen(config), &plan, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(plan.mount_count, 1);
	assert_int_equal(plan.mounts[0].way, DOMLET_PLAN_MOUNT_COPY);
	assert_int_equal(plan.mounts[0].mode, 0640);
	assert_int_equal(plan.mounts[0].content_len, 3);
	assert_memory_equal(plan.mounts[0].content, "foo", 3);
	assert_string_equal(plan.root.device, "xvda");
	assert_null(plan.document);
	domlet_plan_number(&plan, 2);
	plan.root.way = DOMLET_PLAN_ROOT_IMAGE;
	assert_int_equal(domlet_document_make(&plan, NULL, &err), 0);
	assert_non_null(strstr(plan.document, "\"device\":\"/dev/xvdc\""));
	assert_non_null(strstr(plan.document, "\"content\":\"Zm9v\",\"mode\":416"));
	assert_null(plan.mounts[0].content);
	assert_null(plan.config);
}

#define SOCKET_AT(n) "{\"destination\":\"/" n "\",\"type\":\"bind\",\"source\":\"link\"}"
#define FOUR_SOCKETS SOCKET_AT("a") "," SOCKET_AT("b") "," SOCKET_AT("c") "," SOCKET_AT("d")
#define SIXTEEN_SOCKETS FOUR_SOCKETS "," FOUR_SOCKETS "," FOUR_SOCKETS "," FOUR_SOCKETS

static void a_socket_has_a_number_and_an_owner(void **state)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char path[128], text[128];

	(void)state;
	snprintf(here.sun_path, sizeof(here.sun_path), "%s/s", bundle);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(chmod(here.sun_path, 0620), 0);
	snprintf(path, sizeof(path), "%s/link", bundle);
	assert_int_equal(symlink("s", path), 0);
	assert_int_equal(read_config("{" BASE ",\"mounts\":[" SIXTEEN_SOCKETS "]}"), 0);
	assert_int_equal(plan.socket_count, DOMLET_SOCKET_MAX);
	assert_int_equal(plan.export_count, 1); /* the root */
	for (uint32_t i = 0; i < DOMLET_SOCKET_MAX; i++) {
		assert_int_equal(plan.mounts[i].way, DOMLET_PLAN_MOUNT_SOCKET);
		assert_int_equal(plan.mounts[i].socket, i);
		assert_string_equal(plan.mounts[i].file, path);
	}
	assert_null(strstr(plan.document, bundle));
	snprintf(text, sizeof(text), "{\"via\":\"socket\",\"socket\":15,\"mode\":400,\"uid\":%u,\"gid\":%u}", getuid(),
		 getgid());
	assert_non_null(strstr(plan.document, text));
	assert_refused("{" BASE ",\"mounts\":[" SIXTEEN_SOCKETS "," SOCKET_AT("q") "]}",
		       "/link on /q can't be done: a container can have 16 sockets of the host's, and this is one more");
	close(fd);
}

#define SYSCTL(key) "{" BASE ",\"linux\":{" NAMESPACES ",\"sysctl\":{\"" key "\":\"1\"}}}"

/* As runc decides, in any way of writing a name. */
static void sysctls(void **state)
{
	static const char *const allowed[] = {
		SYSCTL("kernel.shmmni"),
		SYSCTL("kernel/shm_rmid_forced"),
		SYSCTL("fs.mqueue.msg_max"),
		SYSCTL("net.ipv4.ping_group_range"),
		SYSCTL("net/ipv4/conf/eth0.100/rp_filter"),
		SYSCTL("net.ipv4.conf.eth0/100.rp_filter"),
		SYSCTL("kernel.domainname"),
	};
	static const struct {
		const char *text, *sentence;
	} refused[] = {
		{ SYSCTL("kernel.hostname"),
		  "sysctl \"kernel.hostname\" is not allowed: the configuration has a hostname" },
		{ SYSCTL("kernel/hostname"), "sysctl \"kernel/hostname\" is not allowed" },
		{ SYSCTL("vm.max_map_count"), "sysctl \"vm.max_map_count\" is not allowed: only those are" },
		{ SYSCTL("kernel.core_pattern"), "sysctl \"kernel.core_pattern\" is not allowed" },
		{ SYSCTL("kernel.shmmni.x"), "sysctl \"kernel.shmmni.x\" is not allowed" },
		{ SYSCTL("user.max_user_namespaces"), "is not allowed" },
		{ SYSCTL("fs.mqueue"), "is not allowed" },
		{ SYSCTL("net"), "is not allowed" },
		{ SYSCTL("net..x"), "which is no sysctl's name" },
		{ SYSCTL("net/../kernel/core_pattern"), "no sysctl's name" },
		{ SYSCTL("net.//.kernel.core_pattern"), "no sysctl's name" },
		{ SYSCTL("net./.x"), "no sysctl's name" },
		{ SYSCTL("net."), "no sysctl's name" },
		{ SYSCTL("/net/x"), "no sysctl's name" },
		{ SYSCTL(""), "no sysctl's name" },
	};
	char text[1024], longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (read_config(allowed[i]) < 0)
			fail_msg("%s", err.text);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_refused(refused[i].text, refused[i].sentence);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	snprintf(text, sizeof(text), "{" BASE ",\"linux\":{" NAMESPACES ",\"sysctl\":{\"net.%s\":\"1\"}}}", longest);
	assert_refused(text, "no sysctl's name");
}

/* A path of the host's in each place that may have one, and what no guest knows. */
static void nothing_of_the_host_reaches_the_guest(void **state)
{
	char path[128], text[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/HOST", bundle);
	assert_int_equal(domlet_file_write(path, "x", 1, 0644, &err), 0);
	snprintf(path, sizeof(path), "%s/HOST.d", bundle);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"HOST.d\",\"readonly\":true},"
		 "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\",\"oomScoreAdj\":7,\"apparmorProfile\":\"HOST\",\"selinuxLabel\":\"HOST\"},"
		 "\"annotations\":{\"HOST\":\"HOST\"},\"x-vendor\":{\"HOST\":\"HOST\"},"
		 "\"mounts\":[{\"destination\":\"/f\",\"type\":\"bind\",\"source\":\"%s/HOST\",\"x\":\"HOST\"},"
		 "{\"destination\":\"/g\",\"source\":\"HOST\",\"options\":[\"bind\"]},"
		 "{\"destination\":\"/dev/shm\",\"type\":\"bind\",\"source\":\"/HOST\"},"
		 "{\"destination\":\"/p\",\"type\":\"bind\",\"source\":\"/proc\"}],"
		 "\"hooks\":{\"poststop\":[{\"path\":\"/HOST\"}],\"prestart\":[{\"path\":\"/HOST\"}]},"
		 "\"linux\":{" NAMESPACES
		 ",\"cgroupsPath\":\"/HOST\",\"mountLabel\":\"HOST\",\"x\":\"HOST\",\"maskedPaths\":[\"/m\"],"
		 "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/HOST\",\"listenerMetadata\":\"HOST\"}}}",
		 bundle);
	if (read_config(text) < 0)
		fail_msg("%s", err.text);
	assert_null(strstr(plan.document, "HOST"));
	assert_null(strstr(plan.document, bundle));
	assert_null(strstr(plan.document, "\"source\":\"/"));
	assert_non_null(strstr(plan.document, "\"readonly\":true"));
	assert_non_null(strstr(plan.document, "\"oomScoreAdj\":7"));
	assert_non_null(strstr(plan.document, "\"maskedPaths\":[\"/m\"]"));
	assert_non_null(strstr(plan.document, "\"defaultAction\":\"SCMP_ACT_ALLOW\""));
	assert_null(strstr(plan.document, "hooks"));
	/* dom0 itself keeps them. */
	assert_string_equal(plan.cgroups_path, "/HOST");
	assert_non_null(strstr(plan.annotations, "HOST"));
	assert_non_null(strstr(plan.hooks, "/HOST"));
	/* A hook in the guest is told of a bundle, as the specification wants, and it is where it is. */
	snprintf(text, sizeof(text),
		 "{" BASE ",\"annotations\":{\"k\":\"v\"},\"hooks\":{\"startContainer\":[{\"path\":\"/bin/inside\"}]}}");
	assert_int_equal(read_config(text), 0);
	assert_null(strstr(plan.document, bundle));
	assert_non_null(strstr(plan.document, "\"id\":\"c1\",\"bundle\":\"/\",\"annotations\":{\"k\":\"v\"}"));
}

static void streams_of_another_kind(void **state)
{
	static const char *const stdio[] = { NULL, "null", NULL };

	(void)state;
	assert_int_equal(read_config("{" BASE "}"), 0);
	assert_null(strstr(plan.document, "stdio"));
	assert_int_equal(read_bundle(stdio), 0);
	assert_non_null(strstr(plan.document, "\"dev.domlet.stdio\":[\"pipe\",\"null\",\"pipe\"]"));
}

static void base64(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },        { "f", "Zg==" },          { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *text = domlet_base64_encode(pairs[i][0], strlen(pairs[i][0]));

		assert_string_equal(text, pairs[i][1]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(smallest, set_up, tear_down),
		cmocka_unit_test(ids),
		cmocka_unit_test_setup_teardown(broken_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_types, set_up, tear_down),
		cmocka_unit_test_setup_teardown(namespaces_of_the_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(namespaces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(namespaces_of_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(time_offsets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused_features, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sandboxes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sizes_of_sandboxes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_may_forge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(labels_of_the_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_limit_promises_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hooks_stay_on_the_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mounts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_shm_per_source, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_socket_has_a_number_and_an_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_is_read_when_it_is_planned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sysctls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_of_the_host_reaches_the_guest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(streams_of_another_kind, set_up, tear_down),
		cmocka_unit_test(base64),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
