# SPDX-License-Identifier: Apache-2.0
"""What a person sees of a running boot: steps, one progress line, and a table at the end.

Colour and rewriting only on a terminal; elsewhere each step is a line, and progress one line each
quarter. Never wider than 96 columns.
"""

import os
import shutil
import sys
import textwrap


class Screen:
    def __init__(self, stream=None, quiet=False):
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.terminal = self.stream.isatty()
        self.colour = self.terminal and "NO_COLOR" not in os.environ
        self.width = min(96, shutil.get_terminal_size((96, 24)).columns)
        self._live = False
        self._quarter = {}

    def paint(self, text, code):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def bold(self, text):
        return self.paint(text, "1")

    def dim(self, text):
        return self.paint(text, "2")

    def green(self, text):
        return self.paint(text, "32")

    def red(self, text):
        return self.paint(text, "31")

    def _write(self, text):
        if self.quiet:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            self.quiet = True

    def say(self, text=""):
        """A line of its own, above the live one."""
        self.clear()
        self._write(text + "\n")

    def paragraph(self, painted, plain, text):
        """Text behind a heading, broken into lines that stand below each other."""
        indent = " " * len(plain)
        lines = [line for part in text.splitlines()
                 for line in textwrap.wrap(part, self.width - len(plain)) or [""]]
        for number, line in enumerate(lines or [""]):
            self.say((painted if number == 0 else indent) + line)

    def step(self, seconds, what, detail=""):
        mark = f"{seconds:6.1f} s" if seconds is not None else "        "
        what = cut(what, self.width - 12)
        room = max(0, self.width - 14 - len(what))
        self.say(f"  {self.dim(mark)}  {what}  {self.dim(cut(detail, room))}".rstrip())

    def live(self, text):
        """One line that is written again and again; nothing where there is no terminal."""
        if self.terminal:
            self._write("\r\x1b[K" + cut(text, self.width - 1))
            self._live = True

    def clear(self):
        if self._live:
            self._write("\r\x1b[K")
            self._live = False

    def progress(self, name, done, total):
        share = done / total if total else 1.0
        if self.terminal:
            columns = 30
            full = int(share * columns)
            bar = "█" * full + "░" * (columns - full)
            self.live(f"            {bar} {share * 100:3.0f} %  {size(done)} of {size(total)}  {name}")
        elif int(share * 4) > self._quarter.get(name, 0):
            self._quarter[name] = int(share * 4)
            self.say(f"            {share * 100:3.0f} %  {size(done)} of {size(total)}  {name}")

    def table(self, heads, rows, right=()):
        """Columns as wide as they need; the last one is cut to fit."""
        rows = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in [list(heads), *rows]) for i in range(len(heads))]
        widths[-1] = max(8, min(widths[-1], self.width - 2 - sum(w + 2 for w in widths[:-1])))

        def text(row):
            cells = [cell.rjust(w) if i in right else cut(cell, w).ljust(w)
                     for i, (cell, w) in enumerate(zip(row, widths))]
            return "  " + "  ".join(cells).rstrip()

        self.say(self.bold(text(heads)))
        for row in rows:
            self.say(text(row))


def cut(text, width):
    return text if len(text) <= width else text[:max(0, width - 1)] + "…"


def size(count):
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count:.0f} B"
