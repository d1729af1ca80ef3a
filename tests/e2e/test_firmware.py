# SPDX-License-Identifier: Apache-2.0
"""Real UEFI firmware: every payload over vhost-user, what must be refused, and eight at once."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import build as payloads
import debs
import machine
import story
from daemon import Daemon, Setup, vhost
from harness import expect, run, test, until
from lab import Lab

MAC = "52:54:00:53:4c:{:02x}"


def hardware(payload, folder, netdev, authority, number=1):
    return machine.Hardware(folder, netdev, mac=MAC.format(number), memory_mib=payload.memory_mib,
                            store=payload.store, architecture=payload.architecture,
                            firmware=payload.firmware, certificates=(authority,))


class Appliance:
    """slipwayd on a vhost-user port and one payload imported."""

    def __init__(self, context, name, **settings):
        self.payload = payloads.build(name)
        self.folder = context.fresh(f"fw-{name}")
        self.socket = self.folder / "v.sock"
        self.daemon = Daemon(Setup(self.folder, vhost(self.socket), preset=context.preset, **settings))

    def __enter__(self):
        self.daemon.start()
        self.daemon.import_payload(self.payload)
        return self

    def __exit__(self, *error):
        self.daemon.__exit__(*error)

    def machine(self, **changes):
        hw = hardware(self.payload, self.folder / "machine", f"vhost-user:{self.socket}",
                      self.daemon.authority())
        for key, value in changes.items():
            setattr(hw, key, value)
        return machine.Machine(hw)

    def why(self, guest):
        found = story.steps(self.daemon.boot(MAC.format(1)))
        return (f"{story.reason(found, guest.tail(40))}\nsteps: {[step.kind for step in found]}\n"
                + "\n".join(guest.tail(6)))


def demo(context, payload, *words, prefix=()):
    """The demo is the test: what a newcomer runs is what is held to work."""
    done = subprocess.run([*prefix, sys.executable, str(debs.ROOT / "tests/rig/demo.py"), "--payload",
                           payload, "--preset", context.preset, *words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200, check=False)
    text = done.stdout.decode(errors="replace")
    expect(done.returncode == 0 and "booted in" in text, text)
    return text


def told(text, files):
    """Its table tells the boot from the offer to the last byte, in this order: the first file as the
    firmware (or iPXE) asks for it, the others as what it started does."""
    table = re.search(r"^ *at s +bytes +TLS +the machine\n(.*?)\n\n", text, re.M | re.S)
    expect(table, f"no table: {text}")
    # iPXE starts a small program before it has acknowledged its end: that it ran is what is known.
    is_ipxe = "address: iPXE" in table[1]
    first, *others = files
    scheme, _, first = first.rpartition(":")
    wanted = [rf"was offered {scheme or 'https'}://boot\.slipway\.test/…/{first}$",
              "requested an address", "got its address, leased for 3600 s$",
              "asked for a name: boot.slipway.test$"]
    if scheme != "http":
        wanted += ["connected to port 443$", r" TLS 1\.[23] +TLS handshake: \S+-(RSA|ECDSA|AES)\S+"]
    for name in (first, *others):
        is_plain = scheme == "http" or (others and "vmlinuz" in others and name != first)  # GRUB's own
        get = ("" if is_plain else r" TLS 1\.[23] ") + rf" +GET {name}, (?P<bytes>[1-9][\d.]* k?M?B)$"
        # As many bytes came as were told before.
        wanted.append(get if is_ipxe else get + rf"\n(.*\n)*?.* (?P=bytes) .* has all of {name}(:|$)")
    rest = table[1]
    for row in wanted:
        found = re.search(row, rest, re.M)
        expect(found, f"no row like {row} in\n{rest}\nof\n{table[1]}")
        rest = rest[found.end():]


def register(payload, files, words, *options, slow=False):
    @test("firmware", f"./dev demo --payload {' '.join([payload, *options])} boots {words}", slow=slow)
    def boots(context):
        told(demo(context, payload, *options), files.split())


register("hello", "hello.efi", "a signed EFI program over HTTPS", slow=True)
register("uki", "uki.efi", "a signed unified kernel under Secure Boot")
register("shim", "shimx64.efi grubx64.efi", "Debian's own signed chain under Microsoft's keys")
register("iso", "boot.iso", "a CD as RAM disk under Secure Boot")
register("grub", "grubx64.efi grub.cfg vmlinuz initrd.gz", "through GRUB's own TCP")
register("ipxe", "http:next.efi", "through Debian 12's iPXE over HTTP", slow=True)
register("ipxe", "next.efi", "through Debian 13's iPXE over HTTPS", "--debian13")
register("hello", "hello.efi", "Debian 13's firmware", "--debian13")
register("hello", "hello.efi", "a signed EFI program on ARM64", "--arch", "arm64", slow=True)


@test("firmware", "./dev demo --json is one document, of a boot with all its steps, and leaves nothing behind")
def demo_document(context):
    # ./dev builds the release alone; it is what keeps all other words from standard output.
    program = ["./dev", "demo"] if context.preset == "release" else [
        sys.executable, "tests/rig/demo.py", "--preset", context.preset]
    done = subprocess.run([*program, "--payload", "hello", "--json"], cwd=debs.ROOT, timeout=2400,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    expect(done.returncode == 0, f"exit {done.returncode}: {done.stdout} {done.stderr.decode()[-800:]}")
    document = json.loads(done.stdout)
    expect(document["booted"] is True and document["secure_boot"] is True, f"{document}")
    expect(document["seconds"] > 0 and document["reason"] == "", f"{document}")
    expect(f"SLIPWAY-BOOT-OK hello {document['token']}" in document["console"], f"{document['console']}")
    kinds = [step["kind"] for step in document["steps"]]
    wanted = ["DhcpOffer", "DhcpAck", "TcpOpened", "TlsDone", "HttpRequest", "HttpComplete"]
    expect([kind for kind in dict.fromkeys(kinds) if kind in wanted] == wanted, f"{kinds}")
    expect(not Path(document["folder"]).exists(), f"{document['folder']} is left behind")


@test("firmware", "./dev demo --tap --keep boots over a tap, keeps running, and ends as it says")
def demo_kept(context):
    space = f"slw{os.getpid() % 100000}-demo"
    inside = ("ip", "netns", "exec", space)
    run(["ip", "netns", "add", space])
    try:
        run([*inside, "ip", "link", "set", "lo", "up"])
        text = demo(context, "hello", "--tap", "--keep", prefix=inside)
        told(text, ["hello.efi"])
        state = re.search(r"^  export (SLIPWAY_STATE=\S+)$", text, re.M)
        looks = re.findall(r"^  (\S+slipway (?:boot|lease|image|drops) ?.*)$", text, re.M)
        expect(state and len(looks) == 5, f"how to look around: {text}")
        for command in looks:
            words = run([*inside, "env", state[1], "sh", "-c", command], cwd=Path.cwd())
            expect(words.strip(), f"{command} says nothing")
        ending = re.search(r"^stop with: (kill .*)$", text, re.M)
        expect(ending, f"how to end it: {text}")
        run([*inside, "sh", "-ec", ending[1]])
        until(lambda: not run(["ip", "netns", "pids", space]).split(), "it has ended")
        left = re.findall(r"^\d+: (\w+)", run([*inside, "ip", "-o", "link"]), re.M)
        expect(left == ["lo"], f"interfaces left behind: {left}")
        folder = Path(state[1].partition("=")[2]).parent
        expect(not folder.exists(), f"{folder} is left behind")
    finally:
        for pid in run(["ip", "netns", "pids", space]).split():
            os.kill(int(pid), signal.SIGKILL)
        run(["ip", "netns", "del", space])


@test("firmware", "./dev demo says what it cannot do together, before it does anything")
def demo_refuses(_context):
    for words, told_of in ((("--debian13", "--payload", "shim"), "--payload hello or uki or ipxe"),
                           (("--debian13", "--payload", "iso"), "leave --debian13 out"),
                           (("--debian13", "--payload", "grub"), "no --payload grub"),
                           (("--debian13", "--payload", "hello", "--break", "signature"), "leave one of them out"),
                           (("--arch", "arm64", "--payload", "iso"), "--payload hello or uki of Debian 12 alone")):
        done = subprocess.run([sys.executable, str(debs.ROOT / "tests/rig/demo.py"), *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240,
                              check=False)
        expect(done.returncode == 2 and told_of in done.stderr, f"{words}: {done}")


def broken(context, what, reason, helps, screen):
    """A boot that cannot succeed: the demo says so, why, what helps, and fails."""
    done = subprocess.run([sys.executable, str(debs.ROOT / "tests/rig/demo.py"), "--payload", "hello",
                           "--preset", context.preset, "--break", what, "--json"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=1200, check=False)
    text = done.stdout.decode(errors="replace")
    expect(done.returncode == 1, f"exit {done.returncode}: {text}\n{done.stderr.decode()[-800:]}")
    document = json.loads(text)
    shutil.rmtree(document["folder"], ignore_errors=True)  # a failed demo leaves its logs
    expect(document["booted"] is False, text)
    expect(reason in document["reason"], f"another reason: {document['reason']}\n{text}")
    expect(helps in document["helps"], f"another remedy: {document['helps']}")
    console = "\n".join(document["console"])
    expect(screen in console, f"the firmware's own words are missing: {console}")
    expect(document["token"] not in console, "the guest said its line all the same")
    return [step["kind"] for step in document["steps"]]


@test("firmware", "./dev demo --break ca fails, and says that the firmware does not trust our CA")
def demo_broken_authority(context):
    kinds = broken(context, "ca", "refused our certificate", "slipway ca efi",
                   "Could not retrieve NBP file size")
    expect("TlsDone" not in kinds and "HttpRequest" not in kinds, f"it went on: {kinds}")


@test("firmware", "./dev demo --break signature fails, and says that Secure Boot refused the program")
def demo_broken_signature(context):
    kinds = broken(context, "signature", "Secure Boot refused", "sbsign", "Access Denied")
    expect("HttpComplete" in kinds, f"the program was never delivered: {kinds}")


@test("firmware", "./dev demo --break image fails, and says that no image set stands ready")
def demo_broken_image(context):
    kinds = broken(context, "image", "no image set stands ready", "slipway image import", "")
    expect("DhcpIgnored" in kinds and "DhcpOffer" not in kinds, f"it was offered a boot: {kinds}")


@test("firmware", "a CA that the firmware does not know is refused, and the story says so")
def wrong_authority(context):
    with Appliance(context, "hello") as appliance:
        other = appliance.folder / "other.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        "/CN=another CA", "-days", "2", "-keyout", "/dev/null", "-out", str(other)],
                       check=True, capture_output=True)
        with appliance.machine(certificates=(other,)).start() as guest:
            expect(guest.wait("Could not retrieve NBP file size", 240), appliance.why(guest))
            expect(not guest.seen("SLIPWAY-BOOT-OK"), "it booted all the same")

        def told():
            kinds = [step.kind for step in story.steps(appliance.daemon.boot(MAC.format(1)))]
            return ("TlsFailed" in kinds or "TcpReset" in kinds) and kinds
        kinds = until(told, "the story knows of it")
        expect("HttpRequest" not in kinds, f"it asked for a file: {kinds}")
        done = until(lambda: (done := appliance.daemon.run("why", MAC.format(1), "--json", check=False)).returncode == 1
                     and done, "why says that it failed")
        why = json.loads(done.stdout)
        expect(done.returncode == 1 and why["cause"] == "tls.unknown_ca", done.stdout)
        expect("slipway ca efi" in " ".join(why["remedy"]), done.stdout)


@test("firmware", "an unsigned program is refused under Secure Boot")
def unsigned(context):
    with Appliance(context, "unsigned") as appliance, appliance.machine().start() as guest:
        expect(guest.wait("Access Denied", 240), appliance.why(guest))
        expect(not guest.seen("SLIPWAY-BOOT-OK"), "it booted all the same")
        # A program that runs may be silent for 20 s; until then it may be one.
        why = until(lambda: (done := appliance.daemon.run("why", MAC.format(1), "--json", check=False)).returncode == 1
                    and json.loads(done.stdout), "why says that it failed")
        expect(why["cause"] == "secure_boot.refused", f"{why}")
        expect("not signed" in why["sentence"], f"{why}")


@test("firmware", "a unified kernel that slipway made and signed boots under Secure Boot")
def own_kernel(context):
    folder = context.fresh("fw-own")
    options, payload = payloads.own_uki(secrets.token_hex(8))
    trust = f'[secure_boot]\ndb = ["{payloads.SNAKEOIL}.pem"]\n'
    with Daemon(Setup(folder, vhost(folder / "v.sock"), preset=context.preset, more=trust)) as daemon:
        daemon.start()
        daemon.run("image", "import", daemon.setup.image_set, *options)
        shown = daemon.json("image", "show", daemon.setup.image_set)
        expect(shown["secure_boot"]["outcome"] == "accepted", f"{shown['secure_boot']}")
        # Another judge than ours.
        daemon.run("image", "uki", folder / "linux.efi", *options)
        told = run(["sbverify", "--cert", f"{payloads.SNAKEOIL}.pem", folder / "linux.efi"])
        expect("Signature verification OK" in told, told)
        hw = hardware(payload, folder / "m", f"vhost-user:{folder}/v.sock", daemon.authority())
        with machine.Machine(hw).start() as guest:
            expect(guest.wait(payload.line, 240), "\n".join(guest.tail(12)))


@test("firmware", "the same machine boots again after a reset, with the same address")
def twice(context):
    with Appliance(context, "hello") as appliance:
        stations = []
        for _round in range(2):
            with appliance.machine().start() as guest:
                expect(guest.wait(appliance.payload.line, 240), appliance.why(guest))
                stations.append(guest.seen("Station IP address is"))
        expect(stations[0] == stations[1], f"addresses: {stations}")
        links = re.findall(r"port net_vhost0,\S+: link is (up|down)", appliance.daemon.words(1000))
        changes = [link for link, before in zip(links, ["down", *links]) if link != before]
        expect(changes[:3] == ["up", "down", "up"], f"it tells of its link: {links}")


@test("firmware", "boots by address when no name is configured", slow=True)
def by_address(context):
    with Appliance(context, "hello", use_name=False) as appliance, appliance.machine().start() as guest:
        expect(guest.wait(appliance.payload.line, 240), appliance.why(guest))
        expect(guest.seen(r"URI: https://10\.77\.0\.1/"), "the URI has no address")


@test("firmware", "CBC suites with forward secrecy alone still boot", slow=True)
def cbc_forward_secret(context):
    with Appliance(context, "hello") as appliance:
        with appliance.machine(ciphers=(0x0067, 0x006B)).start() as guest:
            expect(guest.wait(appliance.payload.line, 240), appliance.why(guest))


# With 0x009C (RSA with GCM) as the only suite asked for, OVMF never opened a connection here, as if
# it took the list for empty; not looked into further, so RSA with GCM is tested by openssl alone.
@test("firmware", "no forward secrecy on offer: RSA and CBC suites alone still boot")
def rsa_only(context):
    with Appliance(context, "hello") as appliance:
        with appliance.machine(ciphers=(0x003D, 0x002F)).start() as guest:
            expect(guest.wait(appliance.payload.line, 240), appliance.why(guest))


@test("firmware", "eight machines at once, on one wire, all boot")
def eight(context):
    payload = payloads.build("hello")
    with Lab(context, "eight") as lab:
        lab.daemon.import_payload(payload)
        guests = []
        try:
            for number in range(8):
                hw = hardware(payload, lab.folder / f"m{number}", f"tap:{lab.tap()}",
                              lab.daemon.authority(), 0x10 + number)
                guests.append(machine.Machine(hw).start(("ip", "netns", "exec", lab.client)))
            late = [n for n, guest in enumerate(guests) if not guest.wait(payload.line, 600)]
            expect(not late, f"machines {late} did not boot: {[guests[n].tail(2) for n in late]}")
            stations = {guest.seen("Station IP address is") for guest in guests}
            expect(len(stations) == 8, f"addresses given twice: {stations}")
            lab.nothing_leaked()
        finally:
            for guest in guests:
                guest.stop()


@test("firmware", "boots although 1 % of the frames are lost")
def lossy(context):
    # A program alone is some 26 frames, of which none may be lost; a CD of 4 MiB is some
    # 3,000 of ours, and half as many of the machine's, as it acknowledges what came together.
    payload = payloads.bulk(secrets.token_hex(8), ballast_mib=3)
    with Lab(context, "lossy-fw", relay={"loss": 0.01}) as lab:
        lab.daemon.import_payload(payload)
        hw = hardware(payload, lab.folder / "m", f"tap:{lab.tap()}", lab.daemon.authority())
        with machine.Machine(hw).start(("ip", "netns", "exec", lab.client)) as guest:
            expect(guest.wait(payload.line, 480), "\n".join(guest.tail(8)))
        for did in lab.relayed():
            expect(did["taken"] > 1000 and did["lost"] >= 5, f"the wire was too good: {did}")
