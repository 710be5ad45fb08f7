/* SPDX-License-Identifier: MIT */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the runner asks for: see orders.c for the file. */
struct orders {
	bool console;  /* the program's terminal is /dev/console */
	unsigned rows; /* of that terminal; 0: leave it */
	unsigned columns;
	uid_t user;
	char **arguments; /* ends with NULL */
	char **environment;
	size_t environment_count;
	char **get; /* paths of files to send back at the end */
	size_t get_count;
};

/* Reads the file; strings live for ever. false: says why on stderr. */
bool orders_read(const char *path, struct orders *orders);

/* The port: blocking writes of whole frames; false when it is gone. */
bool port_send(int port, uint8_t type, const void *payload, size_t size_bytes);
bool port_send_number(int port, uint8_t type, uint32_t number);

/*
 * Reads what is there (waits if there is nothing) and calls `take` for each whole
 * frame. false: the port is closed or the bytes make no sense.
 */
bool port_receive(int port, void (*take)(uint8_t type, const uint8_t *payload, size_t size_bytes));

/* Pipes of the program, our ends. */
struct program_pipes {
	int to_stdin;
	int from_stdout;
	int from_stderr;
	int status; /* process 1 writes the program's wait status here */
};
/* Carries everything until the program has ended and its pipes are empty. Its wait status. */
int pump_run(int port, const struct program_pipes *pipes);

/* Waits until the runner shows the console to its user. false: the port is gone. */
bool start_await(int port);

/* Sends the files, the status and the farewell, and waits for the runner's. */
void result_send(int port, const struct orders *orders, int status);

#endif
