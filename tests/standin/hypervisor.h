/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STANDIN_HYPERVISOR_H
#define DOMLET_STANDIN_HYPERVISOR_H

/* Requests of the stand-in's hypervisor, machine.py, in lines of text. */

#define STANDIN_ANSWER_LEN 16384

/* A descriptor, or below 0. */
int standin_connect(void);
/* One request: 0, or one of libxl's error codes; what is left of "ok TEXT" is in ANSWER. */
int standin_hypercall(char answer[static STANDIN_ANSWER_LEN], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
