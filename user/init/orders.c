// SPDX-License-Identifier: MIT
/*
 * The orders: a file of strings that each end with NUL, so that every byte a
 * path or an argument can have goes through. A string's first byte says what
 * the rest of it is:
 *
 *	a  an argument (the first is the program)
 *	e  NAME=VALUE for the environment
 *	g  a path to send back
 *	u  the user's number
 *	t  "console" or "console ROWS COLUMNS"
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

/* The whole file, with a NUL after it; NULL: says why. */
static char *file_read(const char *path, size_t *size_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t room_bytes = 65536, used_bytes = 0;
	char *text = malloc(room_bytes);

	if (fd < 0 || !text)
		goto fail;
	for (;;) {
		ssize_t count = read(fd, text + used_bytes, room_bytes - used_bytes - 1);
		if (count < 0)
			goto fail;
		if (count == 0)
			break;
		used_bytes += (size_t)count;
		if (used_bytes + 1 < room_bytes)
			continue;
		room_bytes *= 2;
		char *larger = realloc(text, room_bytes);
		if (!larger)
			goto fail;
		text = larger;
	}
	close(fd);
	text[used_bytes] = 0;
	*size_bytes = used_bytes;
	return text;
fail:
	fprintf(stderr, "init: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(text);
	return NULL;
}

bool orders_read(const char *path, struct orders *orders)
{
	size_t size_bytes, argument_count = 0;
	char *text = file_read(path, &size_bytes);

	if (!text)
		return false;
	/* No more strings than bytes; each list gets room for all and its NULL. */
	size_t string_count = 1;
	for (size_t i = 0; i < size_bytes; i++)
		string_count += !text[i];
	*orders = (struct orders){
		.arguments = calloc(string_count + 1, sizeof(char *)),
		.environment = calloc(string_count + 1, sizeof(char *)),
		.get = calloc(string_count + 1, sizeof(char *)),
	};
	if (!orders->arguments || !orders->environment || !orders->get) {
		fprintf(stderr, "init: no memory for the orders\n");
		return false;
	}
	for (char *at = text; at < text + size_bytes; at += strlen(at) + 1) {
		switch (*at) {
		case 'a':
			orders->arguments[argument_count++] = at + 1;
			break;
		case 'e':
			orders->environment[orders->environment_count++] = at + 1;
			break;
		case 'g':
			orders->get[orders->get_count++] = at + 1;
			break;
		case 'u':
			orders->user = (uid_t)strtoul(at + 1, NULL, 10);
			break;
		case 't':
			orders->console = true;
			sscanf(at + 1, "console %u %u", &orders->rows, &orders->columns);
			break;
		default:
			fprintf(stderr, "init: order '%s' is unknown\n", at);
			return false;
		}
	}
	if (!argument_count)
		fprintf(stderr, "init: the orders name no program\n");
	return argument_count > 0;
}
