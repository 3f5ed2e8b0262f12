/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include <errno.h>
#include <stddef.h>

#include "wire.h"

void domlet_frame_encode(const struct domlet_frame *f, uint8_t out[static DOMLET_FRAME_HEADER_LEN])
{
	domlet_wire_put_u32(out, f->length);
	out[4] = f->type;
	out[5] = f->flags;
	out[6] = (uint8_t)(f->zero & 0xff);
	out[7] = (uint8_t)(f->zero >> 8);
	domlet_wire_put_u32(out + 8, f->stream);
	domlet_wire_put_u32(out + 12, f->seq);
	domlet_wire_put_u32(out + 16, f->ack);
	domlet_wire_put_u32(out + 20, f->epoch);
}

/* What each type allows; min_length > max_length marks a type that is none. */
static const struct shape {
	uint32_t min_length, max_length;
	bool on_stream, has_seq;
} shapes[] = {
	[0] = { 1, 0, false, false },
	[DOMLET_FRAME_MSG] = { 8, DOMLET_MSG_MAX, false, true },
	[DOMLET_FRAME_DATA] = { 1, DOMLET_FRAME_PAYLOAD_MAX, true, false },
	[DOMLET_FRAME_EOF] = { 0, 0, true, false },
	[DOMLET_FRAME_CREDIT] = { 4, 4, true, false },
	[DOMLET_FRAME_ACK] = { 0, 0, false, false },
	[DOMLET_FRAME_RESET] = { 0, 0, true, false },
};

static const char *check(const struct domlet_frame *f)
{
	const struct shape *s = shapes;

	if (f->type < sizeof(shapes) / sizeof(shapes[0]))
		s = &shapes[f->type];
	if (s->min_length > s->max_length)
		return "frame of an unknown type";
	if (f->flags || f->zero)
		return "frame with a reserved bit set";
	if (f->length < s->min_length)
		return "frame too short for its type";
	if (f->length > s->max_length)
		return "frame too long for its type";
	if (!s->on_stream && f->stream)
		return "frame names a stream but its type has none";
	if (s->on_stream && !domlet_stream_in_range(f->stream))
		return "frame names a stream out of range";
	if (s->has_seq != (f->seq != 0))
		return "frame's sequence number does not suit its type";
	return NULL;
}

int domlet_frame_decode(const uint8_t in[static DOMLET_FRAME_HEADER_LEN], struct domlet_frame *f, const char **reason)
{
	f->length = domlet_wire_get_u32(in);
	f->type = in[4];
	f->flags = in[5];
	f->zero = (uint16_t)(in[6] | in[7] << 8);
	f->stream = domlet_wire_get_u32(in + 8);
	f->seq = domlet_wire_get_u32(in + 12);
	f->ack = domlet_wire_get_u32(in + 16);
	f->epoch = domlet_wire_get_u32(in + 20);
	*reason = check(f);
	return *reason ? -EPROTO : 0;
}
