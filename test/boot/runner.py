# SPDX-License-Identifier: MIT
"""What `tools/samepage run` promises, with a real machine behind it."""

import os
import subprocess
import tempfile
import time

import harness
import protocol_test
import streams
from terminal import Terminal


def _starter(arch):
    def start(options, program, **popen):
        command = ["tools/samepage", "run", "--arch", arch, *options, "--", *program]
        return subprocess.Popen(command, **popen)

    return start


def _streams(arch):
    return protocol_test.run_cases(_starter(arch), streams.CASES)


def _endings(arch):
    begin = time.monotonic()
    run = harness.boot(arch, "sleep", "100", seconds=5)
    took = time.monotonic() - begin
    yield harness.verdict("a time-out is status 124", run.code == 124 and took < 15, harness.show(run))
    yield harness.verdict("with the reason and the log on standard error",
                          b"timed out after 5 seconds" in run.err and len(run.err.splitlines()) > 1,
                          harness.show(run))
    run = harness.boot(arch, "true", options=["--append", "init=/no/such/file"], seconds=20)
    yield harness.verdict("a kernel panic is status 125", run.code == 125, harness.show(run))
    yield harness.verdict("with the panic on standard error", b"panic" in run.err, harness.show(run))
    run = harness.boot(arch, "true", options=["--kernel", "/no/such/kernel"])
    yield harness.verdict("no kernel is status 125",
                          run.code == 125 and b"/no/such/kernel" in run.err, harness.show(run))
    run = harness.boot(arch, "true", options=["--kernel", "/etc/passwd"], seconds=10)
    yield harness.verdict("a machine that cannot start is status 125 (or ends by time-out)",
                          run.code in (124, 125), harness.show(run))
    run = harness.boot(arch, "true", options=["--cpus", "99"])
    yield harness.verdict("misuse is status 125", run.code == 125, harness.show(run))
    run = harness.boot(arch, "poweroff", "-f")
    yield harness.verdict("a machine that goes down under the program is status 125",
                          run.code == 125, harness.show(run))


def _options(arch):
    with tempfile.TemporaryDirectory(prefix="samepage-add-") as folder:
        os.mkdir(folder + "/sub")
        for name, mode in (("script", 0o755), ("sub/secret", 0o600)):
            with open(os.path.join(folder, name), "w") as file:
                file.write("#!/bin/sh\necho hello from $0\n")
            os.chmod(os.path.join(folder, name), mode)
        os.symlink("script", folder + "/link")
        add = ["--add", folder + "=/opt/x y"]
        run = harness.boot(arch, "/opt/x y/link", options=add)
        yield harness.verdict("--add puts a folder there, links and modes kept",
                              (run.code, run.out) == (0, b"hello from /opt/x y/link\n"), harness.show(run))
        run = harness.boot(arch, "stat", "-c", "%a %F", "/opt/x y/sub/secret", "/opt/x y/link", options=add)
        yield harness.verdict("the modes are the host's",
                              run.out == b"600 regular file\n777 symbolic link\n", harness.show(run))
        run = harness.boot(arch, "cat", "/opt/x y/sub/secret", options=add + ["--user", "65534"])
        yield harness.verdict("--user is another user", run.code == 1, harness.show(run))
        run = harness.boot(arch, "cat", "/etc/passwd", options=["--add", folder + "/script=/etc/passwd"])
        yield harness.verdict("--add replaces what the image has", run.out.startswith(b"#!/bin/sh"), harness.show(run))
    run = harness.boot(arch, "id", options=["--user", "65534"])
    yield harness.verdict("--user sets user and group",
                          run.out == b"uid=65534(nobody) gid=65534(nogroup)\n", harness.show(run))
    script = "touch /tmp/a /dev/shm/b && ls /proc/self/exe >/dev/null && echo $HOME $A"
    run = harness.boot(arch, "sh", "-c", script, options=["--user", "65534", "--env", "A=1 2"])
    yield harness.verdict("/tmp and /dev/shm are everybody's, /proc is there, --env sets",
                          run.out == b"/nonexistent 1 2\n", harness.show(run))
    run = harness.boot(arch, "sh", "-c", "cat /proc/cmdline", options=["--append", "some=thing"])
    yield harness.verdict("--append gives kernel arguments", b"some=thing" in run.out, harness.show(run))


def _counting(arch):
    """--icount: the same run twice takes the same number of instructions."""
    bench = "build/%s/bench/counts=/counts" % arch
    runs = [harness.boot(arch, "/counts", options=["--icount", "--add", bench], seconds=170)
            for _ in range(2)]
    yield harness.verdict("the counts run", runs[0].code == 0 and runs[0].out, harness.show(runs[0]))
    yield harness.verdict("and are the same twice", runs[0].out == runs[1].out,
                          runs[0].out.decode() + "\n" + runs[1].out.decode())


def _terminal(arch):
    """An interactive shell: size, editing, Ctrl-C, job control, status, Ctrl-A x."""
    with Terminal(["tools/samepage", "run", "--arch", arch, "--env", "PS1=READY> ", "sh"]) as shell:
        shell.freeze(2)
        yield harness.verdict("a prompt, whenever the runner looks", shell.wait(b"READY> "), shell.shown())
        shell.type(b"stty size; echo $((6*7)).\r")
        yield harness.verdict("the window's size", shell.wait(b"30 100\r\n"), shell.shown())
        yield harness.verdict("commands run", shell.wait(b"42.\r\n"), shell.shown())
        shell.type(b"echo wrong\x7f\x7f\x7f\x7f\x7fright\r")
        yield harness.verdict("erasing works", shell.wait(b"right\r\n"), shell.shown())
        shell.type(b"sleep 1000\r")
        shell.pause(1.5)
        shell.type(b"\x03")
        shell.type(b"echo status $?.\r")
        yield harness.verdict("Ctrl-C ends the program, not the shell", shell.wait(b"status 130."), shell.shown())
        shell.type(b"sleep 1000\r")
        shell.pause(1.5)
        shell.type(b"\x1a")
        yield harness.verdict("Ctrl-Z stops it", shell.wait(b"Stopped"), shell.shown())
        shell.type(b"bg; sleep 1; jobs; kill %1; sleep 1; jobs\r")
        yield harness.verdict("bg lets it go on", shell.wait(b"Running"), shell.shown())
        yield harness.verdict("kill ends it", shell.wait(b"Terminated"), shell.shown())
        shell.type(b"cat >/dev/null\r")
        shell.pause(1)
        shell.type(b"\x04")
        shell.type(b"exit 7\r")
        yield harness.verdict("Ctrl-D is the end of input, exit gives the status", shell.end() == 7, shell.shown())
    with Terminal(["tools/samepage", "run", "--arch", arch, "cat"]) as shell:
        shell.pause(3)
        shell.type(b"\x01x")
        yield harness.verdict("Ctrl-A x ends the machine", shell.end() == 125, shell.shown())


def jobs(arch, long):
    return [
        harness.Job("runner streams " + arch, lambda: _streams(arch), 5),
        harness.Job("runner endings " + arch, lambda: _endings(arch), 6),
        harness.Job("runner options " + arch, lambda: _options(arch), 6),
        harness.Job("counting " + arch, lambda: _counting(arch), 6),
        harness.Job("terminal " + arch, lambda: _terminal(arch), 6),
    ]
