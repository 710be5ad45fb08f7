# SPDX-License-Identifier: MIT
"""One boot of one kernel with the benchmark as its process 1, and what it said."""

import io
import os
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools", "lib"))
sys.dont_write_bytecode = True

import cpio  # noqa: E402
import machine  # noqa: E402

MEMORY_MIB = {"small": 512, "large": 3072, "million": 3072, "pair": 512}
SYSTEMS = ("lean", "default", "samepage")

# Without icount Linux finds no clock on a microvm that it trusts, and stops.
MACHINE = {
    "x86_64": {"counted": "microvm", "pair": "q35"},
    "riscv64": {"counted": "virt", "pair": "virt"},
}
# The same for all three. Byte-wise `rep` is one instruction for each byte to the counter.
CPU = {"x86_64": ["-cpu", "max,erms=off,fsrm=off"], "riscv64": []}
CONSOLE = {"x86_64": "console=ttyS0", "riscv64": "console=ttyS0"}
LEAN = (
    "mitigations=off init_on_alloc=0 cgroup_disable=memory lsm=capability audit=0 norandmaps nokaslr"
)


class Run:
    """What a guest said: rows by id (a list of numbers, or a word), the boot line, host seconds."""

    def __init__(self):
        self.rows, self.boot, self.complete = {}, None, False
        self.seconds_to_user = self.seconds = 0.0
        self.noise, self.notes = [], {}  # notes: what Linux does about each fault of the CPU


def image(arch, group, out):
    archive = cpio.Archive()
    for folder in ("dev", "proc", "bench"):
        archive.folder(folder)
    archive.device("/dev/console", 0o020600, 5, 1)
    archive.tree(os.path.join(ROOT, "build", arch, "bench", "counts"), "/init")
    archive.file("/bench/orders", ("--raw %s\n" % group).encode())
    buffer = io.BytesIO()
    archive.write(buffer)
    out.write(buffer.getvalue())
    out.flush()


def kernel_of(system, arch):
    if system == "samepage":
        return os.path.join(ROOT, "build", arch, "samepage.elf")
    return os.path.join(ROOT, "build", "packages", "linux", arch, "vmlinux")


def arguments(system, arch, group):
    words = ["quiet"]
    if system != "samepage":
        words += [CONSOLE[arch], "panic=-1"]
    if system == "lean":
        words += LEAN.split()
    if system == "samepage":
        words += ["norandmaps"]
    if group == "million":
        words += ["ipcmni_extend"]
    return " ".join(words)


def command(system, arch, group, image_path):
    name = MACHINE[arch]["pair" if group == "pair" else "counted"]
    line = ["qemu-system-" + arch, *machine.MACHINES[arch][name], *CPU[arch]]
    line += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"]
    line += ["-m", "%dM" % MEMORY_MIB[group], "-smp", "2" if group == "pair" else "1"]
    line += ["-kernel", kernel_of(system, arch), "-initrd", image_path]
    line += ["-append", arguments(system, arch, group)]
    line += ["-accel", "tcg,thread=multi"] if group == "pair" else machine.ICOUNT
    return line


def _number(word):
    return word if word in ("absent", "failed") else float(word)


def _take(run, line, start):
    words = line.split("\t")
    if words[0] == "@boot":
        run.boot = [int(word) for word in words[1:3]]
        run.seconds_to_user = time.monotonic() - start
    elif words[0] == "@note":
        run.notes[words[1]] = words[2].strip()
    elif words[0] == "@row":
        run.rows[words[1]] = [_number(word) for word in words[2:]]
    elif words[0] == "@end":
        run.complete = words[1] == "0"
        return True
    elif line.strip():
        run.noise.append(line)
    return False


def boot(system, arch, group, timeout):
    """Runs one group on one kernel to its end or to the time-out in seconds."""
    run, start = Run(), time.monotonic()
    with tempfile.NamedTemporaryFile(prefix="bench-", suffix=".cpio") as file:
        image(arch, group, file)
        process = subprocess.Popen(
            command(system, arch, group, file.name), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=machine.die_with_parent,
        )
        watch = threading.Timer(timeout, process.kill)
        watch.start()
        try:
            for raw in process.stdout:
                if _take(run, raw.decode(errors="replace").strip("\r\n"), start):
                    break
        finally:
            watch.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
    run.seconds = time.monotonic() - start
    return run


def image_bytes(system, arch):
    """What of a kernel is loaded: an ELF file's segments, or a flat image."""
    path = kernel_of(system, arch)
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return os.path.getsize(path)
    listing = subprocess.run(
        ["readelf", "-lW", path], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return sum(int(line.split()[4], 16) for line in listing.splitlines() if " LOAD " in line)


def firmware_instructions():
    """riscv64: instructions from power-on to a kernel's entry, by a kernel that only says so."""
    out = os.path.join(ROOT, "build", "riscv64", "bench", "entry.bin")
    subprocess.run(["make", "-s", "ARCH=riscv64", os.path.relpath(out, ROOT)], cwd=ROOT, check=True)
    line = ["qemu-system-riscv64", *machine.MACHINES["riscv64"]["virt"]]
    line += ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"]
    line += ["-m", "512M", "-kernel", out, *machine.ICOUNT]
    done = subprocess.run(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=False
    )
    bits = done.stdout.decode(errors="replace").rpartition("@")[2].strip()
    return int(bits, 2) * 100
