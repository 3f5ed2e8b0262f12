/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Further containers of a domain: how they get a number, come by a packet and go,
 * while c1 runs there; and what brings nobody.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/monitor/monitor.h"
#include "../fakes/net_fake.h"
#include "monitor_run.h"

static void ask(int fd, const char *text, char *answer, size_t len)
{
	send_packet(fd, text, NULL, 0);
	receive(fd, answer, len);
}

static void expect(const char *answer, int code, const char *text)
{
	char wanted[40];

	(void)snprintf(wanted, sizeof wanted, "{ \"code\": %d, ", code);
	if (strncmp(answer, wanted, strlen(wanted)) != 0 || !strstr(answer, text))
		fail_msg("%s, not %d, %s", answer, code, text);
}

/* False: refused, as ANSWER says. */
static bool join(int fd, unsigned int *number, unsigned int *generation, char *answer, size_t len)
{
	ask(fd, "{\"verb\":\"join\"}", answer, len);
	return sscanf(answer, "{\"code\":0,\"number\":%u,\"generation\":%u}", number, generation) == 2;
}

/* As a command records it that has this place. */
static void record(const char *id, unsigned int number, unsigned int generation)
{
	struct domlet_error err;
	struct domlet_state st;

	if (domlet_state_create(root, id, &st, &err) < 0)
		fail_msg("%s", err.text);
	(void)strcpy(st.uuid, UUID);
	st.image = strdup("/proc/self/exe"); /* some file */
	st.number = number;
	st.generation = generation;
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
}

static void forget(const char *id)
{
	struct domlet_error err;
	struct domlet_state st;

	assert_int_equal(domlet_state_load(root, id, &st, &err), 0);
	assert_int_equal(st.monitor.pid == 0 || st.monitor.pid == getpid(), true); /* it is no living one's */
	assert_int_equal(domlet_state_remove(&st, &err), 0);
	domlet_state_free(&st);
}

/* Sends TEXT with COUNT descriptors, and gets the answer; the monitor keeps none of them. */
static void bring_nobody(int fd, const char *text, size_t count, int code, const char *why)
{
	char answer[1200], c;
	int ends[2], fds[DOMLET_MONITOR_FDS_MAX + 1];

	assert_int_equal(pipe(ends), 0);
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		fds[i] = ends[1];
	send_packet(fd, text, fds, count);
	close(ends[1]);
	receive(fd, answer, sizeof answer);
	expect(answer, code, why);
	assert_int_equal(read(ends[0], &c, 1), 0);
	close(ends[0]);
}

#define CREATE "{\"verb\":\"create\",\"version\":"

static void what_is_no_container_is_refused(void **state)
{
	static char packet[DOMLET_MONITOR_PACKET_MAX + 100];
	unsigned int number = 0, generation = 0;
	char answer[1200];
	struct run r;
	int fd;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	fd = connect_to_monitor();
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\"}", 7, EINVAL, "needs a number first");
	assert_true(join(fd, &number, &generation, answer, sizeof answer));
	assert_int_equal(number, 1);
	assert_int_equal(generation, 2);
	assert_false(join(fd, &number, &generation, answer, sizeof answer));
	expect(answer, EINVAL, "has given this command a place already");
	bring_nobody(fd, CREATE "2,\"root\":\"/r\",\"id\":\"c2\"}", 7, EPROTO, "in version 4 alone");
	bring_nobody(fd, "{\"verb\":\"create\",\"root\":\"/r\",\"id\":\"c2\"}", 7, EPROTO, "in version 4 alone");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\"}", 6, EINVAL, "needs seven descriptors");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\"}", 8, EINVAL, "each of its sockets");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\",\"sockets\":1}", 7, EINVAL, "each of its sockets");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\",\"sockets\":1}", 8, EINVAL, "that of a socket");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\",\"sockets\":17}", 7, EINVAL, "each of its sockets");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\",\"sockets\":\"x\"}", 7, EINVAL, "each of its sockets");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\"}", DOMLET_MONITOR_FDS_MAX + 1, E2BIG,
		     "too many descriptors");
	bring_nobody(fd, CREATE "4,\"id\":\"c2\"}", 7, EINVAL, "needs a root and an id");
	bring_nobody(fd, CREATE "4,\"root\":7,\"id\":\"c2\"}", 7, EINVAL, "needs a root and an id");
	bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\"", 7, EINVAL, "no request that a monitor knows");
	memset(packet, ' ', sizeof packet - 1);
	memcpy(packet, CREATE "4}", strlen(CREATE "4}"));
	bring_nobody(fd, packet, 7, E2BIG, "too long");
	packet[DOMLET_MONITOR_PACKET_MAX] = '\0'; /* as long as there may be */
	bring_nobody(fd, packet, 7, EINVAL, "needs a root and an id");
	close(fd);
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* Its record is not that of a container that was given this place, which is lost by that. */
/* Ten thousand packets with seven descriptors each: all are answered, and none of the descriptors stays. */
static void a_flood_of_packets_leaves_nothing(void **state)
{
	struct run r;
	int fd;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	fd = connect_to_monitor();
	for (unsigned int i = 0; i < 10000; i++)
		bring_nobody(fd, i % 2 ? "{}" : CREATE "4,\"root\":\"/r\",\"id\":\"c2\"}", 7, EINVAL,
			     i % 2 ? "no request that a monitor knows" : "needs a number first");
	close(fd);
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

static void a_container_of_another_place_is_refused(void **state)
{
	unsigned int number = 0, generation = 0;
	char answer[1200];
	struct run r;
	int fd, pair[2];

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (int which = 0; which < 3; which++) { /* another number, another generation; no record */
		fd = connect_to_monitor();
		assert_true(join(fd, &number, &generation, answer, sizeof answer));
		assert_int_equal(number, 1); /* free again */
		if (which < 2)
			record("c2", number + (which == 0), generation + (which == 1));
		bring(fd, "c2", (const int[3]){ -1, STDOUT_FILENO, -1 }, pair[1]);
		receive(fd, answer, sizeof answer);
		expect(answer, which < 2 ? EINVAL : ENOENT,
		       which < 2 ? "names another place than number 1 of domain domlet-c1" : "container does not exist");
		if (which < 2)
			forget("c2");
		bring_nobody(fd, CREATE "4,\"root\":\"/r\",\"id\":\"c2\"}", 7, EINVAL, "needs a number first");
		close(fd);
	}
	close(pair[0]);
	close(pair[1]);
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* Of 16 containers the first is c1; a place that is given up is given again. */
static void there_are_sixteen_places(void **state)
{
	unsigned int number = 0, generation = 0;
	int fds[DOMLET_CONTAINER_MAX];
	char answer[1200];
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	for (unsigned int i = 1; i < DOMLET_CONTAINER_MAX; i++) {
		fds[i] = connect_to_monitor();
		assert_true(join(fds[i], &number, &generation, answer, sizeof answer));
		assert_int_equal(number, i);
		assert_int_equal(generation, i + 1);
	}
	fds[0] = connect_to_monitor();
	assert_false(join(fds[0], &number, &generation, answer, sizeof answer));
	expect(answer, EAGAIN, "the domain domlet-c1 has 16 containers");
	close(fds[5]);
	for (int i = 0; i < 100 && !join(fds[0], &number, &generation, answer, sizeof answer); i++)
		uv_sleep(10);
	assert_int_equal(number, 5);
	assert_int_equal(generation, DOMLET_CONTAINER_MAX + 1);
	for (unsigned int i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (i != 5)
			close(fds[i]);
	end_sleeper(&r);
}

/* Who asks about nobody, or about one that had the number before, is told so; c1 hears nothing of it. */
static void nobody_is_asked_about_another(void **state)
{
	static const struct {
		unsigned int number, generation;
	} others[] = { { 0, 2 }, { 0, 0 }, { 1, 1 }, { 15, 1 }, { 16, 1 }, { UINT32_MAX, 1 } };
	char answer[1200];
	struct run r;
	int fd;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	fd = connect_to_monitor();
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		be_about(fd, others[i].number, others[i].generation);
		send_signal(fd, SIGTERM);
		receive(fd, answer, sizeof answer);
		expect(answer, ESRCH, "container not running");
		send_packet(fd, "{\"verb\":\"destroy\"}", NULL, 0);
		ask(fd, "{\"verb\":\"start\"}", answer, sizeof answer);
		expect(answer, ESRCH, "container not running");
	}
	send_packet(fd, "{\"verb\":\"about\"}", NULL, 0);
	send_packet(fd, "{\"verb\":\"about\",\"number\":\"0\",\"generation\":1}", NULL, 0);
	ask(fd, "{\"verb\":\"pause\"}", answer, sizeof answer);
	expect(answer, ESRCH, "container not running");
	be_about(fd, 0, 1);
	ask(fd, "{\"verb\":\"start\"}", answer, sizeof answer);
	assert_non_null(strstr(answer, "already running"));
	close(fd);
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* Reads the record of ID once it is nobody's any more. */
static void load_when_let_go(const char *id, struct domlet_state *st)
{
	struct domlet_error err;

	for (int k = 0; k < 200; k++) {
		assert_int_equal(domlet_state_load(root, id, st, &err), 0);
		if (st->monitor.pid == 0)
			break;
		domlet_state_free(st);
		uv_sleep(10);
	}
	assert_int_equal(st->monitor.pid, 0);
}

static void load_domain(struct domlet_domain_record *d)
{
	struct domlet_error err;

	if (domlet_domain_record_load(domains, UUID, d, &err) < 0)
		fail_msg("%s", err.text);
}

static void the_domains_record_names_who_is_in_it(void **state)
{
	struct domlet_domain_record d;
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	load_domain(&d);
	assert_int_equal(d.domid, 7);
	assert_int_equal(d.monitor.pid, r.pid);
	assert_string_equal(d.members[0].id, "c1");
	assert_null(d.members[1].id);
	domlet_domain_record_free(&d);
	end_sleeper(&r); /* which sees that it is removed */
}

/* One that is destroyed while c1 runs on; its record is nobody's then. */
static void a_container_comes_and_goes(void **state)
{
	unsigned int number = 0, generation = 0;
	struct domlet_domain_record d;
	struct domlet_error err;
	struct domlet_state st;
	char answer[1200];
	int fd, later, pair[2];
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_SLEEPS);
	for (unsigned int i = 0; i < 3; i++) {
		fd = connect_to_monitor();
		assert_true(join(fd, &number, &generation, answer, sizeof answer));
		assert_int_equal(number, 1);
		assert_int_equal(generation, 2 + i);
		record("c2", number, generation);
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
		bring(fd, "c2", (const int[3]){ -1, STDERR_FILENO, -1 }, pair[1]);
		close(pair[1]);
		receive(fd, answer, sizeof answer);
		if (!good(answer))
			fail_msg("%s", answer);
		send_packet(fd, "{\"verb\":\"done\"}", NULL, 0);
		ask(fd, "{\"verb\":\"start\"}", answer, sizeof answer);
		assert_true(good(answer));
		close(fd);
		load_domain(&d);
		assert_string_equal(d.members[1].id, "c2");
		domlet_domain_record_free(&d);
		assert_int_equal(domlet_state_load(root, "c2", &st, &err), 0);
		assert_int_equal(st.status, DOMLET_STATUS_RUNNING);
		assert_int_equal(st.monitor.pid, r.pid);
		domlet_state_free(&st);
		later = connect_to_monitor();
		be_about(later, number, generation);
		send_packet(later, "{\"verb\":\"destroy\"}", NULL, 0);
		expect_exit(pair[0], "{\"exit\":137}");
		close(pair[0]);
		load_when_let_go("c2", &st);
		assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
		assert_int_equal(st.exit_code, 137);
		domlet_state_free(&st);
		ask(later, "{\"verb\":\"start\"}", answer, sizeof answer);
		expect(answer, ESRCH, "container not running");
		close(later);
		forget("c2");
	}
	load_domain(&d);
	assert_string_equal(d.members[0].id, "c1");
	assert_null(d.members[1].id);
	domlet_domain_record_free(&d);
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* Its caller's connection; PAIR: its proxy's, of which the second is the monitor's. */
static int start_c2(int pair[2])
{
	unsigned int number = 0, generation = 0;
	int fd = connect_to_monitor();
	char answer[1200];

	assert_true(join(fd, &number, &generation, answer, sizeof answer));
	record("c2", number, generation);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	bring(fd, "c2", (const int[3]){ -1, STDERR_FILENO, -1 }, pair[1]);
	close(pair[1]);
	receive(fd, answer, sizeof answer);
	assert_true(good(answer));
	send_packet(fd, "{\"verb\":\"done\"}", NULL, 0);
	ask(fd, "{\"verb\":\"start\"}", answer, sizeof answer);
	assert_true(good(answer));
	return fd;
}

/* The domain, by what c2 asks for. */
static void what_could_not_grow_is_tried_again(void **state)
{
	struct run r;
	int fd, pair[2];

	(void)state;
	detached = true;
	targets_refused = 3;
	begin_started(&r, RING_FAKE_SLEEPS);
	fd = start_c2(pair);
	for (int i = 0; i < 200 && count_in_log("has the size that its containers ask for") == 0; i++)
		uv_sleep(50);
	assert_int_equal(count_in_log("it is tried again"), 1); /* not each time */
	assert_int_equal(count_in_log("has the size that its containers ask for"), 1);
	close(fd);
	close(pair[0]);
	end_sleeper(&r);
	assert_int_equal(seen->xen.targets, 1);
	targets_refused = 0;
}

/* C2's goes with it, and is in the guest still when c1 has another one. */
static void a_process_that_outlives_its_container_keeps_its_number(void **state)
{
	int fd, other, pair[2], proxy, out;
	char answer[1200], text[16] = "";
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	fd = start_c2(pair);
	proxy = ask_for_exec(fd, "d", 1, NULL);
	send_packet(fd, "{\"verb\":\"destroy\"}", NULL, 0);
	expect_exit(proxy, "{\"exit\":137}");
	close(proxy);
	other = connect_to_monitor();
	be_about(other, 0, 1);
	proxy = ask_for_exec(other, "w", 1, &out);
	receive(other, answer, sizeof answer);
	if (!good(answer))
		fail_msg("%s", answer);
	assert_int_equal(read(out, text, sizeof text - 1), 6);
	assert_string_equal(text, "hello\n");
	send_signal(proxy, SIGTERM);
	expect_exit(proxy, "{\"exit\":143}");
	close(proxy);
	close(out);
	close(other);
	close(fd);
	end_sleeper(&r);
	close(pair[0]);
}

/* It is killed, and its exec is in the guest still when that has taken too long: it leaves all the same. */
static void a_process_that_stays_holds_up_no_container(void **state)
{
	struct domlet_state st;
	char answer[1200];
	int fd, pair[2], proxy;
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_RUNS);
	fd = start_c2(pair);
	proxy = ask_for_exec(fd, "s", 1, NULL);
	receive(fd, answer, sizeof answer);
	assert_true(good(answer));
	close(fd);
	send_signal(pair[0], SIGKILL);
	expect_exit(proxy, "{\"exit\":137}");
	close(proxy);
	expect_exit(pair[0], "{\"exit\":137}");
	close(pair[0]);
	load_when_let_go("c2", &st);
	domlet_state_free(&st);
	forget("c2");
	end_sleeper(&r);
}

static void await_forging(bool is)
{
	for (int ms = 0; net_fake->forges != is && ms < 10000; ms += 10)
		uv_sleep(10);
	assert_int_equal(net_fake->forges, is);
}

/* They are one host: what one of them may, all of them can. */
static void a_member_that_may_forge_opens_the_network_of_all(void **state)
{
	struct domlet_state st;
	struct run r;
	int fd, pair[2];

	(void)state;
	detached = true;
	ring_fake_net = mmap(NULL, sizeof *ring_fake_net, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(ring_fake_net != MAP_FAILED);
	net_fake = mmap(NULL, sizeof *net_fake, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(net_fake != MAP_FAILED);
	net_fake->is_one = true;
	net_fake->forges = true;
	net_fake->view.devices[net_fake->view.device_count++] =
		(struct domlet_net_device){ .index = 12, .up = true, .link = { .mtu = 1500, .name = "eth0" } };
	begin_started(&r, RING_FAKE_SLEEPS);
	await_forging(false);
	forges = true;
	fd = start_c2(pair);
	forges = false;
	await_forging(true);
	assert_int_equal(net_fake->joined, 1);
	close(fd);
	send_signal(pair[0], SIGKILL);
	expect_exit(pair[0], "{\"exit\":137}");
	close(pair[0]);
	await_forging(false);
	load_when_let_go("c2", &st);
	domlet_state_free(&st);
	forget("c2");
	end_sleeper(&r);
	(void)munmap(ring_fake_net, sizeof *ring_fake_net);
	ring_fake_net = NULL;
	(void)munmap(net_fake, sizeof *net_fake);
	net_fake = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_container_is_refused),
		cmocka_unit_test(a_flood_of_packets_leaves_nothing),
		cmocka_unit_test_teardown(a_container_of_another_place_is_refused, tear_down),
		cmocka_unit_test(there_are_sixteen_places),
		cmocka_unit_test(nobody_is_asked_about_another),
		cmocka_unit_test(the_domains_record_names_who_is_in_it),
		cmocka_unit_test_teardown(a_process_that_outlives_its_container_keeps_its_number, tear_down),
		cmocka_unit_test_teardown(a_process_that_stays_holds_up_no_container, tear_down_attached),
		cmocka_unit_test_teardown(a_member_that_may_forge_opens_the_network_of_all, tear_down_attached),
		cmocka_unit_test_teardown(what_could_not_grow_is_tried_again, tear_down_attached),
		cmocka_unit_test_teardown(a_container_comes_and_goes, tear_down_attached),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
