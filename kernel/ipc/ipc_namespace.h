/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_IPC_NAMESPACE_H
#define KERNEL_IPC_NAMESPACE_H

/*
 * An IPC namespace: the System V ids of all three kinds, with their keys and
 * limits: ipc_namespaces(7). Each thread has one, and so have open files of
 * /proc/PID/ns/ipc. With its last reference, all that is left in it is removed.
 */

#include "kernel/ipc/msg.h"
#include "kernel/ipc/sem.h"

struct shm_namespace;

struct ipc_namespace {
	struct shm_namespace *shm; /* [I] one of its users */
	uint32_t references;       /* [a] */
	uint32_t holders;          /* [a] of the struct; all references together are one */
	uint32_t number;           /* [I] the inode's of /proc/PID/ns/ipc */
	struct sem_space sem;
	struct msg_space msg;
};

/* Process 1's; it never goes. */
extern struct ipc_namespace *ipc_namespace_initial;

/* Make the first one. At boot; panics without memory. */
void ipc_init(void);
/* An empty one with Linux's default limits, one reference to the caller. 0; -ENOMEM. No locks. */
int ipc_namespace_create(struct ipc_namespace **ns);
void ipc_namespace_get(struct ipc_namespace *ns);
/* The last reference removes everything. No lock behind a file's position in rank; may sleep. */
void ipc_namespace_put(struct ipc_namespace *ns);
/*
 * Who holds it does not keep what is in it, only the struct, to ask later whether it still lives:
 * then ipc_namespace_revive takes a reference. False: its last one has gone.
 */
void ipc_namespace_hold(struct ipc_namespace *ns);
void ipc_namespace_unhold(struct ipc_namespace *ns);
bool ipc_namespace_revive(struct ipc_namespace *ns);

#endif
