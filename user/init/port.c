// SPDX-License-Identifier: MIT
/* Frames over the control port. The port is raw: bytes arrive whole and in order. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "init.h"
#include "protocol.h"

static bool start_seen;

static bool write_all(int fd, const uint8_t *bytes, size_t size_bytes)
{
	while (size_bytes) {
		ssize_t count = write(fd, bytes, size_bytes);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		bytes += count;
		size_bytes -= (size_t)count;
	}
	return true;
}

bool port_send(int port, uint8_t type, const void *payload, size_t size_bytes)
{
	uint8_t frame[FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES] = {type, 0, (uint8_t)size_bytes,
								   (uint8_t)(size_bytes >> 8)};

	memcpy(frame + FRAME_HEADER_BYTES, payload, size_bytes);
	return write_all(port, frame, FRAME_HEADER_BYTES + size_bytes);
}

bool port_send_number(int port, uint8_t type, uint32_t number)
{
	uint8_t payload[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
			      (uint8_t)(number >> 24)};

	return port_send(port, type, payload, sizeof(payload));
}

bool port_receive(int port, void (*take)(uint8_t type, const uint8_t *payload, size_t size_bytes))
{
	/* There is one port. A frame may lie here in part from one call to the next. */
	static uint8_t bytes[FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES];
	static size_t used_bytes;
	ssize_t count = read(port, bytes + used_bytes, sizeof(bytes) - used_bytes);
	size_t at = 0;

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (count <= 0)
		return false;
	used_bytes += (size_t)count;
	while (used_bytes - at >= FRAME_HEADER_BYTES) {
		const uint8_t *frame = bytes + at;
		size_t size_bytes = frame[2] | (size_t)frame[3] << 8;

		if (size_bytes > FRAME_PAYLOAD_BYTES)
			return false;
		if (used_bytes - at < FRAME_HEADER_BYTES + size_bytes)
			break;
		take(frame[0], frame + FRAME_HEADER_BYTES, size_bytes);
		at += FRAME_HEADER_BYTES + size_bytes;
	}
	memmove(bytes, bytes + at, used_bytes - at);
	used_bytes -= at;
	return true;
}

static void start_take(uint8_t type, const uint8_t *payload, size_t size_bytes)
{
	(void)payload;
	(void)size_bytes;
	if (type == FRAME_START)
		start_seen = true;
}

bool start_await(int port)
{
	while (!start_seen)
		if (!port_receive(port, start_take))
			return false;
	return true;
}
