# SPDX-License-Identifier: MIT
"""Boots: each machine, numbers of CPUs, sizes of memory; what a boot shows."""

import re

import harness


def _boots(arch):
    """Every machine boots with 1, 2, 4 and 8 CPUs and sees them all."""
    for machine in harness.MACHINES[arch]:
        for cpus in (1, 2, 4, 8):
            run = harness.boot(arch, "grep", "-c", "^processor", "/proc/cpuinfo",
                               options=["--machine", machine, "--cpus", str(cpus)])
            yield harness.verdict("%s with %d CPUs" % (machine, cpus),
                                  run.code == 0 and run.out == b"%d\n" % cpus, harness.show(run))


def _memory(arch):
    """MemTotal follows --memory; above 3 GiB too, where x86 machines have a hole."""
    for machine in harness.MACHINES[arch]:
        for size in (128, 512, 2048, 5120):
            run = harness.boot(arch, "grep", "MemTotal", "/proc/meminfo",
                               options=["--machine", machine, "--memory", "%dM" % size])
            match = re.match(rb"MemTotal: +(\d+) kB\n$", run.out)
            total = int(match.group(1)) / 1024 if match else 0
            good = run.code == 0 and size * 0.9 - 24 <= total <= size
            yield harness.verdict("%s with %d MiB" % (machine, size), good, harness.show(run))


def _log(arch):
    """The log is on standard error with --log, readable by dmesg, and not in the output."""
    run = harness.boot(arch, "sh", "-c", "dmesg | head -n 1; echo end", options=["--log", "--cpus", "2"])
    lines = run.out.splitlines()
    good = run.code == 0 and len(lines) == 2 and lines[0] and lines[1] == b"end"
    first = lines[0].split(b"] ", 1)[-1] if good else b"?"
    good = good and re.match(b"Samepage on %s: 2 CPUs, \\d+ MiB of memory$" % arch.encode(), first)
    yield harness.verdict("dmesg shows the log", bool(good), harness.show(run))
    yield harness.verdict("--log shows the log", bool(good) and first in run.err, harness.show(run))


def _unknown_call(arch):
    """An unknown system call is ENOSYS and named once in the log."""
    program = "build/%s/test/boot/unknown_call" % arch
    run = harness.boot(arch, "/unknown_call", options=["--log", "--add", program + "=/unknown_call"])
    named = [line for line in run.err.splitlines() if b"system call" in line and b"460" in line]
    yield harness.verdict("ENOSYS", run.code == 0, harness.show(run))
    yield harness.verdict("named once in the log", len(named) == 1, harness.show(run))


def _million(arch):
    """With ipcmni_extend a million segments fit in 1 GB."""
    program = "build/%s/test/abi/shm_million" % arch
    run = harness.boot(arch, "/shm_million", "--seconds", "280", seconds=300,
                       options=["--memory", "1024M", "--append", "ipcmni_extend",
                                "--add", program + "=/shm_million"])
    good = run.code == 0 and b"# 2 passed, 0 failed, 0 skipped" in run.out
    yield harness.verdict("a million segments in 1 GB", good, harness.show(run))


def jobs(arch, long):
    # Ten seconds of a CPU: the second architecture only when there is time.
    million = [harness.Job("a million segments " + arch, lambda: _million(arch), 4)]
    return (million if long or arch == "x86_64" else []) + [
        harness.Job("boot " + arch, lambda: _boots(arch), 5),
        harness.Job("memory sizes " + arch, lambda: _memory(arch), 6),
        harness.Job("kernel log " + arch, lambda: _log(arch), 7),
        harness.Job("unknown system call " + arch, lambda: _unknown_call(arch), 7),
    ]
