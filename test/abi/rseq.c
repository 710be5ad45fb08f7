// SPDX-License-Identifier: MIT
/* Restartable sequences: registering an area, the numbers in it, who inherits it. */

#define _GNU_SOURCE
#include "rseq_test.h"

#include <sys/mman.h>

static struct area other;

/* ---- the call ---- */

static void check_register_errors(void)
{
	void *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK_OK(munmap(gone, 4096));
	CHECK_ERROR(rseq(&area, 32, 2, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&area, 32, -1, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&area, 0, 0, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&area, 31, 0, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq((char *)&area + 16, 32, 0, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq((char *)&area + 16, 64, 0, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(NULL, 32, 0, SIGNATURE), EFAULT);
	CHECK_ERROR(rseq(gone, 32, 0, SIGNATURE), EFAULT);
	CHECK_ERROR(rseq((void *)(1ul << 63), 32, 0, SIGNATURE), EFAULT);
	CHECK_ERROR(rseq(gone, 16, 0, SIGNATURE), EINVAL);
	/* Nothing is registered. */
	CHECK_ERROR(rseq(&area, 32, UNREGISTER, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(NULL, 0, UNREGISTER, 0), EINVAL);
}

static void check_registered_errors(void)
{
	area.section = 4096; /* nobody's: the call forgets it */
	CHECK_OK(rseq(&area, 32, 0, SIGNATURE));
	CHECK_EQ(area.section, 0);
	CHECK_ERROR(rseq(&area, 32, 0, SIGNATURE), EBUSY);
	CHECK_ERROR(rseq(&area, 32, 0, SIGNATURE + 1), EPERM);
	CHECK_ERROR(rseq(&area, 64, 0, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&other, 32, 0, SIGNATURE + 1), EINVAL);
	CHECK_ERROR(rseq(NULL, 32, 0, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&area, 32, 2, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&area, 32, UNREGISTER | 2, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&other, 32, UNREGISTER, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&area, 64, UNREGISTER, SIGNATURE), EINVAL);
	CHECK_ERROR(rseq(&area, 32, UNREGISTER, SIGNATURE + 1), EPERM);
	CHECK_OK(rseq(&area, 32, UNREGISTER, SIGNATURE));
	CHECK_EQ(area.cpu_id_start, 0);
	CHECK_EQ(area.cpu_id, CPU_UNINITIALIZED);
	CHECK_EQ(area.node_id, 0);
	CHECK_EQ(area.mm_cid, 0);
	CHECK_OK(rseq(&other, 64, 0, 0));
	CHECK_EQ(other.cpu_id, other.cpu_id_start);
	CHECK(other.cpu_id != CPU_UNINITIALIZED);
	CHECK_OK(rseq(&other, 64, UNREGISTER, 0));
}

static void register_errors(void)
{
	bare(check_register_errors);
}

static void registered_errors(void)
{
	bare(check_registered_errors);
}

static void told_in_vector(void)
{
	if (!getauxval(FEATURE_SIZE))
		SKIP("needs the rseq of Linux 6.3");
	CHECK(getauxval(FEATURE_SIZE) >= NUMBERS_BYTES);
	CHECK(getauxval(ALIGNMENT) >= 32);
	CHECK_EQ(getauxval(ALIGNMENT) & (getauxval(ALIGNMENT) - 1), 0);
}

/* ---- the numbers ---- */

static unsigned cpu_now(unsigned *node)
{
	unsigned cpu;

	CHECK_OK(syscall(SYS_getcpu, &cpu, node, NULL));
	return cpu;
}

static void check_numbers(void)
{
	cpu_set_t set;
	unsigned node;

	(void)cpu_count(&set);
	registered();
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &set))
				continue;
			pin(cpu);
			CHECK_EQ(area.cpu_id, cpu);
			CHECK_EQ(area.cpu_id_start, cpu);
			CHECK_EQ(cpu_now(&node), cpu);
			CHECK_EQ(area.node_id, node);
			CHECK((long)area.mm_cid < sysconf(_SC_NPROCESSORS_CONF));
		}
	}
}

static void follows_affinity(void)
{
	bare(check_numbers);
}

/* Nobody says where it runs: what the area says is so before or after the call, unless it moved twice. */
static void check_under_load(void)
{
	unsigned wrong = 0;
	pid_t pids[6];

	for (unsigned i = 0; i < 6; i++) {
		pids[i] = raw_fork();
		for (unsigned n = 0; !pids[i]; n++)
			if (n % 1000 == 0)
				sched_yield();
	}
	registered();
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t before = area.cpu_id, now = cpu_now(NULL);
		wrong += before != now && area.cpu_id != now;
		if (i % 64 == 0)
			sched_yield();
	}
	for (unsigned i = 0; i < 6; i++) {
		CHECK_OK(kill(pids[i], SIGKILL));
		CHECK_EQ(abi_wait(pids[i]), SIGKILL);
	}
	CHECK(wrong < 20);
}

static void right_under_load(void)
{
	bare(check_under_load);
}

/* ---- who has it ---- */

static void check_fork(void)
{
	registered();
	pid_t pid = raw_fork();
	if (!pid) {
		CHECK_ERROR(rseq(&area, sizeof(area), 0, SIGNATURE), EBUSY);
		CHECK_EQ(area.cpu_id, cpu_now(NULL));
		cpu_set_t set;
		(void)cpu_count(&set);
		for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &set))
				continue;
			pin(cpu);
			CHECK_EQ(area.cpu_id, cpu);
		}
		CHECK_OK(rseq(&area, sizeof(area), UNREGISTER, SIGNATURE));
		_exit(0);
	}
	CHECK_EQ(abi_wait(pid), 0);
	CHECK(area.cpu_id != CPU_UNINITIALIZED);
	CHECK_ERROR(rseq(&area, sizeof(area), 0, SIGNATURE), EBUSY);
}

static void fork_inherits(void)
{
	bare(check_fork);
}

static int try_unregister(void *argument)
{
	(void)argument;
	_exit(rseq(&area, sizeof(area), UNREGISTER, SIGNATURE) == -1 && errno == EINVAL ? 0 : 1);
}

static void check_shared(void)
{
	static char stack[16384] __attribute__((aligned(64)));

	registered();
	pid_t pid = CHECK_OK(clone(try_unregister, stack + sizeof(stack),
				   CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
	CHECK_EQ(abi_wait(pid), 0);
	CHECK_ERROR(rseq(&area, sizeof(area), 0, SIGNATURE), EBUSY);
}

static void shared_memory_does_not(void)
{
	bare(check_shared);
}

/* Its libc has registered another one, or it has none; never that of the old program. */
static int after_exec(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (rseq(&area, sizeof(area), 0, SIGNATURE) == 0)
		return area.cpu_id == CPU_UNINITIALIZED;
	return errno != EINVAL;
}

static void check_exec(void)
{
	char *arguments[] = {(char *)abi_self(), "--helper", "after-rseq", NULL};

	registered();
	execv(abi_self(), arguments);
	_exit(1);
}

static void exec_forgets(void)
{
	bare(check_exec);
}

const struct abi_case abi_cases[] = {
	CASE(register_errors, "length, alignment, flags, memory: rseq(2)"),
	CASE(registered_errors,
	     "EBUSY, EPERM, EINVAL once there is one; as before without: rseq(2)"),
	CASE(told_in_vector, "AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN: observed"),
	CASE(follows_affinity, "the numbers are right wherever the thread is sent: rseq(2)"),
	CASE(right_under_load, "and where others push it: rseq(2)"),
	CASE(fork_inherits, "a child by fork has the area: rseq(2)"),
	CASE(shared_memory_does_not, "one that shares the memory has none: rseq(2)"),
	CASE(exec_forgets, "nor has a new program: rseq(2)"),
	HELPER("after-rseq", after_exec),
	CASES_END,
};
