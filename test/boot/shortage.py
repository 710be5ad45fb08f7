# SPDX-License-Identifier: MIT
"""Every system call while memory is short (test/shortage); and that the table has every call."""

import harness


def _shortage(arch, mode, options):
    program = "build/%s/test/shortage/shortage" % arch
    run = harness.boot(arch, "/shortage", mode, seconds=240, options=options + [
        "--cpus", "1", "--kernel", harness.kernel_debug(arch), "--add", program + "=/shortage"])
    results = harness.program_results(mode, run.code, run.out.decode(errors="replace"))
    yield from results
    tested = {one.name[len(mode) + 1:].split(",")[0] for one in results} - {"access to memory"}
    yield harness.verdict(mode + ": the table has the kernel's calls", tested == harness.kernel_calls(arch),
                          "only in one of them: " + " ".join(sorted(tested ^ harness.kernel_calls(arch))))


def jobs(arch, long):
    return [
        harness.Job("Nth allocation fails " + arch, lambda: _shortage(arch, "nth", []), 4),
        harness.Job("calls without memory " + arch,
                    lambda: _shortage(arch, "full", ["--memory", "64M"]), 4),
    ]
