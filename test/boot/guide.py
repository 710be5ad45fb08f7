# SPDX-License-Identifier: MIT
"""The programs in docs/guide.md: each compiles, runs on Linux and in Samepage, and prints what the guide says."""

import os
import re
import subprocess
import tempfile

import harness

GUIDE = "docs/guide.md"
PROGRAM = re.compile(r"^```c (\w+)( samepage)?\n(.*?)^```\n```text\n(.*?)^```$", re.M | re.S)
COMPILERS = {"x86_64": "gcc", "riscv64": "riscv64-linux-gnu-gcc"}
FLAGS = ["-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-Wno-unused-result", "-Werror", "-pthread"]


def _programs():
    """(name, only on Samepage, source, expected output) of each."""
    with open(GUIDE, encoding="utf-8") as guide:
        text = guide.read()
    found = [(one[0], bool(one[1]), one[2], one[3]) for one in PROGRAM.findall(text)]
    assert len(found) == text.count("\n```c"), "a program in the guide without its output"
    return found


def _compile(arch, name, source, folder):
    """The path of the program. Raises with the compiler's words."""
    path = os.path.join(folder, name)
    with open(path + ".c", "w", encoding="utf-8") as file:
        file.write(source)
    done = subprocess.run([COMPILERS[arch], *FLAGS, "-o", path, path + ".c", "-lrt"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise AssertionError("%s does not compile:\n%s" % (name, done.stdout))
    os.remove(path + ".c")
    return path


def _native():
    own = ["unshare", "-i"] if os.geteuid() == 0 else ["unshare", "-Uri"]
    with tempfile.TemporaryDirectory(prefix="samepage-guide-") as folder:
        for name, only_samepage, source, expected in _programs():
            if only_samepage:
                continue
            path = _compile("x86_64", name, source, folder)
            done = subprocess.run([*own, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60)
            good = done.returncode == 0 and done.stdout.decode() == expected
            yield harness.verdict(name, good, done.stdout.decode(errors="replace"))


def _guest(arch):
    with tempfile.TemporaryDirectory(prefix="samepage-guide-") as folder:
        programs = _programs()
        for name, _, source, _ in programs:
            _compile(arch, name, source, folder)
        script = "".join("echo '@@ %s'; /guide/%s; echo \"@@ status $?\"\n" % (one[0], one[0]) for one in programs)
        run = harness.boot(arch, "sh", "-c", script, options=["--add", folder + "=/guide"])
    parts = dict(re.findall(r"^@@ (\w+)\n(.*?)^@@ status 0$", run.out.decode(errors="replace"), re.M | re.S))
    for name, _, _, expected in programs:
        yield harness.verdict(name, parts.get(name) == expected, "%r\n%s" % (parts.get(name), harness.show(run)))


def jobs(arch, _long):
    found = [harness.Job("guide " + arch, lambda: _guest(arch), 3)]
    if arch == "x86_64":
        found.append(harness.Job("guide on Linux", _native, 2))
    return found
