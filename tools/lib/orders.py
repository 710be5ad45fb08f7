# SPDX-License-Identifier: MIT
"""The orders that init reads: user/init/orders.c says what each string means."""

import os

PATH = "/samepage/orders"


def encode(arguments, environment=(), get=(), user=0, console=None):
    """console: None for pipes, or (rows, columns), 0 for unknown."""
    strings = [b"u%d" % user]
    if console is not None:
        strings.append(b"tconsole %d %d" % console)
    strings += [b"e" + os.fsencode(one) for one in environment]
    strings += [b"g" + os.fsencode(one) for one in get]
    strings += [b"a" + os.fsencode(one) for one in arguments]
    for one in strings:
        if b"\0" in one:
            raise ValueError("a NUL byte in %r" % one)
    return b"".join(one + b"\0" for one in strings)
