# SPDX-License-Identifier: Apache-2.0
"""All seeds of the fuzz targets, from what the source tree itself holds.

    seeds.py OUT     writes OUT/TARGET/NAME anew

Out of the captures in tests/fuzz/captures, which the simulator records, and those of real boot
clients in tests/captures; and by each *_seeds.py beside this file.
"""
import pathlib
import shutil
import subprocess
import sys

import capture_seeds

HERE = pathlib.Path(__file__).resolve().parent
CAPTURES = (HERE / "captures", HERE.parent / "captures")
SCRIPTS = ("archive_seeds.py", "configuration_seeds.py", "document_seeds.py", "loader_seeds.py",
           "oci_seeds.py", "script_seeds.py")


def make(out):
    """Writes them; returns what there is for each target."""
    shutil.rmtree(out, ignore_errors=True)
    for captures in CAPTURES:
        capture_seeds.write(captures, out)
    for script in SCRIPTS:
        subprocess.run([sys.executable, str(HERE / script), str(out)], check=True)
    return {folder.name: len(list(folder.iterdir())) for folder in sorted(out.iterdir())}


def main():
    counts = make(pathlib.Path(sys.argv[1]))
    print(f"   {sum(counts.values())} seeds for {len(counts)} targets")


if __name__ == "__main__":
    main()
