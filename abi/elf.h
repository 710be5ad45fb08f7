/* SPDX-License-Identifier: MIT */
#ifndef ABI_ELF_H
#define ABI_ELF_H

/* 64-bit ELF: elf(5). */

#include <stdint.h>

#define ELF_MAGIC    0x464c457fu /* 0x7f "ELF", little endian */
#define ELFCLASS64   2
#define ELFDATA2LSB  1
#define ET_EXEC      2
#define ET_DYN       3
#define PT_LOAD      1
#define PT_INTERP    3
#define PT_PHDR      6
#define PT_GNU_STACK 0x6474e551
#define PF_X         1
#define PF_W         2
#define PF_R         4

struct abi_elf_header {
	uint32_t magic;
	uint8_t class, data, version, osabi;
	uint8_t pad[8];
	uint16_t type, machine;
	uint32_t elf_version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct abi_elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

_Static_assert(sizeof(struct abi_elf_header) == 64, "Elf64_Ehdr");
_Static_assert(sizeof(struct abi_elf_segment) == 56, "Elf64_Phdr");

#endif
