// SPDX-License-Identifier: MIT
/* Descriptors and what is read and written through them. */

#include "call.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEW_NAME "a-new-name-that-is-too-long-for-the-entry-itself-to-keep-it-inside"
#define LARGE    (1l << 19) /* beyond the largest small object */

static struct iovec pieces[20];
static struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
static struct flock all = {.l_type = F_UNLCK};
static struct flock asked = {.l_type = F_RDLCK, .l_len = 100};
static struct flock middle = {.l_type = F_UNLCK, .l_start = 13, .l_len = 2};
static struct open_how how = {.flags = O_RDONLY};
static long offset;
static struct timespec times[2] = {{1, 0}, {2, 0}};

static void pieces_make(void)
{
	for (unsigned i = 0; i < 20; i++)
		pieces[i] = (struct iovec){buffer + 100 * i, 100};
}

static void file_start(void)
{
	need(lseek(FD_FILE, 0, SEEK_SET) == 0, "lseek");
	pieces_make();
}

static void path_empty(long result)
{
	(void)result;
	need(ftruncate(FD_PATH, 0) == 0 && lseek(FD_PATH, 0, SEEK_SET) == 0, "ftruncate");
}

static void path_start(void)
{
	pieces_make();
	path_empty(0);
	offset = 0;
}

static void path_kept(void)
{
	path_start();
	need(fallocate(FD_PATH, FALLOC_FL_KEEP_SIZE, 0, LARGE / 2) == 0, "fallocate");
}

static void path_large(void)
{
	path_start();
	need(ftruncate(FD_PATH, LARGE) == 0, "ftruncate");
}

static void pipe_filled(void)
{
	drain();
	need(write(FD_PIPE_IN, buffer, 5000) == 5000, "write to a pipe");
}

static void pipe_empty(void)
{
	drain();
	pieces_make();
}

static void drained(long result)
{
	(void)result;
	drain();
}

static void lock_made(void)
{
	need(fcntl(FD_FILE, F_SETLK, &lock) == 0, "F_SETLK");
}

static void question_make(void)
{
	asked.l_type = F_RDLCK;
}

static void lock_gone(long result)
{
	(void)result;
	need(fcntl(FD_FILE, F_SETLK, &all) == 0, "F_SETLK");
}

static void flock_gone(long result)
{
	(void)result;
	need(flock(FD_FILE, LOCK_UN) == 0, "flock");
}

static void created(long fd)
{
	undo_close(fd);
	need(unlink(NEW_NAME) == 0, "unlink");
}

/* What could not be opened may have been made all the same, as on Linux. */
static void not_there(void)
{
	(void)unlink(NEW_NAME);
}

static void fd_spare(void)
{
	need(dup2(FD_NULL, 200) == 200, "dup2");
}

static void at_start(void)
{
	need(lseek(FD_DIRECTORY, 0, SEEK_SET) == 0, "lseek");
}

static void attributes_back(long result)
{
	(void)result;
	need(fchmod(FD_PATH, 0600) == 0 && fchown(FD_PATH, 0, 0) == 0, "fchmod");
}

#define ALLOCATES .flags = CALL_ALLOCATES
#define FILLS     .flags = CALL_ALLOCATES | CALL_PARTS, .errors = {ENOSPC}

const struct call calls_file[] = {
	{CALL(openat, AT_FDCWD, AT("f"), O_RDONLY), ALLOCATES, .undo = undo_close},
	{CALL(openat, AT_FDCWD, AT("s1"), O_RDONLY), .what = "through links", ALLOCATES,
	 .undo = undo_close},
	{CALL(openat, AT_FDCWD, AT(NEW_NAME), O_RDWR | O_CREAT, 0600), .what = "create",
	 .flags = CALL_ALLOCATES | CALL_PARTS, .errors = {ENOSPC}, .ready = not_there,
	 .undo = created},
	{CALL(openat, AT_FDCWD, AT("."), O_RDWR | O_TMPFILE, 0600), .what = "no name", ALLOCATES,
	 .errors = {ENOSPC}, .undo = undo_close},
	{CALL(openat, AT_FDCWD, AT("/dev/null"), O_RDWR), .what = "device", ALLOCATES,
	 .undo = undo_close},
	{CALL(openat2, AT_FDCWD, AT("f"), AT(&how), sizeof(how)), ALLOCATES, .undo = undo_close},
	{CALL(close, 200), .ready = fd_spare},
	{CALL(close_range, 100, 300, 0), .ready = fd_spare},
	{CALL(dup, FD_NULL), .undo = undo_close},
	{CALL(dup3, FD_NULL, 900, 0), .flags = CALL_ALLOCATES | CALL_ALONE},
	{CALL(fcntl, FD_NULL, F_DUPFD, 900), .flags = CALL_ALLOCATES | CALL_ALONE},
	{CALL(fcntl, FD_FILE, F_SETLK, AT(&lock)), .what = "lock", ALLOCATES, .errors = {ENOLCK},
	 .undo = lock_gone},
	{CALL(fcntl, FD_FILE, F_SETLK, AT(&middle)), .what = "unlock the middle", ALLOCATES,
	 .errors = {ENOLCK}, .ready = lock_made, .undo = lock_gone},
	{CALL(fcntl, FD_FILE, F_SETLK, AT(&all)), .what = "unlock all", .ready = lock_made},
	{CALL(fcntl, FD_FILE, F_OFD_SETLK, AT(&lock)), .what = "open file's lock",
	 .errors = {ENOLCK}, .flags = CALL_ALLOCATES | CALL_ALONE},
	{CALL(fcntl, FD_PIPE_IN, F_SETPIPE_SZ, 65536), .what = "pipe's size"},
	{CALL(fcntl, FD_MEMORY, F_GET_SEALS), .what = "seals"},
	{CALL(fcntl, FD_FILE, F_GETLK, AT(&asked)), .what = "who locks", .ready = question_make},
	{CALL(flock, FD_FILE, LOCK_EX), .undo = flock_gone},
	{CALL(ioctl, FD_PIPE_OUT, FIONREAD, AT(buffer))},
	{CALL(read, FD_FILE, AT(buffer), 8000), .ready = file_start},
	{CALL(read, FD_PIPE_OUT, AT(buffer), 8000), .what = "pipe", .ready = pipe_filled},
	{CALL(write, FD_PATH, AT(buffer), 40000), .ready = path_start, FILLS, .undo = path_empty},
	{CALL(write, FD_PATH, AT(buffer), 40000), .what = "large file", .ready = path_large, FILLS,
	 .undo = path_empty},
	{CALL(write, FD_PIPE_IN, AT(buffer), 40000), .what = "pipe", .ready = pipe_empty,
	 .flags = CALL_ALLOCATES | CALL_PARTS, .undo = drained},
	{CALL(pread64, FD_FILE, AT(buffer), 8000, 0)},
	{CALL(pwrite64, FD_PATH, AT(buffer), 100, 70000), .ready = path_start, FILLS,
	 .undo = path_empty},
	{CALL(readv, FD_FILE, AT(pieces), 20), .ready = file_start, ALLOCATES},
	{CALL(writev, FD_PATH, AT(pieces), 20), .ready = path_start, FILLS, .undo = path_empty},
	{CALL(preadv, FD_FILE, AT(pieces), 20, 0), .ready = pieces_make, ALLOCATES},
	{CALL(pwritev, FD_PATH, AT(pieces), 20, 0), .ready = path_start, FILLS, .undo = path_empty},
	{CALL(preadv2, FD_FILE, AT(pieces), 20, 0, 0, 0), .ready = pieces_make, ALLOCATES},
	{CALL(pwritev2, FD_PATH, AT(pieces), 20, 0, 0, 0), .ready = path_start, FILLS,
	 .undo = path_empty},
	{CALL(lseek, FD_FILE, 0, SEEK_END)},
	{CALL(lseek, FD_FILE, 0, SEEK_DATA), .what = "data"},
	{CALL(sendfile, FD_PATH, FD_FILE, AT(&offset), 8000), .ready = path_start, FILLS,
	 .undo = path_empty},
	{CALL(copy_file_range, FD_FILE, AT(&offset), FD_PATH, 0, 8000, 0), .ready = path_start,
	 FILLS, .undo = path_empty},
	{CALL(ftruncate, FD_PATH, 100), .undo = path_empty},
	{CALL(ftruncate, FD_PATH, LARGE), .what = "large", .undo = path_empty},
	{CALL(ftruncate, FD_PATH, 1l << 40), .what = "huge", .undo = path_empty},
	{CALL(truncate, AT("g"), LARGE), ALLOCATES, .errors = {ENOSPC}, .undo = path_empty},
	{CALL(fallocate, FD_PATH, 0, 0, 40000), .flags = CALL_ALLOCATES | CALL_PARTS,
	 .errors = {ENOSPC}, .undo = path_empty},
	{CALL(fallocate, FD_PATH, FALLOC_FL_KEEP_SIZE, 0, 40000), .what = "past the end",
	 .flags = CALL_ALLOCATES, .errors = {ENOSPC}, .undo = path_empty},
	{CALL(ftruncate, FD_PATH, 400000), .what = "into kept pages", .ready = path_kept, ALLOCATES,
	 .undo = path_empty},
	{CALL(fallocate, FD_FILE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE),
	 .what = "hole"},
	{CALL(fadvise64, FD_FILE, 0, 0, 3)},
	{CALL(readahead, FD_FILE, 0, 8000)},
	{CALL(fsync, FD_FILE)},
	{CALL(fdatasync, FD_FILE)},
	{CALL(sync_file_range, FD_FILE, 0, 0, 7)},
	{CALL(sync, 0)},
	{CALL(syncfs, FD_FILE)},
	{CALL(fstat, FD_FILE, AT(buffer))},
	{CALL(fstatfs, FD_FILE, AT(buffer))},
	{CALL(fchmod, FD_PATH, 0640), .undo = attributes_back},
	{CALL(fchown, FD_PATH, 1, 1), .undo = attributes_back},
	{CALL(utimensat, FD_FILE, 0, AT(times), 0)},
	{CALL(getdents64, FD_DIRECTORY, AT(buffer), 4000), .ready = at_start},
	{CALL(fchdir, FD_DIRECTORY)},
	{CALL(fgetxattr, FD_FILE, AT("user.x"), AT(buffer), 100), .answer = EOPNOTSUPP},
	{CALL(fsetxattr, FD_FILE, AT("user.x"), AT(buffer), 100, 0), .answer = EOPNOTSUPP},
	{CALL(flistxattr, FD_FILE, AT(buffer), 100), .answer = EOPNOTSUPP},
	{CALL(fremovexattr, FD_FILE, AT("user.x")), .answer = EOPNOTSUPP},
#ifdef SYS_dup2
	{CALL(dup2, FD_NULL, 900), .flags = CALL_ALLOCATES | CALL_ALONE},
#endif
	{0},
};
