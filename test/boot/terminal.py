# SPDX-License-Identifier: MIT
"""A program on a terminal of its own, typed at and read."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

LIMIT_SECONDS = 30


def _children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return file.read().split()
    except OSError:
        return []


class Terminal:
    def __init__(self, command, rows=30, columns=100):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=dict(os.environ, TERM="dumb"),
        )
        os.close(theirs)
        self.text = b""
        self.seen = 0  # wait() looks from here on

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def _read(self, seconds):
        """False at the end of the terminal."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.ours, 4096)
        except OSError:
            data = b""
        self.text += data
        return bool(data)

    def wait(self, wanted):
        """Reads until the text has come, after what was waited for before."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while wanted not in self.text[self.seen :]:
            if time.monotonic() > deadline or not self._read(0.5):
                return False
        self.seen = self.text.index(wanted, self.seen) + len(wanted)
        return True

    def pause(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self._read(max(0, deadline - time.monotonic())):
                return

    def freeze(self, seconds):
        """The command stands still for a while, as on a busy host, from when it has started another program."""
        pid = self.process.pid
        deadline = time.monotonic() + LIMIT_SECONDS
        while not _children(pid) and time.monotonic() < deadline:
            time.sleep(0.002)
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def type(self, keys):
        os.write(self.ours, keys)

    def end(self):
        """The exit status, when it has ended."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while self._read(0.5) and time.monotonic() < deadline:
            pass
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            return None

    def shown(self):
        return self.text.decode(errors="replace")
