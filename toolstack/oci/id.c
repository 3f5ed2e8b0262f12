/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "id.h"

#include <errno.h>
#include <string.h>

#include "../../frontend/proto/limits.h"
#include "../base/error.h"

int domlet_id_check(const char *id, struct domlet_error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
	size_t len = strlen(id);

	if (len == 0 || len > DOMLET_ID_MAX || strspn(id, allowed) != len || strcmp(id, ".") == 0 ||
	    strcmp(id, "..") == 0)
		return domlet_error_set(
			err, EINVAL,
			"invalid container ID format: \"%.64s\" (letters, digits and _+.- are allowed, %u at most)", id,
			DOMLET_ID_MAX);
	return 0;
}
