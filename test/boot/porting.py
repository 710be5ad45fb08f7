# SPDX-License-Identifier: MIT
"""docs/porting.md: its excerpts are in the files that it names, its command builds the example, which prints what it says."""

import os
import re
import subprocess
import tempfile

import harness

PORTING = "docs/porting.md"
EXCERPT = re.compile(r"^```c ([\w/.]+)\n(.*?)^```$", re.M | re.S)
STORY = re.compile(r"^    (cc .*) -o example && ./example\n\n```text\n(.*?)^```$", re.M | re.S)


def _run(command, shell=False):
    done = subprocess.run(command, shell=shell, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)
    return done.returncode, done.stdout.decode(errors="replace")


def _porting():
    with open(PORTING, encoding="utf-8") as file:
        text = file.read()
    for path, excerpt in EXCERPT.findall(text):
        with open(path, encoding="utf-8") as file:
            yield harness.verdict("excerpt of %s: %s" % (path, excerpt.split("\n")[0].strip()),
                                  excerpt in file.read(), excerpt)
    stories = STORY.findall(text)
    yield harness.verdict("one command and what it prints", len(stories) == 1, repr(stories))
    for command, expected in stories:
        with tempfile.TemporaryDirectory(prefix="samepage-porting-") as folder:
            program = os.path.join(folder, "example")
            code, said = _run("%s -o %s" % (command, program), shell=True)
            if not code:
                code, said = _run([program])
        yield harness.verdict("the command", code == 0 and said == expected, said)
        for cpu in harness.make_variable("EXAMPLE_CPUS"):
            code, said = _run(["build/host/example-" + cpu])
            yield harness.verdict("example " + cpu, code == 0 and said == expected, said)


def jobs(arch, _long):
    return [harness.Job("porting", _porting, 2)] if arch == "x86_64" else []
