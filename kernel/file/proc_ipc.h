/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_PROC_IPC_H
#define KERNEL_FILE_PROC_IPC_H

/* Settings of semaphores and message queues, for /proc/sys/kernel: proc_sys_kernel(5). */

#include "kernel/file/text.h"

struct proc_subject;
typedef int proc_show_function(struct text *text, const struct proc_subject *subject);
typedef int proc_store_function(const char *text, const struct proc_subject *subject);

proc_show_function proc_show_sem, proc_show_msgmax, proc_show_msgmnb, proc_show_msgmni,
	proc_show_auto_msgmni, proc_show_sem_next_id, proc_show_msg_next_id;
proc_store_function proc_store_sem, proc_store_msgmax, proc_store_msgmnb, proc_store_msgmni,
	proc_store_auto_msgmni, proc_store_sem_next_id, proc_store_msg_next_id;

#endif
