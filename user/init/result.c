// SPDX-License-Identifier: MIT
/* The end of a run: files, status, farewell. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"
#include "protocol.h"

#define FAREWELL_WAIT_MS 10000

static bool farewell_seen;

static void number_put(uint8_t *bytes, uint32_t number)
{
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(number >> 8 * i);
}

static void error_send(int port, uint32_t index, const char *path)
{
	uint8_t payload[FRAME_PAYLOAD_BYTES];
	int length =
		snprintf((char *)payload + 4, sizeof(payload) - 4, "%s: %s", path, strerror(errno));

	number_put(payload, index);
	if (length > (int)sizeof(payload) - 5)
		length = sizeof(payload) - 5;
	port_send(port, FRAME_FILE_ERROR, payload, 4 + (size_t)length);
}

static void contents_send(int port, uint32_t index, const char *path)
{
	uint8_t bytes[FRAME_PAYLOAD_BYTES];
	ssize_t count = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (count = read(fd, bytes, sizeof(bytes))) > 0)
		port_send(port, FRAME_FILE_DATA, bytes, (size_t)count);
	if (fd < 0 || count < 0)
		error_send(port, index, path);
	if (fd >= 0)
		close(fd);
}

static void tree_send(int port, uint32_t index, const char *path, size_t root_length);

static void folder_send(int port, uint32_t index, const char *path, size_t root_length)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	if (!folder) {
		error_send(port, index, path);
		return;
	}
	while ((entry = readdir(folder))) {
		char *child;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
			break;
		tree_send(port, index, child, root_length);
		free(child);
	}
	closedir(folder);
}

/* One path and what is below it; root_length: of the order's path, which is cut off. */
static void tree_send(int port, uint32_t index, const char *path, size_t root_length)
{
	uint8_t payload[FRAME_PAYLOAD_BYTES];
	const char *below = path + root_length;
	size_t length;
	struct stat st;

	while (*below == '/')
		below++;
	length = strlen(below);
	if (length > sizeof(payload) - 8) {
		errno = ENAMETOOLONG;
		error_send(port, index, path);
		return;
	}
	if (lstat(path, &st) < 0 || (!length && stat(path, &st) < 0)) {
		error_send(port, index, path);
		return;
	}
	number_put(payload, index);
	number_put(payload + 4, st.st_mode);
	memcpy(payload + 8, below, length);
	port_send(port, FRAME_FILE, payload, 8 + length);
	if (S_ISDIR(st.st_mode)) {
		folder_send(port, index, path, root_length);
	} else if (S_ISLNK(st.st_mode)) {
		char target[PATH_MAX];
		ssize_t count = readlink(path, target, sizeof(target));
		if (count > 0)
			port_send(port, FRAME_FILE_DATA, target, (size_t)count);
	} else if (S_ISREG(st.st_mode)) {
		contents_send(port, index, path);
	}
}

static void farewell_take(uint8_t type, const uint8_t *payload, size_t size_bytes)
{
	(void)payload;
	(void)size_bytes;
	if (type == FRAME_BYE_SEEN)
		farewell_seen = true; /* late credits and input are of no interest */
}

void result_send(int port, const struct orders *orders, int status)
{
	struct pollfd poll_port = {.fd = port, .events = POLLIN};

	for (size_t i = 0; i < orders->get_count; i++)
		tree_send(port, (uint32_t)i, orders->get[i], strlen(orders->get[i]));
	port_send_number(port, FRAME_STATUS, (uint32_t)status);
	port_send(port, FRAME_BYE, "", 0);
	while (!farewell_seen && poll(&poll_port, 1, FAREWELL_WAIT_MS) > 0 &&
	       port_receive(port, farewell_take))
		;
}
