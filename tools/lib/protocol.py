# SPDX-License-Identifier: MIT
"""The control port's frames, as user/init/protocol.h defines them."""

import struct

HEADER_BYTES = 4
PAYLOAD_BYTES = 4096
WINDOW_BYTES = 65536

HELLO = ord("H")
STDOUT = ord("O")
STDERR = ord("E")
STDIN_CREDIT = ord("C")
STDIN_CLOSED = ord("X")
FILE = ord("F")
FILE_DATA = ord("D")
FILE_ERROR = ord("N")
STATUS = ord("S")
BYE = ord("B")

START = ord("G")
STDIN = ord("I")
STDIN_END = ord("Z")
STDOUT_CREDIT = ord("o")
STDERR_CREDIT = ord("e")
STDOUT_CLOSED = ord("p")
STDERR_CLOSED = ord("q")
BYE_SEEN = ord("b")

GREETING = b"samepage-init 1"


class Broken(Exception):
    """The bytes from the guest are no frames."""


def frame(kind, payload=b""):
    return struct.pack("<BBH", kind, 0, len(payload)) + payload


def frame_number(kind, number):
    return frame(kind, struct.pack("<I", number))


def number(payload):
    if len(payload) != 4:
        raise Broken("a number of %d bytes" % len(payload))
    return struct.unpack("<I", payload)[0]


class Decoder:
    """Bytes in, frames out."""

    def __init__(self):
        self.bytes = bytearray()

    def feed(self, data):
        self.bytes += data
        at = 0
        while len(self.bytes) - at >= HEADER_BYTES:
            kind, zero, size = struct.unpack_from("<BBH", self.bytes, at)
            if zero or size > PAYLOAD_BYTES:
                raise Broken("the header %r" % bytes(self.bytes[at : at + HEADER_BYTES]))
            end = at + HEADER_BYTES + size
            if len(self.bytes) < end:
                break
            yield kind, bytes(self.bytes[at + HEADER_BYTES : end])
            at = end
        del self.bytes[:at]
