/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_REQUESTS_H
#define DOMLET_TESTS_REQUESTS_H

/*
 * What tests ask of their one agent, and what they expect of it. Requests
 * return the reply's code; containers and processes go by the protocol's
 * numbers, ARGS and JSON by its texts.
 */

#include "monitor.h"

extern struct monitor m;

/* Before and after a test that has an agent. */
int open_agent(void **state);
int close_agent(void **state);
#define WITH_AGENT(name) cmocka_unit_test_setup_teardown(name, open_agent, close_agent)

uint32_t send_create(uint32_t container, uint32_t process, const char *document, size_t len, const uint8_t *sha256);
int create_with(uint32_t container, uint32_t process, const char *document, size_t len, const uint8_t *sha256);
/* Frees DOCUMENT. */
int create_document(uint32_t container, uint32_t process, char *document);
int create(uint32_t container, uint32_t process, const char *args);
int start(uint32_t container);
/* Both, which go well. */
void run(uint32_t container, uint32_t process, const char *args);
/* Without waiting: the request's number. */
uint32_t send_exec(uint32_t container, uint32_t process, const char *json);
int exec(uint32_t container, uint32_t process, const char *json);
int exec_args(uint32_t container, uint32_t process, const char *args);
int send_signal(uint32_t container, uint32_t process, int signo, bool all);
int delete_container(uint32_t container);
uint32_t send_freeze(uint32_t container);
uint32_t send_thaw(uint32_t container);
/* The last reply's. */
const char *last_text(void);

/* All that a process has written. */
void assert_output(uint32_t process, enum domlet_stream_kind kind, const char *text);
/* Container 0 ends well and has said TEXT, and nothing to complain of. Frees DOCUMENT. */
void expect_output(char *document, const char *text);
/* TEXT is in what it writes, sooner or later. */
void await_output(uint32_t process, const char *text);

#endif
