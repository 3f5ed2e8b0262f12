// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: what a container is like from within, and what of
 * its configuration is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "requests.h"

/* What a configuration says about the container's view. */
static void test_container(void **state)
{
	char *document = document_with(
		"\"cwd\": \"/made/here\", \"env\": [\"PATH=/bin:/usr/bin\"], \"oomScoreAdj\": 55,"
		"\"user\": {\"uid\": 0, \"gid\": 0, \"umask\": 63, \"additionalGids\": [7, 8]},"
		"\"args\": [\"sh\", \"-c\", \"pwd; echo $HOME; hostname; cat /proc/sys/kernel/domainname /proc/sys/kernel/shmmni /proc/self/oom_score_adj;"
		" id -G; umask; cat /copy; (echo x >/copy) 2>/dev/null || echo readonly; stat -c %a /srv /sized /copy; stat -c '%a %t %T %u' /dev/mine;"
		" cat /proc/version | wc -c; ls /proc/irq 2>/dev/null | wc -l; touch /proc/sys/x 2>/dev/null || echo ro; ls -l /dev/fd /dev/ptmx | wc -l;"
		" stat -f -c %b:%S /sized; cat /hooked\"]",
		", {\"destination\": \"/copy\", \"type\": \"bind\", \"options\": [\"rbind\", \"rprivate\", \"ro\"]}"
		", {\"destination\": \"/srv\", \"type\": \"tmpfs\"}"
		", {\"destination\": \"/sized\", \"type\": \"tmpfs\", \"options\": [\"size=64k\", \"mode=1770\", \"noexec\"]}",
		", {\"via\": \"copy\", \"content\": \"Y29weQo=\", \"mode\": 420}, {\"via\": \"guest\"}, {\"via\": \"guest\"}",
		", \"hostname\": \"box\", \"domainname\": \"example\", \"hooks\": {\"startContainer\": [{\"path\": \"/bin/sh\","
		" \"args\": [\"sh\", \"-c\", \"cat >/hooked; echo $A >>/hooked\"], \"env\": [\"PATH=/bin:/usr/bin\", \"A=b\"]}]}",
		", \"maskedPaths\": [\"/proc/version\", \"/proc/irq\", \"/nosuch\"], \"readonlyPaths\": [\"/proc/sys\"],"
		" \"sysctl\": {\"kernel/shmmni\": \"77\"}, \"rootfsPropagation\": \"rslave\","
		" \"devices\": [{\"path\": \"/dev/mine\", \"type\": \"c\", \"major\": 1, \"minor\": 3, \"fileMode\": 384, \"uid\": 5},"
		" {\"path\": \"/dev/nosuch\", \"type\": \"b\", \"major\": 1234, \"minor\": 5}]");

	(void)state;
	expect_output(
		document,
		"/made/here\n/root\nbox\nexample\n77\n55\n0 7 8\n0077\ncopy\nreadonly\n755\n1770\n644\n600 1 3 5\n0\n0\nro\n2\n16:4096\n"
		"{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"status\":\"created\",\"pid\":1}b\n");
}

/* What the container's user can do with what is made for it. */
static void test_made_for_any_user(void **state)
{
	char *document = document_with(
		PROCESS
		", \"user\": {\"uid\": 5, \"gid\": 6}, \"args\": [\"sh\", \"-c\", \"echo x >/dev/null; echo x >/dev/mine; cat /secret;"
		" stat -c '%a %u %g' /secret /dev/null /dev/mine; uname -m; stat -c %n /run/*; touch /run/new 2>/dev/null || echo ro; ls /proc/self/fd\"]",
		", {\"destination\": \"/secret\", \"type\": \"bind\"}"
		", {\"destination\": \"/run\", \"type\": \"tmpfs\", \"options\": [\"ro\", \"mode=777\"]}"
		", {\"destination\": \"/run/below\", \"type\": \"tmpfs\"}",
		", {\"via\": \"copy\", \"content\": \"Y29weQo=\", \"mode\": 256, \"uid\": 5, \"gid\": 6}, {\"via\": \"guest\"}, {\"via\": \"guest\"}",
		"",
		", \"personality\": {\"domain\": \"LINUX32\"},"
		" \"devices\": [{\"path\": \"/dev/mine\", \"type\": \"c\", \"major\": 1, \"minor\": 3, \"fileMode\": 438}]");

	(void)state;
	expect_output(document, "copy\n400 5 6\n666 0 0\n666 0 0\ni686\n/run/below\nro\n0\n1\n2\n3\n");
}

/* JSON's later member counts. */
#define TIMED ", \"namespaces\": [{\"type\": \"time\"}, {\"type\": \"pid\"}, {\"type\": \"mount\"}]"

/* For the first process, and for those that join it. */
static void test_clocks_are_ahead(void **state)
{
	static const char look[] = "cut -d. -f1 /proc/uptime | grep -cx '1.......'; tr -s ' ' </proc/self/timens_offsets";
	char *args = text_of(PROCESS ", \"args\": [\"sh\", \"-c\", \"%s; sleep 1000\"]", look);
	char *exec_args = text_of("{" PROCESS ", \"args\": [\"sh\", \"-c\", \"%s\"]}", look);

	(void)state;
	if (access("/proc/self/timens_offsets", F_OK) < 0)
		skip();
	assert_int_equal(
		create_document(
			0, 1,
			document_with(
				args, "", "", "",
				TIMED
				", \"timeOffsets\": {"
				"\"monotonic\": {\"secs\": 86400}, \"boottime\": {\"secs\": 10000000, \"nanosecs\": 5}}")),
		0);
	assert_int_equal(start(0), 0);
	await_output(1, "1\nmonotonic 86400 0\nboottime 10000000 5\n");
	assert_int_equal(exec(0, 2, exec_args), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "1\nmonotonic 86400 0\nboottime 10000000 5\n");
	free(args);
	free(exec_args);
}

static void test_clock_before_its_begin(void **state)
{
	(void)state;
	if (access("/proc/self/timens_offsets", F_OK) < 0)
		skip();
	assert_int_equal(
		create_document(0, 1,
				document_with(PROCESS ", \"args\": [\"true\"]", "", "", "",
					      TIMED ", \"timeOffsets\": {\"boottime\": {\"secs\": -10000000000}}")),
		ERANGE);
	assert_string_equal(
		last_text(),
		"linux.timeOffsets: the guest's clock boottime, which began with its boot, can't be moved by -10000000000 s");
	monitor_close_streams(&m, 1);
}

/* Descriptors of process 1's would be a way out by /proc/self/fd. */
static void test_cwd_stays_inside(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (int fd = 3; fd < 40; fd++) {
		char *json = text_of(
			"{\"cwd\": \"/proc/self/fd/%d\", \"env\": [\"PATH=/bin:/usr/bin\"], \"args\": [\"true\"]}", fd);

		assert_int_not_equal(exec(0, 2, json), 0);
		assert_int_equal(strncmp(last_text(), "chdir to cwd", strlen("chdir to cwd")), 0);
		free(json);
	}
}

#define CAN_MAP_ROOT \
	", \"capabilities\": {\"bounding\": [\"CAP_SETFCAP\"], \"effective\": [\"CAP_SETFCAP\"], \"permitted\": [\"CAP_SETFCAP\"]}"

/* Where /proc is masked, nobody gets a fresh one, as the guest's own is out of sight. */
static void test_masks_hold_in_a_user_namespace(void **state)
{
	static const struct {
		const char *masks;
		int code;
	} cases[] = {
		{ "", 0 },
		{ ", \"maskedPaths\": [\"/proc/version\"], \"readonlyPaths\": [\"/proc/sys\"]", 1 },
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *document = document_with(PROCESS CAN_MAP_ROOT ", \"args\": [\"sh\", \"-c\", \"unshare -Urmpf sh -c"
								    " 'mount -t proc proc /proc' || exit 1\"]",
					       "", "", "", cases[i].masks);

		assert_int_equal(create_document(i, i + 1, document), 0);
		assert_int_equal(start(i), 0);
		assert_int_equal(monitor_wait(&m, i + 1), cases[i].code);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *mounts, *plans, *oci, *linux_, *text;
	} cases[] = {
		{ "", "", "", ", \"sysctl\": {\"kernel.nosuch\": \"1\"}",
		  "sysctl kernel.nosuch is not known to the guest's kernel" },
		{ "", "", "", ", \"sysctl\": {\"net/ipv4/conf/no.such/rp_filter\": \"1\"}",
		  "sysctl net/ipv4/conf/no.such/rp_filter is not known to the guest's kernel" },
		{ "", "", "", ", \"sysctl\": {\"net.//.kernel.shmmni\": \"1\"}",
		  "sysctl net.//.kernel.shmmni has a name that is none" },
		{ ", {\"destination\": \"/x\", \"type\": \"tmpfs\", \"options\": [\"nosuch=1\"]}",
		  ", {\"via\": \"guest\"}", "", "", "can't mount tmpfs on /x: EINVAL" },
		{ ", {\"destination\": \"/x\", \"type\": \"xfs\"}", ", {\"via\": \"guest\"}", "", "",
		  "mount of /x: the guest has no file system xfs" },
		{ ", {\"destination\": \"/x\", \"type\": \"bind\", \"options\": [\"bind\", \"rro\", \"nosuch\"]}",
		  ", {\"via\": \"copy\", \"content\": \"\"}", "", "", "mount of /x: no bind has the options \"nosuch\"" },
		/* docker makes 127 and a question of these. */
		{ ", {\"destination\": \"/etc\", \"type\": \"bind\"}", ", {\"via\": \"copy\", \"content\": \"\"}", "",
		  "", "can't mount the copied file on /etc: not a directory" },
		{ ", {\"destination\": \"/etc/passwd/x\", \"type\": \"bind\"}",
		  ", {\"via\": \"copy\", \"content\": \"\"}", "", "",
		  "can't create /etc/passwd/x in the container: not a directory" },
		{ ", {\"destination\": \"/etc/passwd\", \"type\": \"tmpfs\"}", ", {\"via\": \"guest\"}", "", "",
		  "can't mount tmpfs on /etc/passwd: not a directory" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_not_equal(create_document(0, 1,
						     document_with(PROCESS ", \"args\": [\"true\"]", cases[i].mounts,
								   cases[i].plans, cases[i].oci, cases[i].linux_)),
				     0);
		assert_string_equal(last_text(), cases[i].text);
		monitor_close_streams(&m, 1);
	}
}

/* The same errno that is not the container's fault has no words that engines look for. */
static void test_root_that_is_none(void **state)
{
	char *document = text_of(
		"{\"oci\": {\"process\": {" PROCESS
		", \"args\": [\"true\"]}, \"linux\": {\"namespaces\": [{\"type\": \"pid\"}]}},"
		" \"plan\": {\"root\": {\"via\": \"directory\", \"device\": \"/etc/passwd\", \"overlay\": true}, \"mounts\": []}}");

	(void)state;
	assert_int_equal(create_document(0, 1, document), ENOTDIR);
	assert_string_equal(last_text(), "can't use directory /etc/passwd as root: ENOTDIR");
	monitor_close_streams(&m, 1);
}

static void test_hook_that_fails(void **state)
{
	static const struct {
		const char *hook, *text;
	} cases[] = {
		{ "\"args\": [\"sh\", \"-c\", \"echo why >&2; exit 3\"]",
		  "error running hook #0: /bin/sh: exit status 3: why\n" },
		{ "\"args\": [\"sh\", \"-c\", \"while :; do :; done\"], \"timeout\": 1",
		  "error running hook #0: /bin/sh did not end within 1 s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *hooks = text_of(", \"hooks\": {\"startContainer\": [{\"path\": \"/bin/sh\", %s}]}", cases[i].hook);

		assert_int_equal(
			create_document(0, 1, document_with(PROCESS ", \"args\": [\"true\"]", "", "", hooks, "")), 0);
		assert_int_not_equal(start(0), 0);
		assert_string_equal(last_text(), cases[i].text);
		assert_int_equal(monitor_wait(&m, 1), 127);
		assert_int_equal(delete_container(0), 0);
		free(hooks);
	}
}

/* As runc's: where the command starts, with its variables unless it has some of its own. */
static void test_hook_surroundings(void **state)
{
	char *document = document_with(
		"\"cwd\": \"/tmp\", \"env\": [\"PATH=/bin:/usr/bin\", \"A=of the command\"], \"args\": [\"cat\", \"first\", \"second\"]",
		"", "",
		", \"hooks\": {\"startContainer\": ["
		"{\"path\": \"/bin/sh\", \"args\": [\"sh\", \"-c\", \"pwd >first; echo $A, $HOME >>first\"], \"env\": []},"
		"{\"path\": \"/bin/sh\", \"args\": [\"sh\", \"-c\", \"pwd >second; echo $A, $HOME >>second\"], \"env\": [\"A=its own\"]}]}",
		"");

	(void)state;
	expect_output(document, "/tmp\nof the command, /root\n/tmp\nits own,\n");
}

/* What is /dev/null or closed in dom0 is so here; the former is the container's own. */
static void test_kinds_of_streams(void **state)
{
	char *document = document_with(
		PROCESS
		", \"dev.domlet.stdio\": [\"null\", \"closed\", \"pipe\"], \"user\": {\"uid\": 5, \"gid\": 6}, \"args\": [\"sh\", \"-c\","
		" \"stat -L -c '%F %t:%T %u' /proc/self/fd/0 >&2; readlink /proc/self/fd/0 >&2; cat >&2; [ -e /proc/self/fd/1 ] || echo closed >&2;"
		" [ $(stat -L -c %d:%i /dev/null) = $(stat -L -c %d:%i /proc/self/fd/0 2>/dev/null) ] && echo own >&2\"]",
		"", "", "", "");

	(void)state;
	assert_int_equal(create_document(0, 1, document), 0);
	assert_int_equal(start(0), 0);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_output(1, DOMLET_STREAM_STDOUT, "");
	assert_output(1, DOMLET_STREAM_STDERR, "character special file 1:3 0\n/dev/null\nclosed\nown\n");
	assert_int_equal(delete_container(0), 0);

	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(
		exec(0, 2,
		     "{" PROCESS ", \"dev.domlet.stdio\": [\"closed\", \"null\", \"null\"], \"args\": [\"sh\", \"-c\","
		     " \"[ ! -e /proc/self/fd/0 ] && [ -c /proc/self/fd/1 ] && [ -c /proc/self/fd/2 ] && exit 4\"]}"),
		0);
	assert_int_equal(monitor_wait(&m, 2), 4);
	assert_int_equal(exec(0, 2, "{" PROCESS ", \"dev.domlet.stdio\": [\"tape\"], \"args\": [\"true\"]}"), EINVAL);
	/* An image's /dev/null may be anything. */
	assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"rm /dev/null && echo text >/dev/null\"]"), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_int_equal(
		exec(0, 2,
		     "{" PROCESS
		     ", \"dev.domlet.stdio\": [\"null\"], \"args\": [\"sh\", \"-c\", \"[ -c /proc/self/fd/0 ] && cat\"]}"),
		0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_container),
		WITH_AGENT(test_made_for_any_user),
		WITH_AGENT(test_cwd_stays_inside),
		WITH_AGENT(test_clocks_are_ahead),
		WITH_AGENT(test_clock_before_its_begin),
		WITH_AGENT(test_masks_hold_in_a_user_namespace),
		WITH_AGENT(test_refusals),
		WITH_AGENT(test_root_that_is_none),
		WITH_AGENT(test_hook_that_fails),
		WITH_AGENT(test_hook_surroundings),
		WITH_AGENT(test_kinds_of_streams),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
