# SPDX-License-Identifier: Apache-2.0
"""proxyDHCP: another server (dnsmasq, Kea) gives the addresses of the wire, slipwayd the boot offers."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import build as payloads
import debs
import machine
import story
from daemon import ADDRESS
from harness import expect, test, until
from lab import Lab, ip
from test_dhcp import inside
from test_firmware import MAC, hardware
from test_routed import captured

FOREIGN = "10.77.0.2"
PROXY = "proxy_dhcp = true\nauthoritative = false"


@contextlib.contextmanager
def served(space, folder, name, ready, *command, **environment):
    """A server of somebody else's in a namespace, once its log says that it is ready."""
    log = folder / f"{name}.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(["ip", "netns", "exec", space, *map(str, command)],
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                  env=os.environ | environment, preexec_fn=machine.die_with_parent)
    try:
        until(lambda: ready in log.read_text(errors="replace"), f"{name} is ready", log=log)
        yield
    finally:
        server.terminate()
        server.wait()


def dnsmasq(lab, space, *words):
    return served(space, lab.folder, "foreign", "DHCP, IP range", "dnsmasq", "--no-daemon",
                  "--conf-file=/dev/null", "--port=0", "--user=root",
                  f"--pid-file={lab.folder / 'foreign.pid'}",
                  f"--dhcp-leasefile={lab.folder / 'foreign.leases'}", "--log-dhcp",
                  "--dhcp-authoritative", "--dhcp-range=10.77.0.50,10.77.0.90,1h", *words)


def kea(lab, space, dns=ADDRESS):
    """Its libraries are perfdhcp's; the server is unpacked only: installed, it would be started."""
    program = debs.unpacked("bookworm", "kea-dhcp4-server") / "usr/sbin/kea-dhcp4"
    configuration = lab.folder / "kea.json"
    configuration.write_text(json.dumps({"Dhcp4": {
        "interfaces-config": {"interfaces": ["e0"], "dhcp-socket-type": "raw"},
        "lease-database": {"type": "memfile", "persist": True,
                           "name": str(lab.folder / "foreign.leases")},
        "valid-lifetime": 3600, "authoritative": True,
        "subnet4": [{"subnet": "10.77.0.0/24", "pools": [{"pool": "10.77.0.50 - 10.77.0.90"}],
                     "option-data": [{"name": "domain-name-servers", "data": dns}]}],
        "loggers": [{"name": "kea-dhcp4", "severity": "INFO",
                     "output_options": [{"output": "stdout"}]}]}}), encoding="utf-8")
    return served(space, lab.folder, "foreign", "DHCP4_STARTED", program, "-c", configuration,
                  KEA_PIDFILE_DIR=str(lab.folder), KEA_LOCKFILE_DIR="none")


@contextlib.contextmanager
def beside(context, name, *words, server=dnsmasq, **settings):
    """A lab with a foreign DHCP server on its wire, whose further options are `words`."""
    with Lab(context, name, pool="", network=PROXY, **settings) as lab:
        space, _interface = lab.port()
        ip("-n", space, f"address add {FOREIGN}/24 dev e0")
        with server(lab, space, *words):
            yield lab
            lab.nothing_leaked()


def boots(context, name, *words, payload="hello", **settings):
    payload = payloads.build(payload)
    with beside(context, name, *words, **settings) as lab:
        lab.daemon.import_payload(payload)
        hw = hardware(payload, lab.folder / "m", f"tap:{lab.tap()}", lab.daemon.authority())
        hw.disk = payload.disk
        with machine.Machine(hw).start(("ip", "netns", "exec", lab.client)) as guest:
            said = guest.wait(payload.line, 360)
            found = story.steps(lab.daemon.boot(MAC.format(1)))
            expect(said, "\n".join([*guest.tail(8), str([step.words for step in found])]))
            expect(guest.seen(r"(Station IP address is|net0:) 10\.77\.0\.[5-9]\d"),
                   "not the foreign pool's: " + "\n".join(guest.tail(12)))
        expect("10.77.0." in (lab.folder / "foreign.leases").read_text(), "the other server gave none")
        expect("10.77.0." not in lab.daemon.run("lease", "list").stdout, "we gave an address too")


@test("proxy", "OVMF gets its address from dnsmasq and boots from us, by name")
def by_name(context):
    boots(context, "proxy-name", f"--dhcp-option=6,{ADDRESS}")


@test("proxy", "OVMF gets its address from Kea and boots from us, by name")
def by_name_beside_kea(context):
    boots(context, "proxy-kea", server=kea)


@test("proxy", "OVMF boots by address where the other server names no DNS of ours")
def by_address(context):
    boots(context, "proxy-address", use_name=False)


@test("proxy", "Debian 12's iPXE takes its address from dnsmasq and its program from us", slow=True)
def ipxe(context):
    boots(context, "proxy-ipxe", f"--dhcp-option=6,{ADDRESS}", payload="ipxe", http=True)


@test("proxy", "a client that does not boot hears nothing from us, and its requests are left alone")
def not_booting(context):
    hears_nothing(context, "proxy-quiet", f"--dhcp-option=6,{ADDRESS}")


@test("proxy", "the same beside Kea: dhclient's address is Kea's, and we are silent")
def not_booting_beside_kea(context):
    hears_nothing(context, "proxy-quiet-kea", server=kea)


def hears_nothing(context, name, *words, **settings):
    with beside(context, name, *words, **settings) as lab:
        lab.make_set({"small.efi": 4000})
        space, interface = lab.port()
        with captured(lab, lab.client, "w0", f"udp and src host {ADDRESS}") as ours:
            text = inside(space, "dhclient", "-4", "-v", "-1", "-lf", lab.folder / "leases", "-pf",
                          lab.folder / "dhclient.pid", "-sf", "/bin/true", interface, timeout=40)
            time.sleep(0.5)             # whatever we might say comes within it
        expect(f"from {FOREIGN}" in text and f"from {ADDRESS}" not in text, text)
        expect(not ours, f"we sent {len(ours)} datagrams: {text}")
        inside(space, "dhclient", "-x", "-lf", lab.folder / "leases", "-pf",
               lab.folder / "dhclient.pid", interface, check=False)
        # Its files it may have: the other server said so by naming our DNS.
        address = lab.dhcp(space)
        expect(address.startswith("10.77.0."), address)
        inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert", lab.daemon.authority(),
               "--output", "/dev/null", lab.url("small.efi"))


PXE = """
[[boot.pxe]]
architecture = "x64"
server = "10.77.0.20"
file = "loader.efi"
"""


@contextlib.contextmanager
def tftp(lab, folder):
    """A TFTP server at the client namespace's own address: we are none."""
    with served(lab.client, lab.folder, "tftp", "TFTP root", "dnsmasq", "--no-daemon",
                "--conf-file=/dev/null", "--port=0", "--user=root", "--enable-tftp",
                f"--tftp-root={folder}", "--interface=br0", f"--pid-file={lab.folder / 'tftp.pid'}"):
        yield


@test("proxy", "OVMF's PXE: address from Kea, boot file named by us, fetched from a TFTP server")
def pxe(context):
    payload = payloads.build("hello")
    with beside(context, "proxy-pxe", server=kea, more=PXE) as lab:
        root = lab.folder / "tftp"
        root.mkdir()
        shutil.copy(payload.folder / payload.entry, root / "loader.efi")
        with tftp(lab, root):
            hw = hardware(payload, lab.folder / "m", f"tap:{lab.tap()}", lab.daemon.authority())
            hw.pxe = True
            with machine.Machine(hw).start(("ip", "netns", "exec", lab.client)) as guest:
                expect(guest.wait(payload.line, 360), "\n".join(guest.tail(12)))
                expect(guest.seen(r"Station IP address is 10\.77\.0\.[5-9]\d"), "not Kea's address")
                expect(guest.seen(r"Server IP address is 10\.77\.0\.20"), "\n".join(guest.tail(12)))
        expect("10.77.0." not in lab.daemon.run("lease", "list").stdout, "we gave an address too")


@test("proxy", "boot server discovery: at port 4011 and by broadcast, the item asked for comes back")
def boot_server(context):
    with beside(context, "proxy-4011", server=kea, more=PXE) as lab:
        space, interface = lab.port(mac="02:53:4c:00:40:11")
        address = lab.dhcp(space)

        # Silence is believed after two seconds; an answer may be that of a busy machine.
        def ask(mode, item, seconds=60):
            text = inside(space, sys.executable, Path(__file__).with_name("pxe_client.py"), interface,
                          "02:53:4c:00:40:11", address, ADDRESS, mode, item, seconds)
            return json.loads(text)

        for mode, port in (("unicast", 4011), ("inform", 4011), ("broadcast", 67)):
            for item in ("0", "none"):
                if mode == "broadcast" and item == "none":
                    answer = ask(mode, item, 2)
                    expect(answer is None, f"an ordinary REQUEST is not ours: {answer}")
                    continue
                answer = ask(mode, item)
                expect(answer is not None, f"{mode}, item {item}: no answer")
                options = answer["options"]
                expect(answer["from"] == [ADDRESS, port], f"{mode}: {answer}")
                expect(options["53"] == "05" and bytes.fromhex(options["60"]) == b"PXEClient", str(answer))
                expect(options["43"] == ("470400000000ff" if item == "0" else "060108ff"), str(answer))
                expect(answer["file"] == "loader.efi" and answer["siaddr"] == "10.77.0.20", str(answer))
                expect(answer["yiaddr"] == "0.0.0.0" and "51" not in options, str(answer))
        expect(ask("broadcast", "9", 2) is None, "another server's item is not ours")
        expect(ask("unicast", "9")["options"]["43"] == "470400090000ff", "asked us by name")


@test("proxy", "an iPXE chained from firmware is offered the next set, not itself again", slow=True)
def chained(context):
    """Firmware gets iPXE over HTTPS from us; that iPXE's own request names another set."""
    payload = payloads.build("ipxe13")
    chain = Path(payload.disk) / "EFI/BOOT/BOOTX64.EFI"
    payload.disk = ""
    override = """
[[boot.override]]
architecture = "x64"
client = "http"
image_set = "chain:1"
"""
    with Lab(context, "chained", more=override) as lab:
        lab.daemon.import_payload(payload)
        lab.daemon.import_image(chain, "chain:1")
        hw = hardware(payload, lab.folder / "m", f"tap:{lab.tap()}", lab.daemon.authority())
        with machine.Machine(hw).start(("ip", "netns", "exec", lab.client)) as guest:
            expect(guest.wait(payload.line, 480), "\n".join(guest.tail(12)))
            asked = [step.text for step in story.steps(lab.daemon.boot(MAC.format(1)))
                     if step.kind == "HttpRequest" and step.text.startswith("GET ")]
            expect(guest.seen(r"URI: https://\S+/chain/"), "\n".join(guest.tail(40)))
        # iPXE's DHCP begins a boot of its own, the latest.
        expect(asked and all("/demo/" in path for path in asked), str(asked))
