# SPDX-License-Identifier: MIT
# The programs of test/abi: every test/abi/*.c but abi.c is one, linked with abi.c.
# Included by the Makefile; needs ARCH. Target: abi-programs; ABI_PROGRAMS lists them.

ABI_CC_x86_64 := gcc
ABI_CC_riscv64 := riscv64-linux-gnu-gcc
ABI_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -static -pthread -Itest/abi
ABI_OUT := build/$(ARCH)/test/abi
ABI_NAMES := $(filter-out abi,$(basename $(notdir $(wildcard test/abi/*.c))))
ABI_PROGRAMS := $(ABI_NAMES:%=$(ABI_OUT)/%)

$(ABI_OUT)/%: test/abi/%.c test/abi/abi.c test/abi/abi.h $(wildcard test/abi/*.h) test/abi/abi.mk
	@mkdir -p $(@D)
	$(ABI_CC_$(ARCH)) $(ABI_CFLAGS) -o $@ $< test/abi/abi.c -lm

abi-programs: $(ABI_PROGRAMS)

.PHONY: abi-programs
