// SPDX-License-Identifier: MIT
/* Process 1: made by hand, since there is nobody to fork it. */

#include "abi/fcntl.h"
#include "abi/resource.h"
#include "kernel/file/file.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/process/exec.h"
#include "kernel/process/thread.h"
#include "kernel/process/tree.h"

static char init_path[128];

static void limits_init(struct process *process)
{
	static const struct {
		unsigned limit;
		uint64_t soft, hard;
	} limits[] = {
		{RLIMIT_STACK, 8u << 20, RLIM_INFINITY},
		{RLIMIT_CORE, 0, RLIM_INFINITY},
		{RLIMIT_NOFILE, 1024, 4096},
		{RLIMIT_MEMLOCK, 8u << 20, 8u << 20},
		{RLIMIT_NPROC, PID_MAX, PID_MAX},
		{RLIMIT_SIGPENDING, 4096, 4096},
		{RLIMIT_MSGQUEUE, 819200, 819200},
		{RLIMIT_NICE, 0, 0},
		{RLIMIT_RTPRIO, 0, 0},
	};

	for (unsigned i = 0; i < RLIMITS; i++)
		process->limits[i][0] = process->limits[i][1] = RLIM_INFINITY;
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		process->limits[limits[i].limit][0] = limits[i].soft;
		process->limits[limits[i].limit][1] = limits[i].hard;
	}
}

/* Descriptors 0 to 2, if there is a console. */
static void open_console(void)
{
	struct file *file;

	if (file_open_path("/dev/console", O_RDWR, 0, &file)) {
		log_line("process 1 starts without /dev/console");
		return;
	}
	for (int fd = 0; fd < 3; fd++) {
		file_get(file);
		if (fd_install(file, fd, false) < 0)
			panic("process 1: no memory for its descriptors");
	}
	file_put(file);
}

static void init_entry(void *argument)
{
	const char *arguments[] = {init_path, NULL};
	const char *environment[] = {"HOME=/", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=linux",
				     NULL};

	(void)argument;
	schedule_finish();
	open_console();
	int err = exec_kernel(init_path, arguments, environment);
	if (err)
		panic("cannot run %s: error %d", init_path, -err);
	arch_return_to_user();
}

void process_start_init(const char *path)
{
	struct thread *thread = thread_create("init");
	struct process *process = process_create();

	signals_init();
	string_copy(init_path, path, sizeof(init_path));
	if (!thread || !process)
		panic("no memory for process 1");
	thread->cred = cred_get_root();
	thread->files = fd_table_create();
	thread->fs = fs_context_create();
	limits_init(process);
	ipc_namespace_get(ipc_namespace_initial);
	thread->ipc = ipc_namespace_initial;
	if (!thread->files || !thread->fs || arch_thread_copy(thread, thread_current()))
		panic("no memory for process 1");

	spin_lock(&tree_lock);
	thread_insert_locked(thread, pid_unused(), process);
	process_insert_locked(process, thread, NULL);
	init_process = process;
	group_start(process);
	spin_unlock(&tree_lock);
	process->exit_signal = SIGCHLD;
	arch_thread_init(thread, init_entry, NULL);
	thread_start(thread);
}
