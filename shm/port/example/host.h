/* SPDX-License-Identifier: MIT */
#ifndef SHM_EXAMPLE_HOST_H
#define SHM_EXAMPLE_HOST_H

/*
 * A kernel as small as one can be and still share memory: 2 MiB of physical
 * memory, address spaces with three levels of page table and a list of areas,
 * one CPU, no threads, no interrupts. It walks its tables in software, where a
 * machine has an MMU. Everything shm asks of a host is here, and nothing else.
 */

#include "shm/shm.h"
#include "shm_cpu.h"

#define HOST_FRAMES 512
#define HOST_AREAS  8 /* of one space */

struct host_area {
	uint64_t start, end; /* bytes */
	unsigned protection;
	struct shm_piece piece; /* one in each area, see shm.h */
};

struct host_space {
	struct shm_space shm; /* first, so that one is found from the other */
	uint64_t root;        /* the page table: 1 GiB entries, then slots of 2 MiB, then pages */
	struct host_area *areas[HOST_AREAS]; /* by address */
	unsigned area_count;
};

extern const struct shm_port host_port;      /* with SHM_CAN_LINK */
extern const struct shm_port host_port_fill; /* the same without */

/* How often, for the story that main.c tells. */
extern struct host_counts {
	unsigned frames, tables; /* in use */
	unsigned flushes, faults;
	size_t heap_bytes;
} host_counts;

/* Physical memory begins: everything is free. */
void host_memory_init(void);
/* An empty space; false: no memory. */
bool host_space_init(struct host_space *space, struct shm *shm);
/* exit(2): every area goes, then the tables. */
void host_space_end(struct host_space *space);
/*
 * A program's access to one byte, with the page faults that it takes.
 * NULL: it would have been a signal.
 */
unsigned char *host_access(struct host_space *space, uint64_t address, unsigned access);
/* Is the slot of this address a link to an object's own table? */
bool host_is_linked(struct host_space *space, uint64_t address);

#endif
