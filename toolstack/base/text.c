/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANGES(r) (sizeof(r) / sizeof((r)[0]))

/* Of Unicode 15: Cc, Cf, Zl, Zp, Cs, Co, and what never will be a character.
 * U+FFFE and U+FFFF of each plane are looked for besides. */
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{ 0x0000, 0x0008 },   { 0x000b, 0x001f },   { 0x007f, 0x009f },   { 0x00ad, 0x00ad },      { 0x0600, 0x0605 },
	{ 0x061c, 0x061c },   { 0x06dd, 0x06dd },   { 0x070f, 0x070f },   { 0x0890, 0x0891 },      { 0x08e2, 0x08e2 },
	{ 0x180e, 0x180e },   { 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },      { 0xd800, 0xf8ff },
	{ 0xfdd0, 0xfdef },   { 0xfeff, 0xfeff },   { 0xfff0, 0xfffb },   { 0x110bd, 0x110bd },    { 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, UINT32_MAX },
};

static bool is_printable(uint32_t c)
{
	if ((c & 0xfffe) == 0xfffe)
		return false;
	for (size_t i = 0; i < RANGES(unprintable) && c >= unprintable[i].first; i++)
		if (c <= unprintable[i].last)
			return false;
	return true;
}

/* The bytes of the character at S, and which it is; 0: S is no UTF-8. The
 * shortest form alone counts: what a longer one says, a terminal may take for
 * the same. A NUL ends it, as it is no byte of a longer character. */
static size_t decode(const unsigned char *s, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 0;

	*c = len > 1 ? s[0] & (0x7fu >> len) : s[0];
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3fu);
	}
	return len && *c >= least[len] ? len : 0;
}

void domlet_text_clean(char *text)
{
	const unsigned char *from = (const unsigned char *)text;
	unsigned char *to = (unsigned char *)text;
	uint32_t c;

	while (*from) {
		size_t len = decode(from, &c);

		if (len == 0 || !is_printable(c)) {
			*to++ = '?';
			from += len ? len : 1;
			continue;
		}
		for (; len; len--)
			*to++ = *from++;
	}
	*to = '\0';
}
