# SPDX-License-Identifier: Apache-2.0
"""How a run of the benchmark becomes the table of a page."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[3] / "bench/page.py"
sys.path.insert(0, str(PROGRAM.parent))
import page  # noqa: E402

MACHINE = {"date": "2026-01-02", "cpu": "a processor", "tsc_ghz": 2.5, "hugepages": True, "revision": "abc1234"}


def row(number, work, measured="1.2 x", holds=True):
    return {"row": number, "work": work, "measured": measured, "must": "<= 1.3 x", "holds": holds}


def run(*rows, **machine):
    return {"machine": {**MACHINE, **machine}, "rows": list(rows)}


class Table(unittest.TestCase):
    def test_says_the_machine_once_and_a_line_for_each_row(self):
        self.assertEqual(page.table([run(row("1", "HTTPS, on ring"), row("1", "HTTPS, on a NIC", holds=False))]), """\
2026-01-02: a processor, TSC 2.50 GHz, at abc1234, 2 MiB pages.

| # | work | measured | must reach | |
|---|---|---|---|---|
| 1 | HTTPS, on ring | 1.2 x | <= 1.3 x | holds |
|  | HTTPS, on a NIC | 1.2 x | <= 1.3 x | **falls short** |""")

    def test_rows_stand_in_the_order_of_their_numbers(self):
        lines = page.table([run(row("10", "j"), row("9", "i")), run(row("2", "b"))]).splitlines()
        self.assertEqual([line.split(" | ")[0] for line in lines[-3:]], ["| 2", "| 9", "| 10"])

    def test_of_several_runs_the_last_that_has_a_row_counts(self):
        before = run(row("1", "a", "first"), row("1", "b", "first"), row("2", "c", "kept"), revision="older")
        again = run(row("1", "against other servers", "anew"), revision="newer")
        text = page.table([before, again])
        self.assertNotIn("first", text)
        self.assertEqual(text.count("anew"), 1)
        self.assertIn("Rows 1: 2026-01-02: a processor, TSC 2.50 GHz, at newer", text)
        self.assertIn("Rows 2: 2026-01-02: a processor, TSC 2.50 GHz, at older", text)

    def test_runs_of_other_machines_or_days_are_told_apart(self):
        text = page.table([run(row("1", "a")), run(row("10", "j"), row("9", "i"), date="2026-01-03")])
        self.assertIn("Rows 1: 2026-01-02: a processor", text)
        self.assertIn("Rows 9, 10: 2026-01-03: a processor", text)

    def test_a_cell_is_the_first_line_and_breaks_no_table(self):
        text = page.table([run(row("9", "a|b", "held\n   of the last pair, this"))])
        self.assertIn("| a\\|b | held |", text)
        self.assertNotIn("last pair", text)


class Page(unittest.TestCase):
    def test_only_what_is_between_the_marks_changes(self):
        text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
        once = page.replaced(text, "new")
        self.assertEqual(once, f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n")
        self.assertEqual(page.replaced(once, "new"), once)

    def test_a_page_without_marks_is_left_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "page.md"
            figures = Path(folder) / "run.json"
            figures.write_text(json.dumps(run(row("1", "a"))), encoding="utf-8")
            for text in ("no marks\n", f"{page.END}\n{page.BEGIN}\n"):
                target.write_text(text, encoding="utf-8")
                done = subprocess.run([sys.executable, PROGRAM, target, figures], capture_output=True, text=True,
                                      check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("page.md: the marks", done.stderr)
                self.assertEqual(target.read_text(encoding="utf-8"), text)


if __name__ == "__main__":
    unittest.main()
