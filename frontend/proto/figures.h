/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_FIGURES_H
#define DOMLET_PROTO_FIGURES_H

/*
 * What a guest's kernel has counted of a container, from the container's cgroup
 * (version 2) there: numbers alone, each in a place of its own, so that the
 * answer to STATS always has the same size and no text of a guest's is in it.
 * What the guest's kernel does not count is DOMLET_FIGURE_NONE, as is a limit
 * that there is none of.
 */

#include <stddef.h>
#include <stdint.h>

#define DOMLET_FIGURE_NONE UINT64_MAX

/* Name, file of the cgroup, and the word before the number there; "": the file is one number. */
#define DOMLET_FIGURE_LIST(F)                             \
	F(CPU_USAGE_US, "cpu.stat", "usage_usec")         \
	F(CPU_USER_US, "cpu.stat", "user_usec")           \
	F(CPU_SYSTEM_US, "cpu.stat", "system_usec")       \
	F(CPU_PERIODS, "cpu.stat", "nr_periods")          \
	F(CPU_THROTTLED, "cpu.stat", "nr_throttled")      \
	F(CPU_THROTTLED_US, "cpu.stat", "throttled_usec") \
	F(MEMORY, "memory.current", "")                   \
	F(MEMORY_MAX, "memory.max", "")                   \
	F(SWAP, "memory.swap.current", "")                \
	F(SWAP_MAX, "memory.swap.max", "")                \
	F(OOM_KILLS, "memory.events", "oom_kill")         \
	F(PIDS, "pids.current", "")                       \
	F(PIDS_MAX, "pids.max", "")                       \
	F(HUGE_2M, "hugetlb.2MB.current", "")             \
	F(HUGE_2M_FAILED, "hugetlb.2MB.events", "max")    \
	F(HUGE_1G, "hugetlb.1GB.current", "")             \
	F(HUGE_1G_FAILED, "hugetlb.1GB.events", "max")

/* clang-format off */
/* The words of memory.stat, in their alphabetical order. What a later kernel adds is not told. */
#define DOMLET_FIGURE_MEMORY_LIST(F) \
	F(active_anon) F(active_file) F(anon) F(anon_thp) F(file) F(file_dirty) F(file_mapped) F(file_thp) \
	F(file_writeback) F(hugetlb) F(inactive_anon) F(inactive_file) F(kernel) F(kernel_stack) \
	F(numa_hint_faults) F(numa_pages_migrated) F(numa_pte_updates) F(pagetables) F(percpu) \
	F(pgactivate) F(pgdeactivate) F(pgdemote_direct) F(pgdemote_khugepaged) F(pgdemote_kswapd) \
	F(pgfault) F(pglazyfree) F(pglazyfreed) F(pgmajfault) F(pgpromote_success) F(pgrefill) F(pgscan) \
	F(pgscan_direct) F(pgscan_khugepaged) F(pgscan_kswapd) F(pgscan_proactive) F(pgsteal) \
	F(pgsteal_direct) F(pgsteal_khugepaged) F(pgsteal_kswapd) F(pgsteal_proactive) F(pswpin) \
	F(pswpout) F(sec_pagetables) F(shmem) F(shmem_thp) F(slab) F(slab_reclaimable) \
	F(slab_unreclaimable) F(sock) F(swapcached) F(swpin_zero) F(swpout_zero) F(thp_collapse_alloc) \
	F(thp_fault_alloc) F(thp_swpout) F(thp_swpout_fallback) F(unevictable) F(vmalloc) \
	F(workingset_activate_anon) F(workingset_activate_file) F(workingset_nodereclaim) \
	F(workingset_refault_anon) F(workingset_refault_file) F(workingset_restore_anon) \
	F(workingset_restore_file) F(zswap) F(zswapped) F(zswpin) F(zswpout) F(zswpwb)
/* clang-format on */

enum domlet_figure {
#define F(name, file, key) DOMLET_FIGURE_##name,
	DOMLET_FIGURE_LIST(F)
#undef F
		DOMLET_FIGURE_COUNT
};

enum domlet_figure_memory {
#define F(name) DOMLET_FIGURE_MEMORY_##name,
	DOMLET_FIGURE_MEMORY_LIST(F)
#undef F
		DOMLET_FIGURE_MEMORY_COUNT
};

/* Of block devices that a container has used; further ones are not told. */
#define DOMLET_FIGURE_DEVICES 16u

struct domlet_figure_device {
	uint64_t major, minor; /* major DOMLET_FIGURE_NONE: there is none from here on */
	uint64_t read_bytes, written_bytes, reads, writes;
};

struct domlet_figures {
	uint64_t of[DOMLET_FIGURE_COUNT];
	uint64_t memory[DOMLET_FIGURE_MEMORY_COUNT];
	struct domlet_figure_device devices[DOMLET_FIGURE_DEVICES];
};

/* On the wire each number is 8 bytes, in the order of the struct. */
#define DOMLET_FIGURES_COUNT (sizeof(struct domlet_figures) / sizeof(uint64_t))
#define DOMLET_FIGURES_LEN sizeof(struct domlet_figures)

const char *domlet_figure_file(enum domlet_figure f);
const char *domlet_figure_key(enum domlet_figure f);
const char *domlet_figure_memory_key(enum domlet_figure_memory f);

/* All DOMLET_FIGURE_NONE. */
void domlet_figures_init(struct domlet_figures *figures);
void domlet_figures_encode(const struct domlet_figures *figures, uint8_t out[DOMLET_FIGURES_LEN]);
/* 0 or -EPROTO with a static sentence in *REASON: another length, or a device that Linux can't number. */
int domlet_figures_decode(const uint8_t *in, size_t len, struct domlet_figures *figures, const char **reason);

#endif
