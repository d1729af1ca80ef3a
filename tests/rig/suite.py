# SPDX-License-Identifier: Apache-2.0
"""Everything that must pass: `./dev test`.

Stages, each counted and timed: build, unit (every gtest case of every test program), lint, fuzz
(short fixed runs), instructions (of fixed work, against a baseline), e2e (real clients, once
slipwayd is built). One line a test program while it
runs, the tail of what failed, the reason of what was skipped and how many (`N skipped`), and at
the end `N passed, N failed` alone on the last line. `--suite day` is the real clients' full day alone.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITES = {"day": "day:"}  # the real-client tests that each means, as their filter
STAGES = ("unit", "lint", "fuzz", "instructions", "e2e")
FUZZ_RUNS = 20000  # of one target; never a time, which would depend on the machine
FUZZ_RUNS_OF = {"tls_records": 300, "tls_session": 2000, "tcp_host": 3000, "dhcp_server": 5000,
                "worker": 1000, "verdict": 5000, "restore": 500, "authenticode": 5000}
# Bounds of time are for what hangs, and never measure: a machine that does other things besides may
# be many times slower, so each is taken so many times.
PATIENCE = 4
# How the test programs of the asan preset run: the first finding ends one, and is a failure. A run of
# the simulator costs about ten times as much, so there are fewer of each kind.
SANITIZED = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
             "LSAN_OPTIONS": f"suppressions={ROOT / 'tests/rig/lsan.supp'}:print_suppressions=0",
             "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", "SLIPWAY_RUNS": "200"}
SANITIZED_PATIENCE = 10
SKIPPED = 77  # how a program that is no gtest says so, to Meson too; its last line says why


class Tally:
    """Counts, and remembers what failed."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = 0
        self.times = []

    def fail(self, name, output=""):
        self.failed.append(name)
        print(f"   FAILED {name}")
        for line in output.rstrip().splitlines()[-40:]:
            print(f"     | {line[:200]}")
        sys.stdout.flush()

    def skip(self, name, reason):
        self.skipped += 1
        print(f"   skipped {name}: {reason}", flush=True)


def say(text):
    print(f"== {text}", flush=True)


def line(ok, name, seconds, detail=""):
    print(f"   {'ok    ' if ok else 'FAILED'} {name:<44} {seconds:7.1f} s  {detail}", flush=True)


def build(preset, tally, stage, *targets):
    result = subprocess.run([str(ROOT / "dev"), "build", preset, *targets], cwd=ROOT, check=False,
                            stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        tally.fail(f"{stage}: build/{preset}")
    return result.returncode == 0


def meson_tests(directory):
    text = subprocess.run(["meson", "introspect", "--tests", str(directory)], check=True,
                          capture_output=True, text=True).stdout
    return json.loads(text)


def gtest_cases(xml):
    """(passed, {failed name: what it said}, [(skipped name, reason)]) of one gtest report."""
    passed, failed, skipped = 0, {}, []
    for case in ElementTree.parse(xml).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if failures := case.findall("failure"):
            failed[name] = "\n".join(failure.text or "" for failure in failures)
        elif (skip := case.find("skipped")) is not None:
            skipped.append((name, (skip.get("message") or skip.text or "").strip().split("\n")[-1]))
        elif case.get("status") == "notrun":
            skipped.append((name, "disabled"))
        else:
            passed += 1
    return passed, failed, skipped


def said_by(case, output, told):
    """What a failed case printed, its failures with it, or what the report has of these."""
    found = re.search(rf"^\[ RUN      \] {re.escape(case)}\n(.*?)^\[  FAILED  \] {re.escape(case)}\b", output,
                      re.M | re.S)
    lines = (found[1] if found else told).splitlines()
    return "\n".join(lines if len(lines) <= 40 else lines[:30] + [f"... ({len(lines) - 39} lines)"] + lines[-9:])


def run_one(test, directory, tally):
    """One test program of the build, its gtest cases counted one by one."""
    sanitized = directory.name == "asan"
    patience = PATIENCE * (SANITIZED_PATIENCE if sanitized else 1)
    name = test["name"]
    report = directory / "reports" / f"{name}.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    command = list(test["cmd"])
    if test["protocol"] == "gtest":
        command.append(f"--gtest_output=xml:{report}")
    environment = {**(SANITIZED if sanitized else {}), **os.environ, **test.get("env", {})}
    started = time.monotonic()
    try:
        done = subprocess.run(command, cwd=test.get("workdir") or directory, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                              timeout=(test.get("timeout") or 300) * patience)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as expired:
        output, code = (expired.stdout or b"").decode(errors="replace") + "\ntimed out", 1
    seconds = time.monotonic() - started
    passed, failed, skipped = gtest_cases(report) if report.exists() else (int(code == 0), {}, [])
    if code == SKIPPED and not report.exists():
        tally.skip(name, output.strip().split("\n")[-1] or f"exit {SKIPPED}")
        return
    if code != 0 and not failed:
        keep = [text for text in output.splitlines()
                if not re.match(r"\[ (RUN  |     OK|-----)|\[-----", text)]
        failed = {f"{name} (exit {code})": "\n".join(keep)}
    tally.passed += passed
    for case, reason in skipped:
        tally.skip(case, reason)
    line(not failed, name, seconds, f"{passed} passed" + (f", {len(failed)} FAILED" if failed else ""))
    for case, said in failed.items():
        tally.fail(f"{name}: {case}", said_by(case, output, said))


def unit(options, tally):
    directory = ROOT / "build" / options.preset
    for test in meson_tests(directory):
        if "lint" not in " ".join(test["suite"]) and options.filter in test["name"]:
            run_one(test, directory, tally)


def lint(options, tally):
    directory = ROOT / "build" / options.preset
    for test in meson_tests(directory):
        if "lint" in " ".join(test["suite"]) and options.filter in test["name"]:
            run_one(test, directory, tally)


def fuzz(options, tally):
    """A fixed number of runs from the seeds that the tree gives, and the same inputs each time: the
    way of libFuzzer depends on addresses, and on when it reads its folder again."""
    targets = [f"tests/fuzz/{path.stem}" for path in sorted((ROOT / "tests/fuzz").glob("*_fuzz.cc"))
               if options.filter in path.stem]
    if not targets or not build("fuzz", tally, "fuzz", *targets):
        return
    fixed = ["setarch", "-R"]
    if subprocess.run([*fixed, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("   addresses cannot be fixed here (personality(2) is refused): the inputs differ each time")
        fixed = []
    seeds = ROOT / "build/fuzz/seeds"
    subprocess.run([sys.executable, str(ROOT / "tests/fuzz/seeds.py"), str(seeds)], check=True)
    for target in sorted((ROOT / "build/fuzz/tests/fuzz").glob("*_fuzz")):
        name = target.name
        if options.filter not in name:
            continue
        short = name.removesuffix("_fuzz")
        if not (seeds / short).is_dir():
            tally.fail(f"{name}: begins with nothing", f"tests/fuzz/seeds.py has no seeds for {short}")
            continue
        count = FUZZ_RUNS_OF.get(short, FUZZ_RUNS)
        # A folder of its own takes what the run finds.
        found = target.parent / f"{name}.found"
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir()
        command = [*fixed, str(target), f"-runs={count}", "-seed=1", "-reload=0",
                   f"-artifact_prefix={target}-", str(found), str(seeds / short)]
        started = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False, stdin=subprocess.DEVNULL,
                              timeout=300 * PATIENCE)
        runs = re.search(r"Done (\d+) runs", done.stdout)
        reached = re.search(r"DONE +cov: (\d+)", done.stdout)
        line(done.returncode == 0, name, time.monotonic() - started,
             f"{runs[1]} runs, {reached[1]} places reached" if runs and reached else "")
        if done.returncode == 0:
            tally.passed += 1
        else:
            tally.fail(name, done.stdout)


def instructions(options, tally):
    """The worker's instructions for fixed work stay near the baseline, and waste is found."""
    if options.preset != "release":
        tally.skip("instructions", f"the baseline is the release build's, not {options.preset}'s")
        return
    check = [sys.executable, str(ROOT / "bench/instructions/check.py")]
    started = time.monotonic()
    done = subprocess.run(check, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    words = (done.stdout + done.stderr).rstrip()
    line(done.returncode == 0, "instructions", time.monotonic() - started)
    for text in words.splitlines():
        print(f"     {text}")
    if done.returncode == 0:
        tally.passed += 1
    else:
        tally.fail("instructions")
    wasteful = subprocess.run(check + ["--waste", "5000", "syn"], cwd=ROOT, check=False, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
    found = wasteful.returncode == 1 and "WORSE" in wasteful.stdout
    line(found, "instructions: planted waste is found", 0)
    if found:
        tally.passed += 1
    else:
        tally.fail("instructions: planted waste", wasteful.stdout + wasteful.stderr)


def e2e(options, tally):
    runner = ROOT / "tests/e2e/run.py"
    daemon = ROOT / "build" / options.preset / "slipwayd"
    if not daemon.exists():
        tally.fail(f"e2e: no {daemon.relative_to(ROOT)}")
        return
    # The stack's TCP alone, for the kernel's to talk with: the same sources, so the cache has them.
    if not options.suite:
        build("conformance", tally, "e2e", "slipwayd", "control/slipway")
    report = ROOT / "build/e2e.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, str(runner), "--preset", options.preset, "--report", str(report)]
    if options.all:
        command.append("--all")
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            tally.fail("e2e: network namespaces need root, or sudo")
            return
        command.insert(0, "sudo")  # network namespaces; what it makes is given back to the caller
    done = subprocess.run(command + ([options.filter] if options.filter else []), cwd=ROOT,
                          check=False, stdin=subprocess.DEVNULL)
    try:
        results = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        tally.fail(f"e2e: no report (exit {done.returncode})")
        return
    tally.passed += len(results["passed"])
    tally.failed.extend(results["failed"])
    for name, reason in results.get("skipped", []):
        tally.skip(name, reason)
    if done.returncode != 0 and not results["failed"]:
        tally.fail(f"e2e: exit {done.returncode}")


def main():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__.splitlines()[0])
    parser.add_argument("filter", nargs="?", default="", help="only tests whose name contains this")
    parser.add_argument("--preset", default="release", choices=["release", "debug", "asan"])
    parser.add_argument("--only", default=",".join(STAGES), help="stages: " + " ".join(STAGES))
    parser.add_argument("--all", action="store_true", help="the slow real-client tests too")
    parser.add_argument("--suite", choices=sorted(SUITES),
                        help="one story of real clients alone, and no more is built than it needs")
    options = parser.parse_args()
    stages = options.only.split(",")
    if options.suite:
        stages, options.filter = ["e2e"], SUITES[options.suite]
    if unknown := set(stages) - set(STAGES):
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")

    tally = Tally()
    tally.times.append(("setup", float(os.environ.get("SLIPWAY_SETUP_SECONDS", 0))))
    started = time.monotonic()
    built = True
    if stages == ["unit"]:  # what the test programs are made of, and the one that they start
        built = build(options.preset, tally, "build", "meson-test-prereq", "control/slipway")
    elif options.suite:
        built = build(options.preset, tally, "build", "slipwayd", "control/slipway")
    elif set(stages) - {"fuzz"}:
        built = build(options.preset, tally, "build")
    tally.times.append(("build", time.monotonic() - started))
    for stage in stages:
        if not built and stage != "fuzz":
            continue
        say(f"{stage}")
        started = time.monotonic()
        try:
            globals()[stage](options, tally)
        except Exception as error:  # one broken stage must not hide the others' results
            tally.fail(f"{stage}: {type(error).__name__}: {error}")
        tally.times.append((stage, time.monotonic() - started))

    say("time: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in tally.times))
    if tally.failed:
        say("failed: " + "; ".join(tally.failed))
    say(f"{tally.skipped} skipped")
    print(f"{tally.passed} passed, {len(tally.failed)} failed", flush=True)
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
