// SPDX-License-Identifier: MIT
/* Users, groups, capabilities, limits: what each change allows and takes away. */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAP_BIT(capability) (1ull << (capability))

struct capabilities {
	uint64_t effective, permitted, inheritable;
};

static struct capabilities capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	CHECK_OK(syscall(SYS_capget, &header, data));
	return (struct capabilities){
		data[0].effective | (uint64_t)data[1].effective << 32,
		data[0].permitted | (uint64_t)data[1].permitted << 32,
		data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static long set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		 (uint32_t)(inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data);
}

/* All that follows begins as the superuser with all capabilities. */
static void need_root(void)
{
	struct capabilities now = capabilities();

	if (getuid() || geteuid() || !(now.effective & CAP_BIT(CAP_SETUID)) ||
	    !(now.effective & CAP_BIT(CAP_SETGID)) || !(now.effective & CAP_BIT(CAP_SETPCAP)))
		SKIP("needs the superuser");
	if (setgroups(0, NULL))
		SKIP("needs a user namespace with all ids");
}

static void check_uids(uid_t real, uid_t effective, uid_t saved)
{
	uid_t r, e, s;

	CHECK_OK(getresuid(&r, &e, &s));
	CHECK_EQ(r, real);
	CHECK_EQ(e, effective);
	CHECK_EQ(s, saved);
}

static void check_gids(gid_t real, gid_t effective, gid_t saved)
{
	gid_t r, e, s;

	CHECK_OK(getresgid(&r, &e, &s));
	CHECK_EQ(r, real);
	CHECK_EQ(e, effective);
	CHECK_EQ(s, saved);
}

static void setuid_of_root(void)
{
	need_root();
	CHECK_OK(syscall(SYS_setuid, 1000));
	check_uids(1000, 1000, 1000);
	CHECK_ERROR(syscall(SYS_setuid, 0), EPERM);
	CHECK_OK(syscall(SYS_setuid, 1000));
	CHECK_ERROR(syscall(SYS_setuid, -1), EINVAL);
	CHECK_EQ(capabilities().permitted, 0);
	CHECK_EQ(capabilities().effective, 0);
	CHECK_ERROR(setgroups(0, NULL), EPERM);
}

static void seteuid_and_back(void)
{
	need_root();
	uint64_t all = capabilities().permitted;
	CHECK_OK(syscall(SYS_setresuid, -1, 1000, -1));
	check_uids(0, 1000, 0);
	CHECK_EQ(capabilities().effective, 0);
	CHECK_EQ(capabilities().permitted, all);
	/* setuid without CAP_SETUID changes the effective id alone. */
	CHECK_OK(syscall(SYS_setuid, 0));
	check_uids(0, 0, 0);
	CHECK_EQ(capabilities().effective, all);
}

static void setreuid_rules(void)
{
	need_root();
	CHECK_OK(syscall(SYS_setreuid, 1000, 2000));
	check_uids(1000, 2000, 2000);
	CHECK_ERROR(syscall(SYS_setreuid, 3000, -1), EPERM);
	CHECK_ERROR(syscall(SYS_setreuid, -1, 0), EPERM);
	CHECK_OK(syscall(SYS_setreuid, 2000, 1000));
	check_uids(2000, 1000, 1000);
	CHECK_OK(syscall(SYS_setreuid, -1, 2000));
	check_uids(2000, 2000, 1000);
}

static void setresuid_rules(void)
{
	need_root();
	CHECK_OK(syscall(SYS_setresuid, 1, 2, 3));
	check_uids(1, 2, 3);
	CHECK_EQ(setfsuid(-1), 2);
	CHECK_ERROR(syscall(SYS_setresuid, 4, -1, -1), EPERM);
	CHECK_OK(syscall(SYS_setresuid, 3, 1, 2));
	check_uids(3, 1, 2);
	CHECK_OK(syscall(SYS_setresuid, -1, -1, -1));
}

static void setfsuid_rules(void)
{
	need_root();
	CHECK_EQ(setfsuid(1000), 0);
	CHECK_EQ(setfsuid(-1), 1000);
	CHECK(!(capabilities().effective & CAP_BIT(CAP_DAC_OVERRIDE)));
	CHECK(capabilities().effective & CAP_BIT(CAP_SETUID));
	CHECK_EQ(setfsuid(0), 1000);
	CHECK(capabilities().effective & CAP_BIT(CAP_DAC_OVERRIDE));
	/* Any change of the effective id takes it along. */
	CHECK_OK(syscall(SYS_setresuid, -1, 500, -1));
	CHECK_EQ(setfsuid(-1), 500);
	CHECK_EQ(setfsuid(77), 500);
	CHECK_EQ(setfsuid(-1), 500);
}

static void group_ids(void)
{
	gid_t groups[4] = {9, 3, 7, 3}, seen[4] = {0};

	need_root();
	CHECK_OK(setgroups(4, groups));
	CHECK_EQ(getgroups(0, NULL), 4);
	CHECK_ERROR(getgroups(3, seen), EINVAL);
	CHECK_ERROR(syscall(SYS_getgroups, -1, seen), EINVAL);
	CHECK_EQ(getgroups(4, seen), 4);
	CHECK(seen[0] == 3 && seen[1] == 3 && seen[2] == 7 && seen[3] == 9);
	CHECK_ERROR(setgroups(65537, groups), EINVAL);
	CHECK_OK(syscall(SYS_setresgid, 1, 2, 3));
	check_gids(1, 2, 3);
	CHECK_EQ(setfsgid(-1), 2);
	CHECK_OK(syscall(SYS_setregid, 5, 6));
	check_gids(5, 6, 6);
	CHECK_OK(syscall(SYS_setresuid, 1000, 1000, 1000));
	CHECK_ERROR(syscall(SYS_setgid, 1), EPERM);
	CHECK_OK(syscall(SYS_setgid, 5));
	check_gids(5, 5, 6);
	CHECK_ERROR(syscall(SYS_setresgid, 9, -1, -1), EPERM);
	CHECK_ERROR(syscall(SYS_setregid, 6, -1), EPERM);
	CHECK_OK(syscall(SYS_setregid, -1, 6));
	CHECK_ERROR(setgroups(0, NULL), EPERM);
}

static void keep_capabilities(void)
{
	need_root();
	uint64_t all = capabilities().permitted;
	CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_OK(syscall(SYS_setresuid, 1000, 1000, 1000));
	CHECK_EQ(capabilities().permitted, all);
	CHECK_EQ(capabilities().effective, 0);
	CHECK_OK(set_capabilities(CAP_BIT(CAP_SETUID), all, 0));
	CHECK_OK(syscall(SYS_setresuid, 0, 0, 0));
}

static void capset_rules(void)
{
	need_root();
	uint64_t all = capabilities().permitted, some = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_KILL);

	CHECK_ERROR(set_capabilities(CAP_BIT(CAP_KILL), 0, 0), EPERM);
	CHECK_OK(set_capabilities(CAP_BIT(CAP_KILL), some, some));
	CHECK_EQ(capabilities().permitted, some);
	CHECK_EQ(capabilities().inheritable, some);
	CHECK_ERROR(set_capabilities(0, all, 0), EPERM);
	CHECK_ERROR(set_capabilities(0, some, all), EPERM);
	CHECK_ERROR(setgroups(0, NULL), EPERM);
	struct __user_cap_header_struct header = {0x1234, 0};
	CHECK_OK(syscall(SYS_capget, &header, NULL));
	CHECK_EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
	header.version = 0x1234;
	struct __user_cap_data_struct data[2];
	CHECK_ERROR(syscall(SYS_capget, &header, data), EINVAL);
	header.pid = 31999;
	CHECK_ERROR(syscall(SYS_capget, &header, data), ESRCH);
}

/* ---- execve ---- */

static int show_ids(int argc, char **argv)
{
	uid_t real, effective, saved;

	getresuid(&real, &effective, &saved);
	printf("%d %d %d secure %lu caps %llx %llx\n", real, effective, saved, getauxval(AT_SECURE),
	       (unsigned long long)(capabilities().effective & 0xff),
	       (unsigned long long)(capabilities().permitted & 0xff));
	return argc > 1 ? atoi(argv[1]) : 0;
}

struct exec_test {
	const char *path, *expected;
	void (*before)(void);
};

static void exec_child(void *argument)
{
	const struct exec_test *test = argument;

	test->before();
	execve(test->path, (char *[]){"x", "--helper", "show-ids", NULL}, NULL);
	_exit(98);
}

static void check_exec(const char *path, void (*before)(void), const char *expected)
{
	struct exec_test test = {path, expected, before};
	char text[128] = "";
	int pipe_fds[2];

	CHECK_OK(pipe(pipe_fds));
	int out = CHECK_OK(dup(1));
	fflush(stdout);
	CHECK_OK(dup2(pipe_fds[1], 1));
	pid_t pid = abi_start(exec_child, &test);
	CHECK_OK(dup2(out, 1));
	close(pipe_fds[1]);
	abi_join(pid);
	CHECK(read(pipe_fds[0], text, sizeof(text) - 1) > 0);
	close(pipe_fds[0]);
	close(out);
	if (strcmp(text, expected))
		abi_fail(__FILE__, __LINE__, "%s, not %s", text, expected);
}

static void be_root(void)
{
}

static void be_user(void)
{
	CHECK_OK(syscall(SYS_setresuid, 1000, 1000, 1000));
}

static void be_half_root(void)
{
	CHECK_OK(syscall(SYS_setresuid, 0, 1000, 0));
}

static void exec_changes_capabilities(void)
{
	need_root();
	check_exec(abi_self(), be_root, "0 0 0 secure 0 caps ff ff\n");
	check_exec(abi_self(), be_user, "1000 1000 1000 secure 0 caps 0 0\n");
	/* The real user is root: permitted, but not effective. */
	check_exec(abi_self(), be_half_root, "0 1000 1000 secure 1 caps 0 ff\n");
}

static void be_user_for_good(void)
{
	be_user();
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void set_user_id_program(void)
{
	char path[64];

	need_root();
	snprintf(path, sizeof(path), "/tmp/abi-setid-%d", getpid());
	abi_copy_self(path, 04755);
	if (!abi_in_samepage()) {
		unlink(path);
		SKIP("/tmp may be mounted without set-id here");
	}
	check_exec(path, be_user, "1000 0 0 secure 1 caps ff ff\n");
	check_exec(path, be_user_for_good, "1000 1000 1000 secure 0 caps 0 0\n");
	CHECK_OK(unlink(path));
}

/* ---- limits ---- */

static void limits(void)
{
	struct rlimit limit, lower = {10, 20}, wrong = {20, 10}, higher = {10, 30};

	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK(limit.rlim_cur <= limit.rlim_max);
	CHECK_ERROR(getrlimit(99, &limit), EINVAL);
	CHECK_ERROR(setrlimit(RLIMIT_CORE, &wrong), EINVAL);
	CHECK_OK(setrlimit(RLIMIT_MSGQUEUE, &lower));
	CHECK_OK(prlimit(0, RLIMIT_MSGQUEUE, NULL, &limit));
	CHECK_EQ(limit.rlim_cur, 10);
	CHECK_EQ(limit.rlim_max, 20);
	CHECK_ERROR(prlimit(31999, RLIMIT_MSGQUEUE, NULL, &limit), ESRCH);
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		/* Inherited, and not raised by who is not root. */
		if (getuid() == 0)
			abi_become(1000, 1000);
		CHECK_OK(getrlimit(RLIMIT_MSGQUEUE, &limit));
		CHECK_EQ(limit.rlim_max, 20);
		CHECK_ERROR(setrlimit(RLIMIT_MSGQUEUE, &higher), EPERM);
		_exit(0);
	}
	abi_join(pid);
}

static void names_and_switches(void)
{
	char name[17] = "";
	int number = 0;

	CHECK_OK(prctl(PR_SET_NAME, "a-name-longer-than-fifteen"));
	CHECK_OK(prctl(PR_GET_NAME, name));
	CHECK(!strcmp(name, "a-name-longer-t"));
	CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	CHECK_OK(prctl(PR_GET_PDEATHSIG, &number));
	CHECK_EQ(number, SIGUSR1);
	CHECK_ERROR(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 0));
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
	CHECK_ERROR(prctl(PR_SET_DUMPABLE, 2), EINVAL);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_ERROR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	CHECK_ERROR(prctl(12345), EINVAL);
}

const struct abi_case abi_cases[] = {
	CASE(setuid_of_root, "all three ids, for good: setuid(2)"),
	CASE(seteuid_and_back, "the effective id, and capabilities with it: capabilities(7)"),
	CASE(setreuid_rules, "which ids may be taken, when the saved one follows: setreuid(2)"),
	CASE(setresuid_rules, "any of the three: setresuid(2)"),
	CASE(setfsuid_rules, "returns the old one, and never fails: setfsuid(2)"),
	CASE(group_ids, "groups are sorted; the same rules: getgroups(2), setresgid(2)"),
	CASE(keep_capabilities, "PR_SET_KEEPCAPS: capabilities(7)"),
	CASE(capset_rules, "never more than permitted: capset(2)"),
	CASE(exec_changes_capabilities, "root's programs have all, others none: capabilities(7)"),
	CASE(set_user_id_program, "mode 04000; no_new_privs: execve(2), prctl(2)"),
	CASE(limits, "soft below hard, hard only lower: setrlimit(2)"),
	CASE(names_and_switches, "names, death signal, dumpable, no_new_privs: prctl(2)"),
	HELPER("show-ids", show_ids),
	CASES_END,
};
