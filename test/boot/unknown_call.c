// SPDX-License-Identifier: MIT
/* A system call that no Linux has, three times: ENOSYS each time, and the program goes on. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define UNKNOWN_CALL 460999

int main(void)
{
	for (int i = 0; i < 3; i++) {
		errno = 0;
		if (syscall(UNKNOWN_CALL, 1, 2, 3) != -1 || errno != ENOSYS) {
			printf("errno is %d\n", errno);
			return 1;
		}
	}
	return 0;
}
