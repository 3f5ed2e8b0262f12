// SPDX-License-Identifier: GPL-2.0-or-later
/* What domlet-init reads: a container's document, or the process of an EXEC. */
#include <stdlib.h>
#include <string.h>

#include "../../guest-init/config/config.h"
#include "../../guest-init/container/filter.h"
#include "fuzz.h"

static void read_process(const char *text, size_t len)
{
	static const struct domlet_process_config first;
	struct domlet_process_config p;
	struct domlet_failure failure = { 0 };

	memset(&p, 0, sizeof(p));
	if (domlet_config_parse_process(&p, &first, text, len, &failure) == 0)
		domlet_config_free_process(&p);
	else if (!failure.code || !failure.text[0])
		abort();
}

static void read_container(const char *text, size_t len)
{
	struct domlet_container_config c;
	struct domlet_failure failure = { 0 };
	struct domlet_filter filter;

	if (domlet_config_parse(&c, text, len, &failure) < 0) {
		if (!failure.code || !failure.text[0])
			abort();
		return;
	}
	if (domlet_filter_compile(c.seccomp, &filter, &failure) == 0)
		domlet_filter_free(&filter);
	domlet_config_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The guest's fetch ends each text with a NUL. */
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	read_container(text, size);
	read_process(text, size);
	free(text);
	return 0;
}
