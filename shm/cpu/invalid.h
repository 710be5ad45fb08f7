/* SPDX-License-Identifier: MIT */
#ifndef SHM_CPU_INVALID_H
#define SHM_CPU_INVALID_H

/*
 * The states of an entry that hardware sees as invalid, alike on all CPUs,
 * since on each of them bit 0 clear means invalid:
 *
 *   63 ........ 12  11 ...... 4   3 2 1   0
 *   frame           flags          1      0   old: page still there, not accessible
 *   slot            0              2      0   swapped
 *   record (16-byte aligned) << 7  3      0   busy: I/O under way
 *   0               0              4      0   poison: contents lost, SIGBUS
 *                                  6, 7      taken: a page not accessed, on loongarch64
 *
 * Bits 5, 6 and 10, one of which is "accessed" on each CPU but loongarch64, are
 * clear in all of them: so an entry that is accessed is present.
 *
 * Included by each shm_cpu.h, which adds shm_entry_old and shm_entry_young.
 */

#include <stdbool.h>
#include <stdint.h>

#define SHM_INVALID_KIND    (7ull << 1)
#define SHM_INVALID_OLD     (1ull << 1)
#define SHM_INVALID_SWAPPED (2ull << 1)
#define SHM_INVALID_BUSY    (3ull << 1)
#define SHM_INVALID_POISON  (4ull << 1)

#define SHM_OLD_PROTECTION_SHIFT 7 /* three bits */
#define SHM_OLD_OWN              (1ull << 11)

#define SHM_BUSY_SHIFT 7 /* of an address, whose highest bits are alike */

static inline bool shm_entry_is_kind(uint64_t entry, uint64_t kind)
{
	return (entry & (SHM_INVALID_KIND | 1)) == kind;
}
static inline bool shm_entry_is_old(uint64_t entry)
{
	return shm_entry_is_kind(entry, SHM_INVALID_OLD);
}
static inline uint64_t shm_entry_swapped(uint64_t slot)
{
	return slot << 12 | SHM_INVALID_SWAPPED;
}
static inline bool shm_entry_is_swapped(uint64_t entry)
{
	return shm_entry_is_kind(entry, SHM_INVALID_SWAPPED);
}
static inline uint64_t shm_entry_swap_slot(uint64_t entry)
{
	return entry >> 12;
}
static inline uint64_t shm_entry_busy(const void *record)
{
	return (uint64_t)(uintptr_t)record << SHM_BUSY_SHIFT | SHM_INVALID_BUSY;
}
static inline bool shm_entry_is_busy(uint64_t entry)
{
	return shm_entry_is_kind(entry, SHM_INVALID_BUSY);
}
static inline void *shm_entry_busy_record(uint64_t entry)
{
	return (void *)(uintptr_t)((int64_t)entry >> SHM_BUSY_SHIFT);
}
static inline uint64_t shm_entry_poison(void)
{
	return SHM_INVALID_POISON;
}
static inline bool shm_entry_is_poison(uint64_t entry)
{
	return shm_entry_is_kind(entry, SHM_INVALID_POISON);
}

#endif
