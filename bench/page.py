# SPDX-License-Identifier: Apache-2.0
"""The table of a benchmark run in a page of the documentation.

    ./dev bench --page docs/performance.md RUN.json...

Writes what `./dev bench --json RUN.json` measured between the page's two marks, and nothing else of
the page; of several runs, the last that has a row counts. So no figure of the table was copied by
hand. A page without both marks, in order, is left as it is, and the exit status is 1.
"""

import json
import sys
from pathlib import Path

BEGIN = "<!-- written by ./dev bench --page: begin -->"
END = "<!-- written by ./dev bench --page: end -->"
UNITS = (("tsc_ghz", "TSC {:.2f} GHz"), ("cores", "{} cores"), ("kernel", "kernel {}"),
         ("governor", "governor {}"), ("revision", "at {}"))


def machine_of(machine):
    words = [f"{machine.get('date', 'no date')}: {machine.get('cpu', 'unknown processor')}"]
    words += [text.format(machine[name]) for name, text in UNITS if name in machine]
    if "hugepages" in machine:
        words.append("2 MiB pages" if machine["hugepages"] else "4 KiB pages")
    return ", ".join(words)


def merged(runs):
    """(lines in the order of the table; which rows were measured where): of each row, the last run's."""
    latest = {}
    for run in runs:
        for row in run["rows"]:
            latest[row["row"]] = run
    rows, machines = [], {}
    for number in sorted(latest, key=int):
        run = latest[number]
        rows += [row for row in run["rows"] if row["row"] == number]
        machines.setdefault(machine_of(run["machine"]), []).append(number)
    return rows, machines


def cell(text):
    """The first line alone: the others tell of one turn."""
    return text.split("\n")[0].strip().replace("|", "\\|")


def table(runs):
    rows, machines = merged(runs)
    lines = []
    for about, numbers in machines.items():
        which = ", ".join(numbers)
        lines.append(f"{about}." if len(machines) == 1 else f"Rows {which}: {about}.")
    lines += ["", "| # | work | measured | must reach | |", "|---|---|---|---|---|"]
    before = None
    for row in rows:
        number = row["row"] if row["row"] != before else ""
        before = row["row"]
        verdict = "holds" if row["holds"] else "**falls short**"
        lines.append(f"| {number} | {cell(row['work'])} | {cell(row['measured'])} | "
                     f"{cell(row['must'])} | {verdict} |")
    return "\n".join(lines)


def replaced(page, text):
    """The page with `text` between its marks; None where they are not there."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        return None
    return f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}"


def main(words):
    if len(words) < 2:
        sys.exit(__doc__)
    path = Path(words[0])
    runs = [json.loads(Path(name).read_text(encoding="utf-8")) for name in words[1:]]
    page = replaced(path.read_text(encoding="utf-8"), table(runs))
    if page is None:
        sys.exit(f"{path}: the marks '{BEGIN}' and '{END}' are missing: put them where the table belongs")
    path.write_text(page, encoding="utf-8")
    print(f"written: {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
