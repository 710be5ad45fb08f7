# SPDX-License-Identifier: MIT
"""The ratios as an SVG: for each operation a bar on a logarithmic scale."""

import html
import math

LEFT, WIDTH, LINE, TOP = 400, 420, 18, 60
COLOURS = {True: "#2a7f62", False: "#b5482f"}  # ahead or not


def _tick_label(value):
    return "{:,.0f}".format(value) if value >= 1 else "%g" % value


def write(path, arch, rows):
    """rows: table.Row; those without a ratio are left out."""
    shown = [row for row in rows if row.ratio]
    if not shown:
        return
    low = min(0, math.floor(math.log10(min(row.ratio for row in shown))))
    high = max(1, math.ceil(math.log10(max(row.ratio for row in shown))))
    height = TOP + LINE * len(shown) + 20

    def x(ratio):
        return LEFT + WIDTH * (math.log10(ratio) - low) / (high - low)

    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'font-family="sans-serif" font-size="12">' % (LEFT + WIDTH + 70, height),
        "<!-- SPDX-License-Identifier: MIT -->",
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="20" font-size="15">How many times more lean Linux takes than Samepage, '
        "%s</text>" % arch,
    ]
    for power in range(low, high + 1):
        at = x(10.0**power)
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>' % (
            at, TOP - 8, at, height - 12, "#888" if power == 0 else "#ddd"))
        out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%s</text>' % (
            at, TOP - 14, _tick_label(10.0**power)))
    for number, row in enumerate(shown):
        y = TOP + LINE * number
        start, end = sorted((x(1.0), x(row.ratio)))
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (
            LEFT - 8, y + 12, html.escape(row.name)))
        out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
            start, y + 2, max(end - start, 1), LINE - 5, COLOURS[row.ratio >= 1]))
        out.append('<text x="%.1f" y="%d">%s</text>' % (
            end + 4, y + 12, "%.1f" % row.ratio if row.ratio < 100 else "{:,.0f}".format(row.ratio)))
    out.append("</svg>")
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n")
