// SPDX-License-Identifier: MIT
/*
 * /proc/PID/pagemap: a word for each page of the address space, with what the page tables have
 * there. The frame's number is told only who had CAP_SYS_ADMIN when he opened it. Linux,
 * Documentation/admin-guide/mm/pagemap.rst. Known gaps: PAGEMAP_SCAN, the soft-dirty bit.
 *
 * What an open file has never changes, so it needs no lock; space_view_pages takes the space's.
 */

#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/file/proc.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

#define WORD_BYTES sizeof(uint64_t)

/* A word. */
#define PAGEMAP_ALONE     (1ull << 56)
#define PAGEMAP_OF_OBJECT (1ull << 61) /* a file's, or shared memory */
#define PAGEMAP_PRESENT   (1ull << 63)

#define PIECE_WORDS 32

/* An open file. */
struct pagemap {
	struct space *held; /* NULL: there was none */
	bool tells_frames;
};

static uint64_t word_of(const struct pagemap *pagemap, const struct page_view *page)
{
	if (!page->frame)
		return 0;
	return PAGEMAP_PRESENT | (page->of_object ? PAGEMAP_OF_OBJECT : 0) |
	       (page->seen_alone ? PAGEMAP_ALONE : 0) |
	       (pagemap->tells_frames ? page->frame >> PAGE_SHIFT : 0);
}

/* As many words as fit into a piece, and into the io. Bytes; -EFAULT. */
static long read_piece(const struct pagemap *pagemap, struct space *space, struct io *io,
		       uint64_t address)
{
	struct page_view pages[PIECE_WORDS];
	uint64_t words[PIECE_WORDS], left = (mmu_user_end - address) / PAGE_BYTES;
	unsigned count = left < PIECE_WORDS ? (unsigned)left : PIECE_WORDS;

	if (io->left_bytes < count * WORD_BYTES)
		count = (unsigned)(io->left_bytes / WORD_BYTES);
	space_view_pages(space, address, pages, count);
	for (unsigned i = 0; i < count; i++)
		words[i] = word_of(pagemap, &pages[i]);
	return io_copy_to(io, words, count * WORD_BYTES) < count * WORD_BYTES
		       ? -EFAULT
		       : (long)(count * WORD_BYTES);
}

static long read_space(const struct pagemap *pagemap, struct space *space, struct io *io,
		       uint64_t *position)
{
	uint64_t number = *position / WORD_BYTES;
	long done = 0;

	if (*position % WORD_BYTES || io->left_bytes % WORD_BYTES)
		return -EINVAL;
	for (; io->left_bytes && number < mmu_user_end / PAGE_BYTES;
	     number = *position / WORD_BYTES) {
		long piece = read_piece(pagemap, space, io, number * PAGE_BYTES);

		if (piece < 0)
			return piece;
		done += piece;
		*position += (uint64_t)piece;
		schedule_point();
		if (signal_kill_is_pending())
			return -EINTR;
	}
	return done;
}

static long pagemap_read(struct file *file, struct io *io, uint64_t *position)
{
	const struct pagemap *pagemap = file->data;
	struct space *space = pagemap->held ? space_get_held(pagemap->held) : NULL;

	if (!space)
		return 0;
	long result = read_space(pagemap, space, io, position);
	space_put(space);
	return result;
}

static void pagemap_release(struct file *file)
{
	struct pagemap *pagemap = file->data;

	if (!pagemap)
		return;
	if (pagemap->held)
		space_release(pagemap->held);
	kmem_free(pagemap, sizeof(*pagemap));
}

static const struct file_operations pagemap_files = {
	.read = pagemap_read,
	.release = pagemap_release,
	.seeks = true,
	.endless = true,
};

static int pagemap_open(struct inode *inode, struct file *file)
{
	struct pagemap *pagemap = kmem_zalloc(sizeof(*pagemap));

	if (!pagemap)
		return -ENOMEM;
	int err = proc_space_hold(inode, &pagemap->held);
	if (err) {
		kmem_free(pagemap, sizeof(*pagemap));
		return err;
	}
	pagemap->tells_frames = cred_has(cred_current(), CAP_SYS_ADMIN);
	file->data = pagemap;
	return 0;
}

const struct inode_operations proc_pagemap_operations = {
	.files = &pagemap_files,
	.open = pagemap_open,
};
