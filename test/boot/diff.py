# SPDX-License-Identifier: MIT
"""Differential fuzzing: one random sequence on this Linux and on Samepage, every result compared."""

import os
import platform
import re
import subprocess
import time

import harness

OPERATIONS = 200  # an episode
PARTS = 10  # of the long run: each a job, so that they share the CPUs
PART_EPISODES = 5000
NOT_HERE = 77


def options():
    """What this Linux does not do yet, and Samepage does: several areas in one move, since 6.17."""
    version = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
    return ["--one-area"] if version < (6, 17) else []


def _program(arch):
    return "build/%s/test/fuzz/diff" % arch


def _native(*words, seconds):
    done = subprocess.run(
        [_program("x86_64"), *options(), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=seconds,
    )
    return harness.Run(done.returncode, done.stdout, b"")


def _guest(arch, *words, seconds, cpus):
    return harness.boot(arch, "/diff", *options(), *words, seconds=seconds,
                        options=["--cpus", str(cpus), "--add", _program(arch) + "=/diff"])


def _lines(run):
    """A line for each operation, with what belongs to it."""
    return re.findall(r"^\S.*(?:\n\t.*)*", run.out.decode(errors="replace"), re.M)


def traces(arch, seed, episode, *options, cpus=1):
    """An episode's operations, a line each with what it gave: on Linux, on Samepage."""
    words = ("--trace", *options, str(seed), str(episode), "1", str(OPERATIONS))
    return (_lines(_native(*words, seconds=60)), _lines(_guest(arch, *words, seconds=120, cpus=cpus)))


def _first_difference(arch, seed, episode, cpus):
    """What the two kernels said differently first, and what came before."""
    here, there = traces(arch, seed, episode, cpus=cpus)
    for number, (one, other) in enumerate(zip(here, there)):
        if one != other:
            before = "\n".join(here[max(0, number - 12):number])
            return "%s\nLinux:    %s\nSamepage: %s" % (before, one, other)
    return "alone, the episode gives the same on both"


def _compare(arch, seed, first, count, cpus, seconds):
    words = (str(seed), str(first), str(count), str(OPERATIONS))
    here = _native(*words, seconds=seconds)
    if here.code == NOT_HERE:
        yield harness.Result("diff", "skip", here.out.decode(errors="replace"))
        return
    there = _guest(arch, *words, seconds=seconds, cpus=cpus)
    name = "seed %d, episodes from %d, %d operations on %d CPUs" % (seed, first, count * OPERATIONS, cpus)
    if here.code or there.code or len(_lines(here)) != count or len(_lines(there)) != count:
        yield harness.failed(name, "Linux: %s\nSamepage: %s" % (harness.show(here)[-1500:], harness.show(there)))
        return
    differ = [n for n, (one, other) in enumerate(zip(_lines(here), _lines(there))) if one != other]
    detail = ["%d of %d episodes differ: %s" % (len(differ), count, [first + n for n in differ[:20]])]
    for number in differ[:3]:
        detail.append("test/fuzz/diff/shrink %s %d %d" % (arch, seed, first + number))
        detail.append(_first_difference(arch, seed, first + number, cpus))
    yield harness.verdict(name, not differ, "\n".join(detail))


def _part(arch, seed, part):
    """A million operations: boots of 900 episodes on one CPU, and of 100 on two, which take turns slowly."""
    for first in range(part * PART_EPISODES, (part + 1) * PART_EPISODES, 1000):
        yield from _compare(arch, seed, first, 900, 1, 1200)
        yield from _compare(arch, seed, first + 900, 100, 2, 1200)


def jobs(arch, long):
    found = [harness.Job("diff " + arch, lambda: _compare(arch, 1, 0, 500, 1, 300), 3)]
    if long:
        seed = int(os.environ.get("DIFF_SEED", time.time())) % 1000000
        for part in range(PARTS):
            found.append(harness.Job("diff long %s, seed %d, part %d of %d" % (arch, seed, part + 1, PARTS),
                                     lambda part=part: _part(arch, seed, part), 2))
    return found
