/* SPDX-License-Identifier: MIT */
#ifndef SHM_CPU_OLD_H
#define SHM_CPU_OLD_H

/* Old entries, over the other functions of shm_cpu.h, which includes this at its end. */

/* A present page made inaccessible, to see whether anyone wants it: all is kept. */
static inline uint64_t shm_entry_old(uint64_t entry)
{
	return shm_entry_frame(entry) |
	       (uint64_t)shm_entry_protection(entry) << SHM_OLD_PROTECTION_SHIFT |
	       (shm_entry_is_own(entry) ? SHM_OLD_OWN : 0) | SHM_INVALID_OLD;
}
static inline uint64_t shm_entry_old_frame(uint64_t entry)
{
	return entry & ~0xfffull;
}
/* The present entry that an old one was. */
static inline uint64_t shm_entry_young(uint64_t entry)
{
	unsigned protection = (unsigned)(entry >> SHM_OLD_PROTECTION_SHIFT) & 7;
	uint64_t young = shm_entry_page(shm_entry_old_frame(entry), protection);
	return entry & SHM_OLD_OWN ? shm_entry_own(young) : young;
}

#endif
