# SPDX-License-Identifier: Apache-2.0
"""Instructions of the worker for a fixed amount of work, against a committed baseline.

    ./dev bench instructions             run, print the table, exit 1 when a figure left its bounds
    ./dev bench instructions --update    write the baseline anew
    ./dev bench instructions --profile   and where the instructions of each phase are, by function

No clock is read and no cycle counted: callgrind counts the instructions of slipway-instructions'
worker. What OpenSSL and ipsec-mb execute is left out (which code they choose depends on the
processor and on Debian's build of them); the C library's choices are pinned below.
"""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.05
PROGRAM = "slipway-instructions"
CRYPTO = ("libcrypto", "libssl", "libIPSec_MB")
STEPS_IN = ("Receive", "Classify", "Deliver")  # what a frame that arrives costs
STEPS_OUT = ("Expire", "Emit", "Transmit")     # what one that leaves costs
BULK = ("https", "watched", "firmware", "http")  # phases whose unit is a segment

# One choice of code for every processor: of the C library's variants, those of its baseline.
ENVIRONMENT = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-FSRM,-AVX_Fast_Unaligned_Load,-AVX512F,"
                      "-AVX512VL,-MOVBE,-BMI1,-BMI2,-LZCNT:"
                      "glibc.cpu.x86_non_temporal_threshold=0xc0000",
    "LD_BIND_NOW": "1",  # else the first call of each function would be counted with its search
}


class Profile:
    """One dump of callgrind: own cost by (object, function), and what RunOnce's steps cost."""

    def __init__(self, path):
        self.own = collections.Counter()       # (object, function) -> instructions
        self.calls = collections.Counter()     # (caller, callee, callee's object) -> inclusive
        names = {"ob": {}, "fn": {}}

        def name_of(kind, text):
            match = re.match(r"\((\d+)\)(?: (.*))?$", text)
            if match is None:
                return text
            if match[2] is not None:
                names[kind][match[1]] = match[2]
            return names[kind][match[1]]

        here, function, called, called_in, is_call = "", "", "", "", False
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if match := re.match(r"(c?)(ob|fn)=(.*)$", line):
                name = name_of(match[2], match[3])
                if match[1] == "" and match[2] == "ob":
                    here = name
                elif match[1] == "":
                    function = name
                    called_in = here
                elif match[2] == "ob":
                    called_in = name
                else:
                    called = name
            elif line.startswith("calls="):
                is_call = True
            elif match := re.match(r"[+\-*\d]\S* (\d+)$", line):
                cost = int(match[1])
                if is_call:
                    self.calls[function, called, called_in] += cost
                    called_in = here
                    is_call = False
                else:
                    self.own[here, function] += cost

    def ours(self, alone=False):
        """What the program executed itself; unless `alone`, with the C library and DPDK for it."""
        return sum(cost for (where, _), cost in self.own.items()
                   if (where.endswith(PROGRAM) if alone else not is_crypto(where)))

    def crypto(self):
        return sum(cost for (where, _), cost in self.own.items() if is_crypto(where))

    def steps(self, names):
        """Inclusive cost of these steps of Worker::RunOnce, crypto and all."""
        return sum(cost for (caller, callee, _), cost in self.calls.items()
                   if "Worker::RunOnce(" in caller
                   and any(f"Worker::{name}(" in callee for name in names))


def is_crypto(path):
    return Path(path).name.startswith(CRYPTO)


def run(program, arguments):
    """[(phase's counts, its Profile)] of one run under callgrind."""
    with tempfile.TemporaryDirectory(prefix="slipway-instructions-") as folder:
        dumps = Path(folder) / "dump"
        command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--instr-atstart=no",
                   "--dump-line=no", f"--callgrind-out-file={dumps}", str(program), *arguments]
        if shutil.which("setarch"):
            command[:0] = ["setarch", "-R"]  # the same addresses in each run
        done = subprocess.run(command, env=dict(os.environ, **ENVIRONMENT), check=False, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        phases = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not phases:
            sys.stderr.write("\n".join((done.stdout + done.stderr).splitlines()[-30:]) + "\n")
            raise SystemExit(f"slipway-instructions under valgrind: exit {done.returncode}")
        profiles = {}
        for path in Path(folder).glob("dump*"):
            trigger = re.search(r"^desc: Trigger: Client Request: (\S+)$",
                                path.read_text(errors="replace"), re.MULTILINE)
            if trigger:
                profiles[trigger[1]] = Profile(path)
        return [(phase, profiles[phase["phase"]]) for phase in phases]


def figures(results):
    """{name: (instructions each, unit)}, rounds that found nothing taken off."""
    table = {}
    idle = 0.0
    for phase, profile in results:
        name = phase["phase"]
        if name == "idle":
            idle = profile.ours() / phase["work"]
            table["idle.round"] = idle
            continue
        # The C library's share of a handshake is OpenSSL's memory.
        ours = profile.ours(name.startswith("handshake")) - idle * phase["idle_polls"]
        if name in BULK:
            arriving = profile.steps(STEPS_IN)
            leaving = profile.steps(STEPS_OUT) - profile.crypto()
            table[f"{name}.payload_byte"] = ours / phase["payload_bytes"]
            table[f"{name}.segment"] = leaving / phase["segments"]
            table[f"{name}.ack"] = arriving / phase["frames"]
        else:
            table[f"{name}.each"] = ours / phase["work"]
    return table


WORDS = {
    "idle.round": "a round that finds nothing",
    "https.payload_byte": "HTTPS, a byte of payload",
    "https.segment": "HTTPS, a segment sent (without AES)",
    "https.ack": "HTTPS, a frame received",
    "watched.payload_byte": "the same while another machine is captured",
    "watched.segment": "..., a segment sent",
    "watched.ack": "..., a frame received",
    "firmware.payload_byte": "HTTPS to UEFI, a byte of payload",
    "firmware.segment": "HTTPS to UEFI, a segment sent",
    "firmware.ack": "HTTPS to UEFI, a frame received",
    "http.payload_byte": "HTTP, a byte of payload",
    "http.segment": "HTTP, a segment sent",
    "http.ack": "HTTP, a frame received",
    "request.each": "HTTP, 1 KiB object, connection kept",
    "handshake13.each": "TLS 1.3 connection, ECDSA, opened, closed",
    "handshake12.each": "TLS 1.2 connection, DHE RSA, opened, closed",
    "dhcp.each": "DHCP exchange, four messages",
    "syn.each": "a forged SYN",
}


def compare(measured, baseline):
    """[(name, measured, baseline, change, verdict)]; verdict: ok, WORSE, BETTER, NEW or GONE."""
    rows = []
    for name in list(measured) + [name for name in baseline if name not in measured]:
        new, old = measured.get(name), baseline.get(name)
        if old is None or new is None:
            rows.append((name, new, old, None, "NEW" if old is None else "GONE"))
            continue
        change = new / old - 1
        verdict = "WORSE" if change > TOLERANCE else "BETTER" if change < -TOLERANCE else "ok"
        rows.append((name, new, old, change, verdict))
    return rows


def number(value):
    return "-" if value is None else f"{value:,.3f}" if value < 10 else f"{value:,.0f}"


def print_table(rows):
    print(f"{'instructions of the worker for':<46} {'measured':>10} {'baseline':>10} {'change':>8}")
    for name, new, old, change, verdict in rows:
        percent = "" if change is None else f"{100 * change:+.1f} %"
        print(f"{WORDS.get(name, name):<46} {number(new):>10} {number(old):>10} {percent:>8}"
              f"{'' if verdict == 'ok' else '  ' + verdict}")


def print_profile(results, count):
    """For each phase: its steps (with what they call), and the functions that cost most."""
    for phase, profile in results:
        bulk = phase["phase"] in BULK
        units = phase["segments"] if bulk else phase["work"]
        print(f"\n{phase['phase']}: {phase['work']} done, {phase['segments']} segments or answers "
              f"sent, {phase['frames']} frames received. Instructions for each "
              f"{'segment' if bulk else 'of them'}:")
        ours, crypto = profile.ours(), profile.crypto()
        print("  " + ", ".join(f"{step.lower()} {profile.steps((step,)) / units:,.0f}"
                               for step in STEPS_IN + STEPS_OUT))
        print(f"  {ours / units:10,.1f}           ours and the C library's, of it:")
        mine = [entry for entry in profile.own.most_common() if not is_crypto(entry[0][0])]
        for (where, function), cost in mine[:count]:
            library = Path(where).name.split(".")[0].replace(PROGRAM, "")
            print(f"  {cost / units:10,.1f}  {100 * cost / ours:5.1f} %  {short(function)}  {library}")
        print(f"  {crypto / units:10,.1f}           OpenSSL's and ipsec-mb's")


def short(function):
    """A C++ function's name without what every one of them has."""
    function = re.sub(r"std::chrono::time_point<.*?> > >|std::span<([\w: ]+), 18446744073709551615ul>",
                      lambda match: match[1] or "Time", function)
    return re.sub(r"slipway::|dataplane::|std::", "", function)[:90]


def main():
    parser = argparse.ArgumentParser(prog="./dev bench instructions",
                                     description=__doc__.splitlines()[0])
    parser.add_argument("phases", nargs="*", metavar="PHASE",
                        help="only these: idle https watched firmware http request handshake13 handshake12 "
                             "dhcp syn")
    parser.add_argument("--program", type=Path,
                        default=ROOT / "build/release/bench" / PROGRAM)
    parser.add_argument("--update", action="store_true", help="write the baseline anew")
    parser.add_argument("--profile", nargs="?", const=20, type=int, metavar="N",
                        help="the N functions (20) with the most instructions of their own")
    parser.add_argument("--waste", default="0", metavar="N",
                        help="go N times through a loop of no use in each round that has work")
    options = parser.parse_args()
    if options.phases and options.update:
        parser.error("--update takes all phases")
    results = run(options.program, ["--waste", options.waste, *options.phases])
    if options.profile:
        print_profile(results, options.profile)
        return 0
    measured = figures(results)
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    if options.phases:
        baseline = {name: value for name, value in baseline.items() if name in measured}
    rows = compare(measured, baseline)
    print_table(rows)
    if options.update:
        BASELINE.write_text(json.dumps({name: round(value, 4) for name, value in measured.items()},
                                       indent=2) + "\n")
        print(f"written: {BASELINE.relative_to(ROOT)}")
        return 0
    verdicts = {row[4] for row in rows}
    if "WORSE" in verdicts:
        print(f"more than {TOLERANCE:.0%} worse. Where: ./dev bench instructions --profile; when "
              "it buys something, say what in the commit that runs --update")
    elif verdicts != {"ok"}:
        print("the baseline is not that of these sources: ./dev bench instructions --update")
    return 1 if verdicts & {"WORSE", "NEW", "GONE"} else 0


if __name__ == "__main__":
    sys.exit(main())
