/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_CRED_H
#define KERNEL_PROCESS_CRED_H

/* Credentials: credentials(7), capabilities(7). Immutable once shared; a change makes a new one. */

#include <stdbool.h>
#include <stdint.h>

#define CAP_CHOWN              0
#define CAP_DAC_OVERRIDE       1
#define CAP_FOWNER             3
#define CAP_FSETID             4
#define CAP_KILL               5
#define CAP_SETGID             6
#define CAP_SETUID             7
#define CAP_SETPCAP            8
#define CAP_IPC_LOCK           14
#define CAP_IPC_OWNER          15
#define CAP_SYS_CHROOT         18
#define CAP_SYS_PTRACE         19
#define CAP_SYS_ADMIN          21
#define CAP_SYS_BOOT           22
#define CAP_SYS_NICE           23
#define CAP_SYS_RESOURCE       24
#define CAP_SYS_TIME           25
#define CAP_CHECKPOINT_RESTORE 40
#define CAP_MASK_ALL           ((1ull << 41) - 1)

struct user;

struct cred {
	uint32_t references; /* [a] */
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	struct user *user; /* uid's, whose threads are counted; a reference */
	uint64_t effective, permitted, inheritable, bounding, ambient;
	uint32_t group_count;
	uint32_t groups[]; /* sorted */
};

extern struct cred cred_root; /* the superuser's, as process 1 starts */
struct cred *cred_get(struct cred *cred);
void cred_put(struct cred *cred);
const struct cred *cred_current(void); /* the running thread's; valid while it does not change it */
struct cred *cred_get_root(void);      /* with a reference */
/* A copy to change, with room for group_count groups (filled when the number is the same); NULL: no memory. */
struct cred *cred_copy(const struct cred *from, uint32_t group_count);
void cred_replace(
	struct cred *cred); /* the running thread's, from now on; the reference moves in */
/* The same with the tree lock held: gives the old ones, with the reference to them. */
struct cred *cred_replace_locked(struct cred *cred);
/* Another real user. 0, or -EAGAIN: no memory, as Linux says it (setuid(2)). */
int cred_set_uid(struct cred *cred, uint32_t uid);
bool cred_has(const struct cred *cred, unsigned capability);
bool cred_in_group(const struct cred *cred, uint32_t gid); /* fsgid or a supplementary one */

#endif
