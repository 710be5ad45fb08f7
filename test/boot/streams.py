# SPDX-License-Identifier: MIT
"""What the runner promises about a program's streams, arguments, files and status.

Each case gets `start(options, program, **popen)`, which starts the runner, in front of
either a machine or init alone on the host (protocol_test.py, runner.py). It yields
nothing and raises Wrong.
"""

import os
import select
import subprocess
import tempfile
import time

LIMIT_SECONDS = 60


class Wrong(Exception):
    pass


def expect(what, got, wanted):
    if got != wanted:
        raise Wrong("%s: %.2000r instead of %.2000r" % (what, got, wanted))


def run(start, program, options=(), stdin=b""):
    """Runs to the end; (status, stdout, stderr)."""
    process = start(list(options), program, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(stdin, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Wrong("not done in %d s\n%r\n%r" % (LIMIT_SECONDS, out[-2000:], err[-4000:])) from None
    return process.returncode, out, err


def shell(start, script, wanted, options=(), stdin=b""):
    """A shell script must give exactly (status, stdout, stderr)."""
    expect("status, stdout, stderr", run(start, ["sh", "-c", script], options, stdin), wanted)


def statuses(start):
    """exit statuses 0, 1, 125 and 255 come through"""
    for code in (0, 1, 125, 255):
        expect("status", run(start, ["sh", "-c", "exit %d" % code])[0], code)


def death_by_signal(start):
    """death by signal n is status 128 + n"""
    expect("status", run(start, ["sh", "-c", "kill -KILL $$"])[0], 137)
    expect("status", run(start, ["sh", "-c", "kill -TERM $$"])[0], 143)


def not_found(start):
    """a program that is not there is status 127, one that cannot be executed 126"""
    expect("status", run(start, ["/no/such/program"])[0], 127)
    expect("status", run(start, ["/etc/passwd"])[0], 126)


def exact_bytes(start):
    """every byte comes through as it is, on standard output and error apart"""
    script = r"printf 'a\r\n\0\004\377'; printf 'e\n\r' >&2"
    shell(start, script, (0, b"a\r\n\0\004\377", b"e\n\r"))


def all_bytes_back(start):
    """all 256 values, 300 KB, go in and out unchanged"""
    data = bytes(range(256)) * 1200
    expect("the bytes", run(start, ["cat"], stdin=data) == (0, data, b""), True)


def empty_input(start):
    """standard input at its end at once is an end of file"""
    shell(start, "cat; echo $?", (0, b"0\n", b""))


def unread_input(start):
    """a program that does not read its input ends all the same"""
    expect("status", run(start, ["true"], stdin=b"x" * 500000)[0], 0)


def closed_by_program(start):
    """a program that closes its input and goes on is not held up"""
    shell(start, "exec <&-; sleep 1; echo on", (0, b"on\n", b""), stdin=b"x" * 500000)


def arguments(start):
    """arguments and environment carry any bytes but NUL"""
    odd = b"a b\n\"'$\\\xff\x01="
    program = ["sh", "-c", 'printf "%s|%s|%s" "$#" "$1" "$ODD"', "sh", odd, b""]
    expect("output", run(start, program, [b"--env", b"ODD=" + odd])[1], b"2|" + odd + b"|" + odd)


def broken_output(start):
    """when nobody reads standard output any more, the program gets SIGPIPE"""
    process = start([], ["sh", "-c", "yes; exit 3"], stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect("first bytes", process.stdout.read(4), b"y\ny\n")
    process.stdout.close()
    process.stderr.read()
    # The shell's child died by the signal and the shell went on.
    expect("status", process.wait(LIMIT_SECONDS), 3)


def no_deadlock(start):
    """a full standard output that nobody reads stops neither input nor standard error"""
    script = "head -c 1000000 /dev/zero & wc -c >&2; echo read >&2; wait"
    process = start([], ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
    data, seen, deadline = b"i" * 400000, b"", time.monotonic() + LIMIT_SECONDS
    os.set_blocking(process.stdin.fileno(), False)
    while b"read" not in seen:
        if time.monotonic() > deadline:
            process.kill()
            raise Wrong("stuck with %d bytes to go, stderr %r" % (len(data), seen))
        readable, writable, _ = select.select(
            [process.stderr], [process.stdin] if data else [], [], 1)
        if writable:
            data = data[os.write(process.stdin.fileno(), data[:4096]) :]
            if not data:
                process.stdin.close()
        if readable:
            seen += os.read(process.stderr.fileno(), 4096)
    expect("stderr", seen.split(), [b"400000", b"read"])
    expect("size of stdout", len(process.stdout.read()), 1000000)
    expect("status", process.wait(LIMIT_SECONDS), 0)


def interleaved(start):
    """a conversation, line by line, in both directions"""
    process = start([], ["sh", "-c", "while read x; do echo $((x * 2)); done"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for number in range(50):
        process.stdin.write(b"%d\n" % number)
        process.stdin.flush()
        expect("answer", process.stdout.readline(), b"%d\n" % (number * 2))
    process.stdin.close()
    expect("status", process.wait(LIMIT_SECONDS), 0)


def left_behind(start):
    """a child that lives on with the pipes in its hand does not keep the run"""
    begin = time.monotonic()
    shell(start, "sleep 40 & echo done", (0, b"done\n", b""))
    expect("prompt end", time.monotonic() - begin < 30, True)


def files_back(start):
    """--get brings files and folders back, bytes and modes"""
    with tempfile.TemporaryDirectory(prefix="samepage-get-") as folder:
        guest = "/tmp/samepage-get-%d" % os.getpid()
        script = (
            "mkdir -p %s/sub; cd %s; printf 'a\\0b\\r\\n' >one; chmod 640 one; : >sub/empty;"
            "ln -s one link; head -c 70000 /dev/zero >sub/big; chmod 700 sub" % (guest, guest)
        )
        status, _, err = run(start, ["sh", "-c", script],
                             ["--get", guest + "=" + folder + "/all", "--get", guest + "/one=" + folder + "/1"])
        expect("status and stderr", (status, err), (0, b""))
        for path, data in (("all/one", b"a\0b\r\n"), ("1", b"a\0b\r\n"), ("all/sub/empty", b""),
                           ("all/sub/big", bytes(70000))):
            with open(os.path.join(folder, path), "rb") as file:
                expect(path, file.read(), data)
        expect("mode", os.stat(folder + "/all/one").st_mode & 0o777, 0o640)
        expect("folder's mode", os.stat(folder + "/all/sub").st_mode & 0o777, 0o700)
        expect("link", os.readlink(folder + "/all/link"), "one")
        subprocess.run(["rm", "-rf", guest], check=True)


def file_missing(start):
    """a --get file that is not there is status 125, unless the program failed first"""
    with tempfile.TemporaryDirectory(prefix="samepage-get-") as folder:
        options = ["--get", "/no/such/file=" + folder + "/x"]
        status, _, err = run(start, ["true"], options)
        expect("status", status, 125)
        expect("reason on stderr", b"/no/such/file" in err, True)
        expect("status", run(start, ["sh", "-c", "exit 9"], options)[0], 9)


CASES = [
    statuses, death_by_signal, not_found, exact_bytes, all_bytes_back, empty_input, unread_input,
    closed_by_program, arguments, broken_output, no_deadlock, interleaved, left_behind, files_back,
    file_missing,
]
