/* SPDX-License-Identifier: MIT */
#ifndef SHM_CPU_H
#define SHM_CPU_H

/*
 * Page-table entries of aarch64, stage 1, 4 KiB granule, 48-bit output: Arm ARM
 * D8.3. Bits 55 to 58 are software's in pages and ignored in table entries.
 * APTable[1] in a table entry makes everything below it read-only. AttrIndx 0
 * must be normal write-back memory in MAIR_EL1. DBM is not used: writable means
 * dirty. The access flag is preset, since not every CPU sets it.
 */

#include "shm/port.h"
#include "shm/cpu/invalid.h"

#define SHM_CPU_CAPABILITIES SHM_PARENT_RESTRICT

#define SHM_ARM_VALID      (1ull << 0)
#define SHM_ARM_TABLE      (1ull << 1) /* a table, or at the last level a page */
#define SHM_ARM_USER       (1ull << 6) /* AP[1] */
#define SHM_ARM_READ_ONLY  (1ull << 7) /* AP[2] */
#define SHM_ARM_INNER      (3ull << 8) /* SH: inner shareable */
#define SHM_ARM_ACCESSED   (1ull << 10)
#define SHM_ARM_NOT_GLOBAL (1ull << 11)
#define SHM_ARM_PXN        (1ull << 53)
#define SHM_ARM_UXN        (1ull << 54)
#define SHM_ARM_LINK       (1ull << 55) /* ours, in middle entries */
#define SHM_ARM_OWN        (1ull << 56) /* ours, in page entries */
#define SHM_ARM_TABLE_UXN  (1ull << 60)
#define SHM_ARM_TABLE_READ (1ull << 62) /* APTable[1] */
#define SHM_ARM_FRAME      0x0000fffffffff000ull

#define SHM_ENTRY_NONE 0ull

static inline uint64_t shm_entry_page(uint64_t frame, unsigned protection)
{
	uint64_t entry = frame | SHM_ARM_VALID | SHM_ARM_TABLE | SHM_ARM_USER | SHM_ARM_INNER |
			 SHM_ARM_ACCESSED | SHM_ARM_NOT_GLOBAL | SHM_ARM_PXN;
	if (!(protection & SHM_WRITE))
		entry |= SHM_ARM_READ_ONLY;
	if (!(protection & SHM_EXEC))
		entry |= SHM_ARM_UXN;
	return entry;
}
static inline uint64_t shm_entry_table(uint64_t table)
{
	return table | SHM_ARM_VALID | SHM_ARM_TABLE;
}
static inline uint64_t shm_entry_link(uint64_t table, unsigned protection)
{
	uint64_t entry = shm_entry_table(table) | SHM_ARM_LINK | SHM_ARM_TABLE_UXN;
	if (!(protection & SHM_WRITE))
		entry |= SHM_ARM_TABLE_READ;
	return entry;
}
static inline bool shm_entry_is_none(uint64_t entry)
{
	return entry == SHM_ENTRY_NONE;
}
static inline bool shm_entry_is_present(uint64_t entry)
{
	return entry & SHM_ARM_VALID;
}
static inline bool shm_entry_is_link(uint64_t entry)
{
	return (entry & (SHM_ARM_VALID | SHM_ARM_LINK)) == (SHM_ARM_VALID | SHM_ARM_LINK);
}
static inline bool shm_entry_is_table(uint64_t entry)
{
	return (entry & (SHM_ARM_VALID | SHM_ARM_LINK)) == SHM_ARM_VALID;
}
static inline uint64_t shm_entry_frame(uint64_t entry)
{
	return entry & SHM_ARM_FRAME;
}
static inline unsigned shm_entry_protection(uint64_t entry)
{
	return SHM_READ | (entry & SHM_ARM_READ_ONLY ? 0 : SHM_WRITE) |
	       (entry & SHM_ARM_UXN ? 0 : SHM_EXEC);
}
static inline unsigned shm_entry_link_protection(uint64_t entry)
{
	return SHM_READ | (entry & SHM_ARM_TABLE_READ ? 0 : SHM_WRITE);
}
static inline bool shm_entry_accessed(uint64_t entry)
{
	return entry & SHM_ARM_ACCESSED;
}
static inline uint64_t shm_entry_set_accessed(uint64_t entry)
{
	return entry | SHM_ARM_ACCESSED;
}
static inline uint64_t shm_entry_clear_accessed(uint64_t entry)
{
	return entry & ~SHM_ARM_ACCESSED;
}
static inline bool shm_entry_dirty(uint64_t entry)
{
	return shm_entry_is_present(entry) && !(entry & SHM_ARM_READ_ONLY);
}
static inline uint64_t shm_entry_own(uint64_t entry)
{
	return entry | SHM_ARM_OWN;
}
static inline bool shm_entry_is_own(uint64_t entry)
{
	return (entry & (SHM_ARM_VALID | SHM_ARM_OWN)) == (SHM_ARM_VALID | SHM_ARM_OWN);
}

#include "shm/cpu/old.h"

#endif
