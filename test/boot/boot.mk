# SPDX-License-Identifier: MIT
# Small programs of test/boot that run in the guest.

BOOT_OUT := build/$(ARCH)/test/boot
TEST_PROGRAMS += $(patsubst test/boot/%.c,$(BOOT_OUT)/%,$(wildcard test/boot/*.c))

$(BOOT_OUT)/%: test/boot/%.c Makefile test/boot/boot.mk
	@mkdir -p $(@D)
	$(call say,USER_CC,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) -o $@ $<
