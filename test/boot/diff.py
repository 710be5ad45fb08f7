# SPDX-License-Identifier: MIT
"""Differential fuzzing: one random sequence on this Linux and on Samepage, every result compared."""

import concurrent.futures
import os
import platform
import re
import subprocess
import threading
import time

import harness

OPERATIONS = 200  # an episode
PARTS = 10  # of the long run: each a job, so that they share the CPUs
PART_EPISODES = 5000
TWO_EPISODES = 300  # of a part, on two CPUs
SECONDS = 2400  # for a boot
START = time.time()  # both architectures have one seed
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


_plays = {}
_plays_lock = threading.Lock()


def _native_once(*words, seconds):
    """Linux plays for both architectures."""
    with _plays_lock:
        ours = words not in _plays
        play = _plays.setdefault(words, concurrent.futures.Future())
    if ours:
        try:
            play.set_result(_native(*words, seconds=seconds))
        except Exception as error:
            play.set_exception(error)
    return play.result()


def _guest(arch, *words, seconds, cpus):
    return harness.boot(arch, "/diff", *options(), *words, seconds=seconds,
                        options=["--cpus", str(cpus), "--add", _program(arch) + "=/diff"])


def _lines(run):
    """A line for each operation, with what belongs to it."""
    return re.findall(r"^\S.*(?:\n\t.*)*", run.out.decode(errors="replace"), re.M)


def traces(arch, seed, episode, *flags, first=None, cpus=1):
    """An episode's operations, a line each with what it gave: on Linux, on Samepage. `first`: all from there are played."""
    first = episode if first is None else first
    words = ("--trace", *flags, str(seed), str(first), str(episode - first + 1), str(OPERATIONS))
    return (_lines(_native(*words, seconds=SECONDS)), _lines(_guest(arch, *words, seconds=SECONDS, cpus=cpus)))


def _first_difference(here, there):
    """What the two kernels said differently first, and what came before. None: nothing."""
    for number, (one, other) in enumerate(zip(here, there)):
        if one != other and not one.startswith("episode "):
            before = "\n".join(here[max(0, number - 12):number])
            return "%s\nLinux:    %s\nSamepage: %s" % (before, one, other)
    return None


def _place(one, other, seed):
    """The two lines of an episode: the operation by whose digit they part, as Linux plays it."""
    (_, number, _, here), (*_, there) = one.split(), other.split()
    at = len(os.path.commonprefix([here, there]))
    lines = _lines(_native("--trace", str(seed), number, "1", str(OPERATIONS), seconds=SECONDS))
    return "\n".join(["they part here, or just before:", *lines[max(0, at - 12):at + 1]])


def _explain(arch, seed, first, one, other, cpus):
    episode = int(one.split()[1])
    alone = _first_difference(*traces(arch, seed, episode, cpus=cpus))
    if alone:
        return "test/fuzz/diff/shrink %s %d %d\n%s" % (arch, seed, episode, alone)
    after = _first_difference(*traces(arch, seed, episode, first=first, cpus=cpus))
    return "episode %d: only after others, from %d on: %s" % (
        episode, first, after or "and not each time; " + _place(one, other, seed))


def _compare(arch, seed, first, count, cpus):
    words = (str(seed), str(first), str(count), str(OPERATIONS))
    here = _native_once(*words, seconds=SECONDS)
    if here.code == NOT_HERE:
        yield harness.Result("diff", "skip", here.out.decode(errors="replace"))
        return
    there = _guest(arch, *words, seconds=SECONDS, cpus=cpus)
    name = "seed %d, episodes from %d, %d operations on %d CPUs" % (seed, first, count * OPERATIONS, cpus)
    if here.code or there.code or len(_lines(here)) != count or len(_lines(there)) != count:
        yield harness.failed(name, "Linux: %s\nSamepage: %s" % (harness.show(here)[-1500:], harness.show(there)))
        return
    differ = [pair for pair in zip(_lines(here), _lines(there)) if pair[0] != pair[1]]
    detail = ["%d of %d episodes differ: %s" % (len(differ), count, [one.split()[1] for one, _ in differ[:20]])]
    detail += [_explain(arch, seed, first, one, other, cpus) for one, other in differ[:3]]
    yield harness.verdict(name, not differ, "\n".join(detail))


def _part(arch, seed, part):
    """
    A million operations: a boot on one CPU, long enough for process numbers to begin again, and
    one on two, which costs twice as much and takes turns slowly.
    """
    first = part * PART_EPISODES
    yield from _compare(arch, seed, first, PART_EPISODES - TWO_EPISODES, 1)
    yield from _compare(arch, seed, first + PART_EPISODES - TWO_EPISODES, TWO_EPISODES, 2)


def jobs(arch, long):
    found = [harness.Job("diff " + arch, lambda: _compare(arch, 1, 0, 500, 1), 3)]
    if long:
        seed = int(os.environ.get("DIFF_SEED", START)) % 1000000
        for part in range(PARTS):
            found.append(harness.Job("diff long %s, seed %d, part %d of %d" % (arch, seed, part + 1, PARTS),
                                     lambda part=part: _part(arch, seed, part), 2))
    return found
