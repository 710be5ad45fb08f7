# SPDX-License-Identifier: MIT
"""The rows of the comparison, their verdicts, and the table as text."""

import functools
import os
import subprocess

import machines

ROOT = machines.ROOT
RISCV_FACTOR = 1.4
COLUMNS = {"lean": "lean Linux", "default": "Debian default", "samepage": "Samepage"}


class Row:
    """One operation: a value for each system (a number, None, or a word), and what they mean."""

    def __init__(self, key, name, values, bar=None, extra=(), more_is_better=False, ratio_bar=1.0,
                 judged=True):
        self.key, self.name, self.values, self.bar = key, name, values, bar
        self.ratio_bar, self.judged = ratio_bar, judged
        self.extra = extra  # faults, flushes, interrupts on Samepage
        self.more_is_better = more_is_better

    @property
    def ratio(self):
        lean, ours = self.values.get("lean"), self.values.get("samepage")
        if not isinstance(lean, float) or not isinstance(ours, float) or not ours:
            return None
        return ours / lean if self.more_is_better else lean / ours

    @property
    def verdict(self):
        ours = self.values.get("samepage")
        if not self.judged:
            return ""
        if not isinstance(ours, float):
            return "not there" if ours == "absent" else "failed"
        if self.ratio is not None and self.ratio < self.ratio_bar:
            return "BEHIND"
        if self.bar is not None and ours > self.bar:
            return "over its bar"
        if self.ratio is not None and self.ratio < 1:
            return "level"  # as near as the row's bar asks
        return "ahead" if self.ratio is not None else "met" if self.bar is not None else ""

    @property
    def short(self):
        return self.verdict not in ("ahead", "level", "met", "")

    def as_dictionary(self):
        names = ("faults", "flushes", "interrupts")
        return {
            "id": self.key, "name": self.name, **self.values, "ratio": self.ratio,
            "bar": self.bar, "verdict": self.verdict, "short": self.short,
            **dict(zip(names, self.extra)),
        }


def bars(arch, name="bars"):
    """Two tables by id: what Samepage may take at most, and the ratio that it must reach."""
    most, ratios = {}, {}
    with open(os.path.join(ROOT, "bench", name)) as file:
        for line in file:
            words = line.partition("#")[0].split()
            if not words:
                continue
            own = len(words) > 2 and arch == "riscv64"
            bar = words[2] if own else words[1]
            if bar.startswith("x"):
                ratios[words[0]] = float(bar[1:])
            else:
                factor = RISCV_FACTOR if arch == "riscv64" and not own else 1.0
                most[words[0]] = float(bar) * factor
    return most, ratios


def _boot_rows(arch, runs, systems, limits, firmware):
    """From the boot of the small group: instructions, memory, and the kernel's size."""
    boot, memory, size = {}, {}, {}
    total = machines.MEMORY_MIB["small"] * 1024
    unpacked = os.path.getsize(os.path.join(ROOT, "build", arch, "bench", "counts")) // 1024
    for system in systems:
        run = runs[system, "small"]
        size[system] = machines.image_bytes(system, arch) / 1024
        if run.boot:
            boot[system] = float(run.boot[0] - firmware)
            memory[system] = float(total - run.boot[1] - unpacked)
    start = "kernel entry" if firmware else "power-on"
    return [
        Row("boot", "from %s to the first user instruction" % start, boot, limits.get("boot")),
        Row("memory", "KiB of 512 MiB gone after boot", memory, limits.get("memory")),
        Row("image", "KiB of kernel that are loaded", size, limits.get("image")),
    ]


def rows(arch, listed, runs, systems, groups, firmware):
    limits, ratios = bars(arch)
    found = []
    for group, key, name in listed:
        if group not in groups:
            continue
        values, extra = {}, ()
        for system in systems:
            run = runs.get((system, group))
            got = run and run.rows.get(key)
            values[system] = got[0] if got else None
            if system == "samepage" and got:
                extra = tuple(got[1:])
        found.append(Row(key, name, values, limits.get(key), extra, ratio_bar=ratios.get(key, 1.0)))
    if "small" in groups:
        found += _boot_rows(arch, runs, systems, limits, firmware)
    return found


# ---- text ----


def figure(value):
    if value is None:
        return "–"
    if isinstance(value, str):
        return {"absent": "not there"}.get(value, value)
    if abs(value) < 100 and value != int(value):
        return "%.1f" % value
    return "{:,.0f}".format(value)


def small(value):
    return "0" if not value else "%.2f" % value if value < 10 else "%.0f" % value


def mitigations(system, runs):
    """Which CPU faults a Linux works around, in its own words."""
    run = next((one for (name, _), one in sorted(runs.items()) if name == system), None)
    if not run or not run.notes:
        return COLUMNS[system] + ": not told"
    active = sorted(
        "%s (%s)" % (name, text) for name, text in run.notes.items() if text.startswith("Mitigation")
    )
    return "%s: %d of %d CPU faults are worked around%s" % (
        COLUMNS[system], len(active), len(run.notes), ": " + "; ".join(active) if active else "")


def _output(*words):
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()


@functools.lru_cache
def commit():
    """Asked once: recording the first architecture changes the tree."""
    return _output("git", "describe", "--always", "--dirty", "--abbrev=12")


def head(arch, runs):
    qemu = _output("qemu-system-" + arch, "--version").splitlines()[0]
    version = os.path.join(ROOT, "build", "packages", "linux", arch, "version")
    linux = open(version).read().strip() if os.path.exists(version) else "none"
    flags = " ".join(machines.CPU[arch]) or "the machine's default CPU"
    return [
        "%s: %s, %s" % (arch, qemu, flags),
        "Linux: " + linux,
        "lean Linux: " + machines.LEAN,
        "Samepage: commit " + commit(),
        *(mitigations(system, runs) for system in ("lean", "default") if (system, "small") in runs),
        "Samepage: no CPU fault is worked around",
        "on in all: SMEP and SMAP (riscv64: SUM), checked copies, pages zeroed before use",
    ]


def text(arch, found, systems, runs):
    columns = [COLUMNS[system] for system in systems]
    lines = ["# " + line for line in head(arch, runs)]
    title = "| operation | " + " | ".join(columns)
    title += " | ratio | bar | verdict | faults | flushes | interrupts |"
    lines += ["", title, "|---" + "|--:" * (len(columns) + 2) + "|---" + "|--:" * 3 + "|"]
    for row in found:
        cells = [row.name, *(figure(row.values.get(system)) for system in systems)]
        cells.append("%.1f" % row.ratio if row.ratio is not None else "–")
        cells.append(figure(row.bar))
        cells.append(row.verdict)
        cells += [small(one) for one in row.extra] or [""] * 3
        cells += [""] * (len(columns) + 7 - len(cells))
        lines.append("| " + " | ".join(cells) + " |")
    short = [row.name for row in found if row.short]
    lines += ["", "%d rows, %d short%s" % (len(found), len(short), ": " + "; ".join(short) if short else "")]
    return "\n".join(_aligned(lines)) + "\n"


def _aligned(lines):
    """The same table with columns of equal width, for reading as plain text."""
    split = {number: line.strip("|").split("|") for number, line in enumerate(lines) if line.startswith("|")}
    widths = [max(len(cells[at].strip()) for number, cells in split.items() if "--" not in cells[0])
              for at in range(len(next(iter(split.values()))))]
    for number, cells in split.items():
        if "--" in cells[0]:
            parts = [("-" * (w + 1) + ":") if cell.endswith(":") else "-" * (w + 2)
                     for cell, w in zip(cells, widths)]
            lines[number] = "|" + "|".join(parts) + "|"
        else:
            parts = [cell.strip().ljust(w) if at in (0,) else cell.strip().rjust(w)
                     for at, (cell, w) in enumerate(zip(cells, widths))]
            lines[number] = "| " + " | ".join(parts) + " |"
    return lines


def document(texts):
    return (
        "# Results of `make bench`\n\n"
        "Written by `bench/compare --record`; what is compared, and how: README.md and\n"
        "docs/performance.md. Instructions for each operation unless the row says otherwise; the\n"
        "ratio is lean Linux to Samepage; faults, flushes (of translations) and interrupts\n"
        "(between processors) are Samepage's, for each operation.\n\n"
        + "\n".join(_as_markdown(one) for one in texts)
    )


def _as_markdown(one):
    lines = one.splitlines()
    top = [line[2:] for line in lines if line.startswith("# ")]
    rest = [line for line in lines if not line.startswith("# ")]
    return "## %s\n\n%s\n%s\n" % (
        top[0].partition(":")[0],
        "\n".join("- " + line for line in top),
        "\n".join(rest),
    )
