# SPDX-License-Identifier: Apache-2.0
"""Debian 12's installer, booted and then fed by Slipway: a signed kernel image over HTTPS under
Secure Boot, then its own DHCP, its own TLS and wget, the machine's preseed document, and a mirror.
"""

import re
import secrets
import time

import build as payloads
import installer
import machine
from daemon import NAME, Daemon, Setup, vhost
from harness import expect, run, test, until
from lab import Lab
from test_firmware import MAC
from test_policy import requested

FIRST = MAC.format(1)
# QEMU 7.2 crashes where Linux uses MSI-X of a vhost-user NIC without KVM; firmware does not.
NIC = ",vectors=0"
# What every machine's installer reads first: one image serves them all, and its arguments are signed
# with it, so the machine says here which one it is.
COMMON = ("d-i preseed/include_command string set -- $(ip -o -4 address show scope global); "
          "echo /machine/$(cat /sys/class/net/$2/address)/preseed.cfg\n")
# And of this machine alone: what is asked however high the priority, and a line on the console.
OWN = """d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i preseed/early_command string \\
    echo "SLIPWAY-INSTALLER {{name}} {{token}} $(hostname) $(cat /etc/hostname) END" > /dev/console
"""
# Beside the proposed arguments: a console, and no wait for a router of IPv6.
MORE = "console=ttyS0 quiet ipv6.disable=1 DEBIAN_FRONTEND=text"


def uki(daemon, target, *words):
    """The installer's image, made and signed by slipway; gives what is behind its own initrd."""
    daemon.run("image", "uki", target, "--kernel", installer.kernel(), "--initrd", installer.initrd(),
               *words)
    section = target.with_suffix(".initrd")
    run(["objcopy", "--dump-section", f".initrd={section}", target, target.with_suffix(".copy")])
    theirs = installer.initrd().stat().st_size
    return section.read_bytes()[theirs + -theirs % 4:]


@test("installer", "the wget of Debian's installer believes us by --trust alone")
def trust(context):
    with Lab(context, "di-wget") as lab:
        lab.make_set({"small.efi": 4000})
        root = installer.root(lab.folder / "root")
        (root / "etc/resolv.conf").write_text("nameserver 10.77.0.1\n", encoding="utf-8")

        def fetched(*words):
            (root / "tmp/out").unlink(missing_ok=True)
            text = lab.run("chroot", root, "/usr/bin/wget", "--no-verbose", "--tries=1", *words, "-O",
                           "/tmp/out", lab.url("small.efi"), check=False)
            got = (root / "tmp/out").read_bytes() if (root / "tmp/out").exists() else b""
            return got == lab.bytes_of("small.efi"), text

        good, text = fetched()
        expect(not good and "Unable to locally verify the issuer's authority" in text, text)
        good, text = fetched("--no-check-certificate")
        expect(good, text)
        expect(not uki(lab.daemon, lab.folder / "without.efi"), "something is behind the initrd")
        archive = uki(lab.daemon, lab.folder / "with.efi", "--trust", lab.daemon.authority())
        installer.add(root, archive)
        good, text = fetched()
        expect(good, f"refused though its CA is in etc/ssl/certs: {text}")
        lab.nothing_leaked()


def import_all(daemon, folder):
    """Debian's tar with a mirror's folders, and what is proposed for it, as a signed image."""
    told = daemon.run("image", "import", installer.tar(folder, COMMON), "debian:12").stdout
    expect("Recognised: Debian installer, netboot" in told and "--trust CA" in told, told)
    proposal = daemon.json("image", "show", "debian:12")["layout"]["boots"][0]["arguments"]
    for words in (f"url=https://{NAME}/debian/12/preseed.cfg", f"mirror/https/hostname={NAME} ",
                  "mirror/https/directory=/debian/12 ", "mirror/suite=bookworm"):
        expect(words in proposal, f"{words} is not in {proposal}")
    daemon.run("image", "import", daemon.setup.image_set, "--from", "debian:12", "--trust",
               daemon.authority(), "--cmdline", f"{proposal} {MORE}",
               *payloads.signing_options())
    shown = daemon.json("image", "show", daemon.setup.image_set)
    expect(shown["secure_boot"]["outcome"] == "accepted", f"{shown['secure_boot']}")


@test("installer", "Debian's installer boots over HTTPS, and does what its machine's document says",
      slow=True)
def debian(context):
    folder, token = context.fresh("di"), secrets.token_hex(8)
    trusted = f'[secure_boot]\ndb = ["{payloads.SNAKEOIL}.pem"]\n'
    # Without a router the installer stops and asks whether it is to go on.
    setup = Setup(folder, vhost(folder / "v.sock"), preset=context.preset, more=trusted,
                  network='router = "10.77.0.1"')
    with Daemon(setup) as daemon:
        daemon.start()
        import_all(daemon, folder)
        daemon.run("machine", "set", FIRST, "-", "--name", "node7")
        daemon.run("machine", "variable", FIRST, f"token={token}")
        document = folder / "preseed.cfg"
        document.write_text(OWN, encoding="utf-8")
        daemon.run("template", "set", "preseed.cfg", "--file", document)
        hw = machine.Hardware(folder / "m", f"vhost-user:{folder}/v.sock", mac=FIRST, memory_mib=1024,
                              store="snakeoil", certificates=(daemon.authority(),), nic=NIC)
        with machine.Machine(hw).start() as guest:
            said = guest.wait("SLIPWAY-INSTALLER .* END", 600)
            expect(said, story_of(daemon, guest))
            # Its name is from DHCP: what is in the document comes after netcfg has asked.
            expect(said.endswith(f"SLIPWAY-INSTALLER node7 {token} node7 node7 END"), said)
            until(lambda: asked_for_a_package(daemon), "the installer asks the mirror for a package")
            seconds = guest.seconds
        print(f"     asked for its first package {seconds:.1f} s after power on", flush=True)
        in_order(daemon)


def asked_for_a_package(daemon):
    time.sleep(1)  # the installer needs the processor more than we do
    return any("/pool/" in path for path in requested(daemon))


def story_of(daemon, guest):
    return "\n".join([*guest.tail(12), daemon.run("boot", "show", FIRST, check=False).stdout])


def in_order(daemon):
    """By Slipway's own story: all of it over TLS, and one after the other."""
    steps = daemon.boot(FIRST)["steps"]
    secure = {step["connection"] for step in steps if step["kind"] == "TlsDone"}
    asked = [step for step in steps if step["kind"] == "HttpRequest"]
    plain = [step["text"] for step in asked if step["connection"] not in secure]
    expect(not plain, f"without TLS: {plain}")
    expected = [r"HEAD /demo/.*\.efi", r"GET /demo/.*\.efi", "GET /debian/12/preseed.cfg",
                f"GET /machine/{FIRST}/preseed.cfg", "GET /debian/12/dists/bookworm/Release",
                "GET /debian/12/dists/bookworm/Release.gpg",
                "GET /debian/12/dists/bookworm/main/debian-installer/binary-amd64/Packages.xz",
                r"GET /debian/12/pool/main/.*\.udeb"]
    left = list(expected)
    for step in asked:
        if left and re.fullmatch(left[0] + ".*", step["text"]):
            good = step["number"] < 400 or "/pool/" in step["text"]
            expect(good, f"{step['text']}: answered {step['number']}")
            left.pop(0)
    expect(not left, f"never asked for {left}: {[step['text'] for step in asked]}")
    # Its DHCP is an operating system's: the address that the firmware had, and nothing to boot.
    talk = [(step["kind"], step["text"]) for step in steps if step["kind"].startswith("Dhcp")]
    expect(("DhcpDiscover", "d-i") in talk, f"{talk}")
    later = talk[talk.index(("DhcpDiscover", "d-i")):]
    expect(any(kind == "DhcpAck" for kind, _ in later), f"{later}")
    expect(not any("://" in text for _, text in later), f"it was told to boot: {later}")
