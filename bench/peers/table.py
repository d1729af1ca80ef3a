# SPDX-License-Identifier: Apache-2.0
"""`./dev bench`: the whole table. slipway-bench measures what needs no other server; rows 5, 6, 8 and 13
are driven from here, with its figures of the fast wire beside the other servers'.

Prints for each row: work, measured, must reach, holds. --json FILE: all of it. Exit status 1 when a row
falls short or could not be measured, 2 for a bad command line.
"""

import argparse
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import dhcp  # noqa: E402
import fast_wire  # noqa: E402
import figures  # noqa: E402
import firmware  # noqa: E402
import web  # noqa: E402
from process import PeerError  # noqa: E402
from servers import missing_programs  # noqa: E402

# Row: what measures it, seconds of one turn, and the programs it needs.
PEERS = {
    "5": (web.bulk, 3, ("nginx", "wrk", "ethtool")),
    "6": (web.requests, 2, ("nginx", "wrk", "ethtool")),
    "8": (dhcp.leases, 2, ("kea-dhcp4", "perfdhcp", "dnsmasq", "ethtool")),
    "13": (firmware.boots, 0, ("nginx", "dnsmasq", "qemu-system-x86_64")),
}
PASSED_ON = ("server-core", "machines-core", "memory")


@dataclasses.dataclass
class Context:
    folder: Path            # of one row, on a disk (leases are written there), removed after it
    pairs: int = 5
    seconds: float = 3.0    # of one turn
    quick: bool = False
    hugepages: bool = False
    bench_options: tuple = ()


def arguments(words):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--pairs", type=int, help="turns of each side (5)")
    parser.add_argument("--seconds", type=float, help="of one turn (the row's own)")
    parser.add_argument("--quick", action="store_true",
                        help="one short turn of each side: does it run at all?")
    for name in PASSED_ON:
        parser.add_argument(f"--{name}", type=int, help="as slipway-bench's")
    options = parser.parse_intermixed_args(words)
    options.others = []
    for name in PASSED_ON:
        value = getattr(options, name.replace("-", "_"))
        options.others += [f"--{name}", str(value)] if value is not None else []
    if options.pairs is not None and options.pairs < 1:
        parser.error("--pairs is at least 1")
    return options


def split(rows, peers=PEERS):
    """(rows of slipway-bench or None for none, rows driven here); no row at all means all of them."""
    if not rows:
        return [], list(peers)
    ours = [row for row in rows if row not in peers]
    return (ours or None), [row for row in peers if row in rows]


def free_hugepages_mib():
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("HugePages_Free:"):
            return 2 * int(line.split()[1])
    return 0


def show(row):
    print(f"{row['row']:<3} {row['work']}\n    measured  {row['measured']}\n"
          f"    must      {row['must']}\n    {'holds' if row['holds'] else 'FALLS SHORT'}", flush=True)
    if row.get("profile"):
        print(f"    where: {row['profile']}", flush=True)


def revision():
    """Of the tree that is measured; "changed" when it is not what was committed."""
    git = ["git", "-C", str(Path(__file__).resolve().parents[2])]
    try:
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"],
                                 capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + (", changed" if changes.stdout else "")


def machine():
    def read(path, key=""):
        try:
            for line in Path(path).read_text(encoding="utf-8").splitlines():
                if line.startswith(key):
                    return line.split(":", 1)[1].strip() if key else line.strip()
        except OSError:
            pass
        return "unknown"

    return {"cpu": read("/proc/cpuinfo", "model name"), "kernel": os.uname().release,
            "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            "cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d"), "revision": revision()}


def run_slipway_bench(rows, options):
    """Its rows and its exit status; it prints for itself."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        out = Path(folder) / "rows.json"
        command = [str(fast_wire.PROGRAM), *rows, "--json", str(out), *options.others]
        pairs = options.pairs or (1 if options.quick else None)
        seconds = options.seconds or (0.2 if options.quick else None)
        command += ["--pairs", str(pairs)] if pairs else []
        command += ["--seconds", str(seconds)] if seconds else []
        code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
        document = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
        return document, code


def measure(name, options):
    """A peer row's lines; one that says why when it could not be measured."""
    function, seconds, programs = PEERS[name]
    lacking = missing_programs(*programs)
    if os.geteuid() != 0 or lacking:
        why = f"{', '.join(lacking)} missing" if lacking else "network namespaces need root"
        return [figures.row(name, "against other servers", f"not measured: {why}", "-", False)]
    folder = Path(tempfile.mkdtemp(prefix="slipway-peers-", dir="/var/tmp"))
    context = Context(folder, pairs=options.pairs or (1 if options.quick else 5),
                      seconds=options.seconds or (1 if options.quick else seconds),
                      quick=options.quick, hugepages=free_hugepages_mib() >= 2600,
                      bench_options=tuple(options.others))
    try:
        return function(context)
    except (PeerError, OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        return [figures.row(name, "against other servers", f"not measured: {error}", "-", False)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end(number, _frame):
    """As by Ctrl-C: servers and namespaces are taken down on the way out, whoever asks again."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main(words):
    options = arguments(words)
    signal.signal(signal.SIGTERM, end)
    ours, peers = split(options.rows)
    about = machine()  # before the run: of the tree that was built for it
    document, code = {}, 0
    if ours is not None:
        document, code = run_slipway_bench(ours, options)
        if code not in (0, 1):
            return code
    document.setdefault("rows", [])
    document["machine"] = {**about, **document.get("machine", {})}
    if peers:
        print(", ".join(f"{key} {value}" for key, value in document["machine"].items()), flush=True)
    for name in peers:
        for row in measure(name, options):
            show(row)
            document["rows"].append(row)
            code = code or int(not row["holds"])
    if options.json:
        Path(options.json).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
