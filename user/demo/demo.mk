# SPDX-License-Identifier: MIT
# The demos: user/demo/NAME.c becomes build/ARCH/user/demo/NAME, and /demo/NAME in the guest.

DEMO_OUT := build/$(ARCH)/user/demo
DEMO_NAMES := $(basename $(notdir $(wildcard user/demo/*.c)))
DEMO_PROGRAMS := $(DEMO_NAMES:%=$(DEMO_OUT)/%)
DEMO_CC_x86_64 := gcc
DEMO_CC_riscv64 := riscv64-linux-gnu-gcc

$(DEMO_OUT)/%: user/demo/%.c $(wildcard user/demo/*.h) user/demo/demo.mk
	@mkdir -p $(@D)
	$(DEMO_CC_$(ARCH)) -std=gnu11 -O2 -g -Wall -Wextra -Werror -static -pthread -o $@ $<

demos: $(DEMO_PROGRAMS)

IMAGE_FILES += $(foreach name,$(DEMO_NAMES),$(DEMO_OUT)/$(name)=/demo/$(name))

.PHONY: demos
