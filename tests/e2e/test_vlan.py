# SPDX-License-Identifier: Apache-2.0
"""A port that is one VLAN of a trunk, or two: a relay is the switch's access port between it and clients."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

from daemon import ADDRESS
from dhcp_client import DISCOVER, frame, station
from harness import expect, test, until
from lab import serving
from test_clients import network
from test_dhcp import inside

VLAN, OTHER = 7, 8
SECOND = f"""[[port]]
device = "net_af_packet0,iface=s0"
addresses = ["10.78.0.1/24"]
vlan = {OTHER}

[[network]]
name = "second"
subnet = "10.78.0.0/24"
pools = ["10.78.0.100-10.78.0.199"]
"""
FILES = {"big.img": 24 << 20, "small.efi": 4000}
# Open a raw socket in a namespace: the frames come as hexadecimal lines on standard input.
SENDER = """
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind((sys.argv[1], 0))
for line in sys.stdin:
    raw.send(bytes.fromhex(line))
"""
tagged = serving("vlan", FILES, relay={"vlan": VLAN}, port=f"vlan = {VLAN}")
tagged_packet = serving("vlan-packet", FILES, relay={"vlan": VLAN}, port=f"vlan = {VLAN}",
                        device="packet:s0")


@contextlib.contextmanager
def trunk(context):
    """Two VLANs of one port, and a client's namespace in the second."""
    both = serving("trunk", FILES, relay={"vlan": VLAN}, port=f"vlan = {VLAN}", more=SECOND)
    with both(context) as lab:
        space = f"{lab.client}b"
        lab.namespace(space)
        lab.veth("r2", lab.server, "e0", space)
        relay = lab.start_relay("r2", {"vlan": OTHER}, "second-relay.log")
        try:
            yield lab, space
        finally:
            relay.terminate()
            relay.wait()


def send(lab, space, interface, frames):
    path = lab.folder / "frames"
    path.write_text("".join(data.hex() + "\n" for data in frames), encoding="ascii")
    with open(path, encoding="ascii") as lines:
        inside(space, "/usr/bin/python3", "-c", SENDER, interface, stdin=lines)


def with_tag(data, control):
    return data[:12] + b"\x81\x00" + control.to_bytes(2, "big") + data[12:]


def discovers(count, first=900):
    return [frame(station(number), DISCOVER, number, b"") for number in range(first, first + count)]


def settled(lab, reason, wanted):
    """Workers tell their counters a few times a second."""
    until(lambda: lab.drops(reason) >= wanted, f"{wanted} drops of {reason}, {lab.drops(reason)} seen")
    expect(lab.drops(reason) == wanted, f"{lab.drops(reason)} drops of {reason} instead of {wanted}")


@test("vlan", "an address by DHCP and whole files by curl through a tagged port", tagged)
def through(_, lab):
    everything_through(lab)


@test("vlan", "the same by a packet socket, whose kernel cuts tagged runs", tagged_packet)
def through_packet(_, lab):
    everything_through(lab)


def everything_through(lab):
    space, _interface = lab.port()
    address = lab.dhcp(space)
    expect(address.startswith("10.77.0."), address)
    out = lab.folder / "tagged.out"
    for version in ("1.2", "1.3"):
        inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert", lab.daemon.authority(),
               f"--tlsv{version}", "--tls-max", version, "--output", out, lab.url("big.img"))
        expect(out.read_bytes() == lab.bytes_of("big.img"), "other bytes than were imported")
    # Full frames carry the tag on top of 1,500 bytes: a ping of that size says so both ways.
    text = inside(space, "ping", "-c", "5", "-l", "5", "-i", "20", "-M", "do", "-s", "1472", ADDRESS)
    expect("5 received" in text, text)


def quiet(lab):
    """The frames sent, once nobody has anything more to say: connections of the tests before, slipwayd
    itself, which announces its address twice, two seconds apart (RFC 5227 2.3), and Linux, which asks
    for a neighbour of whom it is not sure five seconds after it last wrote to it."""
    sent, since = lab.sent(), time.monotonic()
    deadline = since + 120
    while time.monotonic() < since + 6:
        expect(time.monotonic() < deadline, "it is never quiet")
        time.sleep(0.3)
        if lab.sent() != sent:
            sent, since = lab.sent(), time.monotonic()
    return sent


@test("vlan", "untagged frames and other tags get no answer and are counted, one by one", tagged)
def others(_, lab):
    sent = quiet(lab)
    before = lab.drops("VlanNotOurs")
    wrong = [with_tag(data, control) for control in (1, 8, 0x0fff, 0xe008) for data in discovers(10)]
    wrong += [with_tag(data, 0) for data in discovers(10)]      # a priority tag names no VLAN
    wrong += discovers(10)
    send(lab, lab.server, "r0", wrong)
    settled(lab, "VlanNotOurs", before + len(wrong))
    expect(lab.sent() == sent, f"{lab.sent() - sent} frames were sent in answer")
    # The priority bits beside the number are not the number: stations of VLAN 7 get offers.
    send(lab, lab.server, "r0", [with_tag(data, 0xe000 | VLAN) for data in discovers(3, 950)])
    until(lambda: lab.sent() >= sent + 3, f"three offers in VLAN {VLAN}")
    settled(lab, "VlanNotOurs", before + len(wrong))


@test("vlan", "everything that leaves a tagged port carries its tag", tagged)
def leaving(_, lab):
    space, _interface = lab.port()
    lab.dhcp(space)
    inside(space, "ping", "-c", "3", "-i", "0.05", ADDRESS)
    for did in lab.relayed():
        expect(did["sent"] > 5 and did["of other VLANs"] == 0, f"{did}")


@test("vlan", "tagged frames on a port without a VLAN are counted, and it serves on", network)
def untagged_port(_, lab):
    before = lab.drops("VlanNotOurs")
    send(lab, lab.client, "w0", [with_tag(data, 9) for data in discovers(25)])
    settled(lab, "VlanNotOurs", before + 25)
    lab.fetch("small.efi")


@test("vlan", "two VLANs of one port: an address, names and whole files in both at once, and no way across",
      trunk)
def two_vlans(_, both):
    lab, second = both
    first, _interface = lab.port()
    for space, subnet in ((first, "10.77.0."), (second, "10.78.0.")):
        address = lab.dhcp(space)
        expect(address.startswith(subnet), f"{address} instead of one of {subnet}")

    def download(space):
        out = lab.folder / f"{space}.out"
        for _turn in range(3):
            inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert",
                   lab.daemon.authority(), "--output", out, lab.url("big.img"))
            expect(out.read_bytes() == lab.bytes_of("big.img"), "other bytes than were imported")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(download, (first, second)))
    inside(second, "ping", "-c", "2", "-i", "0.05", "10.78.0.1")
    inside(second, "ip", "route", "add", f"{ADDRESS}/32", "dev", "e0")
    lost = inside(second, "ping", "-c", "2", "-i", "0.2", "-W", "1", ADDRESS, check=False)
    expect("0 received" in lost, f"the address of VLAN {VLAN} answers in VLAN {OTHER}: {lost}")
