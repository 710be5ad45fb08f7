# SPDX-License-Identifier: MIT
# shmconform, the conformance suite: all of test/abi/*.c, one static program. And for work on one
# group, build/ARCH/test/abi/GROUP: the same program with that group alone.
# Included by the Makefile; needs ARCH. Target: abi-programs.

ABI_CC_x86_64 := gcc
ABI_CC_riscv64 := riscv64-linux-gnu-gcc
ABI_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread
ABI_OUT := build/$(ARCH)/test/abi
ABI_FRAME := abi shmconform
ABI_GROUPS := $(filter-out $(ABI_FRAME),$(basename $(notdir $(wildcard test/abi/*.c))))
ABI_FRAME_OBJECTS := $(ABI_FRAME:%=$(ABI_OUT)/%.o)
ABI_PROGRAMS := build/$(ARCH)/shmconform $(ABI_GROUPS:%=$(ABI_OUT)/%)

$(ABI_OUT)/%.o: test/abi/%.c $(wildcard test/abi/*.h) test/abi/abi.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$<)
	$(Q)$(ABI_CC_$(ARCH)) $(ABI_CFLAGS) -c -o $@ $<

$(ABI_GROUPS:%=$(ABI_OUT)/%): $(ABI_OUT)/%: $(ABI_OUT)/%.o $(ABI_FRAME_OBJECTS)
	$(Q)$(ABI_CC_$(ARCH)) -static -pthread -o $@ $< $(ABI_FRAME_OBJECTS) -lm

build/$(ARCH)/shmconform: $(ABI_GROUPS:%=$(ABI_OUT)/%.o) $(ABI_FRAME_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(ABI_CC_$(ARCH)) -static -pthread -o $@ $^ -lm

abi-programs: $(ABI_PROGRAMS)

.PRECIOUS: $(ABI_OUT)/%.o
.PHONY: abi-programs
