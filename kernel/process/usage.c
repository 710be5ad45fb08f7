// SPDX-License-Identifier: MIT
/*
 * getrusage(2), times(2). Time on a CPU is measured exactly, but
 * not divided: all of it counts as the user's.
 */

#include "kernel/process/usage.h"

#include "abi/resource.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/syscall/syscall.h"

void usage_fill(struct abi_rusage *usage, uint64_t run_ns)
{
	*usage = (struct abi_rusage){.utime = time_timeval(run_ns)};
}

long sys_getrusage(const uint64_t *argument)
{
	struct abi_rusage usage;

	switch ((int)argument[0]) {
	case RUSAGE_SELF:
		usage_fill(&usage, process_run_ns(process_current()));
		break;
	case RUSAGE_CHILDREN:
		usage_fill(&usage, process_current()->children_ns);
		break;
	case RUSAGE_THREAD:
		usage_fill(&usage, thread_run_ns(thread_current()));
		break;
	default:
		return -EINVAL;
	}
	return copy_to_user(argument[1], &usage, sizeof(usage));
}

static int64_t ticks(uint64_t ns)
{
	return (int64_t)(ns / (NS_PER_SECOND / USER_HZ));
}

long sys_times(const uint64_t *argument)
{
	struct abi_tms tms = {
		.utime = ticks(process_run_ns(process_current())),
		.cutime = ticks(process_current()->children_ns),
	};

	if (argument[0] && copy_to_user(argument[0], &tms, sizeof(tms)))
		return -EFAULT;
	return ticks(clock_now_ns());
}
