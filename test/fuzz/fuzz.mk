# SPDX-License-Identifier: MIT
# Programs of test/fuzz that run in the guest.

FUZZ_OUT := build/$(ARCH)/test/fuzz
TEST_PROGRAMS += $(FUZZ_OUT)/calls $(FUZZ_OUT)/diff

$(FUZZ_OUT)/calls: $(wildcard test/fuzz/calls/*.c) $(wildcard test/fuzz/calls/*.h) Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $(filter %.c,$^)

$(FUZZ_OUT)/diff: $(wildcard test/fuzz/diff/*.c) test/fuzz/diff/diff.h Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $(filter %.c,$^)

TEST_PROGRAMS += $(FUZZ_OUT)/storm
$(FUZZ_OUT)/storm: $(wildcard test/fuzz/storm/*.c) test/fuzz/storm/storm.h Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $(filter %.c,$^)

# shm/ under libFuzzer: build/host/fuzz-CPU. Coverage counts in shm/ alone, not in the tests around it.
SHM_FUZZ_CPUS := x86_64 riscv64
SHM_FUZZ_SHM := $(wildcard shm/*.c)
SHM_FUZZ_AROUND := $(wildcard shm/port/sim/*.c test/fuzz/shm/*.c) test/unit/unit.c test/unit/refuse.c \
	$(filter-out test/model/model.c,$(wildcard test/model/*.c))
SHM_FUZZ_HEADERS := $(wildcard shm/*.h shm/include/shm/*.h shm/cpu/*.h shm/cpu/*/*.h shm/port/sim/*.h \
	abi/*.h test/unit/*.h test/model/*.h) test/fuzz/fuzz.mk test/unit/unit.mk
SHM_FUZZ_FLAGS = $(UNIT_FLAGS) -I. -Ishm/include

define SHM_FUZZ_CPU
$(SHM_FUZZ_SHM:%=build/host/fuzz/$(1)/%.o): build/host/fuzz/$(1)/%.o: % $(SHM_FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(call say,FUZZ_CC,$$@)
	$$(Q)$$(CC) $$(SHM_FUZZ_FLAGS) -fsanitize=fuzzer-no-link -Ishm/cpu/$(1) -c -o $$@ $$<
$(SHM_FUZZ_AROUND:%=build/host/fuzz/$(1)/%.o): build/host/fuzz/$(1)/%.o: % $(SHM_FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(call say,FUZZ_CC,$$@)
	$$(Q)$$(CC) $$(SHM_FUZZ_FLAGS) -Ishm/cpu/$(1) -c -o $$@ $$<
build/host/fuzz-$(1): $(SHM_FUZZ_SHM:%=build/host/fuzz/$(1)/%.o) $(SHM_FUZZ_AROUND:%=build/host/fuzz/$(1)/%.o)
	$$(call say,FUZZ_LD,$$@)
	$$(Q)$$(CC) $$(SHM_FUZZ_FLAGS) -fsanitize=fuzzer $$^ -o $$@
host-tests: build/host/fuzz-$(1)
endef
$(foreach cpu,$(SHM_FUZZ_CPUS),$(eval $(call SHM_FUZZ_CPU,$(cpu))))
