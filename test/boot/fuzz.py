# SPDX-License-Identifier: MIT
"""Random system calls in the debug kernel: it must go on (test/fuzz)."""

import time

import harness

AT_ONCE = "for seed in 1 2 3; do /calls $(({0} + 1000 * seed)) {1} {2} & all=\"$all $!\"; done\n" \
          "for one in $all; do wait $one || exit 1; done"


def _calls(arch, seed, children, calls, seconds):
    program = "build/%s/test/fuzz/calls" % arch
    options = ["--kernel", harness.kernel_debug(arch), "--add", program + "=/calls"]
    numbers = (str(seed), str(children), str(calls))
    known = harness.boot(arch, "/calls", "--list", options=options, seconds=seconds)
    missing = harness.kernel_calls(arch) - set(known.out.decode(errors="replace").split())
    yield harness.verdict("the arguments of every call are known", not missing, " ".join(sorted(missing)))
    alone = harness.boot(arch, "/calls", *numbers, options=options + ["--cpus", "1"], seconds=seconds)
    yield harness.verdict("alone, seed %d" % seed, alone.code == 0, harness.show(alone))
    several = harness.boot(arch, "sh", "-c", AT_ONCE.format(*numbers),
                           options=options + ["--cpus", "2"], seconds=seconds)
    yield harness.verdict("three at once, seed %d" % seed, several.code == 0, harness.show(several))


def jobs(arch, long):
    # A fixed seed where a failure must be the change's doing; a new one each time where it may take long.
    seed = int(time.time()) % 1000000 if long else 1
    children, calls, seconds = (600, 2000, 900) if long else (60, 600, 120)
    return [harness.Job("random calls " + arch,
                        lambda: _calls(arch, seed, children, calls, seconds), 4)]
