# SPDX-License-Identifier: Apache-2.0
"""kill -9 at seeded random instants: no lease lost, none given twice, no torn image served."""

import hashlib
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import machine
from daemon import ADDRESS
from harness import expect, run, test, until
from lab import EFI_PROGRAM, Lab
from test_networks import asks

CLIENT = Path(__file__).with_name("dhcp_client.py")
ROUNDS = 5
STATIONS = 200
MEBIBYTE = 1 << 20


def restart(lab):
    lab.daemon.start(["ip", "netns", "exec", lab.server])


def leases_listed(lab):
    """{mac: address} as the operator sees them."""
    return {lease["mac"]: lease["address"] for lease in lab.daemon.json("lease", "list")
            if lease["state"] == "bound"}


class Stations:
    """Many at once take an address each; what has been acknowledged is known at any instant."""

    def __init__(self, space, interface, first):
        self.acknowledged = []      # (mac, address)
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", space, sys.executable, str(CLIENT), interface, "discover",
             str(STATIONS), str(first)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            preexec_fn=machine.die_with_parent)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for text in self._process.stdout:
            with self._news:
                self.acknowledged.append(tuple(text.split()))
                self._news.notify()

    def reached(self, count):
        """True as soon as so many have been acknowledged."""
        with self._news:
            return self._news.wait_for(lambda: len(self.acknowledged) >= count, timeout=240)

    def wait(self):
        self._reader.join()
        self._process.wait()


@test("crash", f"kill -9 while leases are given, {ROUNDS} times: every ACK holds, no address twice")
def leases(context):
    chance = random.Random(context.seed)
    given, before_kill = {}, []
    # Probes would hold the first offers back for half a second, and every kill would come before them.
    with Lab(context, "crash-leases", prefix=16, pool="10.77.4.0-10.77.15.255", probe_time=0) as lab:
        lab.make_set({"small.efi": 4000})
        space, interface = lab.port()
        for number in range(ROUNDS):
            stations = Stations(space, interface, 1 + number * STATIONS)
            expect(stations.reached(chance.randint(1, STATIONS // 2)), f"few: {lab.daemon.words()}")
            time.sleep(chance.uniform(0, 0.02))
            lab.daemon.kill()
            before_kill.append(len(stations.acknowledged))
            restart(lab)
            stations.wait()
            for mac, address in stations.acknowledged:
                expect(address not in given.values(), f"{address} was given twice, to {mac} too")
                given[mac] = address
        expect(len(given) == ROUNDS * STATIONS, f"only {len(given)} of {ROUNDS * STATIONS} were served")
        expect(any(0 < count < STATIONS for count in before_kill),
               f"no kill came while leases were given: ACKs before each: {before_kill}")
        listed = leases_listed(lab)
        lost = {mac: address for mac, address in given.items() if listed.get(mac) != address}
        expect(not lost, f"{len(lost)} of {len(given)} leases are not listed: {list(lost.items())[:5]}")
        addresses = lab.folder / "given.json"
        addresses.write_text(json.dumps(given), encoding="utf-8")
        text = run(["ip", "netns", "exec", space, sys.executable, CLIENT, interface, "reboot", 0, 0,
                    addresses], timeout=60)
        lost = [line for line in text.splitlines() if not line.endswith(" ack")]
        expect(not lost, f"{len(lost)} of {len(given)} leases are gone: {lost[:5]}")
        lab.nothing_leaked()


def staged(lab):
    """Bytes of imports that are under way; files come and go while they are looked at."""
    total = 0
    for path in (lab.daemon.state / "images/.incoming").rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            pass
    return total


def whole_blobs(lab):
    """Every blob of the store is what its name says."""
    for blob in (lab.daemon.state / "images/blobs/sha256").iterdir():
        with open(blob, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        expect(digest == blob.name, f"the blob {blob.name} is torn: sha256 {digest}")


def import_and_kill(lab, folder, chance):
    """kill -9 once more than 1 MiB of an import is there, at once or while it goes on. Tells whether
    the import was still under way, and whether it was said to be done."""
    importer = subprocess.Popen(
        ["ip", "netns", "exec", lab.server, *lab.daemon.command("image", "import", folder, "torn:1")],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=machine.die_with_parent)
    while staged(lab) <= MEBIBYTE and importer.poll() is None:
        pass
    time.sleep(chance.choice((0, chance.uniform(0, 0.3))))
    under_way = staged(lab) > MEBIBYTE and importer.poll() is None
    lab.daemon.kill()
    return under_way, importer.wait() == 0


@test("crash", f"kill -9 while an image set is imported, {ROUNDS} times: whole or absent, never torn")
def imports(context):
    chance = random.Random(context.seed + 1)
    with Lab(context, "crash-import") as lab:
        lab.make_set({"stays.img": 3 << 20})
        lab.fetch("stays.img")
        big = lab.folder / "torn"
        big.mkdir()
        (big / "boot.efi").write_bytes(EFI_PROGRAM)
        versions, cut, is_there = [], 0, False
        for number in range(ROUNDS):
            data = random.Random(number).randbytes(40 * MEBIBYTE)
            (big / "torn.img").write_bytes(data)
            newest = hashlib.sha256(data).hexdigest()
            versions.append(newest)
            under_way, done = import_and_kill(lab, big, chance)
            cut += under_way
            is_there = is_there or done
            restart(lab)
            left = list((lab.daemon.state / "images/.incoming").iterdir())
            expect(not left, f"left behind: {left}")
            whole_blobs(lab)
            whole_or_absent(lab, [newest] if done else versions, may_be_absent=not is_there)
            lab.fetch("stays.img")
        expect(cut > 0, "no kill came while an import was under way")
        # After all that, importing works and serves what was imported.
        lab.daemon.import_image(big, "torn:1")
        whole_or_absent(lab, [newest], may_be_absent=False)
        lab.make_set({"after.img": 5 << 20}, seed=2)
        lab.fetch("after.img")
        lab.nothing_leaked()


def whole_or_absent(lab, digests, may_be_absent):
    """torn:1 is unknown, or what is served of it is one of the versions that were imported."""
    url = f"http://{ADDRESS}/torn/1/torn.img"
    if lab.daemon.run("image", "show", "torn:1", check=False).returncode != 0:
        expect(may_be_absent, "torn:1 was imported, and is not there any more")
        code = lab.curl("--output", "/dev/null", "--write-out", "%{http_code}", url)
        expect(code == "404", f"torn:1 is not there, and {code} is said to who asks for it")
        return
    # A set that is there is loaded into memory yet, for which machines are told to wait.
    until(lambda: lab.curl("--output", "/dev/null", "--write-out", "%{http_code}", url) != "503",
          "torn:1 is loaded")
    out = lab.folder / "torn.out"
    lab.curl("--fail", "--output", out, url)
    with open(out, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    expect(digest in digests, f"torn.img is served with {out.stat().st_size} bytes, sha256 {digest}")


@test("crash", "a stopped slipwayd ends cleanly on SIGTERM and keeps its image sets and leases")
def clean_stop(context):
    with Lab(context, "clean-stop") as lab:
        lab.make_set({"stays.img": 1 << 20})
        lab.fetch("stays.img")
        # Asked again in the other order: whoever forgot them would give them by turns.
        spaces = [lab.port()[0] for _ in range(2)]
        addresses = [asks(space) for space in spaces]
        expect(None not in addresses and len(set(addresses)) == 2, f"addresses: {addresses}")
        status = lab.daemon.stop()
        expect(status == 0, f"exit status {status}:\n{lab.daemon.words()}")
        restart(lab)
        listed = leases_listed(lab)
        expect(set(addresses) <= set(listed.values()), f"of {addresses} are listed: {listed}")
        again = [asks(space) for space in reversed(spaces)][::-1]
        expect(again == addresses, f"{again} after the restart, not {addresses}")
        lab.fetch("stays.img")
