/* SPDX-License-Identifier: MIT */
#ifndef MOUNT_TEST_H
#define MOUNT_TEST_H

/* What the tests that mount a file system share. Includers define _GNU_SOURCE. */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "abi.h"

/* A directory to mount something on that nobody else sees. */
static inline void private_mount_point(char *path)
{
	if (!abi_is_root())
		SKIP("only root mounts");
	if (!abi_in_samepage() && unshare(CLONE_NEWNS) != 0)
		SKIP("no mount namespace");
	if (!abi_in_samepage() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		SKIP("no private mounts");
	CHECK(mkdtemp(path) != NULL);
}

/* A line of a table of mounts has these words, the mount's place first. */
static inline void check_mounted(const char *table, const char *path, const char *words)
{
	char line[1024];
	FILE *file = fopen(table, "r");
	bool found = false;

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, path);
		found |= at && strstr(at, words);
	}
	fclose(file);
	CHECK(found);
}

#endif
