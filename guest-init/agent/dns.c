// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns.h"

#include <string.h>

/* Of a header: an identifier, two bytes of flags, and how many questions, answers, authorities and additional records
 * there are. */
enum { FLAGS = 2, COUNTS = 4, HEADER = 12 };
#define IS_ANSWER 0x80u
#define IS_CUT 0x02u

#define TYPE_OPT 41u
/* Of a record, behind its name: type, class (the size, of OPT), four bytes, the length of what follows. */
enum { RECORD_CLASS = 2, RECORD_LENGTH = 8, RECORD = 10 };

static uint32_t get_u16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* Where what is behind the name at AT begins; 0: it does not end. */
static size_t skip_name(const uint8_t *message, size_t len, size_t at)
{
	while (at < len) {
		uint8_t label = message[at];

		if (label == 0)
			return at + 1;
		if (label >= 0xc0) /* the rest of it stands elsewhere */
			return at + 2 <= len ? at + 2 : 0;
		if (label >= 0x40)
			return 0;
		at += 1u + label;
	}
	return 0;
}

/* Each takes five bytes at least, so their number is the length's to bound; of records the same. */
static size_t skip_questions(const uint8_t *message, size_t len)
{
	size_t at = HEADER;

	for (uint32_t n = get_u16(message + COUNTS); n; n--) {
		at = skip_name(message, len, at);
		if (!at || len - at < 4)
			return 0;
		at += 4;
	}
	return at;
}

/* Where the record OPT has its class; 0: there is none. */
static size_t find_opt(const uint8_t *message, size_t len)
{
	uint32_t others = get_u16(message + COUNTS + 2) + get_u16(message + COUNTS + 4),
		 all = others + get_u16(message + COUNTS + 6);
	size_t at = skip_questions(message, len);

	for (uint32_t i = 0; at && i < all; i++) {
		at = skip_name(message, len, at);
		if (!at || len - at < RECORD)
			return 0;
		if (i >= others && get_u16(message + at) == TYPE_OPT)
			return at + RECORD_CLASS;
		at += RECORD + get_u16(message + at + RECORD_LENGTH);
		if (at > len)
			return 0;
	}
	return 0;
}

void domlet_dns_lower(uint8_t *message, size_t len)
{
	size_t at = len >= HEADER && !(message[FLAGS] & IS_ANSWER) ? find_opt(message, len) : 0;

	if (!at || get_u16(message + at) <= DOMLET_DNS_UDP_SIZE)
		return;
	message[at] = DOMLET_DNS_UDP_SIZE >> 8;
	message[at + 1] = DOMLET_DNS_UDP_SIZE & 0xff;
}

size_t domlet_dns_cut(uint8_t *message, size_t len)
{
	size_t end;

	if (len < HEADER)
		return 0;
	end = skip_questions(message, len);
	message[FLAGS] |= IS_CUT;
	memset(message + COUNTS + (end ? 2 : 0), 0, end ? 6 : 8);
	return end ? end : HEADER;
}
