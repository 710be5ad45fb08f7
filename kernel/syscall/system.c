// SPDX-License-Identifier: MIT
/* System calls about the system as a whole: its name, memory, log, randomness, end. */

#include "abi/system.h"
#include "arch/arch.h"
#include "kernel/lib/log.h"
#include "kernel/lib/print.h"
#include "kernel/lib/random.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/system.h"

#define CHUNK_BYTES 512 /* on the stack, between the kernel and the program */
#define READ_MAX    0x7ffff000ull

/* Programs ask for Linux's version to know what they may use; this is the one we follow. */
#define RELEASE "6.1.0-samepage"
#define VERSION "#1 SMP Samepage"

const char system_release[] = RELEASE;
const char system_version[] = VERSION;

static struct spinlock names_lock = SPINLOCK_INIT(RANK_DEVICE);
static char host_name[UTSNAME_BYTES] = "samepage"; /* names_lock */
static char domain_name[UTSNAME_BYTES] = "(none)"; /* names_lock */

long sys_uname(const uint64_t *argument)
{
	struct abi_utsname name = {"Linux", "", RELEASE, VERSION, "", ""};

	string_copy(name.machine, arch_name, sizeof(name.machine));
	spin_lock(&names_lock);
	memcpy(name.nodename, host_name, sizeof(host_name));
	memcpy(name.domainname, domain_name, sizeof(domain_name));
	spin_unlock(&names_lock);
	return copy_to_user(argument[0], &name, sizeof(name));
}

void system_host_name(char *text, size_t size_bytes)
{
	spin_lock(&names_lock);
	(void)string_copy(text, host_name, size_bytes);
	spin_unlock(&names_lock);
}

static long name_set(char *to, const uint64_t *argument)
{
	char name[UTSNAME_BYTES] = "";
	int length = (int)argument[1];

	if (!cred_has(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	if (length < 0 || length >= UTSNAME_BYTES)
		return -EINVAL;
	if (copy_from_user(name, argument[0], (size_t)length))
		return -EFAULT;
	spin_lock(&names_lock);
	memcpy(to, name, sizeof(name));
	spin_unlock(&names_lock);
	return 0;
}

long sys_sethostname(const uint64_t *argument)
{
	return name_set(host_name, argument);
}

long sys_setdomainname(const uint64_t *argument)
{
	return name_set(domain_name, argument);
}

static uint16_t process_number(void)
{
	uint16_t count = 0;
	int32_t pid = 1;

	for (;;) {
		struct process *process = process_find_from(pid);
		if (!process)
			return count;
		pid = process->pid + 1;
		process_put(process);
		count++;
	}
}

long sys_sysinfo(const uint64_t *argument)
{
	struct abi_sysinfo info = {
		.uptime = (int64_t)(clock_now_ns() / 1000000000),
		.totalram = frame_total_count() * PAGE_BYTES,
		.freeram = frame_free_count() * PAGE_BYTES,
		.sharedram = shm_instance.counters.pages * PAGE_BYTES,
		.procs = process_number(),
		.mem_unit = 1,
	};
	return copy_to_user(argument[0], &info, sizeof(info));
}

/* Copy the log from *position on: bytes, or -EFAULT. */
static long log_copy(uint64_t *position, uint64_t to, size_t size_bytes)
{
	char chunk[CHUNK_BYTES];
	size_t done = 0;

	while (done < size_bytes) {
		size_t want = size_bytes - done < CHUNK_BYTES ? size_bytes - done : CHUNK_BYTES;
		size_t got = log_read(position, chunk, want);
		if (!got)
			break;
		if (copy_to_user(to + done, chunk, got))
			return -EFAULT;
		done += got;
	}
	return (long)done;
}

/* The newest size_bytes of what is kept and not cleared. */
static long log_tail(uint64_t cleared, uint64_t to, size_t size_bytes)
{
	uint64_t position, end;

	log_bounds(&position, &end);
	if (position < cleared)
		position = cleared;
	if (end - position > size_bytes)
		position = end - size_bytes;
	return log_copy(&position, to, size_bytes);
}

/* syslog(2). Reading does not wait for new lines: dmesg does not ask for that. */
long sys_syslog(const uint64_t *argument)
{
	static uint64_t read_position, cleared; /* [a] */
	int action = (int)argument[0], size_bytes = (int)argument[2];
	uint64_t oldest, end;
	long result = 0;

	if (action < SYSLOG_ACTION_CLOSE || action > SYSLOG_ACTION_SIZE_BUFFER)
		return -EINVAL;
	if (action != SYSLOG_ACTION_READ_ALL && action != SYSLOG_ACTION_SIZE_BUFFER &&
	    !cred_has(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	bool reads = action >= SYSLOG_ACTION_READ && action <= SYSLOG_ACTION_READ_CLEAR;
	if (reads && (!argument[1] || size_bytes < 0))
		return -EINVAL;
	log_bounds(&oldest, &end);
	switch (action) {
	case SYSLOG_ACTION_READ:
		oldest = __atomic_load_n(&read_position, __ATOMIC_RELAXED);
		result = log_copy(&oldest, argument[1], (size_t)size_bytes);
		if (result > 0)
			__atomic_store_n(&read_position, oldest, __ATOMIC_RELAXED);
		return result;
	case SYSLOG_ACTION_READ_ALL:
	case SYSLOG_ACTION_READ_CLEAR:
		result = log_tail(__atomic_load_n(&cleared, __ATOMIC_RELAXED), argument[1],
				  (size_t)size_bytes);
		if (action == SYSLOG_ACTION_READ_ALL || result < 0)
			return result;
		/* fall through */
	case SYSLOG_ACTION_CLEAR:
		__atomic_store_n(&cleared, end, __ATOMIC_RELAXED);
		return result;
	case SYSLOG_ACTION_SIZE_UNREAD:
		return (long)(end - __atomic_load_n(&read_position, __ATOMIC_RELAXED));
	case SYSLOG_ACTION_SIZE_BUFFER:
		return LOG_RING_BYTES;
	default:
		return 0;
	}
}

static bool reboot_magic(uint32_t first, uint32_t second)
{
	return first == LINUX_REBOOT_MAGIC1 &&
	       (second == LINUX_REBOOT_MAGIC2 || second == LINUX_REBOOT_MAGIC2A ||
		second == LINUX_REBOOT_MAGIC2B || second == LINUX_REBOOT_MAGIC2C);
}

long sys_reboot(const uint64_t *argument)
{
	if (!cred_has(cred_current(), CAP_SYS_BOOT))
		return -EPERM;
	if (!reboot_magic((uint32_t)argument[0], (uint32_t)argument[1]))
		return -EINVAL;
	switch ((uint32_t)argument[2]) {
	case LINUX_REBOOT_CMD_RESTART:
		arch_restart();
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		arch_power_off(false);
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_getrandom(const uint64_t *argument)
{
	uint64_t size_bytes = argument[1] < READ_MAX ? argument[1] : READ_MAX;
	uint8_t chunk[CHUNK_BYTES];

	if (argument[2] & ~(uint64_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (argument[2] & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	for (uint64_t done = 0; done < size_bytes;) {
		size_t some = size_bytes - done < CHUNK_BYTES ? size_bytes - done : CHUNK_BYTES;
		random_fill(chunk, some);
		if (copy_to_user(argument[0] + done, chunk, some))
			return done ? (long)done : -EFAULT;
		done += some;
		if (signal_is_pending())
			return done ? (long)done : -ERESTARTSYS;
		arch_interrupt_point();
	}
	return (long)size_bytes;
}

long sys_getcpu(const uint64_t *argument)
{
	uint32_t cpu = cpu_current()->id, node = 0;

	if (argument[0] && copy_to_user(argument[0], &cpu, sizeof(cpu)))
		return -EFAULT;
	if (argument[1] && copy_to_user(argument[1], &node, sizeof(node)))
		return -EFAULT;
	return 0;
}
