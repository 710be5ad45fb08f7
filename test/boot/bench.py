# SPDX-License-Identifier: MIT
"""No operation takes more instructions than it may: the part of `make bench` that takes seconds."""

import subprocess

import harness


def _smoke(arch):
    done = subprocess.run(["bench/compare", "--smoke", arch], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)
    yield from harness.program_results("count", done.returncode, done.stdout.decode(errors="replace"))


def jobs(arch, long):
    return [harness.Job("instruction counts " + arch, lambda: _smoke(arch), 5)]
