// SPDX-License-Identifier: MIT
/* Restartable sequences: what aborts a section, and what is no section. */

#define _GNU_SOURCE
#include "rseq_test.h"

#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

struct section {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

/*
 * int rseq_spin(area, section, stop): until *stop is not 0, then 0; or 1 when it was aborted. The
 * store is the last instruction before the section: no switch falls between them.
 */
int rseq_spin(struct area *area, const struct section *section, volatile int *stop);
extern const char rseq_spin_start[], rseq_spin_end[], rseq_spin_abort[];

__asm__(".text\n"
	".balign 16\n"
#if defined(__x86_64__)
	"rseq_spin:\n"
	"	movq %rsi, 8(%rdi)\n"
	"rseq_spin_start:\n"
	"	cmpl $0, (%rdx)\n"
	"	je rseq_spin_start\n"
	"rseq_spin_end:\n"
	"	xorl %eax, %eax\n"
	"	ret\n"
	"	.long 0x53053053\n"
	"rseq_spin_abort:\n"
	"	movl $1, %eax\n"
	"	ret\n"
#elif defined(__riscv)
	"rseq_spin:\n"
	"	sd a1, 8(a0)\n"
	"rseq_spin_start:\n"
	"	lw t0, 0(a2)\n"
	"	beqz t0, rseq_spin_start\n"
	"rseq_spin_end:\n"
	"	li a0, 0\n"
	"	ret\n"
	"	.balign 4\n"
	"	.word 0x53053053\n"
	"rseq_spin_abort:\n"
	"	li a0, 1\n"
	"	ret\n"
#else
#define NO_SECTIONS
	"rseq_spin: rseq_spin_start: rseq_spin_end: rseq_spin_abort:\n"
#endif
);

static volatile int never, at_once = 1;

static struct section spin_section(void)
{
#ifdef NO_SECTIONS
	SKIP("has no section for this architecture");
#endif
	return (struct section){
		.start = (uintptr_t)rseq_spin_start,
		.length = (uintptr_t)rseq_spin_end - (uintptr_t)rseq_spin_start,
		.abort = (uintptr_t)rseq_spin_abort,
	};
}

static void pin_to_first(void)
{
	cpu_set_t set;
	unsigned cpu = 0;

	(void)cpu_count(&set);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	pin(cpu);
}

static pid_t busy_neighbour(void)
{
	pid_t parent = getpid(), pid = raw_fork();

	while (!pid)
		if (getppid() != parent)
			_exit(0);
	return pid;
}

static void check_preempted(void)
{
	struct section section = spin_section();

	pin_to_first();
	pid_t pid = busy_neighbour();
	registered();
	for (unsigned i = 0; i < 10; i++) {
		CHECK_EQ(rseq_spin(&area, &section, &never), 1);
		CHECK_EQ(area.section, 0);
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(abi_wait(pid), SIGKILL);
}

static void preempted_section(void)
{
	bare(check_preempted);
}

static volatile uintptr_t interrupted_at;
static volatile uint64_t section_in_handler;
static volatile int handled;

static void on_alarm(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *user = context;

	(void)signal;
	(void)info;
#if defined(__x86_64__)
	interrupted_at = (uintptr_t)user->uc_mcontext.gregs[REG_RIP];
#elif defined(__riscv)
	interrupted_at = user->uc_mcontext.__gregs[REG_PC];
#else
	(void)user;
#endif
	section_in_handler = area.section;
	handled = 1;
}

static void check_signalled(void)
{
	struct section section = spin_section();
	struct sigaction action = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO};
	struct itimerval soon = {.it_value.tv_usec = 300};

	CHECK_OK(sigaction(SIGALRM, &action, NULL));
	registered();
	/* It may come too early; or a switch does, and the handler interrupts what is behind. */
	for (unsigned i = 0; i < 2000 && interrupted_at != section.abort; i++) {
		handled = 0;
		section_in_handler = 1;
		CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
		(void)rseq_spin(&area, &section, &handled);
		while (!handled)
			;
		CHECK_EQ(section_in_handler, 0);
	}
	CHECK_EQ(interrupted_at, section.abort);
}

static void signalled_section(void)
{
	bare(check_signalled);
}

static void check_left(void)
{
	struct section section = spin_section();

	pin_to_first();
	pid_t pid = busy_neighbour();
	registered();
	CHECK_EQ(rseq_spin(&area, &section, &at_once), 0);
	/* The thread is not in it any more: who interrupts it takes the pointer away. */
	while (area.section)
		;
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(abi_wait(pid), SIGKILL);
}

static void section_left(void)
{
	bare(check_left);
}

static volatile int spinning, left;

static int spin_alone(void *argument)
{
	struct section section = spin_section();

	(void)argument;
	registered();
	spinning = 1;
	left = 1 + rseq_spin(&area, &section, &never);
	_exit(0);
}

static long barrier(int command, unsigned flags, int cpu)
{
	return syscall(SYS_membarrier, command, flags, cpu);
}

static void check_barrier(void)
{
	static char stack[16384] __attribute__((aligned(64)));
	const int command = MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ;

	if (!(barrier(MEMBARRIER_CMD_QUERY, 0, 0) & command))
		SKIP("no membarrier for sections here");
	CHECK_ERROR(barrier(command, 2, 0), EINVAL);
	CHECK_ERROR(barrier(MEMBARRIER_CMD_QUERY, MEMBARRIER_CMD_FLAG_CPU, 0), EINVAL);
	CHECK_ERROR(barrier(command, 0, 0), EPERM);
	CHECK_OK(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0));
	CHECK_OK(barrier(command, 0, 0));
	CHECK_OK(barrier(command, MEMBARRIER_CMD_FLAG_CPU, 0));
	CHECK_OK(barrier(command, MEMBARRIER_CMD_FLAG_CPU, 1000000));
	pid_t pid = CHECK_OK(clone(spin_alone, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));
	while (!spinning)
		sched_yield();
	for (unsigned i = 0; i < 5000 && !left; i++) {
		CHECK_OK(barrier(command, 0, 0));
		abi_sleep_ms(1);
	}
	CHECK_EQ(left, 2);
	CHECK_EQ(abi_wait(pid), 0);
}

static void barrier_aborts(void)
{
	bare(check_barrier);
}

/* ---- what kills ---- */

static struct section bad;

static void check_bad(void)
{
	pin_to_first();
	(void)busy_neighbour();
	registered();
	(void)rseq_spin(&area, &bad, &never);
	_exit(4);
}

static void check_bad_flags(void)
{
	area.flags = 1;
	check_bad();
}

static void bad_dies(void (*run)(void))
{
	int status = bare_status(run);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

static void bad_sections(void)
{
	bad = spin_section();
	bad.abort++; /* no signature in front of it */
	bad_dies(check_bad);
	bad = spin_section();
	bad.abort = bad.start;
	bad_dies(check_bad);
	bad = spin_section();
	bad.version = 1;
	bad_dies(check_bad);
	bad = spin_section();
	bad.flags = 1;
	bad_dies(check_bad);
	bad = spin_section();
	bad.abort = 4096; /* nothing is there */
	bad_dies(check_bad);
	bad = spin_section();
	bad.length = ~bad.start + 1;
	bad_dies(check_bad);
	bad = spin_section();
	bad.length = 1ul << 63;
	bad_dies(check_bad);
	bad = spin_section();
	bad_dies(check_bad_flags);
}

static volatile int handler_ran, handler_code;

static void on_segv(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	handler_ran++;
	handler_code = info->si_code;
}

static void check_bad_handled(void)
{
	struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};

	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
	check_bad();
}

/*
 * Its frame finds the section bad again, and that SIGSEGV kills: once the handler has ended or, now and
 * then on Linux, before it begins.
 */
static void bad_section_handled(void)
{
	bad = spin_section();
	bad.version = 1;
	bad_dies(check_bad_handled);
	CHECK(handler_ran <= 1);
	CHECK_EQ(handler_code, handler_ran ? SI_KERNEL : 0);
}

static void check_no_section(void)
{
	pin_to_first();
	(void)busy_neighbour();
	registered();
	area.section = 4096;
	for (;;)
		;
}

static void check_no_area(void)
{
	struct area *mapped =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK_OK(rseq(mapped, 32, 0, SIGNATURE));
	CHECK_OK(munmap(mapped, 4096));
	pin_to_first();
	(void)busy_neighbour();
	for (;;)
		;
}

static void memory_that_is_gone(void)
{
	bad_dies(check_no_section);
	bad_dies(check_no_area);
}

const struct abi_case abi_cases[] = {
	CASE(preempted_section, "a section that others interrupt is aborted: rseq(2)"),
	CASE(signalled_section, "a signal aborts it before its handler runs: rseq(2)"),
	CASE(section_left, "one that was left is forgotten, not aborted: rseq(2)"),
	CASE(barrier_aborts, "so does MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ: membarrier(2)"),
	CASE(bad_sections, "SIGSEGV for a bad one, a bad signature among them: rseq(2)"),
	CASE(bad_section_handled, "a handler runs at most once, and cannot save it: observed"),
	CASE(memory_that_is_gone, "SIGSEGV where the area or section is not there: observed"),
	CASES_END,
};
