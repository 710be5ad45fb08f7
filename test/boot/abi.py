# SPDX-License-Identifier: MIT
"""shmconform: on this Linux as root, as somebody else and as a stranger builds it, and in
one boot for each machine and setting.

A case that Linux passes must pass in Samepage, and the same cases must have run:
with linking and without, on one CPU and on several.
"""

import collections
import glob
import os
import re
import shutil
import subprocess
import tempfile

import harness

GROUP_SECONDS = 120
BOOT_SECONDS = 900
COUNTED_SECONDS = 2400  # a second of the guest's is a billion instructions

# What the native run showed, for the comparison: the cases' names.
_native = set()


def _program(arch):
    return "build/%s/shmconform" % arch


def _groups(pattern="*"):
    return subprocess.run(
        [_program("x86_64"), "--list-groups", "--group", pattern],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout.split()


def _run(folder, *arguments, **popen):
    """A program in a folder of its own, which others may enter: exit status and text."""
    try:
        done = subprocess.run(
            [folder + "/shmconform", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=BOOT_SECONDS, cwd=folder, **popen,
        )
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b"").decode(errors="replace")


def _folder():
    folder = tempfile.TemporaryDirectory(prefix="samepage-abi-")
    os.chmod(folder.name, 0o755)  # other users run it too, wherever this tree lies
    return folder


def _native_job():
    with _folder() as folder:
        shutil.copy(_program("x86_64"), folder)
        code, text = _run(folder)
        results = harness.tap_results("shmconform", code, text)
        _native.update(one.name for one in results)
        yield from results


def _stranger_job():
    """Built with one line, run by somebody who is not root."""
    with _folder() as folder:
        command = ["cc", "-static", "-pthread", "-o", folder + "/shmconform",
                   *sorted(glob.glob("test/abi/*.c")), "-lm"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        yield harness.verdict("builds with cc alone, without a warning",
                              (done.returncode, done.stdout) == (0, ""), done.stdout)
        nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        code, text = _run(folder, **nobody)
        yield from harness.tap_results("shmconform", code, text)
        yield from _options(folder)


def _options(folder):
    def verdict(name, expected, *arguments):
        seen = _run(folder, *arguments)
        return harness.verdict(name, expected(*seen), "exit status %d\n%s" % seen)

    yield verdict("--list names cases and rules",
                  lambda code, text: code == 0 and all("/" in line and "\t" in line for line in text.splitlines()),
                  "--list")
    yield verdict("a pattern and a word choose", lambda code, text: code == 0 and "1..0" not in text
                  and all(" - shm_get/" in line for line in text.splitlines() if line.startswith("ok")),
                  "--group", "shm_g*", "--filter", "*size*", "key")
    yield verdict("misuse is status 2", lambda code, text: code == 2 and "usage:" in text, "--nonsense")
    yield verdict("no such case is status 2", lambda code, text: code == 2, "no such case")
    yield verdict("a case that takes too long fails: status 1",
                  lambda code, text: code == 1 and "time limit" in text, "--seconds", "1",
                  "--filter", "stress/threads_fork")


def _guest_job(arch, options, seconds):
    """All groups in one boot: batch.c says where each begins and ends."""
    with _folder() as folder:
        copy = shutil.copy(_program(arch), folder)
        subprocess.run([harness.tool(arch, "strip"), "-g", copy], check=False)
        run = harness.boot(
            arch, "/batch", str(GROUP_SECONDS), "/test/shmconform", *_groups(), seconds=seconds,
            options=["--add", folder + "=/test", "--add",
                     "build/%s/test/boot/batch=/batch" % arch, *options],
        )
    text = run.out.decode(errors="replace")
    seen = collections.OrderedDict()
    for match in re.finditer(r"^@@ begin (\S+)\n(.*?)(?:^@@ end (\d+)\n|\Z)", text, re.M | re.S):
        seen[match.group(1)] = (match.group(2), match.group(3))
    for name in _groups():
        if name not in seen:
            yield harness.failed(name, "not reached: " + harness.show(run)[-2500:])
            continue
        output, code = seen[name]
        if code is None:
            output += "\n" + harness.show(run._replace(out=b""))
        results = harness.tap_results(name, int(code or 125), output)
        yield from results
        yield from _compare(name, {one.name for one in results})
    if run.code != 0:
        yield harness.failed("the boot", harness.show(run._replace(out=run.out[-500:])))


def _compare(group, cases):
    """The guest ran what Linux ran; nothing is lost on the way."""
    lost = sorted(one for one in _native if one.startswith(group + "/") and one not in cases)
    if lost:
        yield harness.failed(group, "cases that ran on Linux did not run here: " + ", ".join(lost))


def jobs(arch, long):
    found = []

    def add(name, *options, seconds=BOOT_SECONDS):
        found.append(harness.Job("abi %s, %s" % (arch, name), lambda: _guest_job(arch, options, seconds), 10))

    if arch == "x86_64":
        found.append(harness.Job("abi on Linux", _native_job, 1))
        found.append(harness.Job("abi on Linux, a stranger's", _stranger_job, 1))
    for cpus in ("1", "2"):
        for link in ("1", "0"):
            name = "%s CPU%s, shm.link=%s" % (cpus, "" if cpus == "1" else "s", link)
            add(name, "--cpus", cpus, "--append", "shm.link=" + link)
    debug = ("--kernel", harness.kernel_debug(arch))
    add("4 CPUs, debug", "--cpus", "4", *debug)
    if not long:
        return found
    for machine in harness.MACHINES[arch]:
        add("8 CPUs on %s, debug" % machine, "--cpus", "8", "--machine", machine, *debug)
        add("8 CPUs on %s, shm.link=0" % machine, "--cpus", "8", "--machine", machine, "--append", "shm.link=0")
    add("counted", "--icount", seconds=COUNTED_SECONDS)
    for round in range(2):
        add("3 CPUs, again (%d)" % round, "--cpus", "3")
    return found
