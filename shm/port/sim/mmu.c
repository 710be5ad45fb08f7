// SPDX-License-Identifier: MIT
/*
 * The adversarial MMU: three levels of tables (root of 1 GiB slots, middle
 * of 2 MiB slots, leaves), and for each CPU a cache of pages, of slots of both
 * levels ("parents") and of invalidity, which forgets only when told.
 */

#include "shm/port/sim/sim.h"
#include "abi/errno.h"

#ifdef SHM_CPU_NONE_IS_TABLE
uint64_t shm_entry_none;
#endif

void sim_watch(uint64_t address)
{
	sim_assert(sim.watched_count < SIM_WATCHED);
	sim.watched[sim.watched_count++] = address & ~(SHM_PAGE_BYTES - 1);
}

/* ---- tables ---- */

/* The slot of a level, or NULL: no own tables lead to it. */
static uint64_t *slot_place(struct sim_space *space, uint64_t address, unsigned level)
{
	uint64_t number = address >> SHM_MIDDLE_SHIFT;

	if (number >= SHM_ENTRIES_PER_TABLE)
		return NULL;
	uint64_t *upper = &sim_frame_words(space->root)[number];
	if (level == SHM_LEVEL_MIDDLE)
		return upper;
	if (!shm_entry_is_table(*upper))
		return NULL;
	return &sim_frame_words(shm_entry_frame(*upper))[address >> SHM_SPAN_SHIFT & 511];
}

/* The entry of the space's own leaf, or NULL. */
uint64_t *sim_own_entry(struct sim_space *space, uint64_t address)
{
	uint64_t *slot = slot_place(space, address, SHM_LEVEL_SPAN);

	if (!slot || shm_entry_is_none(*slot) || shm_entry_is_link(*slot))
		return NULL;
	return &sim_frame_words(shm_entry_frame(*slot))[address >> SHM_PAGE_SHIFT & 511];
}

/* ---- what a CPU remembers ---- */

static uint64_t level_bytes(unsigned level)
{
	return SHM_PAGE_BYTES << (9 * level);
}

static struct sim_translation *tlb_find(struct sim_cpu *cpu, uint64_t address, unsigned level)
{
	address &= ~(level_bytes(level) - 1);
	for (unsigned i = 0; i < cpu->count; i++)
		if (cpu->tlb[i].address == address && cpu->tlb[i].level == level)
			return &cpu->tlb[i];
	return NULL;
}

static void tlb_drop(struct sim_cpu *cpu, unsigned i)
{
	cpu->tlb[i] = cpu->tlb[--cpu->count];
}

static void tlb_add(struct sim_cpu *cpu, struct sim_translation translation)
{
	if (cpu->count == SIM_TLB_ENTRIES)
		tlb_drop(cpu, (unsigned)sim_random(SIM_TLB_ENTRIES));
	cpu->tlb[cpu->count++] = translation;
}

static bool is_read_only(uint64_t slot)
{
	return shm_entry_is_link(slot) && !(shm_entry_link_protection(slot) & SHM_WRITE);
}

/*
 * The slot of a level as the CPU sees it: remembered, or read and then remembered, with what the
 * slot above it takes away. Whose table it is in does not matter to a CPU.
 */
static uint64_t walk_slot(struct sim_cpu *cpu, uint64_t address, unsigned level)
{
	struct sim_translation *known = tlb_find(cpu, address, level);

	if (known)
		return known->entry;
	uint64_t upper = SHM_ENTRY_NONE, entry;
	if (level == SHM_LEVEL_MIDDLE) {
		uint64_t *slot = slot_place(cpu->space, address, level);
		entry = slot ? *slot : SHM_ENTRY_NONE;
	} else {
		upper = walk_slot(cpu, address, level + 1);
		entry = shm_entry_is_none(upper) ? SHM_ENTRY_NONE
						 : sim_frame_words(shm_entry_frame(
							   upper))[address >> SHM_SPAN_SHIFT & 511];
	}
	if (shm_entry_is_none(entry))
		return SHM_ENTRY_NONE;
	if (is_read_only(upper))
		entry = shm_entry_link(shm_entry_frame(entry), SHM_READ);
	tlb_add(cpu, (struct sim_translation){.address = address & ~(level_bytes(level) - 1),
					      .entry = entry,
					      .level = level});
	return entry;
}

/* What the walk through a slot allows, folded into a page entry. */
static uint64_t restrict_entry(uint64_t slot, uint64_t entry)
{
	if (is_read_only(slot))
		return shm_entry_page(shm_entry_frame(entry),
				      shm_entry_protection(entry) & ~SHM_WRITE);
	return entry;
}

/*
 * May the CPU use the entry? It must be accessed; for an access of a program, a CPU that can do it
 * sets that. (Real ones may do it on their own account too: then a page counts as touched early.)
 */
static bool entry_valid(uint64_t *entry, bool speculative)
{
	const unsigned capabilities = SHM_CPU_CAPABILITIES;

	if (shm_entry_is_none(*entry) || !shm_entry_is_present(*entry))
		return false;
	if ((capabilities & SHM_HARDWARE_AD) && !speculative)
		*entry = shm_entry_set_accessed(*entry);
	return shm_entry_accessed(*entry);
}

/* Translate; a valid entry is remembered. False: not valid, remembered where CPUs do that. */
static bool translate(struct sim_cpu *cpu, uint64_t address, bool speculative, uint64_t *entry)
{
	struct sim_translation *known = tlb_find(cpu, address, 0);

	if (known) {
		*entry = known->entry;
		return !known->negative;
	}
	uint64_t slot = walk_slot(cpu, address, SHM_LEVEL_SPAN);
	bool valid = false;
	if (!shm_entry_is_none(slot)) {
		uint64_t *leaf = sim_frame_words(shm_entry_frame(slot));
		uint64_t *value = &leaf[address >> SHM_PAGE_SHIFT & 511];
		valid = entry_valid(value, speculative);
		if (valid)
			*entry = restrict_entry(slot, *value);
	}
	if (valid || (SHM_CPU_CAPABILITIES & SHM_CACHES_INVALID))
		tlb_add(cpu, (struct sim_translation){.address = address,
						      .entry = valid ? *entry : SHM_ENTRY_NONE,
						      .negative = !valid});
	return valid;
}

void sim_speculate(void)
{
	sim.steps++;
	for (unsigned c = 0; c < SIM_CPUS; c++) {
		struct sim_cpu *cpu = &sim.cpus[c];
		uint64_t entry;
		if (!cpu->space)
			continue;
		if (sim.drops && cpu->count > 0 && sim_random(4) == 0)
			tlb_drop(cpu, (unsigned)sim_random(cpu->count));
		for (unsigned i = 0; i < sim.watched_count; i++)
			translate(cpu, sim.watched[i], true, &entry);
	}
}

void sim_cpu_run(unsigned c, struct sim_space *space)
{
	sim.cpus[c].space = space;
	sim.cpus[c].count = 0;
}

int sim_access(unsigned c, uint64_t address, unsigned access, uint64_t *frame)
{
	struct sim_cpu *cpu = &sim.cpus[c];
	uint64_t entry, page = address & ~(SHM_PAGE_BYTES - 1);

	sim_assert(cpu->space);
	sim_yield(SIM_OBJECT | SIM_ENTRIES_OF(cpu->space), SIM_TLB);
	sim_speculate();
	if (!translate(cpu, page, false, &entry) || (shm_entry_protection(entry) & access) == 0)
		return -EFAULT;
	*frame = shm_entry_frame(entry);
	sim_frame_words(*frame); /* fails when it is freed */
	return 0;
}

void sim_expect_unreachable(const struct sim_space *space, uint64_t start, uint64_t end,
			    unsigned access)
{
	for (unsigned c = 0; c < SIM_CPUS; c++) {
		struct sim_cpu *cpu = &sim.cpus[c];
		if (cpu->space != space)
			continue;
		for (unsigned i = 0; i < cpu->count; i++) {
			struct sim_translation *known = &cpu->tlb[i];
			if (known->negative || known->level || known->address < start ||
			    known->address >= end)
				continue;
			sim_assert(access && !(shm_entry_protection(known->entry) & access));
		}
	}
}

void sim_expect_frame_unreachable(uint64_t frame)
{
	for (unsigned c = 0; c < SIM_CPUS; c++) {
		struct sim_cpu *cpu = &sim.cpus[c];
		for (unsigned i = 0; i < cpu->count; i++)
			sim_assert(cpu->tlb[i].negative ||
				   shm_entry_frame(cpu->tlb[i].entry) != frame);
	}
}

/* ---- the port: slots and pages ---- */

static void entry_operation(struct shm_space *space)
{
	if (sim.quiet)
		return;
	sim_yield(0, SIM_ENTRIES_OF(sim_space_of(space)));
	sim_speculate();
}

static void prepare_operation(struct shm_space *space, uint64_t address)
{
	sim_assert(!sim.mutexes_held[sim_thread()][SHM_RANK_OBJECT]);
	entry_operation(space);
	sim_assert(slot_place(sim_space_of(space), address, SHM_LEVEL_MIDDLE));
}

static int port_slot_prepare(struct shm_space *space, uint64_t address)
{
	prepare_operation(space, address);
	uint64_t *upper = slot_place(sim_space_of(space), address, SHM_LEVEL_MIDDLE);
	if (shm_entry_is_link(*upper))
		return -EAGAIN;
	if (shm_entry_is_none(*upper))
		*upper = shm_entry_table(sim_table_alloc(0));
	return 0;
}

static int port_upper_prepare(struct shm_space *space, uint64_t address)
{
	prepare_operation(space, address);
	return 0;
}

static uint64_t port_slot_get(struct shm_space *space, uint64_t address)
{
	uint64_t *slot = slot_place(sim_space_of(space), address, SHM_LEVEL_SPAN);

	return slot ? *slot : SHM_ENTRY_NONE;
}

static uint64_t port_upper_get(struct shm_space *space, uint64_t address)
{
	uint64_t *slot = slot_place(sim_space_of(space), address, SHM_LEVEL_MIDDLE);

	return slot ? *slot : SHM_ENTRY_NONE;
}

static bool slot_exchange(struct shm_space *space, uint64_t address, unsigned level,
			  uint64_t expected, uint64_t desired)
{
	entry_operation(space);
	uint64_t *slot = slot_place(sim_space_of(space), address, level);
	if (!slot || *slot != expected)
		return false;
	*slot = desired;
	return true;
}

static bool port_slot_exchange(struct shm_space *space, uint64_t address, uint64_t expected,
			       uint64_t desired)
{
	return slot_exchange(space, address, SHM_LEVEL_SPAN, expected, desired);
}

static bool port_upper_exchange(struct shm_space *space, uint64_t address, uint64_t expected,
				uint64_t desired)
{
	return slot_exchange(space, address, SHM_LEVEL_MIDDLE, expected, desired);
}

static uint64_t port_slot_next(struct shm_space *shm_space, uint64_t address, uint64_t end,
			       uint64_t *found, unsigned *level)
{
	struct sim_space *space = sim_space_of(shm_space);
	uint64_t at = address & ~(SHM_SPAN_BYTES - 1);

	while (at < end) {
		uint64_t *upper = slot_place(space, at, SHM_LEVEL_MIDDLE);
		*level = upper && shm_entry_is_table(*upper) ? SHM_LEVEL_SPAN : SHM_LEVEL_MIDDLE;
		uint64_t *slot = slot_place(space, at, *level);
		at &= ~(level_bytes(*level) - 1);
		if (slot && !shm_entry_is_none(*slot)) {
			*found = at;
			return *slot;
		}
		at += level_bytes(*level);
	}
	return SHM_ENTRY_NONE;
}

static int port_pages_prepare(struct shm_space *space, uint64_t address)
{
	int error = sim.port.slot_prepare(space, address);

	if (error)
		return error;
	uint64_t *slot = slot_place(sim_space_of(space), address, SHM_LEVEL_SPAN);
	if (shm_entry_is_link(*slot))
		return -EAGAIN;
	if (shm_entry_is_none(*slot)) {
		uint64_t table = sim.port.table_alloc(0);
		if (!table)
			return -ENOMEM;
		*slot = shm_entry_table(table);
	}
	return 0;
}

static int port_pages_set(struct shm_space *space, uint64_t address, const uint64_t *entries,
			  unsigned count, unsigned protection)
{
	int entered = 0;

	entry_operation(space);
	sim_assert(count > 0);
	sim_assert(address >> SHM_SPAN_SHIFT ==
		   (address + (count - 1) * SHM_PAGE_BYTES) >> SHM_SPAN_SHIFT);
	uint64_t *own = sim_own_entry(sim_space_of(space), address);
	if (!own)
		return -EAGAIN;
	for (unsigned i = 0; i < count; i++) {
		if (!shm_entry_accessed(entries[i]) || !shm_entry_is_none(own[i]))
			continue;
		own[i] = shm_entry_page(shm_entry_frame(entries[i]), protection);
		entered++;
	}
	return entered;
}

/* Does an own leaf's entry show the page of an object's entry? */
static bool same_frame(uint64_t own, uint64_t entry)
{
	if (shm_entry_is_none(entry))
		return false;
	if (shm_entry_is_old(entry))
		return shm_entry_frame(own) == shm_entry_old_frame(entry);
	return shm_entry_is_present(entry) && shm_entry_frame(own) == shm_entry_frame(entry);
}

static uint64_t port_pages_clear(struct shm_space *space, uint64_t address, const uint64_t *entries,
				 uint64_t count)
{
	uint64_t cleared = 0, found, end = address + count * SHM_PAGE_BYTES;
	unsigned level;

	entry_operation(space);
	sim_assert(!entries || address >> SHM_SPAN_SHIFT ==
				       (address + (count - 1) * SHM_PAGE_BYTES) >> SHM_SPAN_SHIFT);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = address + i * SHM_PAGE_BYTES;
		uint64_t *own = sim_own_entry(sim_space_of(space), at);
		if (!own && !entries) {
			/* Nothing to clear: on to the next slot. */
			if (shm_entry_is_none(port_slot_next(space, at, end, &found, &level)))
				break;
			if (found > at)
				i = ((found - address) >> SHM_PAGE_SHIFT) - 1;
			else
				i += ((found + level_bytes(level) - at) >> SHM_PAGE_SHIFT) - 1;
			continue;
		}
		if (!own || shm_entry_is_none(*own) || shm_entry_is_own(*own))
			continue;
		if (entries && !same_frame(*own, entries[i]))
			continue;
		*own = SHM_ENTRY_NONE;
		cleared++;
	}
	return cleared;
}

static uint64_t port_page_next(struct shm_space *space, uint64_t address, uint64_t end,
			       uint64_t *found)
{
	uint64_t *own = sim_own_entry(sim_space_of(space), address);
	uint64_t entry = SHM_ENTRY_NONE;

	for (; own && address < end && shm_entry_is_none(entry); address += SHM_PAGE_BYTES) {
		*found = address;
		entry = *own++;
	}
	return entry;
}

/* ---- the port: flushes ---- */

static void flush_operation(void)
{
	sim_assert(!sim.spins_held);
	if (sim.quiet)
		return;
	sim_yield(0, SIM_TLB);
	sim_speculate();
}

static void flush_one(struct sim_cpu *cpu, uint64_t start, uint64_t end)
{
	for (unsigned i = cpu->count; i-- > 0;) {
		uint64_t size = level_bytes(cpu->tlb[i].level);
		if (cpu->tlb[i].address < end && cpu->tlb[i].address + size > start)
			tlb_drop(cpu, i);
	}
}

static void port_flush_range(struct shm_space *space, uint64_t start, uint64_t end)
{
	flush_operation();
	sim.flushes_range++;
	for (unsigned c = 0; c < SIM_CPUS; c++)
		if (sim.cpus[c].space && &sim.cpus[c].space->shm == space)
			flush_one(&sim.cpus[c], start, end);
	if (!sim.quiet)
		sim_speculate(); /* at once again */
}

static void port_flush_shared(void)
{
	flush_operation();
	sim.flushes_shared++;
	for (unsigned c = 0; c < SIM_CPUS; c++)
		if (sim.cpus[c].space && sim.cpus[c].space->shm.mapping_count > 0)
			sim.cpus[c].count = 0;
	if (!sim.quiet)
		sim_speculate();
}

/* The CPU whose access faulted. */
static void port_flush_local(uint64_t address)
{
	flush_operation();
	sim.flushes_local++;
	flush_one(&sim.cpus[sim.faulting_cpu[sim_thread()]], address, address + 1);
}

void sim_mmu_port(struct shm_port *port)
{
	port->slot_prepare = port_slot_prepare;
	port->slot_get = port_slot_get;
	port->slot_exchange = port_slot_exchange;
	port->upper_prepare = port_upper_prepare;
	port->upper_get = port_upper_get;
	port->upper_exchange = port_upper_exchange;
	port->slot_next = port_slot_next;
	port->pages_prepare = port_pages_prepare;
	port->pages_set = port_pages_set;
	port->pages_clear = port_pages_clear;
	port->page_next = port_page_next;
	port->flush_range = port_flush_range;
	port->flush_shared = port_flush_shared;
	port->flush_local = port_flush_local;
}
