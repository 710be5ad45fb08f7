// SPDX-License-Identifier: MIT
/* The hash table of numbers. Constant time as long as there are not many times more than buckets. */

#include "kernel/process/pid.h"

#include <stdbool.h>
#include <stddef.h>

#include "abi/errno.h"

#define BUCKETS     1024
#define PID_RESTART 300 /* after a wrap: the first numbers are for daemons that start at boot */

static struct pid_link *buckets[BUCKETS];
static int32_t last_given, highest_given;

static struct pid_link **bucket_of(int32_t id)
{
	return &buckets[(uint32_t)id % BUCKETS];
}

static bool id_is_used(int32_t id)
{
	for (struct pid_link *link = *bucket_of(id); link; link = link->next)
		if (link->id == id)
			return true;
	return false;
}

int32_t pid_unused(void)
{
	int32_t id = last_given;

	for (int32_t tries = 0; tries < PID_MAX; tries++) {
		id = id + 1 < PID_MAX ? id + 1 : PID_RESTART;
		if (id_is_used(id))
			continue;
		last_given = id;
		if (id > highest_given)
			highest_given = id;
		return id;
	}
	return -EAGAIN;
}

void pid_insert(struct pid_link *link, int32_t id, enum pid_kind kind)
{
	struct pid_link **bucket = bucket_of(id);

	link->id = id;
	link->kind = kind;
	link->next = *bucket;
	*bucket = link;
}

void pid_remove(struct pid_link *link)
{
	for (struct pid_link **at = bucket_of(link->id); *at; at = &(*at)->next) {
		if (*at == link) {
			*at = link->next;
			return;
		}
	}
}

struct pid_link *pid_find(int32_t id, enum pid_kind kind)
{
	for (struct pid_link *link = *bucket_of(id); link; link = link->next)
		if (link->id == id && link->kind == kind)
			return link;
	return NULL;
}

int32_t pid_highest(void)
{
	return highest_given;
}
