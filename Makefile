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

clean:
	rm -rf build

.PHONY: kernel clean
