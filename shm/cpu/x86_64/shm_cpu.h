/* SPDX-License-Identifier: MIT */
#ifndef SHM_CPU_H
#define SHM_CPU_H

/*
 * Page-table entries of x86_64, 4-level paging: Intel SDM volume 3, 4.5.
 * Bits 9 to 11 are software's. Permissions along a walk are and-ed, so a
 * parent entry without W makes everything below it read-only.
 */

#include "shm/port.h"
#include "shm/cpu/invalid.h"

#define SHM_CPU_CAPABILITIES (SHM_PARENT_RESTRICT | SHM_HARDWARE_AD)

#define SHM_X86_PRESENT    (1ull << 0)
#define SHM_X86_WRITE      (1ull << 1)
#define SHM_X86_USER       (1ull << 2)
#define SHM_X86_ACCESSED   (1ull << 5)
#define SHM_X86_DIRTY      (1ull << 6)
#define SHM_X86_LINK       (1ull << 9)  /* ours, in middle entries */
#define SHM_X86_OWN        (1ull << 10) /* ours, in page entries */
#define SHM_X86_NO_EXECUTE (1ull << 63)
#define SHM_X86_FRAME      0x000ffffffffff000ull

#define SHM_ENTRY_NONE 0ull

static inline uint64_t shm_entry_page(uint64_t frame, unsigned protection)
{
	uint64_t entry = frame | SHM_X86_PRESENT | SHM_X86_USER | SHM_X86_ACCESSED;
	if (protection & SHM_WRITE)
		entry |= SHM_X86_WRITE | SHM_X86_DIRTY;
	if (!(protection & SHM_EXEC))
		entry |= SHM_X86_NO_EXECUTE;
	return entry;
}
static inline uint64_t shm_entry_table(uint64_t table)
{
	return table | SHM_X86_PRESENT | SHM_X86_WRITE | SHM_X86_USER | SHM_X86_ACCESSED;
}
static inline uint64_t shm_entry_link(uint64_t table, unsigned protection)
{
	uint64_t entry = shm_entry_table(table) | SHM_X86_LINK;
	if (!(protection & SHM_WRITE))
		entry &= ~SHM_X86_WRITE;
	return entry;
}
static inline bool shm_entry_is_none(uint64_t entry)
{
	return entry == SHM_ENTRY_NONE;
}
static inline bool shm_entry_is_present(uint64_t entry)
{
	return entry & SHM_X86_PRESENT;
}
static inline bool shm_entry_is_link(uint64_t entry)
{
	return (entry & (SHM_X86_PRESENT | SHM_X86_LINK)) == (SHM_X86_PRESENT | SHM_X86_LINK);
}
static inline bool shm_entry_is_table(uint64_t entry)
{
	return (entry & (SHM_X86_PRESENT | SHM_X86_LINK)) == SHM_X86_PRESENT;
}
static inline uint64_t shm_entry_frame(uint64_t entry)
{
	return entry & SHM_X86_FRAME;
}
static inline unsigned shm_entry_protection(uint64_t entry)
{
	return SHM_READ | (entry & SHM_X86_WRITE ? SHM_WRITE : 0) |
	       (entry & SHM_X86_NO_EXECUTE ? 0 : SHM_EXEC);
}
static inline unsigned shm_entry_link_protection(uint64_t entry)
{
	return SHM_READ | (entry & SHM_X86_WRITE ? SHM_WRITE : 0);
}
static inline bool shm_entry_accessed(uint64_t entry)
{
	return entry & SHM_X86_ACCESSED;
}
static inline uint64_t shm_entry_set_accessed(uint64_t entry)
{
	return entry | SHM_X86_ACCESSED;
}
static inline uint64_t shm_entry_clear_accessed(uint64_t entry)
{
	return entry & ~SHM_X86_ACCESSED;
}
static inline bool shm_entry_dirty(uint64_t entry)
{
	return entry & SHM_X86_DIRTY;
}
static inline uint64_t shm_entry_own(uint64_t entry)
{
	return entry | SHM_X86_OWN;
}
static inline bool shm_entry_is_own(uint64_t entry)
{
	return (entry & (SHM_X86_PRESENT | SHM_X86_OWN)) == (SHM_X86_PRESENT | SHM_X86_OWN);
}

#include "shm/cpu/old.h"

#endif
