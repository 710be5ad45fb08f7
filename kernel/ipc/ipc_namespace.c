// SPDX-License-Identifier: MIT
/* IPC namespaces: where the tables of all three kinds of System V IPC live. */

#include "kernel/ipc/ipc_namespace.h"

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"

#define FIRST_NUMBER 4026531839u /* the first namespace's on Linux, which programs know */

struct ipc_namespace *ipc_namespace_initial;
static uint32_t next_number = FIRST_NUMBER;

void ipc_init(void)
{
	if (ipc_namespace_create(&ipc_namespace_initial))
		panic("no memory for the first IPC namespace");
}

int ipc_namespace_create(struct ipc_namespace **created)
{
	struct ipc_namespace *ns = kmem_zalloc(sizeof(*ns));

	if (!ns)
		return -ENOMEM;
	if (shm_namespace_create(&shm_instance, &ns->shm)) {
		kmem_free(ns, sizeof(*ns));
		return -ENOMEM;
	}
	ns->references = ns->holders = 1;
	ns->number = __atomic_fetch_add(&next_number, 1, __ATOMIC_RELAXED);
	sem_space_init(&ns->sem);
	msg_space_init(&ns->msg);
	*created = ns;
	return 0;
}

void ipc_namespace_get(struct ipc_namespace *ns)
{
	__atomic_add_fetch(&ns->references, 1, __ATOMIC_RELAXED);
}

void ipc_namespace_put(struct ipc_namespace *ns)
{
	/* Release: our use is over before anybody frees it. Acquire: and so is theirs. */
	if (__atomic_sub_fetch(&ns->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	sem_space_release(&ns->sem);
	msg_space_release(&ns->msg);
	shm_namespace_put(ns->shm);
	ipc_namespace_unhold(ns);
}

void ipc_namespace_hold(struct ipc_namespace *ns)
{
	__atomic_add_fetch(&ns->holders, 1, __ATOMIC_RELAXED);
}

void ipc_namespace_unhold(struct ipc_namespace *ns)
{
	/* As in ipc_namespace_put. */
	if (__atomic_sub_fetch(&ns->holders, 1, __ATOMIC_ACQ_REL) == 0)
		kmem_free(ns, sizeof(*ns));
}

bool ipc_namespace_revive(struct ipc_namespace *ns)
{
	uint32_t references = __atomic_load_n(&ns->references, __ATOMIC_RELAXED);

	while (references) {
		/* Relaxed: what is in it has locks of its own. */
		if (__atomic_compare_exchange_n(&ns->references, &references, references + 1, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}
