// SPDX-License-Identifier: MIT
/* Bytes between the kernel and a program's pieces of memory. */

#include "abi/errno.h"
#include "abi/uio.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"

/* Linux moves at most this much in one call: read(2). */
#define MOVE_BYTES_MAX 0x7ffff000ull

void io_init_kernel(struct io *io, struct io_piece *piece, void *memory, size_t size_bytes)
{
	*piece = (struct io_piece){(uint64_t)memory, size_bytes};
	*io = (struct io){true, piece, 1, 0, size_bytes, 0};
}

void io_init_user(struct io *io, struct io_piece *piece, uint64_t address, uint64_t size_bytes)
{
	*piece = (struct io_piece){address, size_bytes};
	*io = (struct io){false, piece, 1, 0, size_bytes, 0};
}

enum io_direction { IO_TO, IO_FROM, IO_CLEAR };

static int piece_copy(bool kernel, uint64_t address, void *memory, size_t size_bytes,
		      enum io_direction direction)
{
	if (!kernel)
		return direction == IO_TO     ? copy_to_user(address, memory, size_bytes)
		       : direction == IO_FROM ? copy_from_user(memory, address, size_bytes)
					      : clear_user(address, size_bytes);
	if (direction == IO_TO)
		memcpy((void *)address, memory, size_bytes);
	else if (direction == IO_FROM)
		memcpy(memory, (const void *)address, size_bytes);
	else
		memset((void *)address, 0, size_bytes);
	return 0;
}

static size_t io_move(struct io *io, uint8_t *memory, size_t size_bytes,
		      enum io_direction direction)
{
	size_t done = 0;

	if (size_bytes > io->left_bytes)
		size_bytes = io->left_bytes;
	while (done < size_bytes) {
		uint64_t chunk = io->pieces->size_bytes - io->piece_offset;

		if (!chunk) {
			io->pieces++;
			io->piece_count--;
			io->piece_offset = 0;
			continue;
		}
		if (chunk > size_bytes - done)
			chunk = size_bytes - done;
		/* Not across a page of the program's: what lies before a bad page counts. */
		uint64_t address = io->pieces->address + io->piece_offset;
		int err = piece_copy(io->kernel, address, memory ? memory + done : NULL, chunk,
				     direction);
		if (err) {
			uint64_t to_page = 4096 - (address & 4095);

			if (chunk <= to_page)
				break;
			chunk = to_page;
			if (piece_copy(io->kernel, address, memory ? memory + done : NULL, chunk,
				       direction))
				break;
		}
		io->piece_offset += chunk;
		io->left_bytes -= chunk;
		done += chunk;
	}
	return done;
}

size_t io_copy_to(struct io *io, const void *from, size_t size_bytes)
{
	return io_move(io, (uint8_t *)(uintptr_t)from, size_bytes, IO_TO);
}

size_t io_copy_from(struct io *io, void *to, size_t size_bytes)
{
	return io_move(io, to, size_bytes, IO_FROM);
}

size_t io_clear(struct io *io, size_t size_bytes)
{
	return io_move(io, NULL, size_bytes, IO_CLEAR);
}

uint64_t io_readable(const struct io *io, uint64_t size_bytes)
{
	const struct io_piece *piece = io->pieces;
	uint64_t offset = io->piece_offset, found = 0;
	uint8_t byte;

	if (size_bytes > io->left_bytes)
		size_bytes = io->left_bytes;
	if (io->kernel)
		return size_bytes;
	while (found < size_bytes) {
		uint64_t address = piece->address + offset, left = piece->size_bytes - offset;
		uint64_t step = 4096 - (address & 4095);

		if (!left) {
			piece++;
			offset = 0;
			continue;
		}
		if (copy_from_user(&byte, address, 1))
			break;
		step = step < left ? step : left;
		offset += step;
		found += step;
	}
	return found < size_bytes ? found : size_bytes;
}

/* ---- the program's own arrays ---- */

uint64_t io_bytes_limit(uint64_t size_bytes)
{
	return size_bytes < MOVE_BYTES_MAX ? size_bytes : MOVE_BYTES_MAX;
}

_Static_assert(sizeof(struct io_piece) == sizeof(struct abi_iovec), "an iovec is a piece");

static int pieces_load(struct io_piece *pieces, uint64_t address, unsigned count, struct io *io)
{
	uint64_t total = 0;

	if (copy_from_user(pieces, address, count * sizeof(*pieces)))
		return -EFAULT;
	for (unsigned i = 0; i < count; i++) {
		if ((int64_t)pieces[i].size_bytes < 0)
			return -EINVAL;
		if (pieces[i].size_bytes > MOVE_BYTES_MAX - total)
			pieces[i].size_bytes = MOVE_BYTES_MAX - total;
		total += pieces[i].size_bytes;
	}
	*io = (struct io){false, pieces, count, 0, total, 0};
	return 0;
}

int io_vector_load(struct io_vector *vector, uint64_t address, unsigned count, struct io *io)
{
	vector->count = count;
	vector->pieces = vector->few;
	if (count > sizeof(vector->few) / sizeof(vector->few[0]))
		vector->pieces = kmem_alloc(count * sizeof(*vector->pieces));
	if (!vector->pieces)
		return -ENOMEM;
	int err = pieces_load(vector->pieces, address, count, io);
	if (err)
		io_vector_free(vector);
	return err;
}

void io_vector_free(struct io_vector *vector)
{
	if (vector->pieces != vector->few)
		kmem_free(vector->pieces, vector->count * sizeof(*vector->pieces));
}
