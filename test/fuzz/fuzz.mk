# SPDX-License-Identifier: MIT
# Programs of test/fuzz that run in the guest.

FUZZ_OUT := build/$(ARCH)/test/fuzz
TEST_PROGRAMS += $(patsubst test/fuzz/%.c,$(FUZZ_OUT)/%,$(wildcard test/fuzz/*.c)) $(FUZZ_OUT)/diff

$(FUZZ_OUT)/%: test/fuzz/%.c Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $<

$(FUZZ_OUT)/diff: $(wildcard test/fuzz/diff/*.c) test/fuzz/diff/diff.h Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $(filter %.c,$^)

TEST_PROGRAMS += $(FUZZ_OUT)/storm
$(FUZZ_OUT)/storm: $(wildcard test/fuzz/storm/*.c) test/fuzz/storm/storm.h Makefile test/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $(filter %.c,$^)
