// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: containers whose root file system has links where
 * the configuration has something to be made, as images do, and what is made
 * there. Their root is a small tree of the test's, with busybox in it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "requests.h"

#define SH(script) "\"args\": [\"/bin/busybox\", \"sh\", \"-c\", \"" script "\"]"
#define ENV "\"env\": [\"PATH=/bin\"]"
#define COPY(text) ", {\"via\": \"copy\", \"content\": \"" text "\", \"mode\": 420}"
#define GUEST ", {\"via\": \"guest\"}"
#define BIND(destination) \
	", {\"destination\": \"" destination "\", \"type\": \"bind\", \"options\": [\"rbind\", \"ro\"]}"

static char root[64];

/* busybox finds the rest of its names by itself. */
static int make_root(void **state)
{
	char *command;
	int r;

	strcpy(root, "/tmp/domlet-rootfs-XXXXXX");
	if (!mkdtemp(root) || chmod(root, 0755) < 0)
		return -1;
	command = text_of(
		"cd %s && mkdir -p bin dev proc etc run var real/dir real/frozen self && chmod 710 self && cp \"$(command -v busybox)\" bin/busybox &&"
		" for a in cat stat ls wc pwd grep cut touch test; do ln -s busybox bin/$a; done &&"
		" echo old >real/old && echo secret >real/secret && echo x >real/dir/x &&"
		" ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf && ln -s /elsewhere/hosts etc/hosts &&"
		" ln -s chain2 etc/chain && ln -s ../../../../../out/file etc/chain2 && ln -s ../real/old etc/old &&"
		" ln -s /run var/run && ln -s missing/../srv/data data && ln -s /not/here work && ln -s /dev/sub nodes &&"
		" ln -s /real/secret secret && ln -s real/dir hidden && ln -s real/frozen frozen &&"
		" ln -s /self self/in && touch dev/ptmx && ln -s / top && ln -s loop loop && ln -s /proc/self/cwd magic && ln -s real/old file && ln -s real sys",
		root);
	r = system(command);
	free(command);
	return r == 0 ? open_agent(state) : -1;
}

static int remove_root(void **state)
{
	char *command = text_of("rm -rf %s", root);
	int r = close_agent(state), removed = system(command);

	free(command);
	return r ? r : removed;
}

#define WITH_ROOT(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

static char *document(const char *process, const char *mounts, const char *plans, const char *linux_more)
{
	return document_in(root, process, mounts, plans, "", linux_more);
}

static void test_links_lead_where_they_lead_the_container(void **state)
{
	(void)state;
	expect_output(
		document(
			"\"cwd\": \"/work/deep\", " ENV
			", " SH("pwd; cat /etc/resolv.conf /run/systemd/resolve/stub-resolv.conf /elsewhere/hosts /out/file /real/old;"
				" stat -c %N /etc/resolv.conf /work; stat -c '%n %a' /srv/data /run/lock /self; ls /self;"
				" stat -c '%n %a %t:%T' /dev/sub/mine; grep -c . /missing/none 2>&1 | cut -c 7-;"
				" wc -c </real/secret; ls /real/dir; touch /real/frozen/y 2>/dev/null || echo frozen; touch /real/y && echo writable;"
				" touch /etc/hosts 2>/dev/null || echo ro"),
			BIND("/etc/resolv.conf") BIND("/etc/hosts") BIND("/etc/chain") BIND(
				"/etc/old") ", {\"destination\": \"/data\", \"type\": \"tmpfs\", \"options\": [\"mode=1770\"]}"
					    ", {\"destination\": \"/var/run/lock\", \"type\": \"tmpfs\"}"
					    /* Hides the link that has led to it. */
					    ", {\"destination\": \"/self/in\", \"type\": \"tmpfs\", \"options\": [\"private\"]}",
			COPY("cmVzb2x2Cg==") COPY("aG9zdHMK") COPY("Y2hhaW4K") COPY("bmV3Cg==") GUEST GUEST GUEST,
			", \"devices\": [{\"path\": \"/nodes/mine\", \"type\": \"c\", \"major\": 1, \"minor\": 5, \"fileMode\": 384}],"
			" \"maskedPaths\": [\"/secret\", \"/hidden\", \"/none\"], \"readonlyPaths\": [\"/frozen\", \"/none\"]"),
		"/not/here/deep\nresolv\nresolv\nhosts\nchain\nnew\n"
		"'/etc/resolv.conf' -> '../run/systemd/resolve/stub-resolv.conf'\n'/work' -> '/not/here'\n"
		"/srv/data 1770\n/run/lock 1777\n/self 710\n/dev/sub/mine 600 1:5\n/missing/none: No such file or directory\n"
		"0\nfrozen\nwritable\nro\n");
	/* Where the links would have led from outside. */
	for (size_t i = 0; i < 4; i++) {
		static const char *const outside[] = { "/elsewhere/hosts", "/out/file", "/not/here", "/dev/sub" };

		assert_int_equal(access(outside[i], F_OK), -1);
	}
}

/* It becomes so last, when nothing of the link is to be seen any more. */
static void test_read_only_over_its_own_link(void **state)
{
	(void)state;
	expect_output(document("\"cwd\": \"/\", " ENV ", " SH("ls -A /self; touch /self/x 2>/dev/null || echo ro"),
			       ", {\"destination\": \"/self/in\", \"type\": \"tmpfs\", \"options\": [\"ro\"]}", GUEST,
			       ""),
		      "ro\n");
}

static void test_sources_are_the_configuration_s(void **state)
{
	(void)state;
	expect_output(
		document("\"cwd\": \"/\", " ENV
			 ", " SH("grep -E ' /(data|srv/data|run|plain|proc|dev) ' /proc/mounts | cut -d ' ' -f 1-3"),
			 ", {\"destination\": \"/data\", \"type\": \"tmpfs\", \"source\": \"shm\"}"
			 ", {\"destination\": \"/run\", \"type\": \"tmpfs\", \"source\": \"my run\", \"options\": [\"ro\"]}"
			 ", {\"destination\": \"/plain\", \"type\": \"tmpfs\"}",
			 GUEST GUEST GUEST, ""),
		"proc /proc proc\ntmpfs /dev tmpfs\nshm /srv/data tmpfs\nmy\\040run /run tmpfs\ntmpfs /plain tmpfs\n");
}

static void test_what_links_may_not_do(void **state)
{
	static const struct {
		const char *mount, *plan, *linux_, *text;
	} cases[] = {
		{ ", {\"destination\": \"/sys\", \"type\": \"sysfs\"}", GUEST, "",
		  "mount of /sys: sysfs must be mounted on a directory, and there is a link" },
		{ ", {\"destination\": \"/top\", \"type\": \"tmpfs\"}", GUEST, "",
		  "mount of /top: it leads to the root itself, on which nothing can be mounted" },
		{ ", {\"destination\": \"/..\", \"type\": \"tmpfs\"}", GUEST, "",
		  "mount of /..: it leads to the root itself, on which nothing can be mounted" },
		{ ", {\"destination\": \"/loop/x\", \"type\": \"tmpfs\"}", GUEST, "",
		  "can't create /loop/x in the container: ELOOP" },
		{ BIND("/magic/x"), COPY(""), "", "can't create /magic/x in the container: ELOOP" },
		{ ", {\"destination\": \"/proc/self/root/x\", \"type\": \"tmpfs\"}", GUEST, "",
		  "can't create /proc/self/root/x in the container: ELOOP" },
		{ BIND("/hidden"), COPY(""), "", "can't mount the copied file on /hidden: not a directory" },
		{ ", {\"destination\": \"/file\", \"type\": \"tmpfs\"}", GUEST, "",
		  "can't mount tmpfs on /file: not a directory" },
		{ BIND("/file/x"), COPY(""), "", "can't create /file/x in the container: not a directory" },
		{ "", "", ", \"devices\": [{\"path\": \"/magic/x\", \"type\": \"c\", \"major\": 1, \"minor\": 3}]",
		  "can't create /magic/x in the container: ELOOP" },
		{ "", "", ", \"maskedPaths\": [\"/loop\"]", "can't mask /loop: ELOOP" },
		{ "", "", ", \"readonlyPaths\": [\"/loop\"]", "can't make /loop read-only: ELOOP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_not_equal(create_document(0, 1,
						     document("\"cwd\": \"/\", " ENV ", " SH("true"), cases[i].mount,
							      cases[i].plan, cases[i].linux_)),
				     0);
		assert_string_equal(last_text(), cases[i].text);
		monitor_close_streams(&m, 1);
	}
}

/* Of two with one path the first counts, and the configuration's before the standard ones. */
static void test_devices_are_as_configured(void **state)
{
	(void)state;
	expect_output(
		document("\"cwd\": \"/\", " ENV
			 ", " SH("cd /dev; stat -c '%n %a %u:%g %t:%T' null zero full mine twice tty; stat -c %N ptmx; test -e /gone || echo gone"),
			 "", "",
			 ", \"devices\": [{\"path\": \"/dev/null\", \"type\": \"c\", \"major\": 1, \"minor\": 3, \"fileMode\": 416, \"uid\": 5, \"gid\": 6},"
			 " {\"path\": \"/dev/../dev/zero\", \"type\": \"u\", \"major\": 1, \"minor\": 5, \"uid\": 7},"
			 " {\"path\": \"/dev/ptmx\", \"type\": \"c\", \"major\": 5, \"minor\": 2, \"fileMode\": 384},"
			 " {\"path\": \"/dev/tty\", \"type\": \"c\", \"major\": 1234, \"minor\": 5, \"fileMode\": 384},"
			 " {\"path\": \"/dev/mine\", \"type\": \"p\", \"fileMode\": 511, \"gid\": 8},"
			 " {\"path\": \"/dev/twice\", \"type\": \"c\", \"major\": 1, \"minor\": 7, \"fileMode\": 384},"
			 " {\"path\": \"/dev/twice\", \"type\": \"c\", \"major\": 1, \"minor\": 3},"
			 " {\"path\": \"/gone\", \"type\": \"b\", \"major\": 1234, \"minor\": 5}]"),
		"null 640 5:6 1:3\nzero 666 7:0 1:5\nfull 666 0:0 1:7\nmine 777 0:8 0:0\ntwice 600 0:0 1:7\ntty 666 0:0 5:0\n"
		"'ptmx' -> 'pts/ptmx'\ngone\n");
}

/* Without a /dev of the container's own, too. */
static void test_ptmx_is_that_of_dev_pts(void **state)
{
	char *text = text_of(
		"{\"oci\": {\"process\": {\"cwd\": \"/\", " ENV
		", " SH("stat -c %%N /dev/ptmx; test -c /dev/pts/ptmx && echo there") "},"
										      " \"mounts\": [{\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"options\": [\"newinstance\", \"ptmxmode=0666\"]}],"
										      " \"linux\": {\"namespaces\": [{\"type\": \"pid\"}]}}, \"plan\": {\"mounts\": [{\"via\": \"guest\"}],"
										      " \"root\": {\"via\": \"directory\", \"device\": \"%s\", \"overlay\": true}}}",
		root);

	(void)state;
	expect_output(text, "'/dev/ptmx' -> 'pts/ptmx'\nthere\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(test_links_lead_where_they_lead_the_container),
		WITH_ROOT(test_read_only_over_its_own_link),
		WITH_ROOT(test_sources_are_the_configuration_s),
		WITH_ROOT(test_what_links_may_not_do),
		WITH_ROOT(test_devices_are_as_configured),
		WITH_ROOT(test_ptmx_is_that_of_dev_pts),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
