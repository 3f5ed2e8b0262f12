// SPDX-License-Identifier: GPL-2.0-or-later
/* A dom0's /proc/xen is /run/standin/proc on the stand-in: no kernel makes one there. */
#include <stdio.h>
#include <string.h>

FILE *__real_fopen64(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);

FILE *__wrap_fopen64(const char *path, const char *mode)
{
	return __real_fopen64(strcmp(path, "/proc/xen/capabilities") == 0 ? "/run/standin/proc/capabilities" : path,
			      mode);
}
