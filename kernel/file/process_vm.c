// SPDX-License-Identifier: MIT
/*
 * process_vm_readv(2) and process_vm_writev(2): bytes between this program's
 * memory and another's, page by page through one of the kernel's, so that the
 * locks of the two spaces are never held together. What was moved before a bad
 * address counts.
 */

#include "abi/errno.h"
#include "abi/uio.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

struct transfer {
	struct space *space; /* theirs */
	struct io local;
	uint8_t *page;
	bool write; /* to theirs */
};

/* At most what one of their pages holds. Bytes moved: fewer when an address is bad. */
static size_t step_move(struct transfer *transfer, uint64_t address, size_t size_bytes)
{
	size_t got;

	if (transfer->write) {
		got = io_copy_from(&transfer->local, transfer->page, size_bytes);
		return space_copy_out(transfer->space, address, transfer->page, got);
	}
	got = space_copy_in(transfer->space, transfer->page, address, size_bytes);
	return io_copy_to(&transfer->local, transfer->page, got);
}

/* One of their pieces. Bytes moved. */
static uint64_t piece_move(struct transfer *transfer, const struct io_piece *piece)
{
	uint64_t done = 0;

	while (done < piece->size_bytes && transfer->local.left_bytes &&
	       !signal_kill_is_pending()) {
		uint64_t at = piece->address + done;
		size_t step = PAGE_BYTES - (at & (PAGE_BYTES - 1));

		if (step > piece->size_bytes - done)
			step = piece->size_bytes - done;
		if (step > transfer->local.left_bytes)
			step = transfer->local.left_bytes;

		size_t moved = step_move(transfer, at, step);

		done += moved;
		if (moved < step)
			break;
		schedule_point();
	}
	return done;
}

/* All of their pieces. Bytes moved; -EFAULT: none. */
static long pieces_move(struct transfer *transfer, const struct io *remote)
{
	long done = 0;

	for (unsigned i = 0; i < remote->piece_count && transfer->local.left_bytes; i++) {
		uint64_t want = remote->pieces[i].size_bytes;

		if (want > transfer->local.left_bytes)
			want = transfer->local.left_bytes;

		uint64_t moved = piece_move(transfer, &remote->pieces[i]);

		done += (long)moved;
		if (moved < want)
			return done ? done : -EFAULT;
	}
	return done;
}

/* The space of a process or thread that the caller may look into. 0 and a reference; -ESRCH, -EPERM. */
static int space_find(int32_t pid, struct space **space)
{
	struct process *process = process_find(pid);

	if (!process) {
		struct thread *thread = thread_find(pid);

		if (!thread)
			return -ESRCH;
		process = process_get(thread->process);
		thread_put(thread);
	}
	int err = process_space_access(process, PROCESS_ATTACH, space);

	process_put(process);
	return err == -EACCES ? -EPERM : err;
}

static long transfer_run(int32_t pid, const struct io *local, const struct io *remote, bool write)
{
	struct transfer transfer = {.local = *local, .write = write};

	if (!local->left_bytes || !remote->left_bytes)
		return 0;
	int err = space_find(pid, &transfer.space);
	if (err)
		return err;
	long result = -ENOMEM;
	transfer.page = kmem_alloc(PAGE_BYTES);
	if (transfer.page)
		result = pieces_move(&transfer, remote);
	kmem_free(transfer.page, PAGE_BYTES);
	space_put(transfer.space);
	return result;
}

static long process_vm(const uint64_t *argument, bool write)
{
	struct io_vector mine, theirs;
	struct io local, remote;

	if (argument[5])
		return -EINVAL;
	if (argument[2] > IOV_MAX || argument[4] > IOV_MAX)
		return -EINVAL;
	int err = io_vector_load(&mine, argument[1], (unsigned)argument[2], &local);
	if (err)
		return err;
	long result = 0;
	if (local.left_bytes) {
		result = io_vector_load(&theirs, argument[3], (unsigned)argument[4], &remote);
		if (!result) {
			result = transfer_run((int32_t)argument[0], &local, &remote, write);
			io_vector_free(&theirs);
		}
	}
	io_vector_free(&mine);
	return result;
}

long sys_process_vm_readv(const uint64_t *argument)
{
	return process_vm(argument, false);
}

long sys_process_vm_writev(const uint64_t *argument)
{
	return process_vm(argument, true);
}
