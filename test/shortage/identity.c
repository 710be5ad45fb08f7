// SPDX-License-Identifier: MIT
/* Who a process is, what it may, clocks and the system: calls that need no memory, and credentials, which do. */

#include "call.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint32_t header[2] = {_LINUX_CAPABILITY_VERSION_3, 0};
static uint32_t capabilities[6];
static uint64_t robust[3] = {AT(robust), 0, 0};
static gid_t groups[40] = {5, 3, 9};
static struct rlimit limit = {1024, 4096};
static struct sched_param priority;
static uint64_t cpus[16] = {1};
static struct timespec when;
static struct timeval moment[2];

static void capabilities_read(void)
{
	need(syscall(SYS_capget, header, capabilities) == 0, "capget");
}

static void groups_back(long result)
{
	(void)result;
	need(syscall(SYS_setgroups, 0, NULL) == 0, "setgroups");
}

static void file_user_back(long result)
{
	(void)result;
	syscall(SYS_setfsuid, 0);
}

static void file_group_back(long result)
{
	(void)result;
	syscall(SYS_setfsgid, 0);
}

static void clock_read(void)
{
	need(clock_gettime(CLOCK_REALTIME, &when) == 0, "clock_gettime");
	moment[0] = (struct timeval){when.tv_sec, when.tv_nsec / 1000};
}

#define CREDENTIALS .flags = CALL_ALLOCATES

const struct call calls_identity[] = {
	{CALL(getpid, 0)},
	{CALL(getppid, 0)},
	{CALL(gettid, 0)},
	{CALL(getuid, 0)},
	{CALL(geteuid, 0)},
	{CALL(getgid, 0)},
	{CALL(getegid, 0)},
	{CALL(getpgid, 0)},
	{CALL(getsid, 0)},
	{CALL(getresuid, AT(buffer), AT(buffer), AT(buffer))},
	{CALL(getresgid, AT(buffer), AT(buffer), AT(buffer))},
	{CALL(getgroups, 100, AT(buffer))},
	{CALL(setuid, 0), CREDENTIALS},
	{CALL(setgid, 0), CREDENTIALS},
	{CALL(setreuid, -1, 0), CREDENTIALS},
	{CALL(setregid, -1, 0), CREDENTIALS},
	{CALL(setresuid, -1, 0, -1), CREDENTIALS},
	{CALL(setresuid, 4321, -1, -1), .what = "new user", .flags = CALL_ALLOCATES | CALL_ALONE,
	 .errors = {EAGAIN}},
	{CALL(setresgid, -1, 0, -1), CREDENTIALS},
	{CALL(setfsuid, 1), CREDENTIALS, .undo = file_user_back},
	{CALL(setfsgid, 1), CREDENTIALS, .undo = file_group_back},
	{CALL(setgroups, 40, AT(groups)), CREDENTIALS, .undo = groups_back},
	{CALL(capget, AT(header), AT(capabilities))},
	{CALL(capset, AT(header), AT(capabilities)), CREDENTIALS, .before = capabilities_read},
	{CALL(umask, 022)},
	{CALL(personality, 0xffffffff)},
	{CALL(prctl, PR_SET_NAME, AT("shortage"))},
	{CALL(uname, AT(buffer))},
	{CALL(sysinfo, AT(buffer))},
	{CALL(sethostname, AT("samepage"), 8)},
	{CALL(setdomainname, AT("(none)"), 6)},
	{CALL(syslog, 10, 0, 0)},
	{CALL(syslog, 3, AT(buffer), 1000), .what = "read all"},
	{CALL(reboot, 1, 2, 3), .answer = EINVAL},
	{CALL(getrandom, AT(buffer), 1000, 0)},
	{CALL(times, AT(buffer))},
	{CALL(gettimeofday, AT(buffer), 0)},
	{CALL(settimeofday, AT(moment), 0), .ready = clock_read},
	{CALL(clock_gettime, CLOCK_MONOTONIC, AT(buffer))},
	{CALL(clock_getres, CLOCK_MONOTONIC, AT(buffer))},
	{CALL(clock_settime, CLOCK_REALTIME, AT(&when)), .ready = clock_read},
	{CALL(getrusage, RUSAGE_SELF, AT(buffer))},
	{CALL(prlimit64, 0, RLIMIT_NOFILE, AT(&limit), AT(buffer))},
	{CALL(getpriority, PRIO_PROCESS, 0)},
	{CALL(setpriority, PRIO_PROCESS, 0, 0)},
	{CALL(sched_yield, 0)},
	{CALL(sched_getaffinity, 0, sizeof(cpus), AT(buffer))},
	{CALL(sched_setaffinity, 0, sizeof(cpus), AT(cpus))},
	{CALL(sched_getscheduler, 0)},
	{CALL(sched_setscheduler, 0, SCHED_OTHER, AT(&priority))},
	{CALL(sched_getparam, 0, AT(buffer))},
	{CALL(sched_setparam, 0, AT(&priority))},
	{CALL(sched_get_priority_max, SCHED_FIFO)},
	{CALL(sched_get_priority_min, SCHED_FIFO)},
	{CALL(sched_rr_get_interval, 0, AT(buffer))},
	{CALL(getcpu, AT(buffer), AT(buffer + 8), 0)},
	{CALL(set_tid_address, AT(buffer))},
	{CALL(set_robust_list, AT(robust), 24)},
	{CALL(get_robust_list, 0, AT(buffer), AT(buffer + 8))},
	/* libc has called it already, or not: with these flags it fails anyway. */
	{CALL(rseq, AT(buffer), 32, 2, 0), .answer = EINVAL},
	{CALL(membarrier, 0, 0, 0)},
	{CALL(restart_syscall, 0), .answer = EINTR},
#ifdef SYS_getrlimit
	{CALL(getrlimit, RLIMIT_NOFILE, AT(buffer))},
	{CALL(setrlimit, RLIMIT_NOFILE, AT(&limit))},
#endif
#ifdef SYS_arch_prctl
	{CALL(getpgrp, 0)},
	{CALL(time, AT(buffer))},
	{CALL(arch_prctl, 0x1003, AT(buffer))}, /* ARCH_GET_FS */
#endif
#ifdef SYS_riscv_flush_icache
	{CALL(riscv_flush_icache, 0, 0, 0)},
	{.name = "riscv_hwprobe", .number = 258, .argument = {AT(buffer), 1, 0, 0, 0}},
#endif
	{0},
};
