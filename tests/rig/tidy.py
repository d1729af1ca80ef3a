# SPDX-License-Identifier: Apache-2.0
"""Compiles C++ files by clang in a build directory, then runs clang-tidy over them, quietly.

    tidy.py DIR FILE...   one progress line on a terminal, one line each 30 s elsewhere; each
                          finding in full; exit 1 if there is one

A file found clean leaves a stamp beside its object. Ninja makes an object anew when its source or any
of its headers changed, so a stamp newer than the object and than each .clang-tidy above the source
says: nothing to look at. A run that was stopped goes on where it was.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from compile import compile_targets


def objects_of(directory):
    """Each compiled file, relative to the checkout, and one object made of it."""
    with open(directory / "compile_commands.json", encoding="utf-8") as file:
        return {os.path.relpath(os.path.join(entry["directory"], entry["file"])):
                Path(entry["directory"]) / entry["output"] for entry in json.load(file)}


def is_clean(source, made, stamp):
    """Whether the stamp was left after the object was made and after the rules were written."""
    if not made.exists() or not stamp.exists():
        return False
    rules = [folder / ".clang-tidy" for folder in Path(source).parents]
    return stamp.stat().st_mtime > max(file.stat().st_mtime for file in [made, *rules]
                                       if file.exists())


def check(directory, source, stamp):
    done = subprocess.run(["clang-tidy-14", "--quiet", "-p", str(directory), source], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          errors="replace", check=False)
    if done.returncode == 0:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
        return ""
    return done.stdout or done.stderr or f"{source}: clang-tidy-14 exit {done.returncode}\n"


def main(directory, files):
    made_of = {source: made for source, made in objects_of(directory).items() if source in files}
    if code := compile_targets(str(directory), [str(made.relative_to(directory.resolve()))
                                                for made in made_of.values()]):
        return code
    started = shown = time.monotonic()
    jobs, with_findings = [], 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for source in sorted(made_of):
            stamp = made_of[source].with_name(made_of[source].name + ".tidy")
            if not is_clean(source, made_of[source], stamp):
                jobs.append(pool.submit(check, directory, source, stamp))
        for done, job in enumerate(as_completed(jobs), 1):
            if job.result():
                with_findings += 1
                print(("\r\x1b[K" if sys.stdout.isatty() else "") + job.result(), end="", flush=True)
            if sys.stdout.isatty():
                print(f"\r\x1b[K   {done}/{len(jobs)} files", end="", flush=True)
            elif time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(f"   {done}/{len(jobs)} files, {shown - started:.0f} s", flush=True)
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")
    print(f"   {with_findings} of {len(jobs)} files with findings, {len(made_of) - len(jobs)} "
          f"unchanged since found clean, {time.monotonic() - started:.0f} s")
    return 1 if with_findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
