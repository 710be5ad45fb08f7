// SPDX-License-Identifier: MIT
/*
 * The host's page faults: what it does with each answer of shm_fault, private
 * copies, anonymous pages, and a program's accesses on top.
 */

#include <string.h>

#include "shm/port/sim/sim.h"
#include "abi/errno.h"

/* Enter the space's own page, replacing what is there: clear, flush, set. */
static int own_page_enter(struct sim_space *space, uint64_t page, uint64_t frame,
			  unsigned protection)
{
	int error = sim.port.pages_prepare(&space->shm, page);
	if (error)
		return error;
	uint64_t *entry = sim_own_entry(space, page);
	if (!shm_entry_is_none(*entry)) {
		*entry = SHM_ENTRY_NONE;
		sim.port.flush_range(&space->shm, page, page + SHM_PAGE_BYTES);
	}
	*sim_own_entry(space, page) = shm_entry_own(shm_entry_page(frame, protection));
	sim.port.flush_local(page);
	return 0;
}

static bool own_page_there(struct sim_space *space, uint64_t page)
{
	uint64_t *entry = sim_own_entry(space, page);

	return entry && !shm_entry_is_none(*entry) && shm_entry_is_own(*entry);
}

static int fault_copy(struct sim_space *space, struct sim_area *area, uint64_t page)
{
	struct shm_object *object = shm_piece_object(&area->piece);
	uint64_t pinned;
	int error = shm_object_page_pin(object, shm_piece_index(&area->piece, page), true, &pinned);
	if (error)
		return error == -ENOMEM ? -ENOMEM : -EIO;
	uint64_t frame = sim.port.frame_alloc(0);
	if (frame) {
		memcpy(sim_frame_words(frame), sim_frame_words(pinned), SHM_PAGE_BYTES);
		bool late = own_page_there(space, page); /* another thread was faster */
		error = late ? -EAGAIN : own_page_enter(space, page, frame, area->protection);
		if (error)
			sim.port.frame_free(frame);
	}
	shm_object_page_unpin(object, pinned);
	if (!frame)
		return -ENOMEM;
	return error == -EAGAIN ? 0 : error;
}

static int fault_anonymous(struct sim_space *space, struct sim_area *area, uint64_t page,
			   unsigned access)
{
	if (!(area->protection & access))
		return -EFAULT;
	uint64_t *entry = sim_own_entry(space, page);
	if (entry && !shm_entry_is_none(*entry)) {
		sim.port.flush_local(page);
		return 0;
	}
	uint64_t frame = sim.port.frame_alloc(0);
	if (!frame)
		return -ENOMEM;
	int error = own_page_enter(space, page, frame, area->protection);
	if (error)
		sim.port.frame_free(frame);
	return error;
}

static int fault_locked(struct sim_space *space, uint64_t address, unsigned access)
{
	struct sim_area *area = sim_area_at(space, address);
	uint64_t page = address & ~(SHM_PAGE_BYTES - 1);

	if (!area)
		return -EFAULT;
	if (!area->piece.mapping)
		return fault_anonymous(space, area, page, access);
	/* A copy is nothing to shm, which would say BUS past the object's end: this CPU forgot it. */
	if ((area->protection & access) && own_page_there(space, page)) {
		sim.port.flush_local(page);
		return 0;
	}
	switch (shm_fault(&space->shm, &area->piece, address, access)) {
	case SHM_FAULT_DONE:
		return 0;
	case SHM_FAULT_DENIED:
		return -EFAULT;
	case SHM_FAULT_BUS:
		return -EIO;
	case SHM_FAULT_MEMORY:
		return -ENOMEM;
	case SHM_FAULT_COPY:
		return fault_copy(space, area, page);
	}
	return -EFAULT;
}

int sim_touch(unsigned cpu, uint64_t address, unsigned access, uint64_t *frame)
{
	struct sim_space *space = sim.cpus[cpu].space;

	for (unsigned tries = 0; sim_access(cpu, address, access, frame); tries++) {
		if (tries > 64)
			sim_fail(__FILE__, __LINE__, "a fault makes no progress");
		sim.faults++;
		sim.faulting_cpu[sim_thread()] = cpu;
		sim.port.space_lock(&space->shm, false);
		int error = fault_locked(space, address, access);
		sim.port.space_unlock(&space->shm, false);
		if (error)
			return error;
	}
	return 0;
}

int sim_write(unsigned cpu, uint64_t address, uint64_t value)
{
	uint64_t frame;
	int error = sim_touch(cpu, address, SHM_WRITE, &frame);

	if (!error)
		sim_frame_words(frame)[0] = value;
	return error;
}

int sim_read(unsigned cpu, uint64_t address, uint64_t *value)
{
	uint64_t frame;
	int error = sim_touch(cpu, address, SHM_READ, &frame);

	if (!error)
		*value = sim_frame_words(frame)[0];
	return error;
}
