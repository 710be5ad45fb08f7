# SPDX-License-Identifier: MIT
"""util-linux's ipcs, ipcmk, ipcrm and lsipc print in Samepage what they print on Linux.

The same Debian programs, from the same packages, see the same state (ipcstate.c): on this Linux in
an IPC namespace of their own, started through their own loader, and in the guest. Times and process
ids are made alike; all else must be equal, byte for byte.
"""

import os
import re
import subprocess
import tempfile

import harness

ROOT = "build/packages/x86_64/root"
TOOLS = ("ipcs", "ipcmk", "ipcrm", "lsipc")

LIST = "lsipc -m -o KEY,ID,PERMS,OWNER,SIZE,NATTCH,STATUS,CUSER,CGROUP,UID,GID"

COMMANDS = [
    "ipcs -m", "ipcs -m -t", "ipcs -m -p", "ipcs -m -c", "ipcs -m -u", "ipcs -m -l", "ipcs -m -b",
    "ipcs -m --human", "ipcs -m -i 0", "ipcs -m -i 1", "ipcs -m -i 2", "ipcs -m -i 3", "ipcs -m -i 4",
    "ipcs -m -i 5", "ipcs -m -i 6", "ipcs -m -i 77",
    "lsipc -m", "lsipc -m --json", "lsipc -m --raw", "lsipc -m --export", "lsipc -m --newline",
    "lsipc -m -b", "lsipc -m -c", "lsipc -m -P", "lsipc -m -t", "lsipc -m -i 1", "lsipc -m -i 2", "lsipc -m -i 3",
    "lsipc -m -i 77", LIST, "cat /proc/sysvipc/shm",
    "ipcmk -M 5000", "ipcmk -M 1M -p 0666", "ipcmk -M 0", "ipcs -m", LIST,
    "ipcrm -m 0", "ipcrm -m 0", "ipcrm -M 0x5a3e0002", "ipcrm -M 0x5a3e0002", "ipcrm -M 0x12345",
    "ipcrm -m 2", "ipcrm -m 77", "ipcs -m", LIST, "ipcrm --all=shm", "ipcs -m", "ipcs -m -u",
    "cat /proc/sysvipc/shm",
]
# All three kinds, in the same state again: each list is a run of its own. Not POSIX queues, which Samepage
# has not; nor `ipcrm --all`, which on Linux would also empty the host's /dev/shm.
ALL_COMMANDS = [
    "ipcs", "ipcs -a", "ipcs -t", "ipcs -p", "ipcs -c", "ipcs -u", "ipcs -l", "ipcs -s -i 0", "ipcs -s -i 1",
    "ipcs -s -i 77", "ipcs -q -i 0", "ipcs -q -i 1", "ipcs -q -i 77", "ipcs -b -q", "ipcs -b -s",
    "lsipc 2>/dev/null | grep -v POSIX", "lsipc -g --raw 2>/dev/null | grep -v POSIX", "lsipc -s", "lsipc -s --json", "lsipc -s -i 0", "lsipc -s -i 1",
    "lsipc -s -i 77", "lsipc -s -c", "lsipc -q", "lsipc -q --json", "lsipc -q -i 0", "lsipc -q -t", "lsipc -q -c",
    "cat /proc/sysvipc/sem", "cat /proc/sysvipc/msg",
    "ipcmk -S 4", "ipcmk -Q", "ipcmk -S 0", "ipcmk -S 4 -p 0640", "ipcmk -Q -p 0600", "ipcs",
    "ipcrm -s 0", "ipcrm -s 0", "ipcrm -q 0", "ipcrm -q 0", "ipcrm -S 0x5a3e0011", "ipcrm -Q 0x5a3e0021",
    "ipcrm -s 77 -q 77", "ipcs", "ipcrm --all=sem", "ipcrm --all=msg", "ipcs", "ipcs -u", "cat /proc/sysvipc/sem", "cat /proc/sysvipc/msg",
]


def _script(commands):
    return "".join("echo '@@ %s'; { %s; } 2>&1; echo \"status $?\"\n" % (one, one) for one in commands).encode()


def _native(commands):
    """What Linux gives."""
    loader = os.path.abspath(ROOT + "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    with tempfile.TemporaryDirectory(prefix="samepage-ipc-") as folder:
        for name in TOOLS:
            path = folder + "/" + name
            with open(path, "w") as file:
                file.write("#!/bin/sh\nexec %s --argv0 %s --library-path %s %s \"$@\"\n" % (
                    loader, name, os.path.dirname(loader), os.path.abspath(ROOT + "/usr/bin/" + name)))
            os.chmod(path, 0o755)
        unshare = ["unshare", "-i"] if os.getuid() == 0 else ["unshare", "-Uri"]
        done = subprocess.run(
            [*unshare, os.path.abspath("build/x86_64/test/boot/ipcstate"), "/bin/sh"],
            input=_script(commands), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
            env={"PATH": folder + ":/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"},
        )
    return done.stdout.decode(errors="replace")


def _guest(arch, commands):
    return harness.boot(
        arch, "/ipcstate", "/bin/sh", stdin=_script(commands),
        options=["--add", "build/%s/test/boot/ipcstate=/ipcstate" % arch, "--env", "TZ=UTC", "--env", "LC_ALL=C"],
    )


def _alike(text, pid):
    """The same times, keys drawn by lot, and process id; columns may be as wide as these need."""
    text = re.sub(r"\b([A-Z][a-z]{2} )?[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d(:\d\d)?( \d{4})?", "TIME", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\dT[\d:+]+|\b\d\d:\d\d\b|\b1[789]\d{8}\b", "TIME", text)
    text = re.sub(r"\b0x(?!5a3e|00000000|ffffffff)[0-9a-f]{8}\b", "KEY", text)
    if pid and re.search(r"\b%s\b" % pid, text):
        text = re.sub(r" +", " ", re.sub(r"\b%s\b" % pid, "PID", text))
    return text


def _parts(text):
    """(command, what it printed, made alike), in order."""
    pid = re.search(r"^pid (\d+)$", text, re.M)
    return [(command, _alike(output, pid and pid.group(1)))
            for command, output in re.findall(r"^@@ (.*)\n((?:(?!@@ ).*\n)*)", text, re.M)]


def _compare(arch):
    yield from _compare_list(arch, COMMANDS)
    yield from _compare_list(arch, ALL_COMMANDS)


def _compare_list(arch, commands):
    run = _guest(arch, commands)
    here, there = _parts(_native(commands)), _parts(run.out.decode(errors="replace"))
    yield harness.verdict("the script", len(here) == len(there) == len(commands), harness.show(run))
    for number, ((command, expected), (_, seen)) in enumerate(zip(here, there), 1):
        yield harness.verdict("%d: %s" % (number, command), expected == seen,
                              "Linux:\n%s\nSamepage:\n%s" % (expected, seen))


def jobs(arch, long):
    return [harness.Job("ipcs as on Linux " + arch, lambda: _compare(arch), 4)]
