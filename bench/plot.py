# SPDX-License-Identifier: Apache-2.0
"""Plots of a benchmark run.

    ./dev bench --svg DIR             runs the table, and draws
    ./dev bench --svg DIR RUN.json    draws what `./dev bench --json RUN.json` wrote

Writes DIR/cost.svg, DIR/steps.svg and DIR/growth.svg; of several runs, the last that has a row
counts. A plot whose rows were not run is not written, and the one before it is kept. The files
stand alone (no script, no font, no reference), are the same for the same run, and follow the
reader's light or dark preference.
"""

import json
import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH = 760
LEFT = 250   # where the plots begin; labels stand before
RIGHT = 700
LINE = 16
NOTE = 118   # characters of a note that fit in a line

# Told apart by people who see no red or green, on light and on dark.
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .note { font-size: 11px; fill: #59636e }
  .page { fill: #ffffff }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
  .axis { stroke: #59636e; stroke-width: 1 }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  .limit { stroke: #c93c37; stroke-width: 2; stroke-dasharray: 4 3 }
  .inbar { fill: #1f2328; font-size: 11px }
  .ours { fill: #0072b2 } .floor { fill: #9aa4ae }
  .line { stroke: #0072b2; stroke-width: 2.5; fill: none } .dot { fill: #0072b2 }
  .receive { fill: #56b4e9 } .classify { fill: #bcc4cc } .deliver { fill: #35b58f }
  .expire { fill: #8d97a1 } .emit { fill: #e6a117 } .seal { fill: #d98bb7 }
  .transmit { fill: #4f8fd0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .note { fill: #9198a1 } .page { fill: #0d1117 }
    .grid { stroke: #3d444d } .axis { stroke: #9198a1 } .spread { stroke: #f0f6fc }
    .limit { stroke: #ff7b72 } .inbar { fill: #0d1117 }
    .ours { fill: #3fa7e0 } .floor { fill: #6e7781 } .line { stroke: #3fa7e0 } .dot { fill: #3fa7e0 }
  }
"""


class Drawing:
    """An SVG that grows downwards."""

    def __init__(self, title, notes):
        self.parts = []
        self.y = 30
        self.text(16, self.y, title, "title")
        for line in (line for note in notes for line in wrap(note, NOTE)):
            self.y += LINE
            self.text(16, self.y + 4, line, "note")
        self.y += 24

    def text(self, x, y, words, kind="", anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
                          f'{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(words)}</text>')

    def bar(self, x, y, width, height, kind):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0, width):.1f}" '
                          f'height="{height:.1f}" class="{kind}"/>')

    def stroke(self, x1, y1, x2, y2, kind):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'class="{kind}"/>')

    def save(self, path):
        height = self.y + 16
        body = "\n".join(self.parts)
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                        f'viewBox="0 0 {WIDTH} {height}" role="img">\n<style>{STYLE}</style>\n'
                        f'<rect width="{WIDTH}" height="{height}" class="page"/>\n{body}\n</svg>\n',
                        encoding="utf-8")
        print(f"written: {path}")


def steps_of(top):
    """Where grid lines stand: at most eight, at 1, 2 or 5 times a power of ten."""
    step = 10.0 ** math.floor(math.log10(top))
    for factor in (0.1, 0.2, 0.5, 1, 2, 5):
        if top / (step * factor) <= 8:
            step *= factor
            break
    return [step * i for i in range(int(top / step + 1e-9) + 1)]


def grid(drawing, top, until, unit):
    """Lines from here down to `until`, named below; returns the scale."""
    scale = (RIGHT - LEFT) / top
    for value in steps_of(top):
        x = LEFT + value * scale
        drawing.stroke(x, drawing.y - 8, x, until, "axis" if value == 0 else "grid")
        drawing.text(x, until + 14, f"{value:g}", "note", "middle")
    drawing.text(RIGHT, until + 30, unit, "note", "end")
    return scale


def wrap(words, width):
    lines = [""]
    for word in words.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def machine_of(run):
    machine = run["machine"]
    words = [machine.get("date"), machine.get("cpu")]
    if "tsc_ghz" in machine:
        words.append(f"TSC {machine['tsc_ghz']:.2f} GHz")
    if "hugepages" in machine:
        words.append("2 MiB pages" if machine["hugepages"] else "4 KiB pages")
    return ", ".join(word for word in words if word)


def cost(run, folder):
    """Cycles per byte of each bulk row beside its floor, with the spread, and the limit."""
    rows = [row for row in run["rows"] if "floor_cycles_per_byte" in row["figures"]]
    if not rows:
        return
    drawing = Drawing("Busy cycles per payload byte, against the floor of the same wire",
                      [machine_of(run), "Line through a bar: the middle half of its turns. x: the floor measured in turns with "
                       "it, median of the turns. Dashed: what the row must reach."])
    drawing.bar(LEFT, drawing.y - 10, 12, 12, "ours")
    drawing.text(LEFT + 18, drawing.y, "Slipway")
    drawing.bar(LEFT + 90, drawing.y - 10, 12, 12, "floor")
    drawing.text(LEFT + 108, drawing.y, "floor: sealed and transmitted, no protocol")
    drawing.y += 28
    band = 54
    most = max(max(row["figures"].get(name, 0) for name in
                   ("cycles_per_byte", "cycles_per_byte_high", "floor_cycles_per_byte_high"))
               for row in rows)
    scale = grid(drawing, most * 1.18, drawing.y + band * len(rows), "cycles per byte")
    for row in rows:
        figures = row["figures"]
        for i, line in enumerate(wrap(f"{row['row']}: {row['work']}", 31)[:3]):
            drawing.text(16, drawing.y + 8 + i * 15, line)
        limit = 0
        if "must_ratio" in figures:
            limit = LEFT + figures["floor_cycles_per_byte"] * figures["must_ratio"] * scale
        for name, kind, y in (("cycles_per_byte", "ours", drawing.y),
                              ("floor_cycles_per_byte", "floor", drawing.y + 20)):
            value = figures[name]
            drawing.bar(LEFT, y, value * scale, 16, kind)
            low, high = figures.get(f"{name}_low", value), figures.get(f"{name}_high", value)
            drawing.stroke(LEFT + low * scale, y + 8, LEFT + high * scale, y + 8, "spread")
            label = f"{value:.3f}" if kind == "floor" else f"{value:.3f}; {figures['ratio']:.2f} x"
            at = LEFT + max(value, high) * scale + 6
            if kind == "ours" and at - 6 < limit < at + 96:
                at = limit + 6
            drawing.text(at, y + 12, label)
        if limit:
            drawing.stroke(limit, drawing.y - 4, limit, drawing.y + 18, "limit")
        drawing.y += band
    drawing.y += 24
    drawing.save(folder / "cost.svg")


STEPS = ("receive", "classify", "deliver", "expire", "emit", "seal", "transmit")


def steps(run, folder):
    """Cycles a segment by step, of row 1 on each wire."""
    rows = [row for row in run["rows"] if row["row"] == "1" and "segment_cycles.emit" in row["figures"]]
    if not rows:
        return
    drawing = Drawing("Where the cycles of a 1,448-byte segment go (row 1)",
                      [machine_of(run), "Sealing is part of emit, measured in one round of 64."])
    x = LEFT
    for name in STEPS:
        drawing.bar(x, drawing.y - 10, 12, 12, name)
        drawing.text(x + 16, drawing.y, name)
        x += 24 + 7 * len(name)
    drawing.y += 28
    band = 44
    most = max(sum(row["figures"][f"segment_cycles.{name}"] for name in STEPS) for row in rows)
    scale = grid(drawing, most * 1.1, drawing.y + band * len(rows), "cycles a segment")
    for row in rows:
        drawing.text(16, drawing.y + 18, row["work"].rsplit(", ", 1)[-1])
        x = LEFT
        for name in STEPS:
            value = row["figures"][f"segment_cycles.{name}"]
            drawing.bar(x, drawing.y, value * scale, 28, name)
            if value * scale > 26:
                drawing.text(x + value * scale / 2, drawing.y + 18, f"{value:.0f}", "inbar", "middle")
            x += value * scale
        total = sum(row["figures"][f"segment_cycles.{name}"] for name in STEPS)
        drawing.text(x + 6, drawing.y + 18, f"{total:.0f}")
        drawing.y += band
    drawing.y += 24
    drawing.save(folder / "steps.svg")


def growth(run, folder):
    """Cycles per byte over the number of connections (row 11)."""
    points = {}
    for row in run["rows"]:
        for name, value in row["figures"].items():
            if name.startswith("cycles_per_byte_at_"):
                points[int(name.rsplit("_", 1)[1])] = (
                    value, row["figures"].get(f"kib_per_connection_at_{name.rsplit('_', 1)[1]}"))
    if len(points) < 2:
        return
    drawing = Drawing("Busy cycles per payload byte over connections (row 11)",
                      [machine_of(run), "Each size beside the floor of its own moment, times the floor's "
                       "median. Dashed: 30 % above the lowest, the limit. Below: memory of one connection."])
    top = max(value for value, _ in points.values()) * 1.25
    height = 220
    bottom = drawing.y + height
    left, right = 70, RIGHT
    for value in steps_of(top):
        y = bottom - value / top * height
        drawing.stroke(left, y, right, y, "axis" if value == 0 else "grid")
        drawing.text(left - 8, y + 4, f"{value:g}", "note", "end")
    low, high = math.log10(min(points)), math.log10(max(points))
    place = lambda count, value: (left + 30 + (math.log10(count) - low) / (high - low) * (right - left - 60),
                                  bottom - value / top * height)
    limit = 1.3 * min(value for value, _ in points.values())
    drawing.stroke(left, bottom - limit / top * height, right, bottom - limit / top * height, "limit")
    path = " ".join("{:.1f},{:.1f}".format(*place(count, points[count][0])) for count in sorted(points))
    drawing.parts.append(f'<polyline points="{path}" class="line"/>')
    for count in sorted(points):
        value, kib = points[count]
        x, y = place(count, value)
        drawing.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="dot"/>')
        drawing.text(x, y - 10, f"{value:.3f}", "", "middle")
        drawing.text(x, bottom + 18, f"{count:,}", "", "middle")
        if kib is not None:
            drawing.text(x, bottom + 34, f"{kib:.1f} KiB", "note", "middle")
    drawing.y = bottom + 44
    drawing.save(folder / "growth.svg")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows, run = {}, {}
    for name in sys.argv[2:]:
        run = json.loads(Path(name).read_text(encoding="utf-8"))
        for row in run["rows"]:
            rows[row["row"], row["work"]] = {"figures": {}, **row}
    run["rows"] = list(rows.values())
    for plot in (cost, steps, growth):
        plot(run, folder)


if __name__ == "__main__":
    main()
