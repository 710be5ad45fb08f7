// SPDX-License-Identifier: MIT
/*
 * Page faults: how an access becomes a page (README.md draws it). The space
 * lock is held shared, so areas stay while pages come. Two threads may fault on
 * one page: whoever finds the entry filled just tries its access again.
 *
 * Replacing a live entry is clear, flush, set (design rule 6). Meanwhile the
 * entry is busy: invalid for the CPU, but not none, so that another thread's
 * fault does not take it for a page never touched; it returns and faults again.
 */

#include "kernel/mm/space.h"

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/mm/area.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/guard.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

#define LIMIT_STACK 3 /* RLIMIT_STACK */

static uint64_t page_of(uint64_t address)
{
	return address & ~(PAGE_BYTES - 1);
}

/* Enter a page that is the space's own where nothing was. Under the page-table lock. */
static void own_enter(struct space *space, struct area *area, uint64_t *entry, uint64_t frame)
{
	space->own_pages++;
	area->own_pages++;
	entry_store(entry, entry_own_page(frame, area->protection));
}

/*
 * Put an own page of the area's protection where `entry` shows another. Enters
 * and leaves with the page-table lock held, releasing it for the flush.
 */
static void own_replace(struct space *space, struct area *area, uint64_t address, uint64_t *entry,
			uint64_t frame)
{
	entry_store(entry, shm_entry_busy(NULL));
	spin_unlock(&space->page_table_lock);
	flush_range(space, address, address + PAGE_BYTES, false);
	spin_lock(&space->page_table_lock);
	/* The leaf is still there: the area holds it, and we hold the space lock. */
	entry_store(entry, entry_own_page(frame, area->protection));
}

/* Write to an own page that other spaces may show too. Under the page-table lock; releases it. */
static enum space_fault_result fault_own_write(struct space *space, struct area *area,
					       uint64_t address, uint64_t *entry)
{
	uint64_t old = shm_entry_frame(entry_load(entry));

	if (frame_references(old) == 1) {
		entry_store(entry, entry_own_page(old, area->protection));
		spin_unlock(&space->page_table_lock);
		mmu_flush_page(address);
		return SPACE_FAULT_DONE;
	}

	uint64_t copy = frame_alloc(0);

	if (!copy) {
		spin_unlock(&space->page_table_lock);
		return SPACE_FAULT_MEMORY;
	}
	page_copy(phys_to_virt(copy),
		  phys_to_virt(old)); /* nobody writes it: all show it read-only */
	own_replace(space, area, address, entry, copy);
	spin_unlock(&space->page_table_lock);
	frame_put(old);
	return SPACE_FAULT_DONE;
}

/*
 * What most faults run through is in line, in space_fault as in space_fault_in: left to itself the
 * compiler calls it there, twenty instructions more.
 */

/* The entry is there already: does it need work for this access? Releases the page-table lock. */
static inline __attribute__((always_inline)) enum space_fault_result
fault_own(struct space *space, struct area *area, uint64_t address, uint64_t *entry,
	  unsigned access)
{
	uint64_t value = entry_load(entry);

	if (access == SHM_WRITE && shm_entry_is_own(value) &&
	    !(shm_entry_protection(value) & SHM_WRITE))
		return fault_own_write(space, area, address, entry);
	spin_unlock(&space->page_table_lock);
	mmu_flush_page(address); /* another thread was faster, or this CPU knew an older entry */
	return SPACE_FAULT_DONE;
}

static inline __attribute__((always_inline)) enum space_fault_result
fault_anonymous(struct space *space, struct area *area, uint64_t address, unsigned access)
{
	uint64_t *entry, frame;

	spin_lock(&space->page_table_lock);
	if (pagetable_entry_make(space, address, &entry) != 0)
		goto no_memory;
	if (!shm_entry_is_none(entry_load(entry)))
		return fault_own(space, area, address, entry, access);
	frame = frame_alloc(FRAME_ZERO);
	if (!frame)
		goto no_memory;
	own_enter(space, area, entry, frame);
	spin_unlock(&space->page_table_lock);
	return SPACE_FAULT_DONE;
no_memory:
	spin_unlock(&space->page_table_lock);
	return SPACE_FAULT_MEMORY;
}

/*
 * A page of the space's own with the object's contents at the index, which may
 * be past the end (-EFBIG). A hole in the object gets its page, as on Linux.
 */
static int private_copy_make(struct shm_object *object, uint64_t index, uint64_t *pinned,
			     uint64_t *copy)
{
	int err = shm_object_page_pin(object, index, true, pinned);

	if (err)
		return err;
	*copy = frame_alloc(0);
	if (!*copy) {
		shm_object_page_unpin(object, *pinned);
		return -ENOMEM;
	}
	page_copy(phys_to_virt(*copy), phys_to_virt(*pinned));
	return 0;
}

/* The first write to a page of a private mapping: it gets its own copy. */
static enum space_fault_result fault_private_copy(struct space *space, struct area *area,
						  uint64_t address)
{
	struct shm_object *object = shm_piece_object(&area->piece);
	uint64_t *entry, pinned, copy;
	int err = private_copy_make(object, shm_piece_index(&area->piece, address), &pinned, &copy);

	if (err)
		return err == -ENOMEM ? SPACE_FAULT_MEMORY : SPACE_FAULT_BUS;
	spin_lock(&space->page_table_lock);
	err = pagetable_entry_make(space, address, &entry);
	if (!err && shm_entry_is_none(entry_load(entry))) {
		own_enter(space, area, entry, copy);
		copy = 0;
	} else if (!err && !entry_has_own_page(entry_load(entry)) &&
		   !shm_entry_is_busy(entry_load(entry))) {
		/* It shows the object's page, which our pin keeps until the flush has returned. */
		own_replace(space, area, address, entry, copy);
		space->own_pages++;
		area->own_pages++;
		copy = 0;
	}
	spin_unlock(&space->page_table_lock);
	if (copy)
		frame_put(copy); /* another thread was faster */
	shm_object_page_unpin(object, pinned);
	return err ? SPACE_FAULT_MEMORY : SPACE_FAULT_DONE;
}

/* A private mapping of an object: own pages here, the object's pages by shm. */
static inline __attribute__((always_inline)) enum space_fault_result
fault_private(struct space *space, struct area *area, uint64_t address, unsigned access)
{
	uint64_t *entry;

	if (area->own_pages) {
		spin_lock(&space->page_table_lock);
		entry = pagetable_entry(space, address);
		if (entry &&
		    (entry_has_own_page(entry_load(entry)) || shm_entry_is_busy(entry_load(entry))))
			return fault_own(space, area, address, entry, access);
		spin_unlock(&space->page_table_lock);
	}
	switch (shm_fault(&space->shm, &area->piece, address, access)) {
	case SHM_FAULT_DONE:
		return SPACE_FAULT_DONE;
	case SHM_FAULT_DENIED:
		return SPACE_FAULT_SEGV_ACCERR;
	case SHM_FAULT_BUS:
		return SPACE_FAULT_BUS;
	case SHM_FAULT_COPY:
		return fault_private_copy(space, area, page_of(address));
	case SHM_FAULT_MEMORY:
		break;
	}
	return SPACE_FAULT_MEMORY;
}

static inline __attribute__((always_inline)) enum space_fault_result
fault_shared(struct space *space, struct area *area, uint64_t address, unsigned access)
{
	switch (shm_fault(&space->shm, &area->piece, address, access)) {
	case SHM_FAULT_DONE:
		return SPACE_FAULT_DONE;
	case SHM_FAULT_DENIED:
	case SHM_FAULT_COPY:
		return SPACE_FAULT_SEGV_ACCERR;
	case SHM_FAULT_BUS:
		return SPACE_FAULT_BUS;
	case SHM_FAULT_MEMORY:
		break;
	}
	log_line("out of memory: a shared page at 0x%lx cannot be had: SIGBUS", address);
	return SPACE_FAULT_BUS;
}

static inline __attribute__((always_inline)) enum space_fault_result
fault_area(struct space *space, struct area *area, uint64_t address, unsigned access)
{
	if (area_is_shared(area))
		return fault_shared(space, area, address, access);
	if (!protection_allows(area->protection, access))
		return SPACE_FAULT_SEGV_ACCERR;
	if (area_is_anonymous(area))
		return fault_anonymous(space, area, page_of(address), access);
	return fault_private(space, area, address, access);
}

/* Is it a guard that the access has met? What the area forbids is told first. */
static __attribute__((noinline)) bool fault_guarded(struct space *space, const struct area *area,
						    uint64_t address, unsigned access)
{
	return protection_allows(area->protection, access) && guard_is_at(space, address);
}

/* Below a stack: let it grow down to the address. Space lock exclusive. False: it may not. */
static bool stack_grow(struct space *space, uint64_t address)
{
	struct area *area = space_area_above(space, address);
	struct process *process = process_current();
	uint64_t start = page_of(address);

	if (!area || area->start <= address)
		return area != NULL; /* another thread was faster */
	if (!(area->flags & AREA_STACK) || start < MAP_LOWEST)
		return false;

	struct area *below = area->previous;
	uint64_t pages = (area->start - start) / PAGE_BYTES;

	if (below && start < below->end + STACK_GUARD)
		return false;
	if (process && area->end - start > process->limits[LIMIT_STACK][0])
		return false;
	if (!space_may_add(space, pages) ||
	    ((area->flags & AREA_LOCKED) && !space_may_lock(space, pages)))
		return false;
	if ((area->flags & AREA_CHARGED) && commit_reserve(pages) != 0)
		return false;
	if (area->flags & AREA_CHARGED)
		space->committed_pages += pages;
	shm_place(&space->shm, start, area->start);
	area_resize(space, area, start, area->end);
	return true;
}

/* Space lock shared; given up for a while when a stack grows. *found: the area, or one above it, or NULL. */
static inline __attribute__((always_inline)) enum space_fault_result
fault_locked(struct space *space, uint64_t address, unsigned access, struct area **found)
{
	struct area *area = space_area_above(space, address);

	if (area && address < area->start && (area->flags & AREA_STACK)) {
		space_unlock(space, false);
		space_lock(space, true);
		bool grown = stack_grow(space, address);

		space_unlock(space, true);
		space_lock(space, false);
		area = grown ? space_area_above(space, address) : NULL;
	}
	*found = area;
	if (!area || area->start > address)
		return SPACE_FAULT_SEGV_MAPERR;
	__atomic_store_n(&area->touched, true, __ATOMIC_RELAXED);
	if ((area->flags & AREA_GUARDED) && fault_guarded(space, area, address, access))
		return SPACE_FAULT_GUARD;
	return fault_area(space, area, address, access);
}

enum space_fault_result space_fault(struct space *space, uint64_t address, unsigned access)
{
	struct area *area;

	space_lock(space, false);
	enum space_fault_result result = fault_locked(space, address, access, &area);

	space_unlock(space, false);
	return result;
}

enum space_fault_result space_fault_in(struct space *space, uint64_t address, unsigned access,
				       struct area **locked)
{
	return fault_locked(space, address, access, locked);
}

/* The running thread's access cannot be had: the signal that says so. */
static void fault_signal(enum space_fault_result result, uint64_t address)
{
	struct thread *thread = thread_current();

	switch (result) {
	case SPACE_FAULT_DONE:
		break;
	case SPACE_FAULT_SEGV_MAPERR:
	case SPACE_FAULT_GUARD:
		signal_force(SIGSEGV, SEGV_MAPERR, address);
		break;
	case SPACE_FAULT_SEGV_ACCERR:
		signal_force(SIGSEGV, SEGV_ACCERR, address);
		break;
	case SPACE_FAULT_BUS:
		signal_force(SIGBUS, BUS_ADRERR, address);
		break;
	case SPACE_FAULT_MEMORY:
		log_line("out of memory: %s (process %d) is killed at address 0x%lx", thread->name,
			 thread->process->pid, address);
		signal_force(SIGKILL, SI_KERNEL, address);
		break;
	}
}

void trap_page_fault(struct trap_frame *frame, uint64_t address, unsigned access)
{
	struct thread *thread = thread_current();
	bool user = frame_from_user(frame);
	uint64_t fixup = user ? 0 : arch_fixup_find(frame_ip(frame));
	enum space_fault_result result = SPACE_FAULT_SEGV_MAPERR;

	if (!user && !fixup)
		panic("page fault in the kernel: address 0x%lx, access %u, ip 0x%lx", address,
		      access, frame_ip(frame));
	if (address < mmu_user_end && thread->space && (user || !thread->no_fault))
		result = space_fault(thread->space, address, access);
	/*
	 * The kernel's access faults again and again while an entry is busy, and the
	 * one who made it busy waits for this CPU, which has its interrupts off.
	 */
	if (!user)
		ipi_poll();
	if (result == SPACE_FAULT_DONE)
		return;
	if (user)
		fault_signal(result, address);
	else
		frame_set_ip(frame, fixup);
}
