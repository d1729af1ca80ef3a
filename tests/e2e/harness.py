# SPDX-License-Identifier: Apache-2.0
"""What every end-to-end test stands on: how tests are named and gathered, and how they fail."""

import contextlib
import dataclasses
import itertools
import subprocess
import time
import traceback

# Bounds of time are for what hangs, and never measure: a machine that does other things besides may
# be many times slower, so each is taken so many times.
PATIENCE = 4


class Failed(Exception):
    """What was expected and what was seen."""


class Skipped(Exception):
    """This machine cannot run the test; says what it lacks."""


@dataclasses.dataclass
class Case:
    group: str
    name: str
    run: object
    fixture: object
    slow: bool     # only with --all


CASES = []


def test(group, name, fixture=None, slow=False):
    """Registers a test. `fixture` is a context manager function, opened once for all its tests. A
    `slow` one is left out unless --all is given or it alone is asked for: another proves nearly the
    same."""
    def register(function):
        CASES.append(Case(group, name, function, fixture, slow))
        return function
    return register


def expect(condition, message):
    if not condition:
        raise Failed(message)


def until(condition, what, log=None):
    """The condition's value, once it has one. `log`: a file whose end may tell why it has none."""
    seconds = 30 * PATIENCE
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            words = log.read_text(errors="replace")[-1500:] if log and log.exists() else ""
            raise Failed(f"not within {seconds} s: {what}\n{words}")
        time.sleep(0.1)
    return value


def run(command, timeout=60, check=True, **options):
    """Runs a program to its end; its output, both streams together, as text."""
    timeout *= PATIENCE
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, stdin=options.pop("stdin", subprocess.DEVNULL),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                              check=False, **options)
    except subprocess.TimeoutExpired as expired:
        text = (expired.stdout or b"").decode(errors="replace")
        raise Failed(f"{' '.join(command)}: not done after {timeout} s\n{text[-1500:]}") from None
    text = done.stdout.decode(errors="replace")
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{text[-1500:]}")
    return text


def run_all(cases, context, report):
    """Runs the cases in order; a fixture lives while consecutive cases share it. `report` is told the
    case, the seconds it took, and None or the Failed or Skipped it ended with."""
    for fixture, batch in itertools.groupby(cases, key=lambda case: case.fixture):
        run_batch(fixture, list(batch), context, report)


def run_batch(fixture, batch, context, report):
    """A fixture that cannot be opened fails (or skips) all its tests. What it gives may have ready(), which
    brings it to where each test begins, whatever became of the one before. One that finds fault while it
    is closed, as that something leaked, is a failure of its own, and the next batch runs."""
    stack = contextlib.ExitStack()
    arguments = [context]
    if fixture is not None:
        try:
            arguments.append(stack.enter_context(fixture(context)))
        except Skipped as reason:
            for case in batch:
                report(case, 0.0, reason)
            return
        except Exception:
            words = "its fixture failed:\n" + traceback.format_exc(limit=3)
            for case in batch:
                report(case, 0.0, Failed(words))
            return
    ready = getattr(arguments[-1], "ready", lambda: None)
    for case in batch:
        def from_there(*words, test=case.run):
            ready()
            test(*words)
        report(case, *timed(from_there, arguments))
    seconds, ended = timed(stack.close, ())
    if ended:
        report(dataclasses.replace(batch[-1], name=f"what is left after '{batch[-1].name}'"), seconds,
               ended if isinstance(ended, Failed) else Failed(f"skipped, but too late: {ended}"))


def timed(function, arguments):
    """(seconds, None or the Failed or Skipped it ended with)"""
    started = time.monotonic()
    ended = None
    try:
        function(*arguments)
    except (Failed, Skipped) as error:
        ended = error
    except Exception:
        ended = Failed(traceback.format_exc(limit=5))
    return time.monotonic() - started, ended
