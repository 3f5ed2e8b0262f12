// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../../frontend/proto/frame.h"

static const uint32_t stdin_of_1 = 1 << 2 | DOMLET_STREAM_STDIN;

static int reread(const struct domlet_frame *f, const char **reason)
{
	uint8_t header[DOMLET_FRAME_HEADER_LEN];
	struct domlet_frame got;
	int rc;

	domlet_frame_encode(f, header);
	rc = domlet_frame_decode(header, &got, reason);
	assert_int_equal(got.length, f->length);
	assert_int_equal(got.type, f->type);
	assert_int_equal(got.flags, f->flags);
	assert_int_equal(got.zero, f->zero);
	assert_int_equal(got.stream, f->stream);
	assert_int_equal(got.seq, f->seq);
	assert_int_equal(got.ack, f->ack);
	assert_int_equal(got.epoch, f->epoch);
	assert_int_equal(rc, *reason ? -EPROTO : 0);
	return rc;
}

static void accepts(struct domlet_frame f)
{
	const char *reason;

	if (reread(&f, &reason) < 0)
		fail_msg("type %u, length %u, stream %u: %s", f.type, f.length, f.stream, reason);
}

static void refuses(struct domlet_frame f, const char *words)
{
	const char *reason;

	assert_int_equal(reread(&f, &reason), -EPROTO);
	if (!strstr(reason, words))
		fail_msg("\"%s\" does not say \"%s\"", reason, words);
}

/* The bytes themselves, since another program may write them. */
static void header_is_little_endian(void **state)
{
	static const uint8_t bytes[DOMLET_FRAME_HEADER_LEN] = {
		4, 0, 0, 0, DOMLET_FRAME_CREDIT, 0, 0, 0, 0x05, 0x41, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1, 9, 0, 0, 0x80,
	};
	uint8_t again[DOMLET_FRAME_HEADER_LEN];
	struct domlet_frame f;
	const char *reason;

	(void)state;
	/* Stream 0x4105 is what comes by connection 64: one too many. */
	assert_int_equal(domlet_frame_decode(bytes, &f, &reason), -EPROTO);
	assert_int_equal(f.length, 4);
	assert_int_equal(f.stream, 0x4105);
	assert_int_equal(f.ack, 0x01020304);
	assert_int_equal(f.epoch, 0x80000009);
	domlet_frame_encode(&f, again);
	assert_memory_equal(bytes, again, sizeof(bytes));
}

static void accepts_each_type_up_to_its_bounds(void **state)
{
	uint32_t last = domlet_stream_id(DOMLET_PROCESS_MAX, DOMLET_STREAM_CONFIG);
	uint32_t last_of_all = domlet_stream_id(DOMLET_STREAM_CONNECTION + DOMLET_FORWARD_CONNECTION_MAX - 1,
						DOMLET_STREAM_STDOUT);

	(void)state;
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = 8, .seq = 1 });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = DOMLET_MSG_MAX, .seq = UINT32_MAX });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_DATA, .length = 1, .stream = stdin_of_1 });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_DATA, .length = DOMLET_FRAME_PAYLOAD_MAX, .stream = last });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = last });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_CREDIT, .length = 4, .stream = last });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = last_of_all });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .ack = UINT32_MAX, .epoch = UINT32_MAX });
	accepts((struct domlet_frame){ .type = DOMLET_FRAME_RESET, .stream = stdin_of_1 });
}

static void refuses_what_is_out_of_bounds(void **state)
{
	(void)state;
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = 7, .seq = 1 }, "too short");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = DOMLET_MSG_MAX + 1, .seq = 1 }, "too long");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_DATA, .length = 0, .stream = stdin_of_1 }, "too short");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_DATA,
				       .length = DOMLET_FRAME_PAYLOAD_MAX + 1,
				       .stream = stdin_of_1 },
		"too long");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_DATA, .length = UINT32_MAX, .stream = stdin_of_1 },
		"too long");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .length = 1, .stream = stdin_of_1 }, "too long");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_CREDIT, .length = 3, .stream = stdin_of_1 }, "too short");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_CREDIT, .length = 5, .stream = stdin_of_1 }, "too long");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .length = 1 }, "too long");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_RESET, .length = 4, .stream = stdin_of_1 }, "too long");
}

static void refuses_wrong_fields(void **state)
{
	uint32_t beyond = DOMLET_STREAM_END, third = domlet_stream_id(DOMLET_STREAM_CONNECTION, DOMLET_STREAM_STDERR);

	(void)state;
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .flags = 1 }, "reserved");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .zero = 0x100 }, "reserved");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .stream = stdin_of_1 }, "type has none");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = 8, .seq = 1, .stream = 4 }, "type has none");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = 0 }, "out of range");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = 3 }, "out of range");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = beyond }, "out of range");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = third }, "out of range");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = UINT32_MAX }, "out of range");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = 8 }, "sequence");
	refuses((struct domlet_frame){ .type = DOMLET_FRAME_EOF, .stream = 4, .seq = 1 }, "sequence");
}

static void knows_six_types(void **state)
{
	(void)state;
	for (uint32_t type = 0; type <= UINT8_MAX; type++) {
		struct domlet_frame f = { .type = (uint8_t)type, .length = UINT32_MAX, .flags = 1 };

		refuses(f, type >= DOMLET_FRAME_MSG && type <= DOMLET_FRAME_RESET ? "reserved" : "unknown type");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_little_endian),
		cmocka_unit_test(accepts_each_type_up_to_its_bounds),
		cmocka_unit_test(refuses_what_is_out_of_bounds),
		cmocka_unit_test(refuses_wrong_fields),
		cmocka_unit_test(knows_six_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
