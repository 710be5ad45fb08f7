// SPDX-License-Identifier: MIT
/* The two system calls that only riscv64 has: riscv_hwprobe and riscv_flush_icache. */

#include "arch/riscv64/machine.h"
#include "arch/riscv64/sbi.h"
#include "kernel/syscall/syscall.h"

#define KEY_VENDOR         0
#define KEY_ARCHITECTURE   1
#define KEY_IMPLEMENTATION 2
#define KEY_BASE_BEHAVIOR  3
#define KEY_EXTENSIONS     4
#define KEY_MISALIGNED     5

#define BASE_IMA           1
#define EXTENSION_FD       1
#define EXTENSION_C        2
#define MISALIGNED_UNKNOWN 0

#define PAIRS_MAX 4096

struct hwprobe_pair {
	int64_t key;
	uint64_t value;
};

static void pair_answer(struct hwprobe_pair *pair)
{
	uint64_t hwcap = arch_hwcap();

	switch (pair->key) {
	case KEY_VENDOR:
		pair->value = (uint64_t)sbi_call(SBI_BASE, 4, 0, 0, 0).value;
		break;
	case KEY_ARCHITECTURE:
		pair->value = (uint64_t)sbi_call(SBI_BASE, 5, 0, 0, 0).value;
		break;
	case KEY_IMPLEMENTATION:
		pair->value = (uint64_t)sbi_call(SBI_BASE, 6, 0, 0, 0).value;
		break;
	case KEY_BASE_BEHAVIOR:
		pair->value = BASE_IMA;
		break;
	case KEY_EXTENSIONS:
		pair->value = (hwcap & 1u << ('d' - 'a') ? EXTENSION_FD : 0) |
			      (hwcap & 1u << ('c' - 'a') ? EXTENSION_C : 0);
		break;
	case KEY_MISALIGNED:
		pair->value = MISALIGNED_UNKNOWN;
		break;
	default:
		pair->key = -1;
		pair->value = 0;
	}
}

/* (pairs, pair count, size of a CPU set, CPU set, flags). All CPUs are alike, so the set is ignored. */
long sys_riscv_hwprobe(const uint64_t *argument)
{
	uint64_t pairs = argument[0], count = argument[1];

	if ((uint32_t)argument[4] || count > PAIRS_MAX)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		struct hwprobe_pair pair;
		uint64_t at = pairs + i * sizeof(pair);

		if (copy_from_user(&pair, at, sizeof(pair)))
			return -EFAULT;
		pair_answer(&pair);
		if (copy_to_user(at, &pair, sizeof(pair)))
			return -EFAULT;
	}
	return 0;
}

/* (start, end, flags): flag 1 is "this thread only", which may run elsewhere in a moment. */
long sys_riscv_flush_icache(const uint64_t *argument)
{
	if (argument[2] & ~1ull)
		return -EINVAL;
	__asm__ volatile("fence rw, rw; fence.i" ::: "memory");
	for (unsigned id = 0; id < boot_info.cpu_count; id++)
		if (id != cpu_current()->id)
			sbi_call(SBI_RFENCE, 0, 1, machine.harts[id], 0);
	return 0;
}
