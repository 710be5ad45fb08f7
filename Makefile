# SPDX-License-Identifier: MIT
# Samepage. `make run` and `make test` are all that a new user needs.
#
#   make            the kernel and the guest's image, build/ARCH/{samepage.elf,image.cpio}
#   make run        the demos in the guest, then a shell if this is a terminal
#   make test       every test; make test-long takes longer; make check the fast part
#   make bench      Samepage beside Debian's Linux, which it fetches, instruction by instruction
#   make mutate     do the tests notice each missing flush?
#   make clean      all but what was downloaded
#
# ARCH=x86_64 or riscv64 chooses one architecture (run, make: x86_64; test: both).
# DEBUG=1 builds build/ARCH-debug: lock order, poisoning, dear assertions. V=1 shows commands.

ifeq ($(origin ARCH),undefined)
ARCHES := x86_64 riscv64
else
ARCHES := $(ARCH)
endif
ARCH ?= x86_64
DEBUG ?= 0
BUILD := build/$(ARCH)$(if $(filter 1,$(DEBUG)),-debug)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-builtin-rules

Q := $(if $(V),,@)
SILENT := $(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
say = $(if $(V)$(SILENT),@true,@printf '%-9s%s\n' '$(1)' '$(2)')

all: kernel image

# ---- the kernel ----

CC := clang-19
LD := ld.lld-19

FLAGS_x86_64 := --target=x86_64-unknown-none-elf -mno-red-zone -mgeneral-regs-only -mcmodel=kernel
FLAGS_riscv64 := --target=riscv64-unknown-elf -march=rv64imac_zicsr_zifencei -mabi=lp64 \
	-mcmodel=medany -mno-relax

INCLUDES := -I. -Ishm/include -Iarch/$(ARCH)/include -Ishm/cpu/$(ARCH) -Iabi/$(ARCH)
CFLAGS := -std=gnu11 -ffreestanding -fno-pic -fno-pie -O2 -g -fno-strict-aliasing \
	-momit-leaf-frame-pointer -fno-stack-protector -fno-common \
	-Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror \
	$(FLAGS_$(ARCH)) $(INCLUDES) -DSHM_PORT=kernel_port $(if $(filter 1,$(DEBUG)),-DSAMEPAGE_DEBUG)

# Across files the compiler sees a quarter less to do. LTO=thin does half of that and links in half a
# second instead of four; LTO=0, and DEBUG=1, leave the code as it is written.
LTO ?= $(if $(filter 1,$(DEBUG)),0,full)
ifneq ($(LTO),0)
CFLAGS += -flto=$(LTO)
endif
ifeq ($(LTO),thin)
LTO_LDFLAGS := --thinlto-cache-dir=$(BUILD)/lto --thinlto-jobs=2 \
	--thinlto-cache-policy=cache_size_bytes=100m
endif

# Objects that were made with other flags are made again.
FLAGS_STAMP := $(BUILD)/flags
ifneq ($(file <$(FLAGS_STAMP)),$(CFLAGS))
$(shell mkdir -p $(BUILD))
$(file >$(FLAGS_STAMP),$(CFLAGS))
endif

SOURCES := $(wildcard kernel/*.c kernel/*/*.c shm/*.c arch/$(ARCH)/*.c arch/$(ARCH)/*.S)
OBJECTS := $(SOURCES:%=$(BUILD)/%.o)

kernel: $(BUILD)/samepage.elf

$(BUILD)/samepage.elf: $(OBJECTS) arch/$(ARCH)/kernel.ld
	$(call say,LD,$@)
	$(Q)$(LD) $(LTO_LDFLAGS) $(LDFLAGS) -static -nostdlib --build-id=none \
		-z max-page-size=4096 -T arch/$(ARCH)/kernel.ld -o $@ $(OBJECTS)

$(BUILD)/%.c.o: %.c Makefile $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.S.o: %.S Makefile $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)

# ---- the guest's programs: static, against libc ----

USER_CC_x86_64 := gcc
USER_CC_riscv64 := riscv64-linux-gnu-gcc
USER_CC := $(USER_CC_$(ARCH))
USER_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -static -pthread
USER := build/$(ARCH)/user

INIT_SOURCES := $(wildcard user/init/*.c)
$(USER)/init: $(INIT_SOURCES) $(wildcard user/init/*.h) Makefile
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $(INIT_SOURCES)

BENCH_SOURCES := $(wildcard bench/program/*.c)
build/$(ARCH)/bench/counts: $(BENCH_SOURCES) $(wildcard bench/program/*.h) Makefile
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -Wl,-e,bench_start -o $@ $(BENCH_SOURCES)

# See bench/compare: where firmware ends and a kernel begins.
build/riscv64/bench/entry.bin: bench/entry.S Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS_riscv64) -c -o $(@:.bin=.o) $<
	$(Q)$(LD) -static -nostdlib --build-id=none --oformat=binary -Ttext=0x80200000 -o $@ $(@:.bin=.o)

# Each room's own rules. They add to these lists.
IMAGE_FILES :=# HOST=GUEST, for the image
TEST_PROGRAMS :=# programs of ARCH that tests put into the guest
HOST_TESTS :=# test programs for this machine
include $(sort $(wildcard user/*/*.mk test/*.mk test/*/*.mk))

# ---- the guest's image ----

# From Debian, the same version for each architecture, beside the host's package system.
GUEST_PACKAGES := busybox-static util-linux libc6 libsmartcols1
PACKAGES := build/packages
$(PACKAGES)/%/root: tools/packages
	$(call say,PACKAGES,$*)
	$(Q)tools/packages $* $(PACKAGES)/$* $(GUEST_PACKAGES)
	@touch $@

IMAGE := build/$(ARCH)/image.cpio
IMAGE_HOST_FILES := $(foreach file,$(IMAGE_FILES),$(firstword $(subst =, ,$(file))))
$(IMAGE): tools/image tools/lib/cpio.py $(USER)/init $(IMAGE_HOST_FILES) \
		$(PACKAGES)/$(ARCH)/root $(PACKAGES)/x86_64/root
	$(call say,IMAGE,$@)
	$(Q)tools/image $@ --root $(PACKAGES)/$(ARCH)/root --init $(USER)/init \
		--busybox $(PACKAGES)/x86_64/root/usr/bin/busybox $(IMAGE_FILES:%=--file %)

image: $(IMAGE)

# ---- what people call ----

# Everything that one architecture needs for its tests.
host-tests: $(HOST_TESTS)
guest: kernel image $(ABI_PROGRAMS) $(TEST_PROGRAMS) build/$(ARCH)/bench/counts

run:
	@tools/setup run $(ARCH)
	@[ -e $(IMAGE) ] || echo "building the kernel and the guest's image"
	@$(MAKE) --no-print-directory -s ARCH=$(ARCH) DEBUG=$(DEBUG) kernel image
	@tools/samepage run --arch $(ARCH) $(if $(filter 1,$(DEBUG)),--kernel $(BUILD)/samepage.elf) -- /demo/all

check:
	@tools/setup test
	@tools/check

test test-long:
	@tools/setup test $(ARCHES)
	@test/run $(if $(filter test-long,$@),--long) $(ARCHES)

bench:
	@tools/setup run $(ARCHES)
	@bench/compare $(BENCH) $(ARCHES)

# What was downloaded stays.
clean:
	rm -rf $(filter-out $(PACKAGES),$(wildcard build/*))

.PHONY: all kernel image guest host-tests run bench check test test-long clean
.DELETE_ON_ERROR:

# For tools/check.
print-%:
	@echo '$($*)'
