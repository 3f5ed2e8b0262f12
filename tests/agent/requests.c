// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../frontend/proto/sha256.h"
#include "guest.h"
#include "requests.h"

struct monitor m;

uint32_t send_create(uint32_t container, uint32_t process, const char *document, size_t len, const uint8_t *sha256)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_CREATE };
	uint32_t config = domlet_stream_id(process, DOMLET_STREAM_CONFIG), request;

	msg.create.container = container;
	msg.create.process = process;
	msg.create.source = 1;
	msg.create.length = (uint32_t)len;
	msg.create.sha256 = (struct domlet_slice){ sha256, DOMLET_SHA256_LEN };
	monitor_open_streams(&m, process);
	assert_int_equal(domlet_link_open(&m.link, config), 0);
	request = monitor_send(&m, &msg);
	monitor_write(&m, config, document, strlen(document), true);
	domlet_link_close(&m.link, config);
	return request;
}

int create_with(uint32_t container, uint32_t process, const char *document, size_t len, const uint8_t *sha256)
{
	return monitor_reply(&m, send_create(container, process, document, len, sha256));
}

int create_document(uint32_t container, uint32_t process, char *document)
{
	uint8_t sha256[DOMLET_SHA256_LEN];
	int r;

	domlet_sha256(document, strlen(document), sha256);
	r = create_with(container, process, document, strlen(document), sha256);
	free(document);
	return r;
}

int create(uint32_t container, uint32_t process, const char *args)
{
	return create_document(container, process, document_of(args, ""));
}

int start(uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_START };

	msg.start.container = container;
	return monitor_ask(&m, &msg);
}

void run(uint32_t container, uint32_t process, const char *args)
{
	assert_int_equal(create(container, process, args), 0);
	assert_int_equal(start(container), 0);
}

uint32_t send_exec(uint32_t container, uint32_t process, const char *json)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_EXEC };

	msg.exec.container = container;
	msg.exec.process = process;
	msg.exec.process_json = (struct domlet_slice){ (const uint8_t *)json, (uint32_t)strlen(json) };
	monitor_open_streams(&m, process);
	return monitor_send(&m, &msg);
}

int exec(uint32_t container, uint32_t process, const char *json)
{
	int r = monitor_reply(&m, send_exec(container, process, json));

	if (r)
		monitor_close_streams(&m, process);
	return r;
}

int exec_args(uint32_t container, uint32_t process, const char *args)
{
	char *json = text_of("{" PROCESS ", \"args\": %s}", args);
	int r = exec(container, process, json);

	free(json);
	return r;
}

int send_signal(uint32_t container, uint32_t process, int signo, bool all)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SIGNAL };

	msg.signal.container = container;
	msg.signal.process = process;
	msg.signal.signo = (uint32_t)signo;
	msg.signal.all = all;
	return monitor_ask(&m, &msg);
}

int delete_container(uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_DELETE };

	msg.delete_.container = container;
	return monitor_ask(&m, &msg);
}

uint32_t send_freeze(uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_FREEZE };

	msg.freeze.container = container;
	return monitor_send(&m, &msg);
}

uint32_t send_thaw(uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_THAW };

	msg.thaw.container = container;
	return monitor_send(&m, &msg);
}

const char *last_text(void)
{
	return m.replies[m.requests].text;
}

void assert_output(uint32_t process, enum domlet_stream_kind kind, const char *text)
{
	const struct output *o = &m.outputs[domlet_stream_id(process, kind)];

	char *got = text_of("%.*s", (int)o->len, o->len ? (const char *)o->bytes : "");

	assert_string_equal(got, text);
	assert_true(o->eof);
	free(got);
}

void expect_output(char *document, const char *text)
{
	assert_int_equal(create_document(0, 1, document), 0);
	assert_int_equal(start(0), 0);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_output(1, DOMLET_STREAM_STDERR, "");
	assert_output(1, DOMLET_STREAM_STDOUT, text);
}

void await_output(uint32_t process, const char *text)
{
	const struct output *o = &m.outputs[domlet_stream_id(process, DOMLET_STREAM_STDOUT)];

	for (int i = 0; i < WAIT_MS / 100; i++) {
		if (o->len && memmem(o->bytes, o->len, text, strlen(text)))
			return;
		monitor_turn(&m, 100);
	}
	fail_msg("process %u does not write \"%s\"", process, text);
}

int open_agent(void **state)
{
	(void)state;
	monitor_open(&m);
	return 0;
}

int close_agent(void **state)
{
	(void)state;
	return monitor_close(&m);
}
