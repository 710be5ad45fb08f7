# SPDX-License-Identifier: MIT
# Tests of shm/ on the host, on the simulated machine, for each CPU's entries,
# under AddressSanitizer and UndefinedBehaviorSanitizer. Each program ends with
# a line `N passed, N failed` and a status. HOST_TESTS: test/README.md.

UNIT_CPUS := x86_64 riscv64 aarch64 loongarch64
UNIT_FLAGS := -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -fno-strict-aliasing -Wall -Wextra -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -Werror
UNIT_SHM := $(wildcard shm/*.c shm/port/sim/*.c)
UNIT_HEADERS := $(wildcard shm/*.h shm/include/shm/*.h shm/cpu/*.h shm/cpu/*/*.h shm/port/sim/*.h \
	abi/*.h test/unit/*.h test/model/*.h) test/unit/unit.mk

# One program a CPU: its suites and the runner. $(1) program, $(2) sources, $(3) CPU.
define UNIT_PROGRAM
build/host/$(1)-$(3): $(2) test/unit/unit.c build/host/$(3)/libshm.a
	$$(CC) $$(UNIT_FLAGS) -I. -Ishm/include -Ishm/cpu/$(3) $(2) test/unit/unit.c \
		build/host/$(3)/libshm.a -o $$@
HOST_TESTS += build/host/$(1)-$(3)
endef

define UNIT_CPU
$(UNIT_SHM:%=build/host/$(1)/%.o): build/host/$(1)/%.o: % $(UNIT_HEADERS)
	@mkdir -p $$(@D)
	$$(CC) $$(UNIT_FLAGS) -I. -Ishm/include -Ishm/cpu/$(1) -c -o $$@ $$<
build/host/$(1)/libshm.a: $(UNIT_SHM:%=build/host/$(1)/%.o)
	llvm-ar-19 rcs $$@ $$^
endef

$(foreach cpu,$(UNIT_CPUS),$(eval $(call UNIT_CPU,$(cpu))))
$(foreach cpu,$(UNIT_CPUS),$(eval $(call UNIT_PROGRAM,unit,$(filter-out test/unit/unit.c \
	test/unit/interleave.c,$(wildcard test/unit/*.c)) shm/port/template/port.c,$(cpu))))
$(foreach cpu,$(UNIT_CPUS),$(eval $(call UNIT_PROGRAM,interleave,test/unit/interleave.c,$(cpu))))
$(foreach cpu,$(UNIT_CPUS),$(eval $(call UNIT_PROGRAM,model,$(wildcard test/model/*.c) \
	test/unit/refuse.c,$(cpu))))

# The example host, which test/boot/porting.py runs. Its tables of nothing are zeros: not for loongarch64.
EXAMPLE_CPUS := x86_64 riscv64 aarch64
define EXAMPLE_PROGRAM
build/host/example-$(1): $(wildcard shm/port/example/*.[ch]) build/host/$(1)/libshm.a
	$$(CC) $$(UNIT_FLAGS) -I. -Ishm/include -Ishm/cpu/$(1) $(wildcard shm/port/example/*.c) \
		build/host/$(1)/libshm.a -o $$@
host-tests: build/host/example-$(1)
endef
$(foreach cpu,$(EXAMPLE_CPUS),$(eval $(call EXAMPLE_PROGRAM,$(cpu))))
