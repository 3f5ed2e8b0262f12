/* SPDX-License-Identifier: MIT */
#include "msg.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire.h"

const char *domlet_msg_name(uint32_t type)
{
	switch (type) {
#define M(NAME, member, number, dir) \
	case number: return #NAME;
		DOMLET_MSG_LIST(M)
#undef M
	default: return "unknown";
	}
}

char domlet_msg_direction(uint32_t type)
{
	switch (type) {
#define M(NAME, member, number, dir) \
	case number: return #dir[0];
		DOMLET_MSG_LIST(M)
#undef M
	default: return 0;
	}
}

/* size_hello(), size_welcome(), ...: bytes of the fields. */
#define SIZE_U32(n) size += 4;
#define SIZE_U64(n) size += 8;
#define SIZE_SLICE(n) size += 4 + (size_t)f->n.len;
/* clang-format off */
#define M(NAME, member, number, dir)                                                             \
	static size_t size_##member(const struct domlet_msg_##member *f)                         \
	{                                                                                        \
		size_t size = 0;                                                                 \
		(void)f;                                                                         \
		DOMLET_MSG_##NAME##_FIELDS(SIZE_U32, SIZE_U64, SIZE_U32, SIZE_SLICE, SIZE_SLICE) \
		return size;                                                                     \
	}
DOMLET_MSG_LIST(M)
#undef M

/* clang-format on */

size_t domlet_msg_size(const struct domlet_msg *m)
{
	switch (m->type) {
#define M(NAME, member, number, dir) \
	case number: return 8 + size_##member(&m->member);
		DOMLET_MSG_LIST(M)
#undef M
	default: return 0;
	}
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
	domlet_wire_put_u32(p, v);
	return p + 4;
}

static uint8_t *put_u64(uint8_t *p, uint64_t v)
{
	return put_u32(put_u32(p, (uint32_t)(v & UINT32_MAX)), (uint32_t)(v >> 32));
}

static uint8_t *put_slice(uint8_t *p, const struct domlet_slice *s)
{
	p = put_u32(p, s->len);
	if (s->len)
		memcpy(p, s->ptr, s->len);
	return p + s->len;
}

static bool has_nul(const struct domlet_slice *s)
{
	return s->len && memchr(s->ptr, 0, s->len);
}

/* clang-format off */
/* put_hello(), ...: the fields at P; false when a string holds a NUL. The
 * caller has checked the size. */
#define PUT_U32(n) p = put_u32(p, f->n);
#define PUT_U64(n) p = put_u64(p, f->n);
#define PUT_I32(n) p = put_u32(p, (uint32_t)f->n);
#define PUT_STR(n) p = put_slice(p, &f->n); ok = ok && !has_nul(&f->n);
#define PUT_BYTES(n) p = put_slice(p, &f->n);
#define M(NAME, member, number, dir)                                                             \
	static bool put_##member(uint8_t *p, const struct domlet_msg_##member *f)                \
	{                                                                                        \
		bool ok = true;                                                                  \
		DOMLET_MSG_##NAME##_FIELDS(PUT_U32, PUT_U64, PUT_I32, PUT_STR, PUT_BYTES)        \
		(void)p, (void)f;                                                                \
		return ok;                                                                       \
	}
DOMLET_MSG_LIST(M)
#undef M

/* clang-format on */

int domlet_msg_encode(const struct domlet_msg *m, uint8_t *out, size_t out_len)
{
	size_t size = domlet_msg_size(m);
	bool ok = false;

	if (size > DOMLET_MSG_MAX || size > out_len)
		return -EMSGSIZE;
	if (size == 0)
		return -EINVAL;
	put_u32(put_u32(out, m->type), m->request);
	switch (m->type) {
#define M(NAME, member, number, dir) \
	case number: ok = put_##member(out + 8, &m->member); break;
		DOMLET_MSG_LIST(M)
#undef M
	}
	return ok ? (int)size : -EINVAL;
}

struct reader {
	const uint8_t *p;
	size_t left;
	const char *reason; /* first thing wrong */
};

static uint32_t get_u32(struct reader *r)
{
	uint32_t v;

	if (r->reason || r->left < 4) {
		r->reason = r->reason ? r->reason : "message ends inside a field";
		return 0;
	}
	v = domlet_wire_get_u32(r->p);
	r->p += 4;
	r->left -= 4;
	return v;
}

static uint64_t get_u64(struct reader *r)
{
	uint64_t low = get_u32(r);

	return low | (uint64_t)get_u32(r) << 32;
}

static struct domlet_slice get_bytes(struct reader *r)
{
	struct domlet_slice s = { NULL, get_u32(r) };

	if (!r->reason && s.len > r->left)
		r->reason = "message's field is longer than the message";
	if (r->reason)
		return (struct domlet_slice){ NULL, 0 };
	s.ptr = r->p;
	r->p += s.len;
	r->left -= s.len;
	return s;
}

static struct domlet_slice get_str(struct reader *r)
{
	struct domlet_slice s = get_bytes(r);

	if (!r->reason && has_nul(&s))
		r->reason = "message's string holds a NUL";
	return s;
}

/* clang-format off */
/* get_hello(), ...: the fields in order. */
#define GET_U32(n) f->n = get_u32(r);
#define GET_U64(n) f->n = get_u64(r);
#define GET_I32(n) f->n = (int32_t)get_u32(r);
#define GET_STR(n) f->n = get_str(r);
#define GET_BYTES(n) f->n = get_bytes(r);
#define M(NAME, member, number, dir)                                                             \
	static void get_##member(struct reader *r, struct domlet_msg_##member *f)                \
	{                                                                                        \
		(void)r, (void)f;                                                                \
		DOMLET_MSG_##NAME##_FIELDS(GET_U32, GET_U64, GET_I32, GET_STR, GET_BYTES)        \
	}
DOMLET_MSG_LIST(M)
#undef M

/* clang-format on */

int domlet_msg_decode(const uint8_t *in, size_t in_len, struct domlet_msg *m, const char **reason)
{
	struct reader r = { in, in_len, NULL };

	memset(m, 0, sizeof(*m));
	if (in_len > DOMLET_MSG_MAX)
		r.reason = "message is too long";
	m->type = get_u32(&r);
	m->request = get_u32(&r);
	switch (m->type) {
#define M(NAME, member, number, dir) \
	case number: get_##member(&r, &m->member); break;
		DOMLET_MSG_LIST(M)
#undef M
	default:
		if (!r.reason)
			r.reason = "message of an unknown type";
	}
	if (!r.reason && r.left)
		r.reason = "message with bytes after its last field";
	*reason = r.reason;
	return r.reason ? -EPROTO : 0;
}
