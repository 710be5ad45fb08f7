// SPDX-License-Identifier: MIT
/* clock_gettime(2), gettimeofday(2), nanosleep(2) and their kin. */

#include "abi/errno.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/syscall/syscall.h"

#define CLOCKS_MAX 12

static uint64_t wall_offset_ns; /* [a] 0: not known yet */

uint64_t time_wall_offset_ns(void)
{
	uint64_t offset_ns = __atomic_load_n(&wall_offset_ns, __ATOMIC_RELAXED);

	if (!offset_ns) {
		offset_ns = clock_boot_wall_ns();
		__atomic_store_n(&wall_offset_ns, offset_ns, __ATOMIC_RELAXED);
	}
	return offset_ns;
}

/* ---- conversions ---- */

int time_read(uint64_t from, uint64_t *ns)
{
	struct abi_timespec time;

	if (copy_from_user(&time, from, sizeof(time)))
		return -EFAULT;
	if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (int64_t)NS_PER_SECOND)
		return -EINVAL;
	if ((uint64_t)time.tv_sec >= INT64_MAX / NS_PER_SECOND)
		*ns = INT64_MAX;
	else
		*ns = (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
	return 0;
}

int time_write(uint64_t to, uint64_t ns)
{
	struct abi_timespec time = {(int64_t)(ns / NS_PER_SECOND), (int64_t)(ns % NS_PER_SECOND)};

	return copy_to_user(to, &time, sizeof(time));
}

uint64_t time_after(uint64_t span_ns)
{
	uint64_t now_ns = clock_now_ns();

	return span_ns >= INT64_MAX - now_ns ? WAIT_FOREVER : now_ns + span_ns;
}

int time_read_deadline(uint64_t from, uint64_t *deadline_ns)
{
	uint64_t span_ns;
	int err = time_read(from, &span_ns);

	if (!err)
		*deadline_ns = time_after(span_ns);
	return err;
}

uint64_t time_from_wall(uint64_t wall_ns)
{
	uint64_t offset_ns = time_wall_offset_ns();

	return wall_ns > offset_ns ? wall_ns - offset_ns : 0;
}

struct abi_timeval time_timeval(uint64_t ns)
{
	return (struct abi_timeval){(int64_t)(ns / NS_PER_SECOND),
				    (int64_t)(ns % NS_PER_SECOND / 1000)};
}

/* ---- reading clocks ---- */

/* CPU clocks of other processes and threads have negative numbers: pid_nr << 3 | kind, inverted. */
static int cpu_clock(int clock, uint64_t *ns)
{
	int32_t id = ~(clock >> 3);

	if (clock & 4) {
		struct thread *thread = id ? thread_find(id) : NULL;
		if (id && !thread)
			return -EINVAL;
		*ns = thread_run_ns(thread ? thread : thread_current());
		if (thread)
			thread_put(thread);
		return 0;
	}
	struct process *process = id ? process_find(id) : process_get(process_current());
	if (!process)
		return -EINVAL;
	*ns = process_run_ns(process);
	process_put(process);
	return 0;
}

static int clock_read(int clock, uint64_t *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = time_wall_offset_ns() + clock_now_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_now_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_run_ns(process_current());
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = thread_run_ns(thread_current());
		return 0;
	default:
		return clock < 0 ? cpu_clock(clock, ns) : -EINVAL;
	}
}

long sys_clock_gettime(const uint64_t *argument)
{
	uint64_t ns;
	int err = clock_read((int)argument[0], &ns);

	return err ? err : time_write(argument[1], ns);
}

long sys_clock_getres(const uint64_t *argument)
{
	uint64_t ns;
	int err = clock_read((int)argument[0], &ns);

	if (err || !argument[1])
		return err;
	return time_write(argument[1], 1);
}

static int wall_set(uint64_t wall_ns)
{
	if (!cred_has(cred_current(), CAP_SYS_TIME))
		return -EPERM;
	uint64_t now_ns = clock_now_ns();
	if (wall_ns <= now_ns)
		return -EINVAL;
	__atomic_store_n(&wall_offset_ns, wall_ns - now_ns, __ATOMIC_RELAXED);
	return 0;
}

long sys_clock_settime(const uint64_t *argument)
{
	uint64_t ns;
	int err = time_read(argument[1], &ns);

	if (err)
		return err;
	return (int)argument[0] == CLOCK_REALTIME ? wall_set(ns) : -EINVAL;
}

long sys_settimeofday(const uint64_t *argument)
{
	struct abi_timeval time;

	if (!argument[0])
		return 0; /* only the time zone, which nobody keeps */
	if (copy_from_user(&time, argument[0], sizeof(time)))
		return -EFAULT;
	if (time.tv_sec < 0 || time.tv_usec < 0 || time.tv_usec >= 1000000)
		return -EINVAL;
	return wall_set((uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_usec * 1000);
}

long sys_gettimeofday(const uint64_t *argument)
{
	struct abi_timeval time = time_timeval(time_wall_offset_ns() + clock_now_ns());
	int32_t zone[2] = {0, 0};

	if (argument[0] && copy_to_user(argument[0], &time, sizeof(time)))
		return -EFAULT;
	return argument[1] ? copy_to_user(argument[1], zone, sizeof(zone)) : 0;
}

long sys_time(const uint64_t *argument)
{
	int64_t seconds = (int64_t)((time_wall_offset_ns() + clock_now_ns()) / NS_PER_SECOND);

	if (argument[0] && copy_to_user(argument[0], &seconds, sizeof(seconds)))
		return -EFAULT;
	return seconds;
}

/* ---- sleeping ---- */

/* restart_data: where the time that is left goes, or 0. */
static long sleep_until(struct thread *thread)
{
	uint64_t deadline_ns = thread->restart_deadline_ns, left_to = thread->restart_data[0];
	int err;

	do {
		err = thread_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
	} while (!err);
	if (err == -ETIMEDOUT)
		return 0;
	if (left_to) {
		uint64_t now_ns = clock_now_ns();
		if (now_ns >= deadline_ns)
			return 0;
		if (time_write(left_to, deadline_ns - now_ns))
			return -EFAULT;
	}
	thread->restart = sleep_until;
	return -ERESTART_RESTARTBLOCK;
}

long sys_nanosleep(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	int err = time_read_deadline(argument[0], &thread->restart_deadline_ns);

	if (err)
		return err;
	thread->restart_data[0] = argument[1];
	return sleep_until(thread);
}

static long sleep_absolute(uint64_t deadline_ns)
{
	int err;

	do {
		err = thread_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
	} while (!err);
	return err == -ETIMEDOUT ? 0 : -ERESTARTNOHAND;
}

long sys_clock_nanosleep(const uint64_t *argument)
{
	int clock = (int)argument[0], flags = (int)argument[1];
	struct thread *thread = thread_current();
	uint64_t ns;
	bool wall = clock == CLOCK_REALTIME || clock == CLOCK_TAI;

	if (!wall && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return clock >= 0 && clock < CLOCKS_MAX && clock != CLOCK_THREAD_CPUTIME_ID
			       ? -EOPNOTSUPP
			       : -EINVAL;
	int err = time_read(argument[2], &ns);
	if (err)
		return err;
	if (flags & TIMER_ABSTIME)
		return sleep_absolute(wall ? time_from_wall(ns) : ns);
	thread->restart_deadline_ns = time_after(ns);
	thread->restart_data[0] = argument[3];
	return sleep_until(thread);
}
