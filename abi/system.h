/* SPDX-License-Identifier: MIT */
#ifndef ABI_SYSTEM_H
#define ABI_SYSTEM_H

/* The system as a whole, as Linux tells it on 64-bit machines: uname(2), sysinfo(2), syslog(2), reboot(2). */

#include <stdint.h>

#define UTSNAME_BYTES 65

struct abi_utsname {
	char sysname[UTSNAME_BYTES];
	char nodename[UTSNAME_BYTES];
	char release[UTSNAME_BYTES];
	char version[UTSNAME_BYTES];
	char machine[UTSNAME_BYTES];
	char domainname[UTSNAME_BYTES];
};

struct abi_sysinfo {
	int64_t uptime; /* seconds */
	uint64_t loads[3];
	uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap; /* mem_unit bytes */
	uint16_t procs, pad;
	uint32_t pad_high;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit, pad_end;
};

_Static_assert(sizeof(struct abi_sysinfo) == 112, "struct sysinfo");

#define SYSLOG_ACTION_CLOSE         0
#define SYSLOG_ACTION_OPEN          1
#define SYSLOG_ACTION_READ          2
#define SYSLOG_ACTION_READ_ALL      3
#define SYSLOG_ACTION_READ_CLEAR    4
#define SYSLOG_ACTION_CLEAR         5
#define SYSLOG_ACTION_CONSOLE_OFF   6
#define SYSLOG_ACTION_CONSOLE_ON    7
#define SYSLOG_ACTION_CONSOLE_LEVEL 8
#define SYSLOG_ACTION_SIZE_UNREAD   9
#define SYSLOG_ACTION_SIZE_BUFFER   10

#define LINUX_REBOOT_MAGIC1        0xfee1deadu
#define LINUX_REBOOT_MAGIC2        672274793u
#define LINUX_REBOOT_MAGIC2A       85072278u
#define LINUX_REBOOT_MAGIC2B       369367448u
#define LINUX_REBOOT_MAGIC2C       537993216u
#define LINUX_REBOOT_CMD_RESTART   0x01234567u
#define LINUX_REBOOT_CMD_HALT      0xcdef0123u
#define LINUX_REBOOT_CMD_CAD_ON    0x89abcdefu
#define LINUX_REBOOT_CMD_CAD_OFF   0u
#define LINUX_REBOOT_CMD_POWER_OFF 0x4321fedcu

#define GRND_NONBLOCK 1u
#define GRND_RANDOM   2u
#define GRND_INSECURE 4u

#endif
