// SPDX-License-Identifier: MIT
/* /proc/sys: settings. */

#include "abi/errno.h"
#include "kernel/file/proc.h"
#include "kernel/file/proc_ipc.h"
#include "kernel/file/setting.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/print.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/process/process.h"
#include "kernel/syscall/system.h"
#include "shm/shm.h"

/* ---- the limits of System V shared memory ---- */

static struct shm_limits limits_of(const struct proc_subject *subject)
{
	struct shm_limits limits;

	shm_namespace_limits(subject->ipc->shm, &limits);
	return limits;
}

#define SHOW_LIMIT(name, pattern, type, field)                                                     \
	static int name(struct text *text, const struct proc_subject *subject)                     \
	{                                                                                          \
		text_add(text, pattern "\n", (type)limits_of(subject).field);                      \
		return 0;                                                                          \
	}
SHOW_LIMIT(show_shmmax, "%llu", unsigned long long, shmmax_bytes)
SHOW_LIMIT(show_shmall, "%llu", unsigned long long, shmall_pages)
SHOW_LIMIT(show_shmmni, "%u", uint32_t, shmmni)
SHOW_LIMIT(show_rmid_forced, "%d", int, rmid_forced)
SHOW_LIMIT(show_attach_removed, "%d", int, attach_removed)
SHOW_LIMIT(show_next_id, "%d", int, next_id)

/* What Linux takes for each: proc_sys_kernel(5). */
static int store_limit(const char *text, const struct proc_subject *subject, enum shm_limit limit)
{
	bool is_switch = limit == SHM_LIMIT_RMID_FORCED || limit == SHM_LIMIT_ATTACH_REMOVED;
	uint64_t size = 0;
	int64_t number = 0;
	int err;

	if (limit == SHM_LIMIT_SHMMAX || limit == SHM_LIMIT_SHMALL) {
		err = setting_parse_u64(text, &size);
	} else {
		err = setting_parse(text, 0, is_switch ? 1 : INT32_MAX, &number);
		size = (uint64_t)number;
	}
	return err ? err : shm_namespace_set_limit(subject->ipc->shm, limit, size);
}

#define STORE_LIMIT(name, limit)                                                                   \
	static int name(const char *text, const struct proc_subject *subject)                      \
	{                                                                                          \
		return store_limit(text, subject, limit);                                          \
	}
STORE_LIMIT(store_shmmax, SHM_LIMIT_SHMMAX)
STORE_LIMIT(store_shmall, SHM_LIMIT_SHMALL)
STORE_LIMIT(store_shmmni, SHM_LIMIT_SHMMNI)
STORE_LIMIT(store_rmid_forced, SHM_LIMIT_RMID_FORCED)
STORE_LIMIT(store_attach_removed, SHM_LIMIT_ATTACH_REMOVED)
STORE_LIMIT(store_next_id, SHM_LIMIT_NEXT_ID)

/* ---- names and numbers of the system ---- */

static int show_hostname(struct text *text, const struct proc_subject *subject)
{
	char name[80];

	(void)subject;
	system_host_name(name, sizeof(name));
	text_add(text, "%s\n", name);
	return 0;
}

static int show_ostype(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "Linux\n");
	return 0;
}

static int show_osrelease(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "%s\n", system_release);
	return 0;
}

static int show_version(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "%s\n", system_version);
	return 0;
}

static int show_pid_max(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "32768\n");
	return 0;
}

static int show_cap_last(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "40\n");
	return 0;
}

static int show_randomize(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "2\n");
	return 0;
}

/* ---- random/ ---- */

static void add_uuid(struct text *text, const uint8_t bytes[16])
{
	for (int i = 0; i < 16; i++) {
		uint8_t byte = bytes[i];

		if (i == 6)
			byte = (byte & 0x0f) | 0x40; /* version 4, RFC 9562 */
		if (i == 8)
			byte = (byte & 0x3f) | 0x80;
		text_add(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", byte);
	}
	text_add(text, "\n");
}

static int show_uuid(struct text *text, const struct proc_subject *subject)
{
	uint8_t bytes[16];

	(void)subject;
	random_fill(bytes, sizeof(bytes));
	add_uuid(text, bytes);
	return 0;
}

static int show_boot_id(struct text *text, const struct proc_subject *subject)
{
	static uint8_t bytes[16]; /* the same until the machine stops */
	static bool chosen;

	(void)subject;
	if (!chosen) {
		random_fill(bytes, sizeof(bytes));
		chosen = true;
	}
	add_uuid(text, bytes);
	return 0;
}

static int show_entropy(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "256\n");
	return 0;
}

/* ---- vm/ ---- */

static int show_overcommit(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "%u\n", commit_mode);
	return 0;
}

static int store_overcommit(const char *text, const struct proc_subject *subject)
{
	int64_t value;

	(void)subject;
	if (setting_parse(text, 0, 2, &value))
		return -EINVAL;
	__atomic_store_n(&commit_mode, (uint32_t)value, __ATOMIC_RELAXED);
	return 0;
}

static int show_map_count(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "65530\n");
	return 0;
}

/* ---- tables ---- */

#define READ_ENTRY(entry_name, how) {.name = (entry_name), .mode = S_IFREG | 0444, .show = (how)}
#define SETTING_ENTRY(entry_name, how, set)                                                        \
	{.name = (entry_name),                                                                     \
	 .mode = S_IFREG | 0644,                                                                   \
	 .show = (how),                                                                            \
	 .store = (set),                                                                           \
	 .setting_words = 1}
#define IPC_ENTRY_OF(entry_name, how, set, words)                                                  \
	{.name = (entry_name),                                                                     \
	 .mode = S_IFREG | 0644,                                                                   \
	 .show = (how),                                                                            \
	 .store = (set),                                                                           \
	 .setting_words = (words),                                                                 \
	 .of_ipc = true}
#define IPC_ENTRY(entry_name, how, set) IPC_ENTRY_OF(entry_name, how, set, 1)
#define NEXT_ID_ENTRY(entry_name, how, set)                                                        \
	{.name = (entry_name),                                                                     \
	 .mode = S_IFREG | 0444,                                                                   \
	 .show = (how),                                                                            \
	 .store = (set),                                                                           \
	 .setting_words = 1,                                                                       \
	 .of_ipc = true,                                                                           \
	 .for_restore = true}
#define DIRECTORY_ENTRY(entry_name, table)                                                         \
	{.name = (entry_name), .mode = S_IFDIR | 0555, .entries = (table)}

static const struct proc_entry random_entries[] = {
	READ_ENTRY("boot_id", show_boot_id),
	READ_ENTRY("entropy_avail", show_entropy),
	READ_ENTRY("poolsize", show_entropy),
	READ_ENTRY("uuid", show_uuid),
	{.name = NULL},
};

static const struct proc_entry kernel_entries[] = {
	IPC_ENTRY("auto_msgmni", proc_show_auto_msgmni, proc_store_auto_msgmni),
	READ_ENTRY("cap_last_cap", show_cap_last),
	READ_ENTRY("hostname", show_hostname),
	NEXT_ID_ENTRY("msg_next_id", proc_show_msg_next_id, proc_store_msg_next_id),
	IPC_ENTRY("msgmax", proc_show_msgmax, proc_store_msgmax),
	IPC_ENTRY("msgmnb", proc_show_msgmnb, proc_store_msgmnb),
	IPC_ENTRY("msgmni", proc_show_msgmni, proc_store_msgmni),
	READ_ENTRY("osrelease", show_osrelease),
	READ_ENTRY("ostype", show_ostype),
	READ_ENTRY("pid_max", show_pid_max),
	DIRECTORY_ENTRY("random", random_entries),
	READ_ENTRY("randomize_va_space", show_randomize),
	IPC_ENTRY_OF("sem", proc_show_sem, proc_store_sem, 4),
	NEXT_ID_ENTRY("sem_next_id", proc_show_sem_next_id, proc_store_sem_next_id),
	IPC_ENTRY("shm_attach_removed", show_attach_removed, store_attach_removed),
	NEXT_ID_ENTRY("shm_next_id", show_next_id, store_next_id),
	IPC_ENTRY("shm_rmid_forced", show_rmid_forced, store_rmid_forced),
	IPC_ENTRY("shmall", show_shmall, store_shmall),
	IPC_ENTRY("shmmax", show_shmmax, store_shmmax),
	IPC_ENTRY("shmmni", show_shmmni, store_shmmni),
	READ_ENTRY("version", show_version),
	{.name = NULL},
};

static const struct proc_entry vm_entries[] = {
	READ_ENTRY("max_map_count", show_map_count),
	SETTING_ENTRY("overcommit_memory", show_overcommit, store_overcommit),
	{.name = NULL},
};

const struct proc_entry proc_sys_entries[] = {
	DIRECTORY_ENTRY("kernel", kernel_entries),
	DIRECTORY_ENTRY("vm", vm_entries),
	{.name = NULL},
};
