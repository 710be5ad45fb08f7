/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_USER_H
#define KERNEL_PROCESS_USER_H

/* What all processes of one real user share: how many there are. RLIMIT_NPROC, getrlimit(2). */

#include <stdint.h>

struct user {
	struct user *next;   /* users lock */
	uint32_t uid;        /* [I] */
	uint32_t references; /* users lock: of credentials */
	uint64_t
		thread_count; /* tree lock: those in the tree, and first threads that nobody waited for */
};

extern struct user user_root; /* never freed */

struct user *user_find(uint32_t uid); /* with a reference, made if there is none; NULL: no memory */
struct user *user_get(struct user *user);
void user_put(struct user *user);
/* Of all users. Tree lock held. */
uint64_t user_thread_count_locked(void);

#endif
