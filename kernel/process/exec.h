/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_EXEC_H
#define KERNEL_PROCESS_EXEC_H

/* The parts of execve(2): exec.c (order of steps), exec_image.c (ELF), exec_stack.c (arguments). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/elf.h"

struct file;
struct space;

#define EXEC_PATH_BYTES   4096
#define EXEC_STRING_BYTES (128u << 10) /* one argument: MAX_ARG_STRLEN */
#define EXEC_PAGES        1536         /* all strings: 6 MiB */

/* Argument strings, one after another with their NULs, in pages of the kernel's. */
struct exec_strings {
	uint8_t *pages[EXEC_PAGES];
	size_t used_bytes, limit_bytes;
	unsigned argument_count, environment_count;
};

/* Each adds one string: 0, -E2BIG, -ENOMEM, -EFAULT. */
int exec_strings_add(struct exec_strings *strings, const char *text);
int exec_strings_add_user(struct exec_strings *strings, uint64_t address);
/* A vector of pointers from the program, NULL at its end; the first `skip` are left out. */
int exec_strings_add_vector(struct exec_strings *strings, uint64_t vector, unsigned skip,
			    unsigned *count);
void exec_strings_free(struct exec_strings *strings);

/* A program that was mapped into a space that nobody uses yet. */
struct exec_image {
	uint64_t entry;   /* of the program itself */
	uint64_t start;   /* where to go first: its interpreter's entry, or the same */
	uint64_t bias;    /* added to all its addresses */
	uint64_t headers; /* address of the program headers; 0: not mapped */
	unsigned header_count;
	uint64_t interpreter_base; /* 0: none */
	uint64_t low, high;        /* of its segments */
	bool stack_executable;
	/* Bytes after file contents to zero, once the space is in use. */
	struct exec_tail {
		uint64_t start, end;
	} tails[8];
	unsigned tail_count;
};

/* Map the program of `file` and its interpreter. 0; -ENOEXEC, -ELIBBAD, -ENOMEM, or file errors. */
int exec_image_map(struct space *space, struct file *file, const struct abi_elf_header *header,
		   struct exec_image *image);
int exec_image_zero_tails(const struct exec_image *image); /* in the running space; 0, -EFAULT */

struct exec_ids {
	uint32_t uid, euid, gid, egid;
	bool secure;
};

/* Lay out the stack in the running space. 0 and the stack pointer, or -EFAULT. */
int exec_stack_build(struct space *space, struct exec_strings *strings,
		     const struct exec_image *image, const char *path, const struct exec_ids *ids,
		     uint64_t *sp);

/* Run a program in the running thread; kernel strings. Returns 0 (the frame is ready) or an error. */
int exec_kernel(const char *path, const char *const *arguments, const char *const *environment);

#endif
