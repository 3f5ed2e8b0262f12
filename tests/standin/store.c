// SPDX-License-Identifier: GPL-2.0-or-later
#include "store.h"

#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

#define DISK 51712 /* xvda */

static bool put(struct xs_handle *xs, const char *value, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool put(struct xs_handle *xs, const char *value, const char *format, ...)
{
	char path[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(path, sizeof path, format, ap);
	va_end(ap);
	return xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value));
}

static bool own(struct xs_handle *xs, const char *path, struct xs_permissions first, struct xs_permissions second)
{
	struct xs_permissions perms[] = { first, second };

	return xs_mkdir(xs, XBT_NULL, path) && xs_set_permissions(xs, XBT_NULL, path, perms, 2);
}

unsigned int standin_disk_number(const libxl_device_disk *disk)
{
	return DISK + 16 * (unsigned int)(disk->vdev[3] - 'a');
}

static bool put_one_disk(struct xs_handle *xs, uint32_t domid, const libxl_device_disk *disk)
{
	char backend[64], frontend[64];
	unsigned int number = standin_disk_number(disk);

	(void)snprintf(backend, sizeof backend, "/local/domain/0/backend/vbd/%u/%u", domid, number);
	(void)snprintf(frontend, sizeof frontend, "/local/domain/%u/device/vbd/%u", domid, number);
	return put(xs, backend, "%s/backend", frontend) && put(xs, frontend, "%s/frontend", backend) &&
	       put(xs, disk->pdev_path, "%s/params", backend) && put(xs, disk->script, "%s/script", backend) &&
	       put(xs, disk->readwrite ? "w" : "r", "%s/mode", backend) && put(xs, "4", "%s/state", backend);
}

unsigned int standin_find_disks(uint32_t domid, unsigned int numbers[static STANDIN_DISKS_MAX])
{
	struct xs_handle *xs = xs_open(0);
	unsigned int found = 0, count = 0;
	char path[64], **names = NULL;

	(void)snprintf(path, sizeof path, "/local/domain/0/backend/vbd/%u", domid);
	if (xs)
		names = xs_directory(xs, XBT_NULL, path, &found);
	for (unsigned int i = 0; names && i < found && count < STANDIN_DISKS_MAX; i++)
		numbers[count++] = (unsigned int)atoi(names[i]);
	free(names);
	if (xs)
		xs_close(xs);
	return count;
}

bool standin_put_disk(uint32_t domid, const libxl_device_disk *disk)
{
	struct xs_handle *xs = xs_open(0);
	bool good = xs && put_one_disk(xs, domid, disk);

	if (xs)
		xs_close(xs);
	return good;
}

void standin_close_disk(uint32_t domid, unsigned int number)
{
	unsigned int numbers[STANDIN_DISKS_MAX], count = standin_find_disks(domid, numbers);
	struct xs_handle *xs = xs_open(0);

	for (unsigned int i = 0; xs && i < count; i++)
		if (numbers[i] == number)
			(void)put(xs, "5", "/local/domain/0/backend/vbd/%u/%u/state", domid, number);
	if (xs)
		xs_close(xs);
}

bool standin_remove_disk(uint32_t domid, unsigned int number)
{
	struct xs_handle *xs = xs_open(0);
	char path[64];

	if (!xs)
		return false;
	(void)snprintf(path, sizeof path, "/local/domain/0/backend/vbd/%u/%u", domid, number);
	(void)xs_rm(xs, XBT_NULL, path);
	(void)snprintf(path, sizeof path, "/local/domain/%u/device/vbd/%u", domid, number);
	(void)xs_rm(xs, XBT_NULL, path);
	xs_close(xs);
	return true;
}

bool standin_put_domain(uint32_t domid, const char *uuid, const libxl_domain_config *config)
{
	struct xs_handle *xs = xs_open(0);
	char path[64], vm[64], number[16];
	bool good = xs != NULL;

	(void)snprintf(vm, sizeof vm, "/vm/%s", uuid);
	(void)snprintf(number, sizeof number, "%u", domid);
	(void)snprintf(path, sizeof path, "/local/domain/%u", domid);
	good = good && own(xs, path, (struct xs_permissions){ .id = 0 },
			   (struct xs_permissions){ .id = domid, .perms = XS_PERM_READ });
	good = good && put(xs, vm, "%s/vm", path) && put(xs, config->c_info.name, "%s/name", path) &&
	       put(xs, number, "%s/domid", path) && put(xs, uuid, "%s/uuid", vm);
	(void)snprintf(path, sizeof path, "/local/domain/%u/data", domid);
	good = good && own(xs, path, (struct xs_permissions){ .id = domid }, (struct xs_permissions){ .id = 0 });
	good = good && put(xs, "", "/local/domain/0/backend/console/%u/0/state", domid);
	good = good && (!config->num_disks || put_one_disk(xs, domid, &config->disks[0]));
	if (xs)
		xs_close(xs);
	return good;
}

void standin_remove_domain(uint32_t domid)
{
	struct xs_handle *xs = xs_open(0);
	unsigned int len;
	char path[64], *vm;

	if (!xs)
		return;
	(void)snprintf(path, sizeof path, "/local/domain/%u/vm", domid);
	vm = xs_read(xs, XBT_NULL, path, &len);
	if (vm)
		(void)xs_rm(xs, XBT_NULL, vm);
	free(vm);
	(void)snprintf(path, sizeof path, "/local/domain/0/backend/vbd/%u", domid);
	(void)xs_rm(xs, XBT_NULL, path);
	(void)snprintf(path, sizeof path, "/local/domain/0/backend/console/%u", domid);
	(void)xs_rm(xs, XBT_NULL, path);
	(void)snprintf(path, sizeof path, "/local/domain/%u", domid);
	(void)xs_rm(xs, XBT_NULL, path);
	xs_close(xs);
}

pid_t standin_run_script(uint32_t domid, unsigned int number, const char *command)
{
	char path[80], backend[96], *script;
	char *argv[] = { NULL, (char *)command, NULL },
	     *envp[] = { backend, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	struct xs_handle *xs = xs_open(0);
	posix_spawnattr_t attributes;
	unsigned int len;
	sigset_t none;
	pid_t pid;

	if (!xs)
		return -1;
	(void)snprintf(path, sizeof path, "/local/domain/0/backend/vbd/%u/%u/script", domid, number);
	script = xs_read(xs, XBT_NULL, path, &len);
	xs_close(xs);
	if (!script)
		return 0;
	(void)snprintf(backend, sizeof backend, "XENBUS_PATH=/local/domain/0/backend/vbd/%u/%u", domid, number);
	argv[0] = script;
	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	if (posix_spawn(&pid, script, NULL, &attributes, argv, envp) != 0)
		pid = -1;
	(void)posix_spawnattr_destroy(&attributes);
	free(script);
	return pid;
}
