/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domlet-hotplug: the `script` of a domain's disks and vifs, in the place of Xen's
 * shell scripts. Of a disk libxl runs it with "add" once the backend directory
 * is there and with "remove" after blkback has closed; of a vif with "online" and "offline",
 * and then "type_if=vif". XENBUS_PATH is that directory (docs/misc/block-scripts of Xen). The program only talks to xenstore
 * and to loop devices, and is small and static because every start of a
 * container waits for its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <xenstore.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "loop.h"

/* How long blkback may take to open the device before we go on, and leave it
 * to "remove" to free it. */
#define OPENED_WAIT_MS 500

struct hotplug {
	struct xs_handle *xs;
	const char *backend; /* "/local/domain/0/backend/vbd/3/51712" */
	struct domlet_error err;
};

static void node_path(const struct hotplug *h, const char *key, char *path, size_t len)
{
	snprintf(path, len, "%s/%s", h->backend, key);
}

/* The value of a node of the backend directory, which the caller frees; NULL: there is no
 * such node. */
static char *read_node(const struct hotplug *h, xs_transaction_t t, const char *key)
{
	char path[256];
	unsigned int len;

	node_path(h, key, path, sizeof(path));
	return xs_read(h->xs, t, path, &len);
}

/* Whether the backend directory is there: the domain may end, and the directory go, at any
 * time. */
static bool is_there(const struct hotplug *h)
{
	cleanup_free char *frontend = read_node(h, XBT_NULL, "frontend");

	return frontend || errno != ENOENT;
}

struct node {
	const char *key, *value;
};

static int write_node(struct hotplug *h, xs_transaction_t t, const struct node *n)
{
	char path[256];

	node_path(h, n->key, path, sizeof(path));
	if (!xs_write(h->xs, t, path, n->value, (unsigned int)strlen(n->value)))
		return domlet_error_set(&h->err, errno, "xenstore refuses to write %s: %s", path,
					domlet_strerror(errno));
	return 0;
}

/* Writes the nodes in one transaction. -EAGAIN: somebody else's writes have crossed ours. */
static int write_once(struct hotplug *h, const struct node *nodes, size_t count)
{
	xs_transaction_t t = xs_transaction_start(h->xs);
	cleanup_free char *frontend = NULL;
	int r = 0;

	if (t == XBT_NULL)
		return domlet_error_set(&h->err, errno, "xenstore takes no transaction: %s", domlet_strerror(errno));
	frontend = read_node(h, t, "frontend");
	if (!frontend)
		r = domlet_error_set(&h->err, errno, "xenstore has lost the device %s: %s", h->backend,
				     domlet_strerror(errno));
	for (size_t n = 0; r == 0 && n < count; n++)
		r = write_node(h, t, &nodes[n]);
	if (!xs_transaction_end(h->xs, t, r < 0) && r == 0)
		r = domlet_error_set(&h->err, errno, "xenstore refuses what the device %s needs: %s", h->backend,
				     domlet_strerror(errno));
	return r;
}

#define TRANSACTIONS_MAX 100

/* Writes COUNT nodes at once, but none into a directory that is gone, as the domain is when
 * libxl's process was killed and somebody else has cleaned up: the nodes would make a new
 * directory, which nobody removes. */
static int write_nodes(struct hotplug *h, const struct node *nodes, size_t count)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < TRANSACTIONS_MAX; i++)
		r = write_once(h, nodes, count);
	return r;
}

static int publish(struct hotplug *h, const char *node, dev_t device)
{
	char number[32];
	const struct node nodes[] = { { "node", node },
				      { "physical-device-path", node },
				      { "physical-device", number },
				      { "hotplug-status", "connected" } };

	/* blkback reads hexadecimal. */
	snprintf(number, sizeof(number), "%x:%x", major(device), minor(device));
	return write_nodes(h, nodes, sizeof(nodes) / sizeof(nodes[0]));
}

/* Whether blkback holds the device: right after blkback has opened the device, it adds this
 * attribute (drivers/block/xen-blkback/xenbus.c, backend_changed). */
static bool wait_until_opened(const struct hotplug *h)
{
	const char *place = strstr(h->backend, "backend/vbd/");
	unsigned int domid, device;
	char path[128];

	if (!place || sscanf(place, "backend/vbd/%u/%u", &domid, &device) != 2 ||
	    access("/sys/bus/xen-backend", F_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/vbd-%u-%u/physical_device", domid, device);
	for (int ms = 0; ms < OPENED_WAIT_MS; ms++) {
		if (access(path, F_OK) == 0)
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return false;
}

static int add_file(struct hotplug *h, const char *file, bool read_only)
{
	struct domlet_loop loop;
	int r = domlet_loop_attach(file, read_only, h->backend, &loop, &h->err);

	if (r < 0)
		return r;
	r = publish(h, loop.node, loop.device);
	/* With autoclear a dom0 that never gets to "remove" leaks no device. After an
	 * error nobody holds the device, which is freed at once then; so it is when
	 * nobody is left to call "remove". */
	domlet_loop_release(&loop, r < 0 || wait_until_opened(h) || !is_there(h));
	return r;
}

static int add(struct hotplug *h)
{
	cleanup_free char *params = read_node(h, XBT_NULL, "params");
	cleanup_free char *mode = read_node(h, XBT_NULL, "mode");
	struct stat st;

	if (!params || params[0] != '/')
		return domlet_error_set(&h->err, EINVAL, "%s/params must be an absolute path, but is \"%s\"",
					h->backend, params ? params : "");
	if (stat(params, &st) < 0)
		return domlet_error_set(&h->err, errno, "the disk %s can't be used: %s", params, domlet_strerror(errno));
	if (S_ISBLK(st.st_mode))
		return publish(h, params, st.st_rdev);
	if (S_ISREG(st.st_mode))
		return add_file(h, params, !mode || mode[0] != 'w');
	return domlet_error_set(&h->err, EINVAL, "the disk %s can't be used: it is neither a file nor a block device",
				params);
}

static int remove_disk(struct hotplug *h)
{
	cleanup_free char *node = read_node(h, XBT_NULL, "node");
	char path[256];
	int r = 0;

	if (node && strncmp(node, "/dev/loop", strlen("/dev/loop")) == 0)
		r = domlet_loop_detach(node, h->backend, &h->err);
	node_path(h, "hotplug-status", path, sizeof(path));
	xs_rm(h->xs, XBT_NULL, path); /* a node that is gone with its directory is as good */
	return r;
}

/* The monitor does all else about a vif. But netback waits for this word with the guest, whose device
 * stays unconnected without it (drivers/net/xen-netback/xenbus.c: hotplug_status_changed). */
static int set_online(struct hotplug *h)
{
	return write_nodes(h, (const struct node[]){ { "hotplug-status", "connected" } }, 1);
}

static int set_offline(struct hotplug *h)
{
	char path[256];

	node_path(h, "hotplug-status", path, sizeof(path));
	xs_rm(h->xs, XBT_NULL, path); /* a node that is gone with its directory is as good */
	return 0;
}

static int run(struct hotplug *h, const char *command)
{
	h->backend = getenv("XENBUS_PATH");
	if (!h->backend || strlen(h->backend) > DOMLET_LOOP_TAG_MAX)
		return domlet_error_set(&h->err, EINVAL, "XENBUS_PATH must name the device's backend directory");
	h->xs = xs_open(0);
	if (!h->xs)
		return domlet_error_set(&h->err, errno, "xenstore can't be reached: %s", domlet_strerror(errno));
	if (strcmp(command, "add") == 0)
		return add(h);
	if (strcmp(command, "remove") == 0)
		return remove_disk(h);
	if (strcmp(command, "online") == 0)
		return set_online(h);
	if (strcmp(command, "offline") == 0)
		return set_offline(h);
	return domlet_error_set(&h->err, EINVAL,
				"\"%s\" isn't known; \"add\", \"remove\", \"online\" and \"offline\" are", command);
}

int main(int argc, char **argv)
{
	struct hotplug h = { 0 };
	int r = run(&h, argc >= 2 ? argv[1] : "");

	if (r < 0) {
		struct domlet_error first = h.err;

		fprintf(stderr, "domlet-hotplug: %s\n", first.text);
		if (h.xs)
			(void)write_nodes(
				&h,
				(const struct node[]){ { "hotplug-error", first.text }, { "hotplug-status", "error" } },
				2);
	}
	if (h.xs)
		xs_close(h.xs);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
