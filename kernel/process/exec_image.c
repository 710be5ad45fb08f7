// SPDX-License-Identifier: MIT
/*
 * ELF programs: checked, then mapped into a fresh space. Text and data are
 * private mappings of the file's object, so a program's pages are in memory once.
 */

#include "kernel/process/exec.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/file.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"

#define LOWEST           65536ull /* as vm.mmap_min_addr: null pointers fault */
#define SEGMENTS_MAX     64
#define PIE_RANDOM_BYTES (1ull << 32)
#define BRK_RANDOM_BYTES (32ull << 20)

static uint64_t page_down(uint64_t value)
{
	return value & ~(PAGE_BYTES - 1);
}

static uint64_t page_up(uint64_t value)
{
	return page_down(value + PAGE_BYTES - 1);
}

static bool header_is_good(const struct abi_elf_header *header)
{
	return header->magic == ELF_MAGIC && header->class == ELFCLASS64 &&
	       header->data == ELFDATA2LSB && header->machine == ARCH_ELF_MACHINE &&
	       (header->type == ET_EXEC || header->type == ET_DYN) &&
	       header->phentsize == sizeof(struct abi_elf_segment) && header->phnum > 0 &&
	       header->phnum <= SEGMENTS_MAX;
}

/* What the mapping code relies on, so that it need not look again. */
static bool segment_is_good(const struct abi_elf_segment *segment)
{
	return segment->filesz <= segment->memsz && segment->vaddr < mmu_user_end &&
	       segment->memsz <= mmu_user_end - segment->vaddr &&
	       segment->offset + segment->filesz >= segment->offset &&
	       (segment->vaddr - segment->offset) % PAGE_BYTES == 0;
}

/* The program headers, from kmem: SEGMENTS_MAX of them. 0, -ENOEXEC, -ENOMEM. */
static int segments_read(struct file *file, const struct abi_elf_header *header,
			 struct abi_elf_segment **segments)
{
	size_t size_bytes = header->phnum * sizeof(**segments);

	if (!header_is_good(header))
		return -ENOEXEC;
	*segments = kmem_alloc(SEGMENTS_MAX * sizeof(**segments));
	if (!*segments)
		return -ENOMEM;
	if (file_read_at(file, *segments, size_bytes, header->phoff) != (long)size_bytes)
		goto bad;
	for (unsigned i = 0; i < header->phnum; i++)
		if ((*segments)[i].type == PT_LOAD && !segment_is_good(&(*segments)[i]))
			goto bad;
	return 0;
bad:
	kmem_free(*segments, SEGMENTS_MAX * sizeof(**segments));
	return -ENOEXEC;
}

static void segments_free(struct abi_elf_segment *segments)
{
	kmem_free(segments, SEGMENTS_MAX * sizeof(*segments));
}

/* The lowest and highest address of the loaded segments. False: there are none. */
static bool extent(const struct abi_elf_segment *segments, unsigned count, uint64_t *low,
		   uint64_t *high)
{
	*low = UINT64_MAX;
	*high = 0;
	for (unsigned i = 0; i < count; i++) {
		if (segments[i].type != PT_LOAD || !segments[i].memsz)
			continue;
		if (page_down(segments[i].vaddr) < *low)
			*low = page_down(segments[i].vaddr);
		if (page_up(segments[i].vaddr + segments[i].memsz) > *high)
			*high = page_up(segments[i].vaddr + segments[i].memsz);
	}
	return *low < *high;
}

static unsigned protection_of(const struct abi_elf_segment *segment)
{
	return (segment->flags & PF_R ? SHM_READ : 0) | (segment->flags & PF_W ? SHM_WRITE : 0) |
	       (segment->flags & PF_X ? SHM_EXEC : 0);
}

static int map_fixed(struct space *space, struct space_request *request, uint64_t start,
		     uint64_t end)
{
	uint64_t address;

	if (start >= end)
		return 0;
	request->address = start;
	request->size_bytes = end - start;
	request->protection_max = SHM_READ | SHM_WRITE | SHM_EXEC;
	request->flags = AREA_FIXED | AREA_PRIVATE;
	if (request->file)
		file_get(request->file);
	int err = space_map(space, request, &address);
	if (err && request->file)
		file_put(request->file);
	return err;
}

/* One segment: file pages, then anonymous ones; the rest of the last file page is a tail. */
static int segment_map(struct space *space, struct file *file, struct shm_object *object,
		       const struct abi_elf_segment *segment, uint64_t bias,
		       struct exec_image *image)
{
	uint64_t start = segment->vaddr + bias;
	uint64_t file_end = start + segment->filesz, end = start + segment->memsz;
	struct space_request request = {.protection = protection_of(segment)};
	uint64_t anonymous = page_down(start);

	if (segment->filesz) {
		request.object = object;
		request.index = segment->offset / PAGE_BYTES;
		request.file = file;
		anonymous = page_up(file_end);
		int err = map_fixed(space, &request, page_down(start), anonymous);
		if (err)
			return err;
		if (file_end < end && file_end < anonymous && segment->flags & PF_W) {
			if (image->tail_count == sizeof(image->tails) / sizeof(image->tails[0]))
				return -ENOEXEC;
			image->tails[image->tail_count++] = (struct exec_tail){file_end, anonymous};
		}
	}
	request.object = NULL;
	request.file = NULL;
	request.index = 0;
	return map_fixed(space, &request, anonymous, page_up(end));
}

/* The pages of a program, with a reference; NULL: none. Takes locks of files: before the space's. */
static struct shm_object *file_object(struct file *file)
{
	struct shm_object *object = NULL;

	if (file->operations->object)
		(void)file->operations->object(file, NULL, &object);
	return object;
}

static int segments_map(struct space *space, struct file *file, struct shm_object *object,
			const struct abi_elf_segment *segments, unsigned count, uint64_t bias,
			struct exec_image *image)
{
	int err = 0;

	for (unsigned i = 0; i < count && !err; i++)
		if (segments[i].type == PT_LOAD && segments[i].memsz)
			err = segment_map(space, file, object, &segments[i], bias, image);
	return err;
}

/* The address of the program headers in memory: in the segment that has them. */
static uint64_t headers_address(const struct abi_elf_header *header,
				const struct abi_elf_segment *segments, uint64_t bias)
{
	for (unsigned i = 0; i < header->phnum; i++)
		if (segments[i].type == PT_LOAD && segments[i].offset <= header->phoff &&
		    header->phoff < segments[i].offset + segments[i].filesz)
			return header->phoff - segments[i].offset + segments[i].vaddr + bias;
	return 0;
}

/* ---- the interpreter, ld.so ---- */

/* Room for the whole of it where the space likes; then its segments go over that. */
static int interpreter_map(struct space *space, struct file *file, struct exec_image *image)
{
	struct abi_elf_header header;
	struct abi_elf_segment *segments;
	uint64_t low, high, address = 0;

	if (file_read_at(file, &header, sizeof(header), 0) != (long)sizeof(header))
		return -ELIBBAD;
	int err = segments_read(file, &header, &segments);
	if (err)
		return err == -ENOEXEC ? -ELIBBAD : err;
	if (!extent(segments, header.phnum, &low, &high)) {
		err = -ELIBBAD;
		goto free;
	}
	struct shm_object *object = file_object(file);
	if (!object) {
		err = -ELIBBAD;
		goto free;
	}
	space_lock(space, true);
	if (header.type == ET_DYN) {
		struct space_request request = {.size_bytes = high - low, .flags = AREA_PRIVATE};
		err = space_map(space, &request, &address);
		if (!err)
			err = space_unmap(space, address, address + (high - low));
		if (err)
			goto unlock;
		address -= low;
	}
	err = segments_map(space, file, object, segments, header.phnum, address, image);
	image->interpreter_base = address;
	image->start = header.entry + address;
unlock:
	space_unlock(space, true);
	shm_object_put(object);
free:
	segments_free(segments);
	return err;
}

static int interpreter_load(struct space *space, struct file *program,
			    const struct abi_elf_segment *segment, struct exec_image *image)
{
	struct file *file = NULL;

	if (segment->filesz < 2 || segment->filesz > EXEC_PATH_BYTES)
		return -ENOEXEC;
	char *path = kmem_alloc(EXEC_PATH_BYTES);
	if (!path)
		return -ENOMEM;
	int err = -ENOEXEC;
	if (file_read_at(program, path, segment->filesz, segment->offset) ==
		    (long)segment->filesz &&
	    path[segment->filesz - 1] == '\0')
		err = file_open_executable(AT_FDCWD, path, 0, &file);
	kmem_free(path, EXEC_PATH_BYTES);
	if (err)
		return err;
	err = interpreter_map(space, file, image);
	file_put(file);
	return err;
}

/* ---- the program ---- */

static int program_map(struct space *space, struct file *file, struct shm_object *object,
		       const struct abi_elf_header *header, const struct abi_elf_segment *segments,
		       struct exec_image *image)
{
	uint64_t low, high;

	if (!extent(segments, header->phnum, &low, &high))
		return -ENOEXEC;
	if (header->type == ET_DYN)
		image->bias = page_down(mmu_user_end / 3 * 2) +
			      space_random_bytes(PIE_RANDOM_BYTES) - low;
	if (low + image->bias < LOWEST || high + image->bias >= mmu_user_end)
		return -ENOEXEC;
	image->low = low + image->bias;
	image->high = high + image->bias;
	image->entry = image->start = header->entry + image->bias;
	image->headers = headers_address(header, segments, image->bias);
	image->header_count = header->phnum;
	space->brk_start = space->brk_end = image->high + space_random_bytes(BRK_RANDOM_BYTES);
	return segments_map(space, file, object, segments, header->phnum, image->bias, image);
}

int exec_image_map(struct space *space, struct file *file, const struct abi_elf_header *header,
		   struct exec_image *image)
{
	struct abi_elf_segment *segments;
	int err = segments_read(file, header, &segments);

	if (err)
		return err;
	memset(image, 0, sizeof(*image));
	struct shm_object *object = file_object(file);
	if (!object) {
		segments_free(segments);
		return -ENOEXEC;
	}
	space_lock(space, true);
	err = program_map(space, file, object, header, segments, image);
	space_unlock(space, true);
	shm_object_put(object);
	for (unsigned i = 0; i < header->phnum && !err; i++) {
		if (segments[i].type == PT_GNU_STACK)
			image->stack_executable = segments[i].flags & PF_X;
		if (segments[i].type != PT_INTERP || image->interpreter_base)
			continue;
		err = interpreter_load(space, file, &segments[i], image);
	}
	segments_free(segments);
	return err;
}

int exec_image_zero_tails(const struct exec_image *image)
{
	for (unsigned i = 0; i < image->tail_count; i++) {
		const struct exec_tail *tail = &image->tails[i];
		int err = clear_user(tail->start, tail->end - tail->start);
		if (err)
			return err;
	}
	return 0;
}
