// SPDX-License-Identifier: GPL-2.0-or-later
#include "fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned int seen;

/* Is this the call that TEXT is about? */
static bool is_now(const char *text, size_t len, const char *where)
{
	const char *number = memchr(text, '#', len);
	size_t name_len = number ? (size_t)(number - text) : len;

	if (strlen(where) != name_len || strncmp(text, where, name_len) != 0)
		return false;
	return ++seen == (number ? (unsigned int)atoi(number + 1) : 1);
}

bool standin_fault(const char *where)
{
	const char *text = getenv("DOMLET_STANDIN_FAULT"), *action = text ? strchr(text, '=') : NULL;

	if (!action || !is_now(text, (size_t)(action - text), where))
		return false;
	action++;
	if (strcmp(action, "kill") == 0)
		(void)kill(getpid(), SIGKILL);
	while (strncmp(action, "hang:", 5) == 0 && access(action + 5, F_OK) < 0)
		(void)usleep(10000);
	return strcmp(action, "fail") == 0;
}
