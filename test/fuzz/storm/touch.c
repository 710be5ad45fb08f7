// SPDX-License-Identifier: MIT
/*
 * Reading and writing pages that may vanish at any moment, and verifying what
 * is in them. Threads only read, or write back what is there in one atomic
 * step: what they touch may be another object's by now.
 */

#define _GNU_SOURCE
#include "storm.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TAG_MARK      (1ull << 63)
#define SEQUENCE_MASK 0xfffull
#define THREADS       3
#define TOUCHES       300

static __thread sigjmp_buf landing;
static __thread volatile bool may_fault;

static uint64_t tag(uint32_t number, uint64_t page, unsigned lane, uint64_t sequence)
{
	return TAG_MARK | (uint64_t)(number & 0xfffff) << 43 | (page & 0x7ffffff) << 16 |
	       (uint64_t)lane << 12 | (sequence & SEQUENCE_MASK);
}

uint64_t word_next(uint32_t number, uint64_t page)
{
	return tag(number, page, me.lane, ++me.sequence);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (may_fault) {
		may_fault = false;
		siglongjmp(landing, signal);
	}
	fail("signal %d at %p where nothing was touched", signal, info->si_addr);
}

void handlers_install(void)
{
	/* Nothing is masked, so leaving by a jump has nothing to restore. */
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

void verify_words(const uint64_t *words, uint32_t number, uint64_t page, const char *how)
{
	for (unsigned lane = 0; lane < LANES; lane++) {
		uint64_t word = words[lane], expected = tag(number, page, lane, 0);

		if (word && ((word ^ expected) & ~SEQUENCE_MASK))
			fail("%s of object %x page %llx word %u: %llx, not %llx", how, number,
			     (unsigned long long)page, lane, (unsigned long long)word,
			     (unsigned long long)expected);
	}
}

/* ---- what this worker wrote last, in pages that never go ---- */

static struct remembered *remembered_slot(uint32_t number, uint64_t page)
{
	return &me.remembered[(number * 31 + page) % REMEMBERED];
}

static void remember(const struct map *map, uint64_t page)
{
	struct remembered *slot = remembered_slot(map->number, page);

	if (map->kind == SEGMENT && me.lane != OUTSIDER)
		*slot = (struct remembered){page, map->number, me.sequence & SEQUENCE_MASK};
}

static void verify_own(const struct map *map, uint64_t page, uint64_t word)
{
	struct remembered *slot = remembered_slot(map->number, page);

	if (map->kind != SEGMENT || me.lane == OUTSIDER || !slot->number ||
	    slot->number != map->number || slot->page != page)
		return;
	if (word != tag(map->number, page, me.lane, slot->sequence))
		fail("segment %x page %llx lane %u: %llx, but %x was written", map->number,
		     (unsigned long long)page, me.lane, (unsigned long long)word, slot->sequence);
}

void remember_forget(uint32_t number)
{
	for (unsigned i = 0; i < REMEMBERED; i++)
		if (me.remembered[i].number == number)
			me.remembered[i].number = 0;
}

/* ---- one touch ---- */

/* Does the map promise that the access succeeds? Only segments keep their size. */
static bool must_succeed(const struct map *map, uint64_t page, bool write)
{
	return map->kind == SEGMENT && map->plain && (map->write || !write) &&
	       page < object_pages(map->number);
}

void touch(struct map *map, uint64_t offset_pages, bool write)
{
	uint64_t *words = (uint64_t *)(map->address + offset_pages * PAGE);
	uint64_t page = map->index + offset_pages, copy[LANES];
	int signal = sigsetjmp(landing, 0);

	if (signal) {
		if (must_succeed(map, page, write))
			fail("signal %d: %s of segment %x page %llx at %p", signal,
			     write ? "write" : "read", map->number, (unsigned long long)page,
			     (void *)words);
		return;
	}
	may_fault = true;
	for (unsigned lane = 0; lane < LANES; lane++)
		copy[lane] = __atomic_load_n(&words[lane], __ATOMIC_RELAXED);
	may_fault = false;
	if (map->kind == PRIVATE_MEMORY) {
		for (unsigned lane = 0; lane < LANES; lane++)
			copy[lane] = lane == me.lane ? 0 : copy[lane];
	} else {
		verify_words(copy, map->number, page, "memory");
		verify_own(map, page, copy[me.lane]);
	}
	if (!write)
		return;
	uint64_t word = word_next(map->number, page);
	may_fault = true;
	__atomic_store_n(&words[me.lane], word, __ATOMIC_RELAXED);
	may_fault = false;
	remember(map, page);
}

/* ---- threads ---- */

static pthread_t threads[THREADS];
static unsigned thread_count;
static struct map targets[MAPS];

static void *thread_main(void *argument)
{
	uint64_t random = (uint64_t)(uintptr_t)argument | 1;

	for (volatile unsigned i = 0; i < TOUCHES; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;

		struct map *map = &targets[random % MAPS];
		uint64_t pages = map->bytes / PAGE;

		if (!pages || LOAD(&control->stop))
			continue;
		uint64_t *word = (uint64_t *)(map->address +
					      (random >> 20) % (pages < 40 ? pages : 40) * PAGE);
		if (sigsetjmp(landing, 0))
			continue;
		may_fault = true;
		if (random >> 40 & 1)
			(void)__atomic_fetch_or(word, 0, __ATOMIC_RELAXED);
		else
			(void)__atomic_load_n(word, __ATOMIC_RELAXED);
		may_fault = false;
	}
	return NULL;
}

void threads_start(void)
{
	if (me.threads)
		return;
	memcpy(targets, me.maps, sizeof(targets));
	thread_count = 0;
	for (unsigned i = 0; i < 1 + draw() % THREADS; i++)
		if (pthread_create(&threads[thread_count], NULL, thread_main,
				   (void *)(uintptr_t)draw()) == 0)
			thread_count++;
	me.threads = true;
}

void threads_join(void)
{
	if (!me.threads)
		return;
	for (unsigned i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	me.threads = false;
}
