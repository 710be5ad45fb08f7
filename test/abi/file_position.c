// SPDX-License-Identifier: MIT
/* Where calls read and write: flags of a call, the last position, ranges copied and synced. */

#define _GNU_SOURCE
#include "file_test.h"

#include <sys/syscall.h>
#include <sys/uio.h>

/* Not every libc has these. */
#ifndef RWF_HIPRI
#define RWF_HIPRI  0x01
#define RWF_DSYNC  0x02
#define RWF_SYNC   0x04
#define RWF_NOWAIT 0x08
#define RWF_APPEND 0x10
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

static long read_with(int fd, struct iovec *pieces, int count, long offset, int flags)
{
	return syscall(SYS_preadv2, fd, pieces, (long)count, offset, 0l, flags);
}

static long write_with(int fd, struct iovec *pieces, int count, long offset, int flags)
{
	return syscall(SYS_pwritev2, fd, pieces, (long)count, offset, 0l, flags);
}

/* Volatile, so that the compiler does not warn of what is done on purpose. */
static volatile int wrong_count = 1025;

static long size_of(int fd)
{
	struct stat state;

	CHECK_OK(fstat(fd, &state));
	return state.st_size;
}

static void call_flags(void)
{
	char text[8];
	struct iovec two = {"ab", 2}, none = {"ab", 0}, in = {text, 8};
	int fd = file_test_begin();

	CHECK_EQ(write_with(fd, &two, 1, 0, RWF_HIPRI | RWF_DSYNC | RWF_SYNC), 2);
	CHECK_EQ(read_with(fd, &in, 1, 0, RWF_HIPRI | RWF_DSYNC | RWF_SYNC), 2);
	CHECK_ERROR(read_with(fd, &in, 1, 0, RWF_NOWAIT), EOPNOTSUPP);
	CHECK_ERROR(write_with(fd, &two, 1, 0, RWF_NOWAIT), EOPNOTSUPP);
	CHECK_ERROR(write_with(fd, &two, 1, 0, 1 << 20), EOPNOTSUPP);
	CHECK_EQ(write_with(fd, &none, 1, 0, 1 << 20), 0);
	CHECK_ERROR(write_with(fd, &two, 1, -2, 1 << 20), EINVAL);
	CHECK_ERROR(write_with(-1, &two, 1, 0, 1 << 20), EBADF);
	CHECK_ERROR(write_with(fd, &two, wrong_count, 0, 1 << 20), EINVAL);
	int reader = CHECK_OK(open("/dev/null", O_RDONLY));
	CHECK_ERROR(write_with(reader, &two, 1, 0, 1 << 20), EBADF);
	CHECK_OK(close(reader));
	file_test_end(fd);
}

static void append_by_call(void)
{
	char text[16];
	struct iovec two = {"ab", 2}, in = {text, 1};
	int fd = file_test_begin();

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
	CHECK_EQ(write_with(fd, &two, 1, 3, RWF_APPEND), 2); /* the position given means nothing */
	CHECK_EQ(size_of(fd), 12);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1);
	CHECK_EQ(write_with(fd, &two, 1, 1l << 62, RWF_APPEND), 2);
	CHECK_EQ(size_of(fd), 14);
	CHECK_EQ(read_with(fd, &in, 1, -1, RWF_APPEND), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
	CHECK_EQ(write_with(fd, &two, 1, -1, RWF_APPEND), 2); /* the file's own goes to the end */
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 16);
	CHECK_EQ(pread(fd, text, 16, 0), 16);
	CHECK(!memcmp(text, "0123456789ababab", 16));
	file_test_end(fd);
}

static void no_append_by_call(void)
{
	char text[16];
	struct iovec two = {"ab", 2};
	int fd = file_test_begin();

	CHECK_EQ(write(fd, "01234567", 8), 8);
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
	if (write_with(fd, &two, 1, 2, RWF_NOAPPEND) < 0 && errno == EOPNOTSUPP)
		SKIP("no RWF_NOAPPEND: Linux before 6.9");
	CHECK_EQ(pread(fd, text, 16, 0), 8);
	CHECK(!memcmp(text, "01ab4567", 8));
	CHECK_EQ(lseek(fd, 4, SEEK_SET), 4);
	CHECK_EQ(write_with(fd, &two, 1, -1, RWF_NOAPPEND), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
	CHECK_EQ(size_of(fd), 8);
	CHECK_EQ(write_with(fd, &two, 1, 2, 0), 2);
	CHECK_EQ(size_of(fd), 10);
	CHECK_ERROR(write_with(fd, &two, 1, 2, RWF_APPEND | RWF_NOAPPEND), EINVAL);
	file_test_end(fd);
}

static void last_position(void)
{
	struct iovec three = {"abc", 3};
	char text[3];
	int fd = file_test_begin();

	CHECK_ERROR(pwrite(fd, "abc", 3, INT64_MAX), EINVAL);
	CHECK_ERROR(pwrite(fd, "abc", 3, INT64_MAX - 2), EINVAL);
	CHECK_ERROR(pwritev(fd, &three, 1, INT64_MAX), EINVAL);
	CHECK_EQ(pwrite(fd, "abc", 0, INT64_MAX), 0);
	CHECK_ERROR(pread(fd, text, 3, INT64_MAX - 2), EINVAL);
	CHECK_EQ(pread(fd, text, 3, INT64_MAX - 3), 0);
	CHECK_EQ(lseek(fd, INT64_MAX, SEEK_SET), INT64_MAX);
	CHECK_ERROR(read(fd, text, 1), EINVAL);
	CHECK_ERROR(write(fd, text, 1), EINVAL);
	CHECK_EQ(read(fd, text, 0), 0);
	int null = CHECK_OK(open("/dev/null", O_RDWR));
	CHECK_ERROR(pwrite(null, "abc", 3, INT64_MAX), EINVAL);
	CHECK_OK(close(null));
	file_test_end(fd);
}

static long copy(int from, long from_offset, int to, long to_offset, size_t size_bytes)
{
	off_t in = from_offset, out = to_offset;

	return copy_file_range(from, &in, to, &out, size_bytes, 0);
}

static void copied_ranges(void)
{
	int fd = file_test_begin();

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_ERROR(copy(fd, -1, fd, 50, 1), EOVERFLOW); /* it wraps */
	CHECK_ERROR(copy(fd, -5, fd, 50, 5), EOVERFLOW);
	CHECK_ERROR(copy(fd, -5, fd, 50, 4), EINVAL);
	CHECK_ERROR(copy(fd, 0, fd, -1, 1), EOVERFLOW);
	CHECK_ERROR(copy(fd, 0, fd, -5, 1), EINVAL);
	CHECK_ERROR(copy(fd, 0, fd, -5, 0), EINVAL);
	CHECK_ERROR(copy(fd, 0, fd, 5, 6), EINVAL); /* they overlap */
	CHECK_EQ(copy(fd, 8, fd, 10, 100), 2);      /* not what there is of it */
	CHECK_EQ(copy(fd, 100, fd, 100, 10), 0);
	CHECK_EQ(copy(fd, INT64_MAX, fd, 50, 1), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 12);
	CHECK_EQ(copy_file_range(fd, NULL, fd, &(off_t){5}, 10, 0), 0); /* at its end */
	CHECK_EQ(size_of(fd), 12);
	file_test_end(fd);
}

static void synced_ranges(void)
{
	int fd = file_test_begin(), fds[2];

	CHECK_OK(sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE));
	CHECK_OK(sync_file_range(fd, INT64_MAX, 0, 0));
	CHECK_ERROR(sync_file_range(fd, 0, 10, 8), EINVAL);
	CHECK_ERROR(sync_file_range(fd, -1, 10, 0), EINVAL);
	CHECK_ERROR(sync_file_range(fd, 0, -1, 0), EINVAL);
	CHECK_ERROR(sync_file_range(fd, INT64_MAX, 1, 0), EINVAL);
	CHECK_OK(pipe(fds));
	CHECK_ERROR(sync_file_range(fds[0], 0, 10, 0), ESPIPE);
	CHECK_ERROR(sync_file_range(fds[0], 0, 10, 8), EINVAL);
	CHECK_ERROR(sync_file_range(-1, -1, 10, 8), EBADF);
	int null = CHECK_OK(open("/dev/null", O_RDWR));
	CHECK_ERROR(sync_file_range(null, 0, 10, 0), ESPIPE);
	CHECK_OK(close(null));
	file_test_end(fd);
}

const struct abi_case abi_cases[] = {
	CASE(call_flags,
	     "RWF_HIPRI, _DSYNC, _SYNC are taken; others EOPNOTSUPP: preadv2(2), observed"),
	CASE(append_by_call,
	     "RWF_APPEND writes at the end, and where the position goes: pwritev2(2)"),
	CASE(no_append_by_call, "RWF_NOAPPEND writes where O_APPEND would not: pwritev2(2)"),
	CASE(last_position, "nothing is at or across 2^63: EINVAL: observed"),
	CASE(copied_ranges,
	     "EOVERFLOW, EINVAL, what lies past the end: copy_file_range(2), observed"),
	CASE(synced_ranges, "EINVAL, ESPIPE: sync_file_range(2)"),
	CASES_END,
};
