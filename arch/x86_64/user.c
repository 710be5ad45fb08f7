// SPDX-License-Identifier: MIT
/* User memory: the range is checked here, the access is in user.S. */

#include "abi/errno.h"
#include "arch/x86_64/x86.h"

int user_copy(void *to, const void *from, size_t size_bytes);
int user_clear(void *to, size_t size_bytes);
long user_string(char *to, const char *from, size_t size_bytes);
int user_load32(uint32_t *value, uint64_t address);
int user_store32(uint64_t address, uint32_t value);
int user_exchange32(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *seen);

struct fixup {
	uint64_t from, to;
};
extern const struct fixup fixup_table_start[], fixup_table_end[];

static bool range_is_user(uint64_t address, size_t size_bytes)
{
	return size_bytes <= mmu_user_end && address <= mmu_user_end - size_bytes;
}

int copy_from_user(void *to, uint64_t from, size_t size_bytes)
{
	if (!range_is_user(from, size_bytes) || user_copy(to, (const void *)from, size_bytes))
		return -EFAULT;
	return 0;
}

int copy_to_user(uint64_t to, const void *from, size_t size_bytes)
{
	if (!range_is_user(to, size_bytes) || user_copy((void *)to, from, size_bytes))
		return -EFAULT;
	return 0;
}

int clear_user(uint64_t to, size_t size_bytes)
{
	if (!range_is_user(to, size_bytes) || user_clear((void *)to, size_bytes))
		return -EFAULT;
	return 0;
}

/* Only the part below mmu_user_end is looked at: a string may end there with size_bytes beyond. */
long copy_string_from_user(char *to, uint64_t from, size_t size_bytes)
{
	bool cut = false;

	if (from >= mmu_user_end)
		return -EFAULT;
	if (size_bytes > mmu_user_end - from) {
		size_bytes = mmu_user_end - from;
		cut = true;
	}
	long length = user_string(to, (const char *)from, size_bytes);
	if (length >= 0)
		return length;
	return length == -1 || cut ? -EFAULT : -ENAMETOOLONG;
}

int user_load_u32(uint32_t *value, uint64_t address)
{
	if (address & 3)
		return -EINVAL;
	if (!range_is_user(address, 4) || user_load32(value, address))
		return -EFAULT;
	return 0;
}

int user_store_u32(uint64_t address, uint32_t value)
{
	if (address & 3)
		return -EINVAL;
	if (!range_is_user(address, 4) || user_store32(address, value))
		return -EFAULT;
	return 0;
}

int user_cmpxchg_u32(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *seen)
{
	if (address & 3)
		return -EINVAL;
	if (!range_is_user(address, 4) || user_exchange32(address, expected, desired, seen))
		return -EFAULT;
	return 0;
}

/* A handful of entries: a search from the front is enough. */
uint64_t arch_fixup_find(uint64_t ip)
{
	for (const struct fixup *fixup = fixup_table_start; fixup < fixup_table_end; fixup++)
		if (fixup->from == ip)
			return fixup->to;
	return 0;
}
