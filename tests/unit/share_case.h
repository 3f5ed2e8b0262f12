/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_UNIT_SHARE_CASE_H
#define DOMLET_TESTS_UNIT_SHARE_CASE_H

/*
 * What the cases of several tests of the share begin with: a client of its own for each, and files of export 0 as dom0
 * has them. cmocka's headers come before this one.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "share_client.h"

static struct share_client c;
static uint64_t top; /* export 0 */

static inline int setup(void **state)
{
	(void)state;
	share_client_open(&c);
	top = share_client_export(&c, 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	share_client_close(&c);
	return 0;
}

static inline const char *real(const char *name)
{
	char tail[300];

	snprintf(tail, sizeof tail, "0/%s", name);
	return share_client_path(&c, tail);
}

static inline struct stat stat_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(real(name), &st), 0);
	return st;
}

static inline void put_host_file(const char *name, const char *text)
{
	int fd = open(real(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

#endif
