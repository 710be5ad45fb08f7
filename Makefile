# SPDX-License-Identifier: MIT
# Samepage. `make run` and `make test` are all that a new user needs.

ARCH ?= x86_64
BUILD := build/$(ARCH)
DEBUG ?= 0

CC := clang-19
LD := ld.lld-19

FLAGS_x86_64 := --target=x86_64-unknown-none-elf -mno-red-zone -mgeneral-regs-only -mcmodel=kernel
FLAGS_riscv64 := --target=riscv64-unknown-elf -march=rv64imac_zicsr_zifencei -mabi=lp64 \
	-mcmodel=medany -mno-relax

INCLUDES := -I. -Ishm/include -Iarch/$(ARCH)/include -Ishm/cpu/$(ARCH) -Iabi/$(ARCH)
CFLAGS := -std=gnu11 -ffreestanding -fno-pic -fno-pie -O2 -g -fno-strict-aliasing \
	-fno-omit-frame-pointer -fno-stack-protector -fno-common \
	-Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror \
	$(FLAGS_$(ARCH)) $(INCLUDES) -MMD -MP
ifeq ($(DEBUG),1)
CFLAGS += -DSAMEPAGE_DEBUG
BUILD := build/$(ARCH)-debug
endif

SOURCES := $(wildcard kernel/*.c kernel/*/*.c shm/*.c arch/$(ARCH)/*.c arch/$(ARCH)/*.S)
OBJECTS := $(SOURCES:%=$(BUILD)/%.o)

all: kernel image

kernel: $(BUILD)/samepage.elf

$(BUILD)/samepage.elf: $(OBJECTS) arch/$(ARCH)/kernel.ld
	$(LD) -static -nostdlib --build-id=none -z max-page-size=4096 -T arch/$(ARCH)/kernel.ld -o $@ $(OBJECTS)

$(BUILD)/%.c.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/%.S.o: %.S Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

-include $(OBJECTS:.o=.d)

# ---- the guest's programs ----

USER_CC_x86_64 := gcc
USER_CC_riscv64 := riscv64-linux-gnu-gcc
USER_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -static -pthread
USER := build/$(ARCH)/user

INIT_SOURCES := $(wildcard user/init/*.c)
$(USER)/init: $(INIT_SOURCES) $(wildcard user/init/*.h) Makefile
	@mkdir -p $(@D)
	$(USER_CC_$(ARCH)) $(USER_CFLAGS) -o $@ $(INIT_SOURCES)

# ---- the guest's image ----

# From Debian, the same version for each architecture, beside the host's package system.
GUEST_PACKAGES := busybox-static util-linux libc6 libsmartcols1
PACKAGES := build/packages
$(PACKAGES)/%/root: tools/packages
	tools/packages $* $(PACKAGES)/$* $(GUEST_PACKAGES)
	@touch $@

IMAGE := build/$(ARCH)/image.cpio
$(IMAGE): tools/image tools/lib/cpio.py $(USER)/init $(PACKAGES)/$(ARCH)/root $(PACKAGES)/x86_64/root
	tools/image $@ --root $(PACKAGES)/$(ARCH)/root --busybox $(PACKAGES)/x86_64/root/usr/bin/busybox \
		--init $(USER)/init $(IMAGE_FILES:%=--file %)
image: $(IMAGE)

# What was downloaded stays.
clean:
	rm -rf $(filter-out $(PACKAGES),$(wildcard build/*))

.PHONY: all kernel image clean
