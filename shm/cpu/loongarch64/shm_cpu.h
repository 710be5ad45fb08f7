/* SPDX-License-Identifier: MIT */
#ifndef SHM_CPU_H
#define SHM_CPU_H

/*
 * Page-table entries of loongarch64: reference manual volume 1, 5.4 and 7.5.
 * The walk instructions (LDDIR, LDPTE) do not test validity, so an empty
 * middle entry must lead somewhere: none is the address of a table that is
 * full of that very address. In a page entry the same value has V clear. The
 * host sets shm_entry_none before its first table. A middle entry is a bare
 * address: its low bits would be or-ed into the walk, its bits above the
 * physical width are ignored, so the link mark is up there. Stores need D, or
 * they trap. LDPTE drops NR and NX (bits 61, 62): the refill handler loads
 * them by hand. A TLB entry covers a pair of pages and may be invalid itself.
 */

#include "shm/port.h"
#include "shm/cpu/invalid.h"

#define SHM_CPU_CAPABILITIES SHM_CACHES_INVALID

#define SHM_LOONGARCH_VALID      (1ull << 0)
#define SHM_LOONGARCH_DIRTY      (1ull << 1) /* stores allowed */
#define SHM_LOONGARCH_USER       (3ull << 2) /* PLV 3 */
#define SHM_LOONGARCH_CACHED     (1ull << 4) /* MAT: coherent cached */
#define SHM_LOONGARCH_PRESENT    (1ull << 7) /* P and W: for the hardware walker of later CPUs */
#define SHM_LOONGARCH_WRITE      (1ull << 8)
#define SHM_LOONGARCH_OWN        (1ull << 9)  /* ours, in page entries */
#define SHM_LOONGARCH_LINK       (1ull << 59) /* ours, in middle entries */
#define SHM_LOONGARCH_NO_EXECUTE (1ull << 62)
#define SHM_LOONGARCH_FRAME      0x0000fffffffff000ull

#define SHM_CPU_NONE_IS_TABLE 1
extern uint64_t shm_entry_none; /* the physical address of an all-empty table; set by the host */
#define SHM_ENTRY_NONE shm_entry_none

static inline uint64_t shm_entry_page(uint64_t frame, unsigned protection)
{
	uint64_t entry = frame | SHM_LOONGARCH_VALID | SHM_LOONGARCH_USER | SHM_LOONGARCH_CACHED |
			 SHM_LOONGARCH_PRESENT;
	if (protection & SHM_WRITE)
		entry |= SHM_LOONGARCH_DIRTY | SHM_LOONGARCH_WRITE;
	if (!(protection & SHM_EXEC))
		entry |= SHM_LOONGARCH_NO_EXECUTE;
	return entry;
}
static inline uint64_t shm_entry_table(uint64_t table)
{
	return table;
}
/* The protection cannot be in the entry: the caller links only what is read-write below. */
static inline uint64_t shm_entry_link(uint64_t table, unsigned protection)
{
	(void)protection;
	return table | SHM_LOONGARCH_LINK;
}
static inline bool shm_entry_is_none(uint64_t entry)
{
	return entry == SHM_ENTRY_NONE;
}
/* Both bits of USER are set in no invalid entry (shm/cpu/invalid.h). */
static inline bool shm_entry_is_present(uint64_t entry)
{
	return (entry & SHM_LOONGARCH_USER) == SHM_LOONGARCH_USER;
}
static inline bool shm_entry_is_link(uint64_t entry)
{
	return entry & SHM_LOONGARCH_LINK;
}
static inline bool shm_entry_is_table(uint64_t entry)
{
	return !shm_entry_is_none(entry) && !shm_entry_is_link(entry);
}
static inline uint64_t shm_entry_frame(uint64_t entry)
{
	return entry & SHM_LOONGARCH_FRAME;
}
static inline unsigned shm_entry_protection(uint64_t entry)
{
	return SHM_READ | (entry & SHM_LOONGARCH_WRITE ? SHM_WRITE : 0) |
	       (entry & SHM_LOONGARCH_NO_EXECUTE ? 0 : SHM_EXEC);
}
static inline unsigned shm_entry_link_protection(uint64_t entry)
{
	(void)entry;
	return SHM_READ | SHM_WRITE;
}
static inline bool shm_entry_accessed(uint64_t entry)
{
	return entry & SHM_LOONGARCH_VALID;
}
static inline uint64_t shm_entry_set_accessed(uint64_t entry)
{
	return entry | SHM_LOONGARCH_VALID;
}
static inline uint64_t shm_entry_clear_accessed(uint64_t entry)
{
	return entry & ~SHM_LOONGARCH_VALID;
}
static inline bool shm_entry_dirty(uint64_t entry)
{
	return entry & SHM_LOONGARCH_DIRTY;
}
static inline uint64_t shm_entry_own(uint64_t entry)
{
	return entry | SHM_LOONGARCH_OWN;
}
static inline bool shm_entry_is_own(uint64_t entry)
{
	return (entry & (SHM_LOONGARCH_VALID | SHM_LOONGARCH_OWN)) ==
	       (SHM_LOONGARCH_VALID | SHM_LOONGARCH_OWN);
}

#include "shm/cpu/old.h"

#endif
