/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_PROC_H
#define KERNEL_FILE_PROC_H

/*
 * /proc: what the system says about itself, as text. Directories are tables of
 * entries; an entry is a file (show, perhaps store), a link (link or follow),
 * or a directory with a table (entries) or made-up contents (find and list).
 * Dentries and inodes are made at each lookup and go when nobody holds them.
 */

#include "kernel/file/dentry.h"
#include "kernel/file/proc_stream.h"
#include "kernel/file/text.h"

struct space;
struct process;
struct thread;

/* Whom an entry below a process's directory is about. */
struct proc_subject {
	int32_t pid; /* 0: not below a process's directory */
	int32_t tid; /* the thread, in task/; else the same as pid */
	int32_t fd;
	uint32_t serial;    /* which process it is of those that had or will have the number */
	struct space *held; /* an open file's whose entry is of_space; else NULL */
	struct ipc_namespace *ipc; /* settings of one: held for the call */
};

struct proc_entry {
	const char *name; /* NULL: the end of a table */
	uint32_t mode;    /* with the kind */
	/* Files. 0; -ESRCH when the process is gone; a text that lacks memory is noticed by the caller. */
	int (*show)(struct text *text, const struct proc_subject *subject);
	/* Or a number alone, which is told without taking memory. */
	uint64_t (*value)(const struct proc_subject *subject);
	/* Writable files: what was written, ended with NUL. 0 or a negative errno. */
	int (*store)(const char *text, const struct proc_subject *subject);
	/* Or a long text that is made while it is read. */
	proc_stream_function *stream;
	/* Or what is no text: proc_pagemap.c. */
	const struct inode_operations *operations;
	/* Links; st_size is no length of theirs. */
	uint64_t size_bytes;
	long (*link)(const struct proc_subject *subject, char *text, size_t size_bytes);
	int (*follow)(const struct proc_subject *subject, struct dentry **target);
	/* Directories. */
	const struct proc_entry *entries;
	/* Beside `entries`: the entry and subject of a name, 0 or -ENOENT; */
	int (*find)(const struct proc_subject *subject, const char *name, size_t length,
		    const struct proc_entry **entry, struct proc_subject *found);
	/* and what there is from *cursor on: its name, false at the end. *cursor moves behind it. */
	bool (*list)(const struct proc_subject *subject, uint64_t *cursor, char name[16]);
	bool owner_only;   /* the process's owner and the capable: else EACCES */
	bool own_may_look; /* a directory: to the process itself its mode does not matter */
	/*
	 * The same, and who opens it gets to the memory that the process has then, whatever it executes
	 * later. Opened when there is none: ESRCH, or it says nothing.
	 */
	enum { PROC_NO_SPACE, PROC_SPACE, PROC_SPACE_OR_NONE } of_space;
	bool outlives; /* when the process is gone it can be read all the same; others give ESRCH */
	/*
	 * 0: no setting; else how many words one has. Writes behind the start are taken for the rest of
	 * an earlier one. The mode alone says who may open it: capabilities do not matter, as on Linux.
	 */
	unsigned setting_words;
	bool of_ipc;      /* a setting of the IPC namespace of whoever looked the file up */
	bool for_restore; /* those with CAP_CHECKPOINT_RESTORE may write it, nobody else */
};

/* A proc file system and its root, with references to the caller. 0; -ENOMEM. */
int proc_root(struct filesystem **filesystem, struct dentry **root);

/* The tables: proc_process.c, proc_fd.c, proc_system.c, proc_sys.c, proc_samepage.c. */
extern const struct proc_entry proc_process_directory, proc_thread_directory;
extern const struct proc_entry proc_system_entries[];
extern const struct proc_entry proc_sys_entries[];
extern const struct proc_entry proc_sysvipc_entries[];
extern const struct proc_entry proc_samepage_entries[];

/* Settings: proc_setting.c. What the new inode has to know of whoever looks it up. */
extern const struct inode_operations proc_setting_operations;
void proc_setting_init(struct inode *inode);

/* Decimal, nothing else, no leading zero; -1 when it is not. */
int32_t proc_parse_number(const char *name, size_t length);
/* May the running thread look into this process? cwd, root, fd, ns. 0; -EACCES; -ESRCH. */
int proc_may_look(const struct proc_subject *subject);

/* Parts of a process's directory, by file. */
int proc_show_stat(struct text *text, const struct proc_subject *subject);
int proc_show_status(struct text *text, const struct proc_subject *subject);
void proc_stream_maps(struct text *text, struct proc_stream *stream);
void proc_stream_smaps(struct text *text, struct proc_stream *stream);
int proc_show_smaps_rollup(struct text *text, const struct proc_subject *subject);
extern const struct inode_operations proc_pagemap_operations;
/* fd and fdinfo: proc_fd.c. */
int proc_fd_find(const struct proc_subject *subject, const char *name, size_t length,
		 const struct proc_entry **entry, struct proc_subject *found);
int proc_fdinfo_find(const struct proc_subject *subject, const char *name, size_t length,
		     const struct proc_entry **entry, struct proc_subject *found);
bool proc_fd_list(const struct proc_subject *subject, uint64_t *cursor, char name[16]);

extern const struct proc_entry proc_namespace_entries[]; /* ns: proc_namespace.c */

void proc_stream_attachments(struct text *text, struct proc_stream *stream); /* proc_attach.c */

/* The running process's table of shared memory: proc_shm_table.c. */
int proc_show_shm_table(struct text *text, const struct proc_subject *subject);
int proc_store_shm_table(const char *text, const struct proc_subject *subject);

/* Debug builds: proc_check.c. */
int proc_show_check(struct text *text, const struct proc_subject *subject);
int proc_store_check(const char *text, const struct proc_subject *subject);
int proc_show_counts(struct text *text, const struct proc_subject *subject);

/*
 * What a file is of that is being opened: the process's memory as it is now, for who may look; space_hold.
 * NULL: its entry is not of_space, or there is none. 0; -ESRCH, -EACCES.
 */
int proc_space_hold(const struct inode *inode, struct space **held);
/* Is the process still there whose the inode is, or is it nobody's? */
bool proc_is_there(const struct inode *inode);
/* The subject's process or thread, with a reference; NULL: it is gone, even if its number is in use again. */
struct process *proc_process(const struct proc_subject *subject);
struct thread *proc_thread(const struct proc_subject *subject);
/* The space that the file is of, or else that of the subject's process; a reference; NULL: it is no more. */
struct space *proc_space(const struct proc_subject *subject);

#endif
