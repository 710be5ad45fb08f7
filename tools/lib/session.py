# SPDX-License-Identifier: MIT
"""One run: QEMU, the kernel's log, the control port and our own streams, in one loop.

Nothing here waits for only one of them, except for a write of at most 4096
bytes to a stream of ours that poll(2) called writable.
"""

import errno
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import termios
import time
import tty

import protocol as p
from machine import CLEAN_CODES, die_with_parent

LOG_KEPT_BYTES = 4 << 20
POWER_OFF_SECONDS = 10
ESCAPE = 0x01  # Ctrl-A


class Failure(Exception):
    """The machine, not the program, failed: why, and our exit code."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code


class Output:
    """One of our streams, with what the guest sent for it and is not written yet."""

    def __init__(self, fd, credit_kind, closed_kind):
        self.fd = fd
        self.pending = bytearray()
        self.credit_kind = credit_kind
        self.closed_kind = closed_kind
        self.open = True


class Files:
    """The files that come back for --get: (guest path, host path) by index."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.errors = []
        self.current = None  # the host path that the next data belongs to
        self.mode = 0
        self.modes = []  # of folders, set at the end

    def begin(self, payload):
        index, self.mode = p.number(payload[:4]), p.number(payload[4:8])
        below = payload[8:]
        if index >= len(self.wanted) or b".." in below.split(b"/") or below.startswith(b"/"):
            raise p.Broken("a file that nobody asked for")
        host = os.fsencode(self.wanted[index][1])
        self.current = os.path.join(host, below) if below else host
        try:
            if stat.S_ISDIR(self.mode):
                os.makedirs(self.current, exist_ok=True)
                self.modes.append((self.current, stat.S_IMODE(self.mode)))
                return
            if os.path.lexists(self.current) and not os.path.isdir(self.current):
                os.unlink(self.current)
            if stat.S_ISREG(self.mode):
                open(self.current, "wb").close()
                os.chmod(self.current, stat.S_IMODE(self.mode) | stat.S_IWUSR)
                self.modes.append((self.current, stat.S_IMODE(self.mode)))
        except OSError as error:
            self.errors.append(str(error))
            self.current = None

    def data(self, payload):
        if self.current is None:
            return
        try:
            if stat.S_ISLNK(self.mode):
                os.symlink(payload, self.current)
            else:
                with open(self.current, "ab") as file:
                    file.write(payload)
        except OSError as error:
            self.errors.append(str(error))
            self.current = None

    def failed(self, payload):
        index = p.number(payload[:4])
        self.errors.append(os.fsdecode(payload[4:]))
        if index < len(self.wanted):
            self.current = None

    def finish(self):
        for path, mode in reversed(self.modes):
            os.chmod(path, mode)


class Session:
    def __init__(self, arch, interactive, show_log, files, timeout):
        self.arch = arch
        self.interactive = interactive
        self.show_log = show_log
        self.files = files
        self.deadline = time.monotonic() + timeout if timeout else None
        self.timeout = timeout
        self.decoder = p.Decoder()
        self.to_port = bytearray()
        self.to_console = bytearray()
        self.log = bytearray()
        self.complaints = bytearray()  # QEMU's own
        self.greeted = self.said_bye = self.log_ended = False
        self.status = None
        self.stdin_open = _is_open(0)
        self.stdin_window = p.WINDOW_BYTES
        self.escaped = False
        self.outputs = {
            p.STDOUT: Output(1, p.STDOUT_CREDIT, p.STDOUT_CLOSED),
            p.STDERR: Output(2, p.STDERR_CREDIT, p.STDERR_CLOSED),
        }

    # ---- the machine ----

    def run(self, make_command):
        """make_command(log_fd, port_fd) gives QEMU's command. Returns the program's wait status."""
        log, log_theirs = socket.socketpair()
        port, port_theirs = socket.socketpair()
        for one in (log, port):
            one.setblocking(False)
        self.log_socket, self.port_socket = log, port
        command = make_command(log_theirs.fileno(), port_theirs.fileno())
        try:
            machine = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(log_theirs.fileno(), port_theirs.fileno()),
                preexec_fn=die_with_parent,
                start_new_session=True,  # the terminal's Ctrl-C is ours, not QEMU's
            )
        except OSError as error:
            raise Failure(125, "cannot start %s: %s" % (command[0], error.strerror))
        log_theirs.close()
        port_theirs.close()
        self.machine = machine
        saved = termios.tcgetattr(0) if self.interactive else None
        try:
            if saved:
                tty.setraw(0)
            self._loop()
        except p.Broken as error:
            raise Failure(125, "the control port broke: %s" % error)
        finally:
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
            if machine.poll() is None:
                machine.kill()
            machine.wait()
            machine.stderr.close()
            log.close()
            port.close()
        return self.status

    def _loop(self):
        sockets = {self.log_socket.fileno(), self.port_socket.fileno(), self.machine.stderr.fileno()}
        bye_at = None
        while sockets or any(one.pending for one in self.outputs.values()):
            if not sockets and not self._flushable():
                break
            if self.said_bye and bye_at is None:
                bye_at = time.monotonic()
            self._wait(sockets, bye_at)
        code = self.machine.wait()
        if not self.said_bye or code not in CLEAN_CODES[self.arch]:
            raise Failure(125, self._death(code))

    def _flushable(self):
        return any(one.open and one.pending for one in self.outputs.values())

    def _death(self, code):
        lines = [line for line in bytes(self.log).split(b"\n") if b"panic" in line.lower()]
        complaints = bytes(self.complaints).decode(errors="replace").strip()
        if lines:
            return lines[0].decode(errors="replace").strip()
        if self.said_bye:
            return "the machine ended badly (QEMU's exit code %d)" % code
        return "the machine stopped before the program ended (QEMU's exit code %d)%s" % (
            code,
            ": " + complaints if complaints else "",
        )

    # ---- waiting ----

    def _wait(self, sockets, bye_at):
        poll = select.poll()
        for fd in sockets:
            poll.register(fd, select.POLLIN)
        if self.to_port and self.port_socket.fileno() in sockets:
            poll.register(self.port_socket, select.POLLIN | select.POLLOUT)
        if self.to_console and self.log_socket.fileno() in sockets:
            poll.register(self.log_socket, select.POLLIN | select.POLLOUT)
        if self._wants_stdin():
            poll.register(0, select.POLLIN)
        for one in self.outputs.values():
            if one.open and one.pending:
                poll.register(one.fd, select.POLLOUT)

        now = time.monotonic()
        limits = [self.deadline] if self.deadline else []
        if bye_at is not None and sockets:
            limits.append(bye_at + POWER_OFF_SECONDS)
        ready = dict(poll.poll(max(0, min(limits) - now) * 1000 + 1 if limits else None))

        if self.log_socket.fileno() in ready:
            self._read_log()
            if self.log_ended:
                sockets.discard(self.log_socket.fileno())
        if self.machine.stderr.fileno() in ready:
            data = os.read(self.machine.stderr.fileno(), 65536)
            self.complaints += data
            if not data:
                sockets.discard(self.machine.stderr.fileno())
        if self.port_socket.fileno() in ready:
            self._read_port(sockets)
        self._send(self.port_socket, self.to_port)
        self._send(self.log_socket, self.to_console)
        if 0 in ready and self._wants_stdin():
            self._read_stdin()
        for one in self.outputs.values():
            if one.fd in ready:
                self._write_output(one)
        self._check_time(bye_at, sockets)

    def _check_time(self, bye_at, sockets):
        now = time.monotonic()
        if bye_at is not None and sockets and now > bye_at + POWER_OFF_SECONDS:
            raise Failure(125, "the machine did not power off")
        if self.deadline and now > self.deadline:
            raise Failure(124, "timed out after %g seconds" % self.timeout)

    # ---- each stream ----

    def _read_log(self):
        """False: nothing is there now, or it has ended (self.log_ended)."""
        data = _receive(self.log_socket)
        if not data:
            self.log_ended = data is not None
            return False
        if self.interactive and self.greeted:
            _write_all(1, data)
            return True
        self.log += data
        del self.log[:-LOG_KEPT_BYTES]
        if self.show_log:
            _write_all(2, data.replace(b"\r\n", b"\n"))
        return True

    def _read_port(self, sockets):
        data = _receive(self.port_socket)
        if data is None:
            return
        if not data:
            sockets.discard(self.port_socket.fileno())
        for kind, payload in self.decoder.feed(data):
            self._take(kind, payload)

    def _take(self, kind, payload):
        if not self.greeted:
            if (kind, payload) != (p.HELLO, p.GREETING):
                raise p.Broken("the first frame is %r %r" % (chr(kind), payload[:64]))
            self._greet()
            if not self.stdin_open:
                self._end_stdin()
        elif kind in self.outputs:
            one = self.outputs[kind]
            if one.open:
                one.pending += payload
        elif kind == p.STDIN_CREDIT:
            self.stdin_window += p.number(payload)
        elif kind == p.STDIN_CLOSED:
            self.stdin_open = False
        elif kind == p.FILE:
            self.files.begin(payload)
        elif kind == p.FILE_DATA:
            self.files.data(payload)
        elif kind == p.FILE_ERROR:
            self.files.failed(payload)
        elif kind == p.STATUS:
            self.status = p.number(payload)
            self.stdin_open = False
        elif kind == p.BYE:
            self.said_bye = True
            self.to_port += p.frame(p.BYE_SEEN)
        else:
            raise p.Broken("a frame of kind %r" % chr(kind))

    def _greet(self):
        """From here on the console is the program's: init starts it only when what came before is read."""
        while self.interactive and self._read_log():
            pass
        self.greeted = True
        self.to_port += p.frame(p.START)

    def _wants_stdin(self):
        if self.interactive:
            return self.greeted and len(self.to_console) < 65536
        return self.greeted and self.stdin_open and self.stdin_window > 0

    def _end_stdin(self):
        self.stdin_open = False
        if not self.interactive:
            self.to_port += p.frame(p.STDIN_END)

    def _read_stdin(self):
        limit = 4096 if self.interactive else min(self.stdin_window, p.PAYLOAD_BYTES)
        try:
            data = os.read(0, limit)
        except OSError:
            data = b""
        if self.interactive:
            self._type(data)
        elif data:
            self.stdin_window -= len(data)
            self.to_port += p.frame(p.STDIN, data)
        else:
            self._end_stdin()

    def _type(self, data):
        """Keys for the guest's console; Ctrl-A x ends the machine, Ctrl-A twice is one."""
        if not data:
            raise Failure(125, "the terminal has gone")
        for byte in data:
            if self.escaped:
                self.escaped = False
                if byte in b"xX":
                    raise Failure(125, "ended from the keyboard")
            elif byte == ESCAPE:
                self.escaped = True
                continue
            self.to_console.append(byte)

    def _send(self, one, pending):
        if not pending:
            return
        try:
            count = one.send(pending)
            del pending[:count]
        except BlockingIOError:
            pass
        except OSError:
            pending.clear()  # QEMU has gone: reading tells

    def _write_output(self, one):
        try:
            count = os.write(one.fd, one.pending[: select.PIPE_BUF])
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EPIPE:
                sys.stderr.write("samepage: output: %s\n" % error.strerror)
            one.open = False
            one.pending.clear()
            self.to_port += p.frame(one.closed_kind)
            return
        del one.pending[:count]
        self.to_port += p.frame_number(one.credit_kind, count)


def _receive(one):
    """Bytes, b"" at the end, None when there is nothing now."""
    try:
        return one.recv(65536)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False


def _write_all(fd, data):
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])
        except OSError:
            return


def exit_code(status):
    """A wait(2) status as a shell shows it."""
    return 128 + (status & 0x7F) if status & 0x7F else status >> 8 & 0xFF


def install_signals():
    """Being asked to end is an exception, so that the machine ends with us."""

    def end(number, _frame):
        raise Failure(128 + number, "ended by %s" % signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
