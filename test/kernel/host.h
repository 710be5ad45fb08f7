/* SPDX-License-Identifier: MIT */
#ifndef TEST_KERNEL_HOST_H
#define TEST_KERNEL_HOST_H

/* Parts of the kernel on the host: kernel/mm and shm with a made-up machine of one CPU around them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_MEMORY_BYTES (192ull << 20)

struct host_test {
	const char *name;
	const char *rule;
	void (*run)(void);
};
extern const struct host_test host_tests[]; /* up to one without a name */

void host_fail(const char *file, int line, const char *what) __attribute__((noreturn));
#define check(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			host_fail(__FILE__, __LINE__, #condition);                                 \
	} while (0)

/* The same numbers each run: a failure comes again. */
uint64_t host_random(void);

#endif
