// SPDX-License-Identifier: MIT
/*
 * execve(2), execveat(2). Everything that can fail is done first, beside the old program: open,
 * follow #! lines, copy the strings, map the new program into a space of its own.
 * Then the other threads are told to leave; from there on a failure kills.
 */

#include "kernel/process/exec.h"

#include "abi/fcntl.h"
#include "abi/resource.h"
#include "kernel/file/fd.h"
#include "kernel/file/file.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/futex.h"
#include "kernel/process/rseq.h"
#include "kernel/process/thread.h"
#include "kernel/process/tree.h"
#include "kernel/process/user.h"
#include "kernel/syscall/syscall.h"

#define HEAD_BYTES      256
#define SCRIPT_DEPTH    5
#define STACK_BYTES     (132u << 10) /* at first; it grows on demand */
#define ARGUMENTS_SMALL (128u << 10)
#define ARGUMENTS_LARGE (6u << 20)

/* One execve under way; from kmem, it is large. */
struct exec {
	struct exec_strings strings;
	struct exec_image image;
	char path[EXEC_PATH_BYTES];   /* as the caller gave it, or /dev/fd/N[/PATH] */
	char target[EXEC_PATH_BYTES]; /* what is opened: the same, or a script's interpreter */
	char prefix[SCRIPT_DEPTH][2][HEAD_BYTES]; /* for each script: interpreter, its argument */
	unsigned depth;
	bool path_closes; /* path leads through a descriptor that the new program will not have */
	union {
		struct abi_elf_header header;
		char head[HEAD_BYTES];
	};
	struct file *file;
	struct space *space;
	struct cred *cred;
	struct exec_ids ids;
};

/* ---- opening ---- */

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* "#!interpreter [argument]" into prefix[depth] and target. */
static int script_parse(struct exec *exec)
{
	char(*prefix)[HEAD_BYTES] = exec->prefix[exec->depth];
	char *at = exec->head + 2, *end = strchr(exec->head, '\n');

	if (!end) {
		end = exec->head + strlen(exec->head);
		if (end == exec->head + HEAD_BYTES - 1)
			return -ENOEXEC; /* the line is longer than what was read */
	}
	while (end > at && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*at))
		at++;
	char *word = at;
	while (*at && !is_blank(*at))
		at++;
	if (at == word)
		return -ENOEXEC;
	string_copy(prefix[0], word, (size_t)(at - word) + 1);
	while (is_blank(*at))
		at++;
	string_copy(prefix[1], at, HEAD_BYTES);
	string_copy(exec->target, prefix[0], EXEC_PATH_BYTES);
	exec->depth++;
	return 0;
}

/*
 * Open the program in `target`, relative to the directory, through scripts; its
 * first bytes are in `head`. at_flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
 */
static int exec_open(struct exec *exec, int directory, unsigned at_flags)
{
	for (;; directory = AT_FDCWD, at_flags = 0) {
		int err = file_open_executable(directory, exec->target, at_flags, &exec->file);
		if (err)
			return err;
		long size_bytes = file_read_at(exec->file, exec->head, HEAD_BYTES - 1, 0);
		if (size_bytes < 0)
			return (int)size_bytes;
		memset(exec->head + size_bytes, 0, (size_t)(HEAD_BYTES - size_bytes));
		if (exec->head[0] != '#' || exec->head[1] != '!')
			return 0;
		if (exec->path_closes)
			return -ENOENT; /* its interpreter could not open it */
		if (exec->depth == SCRIPT_DEPTH)
			return -ELOOP;
		err = script_parse(exec);
		if (err)
			return err;
		file_put(exec->file);
		exec->file = NULL;
	}
}

/* ---- strings ---- */

static size_t strings_limit(void)
{
	uint64_t limit = process_current()->limits[RLIMIT_STACK][0] / 4;

	return limit < ARGUMENTS_SMALL   ? ARGUMENTS_SMALL
	       : limit > ARGUMENTS_LARGE ? ARGUMENTS_LARGE
					 : limit;
}

/* The arguments that #! lines put before the caller's, instead of its first. */
static int add_prefix(struct exec *exec)
{
	struct exec_strings *strings = &exec->strings;
	int err = 0;

	for (unsigned i = exec->depth; i-- > 0 && !err;) {
		err = exec_strings_add(strings, exec->prefix[i][0]);
		strings->argument_count++;
		if (!err && exec->prefix[i][1][0]) {
			err = exec_strings_add(strings, exec->prefix[i][1]);
			strings->argument_count++;
		}
	}
	if (!err && exec->depth) {
		err = exec_strings_add(strings, exec->path);
		strings->argument_count++;
	}
	return err;
}

static int add_kernel_vector(struct exec_strings *strings, const char *const *vector, unsigned skip,
			     unsigned *count)
{
	for (unsigned i = 0; vector[i]; i++) {
		if (i < skip)
			continue;
		int err = exec_strings_add(strings, vector[i]);
		if (err)
			return err;
		++*count;
	}
	return 0;
}

/* ---- the new program, beside the old ---- */

static int map_stack(struct exec *exec)
{
	struct space *space = exec->space;
	uint64_t words = exec->strings.argument_count + exec->strings.environment_count + 64ull;
	uint64_t size_bytes =
		exec->strings.used_bytes + words * sizeof(uint64_t) + EXEC_PATH_BYTES + STACK_BYTES;
	uint64_t top = space->stack_start, address;

	size_bytes = (size_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	struct space_request request = {
		.address = top - size_bytes,
		.size_bytes = size_bytes,
		.protection = SHM_READ | SHM_WRITE | (exec->image.stack_executable ? SHM_EXEC : 0),
		.protection_max = SHM_READ | SHM_WRITE | SHM_EXEC,
		.flags = AREA_FIXED | AREA_PRIVATE | AREA_STACK,
	};
	space_lock(space, true);
	int err = space_map(space, &request, &address);
	space_unlock(space, true);
	return err;
}

/* capabilities(7), "Transformation of capabilities during execve", for files without any. */
static int make_cred(struct exec *exec)
{
	const struct cred *old = cred_current();
	uint32_t euid = old->euid, egid = old->egid;
	struct cred *cred = cred_copy(old, old->group_count);

	if (!cred)
		return -ENOMEM;
	if (!thread_current()->no_new_privileges)
		file_setid(exec->file, &euid, &egid);
	bool changed = euid != old->euid || egid != old->egid;
	cred->euid = cred->suid = cred->fsuid = euid;
	cred->egid = cred->sgid = cred->fsgid = egid;
	if (changed)
		cred->ambient = 0;
	cred->permitted = cred->ambient;
	cred->effective = cred->ambient;
	if (cred->uid == 0 || euid == 0)
		cred->permitted = cred->inheritable | cred->bounding;
	if (euid == 0)
		cred->effective = cred->permitted;
	exec->cred = cred;
	/* Not only by set-id bits: who calls it with other ids than its own is secured as well. */
	bool secure = euid != old->uid || egid != old->gid;
	exec->ids = (struct exec_ids){cred->uid, euid, cred->gid, egid, secure};
	return 0;
}

static int exec_prepare(struct exec *exec)
{
	int err = space_create(&exec->space);

	if (err)
		return err;
	space_layout(exec->space, process_current()->limits[RLIMIT_STACK][0]);
	err = exec_image_map(exec->space, exec->file, &exec->header, &exec->image);
	if (!err)
		err = map_stack(exec);
	if (!err)
		err = make_cred(exec);
	return err;
}

/* ---- the point of no return ---- */

/* The first thread left, so this one takes its number, and what it counted is given back. */
static void become_first_locked(struct thread *thread)
{
	struct process *process = thread->process;

	process->zombie_cred->user->thread_count--;
	cred_put(process->zombie_cred);
	process->zombie_cred = NULL;
	pid_remove(&thread->by_tid);
	thread->tid = process->pid;
	pid_insert(&thread->by_tid, thread->tid, PID_THREAD);
}

/* The other threads leave; this one takes the process's number. -EINTR: killed meanwhile. */
static int be_alone(void)
{
	struct thread *thread = thread_current();
	struct process *process = thread->process;
	int err = 0;

	spin_lock(&tree_lock);
	if (process->exiting || process->exec_thread) {
		spin_unlock(&tree_lock);
		return -EINTR;
	}
	if (process->thread_count > 1) {
		process->exec_thread = thread;
		list_for_each (node, &process->threads) {
			struct thread *other = container_of(node, struct thread, in_process);
			if (other != thread)
				signal_kick(other);
		}
		while (process->thread_count > 1 && !err)
			err = wait_sleep(&process->exec_queue, &tree_lock, WAIT_FOREVER,
					 WAIT_KILLABLE);
		process->exec_thread = NULL;
	}
	if (!err && thread->tid != process->pid)
		become_first_locked(thread);
	spin_unlock(&tree_lock);
	return err ? -EINTR : 0;
}

/* signal(7): handlers go back to the default, what is ignored stays so. */
static void signals_reset(struct thread *thread)
{
	struct process_signals *signals = &thread->process->signals;

	spin_lock(&signals->lock);
	for (unsigned i = 0; i < SIGNALS; i++) {
		uint64_t handler = signals->actions[i].handler;
		signals->actions[i] = (struct abi_sigaction){0};
		if (handler == SIG_IGN)
			signals->actions[i].handler = SIG_IGN;
	}
	spin_unlock(&signals->lock);
	thread->signals.alt_stack = 0;
	thread->signals.alt_stack_bytes = 0;
	thread->signals.alt_stack_flags = SS_DISABLE;
}

/*
 * The new memory and what guards it change in one moment: who may look into the old program must not
 * find a set-uid one instead (process_space_access).
 */
static void become_other(struct exec *exec, struct thread *thread)
{
	struct process *process = thread->process;

	spin_lock(&tree_lock);
	struct space *old = thread->space;
	thread->space = exec->space;
	process->dumpable = !exec->ids.secure;
	if (exec->ids.secure)
		process->parent_death_signal = 0;
	struct cred *old_cred = cred_replace_locked(exec->cred);
	spin_unlock(&tree_lock);
	exec->space = NULL;
	exec->cred = NULL;
	space_switch(thread->space);
	cred_put(old_cred);
	if (old)
		space_put(old); /* attachments end here, after the point of no return */
}

static void names_set(struct exec *exec, struct thread *thread)
{
	struct process *process = thread->process;
	const char *base = strrchr(exec->path, '/');
	char *path = kmem_alloc(EXEC_PATH_BYTES);
	char *exact = NULL;

	string_copy(thread->name, base ? base + 1 : exec->path, sizeof(thread->name));
	if (path) {
		size_t size_bytes = file_path(exec->file, path, EXEC_PATH_BYTES) + 1;
		exact = kmem_alloc(size_bytes);
		if (exact)
			memcpy(exact, path, size_bytes);
		kmem_free(path, EXEC_PATH_BYTES);
	}
	spin_lock(&tree_lock);
	char *old = process->executable_path;
	process->executable_path = exact;
	process->did_exec = true;
	spin_unlock(&tree_lock);
	if (old)
		kmem_free(old, strlen(old) + 1);
}

/* There is no way back: 0, or the signal that the process dies of. */
static int exec_commit(struct exec *exec)
{
	struct thread *thread = thread_current();
	uint64_t sp;

	robust_list_exit(thread);
	clear_tid_exit(thread);
	vfork_release(thread);
	rseq_clear(thread);
	file_get(exec->file);
	exec->space->executable = exec->file;
	become_other(exec, thread);
	thread->keep_capabilities = false;
	signals_reset(thread);
	names_set(exec, thread);
	if (fd_table_exec(&thread->files))
		return SIGKILL;
	if (exec_image_zero_tails(&exec->image) ||
	    exec_stack_build(thread->space, &exec->strings, &exec->image, exec->path, &exec->ids,
			     &sp))
		return SIGSEGV;
	arch_frame_start(thread, exec->image.start, sp);
	return 0;
}

static void exec_free(struct exec *exec)
{
	exec_strings_free(&exec->strings);
	if (exec->file)
		file_put(exec->file);
	if (exec->space)
		space_put(exec->space);
	cred_put(exec->cred);
	kmem_free(exec, sizeof(*exec));
}

static struct exec *exec_create(void)
{
	struct exec *exec = kmem_zalloc(sizeof(*exec));

	if (exec)
		exec->strings.limit_bytes = strings_limit();
	return exec;
}

/* The last step, and the end of `exec` in any case. `err`: of the steps before. */
static int exec_finish(struct exec *exec, int err)
{
	int signal = 0;

	if (!err)
		err = exec_prepare(exec);
	if (!err)
		err = be_alone();
	if (!err)
		signal = exec_commit(exec);
	exec_free(exec);
	if (signal)
		process_exit(signal);
	return err;
}

int exec_kernel(const char *path, const char *const *arguments, const char *const *environment)
{
	struct exec *exec = exec_create();

	if (!exec)
		return -ENOMEM;
	string_copy(exec->path, path, sizeof(exec->path));
	string_copy(exec->target, path, sizeof(exec->target));
	int err = exec_open(exec, AT_FDCWD, 0);
	if (!err)
		err = add_prefix(exec);
	if (!err)
		err = add_kernel_vector(&exec->strings, arguments, exec->depth > 0,
					&exec->strings.argument_count);
	if (!err)
		err = add_kernel_vector(&exec->strings, environment, 0,
					&exec->strings.environment_count);
	return exec_finish(exec, err);
}

/* The path as the program gave it: `target` is what is opened, `path` how the new program names it. */
static int path_take(struct exec *exec, int directory, uint64_t address, unsigned at_flags)
{
	long length = copy_string_from_user(exec->target, address, sizeof(exec->target));

	if (length < 0)
		return (int)length;
	if (!exec->target[0] && !(at_flags & AT_EMPTY_PATH))
		return -ENOENT;
	if (directory == AT_FDCWD || exec->target[0] == '/') {
		string_copy(exec->path, exec->target, sizeof(exec->path));
		return 0;
	}
	(void)format(exec->path, sizeof(exec->path), "/dev/fd/%d%s%s", directory,
		     exec->target[0] ? "/" : "", exec->target);
	exec->path_closes = fd_flag(directory, -1) == FD_CLOEXEC;
	return 0;
}

/* setuid(2) never fails for RLIMIT_NPROC; the execve after it does, unless others have ended meanwhile. */
static bool too_many(struct thread *thread)
{
	if (!thread->over_limit)
		return false;
	spin_lock(&tree_lock);
	thread->over_limit =
		thread->cred->user->thread_count > thread->process->limits[RLIMIT_NPROC][0];
	spin_unlock(&tree_lock);
	return thread->over_limit;
}

static long exec_user(int directory, uint64_t path, uint64_t arguments, uint64_t environment,
		      unsigned at_flags)
{
	struct exec *exec = exec_create();

	if (!exec)
		return -ENOMEM;
	int err = path_take(exec, directory, path, at_flags);
	if (!err && too_many(thread_current()))
		err = -EAGAIN;
	if (!err)
		err = exec_open(exec, directory, at_flags);
	if (!err)
		err = add_prefix(exec);
	if (!err)
		err = exec_strings_add_vector(&exec->strings, arguments, exec->depth > 0,
					      &exec->strings.argument_count);
	/* As Linux does it: a program has at least one argument, if an empty one. */
	if (!err && !exec->strings.argument_count) {
		err = exec_strings_add(&exec->strings, "");
		exec->strings.argument_count = 1;
	}
	if (!err)
		err = exec_strings_add_vector(&exec->strings, environment, 0,
					      &exec->strings.environment_count);
	return exec_finish(exec, err);
}

long sys_execve(const uint64_t *argument)
{
	return exec_user(AT_FDCWD, argument[0], argument[1], argument[2], 0);
}

/* execveat(2); fexecve(3) is this with AT_EMPTY_PATH. */
long sys_execveat(const uint64_t *argument)
{
	unsigned at_flags = (unsigned)argument[4];

	if (at_flags & ~(unsigned)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec_user((int)argument[0], argument[1], argument[2], argument[3], at_flags);
}
