/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_SIM_H
#define DOMLET_SIM_H

/*
 * Deterministic simulations: one seed decides everything that happens, so a
 * failing seed fails again. A scenario runs to its end or calls sim_fail().
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct sim {
	const char *scenario;
	uint64_t seed, random;
	uint64_t now; /* simulated time: steps */
	bool verbose;
};

uint64_t sim_next(struct sim *s);
/* 0 to BELOW - 1 */
static inline uint32_t sim_pick(struct sim *s, uint32_t below)
{
	assert(below > 0);
	return (uint32_t)(sim_next(s) >> 33) % below;
}
static inline bool sim_chance(struct sim *s, uint32_t percent)
{
	return sim_pick(s, 100) < percent;
}

/* Says the scenario, the seed, the time and what is wrong; ends the program. */
_Noreturn void sim_fail(const struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_note(const struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void sim_link(struct sim *s); /* two links and their ring */
void sim_life(struct sim *s); /* the lives of a domain and four containers, and their guest */

#endif
