// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: containers whose root is a disk that comes while others run, or never, and that is to be
 * detached when the container was deleted. The disk is a loop device, with an erofs of busybox alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/sha256.h"
#include "guest.h"
#include "requests.h"

static char place[64], node[64], device[64];
static int loop = -1;

static int make_image(void)
{
	char *command = text_of(
		"cd %s && mkdir -p r/bin r/proc r/dev r/tmp && cp \"$(command -v busybox)\" r/bin/busybox &&"
		" for a in sh cat sleep echo; do ln -s busybox r/bin/$a; done && mkfs.erofs image r >/dev/null 2>&1",
		place);
	int r = system(command);

	free(command);
	return r;
}

/* False: this machine has no such device, or no such file system. */
static bool attach(void)
{
	char *image = text_of("%s/image", place);
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC),
	    number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE), file = open(image, O_RDONLY | O_CLOEXEC);

	(void)snprintf(device, sizeof device, "/dev/loop%d", number);
	loop = number < 0 ? -1 : open(device, O_RDONLY | O_CLOEXEC);
	if (loop >= 0 && ioctl(loop, LOOP_SET_FD, file) < 0) {
		close(loop);
		loop = -1;
	}
	if (control >= 0)
		close(control);
	if (file >= 0)
		close(file);
	free(image);
	return loop >= 0;
}

static int set_up(void **state)
{
	(void)snprintf(place, sizeof place, "/tmp/domlet-disk-XXXXXX");
	(void)snprintf(node, sizeof node, "/dev/domlet-disk-%d", (int)getpid());
	return mkdtemp(place) ? open_agent(state) : -1;
}

static int tear_down(void **state)
{
	char *command = text_of("rm -rf %s %s", place, node);
	int r = close_agent(state), removed = system(command);

	free(command);
	if (loop >= 0) {
		(void)ioctl(loop, LOOP_CLR_FD);
		close(loop);
	}
	loop = -1;
	return r ? r : removed;
}

static bool has_disks(void)
{
	return make_image() == 0 && attach();
}

/* What the kernel does when a disk has come. */
static void disk_comes(void)
{
	struct stat st;

	assert_int_equal(fstat(loop, &st), 0);
	assert_int_equal(mknod(node, S_IFBLK | 0600, st.st_rdev), 0);
}

static char *document_on_disk(void)
{
	return text_of(
		"{\"oci\": {\"process\": {\"cwd\": \"/\", \"env\": [\"PATH=/bin\"], \"args\": [\"sh\", \"-c\","
		" \"echo here >/tmp/x; cat /tmp/x; exec sleep 1000\"]}, \"mounts\": ["
		"{\"destination\": \"/proc\", \"type\": \"proc\"}],"
		" \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"mount\"}]}},"
		" \"plan\": {\"root\": {\"via\": \"vbd\", \"device\": \"%s\", \"type\": \"erofs\", \"overlay\": true},"
		" \"mounts\": [{\"via\": \"guest\"}]}}",
		node);
}

/* Its document is sent, and no more. */
static uint32_t send_create_on_disk(uint32_t container, uint32_t process)
{
	char *document = document_on_disk();
	uint8_t sha256[DOMLET_SHA256_LEN];
	uint32_t request;

	domlet_sha256(document, strlen(document), sha256);
	request = send_create(container, process, document, strlen(document), sha256);
	free(document);
	return request;
}

static void serves_the_other(uint32_t process)
{
	assert_int_equal(exec_args(0, process, "[\"true\"]"), 0);
	assert_int_equal(monitor_wait(&m, process), 0);
}

static bool is_in_use(void)
{
	int fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	else
		assert_int_equal(errno, EBUSY);
	return fd < 0;
}

static void a_disk_comes_and_goes(void **state)
{
	uint32_t request;

	(void)state;
	if (!has_disks())
		skip();
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (int round = 0; round < 20; round++) {
		request = send_create_on_disk(1, 2);
		serves_the_other(3);
		assert_false(m.replies[request].answered);
		disk_comes();
		assert_int_equal(monitor_reply(&m, request), 0);
		assert_int_equal(start(1), 0);
		await_output(2, "here\n");
		assert_int_equal(exec_args(1, 3, "[\"cat\", \"/tmp/x\"]"), 0);
		assert_int_equal(monitor_wait(&m, 3), 0);
		assert_output(3, DOMLET_STREAM_STDOUT, "here\n");
		assert_true(is_in_use());
		assert_int_equal(send_signal(1, 2, SIGKILL, false), 0);
		assert_int_equal(monitor_wait(&m, 2), 137);
		assert_int_equal(delete_container(1), 0);
		assert_false(is_in_use());
		assert_int_equal(unlink(node), 0);
	}
}

/* Nobody else waits for it meanwhile, and who would wait no more ends it. */
static void a_disk_never_comes(void **state)
{
	char *text;
	uint32_t request;

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	request = send_create_on_disk(1, 2);
	for (int i = 0; i < 5; i++)
		serves_the_other(3);
	assert_int_equal(send_signal(1, 2, SIGKILL, false), 0);
	assert_int_equal(monitor_reply(&m, request), ECHILD);
	monitor_close_streams(&m, 2);
	request = send_create_on_disk(1, 2);
	serves_the_other(3);
	assert_false(m.replies[request].answered);
	assert_int_equal(monitor_reply(&m, request), ENODEV);
	text = text_of("the root disk %s did not appear within 10 s", node);
	assert_string_equal(m.replies[request].text, text);
	monitor_close_streams(&m, 2);
	free(text);
	serves_the_other(3);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_disk_comes_and_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_disk_never_comes, set_up, tear_down),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
