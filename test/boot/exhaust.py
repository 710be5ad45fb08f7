# SPDX-License-Identifier: MIT
"""Memory exhausted in every way: who asks is refused or killed, the machine goes on, all comes back."""

import harness


def _exhaust(arch, options):
    program = "build/%s/test/boot/exhaust" % arch
    run = harness.boot(arch, "/exhaust", seconds=120,
                       options=["--memory", "64M", "--add", program + "=/exhaust"] + options)
    yield from harness.program_results("exhaust", run.code, run.out.decode(errors="replace"))


def jobs(arch, long):
    debug = ["--kernel", harness.kernel_debug(arch)]
    return [
        harness.Job("memory exhausted " + arch, lambda: _exhaust(arch, []), 4),
        harness.Job("memory exhausted, debug kernel " + arch, lambda: _exhaust(arch, debug), 4),
    ]
