#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the web page's C++ source: `build.py OUTPUT`; with `--install`, only what it needs of npm.

npm's packages go into node_modules/ beside this file, once for each package-lock.json and for all
builds of the tree; which registry they come from is npm's own configuration's matter.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
STAMP = MODULES / ".slipway-lock"


def install():
    """npm ci, unless it was done for this package-lock.json."""
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    with open(HERE / "package-lock.json", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)   # several presets may be built at once
        if STAMP.exists() and STAMP.read_text(encoding="ascii") == wanted:
            return
        done = subprocess.run(["npm", "ci", "--no-progress"], cwd=HERE, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stdout[-3000:]}\ncontrol/web: npm ci failed; the web page is built of "
                     "packages that npm must reach: see 'npm config get registry'")
        STAMP.write_text(wanted, encoding="ascii")
        owner = HERE.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:   # root set up what another user builds
            for path in [MODULES, *MODULES.rglob("*")]:
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def main():
    for program, package in (("node", "nodejs"), ("npm", "npm")):
        if not shutil.which(program):
            sys.exit(f"control/web: no {program}: install Debian's {package} (./dev setup does)")
    install()
    if sys.argv[1] != "--install":
        subprocess.run(["node", str(HERE / "build.mjs"), str(Path(sys.argv[1]).resolve())], cwd=HERE,
                       stdin=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
