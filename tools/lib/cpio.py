# SPDX-License-Identifier: MIT
"""Cpio archives ("newc") for the guest's image: the same input gives the same bytes.

A later entry of the same name replaces an earlier one when the kernel unpacks,
and archives may follow one another: so a run's additions are simply appended.
"""

import os
import stat

TRAILER = b"TRAILER!!!"


def _padding(size):
    return b"\0" * (-size % 4)


class Archive:
    """Entries by guest path; written sorted, with times 0 and owner root."""

    def __init__(self, present=()):
        self.entries = {}  # bytes path without leading slash -> (mode, data, major, minor)
        self.present = set(present)  # folders that need no entry: an earlier archive has them

    def _put(self, path, mode, data=b"", major=0, minor=0):
        path = os.fsencode(path).strip(b"/")
        if not path:
            return
        parts = path.split(b"/")
        if b".." in parts or b"." in parts or b"" in parts:
            raise ValueError("guest path %r is not plain" % os.fsdecode(path))
        parent = b"/".join(parts[:-1])
        if parent and parent not in self.entries and parent not in self.present:
            self._put(parent, stat.S_IFDIR | 0o755)
        self.entries[path] = (mode, data, major, minor)

    def folder(self, path, mode=0o755):
        self._put(path, stat.S_IFDIR | mode)

    def file(self, path, data, mode=0o644):
        self._put(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        self._put(path, stat.S_IFLNK | 0o777, os.fsencode(target))

    def device(self, path, mode, major, minor):
        self._put(path, stat.S_IFCHR | mode, b"", major, minor)

    def tree(self, host, guest):
        """A host file or folder with all below it, modes kept. A link given as such is followed."""
        self._tree(os.fsencode(host), os.fsencode(guest), os.stat(host))

    def _tree(self, host, guest, status):
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            if guest.strip(b"/") not in self.present:
                self.folder(guest, mode)
            for name in sorted(os.listdir(host)):
                child = os.path.join(host, name)
                self._tree(child, guest + b"/" + name, os.lstat(child))
        elif stat.S_ISLNK(status.st_mode):
            self.link(guest, os.readlink(host))
        elif stat.S_ISREG(status.st_mode):
            with open(host, "rb") as source:
                self.file(guest, source.read(), mode)
        else:
            raise ValueError("%s is neither file, folder nor link" % os.fsdecode(host))

    def write(self, out):
        number = 0
        for path in sorted(self.entries):
            number += 1
            _write_entry(out, number, path, *self.entries[path])
        _write_entry(out, 0, TRAILER, 0, b"", 0, 0)


def _write_entry(out, number, path, mode, data, major, minor):
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, major, minor, len(path) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path + b"\0"
    out.write(head + _padding(len(head)))
    out.write(data + _padding(len(data)))


def names(data):
    """The paths in the bytes of one or several archives, with their modes: a dict."""
    found = {}
    at = 0
    while at + 110 <= len(data):
        if data[at : at + 6] != b"070701":
            at += 4
            continue
        mode, size, length = (
            int(data[at + start : at + start + 8], 16) for start in (14, 54, 94)
        )
        name = data[at + 110 : at + 110 + length - 1]
        at += 110 + length
        at += -at % 4 + size
        at += -at % 4
        if name != TRAILER:
            found[name] = mode
    return found
