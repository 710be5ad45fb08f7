# SPDX-License-Identifier: MIT
"""The runner's session with init itself in the machine's place: native_session.py OPTIONS -- PROGRAM ARGS...

For the tests of the protocol on the host: everything but QEMU and the kernel is real.
"""

import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "lib"))
sys.dont_write_bytecode = True

import orders  # noqa: E402
import session  # noqa: E402

INIT = os.path.join(ROOT, "build/x86_64/user/init")


def main():
    at = sys.argv.index("--")
    options, program = sys.argv[1:at], sys.argv[at + 1 :]
    environment, get = [], []
    for kind, value in zip(options[::2], options[1::2]):
        if kind == "--env":
            environment.append(value)
        elif kind == "--get":
            get.append(tuple(value.split("=", 1)))
    files = session.Files(get)
    one = session.Session("x86_64", False, False, files, 60)
    with tempfile.NamedTemporaryFile() as file:
        file.write(orders.encode(program, environment, [guest for guest, _ in get]))
        file.flush()

        def command(log_fd, port_fd):
            # The log's end is closed, so that only init decides when the session is over.
            return ["sh", "-c", "exec %s %s %d %d>&-" % (INIT, file.name, port_fd, log_fd)]

        try:
            code = session.exit_code(one.run(command))
        except session.Failure as failure:
            print("native_session: %s" % failure, file=sys.stderr)
            code = failure.code
    files.finish()
    if files.errors:
        print("; ".join(files.errors), file=sys.stderr)
        code = code or 125
    os._exit(code)


main()
