// SPDX-License-Identifier: MIT
/*
 * signalfd(2): signals as something to read. The file holds a mask and nothing else: it takes
 * the signals of whoever reads, so that a child that inherits it reads its own.
 */

#include "abi/signalfd.h"

#include "abi/epoll.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/file/anonymous.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/process/signal_send.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/syscall.h"

struct signalfd {
	uint64_t mask; /* [a] */
};

static uint64_t mask_of(const struct file *file)
{
	const struct signalfd *signals = file->data;

	/* Relaxed: whoever changes it wakes those who wait, and they look again. */
	return __atomic_load_n(&signals->mask, __ATOMIC_RELAXED);
}

static bool is_fault(int signal)
{
	return signal == SIGILL || signal == SIGFPE || signal == SIGSEGV || signal == SIGBUS ||
	       signal == SIGTRAP;
}

/* Which part of a siginfo means something is told by its code: sigaction(2). */
static struct abi_signalfd_siginfo siginfo_convert(const struct abi_siginfo *info)
{
	struct abi_signalfd_siginfo told = {
		.signo = (uint32_t)info->signo,
		.error = info->error,
		.code = info->code,
	};

	if (info->code == SI_TIMER) {
		told.tid = (uint32_t)info->timer.id;
		told.overrun = (uint32_t)info->timer.overrun;
		told.value = info->timer.value;
	} else if (info->code > SI_USER && info->code < SI_KERNEL && is_fault(info->signo)) {
		told.address = info->fault.address;
	} else {
		told.pid = (uint32_t)info->sender.pid;
		told.uid = info->sender.uid;
		if (info->code > SI_USER && info->code < SI_KERNEL && info->signo == SIGCHLD) {
			told.status = info->child.status;
			told.user_ticks = (uint64_t)info->child.user_ticks;
			told.system_ticks = (uint64_t)info->child.system_ticks;
		} else if (info->code < SI_USER) {
			told.value = info->sender.value;
		}
	}
	told.value_int = (int32_t)told.value;
	return told;
}

/* The next signal of the mask: its number; -EAGAIN, -ERESTARTSYS. */
static int signal_wait(const struct file *file, struct abi_siginfo *info)
{
	struct waiter waiter;
	int signal = signal_accept(mask_of(file), info), err = 0;

	if (signal)
		return signal;
	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	waiter_add(signal_watchers(process_current()), &waiter);
	while (!err) {
		thread_sleep_prepare();
		signal = signal_accept(mask_of(file), info);
		if (signal)
			break;
		err = thread_sleep(WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	}
	waiter_remove(&waiter);
	return signal ? signal : err;
}

static long signalfd_read(struct file *file, struct io *io, uint64_t *position)
{
	struct abi_siginfo info;
	long done = 0;

	(void)position;
	if (io->left_bytes < sizeof(struct abi_signalfd_siginfo))
		return -EINVAL;
	while (io->left_bytes >= sizeof(struct abi_signalfd_siginfo)) {
		int signal = done ? signal_accept(mask_of(file), &info) : signal_wait(file, &info);

		if (signal < 0)
			return signal;
		if (!signal)
			break;
		struct abi_signalfd_siginfo told = siginfo_convert(&info);
		if (io_copy_to(io, &told, sizeof(told)) < sizeof(told))
			return done ? done : -EFAULT;
		done += (long)sizeof(told);
	}
	return done;
}

static unsigned signalfd_poll(struct file *file, struct poll_waiters *waiters)
{
	if (waiters)
		poll_register(waiters, signal_watchers(process_current()));
	return signal_waiting(mask_of(file)) ? POLL_IN : 0;
}

static void signalfd_release(struct file *file)
{
	kmem_free(file->data, sizeof(struct signalfd));
}

static const struct file_operations signalfd_files = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
};

static long mask_change(int fd, uint64_t mask)
{
	struct file *file = fd_file(fd);

	if (!file)
		return -EBADF;
	long result = fd;
	if (file->operations == &signalfd_files) {
		struct signalfd *signals = file->data;
		__atomic_store_n(&signals->mask, mask, __ATOMIC_RELAXED);
		wait_wake_all(signal_watchers(process_current()));
	} else {
		result = -EINVAL;
	}
	file_put(file);
	return result;
}

static long signalfd_call(int fd, uint64_t address, uint64_t size_bytes, uint32_t flags)
{
	uint64_t mask;

	if (size_bytes != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, address, sizeof(mask)))
		return -EFAULT;
	if (flags & ~(uint32_t)(SFD_NONBLOCK | SFD_CLOEXEC))
		return -EINVAL;
	mask &= ~SIGNALS_ABSOLUTE;
	if (fd != -1)
		return mask_change(fd, mask);
	struct signalfd *signals = kmem_zalloc(sizeof(*signals));
	if (!signals)
		return -ENOMEM;
	signals->mask = mask;
	long made = anonymous_open("[signalfd]", &signalfd_files, signals, flags);
	if (made < 0)
		kmem_free(signals, sizeof(*signals));
	return made;
}

long sys_signalfd(const uint64_t *argument)
{
	return signalfd_call((int)argument[0], argument[1], argument[2], 0);
}

long sys_signalfd4(const uint64_t *argument)
{
	return signalfd_call((int)argument[0], argument[1], argument[2], (uint32_t)argument[3]);
}
