/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domlet-hotplug on a xenstore and a loop device of this file's own: what it
 * writes, and that it writes nothing for a domain that is gone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>
#include <xenstore.h>

#include "../../toolstack/storage/loop.h"

#define BACKEND "/local/domain/0/backend/vbd/7/51712"
#define NODES_MAX 16
#define TRANSACTION 9u

int hotplug_main(int argc, char **argv);

struct node {
	char path[128], value[256];
};

static struct { /* a transaction's nodes are those behind the first COUNT */
	struct node nodes[NODES_MAX];
	size_t count, more;
	bool open, gone;
	int writes, write_fails_at; /* 0: none */
	int refusals;               /* of so many transactions */
	int reads_until_gone;       /* 0: it stays */
} store;

static struct {
	int attached, released, detached;
	bool autoclear;
} loop;

struct xs_handle *xs_open(unsigned long flags)
{
	(void)flags;
	return (struct xs_handle *)&store;
}

void xs_close(struct xs_handle *xs)
{
	(void)xs;
	assert_false(store.open);
}

static const char *find(const char *key)
{
	char path[128];

	(void)snprintf(path, sizeof path, BACKEND "/%s", key);
	for (size_t i = 0; i < store.count; i++)
		if (strcmp(store.nodes[i].path, path) == 0)
			return store.nodes[i].value;
	return NULL;
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *len)
{
	const char *key = strrchr(path, '/') + 1, *value;

	(void)xs;
	assert_int_equal(t, store.open ? TRANSACTION : XBT_NULL);
	if (store.reads_until_gone && --store.reads_until_gone == 0) {
		store.gone = true;
		store.count = 0;
	}
	value = find(key);
	errno = ENOENT;
	if (!value)
		return NULL;
	*len = (unsigned int)strlen(value);
	return strdup(value);
}

bool xs_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const void *data, unsigned int len)
{
	struct node *n = &store.nodes[store.count + store.more];

	(void)xs;
	assert_int_equal(t, TRANSACTION); /* alone it would make a new directory */
	assert_true(store.open && store.count + store.more < NODES_MAX);
	errno = ENOSPC;
	if (++store.writes == store.write_fails_at)
		return false;
	(void)snprintf(n->path, sizeof n->path, "%s", path);
	(void)snprintf(n->value, sizeof n->value, "%.*s", (int)len, (const char *)data);
	store.more++;
	return true;
}

bool xs_rm(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	(void)xs, (void)t;
	assert_string_equal(path, BACKEND "/hotplug-status");
	return true;
}

xs_transaction_t xs_transaction_start(struct xs_handle *xs)
{
	(void)xs;
	assert_false(store.open);
	store.open = true;
	store.more = 0;
	return TRANSACTION;
}

bool xs_transaction_end(struct xs_handle *xs, xs_transaction_t t, bool abort)
{
	(void)xs;
	assert_int_equal(t, TRANSACTION);
	assert_true(store.open);
	store.open = false;
	errno = EAGAIN;
	if (!abort && store.refusals && store.refusals-- > 0)
		return false;
	if (!abort)
		store.count += store.more;
	return true;
}

int domlet_loop_attach(const char *file, bool read_only, const char *tag, struct domlet_loop *l,
		       struct domlet_error *err)
{
	(void)err;
	assert_string_equal(file, "/etc/hostname");
	assert_string_equal(tag, BACKEND);
	assert_true(read_only);
	*l = (struct domlet_loop){ .node = "/dev/loop7", .fd = -1, .device = makedev(7, 26) };
	loop.attached++;
	return 0;
}

void domlet_loop_release(struct domlet_loop *l, bool autoclear)
{
	(void)l;
	loop.released++;
	loop.autoclear = autoclear;
}

int domlet_loop_detach(const char *node, const char *tag, struct domlet_error *err)
{
	(void)err;
	assert_string_equal(node, "/dev/loop7");
	assert_string_equal(tag, BACKEND);
	loop.detached++;
	return 0;
}

static int run(const char *command)
{
	bool of_vif = strcmp(command, "online") == 0 || strcmp(command, "offline") == 0;
	char *argv[] = { (char *)"domlet-hotplug", (char *)(uintptr_t)command, of_vif ? (char *)"type_if=vif" : NULL,
			 NULL };

	return hotplug_main(of_vif ? 3 : 2, argv);
}

static void put(const char *key, const char *value)
{
	struct node *n = &store.nodes[store.count++];

	(void)snprintf(n->path, sizeof n->path, BACKEND "/%s", key);
	(void)snprintf(n->value, sizeof n->value, "%s", value);
}

static int set_up(void **state)
{
	(void)state;
	memset(&store, 0, sizeof store);
	memset(&loop, 0, sizeof loop);
	put("frontend", "/local/domain/7/device/vbd/51712");
	put("params", "/etc/hostname");
	put("mode", "r");
	return setenv("XENBUS_PATH", BACKEND, 1);
}

static void assert_published(void)
{
	assert_string_equal(find("node"), "/dev/loop7");
	assert_string_equal(find("physical-device-path"), "/dev/loop7");
	assert_string_equal(find("physical-device"), "7:1a");
	assert_string_equal(find("hotplug-status"), "connected");
	assert_int_equal(store.count, 7);
	assert_int_equal(loop.attached, 1);
	assert_int_equal(loop.released, 1);
}

static void a_disk_is_published(void **state)
{
	(void)state;
	assert_int_equal(run("add"), 0);
	assert_published();
	assert_false(loop.autoclear); /* nobody has opened it here */
	assert_int_equal(run("remove"), 0);
	assert_int_equal(loop.detached, 1);
}

static void a_refused_transaction_is_tried_again(void **state)
{
	(void)state;
	store.refusals = 3;
	assert_int_equal(run("add"), 0);
	assert_published();
}

/* Before each of the nodes that are read: what is gone stays so. */
static void the_domain_goes_meanwhile(void **state)
{
	int k = 1;

	do {
		(void)set_up(state);
		store.reads_until_gone = k++;
		(void)run("add");
		if (store.gone)
			assert_int_equal(store.count, 0);
		assert_int_equal(loop.attached, loop.released);
		if (store.gone && loop.released)
			assert_true(loop.autoclear);
	} while (store.gone);
	assert_true(k >= 5);
	assert_published();
}

static void a_write_that_fails_is_said(void **state)
{
	(void)state;
	store.write_fails_at = 3;
	assert_int_equal(run("add"), EXIT_FAILURE);
	assert_null(find("node"));
	assert_non_null(strstr(find("hotplug-error"), "/physical-device: "));
	assert_string_equal(find("hotplug-status"), "error");
	assert_true(loop.autoclear);
}

static void what_is_no_disk_is_said(void **state)
{
	(void)state;
	(void)snprintf(store.nodes[1].value, sizeof store.nodes[1].value, "/proc");
	assert_int_equal(run("add"), EXIT_FAILURE);
	assert_non_null(strstr(find("hotplug-error"), "neither a file nor a block device"));
	assert_int_equal(loop.attached, 0);
}

static void a_vif_is_said_to_be_there(void **state)
{
	(void)state;
	assert_int_equal(run("online"), 0);
	assert_string_equal(find("hotplug-status"), "connected");
	assert_null(find("node"));
	assert_int_equal(store.count, 4);
	assert_int_equal(run("offline"), 0);
	assert_int_equal(loop.attached, 0);
	(void)set_up(state);
	store.reads_until_gone = 1;
	assert_int_equal(run("online"), EXIT_FAILURE);
	assert_int_equal(store.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_disk_is_published, set_up),
		cmocka_unit_test_setup(a_refused_transaction_is_tried_again, set_up),
		cmocka_unit_test_setup(the_domain_goes_meanwhile, set_up),
		cmocka_unit_test_setup(a_write_that_fails_is_said, set_up),
		cmocka_unit_test_setup(what_is_no_disk_is_said, set_up),
		cmocka_unit_test_setup(a_vif_is_said_to_be_there, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
