# SPDX-License-Identifier: MIT
"""QEMU's command line for each machine.

The guest's contract: the kernel's log and console are the first serial port;
the control port (/dev/port1) is, on x86_64, a second 16550 at 0x2f8, interrupt
3, and on riscv64 the console of a virtio-serial device (modern, virtio-mmio).

How arch_power_off ends QEMU: on x86_64 isa-debug-exit, 0x10 when all is well (QEMU
exits with 33), 0x11 after a panic (35); an ordinary power-off (0) is fine too. On
riscv64 the test device: 0x5555 (0), or code << 16 | 0x3333 after a panic.
"""

import ctypes
import signal

MACHINES = {
    "x86_64": {"microvm": ["-M", "microvm"], "q35": ["-M", "q35"]},
    "riscv64": {"virt": ["-M", "virt", "-global", "virtio-mmio.force-legacy=false"]},
}
DEFAULT_MACHINE = {"x86_64": "microvm", "riscv64": "virt"}

PORTS = {
    "x86_64": [
        *("-device", "isa-serial,chardev=port1,index=1"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"),
    ],
    "riscv64": [
        *("-device", "virtio-serial-device,max_ports=1"),
        *("-device", "virtconsole,chardev=port1"),
    ],
}
CPU = {"x86_64": ["-cpu", "max"], "riscv64": []}

ICOUNT = ["-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2024-01-01,clock=vm"]


CLEAN_CODES = {"x86_64": (0, 33), "riscv64": (0,)}


def die_with_parent():
    """In the child before exec: no machine outlives its runner."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def command(arch, machine, cpus, memory, kernel, image, arguments, log_fd, port_fd, icount, gdb):
    line = ["qemu-system-" + arch, *MACHINES[arch][machine], *CPU[arch]]
    line += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    line += ["-m", memory, "-smp", str(cpus), "-kernel", kernel, "-initrd", image]
    line += ["-chardev", "socket,id=log,fd=%d" % log_fd, "-serial", "chardev:log"]
    line += ["-chardev", "socket,id=port1,fd=%d" % port_fd, *PORTS[arch]]
    line += ICOUNT if icount else ["-accel", "tcg,thread=multi"]
    if arguments:
        line += ["-append", arguments]
    if gdb:
        line += ["-gdb", "tcp::1234", "-S"]
    return line
