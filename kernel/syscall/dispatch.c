// SPDX-License-Identifier: MIT
/*
 * From the trap to the handler. What a handler returns is the program's result;
 * one that replaces the whole frame (execve, rt_sigreturn) returns what is in it.
 */

#include "arch/arch.h"
#include "kernel/lib/print.h"
#include "kernel/process/process.h"
#include "kernel/syscall/table.h"

#define NUMBERS_KNOWN 512 /* beyond, all numbers count as one */

static uint32_t unknown_calls[NUMBERS_KNOWN]; /* [a] how often each missing call was tried */

/* A system call that is not here: the log names it once. */
static long syscall_unknown(uint32_t number)
{
	uint32_t slot = number < NUMBERS_KNOWN ? number : NUMBERS_KNOWN - 1;
	const char *name = NULL;

	if (__atomic_fetch_add(&unknown_calls[slot], 1, __ATOMIC_RELAXED))
		return -ENOSYS;
	if (number < syscall_table_size)
		name = syscall_table[number].name;
	log_line("system call %d (%s) is not implemented, asked for by %s", (int)number,
		 name ? name : "unknown", thread_current()->name);
	return -ENOSYS;
}

void trap_syscall(struct trap_frame *frame)
{
	uint32_t number = (uint32_t)frame_number(frame); /* as Linux: 32 bits count */
	syscall_handler *handler = NULL;

	if (number < syscall_table_size)
		handler = syscall_table[number].handler;
	frame_set_result(frame,
			 handler ? handler(frame_arguments(frame)) : syscall_unknown(number));
}
