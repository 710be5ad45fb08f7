/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_EPOLL_H
#define KERNEL_FILE_EPOLL_H

struct file;
struct wait_queue;
struct epoll_item;

/* A watched file goes: no instance watches it any more. May sleep. */
void epoll_file_gone(struct file *file);
/* poll_register on behalf of an item. */
void epoll_register(struct epoll_item *item, struct wait_queue *queue);

#endif
