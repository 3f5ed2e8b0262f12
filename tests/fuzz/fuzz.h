/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FUZZ_H
#define DOMLET_FUZZ_H

/*
 * A target eats any bytes and returns 0; what must never happen ends in
 * abort() or in a sanitizer's report. libFuzzer calls it (`./dev fuzz`), and
 * replay.c does with the files of corpus/ (`meson test`).
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
