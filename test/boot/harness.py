# SPDX-License-Identifier: MIT
"""What the tests' modules share: results, jobs, and how to boot."""

import collections
import os
import re
import subprocess

Result = collections.namedtuple("Result", "name verdict detail")  # verdict: ok, not ok, skip
Job = collections.namedtuple("Job", "name function order")  # order: small first

MACHINES = {"x86_64": ["microvm", "q35"], "riscv64": ["virt"]}


def passed(name):
    return Result(name, "ok", "")


def failed(name, detail):
    return Result(name, "not ok", detail)


def verdict(name, good, detail=""):
    return passed(name) if good else failed(name, detail)


Run = collections.namedtuple("Run", "code out err")


def show(run):
    """For people, when a test failed."""
    text = "exit status %d\n" % run.code
    for name, data in (("stdout", run.out), ("stderr", run.err)):
        if data:
            text += "%s:\n%s\n" % (name, data[-6000:].decode(errors="replace"))
    return text


def boot(arch, *program, options=(), stdin=b"", seconds=60):
    """tools/samepage run; what it gave. It ends by itself; the limit here is a second net."""
    command = ["tools/samepage", "run", "--arch", arch, "--timeout", str(seconds)]
    try:
        done = subprocess.run(
            command + list(options) + ["--", *program],
            input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds + 30,
        )
    except subprocess.TimeoutExpired as late:
        return Run(124, late.stdout or b"", (late.stderr or b"") + b"\nthe runner itself hangs")
    return Run(done.returncode, done.stdout, done.stderr)


def make_variable(name, arch="x86_64"):
    return subprocess.run(
        ["make", "-s", "--no-print-directory", "ARCH=" + arch, "print-" + name],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout.split()


def case_lines(text):
    """`ok NAME` and its kin in a test program's output, each with the # lines before it."""
    detail = []
    for line in text.splitlines():
        match = re.match(r"(ok|not ok|skip) (.+)", line)
        if match:
            yield Result(match.group(2).strip(), match.group(1), "\n".join(detail))
            detail = []
        elif line:
            detail.append(line)


def program_results(name, code, text):
    """A whole test program: its cases, and one more failure if it ended badly."""
    results = [Result(name + " " + one.name, one.verdict, one.detail) for one in case_lines(text)]
    failures = sum(one.verdict == "not ok" for one in results)
    if code != 0 and not failures:
        results.append(failed(name, "exit status %d\n%s" % (code, text[-4000:])))
    if code == 0 and not results:
        results.append(failed(name, "it ran no case\n" + text[-4000:]))
    return results


def tap_results(name, code, text):
    """A TAP program's cases, and one more failure if it ended badly or not all of its plan ran."""
    results, detail = [], []
    for line in text.splitlines():
        match = re.match(r"(ok|not ok) \d+ - ([^:]+):", line)
        if match:
            verdict = "skip" if re.search(r" # SKIP ", line) else match.group(1)
            results.append(Result(match.group(2), verdict, "\n".join(detail)))
            detail = []
        elif line:
            detail.append(line)
    plan = re.search(r"^1\.\.(\d+)$", text, re.M)
    if not plan or int(plan.group(1)) != len(results):
        results.append(failed(name, "%d cases, its plan: %s\n%s" % (
            len(results), plan.group(1) if plan else "none", text[-4000:])))
    if (code != 0) != any(one.verdict == "not ok" for one in results):
        results.append(failed(name, "exit status %d\n%s" % (code, text[-4000:])))
    return results


def kernel_debug(arch):
    return os.path.join("build", arch + "-debug", "samepage.elf")


def tool(arch, name):
    """Of binutils, for an architecture."""
    return name if arch == "x86_64" else "%s-linux-gnu-%s" % (arch, name)


def kernel_calls(arch):
    """The system calls that the kernel has: its handlers that the architecture has a number for."""
    symbols = subprocess.run([tool(arch, "nm"), kernel_debug(arch)],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
    with open("abi/%s/syscalls.h" % arch) as file:
        numbered = set(re.findall(r"^SYSCALL\(\d+, (\w+)\)", file.read(), re.M))
    return set(re.findall(r" T sys_(\w+)$", symbols, re.M)) & numbered
