# SPDX-License-Identifier: Apache-2.0
"""kill -9 at seeded random instants: no lease lost, none given twice, no torn image served."""

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import machine
from harness import expect, run, test
from lab import Lab

CLIENT = Path(__file__).with_name("dhcp_client.py")
ROUNDS = 5
STATIONS = 30


def restart(lab):
    lab.daemon.start(["ip", "netns", "exec", lab.server])


@test("crash", f"kill -9 while leases are given, {ROUNDS} times: every ACK holds, no address twice")
def leases(context):
    chance = random.Random(context.seed)
    given = {}
    with Lab(context, "crash-leases", pool="10.77.0.30-10.77.0.254") as lab:
        lab.make_set({"small.efi": 4000})
        space, interface = lab.port()
        for number in range(ROUNDS):
            process = subprocess.Popen(
                ["ip", "netns", "exec", space, sys.executable, str(CLIENT), interface, "discover",
                 str(STATIONS), str(1 + number * STATIONS)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, text=True, preexec_fn=machine.die_with_parent)
            time.sleep(chance.uniform(0.15, 0.6))
            lab.daemon.kill()
            restart(lab)
            for text in process.communicate(timeout=160)[0].splitlines():
                mac, address = text.split()
                expect(address not in given.values(), f"{address} was given twice, to {mac} too")
                given[mac] = address
        expect(len(given) == ROUNDS * STATIONS, f"only {len(given)} of {ROUNDS * STATIONS} were served")
        addresses = lab.folder / "given.json"
        addresses.write_text(json.dumps(given), encoding="utf-8")
        text = run(["ip", "netns", "exec", space, sys.executable, CLIENT, interface, "reboot", 0, 0,
                    addresses], timeout=60)
        lost = [line for line in text.splitlines() if not line.endswith(" ack")]
        expect(not lost, f"{len(lost)} of {len(given)} leases are gone: {lost[:5]}")


@test("crash", f"kill -9 while an image set is imported, {ROUNDS} times: whole or absent, never torn")
def imports(context):
    chance = random.Random(context.seed + 1)
    with Lab(context, "crash-import") as lab:
        lab.make_set({"stays.img": 3 << 20})
        lab.fetch("stays.img")
        base = lab.daemon.web_path()
        big = lab.folder / "torn"
        big.mkdir()
        for number in range(ROUNDS):
            (big / "torn.img").write_bytes(random.Random(number).randbytes(40 << 20))
            command = ["ip", "netns", "exec", lab.server, *lab.daemon.command("image", "import", big,
                                                                              "torn:1")]
            importer = threading.Thread(target=lambda command=command: subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=240))
            importer.start()
            time.sleep(chance.uniform(0.02, 0.8))
            lab.daemon.kill()
            importer.join()
            restart(lab)
            expect(lab.daemon.web_path() == base, "the first set moved")
            lab.fetch("stays.img")
        # After all that, importing works and serves what was imported.
        lab.make_set({"after.img": 5 << 20}, seed=2)
        lab.fetch("after.img")


@test("crash", "a stopped slipwayd ends cleanly on SIGTERM and keeps its image sets and leases")
def clean_stop(context):
    with Lab(context, "clean-stop") as lab:
        lab.make_set({"stays.img": 1 << 20})
        lab.fetch("stays.img")
        status = lab.daemon.stop()
        expect(status == 0, f"exit status {status}:\n{lab.daemon.words()}")
        restart(lab)
        lab.fetch("stays.img")
