/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The random seed, on a xenstore and a kernel of this file's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <xenstore.h>

#include "../../frontend/proto/limits.h"
#include "../../guest-init/boot.h"

static const char *node; /* NULL: there is none */
static int refusal;      /* the kernel's */
static unsigned int credits;
static struct {
	int entropy_count, buf_size;
	uint8_t bytes[DOMLET_SEED_LEN];
} credited;

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *len)
{
	(void)xs, (void)t;
	assert_string_equal(path, "domlet/seed");
	*len = node ? (unsigned int)strlen(node) : 0;
	return node ? strdup(node) : NULL;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;

	assert_true(fd >= 0 && request == RNDADDENTROPY);
	va_start(ap, request);
	memcpy(&credited, va_arg(ap, void *), sizeof credited);
	va_end(ap);
	credits++;
	errno = refusal;
	return refusal ? -1 : 0;
}

static char seed[2 * DOMLET_SEED_LEN + 1];

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * DOMLET_SEED_LEN; i++)
		seed[i] = "0123456789abcdef"[i * 5 / 3 % 16];
	node = seed;
	refusal = 0;
	credits = 0;
	return 0;
}

static void refuses(int code, const char *words)
{
	struct domlet_failure failure = { 0 };

	assert_int_equal(domlet_boot_seed(NULL, &failure), -code);
	assert_int_equal(failure.code, code);
	if (!strstr(failure.text, words))
		fail_msg("\"%s\" does not say \"%s\"", failure.text, words);
}

static void the_seed_is_credited(void **state)
{
	struct domlet_failure failure = { 0 };
	char byte[3] = "";

	(void)state;
	assert_int_equal(domlet_boot_seed(NULL, &failure), 0);
	assert_int_equal(failure.code, 0);
	assert_int_equal(credits, 1);
	assert_int_equal(credited.entropy_count, 512);
	assert_int_equal(credited.buf_size, 64);
	for (size_t i = 0; i < DOMLET_SEED_LEN; i++) {
		memcpy(byte, seed + 2 * i, 2);
		assert_int_equal(credited.bytes[i], strtoul(byte, NULL, 16));
	}
}

static void what_is_no_seed_is_refused(void **state)
{
	(void)state;
	node = NULL;
	refuses(ENODATA, "dom0 gave none of 64 bytes");
	node = "";
	refuses(ENODATA, "dom0 gave none");
	node = seed + 2;
	refuses(ENODATA, "dom0 gave none");
	node = seed;
	for (size_t i = 0; i < 2 * DOMLET_SEED_LEN; i++) {
		char digit = seed[i];

		seed[i] = i % 2 ? 'g' : '/';
		refuses(EINVAL, "EINVAL");
		seed[i] = digit;
	}
	assert_int_equal(credits, 0);
}

static void the_kernel_refuses_it(void **state)
{
	(void)state;
	refusal = EPERM;
	refuses(EPERM, "can't credit dom0's: EPERM");
	assert_int_equal(credits, 1);
}

/* What kernels without huge pages showed in /proc/sys/vm/min_free_kbytes. */
static void what_is_kept_free(void **state)
{
	(void)state;
	assert_int_equal(domlet_boot_reserve_kib(0), 128);
	assert_int_equal(domlet_boot_reserve_kib(1024), 128);
	assert_int_equal(domlet_boot_reserve_kib(64 * 1024), 1024);
	assert_int_equal(domlet_boot_reserve_kib(64 * 1024 - 1), 1023);
	assert_int_equal(domlet_boot_reserve_kib(1024 * 1024), 4096);
	assert_int_equal(domlet_boot_reserve_kib(64ull * 1024 * 1024), 32768);
	assert_int_equal(domlet_boot_reserve_kib(16ull * 1024 * 1024 * 1024), 262144);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_free),
		cmocka_unit_test_setup(the_seed_is_credited, set_up),
		cmocka_unit_test_setup(what_is_no_seed_is_refused, set_up),
		cmocka_unit_test_setup(the_kernel_refuses_it, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
