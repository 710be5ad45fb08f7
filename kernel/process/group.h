/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_GROUP_H
#define KERNEL_PROCESS_GROUP_H

/* Process groups and sessions: credentials(7), setpgid(2), setsid(2). All under the tree lock. */

#include "kernel/lib/list.h"
#include "kernel/process/pid.h"

struct process;

struct session {
	struct pid_link by_id; /* the leader's pid */
	uint32_t group_count;
};

struct group {
	struct pid_link by_id;
	struct session *session;
	struct list_node members; /* process.in_group_members; never empty */
	unsigned stopped_count;   /* of members: whether an orphaned group must be told */
};

struct group *group_find(int32_t id); /* NULL: none */
void group_join(struct group *group, struct process *process);
/* The process leaves its group; the last one frees it, and its session. */
void group_leave(struct process *process);
/* No member has a parent in another group of the session: nobody can continue it. */
bool group_is_orphaned(const struct group *group, const struct process *ignore);
/* `process` exits: groups that it leaves orphaned and stopped get SIGHUP and SIGCONT. */
void group_check_orphans(struct process *process);
/* Process 1 starts the first session. Before there are others. False: no memory. */
bool group_start(struct process *process);

#endif
