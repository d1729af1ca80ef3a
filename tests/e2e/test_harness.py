# SPDX-License-Identifier: Apache-2.0
"""The harness itself: what goes wrong in a fixture is told, and hides no other test."""

import contextlib
import io
from pathlib import Path

import suite
from harness import Case, Failed, Skipped, expect, run_all, test


def fixture(opening=None, closing=None):
    @contextlib.contextmanager
    def opened(_context):
        if opening:
            raise opening
        yield None
        if closing:
            raise closing
    return opened


def reported(*fixtures):
    """{name: None or what it ended with} of one passing test for each fixture."""
    ended = {}
    cases = [Case("made up", f"test {number}", lambda *_: None, each, False)
             for number, each in enumerate(fixtures)]
    run_all(cases, None, lambda case, _seconds, end: ended.update({case.name: end}))
    return ended


@test("harness", "a fixture that finds fault at its end, of whatever kind, is a failure; the others run")
def closing(_context):
    for error in (Failed("leaked"), OSError("gone"), Skipped("late")):
        ended = reported(fixture(closing=error), fixture())
        told = ended.pop("what is left after 'test 0'", None)
        expect(isinstance(told, Failed) and str(error) in str(told), f"{error!r}: {told!r}")
        expect(ended == {"test 0": None, "test 1": None}, f"{ended}")


@test("harness", "a fixture that does not open fails its tests or skips them; the others run")
def opening(_context):
    for error, kind in ((OSError("gone"), Failed), (Skipped("not here"), Skipped)):
        ended = reported(fixture(opening=error), fixture())
        expect(isinstance(ended["test 0"], kind) and str(error) in str(ended["test 0"]), f"{ended}")
        expect(ended["test 1"] is None and len(ended) == 2, f"{ended}")


@test("harness", "what a fixture gives is made ready before each of its tests, and one that cannot be fails its test alone")
def made_ready(_context):
    seen, ended = [], {}

    class Given:
        def ready(self):
            seen.append("ready")
            if seen == ["ready", "first", "ready"]:
                raise Failed("not ready")

    @contextlib.contextmanager
    def opened(_context):
        yield Given()

    cases = [Case("made up", name, lambda *_, name=name: seen.append(name), opened, False) for name in ("first", "second", "third")]
    run_all(cases, None, lambda case, _seconds, end: ended.update({case.name: str(end)}))
    expect(seen == ["ready", "first", "ready", "ready", "third"], f"{seen}")
    expect(ended == {"first": "None", "second": "not ready", "third": "None"}, f"{ended}")


@test("harness", "./dev test counts a check that ends with 77 as skipped, with its last line as the reason")
def skipped(context):
    def told(script):
        tally, words = suite.Tally(), io.StringIO()
        program = {"name": "made up", "cmd": ["/bin/sh", "-c", script], "protocol": "exitcode"}
        with contextlib.redirect_stdout(words):
            suite.run_one(program, Path(context.fresh("suite")), tally)
        return tally.passed, tally.skipped, len(tally.failed), words.getvalue()

    for script, wanted in (("exit 0", (1, 0, 0)), ("exit 1", (0, 0, 1)), ("echo; echo no tool; exit 77", (0, 1, 0))):
        *counts, words = told(script)
        expect(tuple(counts) == wanted, f"{script}: passed, skipped, failed: {counts}")
    expect(words == "   skipped made up: no tool\n", words)
