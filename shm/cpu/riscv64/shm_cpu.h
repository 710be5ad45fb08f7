/* SPDX-License-Identifier: MIT */
#ifndef SHM_CPU_H
#define SHM_CPU_H

/*
 * Page-table entries of riscv64, Sv39 and Sv48: privileged architecture, 12.4.
 * Bits 8 and 9 are software's. An entry is a pointer to a table when R, W and X
 * are clear; then U, A and D must be clear too. W without R is reserved. A and
 * D are preset, since a hart may fault instead of setting them. Permissions
 * are the last entry's alone: a parent cannot restrict.
 */

#include "shm/port.h"
#include "shm/cpu/invalid.h"

#define SHM_CPU_CAPABILITIES SHM_CACHES_INVALID

#define SHM_RISCV_VALID    (1ull << 0)
#define SHM_RISCV_READ     (1ull << 1)
#define SHM_RISCV_WRITE    (1ull << 2)
#define SHM_RISCV_EXECUTE  (1ull << 3)
#define SHM_RISCV_USER     (1ull << 4)
#define SHM_RISCV_ACCESSED (1ull << 6)
#define SHM_RISCV_DIRTY    (1ull << 7)
#define SHM_RISCV_LINK     (1ull << 8) /* ours, in middle entries */
#define SHM_RISCV_OWN      (1ull << 9) /* ours, in page entries */
#define SHM_RISCV_FRAME    0x003ffffffffffc00ull

#define SHM_ENTRY_NONE 0ull

static inline uint64_t shm_entry_page(uint64_t frame, unsigned protection)
{
	uint64_t entry =
		frame >> 2 | SHM_RISCV_VALID | SHM_RISCV_READ | SHM_RISCV_USER | SHM_RISCV_ACCESSED;
	if (protection & SHM_WRITE)
		entry |= SHM_RISCV_WRITE | SHM_RISCV_DIRTY;
	if (protection & SHM_EXEC)
		entry |= SHM_RISCV_EXECUTE;
	return entry;
}
static inline uint64_t shm_entry_table(uint64_t table)
{
	return table >> 2 | SHM_RISCV_VALID;
}
/* The protection cannot be in the entry: the caller links only what is read-write below. */
static inline uint64_t shm_entry_link(uint64_t table, unsigned protection)
{
	(void)protection;
	return shm_entry_table(table) | SHM_RISCV_LINK;
}
static inline bool shm_entry_is_none(uint64_t entry)
{
	return entry == SHM_ENTRY_NONE;
}
static inline bool shm_entry_is_present(uint64_t entry)
{
	return entry & SHM_RISCV_VALID;
}
static inline bool shm_entry_is_link(uint64_t entry)
{
	return (entry & (SHM_RISCV_VALID | SHM_RISCV_LINK)) == (SHM_RISCV_VALID | SHM_RISCV_LINK);
}
static inline bool shm_entry_is_table(uint64_t entry)
{
	return (entry & (SHM_RISCV_VALID | SHM_RISCV_LINK)) == SHM_RISCV_VALID;
}
static inline uint64_t shm_entry_frame(uint64_t entry)
{
	return (entry & SHM_RISCV_FRAME) << 2;
}
static inline unsigned shm_entry_protection(uint64_t entry)
{
	return SHM_READ | (entry & SHM_RISCV_WRITE ? SHM_WRITE : 0) |
	       (entry & SHM_RISCV_EXECUTE ? SHM_EXEC : 0);
}
static inline unsigned shm_entry_link_protection(uint64_t entry)
{
	(void)entry;
	return SHM_READ | SHM_WRITE;
}
static inline bool shm_entry_accessed(uint64_t entry)
{
	return entry & SHM_RISCV_ACCESSED;
}
static inline uint64_t shm_entry_set_accessed(uint64_t entry)
{
	return entry | SHM_RISCV_ACCESSED;
}
static inline uint64_t shm_entry_clear_accessed(uint64_t entry)
{
	return entry & ~SHM_RISCV_ACCESSED;
}
static inline bool shm_entry_dirty(uint64_t entry)
{
	return entry & SHM_RISCV_DIRTY;
}
static inline uint64_t shm_entry_own(uint64_t entry)
{
	return entry | SHM_RISCV_OWN;
}
static inline bool shm_entry_is_own(uint64_t entry)
{
	return (entry & (SHM_RISCV_VALID | SHM_RISCV_OWN)) == (SHM_RISCV_VALID | SHM_RISCV_OWN);
}

#include "shm/cpu/old.h"

#endif
