# SPDX-License-Identifier: MIT
# Every system call while memory is short: one program, in the guest.

SHORTAGE := build/$(ARCH)/test/shortage/shortage
TEST_PROGRAMS += $(SHORTAGE)

$(SHORTAGE): $(wildcard test/shortage/*.c) test/shortage/call.h Makefile test/shortage/shortage.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $(filter %.c,$^)
