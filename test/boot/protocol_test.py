# SPDX-License-Identifier: MIT
"""The runner's session against init on the host: the same cases as in the guest, in a second or two."""

import os
import subprocess
import sys

import harness
import streams

SESSION = os.path.join(os.path.dirname(os.path.realpath(__file__)), "native_session.py")


def start(options, program, **popen):
    return subprocess.Popen([sys.executable, SESSION, *options, "--", *program], **popen)


def run_cases(start_runner, cases):
    for case in cases:
        try:
            case(start_runner)
            yield harness.passed(case.__doc__)
        except (streams.Wrong, OSError, subprocess.SubprocessError) as wrong:
            yield harness.failed(case.__doc__, "%s: %s" % (type(wrong).__name__, wrong))


def run():
    return run_cases(start, streams.CASES)
