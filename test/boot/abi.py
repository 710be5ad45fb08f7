# SPDX-License-Identifier: MIT
"""The ABI programs: on this Linux, and all in one boot for each machine and setting.

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

PROGRAM_SECONDS = 120
BOOT_SECONDS = 600

# What the native run showed, for the comparison: program -> {case: verdict}.
_native = {}


def _programs(arch):
    return sorted(one for one in glob.glob("build/%s/test/abi/*" % arch) if os.access(one, os.X_OK))


def _native_job():
    for path in _programs("x86_64"):
        name = os.path.basename(path)
        with tempfile.TemporaryDirectory(prefix="samepage-abi-") as folder:
            os.chmod(folder, 0o755)  # other users run it too, wherever this tree lies
            try:
                done = subprocess.run(
                    [shutil.copy(path, folder)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, timeout=PROGRAM_SECONDS, cwd=folder,
                )
                code, text = done.returncode, done.stdout.decode(errors="replace")
            except subprocess.TimeoutExpired as late:
                code, text = 124, (late.stdout or b"").decode(errors="replace")
        results = harness.program_results(name, code, text)
        _native[name] = {one.name: one.verdict for one in results}
        yield from results


def _guest_job(arch, options):
    """All programs in one boot: batch.c says where each begins and ends."""
    with tempfile.TemporaryDirectory(prefix="samepage-abi-") as folder:
        os.chmod(folder, 0o755)  # other users run these programs too
        for path in _programs(arch):
            copy = shutil.copy(path, folder)
            subprocess.run([harness.strip(arch), "-g", copy], check=False)
        run = harness.boot(
            arch, "/batch", str(PROGRAM_SECONDS), "/test/abi", seconds=BOOT_SECONDS,
            options=["--add", folder + "=/test/abi", "--add",
                     "build/%s/test/boot/batch=/batch" % arch, *options],
        )
    text = run.out.decode(errors="replace")
    seen = collections.OrderedDict()
    for match in re.finditer(r"^@@ begin (\S+)\n(.*?)(?:^@@ end (\d+)\n|\Z)", text, re.M | re.S):
        seen[match.group(1)] = (match.group(2), match.group(3))
    for path in _programs(arch):
        name = os.path.basename(path)
        if name not in seen:
            yield harness.failed(name, "not reached: " + harness.show(run)[-2500:])
            continue
        output, code = seen[name]
        if code is None:
            output += "\n" + harness.show(run._replace(out=b""))
        results = harness.program_results(name, int(code or 125), output)
        yield from results
        yield from _compare(name, {one.name for one in results})
    if run.code != 0:
        yield harness.failed("the boot", harness.show(run._replace(out=run.out[-500:])))


def _compare(name, cases):
    """The guest ran what Linux ran; nothing is lost on the way."""
    lost = sorted(one for one in _native.get(name, {}) if one not in cases)
    if lost:
        yield harness.failed(name, "cases that ran on Linux did not run here: " + ", ".join(lost))


def jobs(arch, long):
    found = []

    def add(name, *options):
        found.append(harness.Job("abi %s, %s" % (arch, name), lambda: _guest_job(arch, options), 10))

    if arch == "x86_64":
        found.append(harness.Job("abi on Linux", _native_job, 1))
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
    add("counted", "--icount")
    for round in range(5):
        add("3 CPUs, again (%d)" % round, "--cpus", "3")
    return found
