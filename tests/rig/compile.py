# SPDX-License-Identifier: Apache-2.0
"""Runs ninja in a build directory, quietly.

    compile.py DIR [TARGET...]   build; one progress line on a terminal, one line each 30 s elsewhere;
                                 a failed step's own output in full
    compile.py --sources DIR     the C++ files (relative to the checkout) that DIR compiles
"""

import json
import os
import re
import subprocess
import sys
import time

PROGRESS = re.compile(r"^\[(\d+)/(\d+)\] (.*)$")


def sources(directory):
    with open(os.path.join(directory, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    found = {os.path.relpath(os.path.join(e["directory"], e["file"])) for e in entries}
    print("\n".join(sorted(path for path in found if not path.startswith(("..", "build/")))))


def compile_targets(directory, targets):
    started = time.monotonic()
    environment = dict(os.environ, NINJA_STATUS="[%f/%t] ")
    ninja = subprocess.Popen(["ninja", "-C", directory, *targets], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace", env=environment,
                             stdin=subprocess.DEVNULL)
    terminal = sys.stdout.isatty()
    shown = started
    steps = "nothing"
    passed_through = []
    for line in ninja.stdout:
        match = PROGRESS.match(line)
        if not match:
            if not line.startswith(("ninja: Entering", "ninja: no work")):
                passed_through.append(line)
            continue
        if passed_through and not passed_through[0].startswith("FAILED"):
            passed_through = []  # what meson said while it configured itself again
        if passed_through:
            print("".join(passed_through), end="", flush=True)
            passed_through = []
        steps = f"{match[1]}/{match[2]} steps"
        if terminal:
            print(f"\r\x1b[K   {match[1]}/{match[2]} {match[3][:80]}", end="", flush=True)
        elif time.monotonic() - shown > 30:
            shown = time.monotonic()
            print(f"   {steps}, {shown - started:.0f} s", flush=True)
    code = ninja.wait()
    if terminal:
        print("\r\x1b[K", end="")
    if code:
        print("".join(passed_through), end="")
    print(f"   {'built' if code == 0 else 'FAILED'}: {steps} in {time.monotonic() - started:.0f} s")
    return code


if __name__ == "__main__":
    if sys.argv[1] == "--sources":
        sources(sys.argv[2])
    else:
        sys.exit(compile_targets(sys.argv[1], sys.argv[2:]))
