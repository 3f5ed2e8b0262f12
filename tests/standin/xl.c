// SPDX-License-Identifier: GPL-2.0-or-later
/* As much of xl as the end-to-end tests call: xl list [DOMAIN], xl destroy DOMAIN, xl block-list DOMAIN,
 * xl info, xl dmesg. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libxl.h>

#include "store.h"

static xentoollog_logger_stdiostream *log_stream;

struct domain {
	char *domid, *uuid, *name, *kib, *vcpus, *state;
};

/* As machine.py tells them, in a text that is never freed. */
static int read_domains(struct domain *domains, int max)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/run/standin/hypervisor" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), count = 0;
	static char line[16384];
	char *at;
	FILE *f;

	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0 || send(fd, "list\n", 5, 0) != 5)
		return -1;
	f = fdopen(fd, "r");
	if (!f || !fgets(line, sizeof line, f) || strncmp(line, "ok ", 3) != 0)
		return -1;
	for (char *word = strtok_r(line + 3, " \n", &at); word && count < max; word = strtok_r(NULL, " \n", &at)) {
		struct domain *d = &domains[count++];

		d->domid = word;
		d->uuid = strtok_r(NULL, " \n", &at);
		d->name = strtok_r(NULL, " \n", &at);
		d->kib = strtok_r(NULL, " \n", &at);
		d->vcpus = strtok_r(NULL, " \n", &at);
		d->state = strtok_r(NULL, " \n", &at);
	}
	(void)fclose(f);
	return count;
}

static bool is_meant(const struct domain *d, const char *text)
{
	return strcmp(d->domid, text) == 0 || strcmp(d->name, text) == 0;
}

static int list(const char *wanted)
{
	struct domain domains[256];
	int count = read_domains(domains, 256), found = 0;

	if (count < 0)
		return 1;
	printf("%-40s %5s %5s %5s\t%5s\t%8s\n", "Name", "ID", "Mem", "VCPUs", "State", "Time(s)");
	if (!wanted)
		printf("%-40s %5d %5d %5d     r-----  %8.1f\n", "Domain-0", 0, 1024, 1, 0.0);
	for (int i = 0; i < count; i++) {
		const struct domain *d = &domains[i];

		if (wanted && !is_meant(d, wanted))
			continue;
		printf("%-40s %5s %5ld %5d     %s  %8.1f\n", d->name, d->domid, atol(d->kib) / 1024, atoi(d->vcpus),
		       *d->state == 'p' ? "--p---" :
		       *d->state == 's' ? "---s--" :
					  "-b----",
		       0.0);
		found++;
	}
	return wanted && !found;
}

static uint32_t find(const char *wanted)
{
	struct domain domains[256];
	int count = read_domains(domains, 256);

	for (int i = 0; i < count; i++)
		if (is_meant(&domains[i], wanted))
			return (uint32_t)atoi(domains[i].domid);
	return UINT32_MAX;
}

static int list_disks(const char *wanted)
{
	uint32_t domid = find(wanted);
	unsigned int numbers[STANDIN_DISKS_MAX], count = standin_find_disks(domid, numbers);

	if (domid == UINT32_MAX)
		return 1;
	printf("%-5s %-3s %-6s %-5s %-6s %-8s %-30s\n", "Vdev", "BE", "handle", "state", "evt-ch", "ring-ref",
	       "BE-path");
	for (unsigned int i = 0; i < count; i++)
		printf("%-5u %-3d %-6u %-5d %-6d %-8d /local/domain/0/backend/vbd/%u/%u\n", numbers[i], 0, domid, 4, 0,
		       0, domid, numbers[i]);
	return 0;
}

static int destroy(const char *wanted)
{
	int rc;
	uint32_t domid = find(wanted);
	libxl_ctx *ctx;

	log_stream = xtl_createlogger_stdiostream(stderr, XTL_ERROR, 0);
	if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, (xentoollog_logger *)log_stream))
		return 1;
	rc = libxl_domain_destroy(ctx, domid, NULL);
	if (rc)
		(void)fprintf(stderr, "xl: domain %s can't be destroyed: %d\n", wanted, rc);
	return rc != 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "list") == 0)
		return list(argc > 2 ? argv[2] : NULL);
	if (strcmp(verb, "destroy") == 0 && argc == 3)
		return destroy(argv[2]);
	if (strcmp(verb, "block-list") == 0 && argc == 3)
		return list_disks(argv[2]);
	if (strcmp(verb, "info") == 0)
		return puts("virt_caps              : pv hvm hap") < 0;
	if (strcmp(verb, "dmesg") == 0)
		return 0;
	(void)fprintf(stderr, "xl: there is no %s on the stand-in\n", verb);
	return 2;
}
