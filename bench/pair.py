# SPDX-License-Identifier: MIT
"""The second part: two CPUs, by the clock. Only the ratio of two kernels on one host means anything.

The kernels take turns, so that both see the host's load; a row is the median of their boots.
"""

import statistics
import sys

import machines
import table

BOOTS = 5
TIMEOUT = 120
SYSTEMS = ("lean", "samepage")


def _median(runs, key):
    found = [run.rows[key][0] for run in runs if isinstance(run.rows.get(key, ["failed"])[0], float)]
    return float(statistics.median(found)) if found else "failed"


def _scaling(name, key, found):
    """How much more two CPUs do than one, from the rows key-1 and key-2."""
    values = {}
    for system in SYSTEMS:
        one, two = found[key + "-1"].values[system], found[key + "-2"].values[system]
        if isinstance(one, float) and isinstance(two, float) and two:
            values[system] = 2 * one / two
    return table.Row(key + "-scale", name, values, more_is_better=True, judged=False)


def rows(arch, listed):
    runs = {system: [] for system in SYSTEMS}
    for _ in range(BOOTS):
        for system in SYSTEMS:
            run = machines.boot(system, arch, "pair", TIMEOUT)
            runs[system].append(run)
            if not run.complete:
                print("%s %s pair did not end\n%s" % (arch, system, "\n".join(run.noise[-15:])),
                      file=sys.stderr)
    _, ratios = table.bars(arch)
    found = {}
    for group, key, name in listed:
        if group == "pair":
            values = {system: _median(runs[system], key) for system in SYSTEMS}
            found[key] = table.Row(key, name, values, ratio_bar=ratios.get(key, 1.0))
    for key, name in (("pair-attach", "shmat + shmdt"), ("pair-fault", "first touch"),
                      ("pair-call", "getpid"), ("pair-lookup", "shmget of a key")):
        row = _scaling(name + ": throughput of 2 CPUs, of 1 = 1", key, found)
        found[row.key] = row
    start = {
        system: float(statistics.median(run.seconds_to_user * 1000 for run in runs[system]))
        for system in SYSTEMS
    }
    found["start"] = table.Row("start", "host ms from start to the first user program", start)
    return list(found.values())
