# SPDX-License-Identifier: MIT
"""Every system call while memory is short (test/shortage); and that the table has every call."""

import re
import subprocess

import harness


def _kernel_calls(arch):
    """The system calls that the kernel has: its handlers that the architecture has a number for."""
    symbols = subprocess.run([harness.tool(arch, "nm"), harness.kernel_debug(arch)],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
    with open("abi/%s/syscalls.h" % arch) as file:
        numbered = set(re.findall(r"^SYSCALL\(\d+, (\w+)\)", file.read(), re.M))
    return set(re.findall(r" T sys_(\w+)$", symbols, re.M)) & numbered


def _shortage(arch, mode, options):
    program = "build/%s/test/shortage/shortage" % arch
    run = harness.boot(arch, "/shortage", mode, seconds=240, options=options + [
        "--cpus", "1", "--kernel", harness.kernel_debug(arch), "--add", program + "=/shortage"])
    results = harness.program_results(mode, run.code, run.out.decode(errors="replace"))
    yield from results
    tested = {one.name[len(mode) + 1:].split(",")[0] for one in results} - {"access to memory"}
    yield harness.verdict(mode + ": the table has the kernel's calls", tested == _kernel_calls(arch),
                          "only in one of them: " + " ".join(sorted(tested ^ _kernel_calls(arch))))


def jobs(arch, long):
    return [
        harness.Job("Nth allocation fails " + arch, lambda: _shortage(arch, "nth", []), 4),
        harness.Job("calls without memory " + arch,
                    lambda: _shortage(arch, "full", ["--memory", "64M"]), 4),
    ]
