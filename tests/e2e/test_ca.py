# SPDX-License-Identifier: Apache-2.0
"""The CA's own rotation, as clients meet it that pinned the CA before, the one after, or both."""

import threading

import build as payloads
import machine
from daemon import ADDRESS
from harness import PATIENCE, expect, test, until
from lab import Lab, serving
from test_crash import restart
from test_firmware import MAC, hardware

network = serving("ca", {"load.img": 3 << 20, "small.efi": 4000})
CURL, GNUTLS, SLIPWAY = "curl", "gnutls-cli", "slipway"


class Pinned:
    """Whom a client trusts, for ever: {name: PEM file}."""

    def __init__(self, lab):
        self.lab = lab
        self.files = {"old": self._keep("old", lab.daemon.run("ca", "show").stdout)}

    def _keep(self, name, pem):
        path = self.lab.folder / f"pinned-{name}.pem"
        path.write_text(pem, encoding="ascii")
        return path

    def enrol(self):
        """Once there is a next one: it alone, and what everybody should enrol."""
        for name, words in (("new", ("show", "newest")), ("both", ("show",))):
            self.files[name] = self._keep(name, self.lab.daemon.run("ca", *words).stdout)
        begins = self.files["both"].read_text(encoding="ascii").count("BEGIN CERTIFICATE")
        expect(begins == 2, f"{begins} certificates are to be enrolled")

    def believes(self, client, path):
        if client == CURL:
            words = ("--silent", "--output", "/dev/null", "--write-out", "%{http_code}",
                     "--max-time", "40")
            return all(self.lab.run("curl", *words, *kind, "--cacert", path,
                                    self.lab.url("small.efi"), check=False).strip() == "200"
                       for kind in (("--tls-max", "1.2"), ("--tlsv1.3",)))
        if client == GNUTLS:
            text = self.lab.run("gnutls-cli", "--x509cafile", path, "--port", "443", ADDRESS,
                                check=False)
            return "The certificate is trusted" in text
        return self.lab.daemon.run("--ca", path, "status", check=False).returncode == 0

    def expect(self, wanted, when):
        for name, path in self.files.items():
            for client in (CURL, GNUTLS, SLIPWAY):
                told = self.believes(client, path)
                expect(told == (name in wanted), f"{when}: {client}, which trusts {name}: {told}")


def phase(lab):
    return lab.daemon.json("ca", "status")["phase"]


@test("ca", "is rotated in three steps, and no download of who knows the old one or both fails",
      network)
def rotation(_, lab):
    pinned = Pinned(lab)
    pinned.expect({"old"}, "before")
    # Given up once before it begins in earnest: who enrolled that next one believes it in vain.
    lab.daemon.run("ca", "rotate")
    pinned.enrol()
    lab.daemon.run("ca", "withdraw")
    expect(phase(lab) == "steady", phase(lab))
    expect(not (lab.daemon.state / "ca.rotation").exists(), "the withdrawn CA's key is still there")
    pinned.expect({"old", "both"}, "withdrawn")
    given_up = pinned.files["new"].read_text(encoding="ascii")
    failed, over = [], threading.Event()

    def download(trusted):
        while not over.is_set():
            try:
                lab.fetch("load.img", "--cacert", trusted)
            except Exception as error:  # noqa: BLE001  (whatever it is: it is what must not be)
                failed.append(str(error))

    lab.daemon.run("ca", "rotate")
    pinned.enrol()
    expect(pinned.files["new"].read_text(encoding="ascii") != given_up, "the same next CA again")
    threads = [threading.Thread(target=download, args=(pinned.files[name],))
               for name in ("old", "both")]
    for thread in threads:
        thread.start()
    try:
        pinned.expect({"old", "both"}, "prepared")
        for step, believed in (("activate", {"old", "new", "both"}),
                               ("deactivate", {"old", "both"}),
                               ("activate", {"old", "new", "both"})):
            lab.daemon.run("ca", step)
            pinned.expect(believed, step)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    expect(not failed, "\n".join(failed[:3]))
    # A process that is killed goes on where it was.
    lab.daemon.kill()
    restart(lab)
    until(lambda: pinned.believes(CURL, pinned.files["both"]), "it serves again")
    expect(phase(lab) == "active", f"after kill -9 it is {phase(lab)}")
    pinned.expect({"old", "new", "both"}, "after kill -9")
    lab.daemon.run("ca", "retire")
    pinned.expect({"new", "both"}, "retired")
    expect(phase(lab) == "steady", phase(lab))
    expect(not (lab.daemon.state / "ca.rotation").exists(), "the old CA's key is still there")


class Ipxe:
    """A machine with Debian 13's iPXE on its disk, which trusts what its firmware does."""

    def __init__(self, lab):
        self.lab = lab
        self.payload = payloads.build("ipxe13")
        self.payload.firmware = "trixie"
        self.boots = 0
        lab.daemon.import_payload(self.payload)

    def expect(self, pinned, trusted, boots, when):
        """Whether it boots over HTTPS with this list of CAs; where it refuses, it says so."""
        self.boots += 1
        hw = hardware(self.payload, self.lab.folder / f"m{self.boots}", f"tap:{self.lab.tap()}",
                      pinned.files[trusted], self.boots)
        hw.disk = self.payload.disk
        pattern = self.payload.line if boots else r"\(https?://ipxe\.org/"
        with machine.Machine(hw).start(("ip", "netns", "exec", self.lab.client)) as guest:
            seen = guest.wait(pattern, self.payload.seconds * PATIENCE)
            shown = "\n".join(guest.tail(12))
            expect(seen, f"{when}, trusts {trusted}: not seen: {pattern}\n{shown}")
            if not boots:
                expect(not guest.seen(self.payload.line), f"{when}, trusts {trusted}: it booted")
                return
        mac = MAC.format(self.boots)
        steps = str(self.lab.daemon.boot(mac))
        expect("TlsDone" in steps, f"{when}, trusts {trusted}: without TLS: {steps}")


@test("ca", "Debian 13's iPXE boots over HTTPS all through a rotation where it knows the old CA or both",
      slow=True)
def ipxe(context):
    with Lab(context, "ca-ipxe", http=False) as lab:
        pinned, guest = Pinned(lab), Ipxe(lab)
        lab.daemon.run("ca", "rotate")
        pinned.enrol()
        guest.expect(pinned, "both", True, "prepared")
        lab.daemon.run("ca", "activate")
        guest.expect(pinned, "old", True, "active")
        guest.expect(pinned, "both", True, "active")
        # It goes on from the last certificate that it is shown, and so past the one that it trusts.
        guest.expect(pinned, "new", False, "active")
        lab.daemon.run("ca", "retire")
        guest.expect(pinned, "both", True, "retired")
        guest.expect(pinned, "new", True, "retired")
