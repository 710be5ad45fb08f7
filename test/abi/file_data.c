// SPDX-License-Identifier: MIT
/* Contents of files: reading, writing, positions, holes, sizes, mappings. */

#define _GNU_SOURCE
#include "file_test.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Volatile, so that the compiler does not warn of what is done on purpose. */
static void *volatile bad_address = (void *)8;
static void *volatile kernel_address = (void *)-4096;
static volatile int wrong_counts[] = {-1, 1025};

static void positions(void)
{
	char text[16];
	int fd = file_test_begin();

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
	CHECK_EQ(read(fd, text, 3), 3);
	CHECK(!memcmp(text, "234", 3));
	CHECK_EQ(pread(fd, text, 16, 7), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
	CHECK_EQ(pwrite(fd, "ab", 2, 12), 2);
	CHECK_EQ(lseek(fd, -4, SEEK_END), 10);
	CHECK_EQ(read(fd, text, 16), 4);
	CHECK(!memcmp(text, "\0\0ab", 4));
	CHECK_EQ(read(fd, text, 16), 0);
	CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERROR(lseek(fd, 0, 99), EINVAL);
	CHECK_ERROR(pread(fd, text, 1, -1), EINVAL);
	CHECK_ERROR(pwrite(fd, text, 1, -5), EINVAL);
	file_test_end(fd);
}

static void append(void)
{
	char text[16];
	int fd = file_test_begin();

	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
	CHECK_EQ(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(write(fd, "def", 3), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
	CHECK_EQ(pread(fd, text, 16, 0), 6);
	CHECK(!memcmp(text, "abcdef", 6));
	file_test_end(fd);
}

static void access_modes(void)
{
	char byte = 0;

	file_test_enter();
	file_test_make("f", "x");
	int reader = CHECK_OK(open("f", O_RDONLY)), writer = CHECK_OK(open("f", O_WRONLY));
	CHECK_ERROR(write(reader, &byte, 1), EBADF);
	CHECK_ERROR(read(writer, &byte, 1), EBADF);
	CHECK_ERROR(ftruncate(reader, 0), EINVAL);
	CHECK_ERROR(fallocate(reader, 0, 0, 10), EBADF);
	CHECK_ERROR(read(1000, &byte, 1), EBADF);
	CHECK_ERROR(read(-1, &byte, 1), EBADF);
	CHECK_OK(close(reader));
	CHECK_OK(close(writer));
	int directory = CHECK_OK(open(".", O_RDONLY));
	CHECK_ERROR(read(directory, &byte, 1), EISDIR);
	CHECK_OK(close(directory));
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static void vectors(void)
{
	char a[3], b[5];
	struct iovec out[3] = {{"one", 3}, {NULL, 0}, {"two", 3}}, in[2] = {{a, 3}, {b, 5}};
	struct iovec bad[2] = {{"x", 1}, {"y", (size_t)-1}};
	int fd = file_test_begin();

	CHECK_EQ(writev(fd, out, 3), 6);
	CHECK_EQ(preadv(fd, in, 2, 0), 6);
	CHECK(!memcmp(a, "one", 3) && !memcmp(b, "two", 3));
	CHECK_EQ(pwritev(fd, out, 1, 3), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(readv(fd, in, 2), 6);
	CHECK(!memcmp(b, "one", 3));
	CHECK_ERROR(writev(fd, bad, 2), EINVAL);
	CHECK_ERROR(writev(fd, out, wrong_counts[0]), EINVAL);
	CHECK_ERROR(writev(fd, out, wrong_counts[1]), EINVAL);
	CHECK_EQ(writev(fd, out, 0), 0);
	file_test_end(fd);
}

static void bad_memory(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = file_test_begin();

	CHECK(pages != MAP_FAILED);
	CHECK_OK(munmap(pages + 4096, 4096));
	CHECK_ERROR(write(fd, bad_address, 10), EFAULT);
	CHECK_EQ(write(fd, pages, 4096), 4096);
	CHECK_ERROR(pread(fd, bad_address, 10, 0), EFAULT);
	CHECK_ERROR(pread(fd, kernel_address, 10, 0), EFAULT);
	CHECK_EQ(pread(fd, pages + 4090, 100, 0), 6); /* as far as there is memory */
	CHECK_EQ(pwrite(fd, pages + 4090, 100, 0), 6);
	CHECK_EQ(pread(fd, bad_address, 0, 0), 0);
	file_test_end(fd);
}

static void truncation(void)
{
	char text[8192];
	struct stat state;
	int fd = file_test_begin();

	memset(text, 'x', sizeof(text));
	CHECK_EQ(write(fd, text, 8192), 8192);
	CHECK_OK(ftruncate(fd, 100));
	CHECK_OK(ftruncate(fd, 8192));
	CHECK_EQ(pread(fd, text, 8192, 0), 8192);
	CHECK_EQ(text[99], 'x');
	for (int i = 100; i < 8192; i++)
		CHECK_EQ(text[i], 0);
	CHECK_ERROR(ftruncate(fd, -1), EINVAL);
	CHECK_OK(ftruncate(fd, 1ll << 40));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_size, 1ll << 40);
	CHECK_EQ(state.st_blocks, 8);
	CHECK_EQ(pread(fd, text, 10, 1ll << 39), 10);
	CHECK_EQ(text[0], 0);
	CHECK_OK(ftruncate(fd, 0));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_blocks, 0);
	CHECK_ERROR(truncate("/dev/shm", 0), EISDIR);
	CHECK_ERROR(truncate("/dev/shm/missing", 0), ENOENT);
	file_test_end(fd);
}

static void holes(void)
{
	struct stat state;
	int fd = file_test_begin();

	CHECK_EQ(pwrite(fd, "x", 1, 20000), 1);
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_blocks, 8);
	CHECK_EQ(lseek(fd, 0, SEEK_DATA), 16384);
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
	CHECK_EQ(lseek(fd, 17000, SEEK_DATA), 17000);
	CHECK_EQ(lseek(fd, 17000, SEEK_HOLE), 20001);
	CHECK_ERROR(lseek(fd, 20001, SEEK_DATA), ENXIO);
	CHECK_ERROR(lseek(fd, 30000, SEEK_HOLE), ENXIO);
	CHECK_EQ(pwrite(fd, "x", 1, 1ll << 50), 1); /* found without walking there */
	CHECK_EQ(lseek(fd, 30000, SEEK_DATA), 1ll << 50);
	CHECK_ERROR(fallocate(fd, 0, 0, 1ll << 50), ENOSPC);
	file_test_end(fd);
}

static void allocation(void)
{
	char text[4096];
	struct stat state;
	int fd = file_test_begin();

	CHECK_OK(fallocate(fd, 0, 0, 10000));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_size, 10000);
	CHECK_EQ(state.st_blocks, 24);
	memset(text, 'x', sizeof(text));
	CHECK_EQ(pwrite(fd, text, 4096, 0), 4096);
	CHECK_EQ(pwrite(fd, text, 4096, 4096), 4096);
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 8092));
	CHECK_EQ(pread(fd, text, 4096, 0), 4096);
	CHECK_EQ(text[99], 'x');
	CHECK_EQ(text[100], 0);
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_size, 10000);
	CHECK_EQ(state.st_blocks, 16);
	CHECK_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
	CHECK_ERROR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERROR(fallocate(fd, 0, -1, 10), EINVAL);
	CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_size, 10000);
	file_test_end(fd);
}

static void mapped(void)
{
	char text[8];
	int fd = file_test_begin();

	CHECK_OK(ftruncate(fd, 5000));
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	strcpy(map + 4096, "mapped");
	CHECK_EQ(pread(fd, text, 7, 4096), 7);
	CHECK(!strcmp(text, "mapped"));
	CHECK_EQ(pwrite(fd, "file", 5, 0), 5);
	CHECK(!strcmp(map, "file"));
	char *copy = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(copy != MAP_FAILED);
	copy[0] = 'F';
	CHECK_EQ(map[0], 'f');
	CHECK_OK(munmap(map, 8192));
	CHECK_OK(munmap(copy, 4096));
	file_test_end(fd);
}

static void touch_past_end(void *unused)
{
	int fd = CHECK_OK(open("past", O_CREAT | O_RDWR, 0600));

	(void)unused;
	CHECK_OK(unlink("past"));
	CHECK_OK(ftruncate(fd, 8192));
	volatile char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[5000] = 1;
	CHECK_OK(ftruncate(fd, 4096));
	map[0] = 1;
	map[5000] = 1;
}

static void past_the_end(void)
{
	file_test_enter();
	abi_dies(touch_past_end, NULL, SIGBUS);
	file_test_leave();
}

static void map_errors(void)
{
	file_test_enter();
	file_test_make("f", "x");
	int fd = CHECK_OK(open("f", O_RDONLY)), writer = CHECK_OK(open("f", O_WRONLY));
	CHECK_ERROR(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	CHECK_ERROR(mmap(NULL, 4096, PROT_READ, MAP_SHARED, writer, 0), EACCES);
	CHECK_ERROR(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(map != MAP_FAILED);
	map[0] = 'y';
	file_test_holds("f", "x");
	int pipe_fds[2];
	CHECK_OK(pipe(pipe_fds));
	CHECK_ERROR(mmap(NULL, 4096, PROT_READ, MAP_SHARED, pipe_fds[0], 0), ENODEV);
	CHECK_OK(close(fd));
	CHECK_OK(close(writer));
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static void size_limit(void)
{
	struct rlimit limit = {10000, 10000};
	char text[4096] = "";
	int fd = file_test_begin();

	signal(SIGXFSZ, SIG_IGN);
	CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
	CHECK_EQ(pwrite(fd, text, 4096, 8000), 2000);
	CHECK_ERROR(pwrite(fd, text, 1, 10000), EFBIG);
	CHECK_ERROR(ftruncate(fd, 10001), EFBIG);
	CHECK_OK(ftruncate(fd, 10000));
	CHECK_ERROR(fallocate(fd, 0, 0, 10001), EFBIG);
	CHECK_ERROR(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10001), EFBIG);
	CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 5000, 20000));
	file_test_end(fd);
	fd = CHECK_OK(memfd_create("sealed", MFD_ALLOW_SEALING));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	CHECK_ERROR(pwrite(fd, text, 1, 10000), EFBIG); /* before the seal */
	CHECK_ERROR(pwrite(fd, text, 1, 9999), EPERM);
	CHECK_OK(close(fd));
}

static void sending(void)
{
	char text[16];
	off_t offset = 2;
	int fd = file_test_begin();
	int out = CHECK_OK(open("out", O_CREAT | O_RDWR, 0600));

	CHECK_OK(unlink("out"));
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(sendfile(out, fd, &offset, 4), 4);
	CHECK_EQ(offset, 6);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(pread(out, text, 16, 0), 4);
	CHECK(!memcmp(text, "2345", 4));
	CHECK_EQ(lseek(fd, 8, SEEK_SET), 8);
	CHECK_EQ(sendfile(out, fd, NULL, 100), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(sendfile(out, fd, NULL, 100), 0);
	loff_t from = 0, to = 100;
	CHECK_EQ(copy_file_range(fd, &from, out, &to, 5, 0), 5);
	CHECK_EQ(to, 105);
	CHECK_EQ(pread(out, text, 16, 100), 5);
	CHECK(!memcmp(text, "01234", 5));
	CHECK_OK(close(out));
	file_test_end(fd);
}

static void memory_files(void)
{
	char path[64], text[64];
	int fd = CHECK_OK(memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	sprintf(path, "/proc/self/fd/%d", fd);
	long length = CHECK_OK(readlink(path, text, sizeof(text) - 1));
	text[length] = 0;
	CHECK(!strcmp(text, "/memfd:name (deleted)"));
	CHECK_OK(ftruncate(fd, 8192));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
	CHECK_ERROR(ftruncate(fd, 4096), EPERM);
	CHECK_ERROR(ftruncate(fd, 16384), EPERM);
	CHECK_EQ(pwrite(fd, text, 10, 8190), 2);
	CHECK_ERROR(pwrite(fd, text, 10, 8192), EPERM);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
	CHECK_ERROR(pwrite(fd, text, 1, 0), EPERM);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK_ERROR(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	CHECK_OK(close(fd));
	fd = CHECK_OK(memfd_create("plain", 0));
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK_ERROR(memfd_create("x", 0x8000), EINVAL);
	CHECK_OK(close(fd));
}

static void file_system(void)
{
	struct statfs before, after;
	char *text = calloc(1, 1 << 20);
	int fd = file_test_begin();

	CHECK_OK(statfs(".", &before));
	CHECK_EQ(before.f_type, 0x01021994);
	CHECK_EQ(before.f_bsize, 4096);
	CHECK_EQ(before.f_namelen, 255);
	CHECK_EQ(write(fd, text, 1 << 20), 1 << 20);
	CHECK_OK(fstatfs(fd, &after));
	CHECK(after.f_bfree + 256 <= before.f_bfree + 8);
	free(text);
	file_test_end(fd);
}

static void devices(void)
{
	char text[64];

	memset(text, 'x', sizeof(text));
	int null = CHECK_OK(open("/dev/null", O_RDWR)), zero = CHECK_OK(open("/dev/zero", O_RDWR));
	int full = CHECK_OK(open("/dev/full", O_RDWR));
	int random = CHECK_OK(open("/dev/urandom", O_RDONLY));
	CHECK_EQ(read(null, text, 10), 0);
	CHECK_EQ(write(null, text, 10), 10);
	CHECK_EQ(read(zero, text, 10), 10);
	CHECK_EQ(text[9], 0);
	CHECK_EQ(text[10], 'x');
	CHECK_ERROR(write(full, text, 1), ENOSPC);
	CHECK_EQ(read(full, text, 20), 20);
	CHECK_EQ(text[19], 0);
	CHECK_EQ(read(random, text, 64), 64);
	CHECK_ERROR(ioctl(null, 0x5401, text), ENOTTY);
	CHECK_ERROR(read(zero, bad_address, 10), EFAULT);
	CHECK_EQ(lseek(full, -7, SEEK_SET), 0);
	CHECK_EQ(lseek(full, 7, SEEK_CUR), 0);
	CHECK_ERROR(lseek(full, 0, 9), EINVAL);
}

static void running_program(void)
{
	if (access(abi_self(), W_OK) && errno == EACCES)
		SKIP("this user may not write this program");
	CHECK_ERROR(open(abi_self(), O_WRONLY), ETXTBSY);
	CHECK_ERROR(truncate(abi_self(), 0), ETXTBSY);
	file_test_enter();
	int fd = CHECK_OK(open("program", O_CREAT | O_WRONLY, 0755));
	CHECK_ERROR(execl("program", "program", NULL), ETXTBSY);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("program"));
	file_test_leave();
}

const struct abi_case abi_cases[] = {
	CASE(positions, "read, write, lseek, pread and pwrite move what they should: lseek(2)"),
	CASE(append, "O_APPEND writes at the end: open(2)"),
	CASE(access_modes, "reading and writing need the mode for it: EBADF, EISDIR: open(2)"),
	CASE(vectors, "readv, writev, preadv, pwritev: readv(2)"),
	CASE(bad_memory, "what lies before the bad page counts; else EFAULT: observed"),
	CASE(truncation, "shrinking and growing leaves zeros: truncate(2)"),
	CASE(holes, "SEEK_DATA, SEEK_HOLE and st_blocks know holes: lseek(2)"),
	CASE(allocation, "fallocate fills, extends, punches: fallocate(2)"),
	CASE(mapped, "a shared mapping and the file are the same pages: mmap(2)"),
	CASE(past_the_end, "a mapped page past the end is SIGBUS, also after a shrink: mmap(2)"),
	CASE(map_errors, "mapping needs the modes for it: mmap(2)"),
	CASE(size_limit, "RLIMIT_FSIZE cuts writes, then EFBIG: setrlimit(2)"),
	CASE(sending, "sendfile and copy_file_range move bytes and positions: sendfile(2)"),
	CASE(memory_files, "memfd_create and its seals: memfd_create(2), fcntl(2)"),
	CASE(file_system, "statfs says tmpfs and counts its pages: statfs(2)"),
	CASE(running_program,
	     "a program that runs is not written, nor run while written: execve(2)"),
	CASE(devices, "null, zero, full, urandom: null(4), random(4)"),
	CASES_END,
};
