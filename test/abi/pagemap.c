// SPDX-License-Identifier: MIT
/* /proc/PID/pagemap: what the page tables have for each page. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_test.h"

#define PRESENT  (1ull << 63)
#define OF_FILE  (1ull << 61) /* or shared memory */
#define ALONE    (1ull << 56)
#define KNOWN    (PRESENT | OF_FILE | ALONE)
#define FRAME    ((1ull << 55) - 1)
#define STRANGER 12345

static int pagemap_open(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		SKIP("there is no pagemap here");
	return CHECK_OK(fd);
}

static uint64_t word_of(int fd, const volatile void *address)
{
	uint64_t word;

	CHECK_EQ(pread(fd, &word, sizeof(word), (off_t)((uintptr_t)address / PAGE * sizeof(word))),
		 sizeof(word));
	return word;
}

static uint64_t bits_of(int fd, const volatile void *address)
{
	return word_of(fd, address) & KNOWN;
}

/* A word of the process's own. */
static uint64_t bits_here(const volatile void *address)
{
	int fd = pagemap_open(getpid());
	uint64_t bits = bits_of(fd, address);

	CHECK_OK(close(fd));
	return bits;
}

/* Until it is killed. */
static void linger(void *argument)
{
	(void)argument;
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	CHECK_OK(kill(pid, SIGKILL));
	abi_wait(pid);
}

static void private_memory(void)
{
	volatile char *at = map_private(6 * PAGE);

	CHECK_EQ(bits_here(at), 0);
	at[0] = at[2 * PAGE] = 1;
	CHECK_EQ(bits_here(at), PRESENT | ALONE);
	CHECK_EQ(bits_here(at + PAGE), 0);
	CHECK_EQ(bits_here(at + 2 * PAGE + 100), PRESENT | ALONE);
	/* A child has it, too. */
	pid_t pid = abi_start(linger, NULL);
	int fd = pagemap_open(pid);
	CHECK_EQ(bits_here(at), PRESENT);
	CHECK_EQ(bits_of(fd, at), PRESENT);
	CHECK_EQ(bits_of(fd, at + PAGE), 0);
	at[0] = 2;
	CHECK_EQ(bits_here(at), PRESENT | ALONE);
	CHECK_EQ(bits_of(fd, at), PRESENT | ALONE);
	CHECK_EQ(bits_here(at + 2 * PAGE), PRESENT);
	end(pid);
	CHECK_EQ(bits_here(at + 2 * PAGE), PRESENT | ALONE);
	/* The memory that it was opened for is gone. */
	uint64_t word;
	CHECK_EQ(pread(fd, &word, sizeof(word), 0), 0);
	CHECK_OK(close(fd));
	/* There, though out of reach. */
	CHECK_OK(mprotect((void *)at, PAGE, PROT_NONE));
	CHECK_EQ(bits_here(at), PRESENT | ALONE);
	CHECK_OK(madvise((void *)(at + 2 * PAGE), PAGE, MADV_DONTNEED));
	CHECK_EQ(bits_here(at + 2 * PAGE), 0);
	CHECK_OK(munmap((void *)at, 6 * PAGE));
	CHECK_EQ(bits_here(at), 0);
}

static void touch_and_linger(void *argument)
{
	char *at = argument;

	CHECK_EQ(*(volatile char *)at, 7);
	*(volatile char *)(at + PAGE) = 8;
	linger(NULL);
}

static void shared_memory(void)
{
	int file = CHECK_OK(memfd_create("pagemap", 0));

	CHECK_OK(ftruncate(file, 2 * PAGE));
	char *at = CHECK_OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
	CHECK_EQ(bits_here(at), 0);
	at[0] = 7;
	CHECK_EQ(bits_here(at), PRESENT | OF_FILE | ALONE);
	pid_t pid = abi_start(touch_and_linger, at);
	volatile char *written = at + PAGE;
	while (*written != 8)
		abi_sleep_ms(1);
	CHECK_EQ(bits_here(at), PRESENT | OF_FILE);
	int fd = pagemap_open(pid), here = pagemap_open(getpid());
	CHECK_EQ(bits_of(fd, at + PAGE), PRESENT | OF_FILE);
	/* The same frames; 0 to who may not know them. */
	CHECK_EQ(word_of(fd, at) & FRAME, word_of(here, at) & FRAME);
	CHECK_EQ(word_of(fd, at + PAGE) & FRAME, word_of(here, at + PAGE) & FRAME);
	end(pid);
	CHECK_EQ(bits_here(at), PRESENT | OF_FILE | ALONE);
	CHECK_OK(ftruncate(file, PAGE));
	CHECK_EQ(bits_here(at + PAGE), 0);
	CHECK_OK(close(fd));
	CHECK_OK(close(here));
	CHECK_OK(close(file));
}

static void copy_on_write(void)
{
	int file = CHECK_OK(memfd_create("pagemap", 0)), fd = pagemap_open(getpid());

	CHECK_EQ(pwrite(file, "x", 1, 0), 1);
	char *at = CHECK_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0));
	CHECK_EQ(*(volatile char *)at, 'x');
	uint64_t before = word_of(fd, at);
	CHECK_EQ(before & (PRESENT | OF_FILE), PRESENT | OF_FILE);
	at[1] = 'y';
	uint64_t after = word_of(fd, at);
	CHECK_EQ(after & KNOWN, PRESENT | ALONE);
	if (before & FRAME)
		CHECK((after & FRAME) != (before & FRAME));
	CHECK_OK(close(fd));
	CHECK_OK(close(file));
}

static void segments(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 3 * PAGE, 0600)), fd = pagemap_open(getpid());
	char *one = CHECK_OK(shmat(id, NULL, 0)), *two = CHECK_OK(shmat(id, NULL, SHM_RDONLY));

	one[2 * PAGE] = 1;
	CHECK_EQ(*(volatile char *)(two + 2 * PAGE), 1);
	CHECK_EQ(bits_of(fd, one + 2 * PAGE), PRESENT | OF_FILE);
	CHECK_EQ(bits_of(fd, two + 2 * PAGE), PRESENT | OF_FILE);
	CHECK_EQ(word_of(fd, one + 2 * PAGE) & FRAME, word_of(fd, two + 2 * PAGE) & FRAME);
	CHECK_EQ(bits_of(fd, one), 0);
	CHECK_OK(shmdt(two));
	CHECK_EQ(bits_of(fd, two + 2 * PAGE), 0);
	CHECK_EQ(bits_of(fd, one + 2 * PAGE), PRESENT | OF_FILE | ALONE);
	CHECK_OK(shmdt(one));
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK_OK(close(fd));
}

static void ranges(void)
{
	int fd = pagemap_open(getpid());
	volatile char *at = map_private(1000 * PAGE);
	static uint64_t words[1002];
	off_t position = (off_t)((uintptr_t)at / PAGE * 8);

	for (int i = 0; i < 1000; i += 7)
		at[i * PAGE] = 1;
	CHECK_EQ(pread(fd, words, 1000 * 8, position), 1000 * 8);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(words[i] & KNOWN, i % 7 ? 0 : PRESENT | ALONE);
	CHECK_EQ(lseek(fd, position, SEEK_SET), position);
	CHECK_EQ(read(fd, words, 16), 16);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), position + 16);
	CHECK_ERROR(lseek(fd, 0, SEEK_END), EINVAL);
	CHECK_ERROR(pread(fd, words, 8, position + 1), EINVAL);
	CHECK_ERROR(pread(fd, words, 8, 4), EINVAL);
	CHECK_ERROR(pread(fd, words, 12, position), EINVAL);
	CHECK_ERROR(pread(fd, words, 4, position), EINVAL);
	CHECK_EQ(pread(fd, words, 0, position), 0);
	CHECK_ERROR(pread(fd, words, 0, position + 1), EINVAL);
	void *volatile wild = (void *)8;
	CHECK_ERROR(pread(fd, wild, 8, position), EFAULT);
	/* Past all that a process can have. */
	CHECK_EQ(pread(fd, words, 8, (off_t)(1ull << 52)), 0);
	CHECK_EQ(pread(fd, words, 8, (off_t)(1ull << 62)), 0);
	CHECK_EQ(pread(fd, words, 8, 0), 8);
	CHECK_EQ(words[0] & KNOWN, 0);
	CHECK_ERROR(write(fd, words, 8), EBADF);
	CHECK_OK(close(fd));
}

static void look(void *argument)
{
	pid_t pid = *(pid_t *)argument;
	char path[64];

	abi_become(STRANGER, STRANGER);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	CHECK_ERROR(open(path, O_RDONLY), EACCES);
	CHECK_ERROR(access(path, R_OK), EACCES);
}

static void permission(void)
{
	pid_t pid = getpid();
	struct stat state;

	CHECK_OK(close(pagemap_open(pid)));
	CHECK_OK(stat("/proc/self/pagemap", &state));
	CHECK_EQ(state.st_mode, S_IFREG | 0400);
	CHECK_EQ(state.st_size, 0);
	CHECK_OK(access("/proc/self/task", R_OK));
	abi_in_child(look, &pid);
}

const struct abi_case abi_cases[] = {
	CASE(private_memory, "present, and whether alone: proc_pid_pagemap(5)"),
	CASE(shared_memory, "bit 61 of shared memory; the same frames: proc_pid_pagemap(5)"),
	CASE(copy_on_write, "of a file until it is copied: proc_pid_pagemap(5)"),
	CASE(segments, "two attaches show the same frame: proc_pid_pagemap(5), shmat(2)"),
	CASE(ranges, "whole words, any number, none past the end: proc_pid_pagemap(5), observed"),
	CASE(permission, "EACCES for who may not trace: proc_pid_pagemap(5), ptrace(2)"),
	CASES_END,
};
