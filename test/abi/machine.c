// SPDX-License-Identifier: MIT
/*
 * The state of the machine that a program sees: floating point over switches,
 * fork, threads and signal handlers; what a fault tells; alternative stacks.
 */

#define _GNU_SOURCE

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"

/* The same numbers each time, held in registers for a while: a chaotic map forgives no lost bit. */
static double chaos(double seed, long rounds)
{
	double a = seed, b = seed / 2, c = seed / 3, d = seed / 5;

	for (long i = 0; i < rounds; i++) {
		a = 3.9 * a * (1 - a);
		b = 3.8 * b * (1 - b);
		c = 3.7 * c * (1 - c);
		d = 3.95 * d * (1 - d);
	}
	return a + b + c + d;
}

#define ROUNDS 4000000

static void one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void chaos_twice(void *argument)
{
	double seed = *(double *)argument;
	double expected = chaos(seed, ROUNDS);

	for (int i = 0; i < 3; i++)
		CHECK(chaos(seed, ROUNDS) == expected);
}

static void float_over_preemption(void)
{
	double seeds[3] = {0.3, 0.4, 0.7};
	pid_t pids[3];

	one_cpu();
	for (int i = 0; i < 3; i++)
		pids[i] = abi_start(chaos_twice, &seeds[i]);
	for (int i = 0; i < 3; i++)
		abi_join(pids[i]);
}

static void *round_and_yield(void *argument)
{
	int mode = *(int *)argument;

	fesetround(mode);
	for (int i = 0; i < 200; i++) {
		sched_yield();
		CHECK_EQ(fegetround(), mode);
	}
	return NULL;
}

static void rounding_mode_per_thread(void)
{
	int up = FE_UPWARD, down = FE_DOWNWARD;
	pthread_t a, b;

	one_cpu();
	CHECK_EQ(pthread_create(&a, NULL, round_and_yield, &up), 0);
	CHECK_EQ(pthread_create(&b, NULL, round_and_yield, &down), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	CHECK_EQ(fegetround(), FE_TONEAREST);
}

static void rounding_is(void *argument)
{
	CHECK_EQ(fegetround(), *(int *)argument);
	fesetround(FE_TONEAREST);
}

static void rounding_mode_over_fork(void)
{
	int mode = FE_TOWARDZERO;

	fesetround(mode);
	abi_in_child(rounding_is, &mode);
	CHECK_EQ(fegetround(), mode);
	fesetround(FE_TONEAREST);
}

static volatile sig_atomic_t handled;
static volatile double handler_result;

static void chaos_handler(int signal)
{
	(void)signal;
	fesetround(FE_UPWARD);
	handler_result = chaos(0.6, 1000);
	handled++;
}

/* Until it is killed: signals that come faster than they are handled count once. */
static void pester(void *argument)
{
	pid_t parent = *(pid_t *)argument;

	while (kill(parent, SIGUSR1) == 0)
		abi_sleep_ms(2);
}

static void float_over_handler(void)
{
	double expected = chaos(0.3, ROUNDS);
	pid_t self = getpid();

	signal(SIGUSR1, chaos_handler);
	pid_t child = abi_start(pester, &self);
	while (handled < 5)
		CHECK(chaos(0.3, ROUNDS) == expected);
	CHECK_EQ(fegetround(), FE_TONEAREST);
	signal(SIGUSR1, SIG_IGN);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, NULL, 0), child);
}

static sigjmp_buf away;
static siginfo_t seen;

static void note_and_leave(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	seen = *info;
	siglongjmp(away, 1);
}

static void catch (int signal, int flags)
{
	struct sigaction action = {.sa_sigaction = note_and_leave, .sa_flags = SA_SIGINFO | flags};

	CHECK_OK(sigaction(signal, &action, NULL));
}

#define EXPECT_FAULT(number, fault_code, where, statement)                                         \
	do {                                                                                       \
		memset(&seen, 0, sizeof(seen));                                                    \
		if (sigsetjmp(away, 1) == 0) {                                                     \
			statement;                                                                 \
			CHECK(!"a fault");                                                         \
		}                                                                                  \
		CHECK_EQ(seen.si_signo, number);                                                   \
		CHECK_EQ(seen.si_code, fault_code);                                                \
		CHECK_EQ((uintptr_t)seen.si_addr, (uintptr_t)(where));                             \
	} while (0)

static void fault_says_where(void)
{
	catch (SIGSEGV, 0);
	volatile char *none = (volatile char *)24;
	EXPECT_FAULT(SIGSEGV, SEGV_MAPERR, none, *none);
	EXPECT_FAULT(SIGSEGV, SEGV_MAPERR, none, *none = 1);

	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	volatile char *inside = page + 77;
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, inside, *inside = 1);
	CHECK_OK(mprotect(page, 4096, PROT_NONE));
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, inside, *inside);
	CHECK_OK(munmap(page, 4096));
	EXPECT_FAULT(SIGSEGV, SEGV_MAPERR, inside, *inside);
}

static void data_does_not_execute(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	page[0] = 0;
	catch (SIGSEGV, 0);
	EXPECT_FAULT(SIGSEGV, SEGV_ACCERR, page, ((void (*)(void))page)());
}

static void jump(void *argument)
{
	((void (*)(void))argument)();
}

static void jump_into_kernel(void)
{
	abi_dies(jump, (void *)0xffffffff80100000ul, SIGSEGV);
	abi_dies(jump, (void *)0xffff888000100000ul, SIGSEGV);
	abi_dies(jump, (void *)0x0000800000000000ul, SIGSEGV);
	abi_dies(jump, (void *)0x00007ffffffff000ul, SIGSEGV);
}

static void touch(void *argument)
{
	*(volatile char *)argument = 1;
}

static void touch_kernel(void)
{
	abi_dies(touch, (void *)0xffffffff80100000ul, SIGSEGV);
	abi_dies(touch, (void *)0xffff888000100000ul, SIGSEGV);
	abi_dies(touch, (void *)0x8000000000000000ul, SIGSEGV);
}

static void illegal(void *argument)
{
	(void)argument;
	__builtin_trap();
}

static void illegal_instruction(void)
{
	int status;
	pid_t pid = CHECK_OK(fork());

	if (pid == 0)
		illegal(NULL);
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status));
	/* A trap instruction is SIGILL or, where it is a breakpoint, SIGTRAP. */
	CHECK(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

static int dig(int depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	return depth < 1 << 30 ? dig(depth + 1) + room[0] : 0;
}

static char alternative[65536];

static void overflow_on_alternative_stack(void)
{
	stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)};

	CHECK_OK(sigaltstack(&stack, NULL));
	catch (SIGSEGV, SA_ONSTACK);
	if (sigsetjmp(away, 1) == 0)
		dig(0);
	CHECK_EQ(seen.si_signo, SIGSEGV);
}

static void overflow_without_it(void *argument)
{
	(void)argument;
	catch (SIGSEGV, 0);
	dig(0);
}

static void overflow_dies(void)
{
	abi_dies(overflow_without_it, NULL, SIGSEGV);
}

static void on_alternative(int signal, siginfo_t *info, void *context)
{
	stack_t now;
	char here;
	ucontext_t *user = context;

	(void)signal;
	(void)info;
	CHECK(&here >= alternative && &here < alternative + sizeof(alternative));
	CHECK_OK(sigaltstack(NULL, &now));
	CHECK_EQ(now.ss_flags, SS_ONSTACK);
	CHECK(user->uc_stack.ss_sp == alternative);
	handled++;
}

static void alternative_stack_state(void)
{
	stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)}, now;
	struct sigaction action = {.sa_sigaction = on_alternative,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK};

	handled = 0;
	CHECK_OK(sigaltstack(&stack, NULL));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, 1);
	CHECK_OK(sigaltstack(NULL, &now));
	CHECK_EQ(now.ss_flags, 0);
	stack.ss_size = 16;
	CHECK_ERROR(sigaltstack(&stack, NULL), ENOMEM);
}

static void block_in_context(int signal, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)signal;
	(void)info;
	sigaddset(&user->uc_sigmask, SIGUSR2);
}

static void handler_changes_mask(void)
{
	struct sigaction action = {.sa_sigaction = block_in_context, .sa_flags = SA_SIGINFO};
	sigset_t mask;

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &mask));
	CHECK(sigismember(&mask, SIGUSR2));
	CHECK(!sigismember(&mask, SIGUSR1));
}

static __thread int own;

static void *tls_check(void *argument)
{
	own = *(int *)argument;
	for (int i = 0; i < 200; i++) {
		sched_yield();
		CHECK_EQ(own, *(int *)argument);
	}
	return NULL;
}

static void thread_local_storage(void)
{
	int values[4] = {1, 2, 3, 4};
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, tls_check, &values[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(own, 0);
}

static void restartable_sequences(void)
{
	/* libc has registered its own, or the kernel has none: then nothing pretends. */
	errno = 0;
	CHECK_EQ(syscall(SYS_rseq, NULL, 0, 0, 0), -1);
	CHECK(errno == EINVAL || errno == ENOSYS);
	CHECK(sched_getcpu() >= 0);
}

const struct abi_case abi_cases[] = {
	CASE(float_over_preemption,
	     "floating point survives other programs on the same CPU: sched(7)"),
	CASE(rounding_mode_per_thread, "each thread has its own rounding mode: fenv(3)"),
	CASE(rounding_mode_over_fork,
	     "a child starts with its parent's rounding mode: POSIX, fork"),
	CASE(float_over_handler, "a handler does not disturb what it interrupts: signal(7)"),
	CASE(fault_says_where, "SIGSEGV tells address and kind of fault: sigaction(2)"),
	CASE(data_does_not_execute, "pages without PROT_EXEC do not run: mmap(2)"),
	CASE(jump_into_kernel, "a jump into the kernel or nowhere is SIGSEGV: signal(7)"),
	CASE(touch_kernel, "a write to kernel addresses is SIGSEGV: signal(7)"),
	CASE(illegal_instruction, "an illegal instruction is SIGILL: signal(7)"),
	CASE(overflow_on_alternative_stack,
	     "a stack overflow is handled on another: sigaltstack(2)"),
	CASE(overflow_dies, "no room for the frame: death by SIGSEGV: sigaltstack(2)"),
	CASE(alternative_stack_state, "flags and size of the alternative stack: sigaltstack(2)"),
	CASE(handler_changes_mask, "the mask in the context comes into force: getcontext(3)"),
	CASE(thread_local_storage, "each thread has its own variables: clone(2), CLONE_SETTLS"),
	CASE(restartable_sequences,
	     "rseq is EINVAL or ENOSYS, never a false 0; getcpu works: getcpu(2)"),
	CASES_END,
};
