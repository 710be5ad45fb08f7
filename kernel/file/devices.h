/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_DEVICES_H
#define KERNEL_FILE_DEVICES_H

/* The devices that are nothing but memory, and the nodes in /dev. */

/* /dev's directories, nodes and links, in the root. 0 or a negative errno. */
int devices_populate(void);

#endif
