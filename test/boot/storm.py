# SPDX-License-Identifier: MIT
"""Random processes that share memory and end each other, in the debug kernel (test/fuzz/storm)."""

import time

import harness

LONG_SECONDS = 600


def _storm(arch, seed, storm_seconds):
    program = "build/%s/test/fuzz/storm" % arch
    options = ["--kernel", harness.kernel_debug(arch), "--cpus", "4", "--memory", "1G",
               "--add", program + "=/storm"]
    arguments = ["/storm", "--seed", str(seed), "--seconds", str(storm_seconds)]
    # The storm watches itself; the runner's limit is for a guest in which nothing moves.
    run = harness.boot(arch, *arguments, options=options, seconds=storm_seconds + 420)
    text = run.out.decode(errors="replace")
    results = list(harness.program_results("storm, seed %d:" % seed, run.code, text))
    if run.code != 0:
        again = " ".join(["tools/samepage run --timeout 0 --arch", arch, *options, "--", *arguments])
        results.append(harness.failed("storm, seed %d" % seed,
                                      harness.show(run) + "again: " + again))
    yield from results


def jobs(arch, long):
    # A fixed seed where a failure must be the change's doing; a new one each time where it may take long.
    found = [harness.Job("storm " + arch, lambda: _storm(arch, 1, 30), 2)]
    if long:
        seed = int(time.time()) % 1000000
        found.append(harness.Job("storm of ten minutes, seed %d, %s" % (seed, arch),
                                 lambda: _storm(arch, seed, LONG_SECONDS), 1))
    return found
