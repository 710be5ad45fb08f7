// SPDX-License-Identifier: MIT
/* select(2), pselect6(2), over poll_wait; and the times and masks that poll.c needs too. */

#include "abi/errno.h"
#include "abi/poll.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "kernel/file/fd.h"
#include "kernel/file/file.h"
#include "kernel/file/poll.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/signal.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/syscall.h"

/* ---- times and masks ---- */

uint64_t poll_deadline_after(uint64_t seconds, uint64_t ns)
{
	if (!seconds && !ns)
		return 0;
	if (seconds > 1ull << 32)
		return WAIT_FOREVER;
	return clock_now_ns() + seconds * 1000000000 + ns;
}

int poll_deadline_from_user(uint64_t address, uint64_t *deadline_ns)
{
	struct abi_timespec time;

	*deadline_ns = WAIT_FOREVER;
	if (!address)
		return 0;
	if (copy_from_user(&time, address, sizeof(time)))
		return -EFAULT;
	if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= 1000000000)
		return -EINVAL;
	*deadline_ns = poll_deadline_after((uint64_t)time.tv_sec, (uint64_t)time.tv_nsec);
	return 0;
}

void poll_time_left_to_user(uint64_t address, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns();
	uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
	struct abi_timespec time = {(int64_t)(left / 1000000000), (int64_t)(left % 1000000000)};

	if (address)
		(void)copy_to_user(address, &time, sizeof(time));
}

int poll_mask_set(uint64_t address, uint64_t size_bytes)
{
	uint64_t mask;

	if (!address)
		return 0;
	if (size_bytes != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, address, sizeof(mask)))
		return -EFAULT;
	signal_mask_for_call(mask);
	return 0;
}

/* ---- select ---- */

#define SET_WORDS (FD_SETSIZE / 64)
#define SETS      3 /* readable, writable, exceptional */

static const uint32_t set_wanted[SETS] = {
	POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
	POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
	POLLPRI,
};

struct select {
	unsigned count;           /* descriptors to look at */
	uint64_t addresses[SETS]; /* of the caller's sets; 0: none */
	uint64_t sets[SETS][SET_WORDS];
	struct watch watches[FD_SETSIZE];
};

static int sets_load(struct select *select)
{
	size_t bytes = (select->count + 63) / 64 * 8;

	for (int i = 0; i < SETS; i++)
		if (select->addresses[i] &&
		    copy_from_user(select->sets[i], select->addresses[i], bytes))
			return -EFAULT;
	return 0;
}

static int sets_store(struct select *select)
{
	size_t bytes = (select->count + 63) / 64 * 8;

	for (int i = 0; i < SETS; i++)
		if (select->addresses[i] &&
		    copy_to_user(select->addresses[i], select->sets[i], bytes))
			return -EFAULT;
	return 0;
}

static bool set_has(const struct select *select, int set, unsigned fd)
{
	return select->sets[set][fd / 64] >> (fd % 64) & 1;
}

/* 0; -EBADF. */
static int watches_open(struct select *select)
{
	for (unsigned fd = 0; fd < select->count; fd++) {
		struct watch *watch = &select->watches[fd];

		for (int i = 0; i < SETS; i++)
			if (set_has(select, i, fd))
				watch->wanted |= set_wanted[i];
		if (!watch->wanted)
			continue;
		watch->file = fd_file((int)fd);
		if (!watch->file)
			return -EBADF;
	}
	return 0;
}

/* What was found, into the sets. How many bits are set. */
static long sets_fill(struct select *select)
{
	long bits = 0;

	for (unsigned fd = 0; fd < select->count; fd++) {
		for (int i = 0; i < SETS; i++) {
			uint64_t bit = 1ull << (fd % 64);

			if (!set_has(select, i, fd))
				continue;
			if (select->watches[fd].got & set_wanted[i])
				bits++;
			else
				select->sets[i][fd / 64] &= ~bit;
		}
	}
	return bits;
}

static long select_run(struct select *select, uint64_t deadline_ns)
{
	int err = sets_load(select);

	if (err)
		return err;
	long result = watches_open(select);
	if (!result)
		result = poll_wait(select->watches, select->count, deadline_ns);
	for (unsigned fd = 0; fd < select->count; fd++)
		if (select->watches[fd].file)
			file_put(select->watches[fd].file);
	if (result < 0)
		return result;
	result = sets_fill(select);
	return sets_store(select) ? -EFAULT : result;
}

static long select_call(const uint64_t *argument, uint64_t deadline_ns)
{
	int count = (int)argument[0];

	if (count < 0)
		return -EINVAL;
	if (count > fd_capacity())
		count = fd_capacity();
	struct select *select = kmem_zalloc(sizeof(*select));
	if (!select)
		return -ENOMEM;
	select->count = count < FD_SETSIZE ? (unsigned)count : FD_SETSIZE;
	for (int i = 0; i < SETS; i++)
		select->addresses[i] = argument[1 + i];
	long result = select_run(select, deadline_ns);
	kmem_free(select, sizeof(*select));
	return result;
}

long sys_select(const uint64_t *argument)
{
	uint64_t deadline = WAIT_FOREVER;
	struct abi_timeval time;

	if (argument[4]) {
		if (copy_from_user(&time, argument[4], sizeof(time)))
			return -EFAULT;
		if (time.tv_sec < 0 || time.tv_usec < 0)
			return -EINVAL;
		deadline = poll_deadline_after((uint64_t)time.tv_sec +
						       (uint64_t)time.tv_usec / 1000000,
					       (uint64_t)time.tv_usec % 1000000 * 1000);
	}
	long result = select_call(argument, deadline);
	if (argument[4]) {
		uint64_t now = clock_now_ns();
		uint64_t left = deadline > now ? deadline - now : 0;

		time = (struct abi_timeval){(int64_t)(left / 1000000000),
					    (int64_t)(left % 1000000000 / 1000)};
		(void)copy_to_user(argument[4], &time, sizeof(time));
	}
	return result;
}

/* The sixth argument points to a mask's address and size: select(2). */
long sys_pselect6(const uint64_t *argument)
{
	uint64_t deadline, mask[2] = {0, 0};
	int err = poll_deadline_from_user(argument[4], &deadline);

	if (!err && argument[5] && copy_from_user(mask, argument[5], sizeof(mask)))
		err = -EFAULT;
	if (!err)
		err = poll_mask_set(mask[0], mask[1]);
	if (err)
		return err;
	long result = select_call(argument, deadline);
	poll_time_left_to_user(argument[4], deadline);
	return result;
}
