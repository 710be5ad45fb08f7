# SPDX-License-Identifier: MIT
# kernel/mm with shm/ on the host, under AddressSanitizer and UndefinedBehaviorSanitizer,
# once for each entry format. HOST_TESTS: test/README.md.

KERNEL_TEST_CPUS := x86_64 riscv64
KERNEL_TEST_MM := $(addprefix kernel/mm/,frame.c kmem.c commit.c area.c space.c pagetable.c \
	ownpages.c guard.c fault.c fork.c destroy.c access.c flush.c) kernel/shm_port.c kernel/lib/rbtree.c kernel/lib/spinlock.c
KERNEL_TEST_SOURCES := $(KERNEL_TEST_MM) $(wildcard shm/*.c) test/kernel/host.c \
	test/kernel/memory_test.c
KERNEL_TEST_FLAGS := -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -fno-strict-aliasing -DSAMEPAGE_DEBUG -Wall -Wextra -Werror \
	-I. -Ishm/include -Itest/kernel

define KERNEL_TEST_PROGRAM
build/host/kernel-memory-$(1): $(KERNEL_TEST_SOURCES) $(wildcard kernel/*/*.h shm/*.h \
		shm/include/shm/*.h test/kernel/*.h) test/kernel/kernel.mk
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $(KERNEL_TEST_FLAGS) -Ishm/cpu/$(1) -Iabi/$(1) $(KERNEL_TEST_SOURCES) -o $$@
HOST_TESTS += build/host/kernel-memory-$(1)
endef

$(foreach cpu,$(KERNEL_TEST_CPUS),$(eval $(call KERNEL_TEST_PROGRAM,$(cpu))))
