/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_DEVICE_DEVICE_H
#define KERNEL_DEVICE_DEVICE_H

/*
 * The character devices that kernel/device has, for /dev: the console (5:1),
 * the running process's terminal (5:0) and the raw control port. The file room
 * makes a node for each and, at open(2), a file with these operations.
 */

#include <stdint.h>

struct file;
struct file_operations;
struct process;
struct tty;

struct device_file {
	const char *name; /* below /dev */
	uint32_t major, minor;
	uint32_t mode; /* permission bits; the node is root's */
	const struct file_operations *operations;
	/*
	 * Called once the file is made (operations and flags set, data NULL), before
	 * open(2) returns; O_NOCTTY is looked up in open_flags. 0, or a negative
	 * errno that open(2) returns (/dev/tty: -ENXIO). Never NULL.
	 */
	int (*open)(struct file *file, int open_flags);
};

extern const struct device_file device_files[];
extern const unsigned device_file_count;

/* Find the serial ports and start them. After arch_init, before file_init. */
void device_init(void);

/*
 * A session leader ends: its terminal, if any, is nobody's any more; SIGHUP
 * and SIGCONT go to the foreground group. No lock held.
 */
void tty_session_end(struct process *leader);

/* For /proc/PID/stat: tty_nr and tpgid. 0 and -1 without a terminal. Tree lock held. */
void tty_identity(const struct tty *tty, int *number, int *foreground_group);

#endif
