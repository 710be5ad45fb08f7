/* SPDX-License-Identifier: MIT */
#ifndef FILE_TEST_H
#define FILE_TEST_H

/* What the programs about files share: a fresh directory for each case. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi.h"

/* A new directory of this process's own, and the working directory from now on. */
static inline void file_test_enter(void)
{
	char name[] = "/dev/shm/abi-XXXXXX";

	CHECK(mkdtemp(name) != NULL);
	CHECK_OK(chmod(name, 0755));
	CHECK_OK(chdir(name));
}

/* Remove it; it must be empty again. */
static inline void file_test_leave(void)
{
	char name[256];

	CHECK(getcwd(name, sizeof(name)) != NULL);
	CHECK_OK(chdir("/"));
	CHECK_OK(rmdir(name));
}

/* A file without a name, in a directory of the case's own; and the end of both. */
static inline int file_test_begin(void)
{
	file_test_enter();
	int fd = CHECK_OK(open("f", O_CREAT | O_RDWR, 0644));
	CHECK_OK(unlink("f"));
	return fd;
}

static inline void file_test_end(int fd)
{
	CHECK_OK(close(fd));
	file_test_leave();
}

/* A file with this text. */
static inline void file_test_make(const char *name, const char *text)
{
	int fd = CHECK_OK(open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644));

	CHECK_EQ(write(fd, text, strlen(text)), (long)strlen(text));
	CHECK_OK(close(fd));
}

/* The file holds exactly this text. */
static inline void file_test_holds(const char *name, const char *text)
{
	char found[256];
	int fd = CHECK_OK(open(name, O_RDONLY));
	long length = CHECK_OK(read(fd, found, sizeof(found)));

	CHECK_EQ(length, (long)strlen(text));
	CHECK(!memcmp(found, text, (size_t)length));
	CHECK_OK(close(fd));
}

#endif
