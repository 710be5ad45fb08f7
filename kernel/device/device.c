// SPDX-License-Identifier: MIT
/* The table of character devices, and their start. */

#include "kernel/device/device.h"

#include "kernel/device/control.h"
#include "kernel/device/tty.h"

const struct device_file device_files[] = {
	{"console", 5, 1, 0600, &tty_operations, console_open},
	{"tty", 5, 0, 0666, &tty_operations, terminal_open},
	{"port1", 204, 64, 0600, &control_operations, control_open},
};

const unsigned device_file_count = sizeof(device_files) / sizeof(device_files[0]);

void device_init(void)
{
	tty_init();
	control_init();
}
