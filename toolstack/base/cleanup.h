/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_CLEANUP_H
#define DOMLET_BASE_CLEANUP_H

/*
 * The one clean-up scheme of all folders: a variable with one of the attributes
 * below, as in `cleanup_free char *p = NULL;`, owns what it holds and releases it
 * at the end of its scope. Such a variable is set where it is declared, since it
 * is released on each way out. What is handed on leaves it by take_ptr() or
 * take_fd(). There is no goto.
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

/* The descriptor in *FD, which the caller owns from now on; *FD is -1 then. */
static inline int take_fd(int *fd)
{
	int v = *fd;
	*fd = -1;
	return v;
}
/* The same of a pointer: the variable P is NULL then. */
#define take_ptr(p)                          \
	__extension__({                      \
		__typeof__(p) *take_ = &(p); \
		__typeof__(p) v_ = *take_;   \
		*take_ = NULL;               \
		v_;                          \
	})

#endif
