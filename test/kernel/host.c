// SPDX-License-Identifier: MIT
/* The made-up machine: memory, one CPU, locks that are never contended, no files. And the runner. */

#include "test/kernel/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "abi/errno.h"
#include "kernel/file/file.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/print.h"
#include "kernel/lib/random.h"
#include "kernel/mm/area.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"

uint64_t host_memory;
struct boot_info boot_info;
struct cpu cpus[CPUS_MAX];
unsigned cpu_online_count = 1;
unsigned mmu_levels = 4;
uint64_t mmu_user_end = 0x00007ffffffff000ull;
uint64_t mmu_kernel_root = 4096;

static struct process process;
static struct thread thread = {.process = &process};
static uint64_t random_state = 20261120;

struct cpu *cpu_current(void)
{
	return &cpus[0];
}

void host_fail(const char *file, int line, const char *what)
{
	printf("# %s:%d: %s\n", file, line, what);
	fflush(stdout);
	_Exit(1);
}

uint64_t host_random(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return random_state >> 33;
}

uint64_t random_u64(void)
{
	return host_random();
}

void panic(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	printf("# ");
	vprintf(pattern, arguments);
	va_end(arguments);
	host_fail("kernel", 0, " panic");
}

bool signal_kill_is_pending(void)
{
	return false;
}

void log_line(const char *pattern, ...)
{
	(void)pattern;
}

bool kernel_argument_flag(const char *name)
{
	(void)name;
	return false;
}

uint64_t kernel_argument_u64(const char *name, uint64_t otherwise)
{
	(void)name;
	return otherwise;
}

/* ---- architecture ---- */

void page_clear(void *page)
{
	memset(page, 0, PAGE_BYTES);
}

void page_copy(void *to, const void *from)
{
	memcpy(to, from, PAGE_BYTES);
}

void mmu_root_init(uint64_t *root)
{
	(void)root;
}

void mmu_switch(uint64_t root)
{
	(void)root;
}

void mmu_flush_page(uint64_t address)
{
	(void)address;
}

void mmu_flush_user(void)
{
}

void ipi_send(unsigned cpu_id)
{
	(void)cpu_id;
}

void ipi_poll(void)
{
}

uint64_t arch_fixup_find(uint64_t ip)
{
	(void)ip;
	return 0;
}

uint64_t clock_now_ns(void)
{
	return 0;
}

uint64_t time_wall_offset_ns(void)
{
	return 0;
}

/* ---- processes: the one thread never waits ---- */

void rwlock_init(struct rwlock *lock, enum lock_rank rank)
{
	(void)rank;
	lock->state = 0;
}

void rwlock_lock(struct rwlock *lock, bool exclusive)
{
	check(exclusive ? lock->state == 0 : lock->state != UINT32_MAX);
	lock->state = exclusive ? UINT32_MAX : lock->state + 1;
}

void rwlock_unlock(struct rwlock *lock, bool exclusive)
{
	check(exclusive ? lock->state == UINT32_MAX : lock->state > 0);
	lock->state = exclusive ? 0 : lock->state - 1;
}

void mutex_lock(struct mutex *mutex)
{
	check(!mutex->state);
	mutex->state = 1;
}

bool mutex_try(struct mutex *mutex)
{
	bool got = !mutex->state;

	mutex->state = 1;
	return got;
}

void mutex_unlock(struct mutex *mutex)
{
	check(mutex->state);
	mutex->state = 0;
}

void lock_order_take(uint32_t rank)
{
	(void)rank;
}

void lock_order_drop(uint32_t rank)
{
	(void)rank;
}

void wait_queue_init(struct wait_queue *queue)
{
	(void)queue;
}

int wait_sleep_mutex(struct wait_queue *queue, struct mutex *mutex, uint64_t deadline_ns,
		     unsigned flags)
{
	(void)queue;
	(void)mutex;
	(void)deadline_ns;
	(void)flags;
	host_fail(__FILE__, __LINE__, "nobody to wait for");
}

void wait_wake_all(struct wait_queue *queue)
{
	(void)queue;
}

void signal_force(int signal, int code, uint64_t address)
{
	(void)signal;
	(void)code;
	(void)address;
	host_fail(__FILE__, __LINE__, "a signal");
}

void file_get(struct file *file)
{
	(void)file;
}

void file_put(struct file *file)
{
	(void)file;
}

bool may_lock_any(void)
{
	return true;
}

bool space_may_lock(const struct space *space, uint64_t pages)
{
	(void)space;
	(void)pages;
	return true;
}

void file_maps_add(struct file *file, int32_t change)
{
	(void)file;
	(void)change;
}

/* ---- the runner ---- */

#define LONG_ROUNDS 40

static void machine_start(void)
{
	void *memory = aligned_alloc(4ull << 20, HOST_MEMORY_BYTES);

	check(memory);
	memset(memory, 0xa5, HOST_MEMORY_BYTES); /* nothing may count on zeros */
	host_memory = (uint64_t)(uintptr_t)memory;
	/* Odd ends, a hole, and a range that is given later. */
	boot_info.memory[0] = (struct boot_range){0, 0x9f000};
	boot_info.memory[1] = (struct boot_range){0x103000, 100ull << 20};
	boot_info.memory[2] = (struct boot_range){(130ull << 20) + 0x5000, HOST_MEMORY_BYTES};
	boot_info.memory_count = 3;
	boot_info.initrd = (struct boot_range){0x800000, 0x900123};
	cpus[0].thread = &thread;
	cpus[0].online = true;
	for (unsigned i = 0; i < 16; i++)
		process.limits[i][0] = process.limits[i][1] = UINT64_MAX;
	frame_init();
	shm_port_init();
}

/* The test, after which nothing may be missing. */
static bool test_run(const struct host_test *test)
{
	uint64_t frames = frame_free_count(), promised = commit_count();

	printf("# %s: %s\n", test->name, test->rule);
	fflush(stdout);
	test->run();
	if (frame_free_count() == frames && commit_count() == promised) {
		printf("ok %s\n", test->name);
		return true;
	}
	printf("# %lu frames are free, not %lu\nnot ok %s\n", (unsigned long)frame_free_count(),
	       (unsigned long)frames, test->name);
	return false;
}

/* kernel-memory [--long] [NAME]. With --long each round draws other numbers. */
int main(int argc, char **argv)
{
	bool lasts = argc > 1 && !strcmp(argv[1], "--long");
	const char *name = argc > 1 + lasts ? argv[1 + lasts] : "";
	unsigned passed = 0;

	machine_start();
	for (unsigned round = 0; round < (lasts ? LONG_ROUNDS : 1); round++) {
		for (const struct host_test *test = host_tests; test->name; test++) {
			if (!strstr(test->name, name))
				continue;
			if (!test_run(test)) {
				printf("%u passed, 1 failed\n", passed);
				return 1;
			}
			passed++;
		}
	}
	printf("%u passed, 0 failed\n", passed);
	free((void *)(uintptr_t)host_memory);
	return passed ? 0 : 1;
}
