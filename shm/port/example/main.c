// SPDX-License-Identifier: MIT
/*
 * Boots shm/ on the smallest host and shares a segment between two processes,
 * first with every mapping filled page by page, then with tables linked. What
 * it prints is in docs/porting.md, and the tests compare.
 */

#include <stdio.h>
#include <string.h>

#include "shm/port/example/host.h"
#include "abi/errno.h"

#define SIZE (4ull << 20) /* two spans of 2 MiB */
#define KEY  42
#define PAGE SHM_PAGE_BYTES

static struct shm shm;
static struct shm_namespace *ns;
static struct host_space a, b;

/* Who calls: root as process 1 or 2. A kernel fills this in from the current process. */
static struct shm_caller caller_of(struct host_space *space)
{
	return (struct shm_caller){.space = &space->shm,
				   .pid = space == &a ? 1 : 2,
				   .capabilities = UINT64_MAX,
				   .memlock_limit_bytes = UINT64_MAX};
}

/* shmget(2), shmat(2), shmdt(2), shmctl(2), as a process calls them. */
static int32_t shmget(struct host_space *space, int32_t key, uint64_t size, int flags)
{
	struct shm_caller caller = caller_of(space);
	return shm_get(ns, &caller, key, size, flags);
}

static uint64_t shmat(struct host_space *space, int32_t id, int flags)
{
	struct shm_caller caller = caller_of(space);
	uint64_t address = 0;
	int error = shm_attach(ns, &caller, id, 0, flags, &address);

	return error ? (uint64_t)error : address;
}

static int shmdt(struct host_space *space, uint64_t address)
{
	struct shm_caller caller = caller_of(space);
	return shm_detach(ns, &caller, address);
}

static long shmctl(struct host_space *space, int32_t id, int command, struct abi_shmid_ds *ds)
{
	struct shm_caller caller = caller_of(space);
	union shm_control_data data = {0};
	long result = shm_control(ns, &caller, id, command, &data);

	*ds = data.ds;
	return result;
}

static bool put(struct host_space *space, uint64_t address, const char *text)
{
	for (size_t i = 0; i <= strlen(text); i++) {
		unsigned char *byte = host_access(space, address + i, SHM_WRITE);
		if (!byte)
			return false;
		*byte = (unsigned char)text[i];
	}
	return true;
}

static const char *get(struct host_space *space, uint64_t address)
{
	static char text[64];

	for (size_t i = 0; i < sizeof(text); i++) {
		unsigned char *byte = host_access(space, address + i, SHM_READ);
		if (!byte)
			return "(a signal)";
		text[i] = (char)*byte;
		if (!text[i])
			break;
	}
	return text;
}

/* Pages and tables in use; faults since the last time. */
static void tell(const char *what)
{
	printf("%-26s %3u pages, %u tables, %3u faults\n", what, host_counts.frames,
	       host_counts.tables, host_counts.faults);
	host_counts.faults = 0;
}

static void share(void)
{
	struct abi_shmid_ds ds;
	int32_t id = shmget(&a, KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	uint64_t at_a = shmat(&a, id, 0), at_b = shmat(&b, id, 0);

	printf("a: shmget = %d, shmat = %#llx; b: shmat = %#llx\n", id, (unsigned long long)at_a,
	       (unsigned long long)at_b);
	tell("attaching touches nothing");
	for (unsigned page = 0; page < 100; page++)
		put(&a, at_a + page * PAGE, "hello");
	tell("a writes to 100 pages");
	for (unsigned page = 0; page < 100; page++)
		get(&b, at_b + page * PAGE);
	tell("b reads them");
	printf("b: \"%s\", %s\n", get(&b, at_b + 99 * PAGE),
	       host_is_linked(&b, at_b) ? "linked" : "filled");

	uint64_t again = shmat(&b, id, SHM_RDONLY);
	printf("b, read-only: \"%s\", writing is %s\n", get(&b, again),
	       put(&b, again, "no") ? "allowed" : "a signal");
	shmctl(&a, id, IPC_STAT, &ds);
	printf("IPC_STAT: %llu bytes, nattch %llu\n", (unsigned long long)ds.shm_segsz,
	       (unsigned long long)ds.shm_nattch);
	long removed = shmctl(&a, id, IPC_RMID, &ds);
	printf("IPC_RMID = %ld, shmget of its key = %d\n", removed, shmget(&a, KEY, 0, 0));
	int detached = shmdt(&a, at_a);
	printf("a: shmdt = %d; b still reads \"%s\"\n", detached, get(&b, at_b));
	shm_check_space(&b.shm);
	shm_check_namespace(ns);
}

static bool run(const struct shm_port *port, const char *what)
{
	printf("---- %s ----\n", what);
	host_memory_init();
	shm_init(&shm, port, true, false);
	if (shm_namespace_create(&shm, &ns) || !host_space_init(&a, &shm) ||
	    !host_space_init(&b, &shm))
		return false;
	share();
	host_space_end(&b);
	tell("b exits");
	host_space_end(&a);
	shm_namespace_put(ns);
	tell("the end");
	return !host_counts.frames && !host_counts.tables && !host_counts.heap_bytes;
}

int main(void)
{
	return run(&host_port_fill, "without SHM_CAN_LINK") && run(&host_port, "with SHM_CAN_LINK")
		       ? 0
		       : 1;
}
