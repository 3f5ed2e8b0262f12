/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_CLEANUP_H
#define DOMLET_BASE_CLEANUP_H

/*
 * The one clean-up scheme: `cleanup_free char *p = NULL;` and alike; what is
 * handed on is taken with take_ptr()/take_fd(). No goto.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void domlet_cleanup_free(void *p)
{
	free(*(void **)p);
}
static inline void domlet_cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void domlet_cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}
static inline void domlet_cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* "unused" is for clang's analyzer, which doesn't take the clean-up for a use. */
#define cleanup_free __attribute__((cleanup(domlet_cleanup_free), unused))
#define cleanup_close __attribute__((cleanup(domlet_cleanup_close), unused))
#define cleanup_fclose __attribute__((cleanup(domlet_cleanup_fclose), unused))
#define cleanup_closedir __attribute__((cleanup(domlet_cleanup_closedir), unused))

static inline int take_fd(int *fd)
{
	int v = *fd;
	*fd = -1;
	return v;
}
#define take_ptr(p)                          \
	__extension__({                      \
		__typeof__(p) *take_ = &(p); \
		__typeof__(p) v_ = *take_;   \
		*take_ = NULL;               \
		v_;                          \
	})

#endif
