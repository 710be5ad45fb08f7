// SPDX-License-Identifier: MIT
/* The kernel's arguments, looked up in boot_info.command_line as it stands. */

#include "kernel/lib/cmdline.h"

#include "arch/arch.h"
#include "kernel/lib/string.h"

/* The value of the last argument of the name ("" without "="), up to a space; NULL: not there. */
static const char *find(const char *name)
{
	size_t length = strlen(name);
	const char *found = NULL;

	for (const char *at = boot_info.command_line; *at;) {
		while (*at == ' ')
			at++;
		if (!strncmp(at, name, length)) {
			if (at[length] == '=')
				found = at + length + 1;
			else if (at[length] == ' ' || !at[length])
				found = at + length;
		}
		while (*at && *at != ' ')
			at++;
	}
	return found;
}

bool kernel_argument(const char *name, char *value, size_t size_bytes)
{
	const char *found = find(name);

	if (!found || !size_bytes)
		return found != NULL;
	size_t length = 0;
	for (; found[length] && found[length] != ' ' && length + 1 < size_bytes; length++)
		value[length] = found[length];
	value[length] = 0;
	return true;
}

bool kernel_argument_flag(const char *name)
{
	const char *found = find(name);

	return found && (!*found || *found == ' ' || *found == '1');
}

uint64_t kernel_argument_u64(const char *name, uint64_t otherwise)
{
	const char *found = find(name);
	uint64_t value;

	return found && string_parse_u64(&found, &value) ? value : otherwise;
}
