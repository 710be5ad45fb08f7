// SPDX-License-Identifier: MIT
/*
 * setitimer(2) and alarm(2): ITIMER_REAL, one timer for each process. It fires
 * under its CPU's timer lock, so the next round of an interval is started by the
 * process itself, when it takes the signal or asks.
 *
 * Known gaps: ITIMER_VIRTUAL and ITIMER_PROF.
 */

#include "abi/time.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/alarm.h"
#include "kernel/process/time.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

static void alarm_fire(struct timer *timer)
{
	struct process *process = container_of(timer, struct process, real_timer);
	struct abi_siginfo info = signal_info_kernel(SIGALRM);

	__atomic_store_n(&process->real_fired, true, __ATOMIC_RELAXED);
	(void)signal_send_process(process, SIGALRM, &info);
}

/* Start it for the time, 0: not at all. By a thread of the process. Alarm lock held. */
static void alarm_start(struct process *process, uint64_t when_ns)
{
	process->real_fired = false;
	process->real_timer.fire = alarm_fire;
	if (when_ns)
		timer_start(&process->real_timer, when_ns);
}

void alarm_renew(struct process *process)
{
	if (!__atomic_load_n(&process->real_fired, __ATOMIC_RELAXED))
		return;
	spin_lock(&process->alarm_lock);
	if (!process->real_interval_ns || !process->real_fired) {
		spin_unlock(&process->alarm_lock);
		return;
	}
	uint64_t now_ns = clock_now_ns();
	uint64_t when_ns = process->real_timer.when_ns + process->real_interval_ns;
	if (when_ns <= now_ns) /* rounds were missed: they count as one */
		when_ns +=
			(now_ns - when_ns) / process->real_interval_ns * process->real_interval_ns +
			process->real_interval_ns;
	timer_stop(&process->real_timer);
	alarm_start(process, when_ns);
	spin_unlock(&process->alarm_lock);
}

/* What was left, and the interval, before the change. */
static void alarm_exchange(uint64_t span_ns, uint64_t interval_ns, uint64_t *left_ns,
			   uint64_t *old_interval_ns)
{
	struct process *process = process_current();
	uint64_t now_ns = clock_now_ns();

	spin_lock(&process->alarm_lock);
	*left_ns = 0;
	*old_interval_ns = process->real_interval_ns;
	if (timer_stop(&process->real_timer))
		*left_ns = process->real_timer.when_ns > now_ns
				   ? process->real_timer.when_ns - now_ns
				   : 1;
	process->real_interval_ns = interval_ns;
	alarm_start(process, span_ns ? time_after(span_ns) : 0);
	spin_unlock(&process->alarm_lock);
}

static int timeval_ns(const struct abi_timeval *time, uint64_t *ns)
{
	if (time->tv_sec < 0 || time->tv_usec < 0 || time->tv_usec >= 1000000)
		return -EINVAL;
	*ns = (uint64_t)time->tv_sec >= INT64_MAX / NS_PER_SECOND
		      ? INT64_MAX
		      : (uint64_t)time->tv_sec * NS_PER_SECOND + (uint64_t)time->tv_usec * 1000;
	return 0;
}

long sys_setitimer(const uint64_t *argument)
{
	struct abi_itimerval new = {0}, old;
	uint64_t span_ns, interval_ns, left_ns, old_interval_ns;

	if (argument[1] && copy_from_user(&new, argument[1], sizeof(new)))
		return -EFAULT;
	if ((int)argument[0] != ITIMER_REAL || timeval_ns(&new.value, &span_ns) ||
	    timeval_ns(&new.interval, &interval_ns))
		return -EINVAL;
	alarm_exchange(span_ns, interval_ns, &left_ns, &old_interval_ns);
	old = (struct abi_itimerval){time_timeval(old_interval_ns), time_timeval(left_ns)};
	return argument[2] ? copy_to_user(argument[2], &old, sizeof(old)) : 0;
}

long sys_getitimer(const uint64_t *argument)
{
	struct process *process = process_current();
	uint64_t now_ns = clock_now_ns(), left_ns = 0;

	if ((int)argument[0] < ITIMER_REAL || (int)argument[0] > ITIMER_PROF)
		return -EINVAL;
	struct abi_itimerval value = {0};
	if ((int)argument[0] == ITIMER_REAL) {
		spin_lock(&process->alarm_lock);
		if (process->real_timer.cpu)
			left_ns = process->real_timer.when_ns > now_ns
					  ? process->real_timer.when_ns - now_ns
					  : 1;
		value = (struct abi_itimerval){time_timeval(process->real_interval_ns),
					       time_timeval(left_ns)};
		spin_unlock(&process->alarm_lock);
	}
	return copy_to_user(argument[1], &value, sizeof(value));
}

long sys_alarm(const uint64_t *argument)
{
	uint64_t left_ns, interval_ns;

	alarm_exchange((uint32_t)argument[0] * NS_PER_SECOND, 0, &left_ns, &interval_ns);
	/* Rounded, but never to 0 while an alarm is due. */
	uint64_t seconds = (left_ns + NS_PER_SECOND / 2) / NS_PER_SECOND;
	return left_ns && !seconds ? 1 : (long)seconds;
}
