/* SPDX-License-Identifier: MIT */
#ifndef ABI_H
#define ABI_H

/*
 * The framework of shmconform, which checks what Linux promises. The same
 * static program runs on Linux and on other kernels and must pass on both;
 * README.md says how to add to it. Each file is a group of cases, each case runs
 * in a process of its own.
 *
 *	static void getpid_is_positive(void)
 *	{
 *		CHECK(getpid() > 0);
 *	}
 *
 *	const struct abi_case abi_cases[] = {
 *		CASE(getpid_is_positive, "a process id is positive: getpid(2)"),
 *		CASES_END,
 *	};
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct abi_case {
	const char *name;
	const char *rule; /* what must hold, and who says so */
	void (*run)(void);
	const char *file; /* whose name is the group's */
};

#define CASE(function, rule) {#function, rule, function, __FILE__}
/* `PROGRAM --helper NAME ARGS...` runs this with NAME and ARGS, and exits with what it gives: for execve. */
#define HELPER(name, function) {name, NULL, (void (*)(void))function, __FILE__}
#define CASES_END              {NULL, NULL, NULL, NULL}

typedef int abi_helper_function(int argc, char **argv);

/*
 * A file's cases. All files' tables have this one name, and all of them stay in
 * the program, one behind the other in a section of their own: so the suite needs no
 * list of its files. Between them are zeros.
 */
extern const struct abi_case abi_cases[]
	__attribute__((weak, section("abi_table"), aligned(sizeof(void *))));

/* ---- checks: a broken one says so and ends the process ---- */

/* The condition holds. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abi_fail(__FILE__, __LINE__, "not true: %s", #condition);                  \
	} while (0)

/* Two integers are equal. */
#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		long long actual_value = (long long)(actual);                                      \
		long long expected_value = (long long)(expected);                                  \
		if (actual_value != expected_value)                                                \
			abi_fail(__FILE__, __LINE__, "%s is %lld (%#llx), not %lld", #actual,      \
				 actual_value, actual_value, expected_value);                      \
	} while (0)

/* The call succeeds (does not give -1); the value is its result. */
#define CHECK_OK(call)                                                                             \
	({                                                                                         \
		errno = 0;                                                                         \
		__typeof__(call) call_value = (call);                                              \
		if ((long)call_value == -1)                                                        \
			abi_fail(__FILE__, __LINE__, "%s failed: %s", #call, abi_error(errno));    \
		call_value;                                                                        \
	})

/* The call gives -1 and this errno. */
#define CHECK_ERROR(call, error)                                                                   \
	do {                                                                                       \
		errno = 0;                                                                         \
		long call_value = (long)(call);                                                    \
		int call_error = errno;                                                            \
		if (call_value != -1)                                                              \
			abi_fail(__FILE__, __LINE__, "%s gave %ld, not error %s", #call,           \
				 call_value, #error);                                              \
		if (call_error != (error))                                                         \
			abi_fail(__FILE__, __LINE__, "%s failed with %s, not %s", #call,           \
				 abi_error(call_error), #error);                                   \
	} while (0)

/* The case cannot run here: says why. Not a failure. */
#define SKIP(reason) abi_skip(reason)

void abi_fail(const char *file, int line, const char *pattern, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void abi_skip(const char *reason) __attribute__((noreturn));
const char *abi_error(int error); /* "EINVAL", or the number */

/* ---- processes ---- */

/* Run the function in a child, which then exits with status 0. */
pid_t abi_start(void (*run)(void *), void *argument);
/* Wait for it; it must have ended with status 0. */
void abi_join(pid_t pid);
/* Both. */
void abi_in_child(void (*run)(void *), void *argument);
/* The function, run in a child, must die by this signal. */
void abi_dies(void (*run)(void *), void *argument, int signal);
/* Become another user (and group), for good: in a child. Skips where that is not possible. */
void abi_become(uid_t uid, gid_t gid);
/* Root who may be and make any user: not the root of a user namespace that knows only itself. */
bool abi_is_root(void);
/* This program's path, for execve with "--helper" and the name of a HELPER. */
const char *abi_self(void);
/* A copy of it, which is made or written over. */
void abi_copy_self(const char *path, unsigned mode);
/* Sleep so that others may run. */
void abi_sleep_ms(unsigned milliseconds);

/* ---- what the framework's two files share ---- */

#define ABI_STATUS_SKIP 77 /* a case's exit status */

/* For messages, and abi_self. */
extern const char *abi_case_name, *abi_program_path;
/* Where abi_skip writes its reason, or -1. */
extern int abi_reason_fd;
/* Wait for a child, whatever signals come; its status. */
int abi_wait(pid_t pid);

/* ---- the system under test ---- */

bool abi_in_samepage(void);
/*
 * A number from a line "NAME VALUE" of /proc/samepage/counters. Skips
 * natively, fails if Samepage has no such line.
 */
uint64_t abi_samepage_counter(const char *name);
/* Free frames, and those that small kernel objects lie in, of which some are kept for the next. */
uint64_t abi_samepage_frames(void);
/*
 * Wait until as many frames as before are there, or fail. A thread that ended may
 * be on its way out on another CPU for a moment, after its process was waited for.
 */
void abi_frames_return(uint64_t before);

#endif
