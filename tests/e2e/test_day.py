# SPDX-License-Identifier: Apache-2.0
"""A full day in the life of an appliance: `./dev test --suite day`. One daemon and one state
directory from the first push to the audit in the evening; each step stands on those before it.
"""

import contextlib
import sqlite3
import subprocess
import tarfile
import threading
import time

import build as payloads
import machine
from daemon import ADDRESS
from harness import Failed, expect, test, until
from lab import Lab
from skopeo import Skopeo, image_set
from test_crash import restart
from test_policy import requested

ARM, CD, STRANGER = (f"52:54:00:53:4d:{number:02x}" for number in (0xA1, 0xCD, 0x99))
FIRST, CANARY, DISTRUSTFUL = (f"52:54:00:53:4d:{number:02x}" for number in (1, 2, 3))
PATIENCE = 240  # seconds that a boot may take; eight at once take 25 on two cores
WORKERS = 3


class Day(Skopeo):
    def __init__(self, lab):
        super().__init__(lab.folder, lab.daemon)
        self.lab = lab
        self.versions = {}     # tag: what was built for it
        self.digests = {}      # tag: the digest that it was pushed with
        self.stations = {}     # MAC: the address that it got
        self.began = time.monotonic()

    def say(self, words):
        print(f"     {time.monotonic() - self.began:6.1f} s  {words}", flush=True)

    def push(self, tag, payload):
        """An image set that was made elsewhere, by hand, comes by skopeo."""
        folder = self.folder / f"pushed-{len(self.digests)}"
        architecture = {"arm64": "aa64"}.get(payload.architecture, payload.architecture)
        made = image_set(folder, payload.folder / payload.entry, architecture)
        self.skopeo("copy", f"oci:{folder}", self.url(tag))
        shown = self.daemon.json("image", "show", tag)
        expect("sha256:" + shown["digest"] == made, f"{tag} is {shown['digest']}, not {made}")
        self.versions[tag], self.digests[tag] = payload, shown["digest"][:12]
        return shown["secure_boot"]["outcome"]

    def machine(self, mac, payload, authority=None):
        return machine.Machine(machine.Hardware(
            self.folder / f"m{mac[-2:]}-{int(time.monotonic() - self.began)}", f"tap:{self.lab.tap()}",
            mac=mac, memory_mib=payload.memory_mib, store=payload.store,
            architecture=payload.architecture, certificates=(authority or self.daemon.authority(),)))

    @contextlib.contextmanager
    def powered(self, *machines):
        """All at once; off again at the end."""
        with contextlib.ExitStack() as stack:
            for each in machines:
                each.start(("ip", "netns", "exec", self.lab.client))
                stack.callback(each.stop)
            yield

    def boots(self, guest, payload, tag):
        """It boots this program, from the version that the tag was pushed with."""
        mac = guest.hardware.mac
        expect(guest.wait(payload.line, PATIENCE), f"{mac} did not boot {tag}:\n"
               + "\n".join([*guest.tail(6), self.daemon.run("why", mac, check=False).stdout]))
        paths = requested(self.daemon, mac)
        expect(paths and all(self.digests[tag] in path for path in paths),
               f"{mac} asked for {paths}, not for {tag} ({self.digests[tag]})")
        station = guest.seen("Station IP address is").rsplit(" ", 1)[1]
        expect(self.stations.setdefault(mac, station) == station,
               f"{mac} had {self.stations[mac]} and now has {station}")
        self.say(f"{mac} ({payload.architecture}) booted {tag} in {guest.seconds:.1f} s")

    def explained(self, mac, architecture="x64"):
        return self.daemon.json("explain", "--mac", mac, "--arch", architecture)


class Load:
    """Downloads without end, each on a connection of its own and held to its digest, and an
    operator who asks the API all the while."""

    def __init__(self, lab):
        self.lab = lab
        self.done = {"download": 0, "request": 0}
        self.failed = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=words) for words in (
            *[("download", lambda: lab.fetch("load.img"))] * WORKERS,
            ("request", lambda: lab.daemon.run("machine", "list")))]
        # One that is longer than several rotations take, on one connection.
        self.slow_seconds = None
        self._threads.append(threading.Thread(target=self._slowly))

    def _repeat(self, kind, action):
        while not self._over.is_set():
            try:
                action()
                self.done[kind] += 1
            except Exception as error:  # noqa: BLE001  (whatever it is: it is what must not be)
                self.failed.append(f"{kind}: {error}")

    def _slowly(self):
        started = time.monotonic()
        try:
            self.lab.fetch("slow.img", "--limit-rate", "1M")
            self.slow_seconds = time.monotonic() - started
        except Failed as error:
            self.failed.append(f"the slow download: {error}")

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()


def morning(day):
    """Image sets come by skopeo, a CD by import; rules say who gets what."""
    day.trust()
    done = day.login()
    expect(done.returncode == 0, f"skopeo login: {done.stderr}")
    for tag, name in (("fleet:stable", "hello"), ("fleet:next", "hello"), ("arm:1", "uki-arm64")):
        outcome = day.push(tag, payloads.build(name))
        expect(outcome == "accepted", f"{tag} would be {outcome}")
    outcome = day.push("fleet:third", payloads.build("unsigned"))
    expect(outcome == "refused", f"a program that nobody signed would be {outcome}")
    cd = payloads.build("iso")
    day.daemon.run("image", "import", cd.folder / cd.entry, "cd:1")
    shown = day.daemon.json("image", "show", "cd:1")
    expect([file["role"] for file in shown["files"]] == ["iso"], f"{shown['files']}")
    day.versions["cd:1"], day.digests["cd:1"] = cd, shown["digest"][:12]
    day.lab.make_set({"load.img": 4 << 20, "slow.img": 16 << 20})
    day.say("image sets pushed by skopeo, a CD imported")
    for mac in (FIRST, CANARY, DISTRUSTFUL, ARM):
        day.daemon.run("machine", "label", mac, "rack=a1")
    day.daemon.run("machine", "label", CANARY, "canary=yes")
    day.daemon.run("machine", "label", CD, "media=cd")
    rule = ("rule", "set")
    day.daemon.run(*rule, "discs", "--order", "10", "--when", "media=cd", "--image", "cd:1")
    day.daemon.run(*rule, "racks", "--order", "20", "--when", "rack in (a1, a2), arch=x64",
                   "--image", "fleet:stable")
    day.daemon.run(*rule, "arm", "--order", "30", "--when", "rack in (a1, a2), arch=arm64",
                   "--image", "arm:1")
    day.daemon.run(*rule, "rest", "--order", "90", "--action", "hold")
    day.daemon.run("rollout", "start", "fleet:stable", "fleet:next", "--when", "canary=yes")
    for mac, architecture, by, tag in ((FIRST, "x64", "racks", "fleet:stable"),
                                       (CANARY, "x64", "racks", "fleet:next"),
                                       (ARM, "arm64", "arm", "arm:1"), (CD, "x64", "discs", "cd:1")):
        told = day.explained(mac, architecture)
        expect(told["decided_by"] == by and day.digests[tag] in told["uri"], f"{mac}: {told}")
    told = day.explained(STRANGER)
    expect(told["decided_by"] == "rest" and not told["uri"], f"a stranger would get {told}")


def first_boots(day):
    """Five machines of two architectures at once; one does not know our CA."""
    other = day.folder / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                    "/CN=another CA", "-days", "2", "-keyout", "/dev/null", "-out", str(other)],
                   check=True, capture_output=True)
    versions = day.versions
    expected = [(day.machine(FIRST, versions["fleet:stable"]), "fleet:stable"),
                (day.machine(CANARY, versions["fleet:next"]), "fleet:next"),
                (day.machine(ARM, versions["arm:1"]), "arm:1"),
                (day.machine(CD, versions["cd:1"]), "cd:1")]
    distrustful = day.machine(DISTRUSTFUL, versions["fleet:stable"], other)
    with day.powered(distrustful, *(guest for guest, _ in expected)):
        expect(distrustful.wait("Could not retrieve NBP file size", PATIENCE),
               "\n".join(distrustful.tail(6)))
        for guest, tag in expected:
            day.boots(guest, versions[tag], tag)
        expect(not distrustful.seen("SLIPWAY-BOOT-OK"), "it booted without knowing our CA")
    told = day.daemon.run("why", DISTRUSTFUL, check=False)
    expect(told.returncode == 1, f"exit {told.returncode}: {told.stdout}")
    for words in ("does not trust our certificate: it does not know the CA", "[tls.unknown_ca]",
                  "slipway ca efi FILE"):
        expect(words in told.stdout, f"'{words}' is not in\n{told.stdout}")
    day.say(f"{DISTRUSTFUL} did not boot, and why: it does not know the CA")
    tally = until(lambda: [each for each in day.daemon.json("rollout", "list")
                           if each["candidate_boots"]["complete"] and each["stable_boots"]["complete"]],
                  "a boot of either version is in the tally")
    expect(tally[0]["candidate_boots"]["complete"] == tally[0]["stable_boots"]["complete"] == 1, f"{tally}")


def promoted(day):
    """What the canary has proven, all get; the next candidate is refused by firmware."""
    day.daemon.run("rollout", "promote", "fleet:stable")
    day.daemon.run("rollout", "start", "fleet:stable", "fleet:third", "--when", "canary=yes")
    first = day.machine(FIRST, day.versions["fleet:next"])
    canary = day.machine(CANARY, day.versions["fleet:third"])
    with day.powered(first, canary):
        day.boots(first, day.versions["fleet:next"], "fleet:next")
        expect(canary.wait("Access Denied", PATIENCE), "\n".join(canary.tail(6)))
        expect(not canary.seen("SLIPWAY-BOOT-OK"), "an unsigned program ran under Secure Boot")
        # So long a program that runs may be silent: before, nobody can tell from the wire.
        told = until(lambda: (done := day.daemon.run("why", CANARY, check=False)).returncode == 1
                     and done.stdout, "somebody says why the canary did not boot")
    for words in ("Secure Boot", "[secure_boot.refused]", "not signed", "sbsign"):
        expect(words in told, f"'{words}' is not in\n{told}")
    # To the wire its download was complete; the rollout counts what came of it.
    count = until(lambda: (found := day.daemon.json("rollout", "list")[0]["candidate_boots"])["failed"]
                  and found, "the rollout knows of it")
    expect(count["complete"] == 0 and "not signed" in count["last_failure"], f"{count}")
    day.say(f"{CANARY} did not boot fleet:third, and why: Secure Boot refused it")


def rolled_back_and_rotated(day):
    """The canary boots what the others have, while certificates change under a load."""
    day.daemon.run("rollout", "rollback", "fleet:stable")
    told = day.explained(CANARY)
    expect(day.digests["fleet:next"] in told["uri"], f"the canary would get {told}")
    told = day.daemon.run("why", CANARY, check=False).stdout
    expect("[secure_boot.refused]" in told, f"rolled back, it was never refused: {told}")
    canary = day.machine(CANARY, day.versions["fleet:next"])
    arm = day.machine(ARM, day.versions["arm:1"])
    shown = [fingerprints(day)]
    with Load(day.lab) as load, day.powered(canary, arm):
        while load.done["download"] < 2 * WORKERS:   # on its way
            expect(not load.failed, "\n".join(load.failed[:3]))
            time.sleep(0.2)
        # From the firmware's first seconds to its last: whichever certificate a handshake meets.
        while len(shown) < 4 or not all(guest.seen("SLIPWAY-BOOT-OK") for guest in (canary, arm)):
            expect(len(shown) < 200, "neither booted in 200 rotations")
            day.daemon.run("cert", "rotate")
            shown.append(fingerprints(day))
            before, after = shown[-2:]
            expect(before["ca"] == after["ca"], "the CA itself was changed")
            expect(not set(before.values()) & set(after.values()) - {before["ca"]},
                   f"certificates that were not changed: {before} {after}")
            served = on_the_wire(day.lab)
            expect(served in after.values(), f"another certificate is served: {served}")
            time.sleep(0.5)
        day.boots(canary, day.versions["fleet:next"], "fleet:next")
        day.boots(arm, day.versions["arm:1"], "arm:1")
    expect(not load.failed, f"{len(load.failed)} of {load.done} failed: " + "\n".join(load.failed[:3]))
    expect(load.slow_seconds and load.slow_seconds > 10, f"the slow one took {load.slow_seconds} s")
    day.say(f"{len(shown) - 1} rotations, {load.done['download']} downloads and "
            f"{load.done['request']} requests, none failed")


def fingerprints(day):
    return {each["name"]: each["fingerprint"] for each in day.daemon.json("cert", "show")}


def on_the_wire(lab):
    """The SHA-256 fingerprint of what the boot server shows now."""
    text = lab.run("sh", "-c", f"openssl s_client -connect {ADDRESS}:443 </dev/null 2>/dev/null"
                   " | openssl x509 -noout -fingerprint -sha256")
    return text.split("=", 1)[1].strip().replace(":", "").lower()


def what_is_kept(day):
    """What must outlive the process; of boots those that have ended."""
    daemon = day.daemon
    return {
        "machines": daemon.json("machine", "list"), "rules": daemon.json("rule", "list"),
        # How their boots ended is counted anew: the boots themselves are kept.
        "rollouts": [(each["stable"], each["candidate"], each["percent"], each["machines"])
                     for each in daemon.json("rollout", "list")],
        "images": [(each["reference"], each["digest"]) for each in daemon.json("image", "list")],
        "leases": [(each["mac"], each["address"]) for each in daemon.json("lease", "list")],
        "boots": [(each["id"], each["mac"], each["cause"], each["bytes"])
                  for each in daemon.json("boot", "list")]}


def on_disk(day):
    """(id, cause, bytes) of the boots that whoever starts next will find."""
    with contextlib.closing(sqlite3.connect(f"file:{day.daemon.state / 'boots.db'}?mode=ro", uri=True)) as database:
        return set(database.execute("SELECT id, cause, bytes FROM boots"))


def killed(day):
    """kill -9: what it knew, it still knows; and machines boot."""
    day.daemon.run("rollout", "start", "fleet:stable", "fleet:third", "--percent", "0")

    def told():
        there, kept = on_disk(day), what_is_kept(day)
        return {(number, cause, size) for number, _, cause, size in kept["boots"]} == there and kept

    before = until(told, "what is told of boots is on disk, where they are put every few seconds")
    head = day.daemon.json("audit", "verify")["head"]
    day.daemon.kill()
    restart(day.lab)
    after = what_is_kept(day)
    for key, value in before.items():
        for each in value:
            expect(each in after[key], f"{key}: {each} is not among {after[key]} after kill -9")
        expect(len(after[key]) == len(value) > 0, f"{key}: {value}; after kill -9: {after[key]}")
    booted = [mac for _, mac, *_ in before["boots"] if mac in day.stations or mac == DISTRUSTFUL]
    expect(len(booted) == 9, f"the machines were powered on nine times: {before['boots']}")
    first = day.machine(FIRST, day.versions["fleet:next"])
    with day.powered(first):
        day.boots(first, day.versions["fleet:next"], "fleet:next")
    return head


def audited(day, head):
    """The log is whole, and goes on from where it was; a copy that was tampered with is found."""
    told = day.daemon.run("audit", "verify", "--head", head).stdout
    expect("whole" in told, told)
    records = day.daemon.json("audit", "list")
    for what in ("image fleet:stable", "image cd:1", "rule racks", "certificates", f"machine {CANARY}"):
        expect(any(each["what"] == what for each in records), f"nobody did '{what}'")
    saved = day.folder / "day.tar"
    day.daemon.run("backup", saved)
    copy = day.folder / "copy"
    with tarfile.open(saved) as archive:
        archive.extract("catalog.db", copy)
    catalog = copy / "catalog.db"

    def verify(*words):
        done = subprocess.run([str(day.daemon.program), "--verify-audit", str(catalog), *words],
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    code, told = verify("--head", head)
    expect(code == 0 and "whole" in told, f"the copy is not whole: {told}")
    victim = next(each["id"] for each in records if each["what"] == "certificates")
    with contextlib.closing(sqlite3.connect(catalog)) as database, database:
        database.execute("DROP TRIGGER audit_keeps")
        database.execute("UPDATE audit SET who = 'nobody' WHERE id = ?", (victim,))
    code, told = verify()
    expect(code == 1 and f"record {victim}" in told, f"exit {code}: {told}")
    day.say(f"the audit log of {len(records)} records is whole; a forged one is found: {told.strip()}")


@test("day", "a full day in the life, on x64 and ARM64")
def day_in_the_life(context):
    trust = "/usr/share/ovmf/PkKek-1-snakeoil.pem"
    with Lab(context, "day", image_set="load:1", more=f'[secure_boot]\ndb = ["{trust}"]\n') as lab:
        day = Day(lab)
        morning(day)
        first_boots(day)
        promoted(day)
        rolled_back_and_rotated(day)
        audited(day, killed(day))
        lab.nothing_leaked()
