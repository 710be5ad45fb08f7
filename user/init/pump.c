// SPDX-License-Identifier: MIT
/*
 * The pump: between the program's pipes and the control port, one loop around
 * poll(2). Our ends of the pipes do not block; the port is written blocking,
 * which is safe because the runner always reads it.
 *
 * It ends when the program has ended and what it had written is sent. A
 * descendant that lives on with the pipes in its hand is not waited for.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init.h"
#include "protocol.h"

/* A stream out of the program. */
struct output {
	int fd; /* -1: closed */
	uint8_t type;
	uint32_t window_bytes;
	bool drained; /* nothing was in the pipe at the last look */
};

/* The stream into the program: a ring, since the runner may send a whole window. */
static struct {
	int fd;      /* -1: closed */
	bool ending; /* the runner sends no more */
	size_t start;
	size_t used_bytes;
	uint8_t ring[STREAM_WINDOW_BYTES];
} input;

static struct output outputs[2];
static bool port_lost;

static void output_close(struct output *output)
{
	if (output->fd >= 0)
		close(output->fd);
	output->fd = -1;
	output->drained = true;
}

static uint32_t number_of(const uint8_t *payload)
{
	return payload[0] | (uint32_t)payload[1] << 8 | (uint32_t)payload[2] << 16 |
	       (uint32_t)payload[3] << 24;
}

static void frame_take(uint8_t type, const uint8_t *payload, size_t size_bytes)
{
	switch (type) {
	case FRAME_START:
		break; /* a program on pipes does not wait for it */
	case FRAME_STDIN:
		if (size_bytes > sizeof(input.ring) - input.used_bytes) {
			port_lost = true; /* the runner broke its window */
			return;
		}
		for (size_t i = 0; i < size_bytes; i++)
			input.ring[(input.start + input.used_bytes++) % sizeof(input.ring)] =
				payload[i];
		break;
	case FRAME_STDIN_END:
		input.ending = true;
		break;
	case FRAME_STDOUT_CREDIT:
		outputs[0].window_bytes += number_of(payload);
		break;
	case FRAME_STDERR_CREDIT:
		outputs[1].window_bytes += number_of(payload);
		break;
	case FRAME_STDOUT_CLOSED:
		output_close(&outputs[0]);
		break;
	case FRAME_STDERR_CLOSED:
		output_close(&outputs[1]);
		break;
	default:
		port_lost = true;
	}
}

/* Ring to pipe, as much as goes; closes the pipe at the end of input. */
static void input_push(int port)
{
	while (input.used_bytes && input.fd >= 0) {
		size_t size_bytes = sizeof(input.ring) - input.start;
		if (size_bytes > input.used_bytes)
			size_bytes = input.used_bytes;
		ssize_t count = write(input.fd, input.ring + input.start, size_bytes);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			return;
		if (count <= 0) {
			close(input.fd);
			input.fd = -1;
			port_send(port, FRAME_STDIN_CLOSED, "", 0);
			break;
		}
		input.start = (input.start + (size_t)count) % sizeof(input.ring);
		input.used_bytes -= (size_t)count;
		port_send_number(port, FRAME_STDIN_CREDIT, (uint32_t)count);
	}
	if (input.fd < 0)
		input.used_bytes = 0; /* nobody reads it */
	if (input.fd >= 0 && input.ending && !input.used_bytes) {
		close(input.fd);
		input.fd = -1;
	}
}

/* Pipe to port, one frame. */
static void output_pull(int port, struct output *output)
{
	uint8_t bytes[FRAME_PAYLOAD_BYTES];
	size_t size_bytes = sizeof(bytes);

	if (size_bytes > output->window_bytes)
		size_bytes = output->window_bytes;
	if (output->fd < 0 || !size_bytes)
		return;
	ssize_t count = read(output->fd, bytes, size_bytes);
	if (count > 0) {
		output->window_bytes -= (uint32_t)count;
		output->drained = false;
		if (!port_send(port, output->type, bytes, (size_t)count))
			port_lost = true;
	} else if (count < 0 && errno == EAGAIN) {
		output->drained = true;
	} else if (count == 0 || errno != EINTR) {
		output_close(output);
	}
}

static void pump_wait(int port, int status_fd, bool ended)
{
	/* A stream that cannot move is left out: poll would report its hang-up for ever. */
	struct pollfd polls[] = {
		{.fd = port, .events = POLLIN},
		{.fd = ended ? -1 : status_fd, .events = POLLIN},
		{.fd = input.used_bytes ? input.fd : -1, .events = POLLOUT},
		{.fd = outputs[0].window_bytes ? outputs[0].fd : -1, .events = POLLIN},
		{.fd = outputs[1].window_bytes ? outputs[1].fd : -1, .events = POLLIN},
	};

	if (poll(polls, sizeof(polls) / sizeof(polls[0]), -1) < 0 && errno != EINTR) {
		fprintf(stderr, "init: poll: %s\n", strerror(errno));
		port_lost = true;
		return;
	}
	if (polls[0].revents && !port_receive(port, frame_take))
		port_lost = true;
}

int pump_run(int port, const struct program_pipes *pipes)
{
	bool ended = false;
	int status = 0;

	input.fd = pipes->to_stdin;
	outputs[0] = (struct output){pipes->from_stdout, FRAME_STDOUT, STREAM_WINDOW_BYTES, false};
	outputs[1] = (struct output){pipes->from_stderr, FRAME_STDERR, STREAM_WINDOW_BYTES, false};
	while (!port_lost) {
		/* The order matters: what we see as drained after the end, is. */
		if (!ended && read(pipes->status, &status, sizeof(status)) == sizeof(status))
			ended = true;
		output_pull(port, &outputs[0]);
		output_pull(port, &outputs[1]);
		input_push(port);
		if (ended && outputs[0].drained && outputs[1].drained)
			return status;
		if (!ended || (!outputs[0].drained && !outputs[0].window_bytes) ||
		    (!outputs[1].drained && !outputs[1].window_bytes))
			pump_wait(port, pipes->status, ended);
	}
	fprintf(stderr, "init: the control port is lost\n");
	return -1;
}
