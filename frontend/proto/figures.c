/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <errno.h>
#include <string.h>

#include "wire.h"

/* Linux' dev_t: 12 and 20 bits. */
#define MAJOR_MAX 4095u
#define MINOR_MAX 1048575u

_Static_assert(DOMLET_FIGURES_LEN == DOMLET_FIGURES_COUNT * 8, "numbers alone, and nothing between them");

static const char *const files[] = {
#define F(name, file, key) file,
	DOMLET_FIGURE_LIST(F)
#undef F
};

static const char *const keys[] = {
#define F(name, file, key) key,
	DOMLET_FIGURE_LIST(F)
#undef F
};

static const char *const memory_keys[] = {
#define F(name) #name,
	DOMLET_FIGURE_MEMORY_LIST(F)
#undef F
};

const char *domlet_figure_file(enum domlet_figure f)
{
	return files[f];
}

const char *domlet_figure_key(enum domlet_figure f)
{
	return keys[f];
}

const char *domlet_figure_memory_key(enum domlet_figure_memory f)
{
	return memory_keys[f];
}

void domlet_figures_init(struct domlet_figures *figures)
{
	memset(figures, 0xff, sizeof *figures);
}

void domlet_figures_encode(const struct domlet_figures *figures, uint8_t out[DOMLET_FIGURES_LEN])
{
	uint64_t numbers[DOMLET_FIGURES_COUNT];

	memcpy(numbers, figures, sizeof numbers);
	for (size_t i = 0; i < DOMLET_FIGURES_COUNT; i++) {
		domlet_wire_put_u32(out + 8 * i, (uint32_t)(numbers[i] & UINT32_MAX));
		domlet_wire_put_u32(out + 8 * i + 4, (uint32_t)(numbers[i] >> 32));
	}
}

int domlet_figures_decode(const uint8_t *in, size_t len, struct domlet_figures *figures, const char **reason)
{
	uint64_t numbers[DOMLET_FIGURES_COUNT];

	*reason = NULL;
	if (len != DOMLET_FIGURES_LEN) {
		*reason = "figures of another length";
		return -EPROTO;
	}
	for (size_t i = 0; i < DOMLET_FIGURES_COUNT; i++)
		numbers[i] = domlet_wire_get_u32(in + 8 * i) | (uint64_t)domlet_wire_get_u32(in + 8 * i + 4) << 32;
	memcpy(figures, numbers, sizeof numbers);
	for (size_t i = 0; i < DOMLET_FIGURE_DEVICES && figures->devices[i].major != DOMLET_FIGURE_NONE; i++)
		if (figures->devices[i].major > MAJOR_MAX || figures->devices[i].minor > MINOR_MAX) {
			*reason = "figures of a device that can't be";
			return -EPROTO;
		}
	return 0;
}
