/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spec: writes a config.json to start from. The defaults are runc's, except that the
 * root file system is writable: what is written goes to the guest's overlay.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "cli.h"
#include "option.h"
#include "version.h"

#define CAPABILITIES "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"

static const char config_text[] =
	"{\n"
	"  \"ociVersion\": \"" DOMLET_OCI_VERSION "\",\n"
	"  \"process\": {\n"
	"    \"terminal\": true,\n"
	"    \"user\": { \"uid\": 0, \"gid\": 0 },\n"
	"    \"args\": [\"sh\"],\n"
	"    \"env\": [\n"
	"      \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
	"      \"TERM=xterm\"\n"
	"    ],\n"
	"    \"cwd\": \"/\",\n"
	"    \"capabilities\": {\n"
	"      \"bounding\": " CAPABILITIES ",\n"
	"      \"effective\": " CAPABILITIES ",\n"
	"      \"permitted\": " CAPABILITIES "\n"
	"    },\n"
	"    \"rlimits\": [{ \"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024 }],\n"
	"    \"noNewPrivileges\": true\n"
	"  },\n"
	"  \"root\": { \"path\": \"rootfs\", \"readonly\": false },\n"
	"  \"hostname\": \"domlet\",\n"
	"  \"mounts\": [\n"
	"    { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },\n"
	"    { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"      \"options\": [\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\", \"gid=5\"] },\n"
	"    { \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\"] },\n"
	"    { \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"ro\"] },\n"
	"    { \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"] }\n"
	"  ],\n"
	"  \"linux\": {\n"
	"    \"namespaces\": [\n"
	"      { \"type\": \"pid\" }, { \"type\": \"network\" }, { \"type\": \"ipc\" },\n"
	"      { \"type\": \"uts\" }, { \"type\": \"mount\" }, { \"type\": \"cgroup\" }\n"
	"    ],\n"
	"    \"maskedPaths\": [\n"
	"      \"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", \"/proc/latency_stats\",\n"
	"      \"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/sys/firmware\",\n"
	"      \"/proc/scsi\"\n"
	"    ],\n"
	"    \"readonlyPaths\": [\n"
	"      \"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"\n"
	"    ]\n"
	"  }\n"
	"}\n";

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_config(struct domlet_cli *cli, const char *bundle)
{
	cleanup_close int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;
	int rc;

	if (dir < 0)
		return domlet_error_set(&cli->err, errno, "bundle %.500s: %s", bundle, domlet_strerror(errno));
	/* O_EXCL: a configuration that someone has written is never lost. */
	fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return domlet_error_set(&cli->err, EEXIST, "File config.json exists in %.500s. Remove it first", bundle);
	if (fd < 0)
		return domlet_error_set(&cli->err, errno, "%.500s/config.json: %s", bundle, domlet_strerror(errno));
	rc = write_all(fd, config_text, sizeof(config_text) - 1);
	if (rc) {
		unlinkat(dir, "config.json", 0);
		return domlet_error_set(&cli->err, -rc, "%.500s/config.json: %s", bundle, domlet_strerror(-rc));
	}
	return 0;
}

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "bundle", required_argument, NULL, 'b' },
		{ "rootless", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *bundle = ".";
	int c;

	while ((c = getopt_long(argc, argv, ":b:h", options, NULL)) != -1) {
		switch (c) {
		case 'b': bundle = optarg; break;
		case 'r':
			domlet_error_set(&cli->err, EINVAL,
					 "spec --rootless: domlet builds Xen domains, which takes root; "
					 "leave the option out");
			return 1;
		case 'h': return domlet_cli_usage(&domlet_verb_spec, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_spec, c, argc, argv);
		}
	}
	if (!domlet_cli_no_argument(cli, &domlet_verb_spec, argc, argv))
		return 1;
	return write_config(cli, bundle) ? 1 : 0;
}

const struct domlet_verb domlet_verb_spec = {
	.name = "spec",
	.summary = "write a config.json to start from",
	.usage = "domlet spec [OPTIONS]\n\n"
		 "  -b, --bundle DIR   where to write it (the current directory)\n"
		 "  --rootless         refused: building domains takes root\n",
	.run = run,
};
