// SPDX-License-Identifier: MIT
/* What operations share: one segment, and others that only have to be there. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operation.h"

#define POPULATION_KEY 0x5350000
#define NOT_THERE      77

int segment = -1;
char *attached;

static int *population;
static uint32_t population_count;

void must(bool good, const char *what)
{
	if (good)
		return;
	int error = errno;
	if (error != ENOSYS)
		fprintf(stderr, "counts: %s: %s\n", what, strerror(error));
	_exit(error == ENOSYS ? NOT_THERE : 1);
}

void segment_make(uint64_t size_bytes)
{
	segment = shmget(IPC_PRIVATE, size_bytes, IPC_CREAT | SHM_NORESERVE | 0600);
	must(segment >= 0, "shmget");
}

void segment_attach(void)
{
	attached = shmat(segment, NULL, 0);
	must(attached != (void *)-1, "shmat");
}

void segment_touch(uint64_t size_bytes)
{
	for (uint64_t at = 0; at < size_bytes; at += PAGE)
		((volatile char *)attached)[at] = 1;
}

void segment_read(uint64_t size_bytes)
{
	for (uint64_t at = 0; at < size_bytes; at += PAGE)
		(void)((volatile char *)attached)[at];
}

void segment_make_resident(uint64_t size_bytes)
{
	int status;

	segment_make(size_bytes);
	pid_t child = fork();
	must(child >= 0, "fork");
	if (!child) {
		segment_attach();
		segment_touch(size_bytes);
		_exit(0);
	}
	must(waitpid(child, &status, 0) == child && status == 0, "making a segment resident");
}

void segment_drop(void)
{
	if (attached)
		shmdt(attached);
	attached = NULL;
	if (segment >= 0)
		shmctl(segment, IPC_RMID, NULL);
	segment = -1;
}

int64_t file_number(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[256];
	int64_t found = -1;
	size_t length = strlen(name);

	if (!file)
		return -1;
	while (found < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && (line[length] == ' ' || line[length] == ':'))
			found = strtoll(line + length + 1, NULL, 10);
	fclose(file);
	return found;
}

int population_key(uint32_t index)
{
	return POPULATION_KEY + (int)index;
}

bool population_set(uint32_t count)
{
	if (count > population_count) {
		int *larger = realloc(population, count * sizeof(*population));
		if (!larger)
			return false;
		population = larger;
	}
	while (population_count < count) {
		int id = shmget(population_key(population_count), PAGE, IPC_CREAT | 0600);
		if (id < 0)
			return false;
		population[population_count++] = id;
	}
	while (population_count > count)
		shmctl(population[--population_count], IPC_RMID, NULL);
	return true;
}
