// SPDX-License-Identifier: MIT
/* prctl(2), personality(2). */

#include "abi/prctl.h"

#include "kernel/lib/string.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define PERSONALITY_QUERY 0xffffffffu
#define TIMER_SLACK_NS    50000

static long name_set(uint64_t from)
{
	char name[sizeof(thread_current()->name)] = "";
	long length = copy_string_from_user(name, from, sizeof(name));

	if (length < 0 && length != -ENAMETOOLONG)
		return length;
	name[sizeof(name) - 1] = '\0';
	string_copy(thread_current()->name, name, sizeof(name));
	return 0;
}

static long bounding_drop(uint64_t capability)
{
	const struct cred *old = cred_current();

	if (!cred_has(old, CAP_SETPCAP))
		return -EPERM;
	if (capability >= 64 || !(CAP_MASK_ALL >> capability & 1))
		return -EINVAL;
	struct cred *cred = cred_copy(old, old->group_count);
	if (!cred)
		return -ENOMEM;
	cred->bounding &= ~(1ull << capability);
	cred_replace(cred);
	return 0;
}

/* A table of options: long for that reason. */
long sys_prctl(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	struct process *process = thread->process;
	uint64_t value = argument[1];
	int32_t word;

	switch ((int)argument[0]) {
	case PR_SET_PDEATHSIG:
		if (value > SIGNALS)
			return -EINVAL;
		process->parent_death_signal = (int)value;
		return 0;
	case PR_GET_PDEATHSIG:
		word = process->parent_death_signal;
		return copy_to_user(value, &word, sizeof(word));
	case PR_GET_DUMPABLE:
		return process->dumpable;
	case PR_SET_DUMPABLE:
		if (value > 1)
			return -EINVAL;
		process->dumpable = value;
		return 0;
	case PR_GET_KEEPCAPS:
		return thread->keep_capabilities;
	case PR_SET_KEEPCAPS:
		if (value > 1)
			return -EINVAL;
		thread->keep_capabilities = value;
		return 0;
	case PR_SET_NAME:
		return name_set(value);
	case PR_GET_NAME:
		return copy_to_user(value, thread->name, sizeof(thread->name));
	case PR_CAPBSET_READ:
		if (value >= 64 || !(CAP_MASK_ALL >> value & 1))
			return -EINVAL;
		return cred_current()->bounding >> value & 1;
	case PR_CAPBSET_DROP:
		return bounding_drop(value);
	case PR_SET_TIMERSLACK:
		return 0;
	case PR_GET_TIMERSLACK:
		return TIMER_SLACK_NS;
	case PR_SET_NO_NEW_PRIVS:
		if (value != 1 || argument[2] || argument[3] || argument[4])
			return -EINVAL;
		thread->no_new_privileges = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return thread->no_new_privileges;
	default:
		return -EINVAL;
	}
}

long sys_personality(const uint64_t *argument)
{
	struct process *process = process_current();
	uint32_t old = process->personality;

	if ((uint32_t)argument[0] != PERSONALITY_QUERY)
		process->personality = (uint32_t)argument[0];
	return old;
}
