/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "id.h"
#include "member.h"
#include "plan.h"

#define CRI "io.kubernetes.cri."
#define CRIO "io.kubernetes.cri-o."

struct reader {
	struct json_object *annotations; /* NULL: none */
	const char *path;
	struct domlet_plan *plan;
	struct domlet_error *err;
};

/* podman takes annotations from images, too, and writes io.container.manager only where
 * the image has none. The one of the stop signal, a number, is always podman's. */
static bool is_libpod(const struct reader *r)
{
	const char *manager = domlet_oci_text(r->annotations, "io.container.manager");
	const char *signal = domlet_oci_text(r->annotations, "org.opencontainers.image.stopSignal");

	return (manager && strcmp(manager, "libpod") == 0) ||
	       (signal && signal[0] != '\0' && strspn(signal, "0123456789") == strlen(signal));
}

static int read_role(const struct reader *r, const char *type_key, const char *id_key)
{
	const char *type = domlet_oci_text(r->annotations, type_key), *id = domlet_oci_text(r->annotations, id_key);
	struct domlet_plan *plan = r->plan;
	enum domlet_sandbox_role role = DOMLET_SANDBOX_CONTAINER;

	if (!type)
		return 0;
	if (strcmp(type, "sandbox") == 0)
		role = DOMLET_SANDBOX_ITSELF;
	else if (strcmp(type, "container") != 0)
		return domlet_error_set(r->err, EINVAL,
					"%s: annotation %s is \"%.64s\"; \"sandbox\" and \"container\" are known",
					r->path, type_key, type);
	if (!id && role == DOMLET_SANDBOX_CONTAINER)
		return domlet_error_set(
			r->err, EINVAL,
			"%s: annotation %s says that the container belongs to a sandbox, but there is no annotation %s that names it",
			r->path, type_key, id_key);
	if (id && domlet_id_check(id, r->err) < 0)
		return domlet_error_prefix(r->err, "%s: annotation %s names no sandbox", r->path, id_key);
	if (plan->sandbox_role != DOMLET_SANDBOX_NONE &&
	    (plan->sandbox_role != role || !plan->sandbox_id != !id || (id && strcmp(plan->sandbox_id, id) != 0)))
		return domlet_error_set(r->err, EINVAL,
					"%s: annotations " CRI "* and " CRIO
					"* say different things about the container's sandbox: leave one of them out",
					r->path);
	plan->sandbox_role = role;
	if (id && !plan->sandbox_id && !(plan->sandbox_id = strdup(id)))
		return domlet_error_set(r->err, ENOMEM, "%s can't be read: out of memory", r->path);
	return 0;
}

static int read_number(const struct reader *r, const char *key, int64_t *out)
{
	const char *text = domlet_oci_text(r->annotations, key);
	const char *digits = text && text[0] == '-' ? text + 1 : text;
	char *end;
	long long n;

	if (!text)
		return 0;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || errno != 0)
		return domlet_error_set(r->err, EINVAL, "%s: annotation %s is \"%.64s\", but must be a number", r->path,
					key, text);
	*out = n;
	return 0;
}

/* Shares are checked like the others, but no domain has a weight yet. */
static int read_size(const struct reader *r, struct domlet_sandbox_size *size)
{
	int64_t shares;
	const struct {
		const char *key;
		int64_t *out;
	} numbers[] = {
		{ CRI "sandbox-memory", &size->memory_bytes },
		{ CRI "sandbox-cpu-quota", &size->cpu_quota_us },
		{ CRI "sandbox-cpu-period", &size->cpu_period_us },
		{ CRI "sandbox-cpu-shares", &shares },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && rc == 0; i++)
		rc = read_number(r, numbers[i].key, numbers[i].out);
	return rc;
}

int domlet_sandbox_read(struct json_object *config, const char *path, struct domlet_plan *plan,
			struct domlet_sandbox_size *size, struct domlet_error *err)
{
	const struct reader r = {
		.annotations = domlet_oci_member(config, "annotations"), .path = path, .plan = plan, .err = err
	};
	int rc = 0;

	*size = (struct domlet_sandbox_size){ 0 };
	plan->by_libpod = is_libpod(&r);
	/* podman writes none of containerd's, so that they would be an image's. */
	if (!plan->by_libpod)
		rc = read_role(&r, CRI "container-type", CRI "sandbox-id");
	if (rc == 0)
		rc = read_role(&r, CRIO "ContainerType", CRIO "SandboxID");
	if (rc == 0 && !plan->by_libpod && plan->sandbox_role == DOMLET_SANDBOX_ITSELF)
		rc = read_size(&r, size);
	return rc;
}
