// SPDX-License-Identifier: MIT
/* Access to the memory of a space that need not be current, and where its futexes are. */

#include "kernel/mm/guard.h"

#include "abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

enum hold_result {
	HOLD_DONE,
	HOLD_AGAIN, /* busy, or not as the fault left it: the page is to be asked for again */
	HOLD_FAILED
};

/* A page of the object that an area shows, with a reference that keeps it. */
static enum hold_result object_page_hold(struct area *area, uint64_t address, uint64_t *frame)
{
	struct shm_object *object = shm_piece_object(&area->piece);
	uint64_t index = shm_piece_index(&area->piece, address);

	return shm_object_page_pin(object, index, true, frame) == 0 ? HOLD_DONE : HOLD_FAILED;
}

/*
 * A page of an area, with a reference that keeps it, after a fault. While an entry is busy the space is
 * getting a page of its own there: the object's is no longer what a program sees. Space lock shared.
 */
static enum hold_result page_hold(struct space *space, struct area *area, uint64_t address,
				  bool write, uint64_t *frame)
{
	enum hold_result result = HOLD_AGAIN;

	if (area_is_shared(area))
		return object_page_hold(area, address, frame);
	spin_lock(&space->page_table_lock);
	uint64_t *entry = pagetable_entry(space, address);
	uint64_t value = entry ? entry_load(entry) : 0;

	if (entry_has_own_page(value) && (!write || (shm_entry_protection(value) & SHM_WRITE))) {
		*frame = entry_own_frame(value);
		frame_get(*frame);
		result = HOLD_DONE;
	}
	spin_unlock(&space->page_table_lock);
	if (result == HOLD_DONE || write || !area->piece.mapping || shm_entry_is_busy(value))
		return result;
	return object_page_hold(area, address, frame);
}

static bool read_is_denied(struct space *space, uint64_t address)
{
	struct area *area = space_area_above(space, address);

	return area && area->start <= address && !(area->protection & SHM_READ);
}

bool space_read_is_denied(struct space *space, uint64_t address)
{
	space_lock(space, false);
	bool denied = read_is_denied(space, address);

	space_unlock(space, false);
	return denied;
}

/*
 * The page that an access finds, with a reference. Who made an entry busy waits for this CPU, which has its
 * interrupts off: so until it is done, its requests are served. Space lock shared. False: it cannot be had.
 */
static bool page_find(struct space *space, uint64_t address, unsigned access, uint64_t *frame)
{
	enum hold_result result;
	struct area *area;

	do {
		if (space_fault_in(space, address, access, &area) != SPACE_FAULT_DONE ||
		    !(area->protection & access))
			return false;
		result = page_hold(space, area, address & ~(PAGE_BYTES - 1), access == SHM_WRITE,
				   frame);
		ipi_poll();
	} while (result == HOLD_AGAIN);
	return result == HOLD_DONE;
}

/* Move bytes within one page, which is the kernel's own to see: nothing faults. True: done. */
static bool page_move(struct space *space, uint64_t address, void *kernel, size_t size_bytes,
		      bool write)
{
	uint64_t offset = address & (PAGE_BYTES - 1), frame = 0;

	space_lock(space, false);
	bool found = (write || !read_is_denied(space, address)) &&
		     page_find(space, address, write ? SHM_WRITE : SHM_READ, &frame);

	if (found) {
		uint8_t *page = phys_to_virt(frame);

		if (write)
			memcpy(page + offset, kernel, size_bytes);
		else
			memcpy(kernel, page + offset, size_bytes);
		frame_put(frame);
	}
	space_unlock(space, false);
	return found;
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
