# SPDX-License-Identifier: Apache-2.0
"""Real clients against a real slipwayd: `./dev test --only e2e`.

    run.py [FILTER[,FILTER]] [--all] [--preset P] [--report FILE] [--list] [--seed N]

One line a test; a failed test shows what it saw, and its folder (logs of slipwayd, QEMU, relay)
stays in build/e2e/. Needs root: it makes network namespaces of its own, and removes them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests/rig"), str(ROOT / "tests/rig/payloads")]

import harness  # noqa: E402
import test_harness  # noqa: E402,F401
import test_firmware  # noqa: E402,F401  (each module registers its tests)
import test_installer  # noqa: E402,F401
import test_ca  # noqa: E402,F401
import test_capture  # noqa: E402,F401
import test_clients  # noqa: E402,F401
import test_start  # noqa: E402,F401
import test_tls  # noqa: E402,F401
import test_dhcp  # noqa: E402,F401
import test_linux  # noqa: E402,F401
import test_live  # noqa: E402,F401
import test_networks  # noqa: E402,F401
import test_ecn  # noqa: E402,F401
import test_lossy  # noqa: E402,F401
import test_policy  # noqa: E402,F401
import test_ports  # noqa: E402,F401
import test_proxy  # noqa: E402,F401
import test_registry  # noqa: E402,F401
import test_routed  # noqa: E402,F401
import test_web  # noqa: E402,F401
import test_web_forms  # noqa: E402,F401
import test_web_images  # noqa: E402,F401
import test_web_machines  # noqa: E402,F401
import test_web_networks  # noqa: E402,F401
import test_web_rules  # noqa: E402,F401
import test_web_templates  # noqa: E402,F401
import test_web_addresses  # noqa: E402,F401
import test_vlan  # noqa: E402,F401
import test_day  # noqa: E402,F401
import test_crash  # noqa: E402,F401
import test_storm  # noqa: E402,F401
import test_templates  # noqa: E402,F401
import test_top  # noqa: E402,F401
import test_conformance  # noqa: E402,F401


class Context:
    """What all tests of a run share."""

    def __init__(self, options):
        self.preset = options.preset
        self.seed = options.seed
        self.folder = ROOT / "build/e2e"
        self._count = 0
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def fresh(self, name):
        """A folder of its own; short, for sockets live in it."""
        self._count += 1
        folder = self.folder / f"{self._count:02d}-{name}"
        folder.mkdir()
        return folder


def give_back():
    """Under sudo: what was made here belongs to the caller again."""
    if "SUDO_UID" in os.environ:
        owner = f"{os.environ['SUDO_UID']}:{os.environ.get('SUDO_GID', '')}"
        paths = [path for path in (ROOT / "build", ROOT / ".cache") if path.exists()]
        subprocess.run(["chown", "-R", owner, *paths], check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("filter", nargs="?", default="")
    parser.add_argument("--preset", default="release")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--all", action="store_true", help="the slow ones too")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--seed", type=int, default=1, help="of the relay and of random instants")
    options = parser.parse_args()
    cases = [case for case in harness.CASES
             if any(part in f"{case.group}: {case.name}".lower()
                    for part in options.filter.lower().split(","))]
    wanted = [case for case in cases if options.all or not case.slow]
    left_out = [case for case in cases if case not in wanted] if wanted else []
    cases = wanted or cases    # a filter that names slow ones alone means them
    if options.list:
        print("\n".join(f"{case.group}: {case.name}" for case in cases))
        return 0
    if os.geteuid() != 0:
        print("e2e: needs root for network namespaces", file=sys.stderr)
        return 1

    passed, failed = [], []
    # A report's reader is told what was left out; the screen is spared what was not asked for.
    skipped = [(f"{case.group}: {case.name}", "slow: --all runs it") for case in left_out]

    def report(case, seconds, ended):
        name = f"{case.group}: {case.name}"
        word = "ok    "
        if isinstance(ended, harness.Skipped):
            skipped.append((name, str(ended)))
            word = "skip  "
        elif ended:
            failed.append(name)
            word = "FAILED"
        else:
            passed.append(name)
        print(f"   {word} {name:<66} {seconds:6.1f} s", flush=True)
        lines = str(ended or "").rstrip().splitlines()
        # What was expected stands first, what was seen last.
        for text in lines if len(lines) <= 25 else [lines[0], "...", *lines[-24:]]:
            print(f"     | {text[:180]}", flush=True)

    harness.run_all(cases, Context(options), report)
    if options.report:
        document = {"passed": passed, "failed": failed, "skipped": skipped, "seed": options.seed}
        options.report.write_text(json.dumps(document, indent=2), encoding="utf-8")
    if not failed and cases:
        shutil.rmtree(ROOT / "build/e2e", ignore_errors=True)
    give_back()
    print(f"   e2e: {len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped, "
          f"seed {options.seed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
