# SPDX-License-Identifier: MIT
"""Tests that need no machine: the checks, shm/ on the host, init's protocol, mutants."""

import os
import re
import subprocess

import harness
import protocol_test


def _run(command, seconds):
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=seconds,
        )
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b"").decode(errors="replace") + "\nnot done in %d s" % seconds


def _check():
    code, text = _run(["tools/check"], 300)
    detail = []
    for line in text.splitlines():
        match = re.match(r"(ok|not ok) (\w+): ", line)
        if match:
            yield harness.Result(match.group(2), match.group(1), "\n".join(detail))
            detail = []
        else:
            detail.append(line)
    if detail:
        yield harness.failed("check", "exit status %d\n%s" % (code, "\n".join(detail)))


def _program(path, long):
    code, text = _run([path] + (["--long"] if long else []), 3600 if long else 600)
    return harness.program_results(os.path.basename(path), code, text)


def _shm_fuzz(cpu, long):
    code, text = _run(["test/fuzz/shm/run", cpu] + (["--long"] if long else []), 3600 if long else 600)
    return harness.program_results("shm", code, text)


def _mutate():
    code, text = _run(["make", "-s", "--no-print-directory", "mutate"], 1200)
    return harness.program_results("mutate", code, text)


def jobs(long):
    found = [harness.Job("check", _check, 0), harness.Job("init protocol", protocol_test.run, 1)]
    for path in harness.make_variable("HOST_TESTS"):
        found.append(harness.Job("host " + os.path.basename(path), lambda p=path: _program(p, long), 2))
    for cpu in harness.make_variable("SHM_FUZZ_CPUS"):
        found.append(harness.Job("fuzz shm " + cpu, lambda c=cpu: _shm_fuzz(c, long), 2))
    if any(re.match(r"mutate:", line) for line in _makefile_lines()):
        found.append(harness.Job("mutate", _mutate, 3))
    return found


def _makefile_lines():
    for path in ["Makefile", *harness.make_variable("MAKEFILE_LIST")]:
        with open(path) as file:
            yield from file
