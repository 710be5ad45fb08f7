// SPDX-License-Identifier: MIT
/*
 * The first stack of a program, as the ABI wants it:
 *
 *   sp -> argc, argv[] NULL, envp[] NULL, auxv[], ..., 16 random bytes, platform,
 *         strings of argv, strings of envp, path, 8 bytes of zero <- stack_start
 */

#include "kernel/process/exec.h"

#include "abi/auxv.h"
#include "abi/errno.h"
#include "abi/resource.h"
#include "abi/rseq.h"
#include "arch/arch.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/space.h"

/* ---- collecting ---- */

/* The rest of the current page, with memory behind it. NULL: err is set. */
static char *room(struct exec_strings *strings, size_t *left_bytes, int *err)
{
	size_t page = strings->used_bytes / PAGE_BYTES, offset = strings->used_bytes % PAGE_BYTES;

	*err = -E2BIG;
	if (page >= EXEC_PAGES || strings->used_bytes >= strings->limit_bytes)
		return NULL;
	if (!strings->pages[page]) {
		uint64_t frame = frame_alloc(0);
		*err = -ENOMEM;
		if (!frame)
			return NULL;
		strings->pages[page] = phys_to_virt(frame);
	}
	*left_bytes = PAGE_BYTES - offset;
	return (char *)strings->pages[page] + offset;
}

int exec_strings_add(struct exec_strings *strings, const char *text)
{
	size_t size_bytes = strlen(text) + 1;

	while (size_bytes) {
		size_t left_bytes;
		int err;
		char *to = room(strings, &left_bytes, &err);
		if (!to)
			return err;
		size_t part = size_bytes < left_bytes ? size_bytes : left_bytes;
		memcpy(to, text, part);
		text += part;
		size_bytes -= part;
		strings->used_bytes += part;
	}
	return 0;
}

int exec_strings_add_user(struct exec_strings *strings, uint64_t address)
{
	size_t done_bytes = 0;

	for (;;) {
		size_t left_bytes;
		int err;
		char *to = room(strings, &left_bytes, &err);
		if (!to)
			return err;
		long length = copy_string_from_user(to, address + done_bytes, left_bytes);
		if (length >= 0) {
			strings->used_bytes += (size_t)length + 1;
			return 0;
		}
		if (length != -ENAMETOOLONG)
			return -EFAULT;
		/* The page is full and the string goes on. */
		strings->used_bytes += left_bytes;
		done_bytes += left_bytes;
		if (done_bytes >= EXEC_STRING_BYTES)
			return -E2BIG;
	}
}

int exec_strings_add_vector(struct exec_strings *strings, uint64_t vector, unsigned skip,
			    unsigned *count)
{
	if (!vector)
		return 0;
	for (uint64_t at = 0;; at++) {
		uint64_t address;
		if (copy_from_user(&address, vector + at * sizeof(address), sizeof(address)))
			return -EFAULT;
		if (!address)
			return 0;
		if (at < skip)
			continue;
		int err = exec_strings_add_user(strings, address);
		if (err)
			return err;
		++*count;
		/* The pointers take room on the new stack too. */
		if (strings->limit_bytes <= sizeof(address))
			return -E2BIG;
		strings->limit_bytes -= sizeof(address);
		arch_interrupt_point();
	}
}

void exec_strings_free(struct exec_strings *strings)
{
	for (unsigned i = 0; i < EXEC_PAGES && strings->pages[i]; i++)
		frame_put(virt_to_phys(strings->pages[i]));
}

/* ---- laying out ---- */

static size_t string_bytes(const struct exec_strings *strings, size_t at)
{
	size_t start = at;

	for (;;) {
		size_t offset = at % PAGE_BYTES;
		const char *text = (const char *)strings->pages[at / PAGE_BYTES] + offset;
		size_t length = strnlen(text, PAGE_BYTES - offset);
		at += length;
		if (offset + length < PAGE_BYTES)
			return at + 1 - start;
	}
}

/* Words on their way to the stack, a chunk at a time. */
struct word_writer {
	uint64_t at;
	unsigned count;
	int err;
	uint64_t words[64];
};

static void words_flush(struct word_writer *writer)
{
	size_t size_bytes = writer->count * sizeof(writer->words[0]);

	if (!writer->err)
		writer->err = copy_to_user(writer->at, writer->words, size_bytes);
	writer->at += size_bytes;
	writer->count = 0;
}

static void word_put(struct word_writer *writer, uint64_t word)
{
	if (writer->count == sizeof(writer->words) / sizeof(writer->words[0]))
		words_flush(writer);
	writer->words[writer->count++] = word;
}

/* Pointers to `count` strings from *at on, which lie at `base` in the program, and a NULL. */
static void put_pointers(struct word_writer *writer, const struct exec_strings *strings,
			 uint64_t base, unsigned count, size_t *at)
{
	for (unsigned i = 0; i < count; i++) {
		word_put(writer, base + *at);
		*at += string_bytes(strings, *at);
	}
	word_put(writer, 0);
}

static int strings_write(const struct exec_strings *strings, uint64_t to)
{
	for (size_t at = 0; at < strings->used_bytes; at += PAGE_BYTES) {
		size_t part = strings->used_bytes - at < PAGE_BYTES ? strings->used_bytes - at
								    : PAGE_BYTES;
		if (copy_to_user(to + at, strings->pages[at / PAGE_BYTES], part))
			return -EFAULT;
	}
	return 0;
}

#define AUXV_MAX 24

static unsigned auxv_fill(uint64_t *auxv, const struct exec_image *image,
			  const struct exec_ids *ids, uint64_t random, uint64_t platform,
			  uint64_t path)
{
	const uint64_t pairs[][2] = {
		{AT_HWCAP, arch_hwcap()},
		{AT_PAGESZ, PAGE_BYTES},
		{AT_CLKTCK, USER_HZ},
		{AT_PHDR, image->headers},
		{AT_PHENT, sizeof(struct abi_elf_segment)},
		{AT_PHNUM, image->header_count},
		{AT_BASE, image->interpreter_base},
		{AT_FLAGS, 0},
		{AT_ENTRY, image->entry},
		{AT_UID, ids->uid},
		{AT_EUID, ids->euid},
		{AT_GID, ids->gid},
		{AT_EGID, ids->egid},
		{AT_SECURE, ids->secure},
		{AT_RANDOM, random},
		{AT_HWCAP2, 0},
		{AT_EXECFN, path},
		{AT_PLATFORM, platform},
		{AT_RSEQ_FEATURE_SIZE, RSEQ_FEATURE_BYTES},
		{AT_RSEQ_ALIGN, RSEQ_ALIGNMENT},
		{AT_NULL, 0},
	};

	_Static_assert(sizeof(pairs) / sizeof(pairs[0]) <= AUXV_MAX, "room for the vector");
	memcpy(auxv, pairs, sizeof(pairs));
	return sizeof(pairs) / sizeof(uint64_t);
}

int exec_stack_build(struct space *space, struct exec_strings *strings,
		     const struct exec_image *image, const char *path, const struct exec_ids *ids,
		     uint64_t *sp)
{
	size_t path_bytes = strlen(path) + 1, platform_bytes = strlen(arch_name) + 1;
	uint64_t path_at = space->stack_start - 8 - path_bytes;
	uint64_t base = path_at - strings->used_bytes;
	uint64_t platform_at = base - platform_bytes;
	uint64_t random_at = (platform_at - 16) & ~15ull;
	uint64_t auxv[AUXV_MAX * 2], random[2];
	unsigned auxv_words = auxv_fill(auxv, image, ids, random_at, platform_at, path_at);
	uint64_t words = 1 + strings->argument_count + 1 + strings->environment_count + 1;
	struct word_writer writer = {.err = 0};
	size_t at = 0;

	*sp = (random_at - (words + auxv_words) * sizeof(uint64_t)) & ~15ull;
	writer.at = *sp;
	random_fill(random, sizeof(random));
	if (copy_to_user(path_at, path, path_bytes) || strings_write(strings, base) ||
	    copy_to_user(platform_at, arch_name, platform_bytes) ||
	    copy_to_user(random_at, random, sizeof(random)))
		return -EFAULT;
	word_put(&writer, strings->argument_count);
	put_pointers(&writer, strings, base, strings->argument_count, &at);
	space->arguments_start = base;
	space->arguments_end = space->environment_start = base + at;
	put_pointers(&writer, strings, base, strings->environment_count, &at);
	space->environment_end = base + at;
	for (unsigned i = 0; i < auxv_words; i++)
		word_put(&writer, auxv[i]);
	words_flush(&writer);
	memcpy(space->auxv, auxv, auxv_words * sizeof(uint64_t));
	return writer.err;
}
