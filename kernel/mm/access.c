// SPDX-License-Identifier: MIT
/* Access to the memory of a space that need not be current, and where its futexes are. */

#include "kernel/mm/guard.h"

#include "abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

/* A page of an area, with a reference that keeps it; 0: it is not there, or shows another page now. */
static uint64_t page_hold(struct space *space, struct area *area, uint64_t address, bool write)
{
	uint64_t *entry, frame = 0;

	if (area_is_shared(area)) {
		uint64_t index = shm_piece_index(&area->piece, address);

		if (shm_object_page_pin(shm_piece_object(&area->piece), index, true, &frame) != 0)
			return 0;
		return frame;
	}
	spin_lock(&space->page_table_lock);
	entry = pagetable_entry(space, address);
	if (entry && entry_has_own_page(entry_load(entry)) &&
	    (!write || (shm_entry_protection(entry_load(entry)) & SHM_WRITE))) {
		frame = entry_own_frame(entry_load(entry));
		frame_get(frame);
	}
	spin_unlock(&space->page_table_lock);
	if (!frame && !write && area->piece.mapping &&
	    shm_object_page_pin(shm_piece_object(&area->piece),
				shm_piece_index(&area->piece, address), true, &frame) != 0)
		return 0;
	return frame;
}

bool space_read_is_denied(struct space *space, uint64_t address)
{
	space_lock(space, false);
	struct area *area = space_area_above(space, address);
	bool denied = area && area->start <= address && !(area->protection & SHM_READ);

	space_unlock(space, false);
	return denied;
}

/* Move bytes within one page. True: done. */
static bool page_move(struct space *space, uint64_t address, void *kernel, size_t size_bytes,
		      bool write)
{
	uint64_t offset = address & (PAGE_BYTES - 1), frame = 0;

	if (!write && space_read_is_denied(space, address))
		return false;
	for (unsigned tries = 0; !frame && tries < 16; tries++) {
		if (space_fault(space, address, write ? SHM_WRITE : SHM_READ) != SPACE_FAULT_DONE)
			return false;
		space_lock(space, false);
		struct area *area = space_area_above(space, address);

		/* It may have become another since the fault. */
		if (area && area->start <= address &&
		    (area->protection & (write ? SHM_WRITE : SHM_READ)))
			frame = page_hold(space, area, address - offset, write);
		space_unlock(space, false);
	}
	if (!frame)
		return false;

	uint8_t *page = phys_to_virt(frame);

	if (write)
		memcpy(page + offset, kernel, size_bytes);
	else
		memcpy(kernel, page + offset, size_bytes);
	frame_put(frame);
	return true;
}

static size_t space_move(struct space *space, uint64_t address, uint8_t *kernel, size_t size_bytes,
			 bool write)
{
	size_t done = 0;

	while (done < size_bytes) {
		uint64_t at = address + done;
		size_t step = PAGE_BYTES - (at & (PAGE_BYTES - 1));

		if (step > size_bytes - done)
			step = size_bytes - done;
		if (at >= mmu_user_end || !page_move(space, at, kernel + done, step, write))
			break;
		done += step;
	}
	return done;
}

size_t space_copy_out(struct space *space, uint64_t to, const void *from, size_t size_bytes)
{
	return space_move(space, to, (uint8_t *)(uintptr_t)from, size_bytes, true);
}

size_t space_copy_in(struct space *space, void *to, uint64_t from, size_t size_bytes)
{
	return space_move(space, from, to, size_bytes, false);
}

bool space_page_is_own(struct space *space, uint64_t address)
{
	spin_lock(&space->page_table_lock);
	uint64_t *entry = pagetable_entry(space, address);
	bool own = entry && entry_has_own_page(entry_load(entry));

	spin_unlock(&space->page_table_lock);
	return own;
}

static void futex_key_of_object(const struct area *area, uint64_t address, struct futex_key *key)
{
	key->a = shm_object_serial(shm_piece_object(&area->piece));
	key->b = (shm_piece_index(&area->piece, address) << PAGE_SHIFT) |
		 (address & (PAGE_BYTES - 1));
	key->kind = FUTEX_OF_OBJECT;
}

/* What a program may write is its own; else a file's page is the file's, and a copy is nobody's. Observed. */
static __attribute__((noinline)) int futex_key_of_private(struct space *space,
							  const struct area *area, uint64_t address,
							  struct futex_key *key)
{
	if (area->protection & SHM_WRITE) {
		key->kind = FUTEX_OF_SPACE_ASKED;
		return 0;
	}
	if (area_is_anonymous(area) || (area->own_pages && space_page_is_own(space, address)))
		return -EFAULT;
	futex_key_of_object(area, address, key);
	return 0;
}

/* Can a page be had there? Not past the object's end, and no huge one. */
static bool object_has_page(const struct area *area, uint64_t address)
{
	return shm_piece_index(&area->piece, address) <
		       shm_object_size_pages(shm_piece_object(&area->piece)) &&
	       !area_is_huge(area);
}

int space_futex_key(struct space *space, uint64_t address, bool private_only, struct futex_key *key)
{
	*key = (struct futex_key){(uint64_t)(uintptr_t)space, address, FUTEX_OF_SPACE};
	if (address >= mmu_user_end)
		return -EFAULT;
	if (private_only)
		return 0;

	int err = -EFAULT;

	space_lock(space, false);
	struct area *area = space_area_above(space, address);

	/* Nothing is touched, but where touching would fail there is no word. */
	if (area && area->start <= address && (area->protection & (SHM_READ | SHM_WRITE)) &&
	    !((area->flags & AREA_GUARDED) && guard_is_at(space, address)) &&
	    (area_is_anonymous(area) || object_has_page(area, address))) {
		err = 0;
		if (area_is_shared(area))
			futex_key_of_object(area, address, key);
		else
			err = futex_key_of_private(space, area, address, key);
	}
	space_unlock(space, false);
	return err;
}
