// SPDX-License-Identifier: MIT
/* Access to user memory: the range is checked here, the access is in user.S. */

#include "arch/arch.h"
#include "abi/errno.h"

/* user.S */
int user_copy(uint64_t to, uint64_t from, size_t size_bytes);
int user_clear(uint64_t to, size_t size_bytes);
long user_string(char *to, uint64_t from, size_t size_bytes);
int user_load(uint32_t *value, uint64_t address);
int user_store(uint64_t address, uint32_t value);
int user_cmpxchg(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *seen);

struct user_fixup {
	uint64_t ip, target;
};

extern const struct user_fixup user_fixups_start[], user_fixups_end[];

static bool range_is_user(uint64_t start, size_t size_bytes)
{
	return size_bytes <= mmu_user_end && start <= mmu_user_end - size_bytes;
}

int copy_from_user(void *to, uint64_t from, size_t size_bytes)
{
	if (!range_is_user(from, size_bytes))
		return -EFAULT;
	return user_copy((uint64_t)to, from, size_bytes);
}

int copy_to_user(uint64_t to, const void *from, size_t size_bytes)
{
	if (!range_is_user(to, size_bytes))
		return -EFAULT;
	return user_copy(to, (uint64_t)from, size_bytes);
}

int clear_user(uint64_t to, size_t size_bytes)
{
	if (!range_is_user(to, size_bytes))
		return -EFAULT;
	return user_clear(to, size_bytes);
}

long copy_string_from_user(char *to, uint64_t from, size_t size_bytes)
{
	size_t room = from < mmu_user_end ? mmu_user_end - from : 0;
	size_t limit = size_bytes < room ? size_bytes : room;
	long length;

	if (!limit)
		return size_bytes ? -EFAULT : -ENAMETOOLONG;
	length = user_string(to, from, limit);
	if (length < (long)limit)
		return length;
	return limit < size_bytes ? -EFAULT : -ENAMETOOLONG;
}

int user_load_u32(uint32_t *value, uint64_t address)
{
	if (address % sizeof(uint32_t))
		return -EINVAL;
	if (!range_is_user(address, sizeof(uint32_t)))
		return -EFAULT;
	return user_load(value, address);
}

int user_store_u32(uint64_t address, uint32_t value)
{
	if (address % sizeof(uint32_t))
		return -EINVAL;
	if (!range_is_user(address, sizeof(uint32_t)))
		return -EFAULT;
	return user_store(address, value);
}

int user_cmpxchg_u32(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *seen)
{
	if (address % sizeof(uint32_t))
		return -EINVAL;
	if (!range_is_user(address, sizeof(uint32_t)))
		return -EFAULT;
	return user_cmpxchg(address, expected, desired, seen);
}

uint64_t arch_fixup_find(uint64_t ip)
{
	for (const struct user_fixup *fixup = user_fixups_start; fixup < user_fixups_end; fixup++)
		if (fixup->ip == ip)
			return fixup->target;
	return 0;
}
