# SPDX-License-Identifier: MIT
# The demos: user/demo/NAME.c becomes build/ARCH/user/demo/NAME, and /demo/NAME in the guest.

DEMO_OUT := build/$(ARCH)/user/demo
DEMO_NAMES := $(basename $(notdir $(wildcard user/demo/*.c)))
DEMO_PROGRAMS := $(DEMO_NAMES:%=$(DEMO_OUT)/%)
DEMO_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -static -pthread
DEMO_CC_x86_64 := gcc
DEMO_CC_riscv64 := riscv64-linux-gnu-gcc

$(DEMO_OUT)/%: user/demo/%.c $(wildcard user/demo/*.h) user/demo/demo.mk
	@mkdir -p $(@D)
	$(DEMO_CC_$(ARCH)) $(DEMO_CFLAGS) -o $@ $<

demos: $(DEMO_PROGRAMS)

IMAGE_FILES += $(foreach name,$(DEMO_NAMES),$(DEMO_OUT)/$(name)=/demo/$(name))

# The same on this machine.
build/host/demo/%: user/demo/%.c $(wildcard user/demo/*.h) user/demo/demo.mk
	@mkdir -p $(@D)
	gcc $(DEMO_CFLAGS) -o $@ $<
build/host/demos: user/demo/native $(DEMO_NAMES:%=build/host/demo/%)
	@printf '#!/bin/sh\nexec user/demo/native build/host/demo\n' > $@ && chmod +x $@
HOST_TESTS += build/host/demos

.PHONY: demos
