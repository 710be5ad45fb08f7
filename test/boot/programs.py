# SPDX-License-Identifier: MIT
"""Programs that nobody here wrote, unmodified from Debian, and the demos."""

import re

import harness
from terminal import Terminal

MODEL = {
    # name: (script, what standard output must match, whole)
    "a pipeline": ("seq 1 1000 | grep 7 | sort -r | head -n 2", r"997\n987\n"),
    "redirection and here-documents": ("cat >/tmp/x <<E; wc -c </tmp/x\nabc\nE\n", r"4\n"),
    "ls": ("mkdir /tmp/d; touch /tmp/d/a /tmp/d/b; ls -1 /tmp/d", r"a\nb\n"),
    "find and xargs": ("mkdir -p /tmp/e/f; touch /tmp/e/f/g; find /tmp/e -type f | xargs ls", r"/tmp/e/f/g\n"),
    "cp, mv, rm, stat": (
        "cp /etc/passwd /tmp/p; mv /tmp/p /tmp/q; stat -c %s /tmp/q; rm /tmp/q; ls /tmp/q 2>&1",
        r"\d+\nls: /tmp/q: No such file or directory\n"),
    "ps": ("sleep 99 & sleep 1; ps -o pid,args | grep 'sleep 99' | grep -v grep | wc -l", r"1\n"),
    "kill and wait": ("sleep 99 & kill $!; wait $!; echo $?", r"143\n"),
    "tar and gzip": ("cd /tmp; tar cz -f a.tgz /etc 2>/dev/null; tar tzf a.tgz | grep passwd", r"etc/passwd\n"),
    "a subshell's status": ("(exit 3); echo $?; false || echo no", r"3\nno\n"),
    "awk": ("echo 3 4 | awk '{ print $1 * $2 }'", r"12\n"),
    "dd": ("dd if=/dev/zero of=/tmp/z bs=1M count=8 2>/dev/null; ls -s /tmp/z | awk '{print $1}'", r"8192\n"),
    "date": ("date +%Y | grep -c 20", r"1\n"),
    "uname": ("uname -m", r"(x86_64|riscv64)\n"),
    "sha256sum": ("printf abc | sha256sum", r"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n"),
    "/dev/urandom": ("head -c 16 /dev/urandom | wc -c", r"16\n"),
    "a dynamic program": ("/usr/bin/ipcs --version", r"ipcs from util-linux [\d.]+\n"),
}

IPC_SCRIPT = r"""
set -e
first=$(ipcmk -M 10000 -p 640 | sed 's/.*: //')
second=$(ipcmk -M 4096 | sed 's/.*: //')
echo "ids $first $second"
ipcs -m
ipcs -m -i $first
ipcs -m -u
ipcs -m -l
lsipc -m
ipcrm -m $first
ipcs -m | grep -c 0x || true
ipcrm -m $first 2>&1 || echo "status $?"
ipcrm --all=shm
ipcs -m | grep -c 0x || true
cat /proc/sysvipc/shm
"""

IPC_EXPECTED = [
    ("ipcmk makes segments", r"(?m)^ids \d+ \d+$"),
    ("ipcs -m lists them", r"(?m)^0x[0-9a-f]{8} \d+ +root +640 +10000 +0 *$"),
    ("ipcs -m -i shows one", r"(?m)^bytes=10000\s+lpid=0\s+cpid=\d+\s+nattch=0"),
    ("ipcs -m -u sums", r"segments allocated 2\npages allocated 4\n"),
    ("ipcs -m -l shows limits", r"max number of segments = 4096"),
    ("lsipc -m lists them", r"(?m)^ *0x[0-9a-f]+ +\d+ +rw-r----- +root +9.8K +0 "),
    ("ipcrm removes one", r"(?m)^1$\nipcrm: invalid id \(\d+\)\nstatus 1$"),
    ("ipcrm --all=shm removes all", r"(?m)^0$\n +key +shmid"),
    ("/proc/sysvipc/shm is empty then", r"swap *\n$"),
]


def _busybox(arch):
    """One boot for all: each script between marks."""
    marks = "".join("echo \"@@ %s\"; ( %s\n)\n" % (name, script) for name, (script, _) in MODEL.items())
    run = harness.boot(arch, "sh", "-c", marks)
    parts = dict(re.findall(r"^@@ (.*)\n((?:(?!@@ ).*\n)*)", run.out.decode(errors="replace"), re.M))
    for name, (_, pattern) in MODEL.items():
        good = re.fullmatch(pattern, parts.get(name, "missing"))
        yield harness.verdict(name, bool(good), "%r\n%s" % (parts.get(name), harness.show(run)))


def _ipc(arch):
    run = harness.boot(arch, "sh", "-c", IPC_SCRIPT)
    text = run.out.decode(errors="replace")
    yield harness.verdict("the script", run.code == 0 and not run.err, harness.show(run))
    for name, pattern in IPC_EXPECTED:
        yield harness.verdict(name, bool(re.search(pattern, text)), pattern + "\n" + harness.show(run))


def _demos(arch):
    """What make run shows, off a terminal."""
    run = harness.boot(arch, "/demo/all", seconds=120)
    yield harness.verdict("all demos", run.code == 0, harness.show(run))
    yield harness.verdict("ipcs -m at the end", b"Shared Memory Segments" in run.out, harness.show(run))


def _make_run(arch):
    """make run on a terminal: the demos, then a shell, which can use what is there."""
    with Terminal(["make", "--no-print-directory", "run", "ARCH=" + arch]) as shell:
        yield harness.verdict("the demos", shell.wait(b"Shared Memory Segments"), shell.shown())
        shell.pause(2)
        shell.type(b"ipcmk -M 4096; echo and $((6*7)).\r")
        yield harness.verdict("then a shell", shell.wait(b"Shared memory id: ") and shell.wait(b"and 42."),
                              shell.shown())
        shell.type(b"exit\r")
        yield harness.verdict("whose end is the end", shell.end() == 0, shell.shown())


def jobs(arch, long):
    return [
        harness.Job("make run " + arch, lambda: _make_run(arch), 4),
        harness.Job("busybox " + arch, lambda: _busybox(arch), 4),
        harness.Job("ipcs and kin " + arch, lambda: _ipc(arch), 4),
        harness.Job("demos " + arch, lambda: _demos(arch), 4),
    ]
