/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a configuration asks of its domain, against the administrator's policy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/oci/document.h"
#include "../../toolstack/oci/plan.h"
#include "../../toolstack/xen/policy.h"

#define NAMESPACE(type) "{\"type\":\"" type "\"}"
#define LINUX(members)                                                                                            \
	"\"linux\":{\"namespaces\":[" NAMESPACE("mount") "," NAMESPACE("pid") "," NAMESPACE("ipc") "," NAMESPACE( \
		"uts") "," NAMESPACE("network") "]" members "}"
#define BASE                                                                                                           \
	"{\"ociVersion\":\"1.3.0\",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"},\"root\":{\"path\":\"/tmp\"}," LINUX( \
		"")
/* The last of two members with one name counts. */
#define LIMITS \
	"," LINUX(",\"resources\":{\"memory\":{\"limit\":67108864},\"cpu\":{\"quota\":100000,\"period\":100000}}")
/* An image's author, by way of podman 4. */
#define HOSTILE                                                                                                             \
	",\"annotations\":{\"dev.domlet.type\":\"pv\",\"dev.domlet.template\":\"debian\",\"dev.domlet.memory\":\"524288\"," \
	"\"dev.domlet.vcpus\":\"128\"}"
#define ANNOTATION(name, value) ",\"annotations\":{\"dev.domlet." name "\":\"" value "\"}"
#define HARDWARE(members) ",\"vm\":{\"hwConfig\":{" members "}}"
#define ALL "annotations = [ 'dev.domlet.type', 'dev.domlet.template', 'dev.domlet.memory', 'dev.domlet.vcpus' ]\n"
#define TEMPLATE_KIB (128u * 1024u)

static char file[64];
static const char *sample; /* xen-configs/policy.cfg */
static struct domlet_plan plan;
static struct domlet_error err;

static int set_up(void **state)
{
	(void)state;
	strcpy(file, "/tmp/domlet-policy-XXXXXX");
	return close(mkstemp(file));
}

static int tear_down(void **state)
{
	(void)state;
	domlet_plan_free(&plan);
	return unlink(file) < 0 && errno != ENOENT ? -1 : 0;
}

static int read_policy(const char *text, struct domlet_policy *policy)
{
	if (!text)
		(void)unlink(file);
	else if (domlet_file_write(file, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.text);
	return domlet_policy_read(file, policy, &err);
}

/* CONFIG's last brace is left out. POLICY NULL: there is none. As a container is
 * launched with a template of 128 MiB and one processor. */
static int decide(const char *config, const char *policy_text)
{
	struct domlet_policy policy;
	char text[2048];
	int r;

	snprintf(text, sizeof(text), "%s}", config);
	domlet_plan_free(&plan);
	err = (struct domlet_error){ 0 };
	r = domlet_plan_parse("/tmp", "c1", text, strlen(text), &plan, &err);
	if (r == 0)
		r = domlet_document_make(&plan, NULL, &err);
	if (r < 0)
		return r;
	r = read_policy(policy_text, &policy);
	if (r < 0)
		return r;
	r = domlet_ask_allow(&plan.ask, &policy, &err);
	if (r == 0)
		r = domlet_ask_size(&plan.ask, &policy, TEMPLATE_KIB, 1, &plan.memory_kib, &plan.vcpus, &err);
	domlet_policy_free(&policy);
	return r;
}

static void allowed(const char *config, const char *policy, unsigned int mib, unsigned int vcpus)
{
	if (decide(config, policy) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(plan.memory_kib, mib * 1024u);
	assert_int_equal(plan.vcpus, vcpus);
}

static void refused(const char *config, const char *policy, const char *words)
{
	if (decide(config, policy) == 0)
		fail_msg("allowed: %s", config);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" isn't in \"%s\"", words, err.text);
	assert_null(strchr(err.text, '\n'));
	assert_null(strcasestr(err.text, "permission denied"));
}

static void nothing_counts_without_a_policy(void **state)
{
	static const char *const asks[][2] = {
		{ ANNOTATION("type", "pv"), "annotation dev.domlet.type is refused" },
		{ ANNOTATION("template", "debian"), "annotation dev.domlet.template is refused" },
		{ ANNOTATION("memory", "16"), "annotation dev.domlet.memory is refused" },
		{ ANNOTATION("vcpus", "1"), "annotation dev.domlet.vcpus is refused" },
		{ HOSTILE LIMITS, "is refused: there is no policy" },
		{ ",\"vm\":{\"kernel\":{\"path\":\"/boot/vmlinuz\"}}", "vm.kernel.path is refused" },
	};
	char config[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		snprintf(config, sizeof(config), BASE "%s", asks[i][0]);
		refused(config, NULL, asks[i][1]);
		assert_non_null(strstr(err.text, "/config.json: "));
		assert_non_null(strstr(err.text, file));
		/* Nor with one that says nothing of it. */
		refused(config, "# empty\n", "is refused");
		assert_non_null(strstr(err.text, file));
	}
	assert_true(domlet_ask_any(&plan.ask));
	allowed(BASE LIMITS, NULL, 104, 1);
	allowed(BASE ",\"annotations\":{\"a.b\":\"c\"}", NULL, 0, 0);
	assert_false(domlet_ask_any(&plan.ask));
}

static void each_key_by_itself(void **state)
{
	(void)state;
	refused(BASE ANNOTATION("vcpus", "1"), "annotations = [ 'dev.domlet.memory' ]\n",
		"doesn't have \"dev.domlet.vcpus\" in its annotations");
	allowed(BASE ANNOTATION("memory", "64"), "annotations = [ 'dev.domlet.memory' ]\n", 64, 0);
	refused(BASE ANNOTATION("template", "debian"), ALL, "doesn't have \"debian\" in its templates");
	refused(BASE ANNOTATION("template", "debian"), ALL "templates = [ 'small', 'deb' ]\n", "in its templates");
	refused(BASE ANNOTATION("template", "debian"), "templates = [ 'debian' ]\n", "in its annotations");
	allowed(BASE ANNOTATION("template", "debian"), ALL "templates = [ 'small', 'debian' ]\n", 0, 0);
	assert_string_equal(plan.ask.template_name, "debian");
	refused(BASE ANNOTATION("type", "pv"), ALL "types = [ 'pvh' ]\n", "doesn't have \"pv\" in its types");
	allowed(BASE ANNOTATION("type", "pv"), ALL "types = [ 'pvh', 'pv' ]\n", 0, 0);
	assert_int_equal(plan.ask.type, DOMLET_TYPE_PV);
}

static void ceilings_and_limits(void **state)
{
	(void)state;
	/* Without a ceiling the template is one... */
	allowed(BASE ANNOTATION("memory", "128"), ALL, 128, 0);
	refused(BASE ANNOTATION("memory", "129"), ALL, "asks for 129 MiB, more than the template's 128");
	refused(BASE ANNOTATION("vcpus", "2"), ALL, "asks for 2, more than the template's 1");
	/* ...which the policy's replaces. */
	allowed(BASE ANNOTATION("memory", "256"), ALL "max_memory = 256\n", 256, 0);
	refused(BASE ANNOTATION("memory", "257"), ALL "max_memory = 256\n", "allows 256 (max_memory)");
	refused(BASE ANNOTATION("memory", "128"), ALL "max_memory = 64\n", "allows 64 (max_memory)");
	allowed(BASE ANNOTATION("vcpus", "4"), ALL "max_vcpus = 4\n", 0, 4);
	refused(BASE ANNOTATION("vcpus", "5"), ALL "max_vcpus = 4\n", "allows 4 (max_vcpus)");
	/* The container's limits stay, whatever else is allowed. */
	allowed(BASE HOSTILE LIMITS,
		ALL "types = [ 'pv' ]\ntemplates = [ 'debian' ]\nmax_memory = 524288\nmax_vcpus = 128\n", 104, 1);
	allowed(BASE ANNOTATION("memory", "256") LIMITS, ALL, 104, 1);
	allowed(BASE ANNOTATION("memory", "48") LIMITS, ALL, 48, 1);
	refused(BASE ANNOTATION("memory", "256") LIMITS, ALL "max_memory = 128\n", "allows 128");
}

static void the_vm_section(void **state)
{
	(void)state;
	allowed(BASE ",\"vm\":{}", NULL, 0, 0);
	allowed(BASE HARDWARE(""), NULL, 0, 0);
	/* As Go writes what nobody has asked for. */
	allowed(BASE
		",\"vm\":{\"hypervisor\":{\"path\":\"\"},\"kernel\":{\"path\":\"\"},\"image\":{\"path\":\"\",\"format\":\"\"}}",
		NULL, 0, 0);
	allowed(BASE HARDWARE("\"memory\":67108864,\"vcpus\":1"), NULL, 64, 1);
	allowed(BASE HARDWARE("\"memory\":134217728"), NULL, 128, 0);
	allowed(BASE HARDWARE("\"memory\":67108863"), NULL, 63, 0);
	refused(BASE HARDWARE("\"memory\":135266304"), NULL,
		"vm.hwConfig.memory asks for 129 MiB, more than the template's 128");
	allowed(BASE HARDWARE("\"memory\":135266304"), "max_memory = 1024\n", 129, 0);
	allowed(BASE HARDWARE("\"memory\":135266304") LIMITS, "max_memory = 1024\n", 104, 1);
	refused(BASE HARDWARE("\"vcpus\":2"), NULL, "vm.hwConfig.vcpus asks for 2, more than the template's 1");
	allowed(BASE HARDWARE("\"vcpus\":2"), "max_vcpus = 2\n", 0, 2);
	refused(BASE HARDWARE("\"vcpus\":0"), NULL, "vm.hwConfig.vcpus is 0");
	refused(BASE HARDWARE("\"vcpus\":4294967297"), NULL, "vm.hwConfig.vcpus is 4294967297");
	refused(BASE HARDWARE("\"vcpus\":\"2\""), NULL, "vm.hwConfig.vcpus must be an integer");
	refused(BASE HARDWARE("\"memory\":4194304"), NULL,
		"vm.hwConfig.memory is 4194304, but must be a number of bytes, 16 MiB to 16 TiB");
	refused(BASE HARDWARE("\"memory\":18446744073709551615"), NULL, "vm.hwConfig.memory is 18446744073709551615");
	refused(BASE HARDWARE("\"memory\":67108864") ANNOTATION("memory", "64"), ALL, "both size the domain");
	refused(BASE HARDWARE("\"vcpus\":1") ANNOTATION("vcpus", "1"), ALL, "both size the domain");
	refused(BASE HARDWARE("\"deviceTree\":\"/a\""), NULL, "vm.hwConfig.deviceTree can't be done");
	refused(BASE HARDWARE("\"dtdevs\":[\"a\"]"), NULL, "vm.hwConfig.dtdevs can't be done");
	refused(BASE HARDWARE("\"iomems\":[{\"firstMFN\":1,\"nrMFNs\":1}]"), NULL, "vm.hwConfig.iomems can't be done");
	refused(BASE HARDWARE("\"irqs\":[11]"), NULL, "vm.hwConfig.irqs can't be done");
	refused(BASE ",\"vm\":{\"hypervisor\":{\"path\":\"/vmm\"}}", NULL, "vm.hypervisor can't be chosen");
	refused(BASE ",\"vm\":{\"image\":{\"path\":\"/i\",\"format\":\"raw\"}}", NULL, "vm.image can't be chosen");
	/* Its paths are the host's: the guest isn't told. */
	allowed(BASE ",\"vm\":{\"kernel\":{\"path\":\"/boot/k\"}}", "kernels = [ '/boot/k' ]\n", 0, 0);
	assert_null(strstr(plan.document, "/boot/k"));
}

#define KERNEL(members) BASE ",\"vm\":{\"kernel\":{\"path\":\"/boot/k\"" members "}}"

static void kernels(void **state)
{
	char config[4096], *at;

	(void)state;
	allowed(KERNEL(""), "kernels = [ '/boot/k' ]\n", 0, 0);
	assert_string_equal(plan.ask.kernel, "/boot/k");
	assert_null(plan.ask.initrd);
	assert_null(plan.ask.parameters);
	refused(KERNEL(""), "kernels = [ '/boot' ]\n", "doesn't have \"/boot/k\" in its kernels");
	refused(KERNEL(",\"initrd\":\"/etc/shadow\""), "kernels = [ '/boot/k' ]\n",
		"doesn't have \"/etc/shadow\" in its initrds");
	allowed(KERNEL(",\"initrd\":\"/boot/i\",\"parameters\":[\"foo=bar\",\"hello world\"]"),
		"kernels = [ '/boot/k' ]\ninitrds = [ '/boot/i' ]\n", 0, 0);
	assert_string_equal(plan.ask.initrd, "/boot/i");
	assert_string_equal(plan.ask.parameters, "foo=bar \"hello world\"");
	refused(KERNEL(",\"parameters\":[\"a\\nb\"]"), NULL, "can't stand on a kernel's command line");
	refused(KERNEL(",\"parameters\":[\"a\\\"b\"]"), NULL, "can't stand on a kernel's command line");
	refused(BASE ",\"vm\":{\"kernel\":{\"path\":\"\",\"initrd\":\"/boot/i\"}}", NULL, "vm.kernel names no path");
	refused(BASE ",\"vm\":{\"kernel\":{\"parameters\":[\"x\"]}}", NULL, "vm.kernel names no path");
	at = config +
	     snprintf(config, sizeof(config), BASE ",\"vm\":{\"kernel\":{\"path\":\"/boot/k\",\"parameters\":[\"");
	memset(at, 'x', 1025);
	strcpy(at + 1025, "\"]}}");
	refused(config, NULL, "vm.kernel.parameters has more than 1024 bytes");
}

/* Each asks for what a policy without the mistake would allow. */
static void a_policy_with_a_mistake_allows_nothing(void **state)
{
	static const char *const wrong[][2] = {
		{ ALL "max_memori = 4\n", ":2: the policy has no key \"max_memori\"" },
		{ ALL "\n\nmax_memory = 4; maxvcpus = 3\n", ":4: the policy has no key \"maxvcpus\"" },
		{ ALL "max_memory = [ 4 ]\n", "'max_memory' must be a number" },
		{ ALL "max_memory = 0\n", "'max_memory' must be a number" },
		{ ALL "max_vcpus = 129\n", "'max_vcpus' must be a number from 1 to 128" },
		{ ALL "max_vcpus = 'many'\n", "'max_vcpus' must be a number" },
		{ ALL "templates = 'small'\n", "'templates' must be a list" },
		{ ALL "templates = [ [ 'small' ] ]\n", "'templates' must hold strings only" },
		{ ALL "types = [ 'hvm' ]\n", "'types' has \"hvm\", which isn't known" },
		{ ALL "kernels = [ 'vmlinuz' ]\n", "'kernels' has \"vmlinuz\", which is no absolute path" },
		{ ALL "initrds = [ 'initrd' ]\n", "'initrds' has \"initrd\"" },
		{ "annotations = [ 'memory' ]\n", "'annotations' has \"memory\", which isn't known" },
		{ ALL "types = [ 'pvh'\n", ":2: config parsing error" },
		{ ALL "types = = [ 'pvh' ]\n", ":2: config parsing error" },
		{ ALL "Types = [ 'pvh' ]\n", "is no valid policy" },
		/* libxlutil lets this pass, at a file's end. */
		{ ALL "X", ":2: the policy has a character that means nothing there" },
	};

	(void)state;
	allowed(BASE ANNOTATION("memory", "64"), ALL, 64, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refused(BASE ANNOTATION("memory", "64"), wrong[i][0], wrong[i][1]);
		assert_non_null(strstr(err.text, file));
	}
	allowed(BASE ANNOTATION("memory", "64"),
		ALL "# max_memori = 1\ntemplates = [ 'a # b', \"c = 1\",\n'd;e=2' ]; max_memory = 0x40\n", 64, 0);
}

static void a_policy_that_cannot_be_read_allows_nothing(void **state)
{
	struct domlet_policy policy;

	(void)state;
	assert_int_equal(domlet_policy_read("/tmp", &policy, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/tmp can't be read"));
	assert_int_equal(domlet_policy_read("/dev/null/policy.cfg", &policy, &err), -ENOTDIR);
	assert_int_equal(read_policy(NULL, &policy), 0);
	assert_false(policy.found);
	domlet_policy_free(&policy);
}

/* The sample as it comes allows nothing; with each # before a key taken out it
 * is a policy. */
static void the_sample(void **state)
{
	struct domlet_policy policy;
	char *text = NULL, *at;
	size_t len;

	(void)state;
	assert_int_equal(domlet_file_read(sample, 1u << 16, &text, &len, &err), 0);
	allowed(BASE, text, 0, 0);
	refused(BASE ANNOTATION("memory", "16"), text, "is refused");
	for (at = text; (at = strstr(at, "\n#")); at++)
		if (at[2] >= 'a' && at[2] <= 'z')
			at[1] = ' ';
	assert_int_equal(read_policy(text, &policy), 0);
	assert_non_null(policy.annotations[3]);
	assert_true(policy.templates && policy.types && policy.kernels && policy.initrds);
	assert_true(policy.max_memory_kib && policy.max_vcpus);
	domlet_policy_free(&policy);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_counts_without_a_policy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_key_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ceilings_and_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_vm_section, set_up, tear_down),
		cmocka_unit_test_setup_teardown(kernels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_policy_with_a_mistake_allows_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_policy_that_cannot_be_read_allows_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_sample, set_up, tear_down),
	};

	if (argc != 2)
		return 2;
	sample = argv[1];
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
