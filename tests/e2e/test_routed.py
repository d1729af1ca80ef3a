# SPDX-License-Identifier: Apache-2.0
"""Machines behind a router: DHCP through real relay agents, HTTPS and its path MTU through the kernel.

    station namespace: e0 -- in0 :router namespace: e0 -- br0 of the client namespace -- slipwayd
                  10.88.0.0/24                      10.77.0.0/24
"""

import contextlib
import re
import struct
import subprocess

import build as payloads
import debs
import machine
from daemon import ADDRESS, NAME
from harness import expect, run, test, until
from lab import Lab, expect_file, ip
from tcpdump import tcpdump
from test_dhcp import inside
from test_firmware import hardware
from test_ports import FROM_US, JUMBO, sizes_of

FILES = {"big.img": 24 << 20, "small.efi": 4000}
ROUTER, INNER = "10.77.0.254", "10.88.0.254"
BEHIND = f"""
[[network]]
name = "behind"
subnet = "10.88.0.0/24"
pools = ["10.88.0.100-10.88.0.120"]
router = "{INNER}"
relayed = true
"""


class Routed:
    """A lab with a router on its wire, and what runs on the router."""

    def __init__(self, lab, mtu=1500):
        self.lab = lab
        self.space, _interface = lab.port(mtu=mtu)
        self.agent = None
        ip("-n", self.space, f"address add {ROUTER}/24 dev e0")
        run(["ip", "netns", "exec", self.space, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])

    def address(self, interface):
        ip("-n", self.space, f"address add {INNER}/24 dev", interface)
        ip("-n", self.space, "link set", interface, "up")

    def station(self, mtu=1500):
        """A namespace behind the router; its own end of the wire may claim a larger MTU."""
        name = self.space + "i"
        self.lab.namespace(name)
        self.lab.veth("e0", name, "in0", self.space)
        if mtu != 1500:
            ip("-n", name, "link set e0 mtu", mtu)
        self.address("in0")
        return name

    def relay(self, *command):
        log = open(self.lab.folder / "agent.log", "wb")
        with log:
            self.agent = subprocess.Popen(
                ["ip", "netns", "exec", self.space, *map(str, command)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=machine.die_with_parent)

    def isc(self, interface):
        """ISC's relay, unpacked only: installing it would start a service on this machine."""
        program = debs.unpacked("bookworm", "isc-dhcp-relay") / "usr/sbin/dhcrelay"
        self.relay(program, "-4", "-d", "-a", "-pf", self.lab.folder / "agent.pid", "-iu", "e0", "-id",
                   interface, ADDRESS)
        self.wait("Sending on")

    def dnsmasq(self, _interface):
        self.relay("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root",
                   f"--pid-file={self.lab.folder / 'agent.pid'}", f"--dhcp-relay={INNER},{ADDRESS}")
        self.wait("DHCP relay")

    def wait(self, words):
        log = self.lab.folder / "agent.log"
        until(lambda: words in log.read_text(errors="replace"), "the relay agent is ready", log=log)

    def close(self):
        if self.agent:
            self.agent.terminate()
            self.agent.wait()


@contextlib.contextmanager
def routed(context, name, **settings):
    with Lab(context, name, port=f'gateway = "{ROUTER}"', more=BEHIND, **settings) as lab:
        router = Routed(lab, settings.get("mtu", 1500))
        try:
            yield lab, router
            lab.nothing_leaked()
        finally:
            router.close()


@contextlib.contextmanager
def captured(lab, space, interface, words):
    """[UDP datagram's (source, destination, payload)], filled when the block has ended."""
    found, path = [], lab.folder / "relayed.pcap"
    with tcpdump(space, interface, lab.folder / "relayed.log", "-w", path, *words.split()):
        yield found
    data, at = path.read_bytes(), 24
    while at + 16 <= len(data):
        length = struct.unpack("<I", data[at + 8:at + 12])[0]
        packet = data[at + 16 + 14:at + 16 + length]
        header = (packet[0] & 15) * 4
        source, destination = (".".join(map(str, packet[i:i + 4])) for i in (12, 16))
        ports = struct.unpack(">HH", packet[header:header + 4])
        found.append(((source, ports[0]), (destination, ports[1]), packet[header + 8:]))
        at += 16 + length


def options_of(message):
    """[(code, value)] in the order of the message."""
    found, at = [], 240
    while at < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        found.append((message[at], message[at + 2:at + 2 + message[at + 1]]))
        at += 2 + message[at + 1]
    return found


def download(lab, space, name="big.img"):
    out = lab.folder / "routed.out"
    inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert", lab.daemon.authority(),
           "--output", out, lab.url(name))
    expect_file(out, lab.files[name])


@test("relayed", "ISC's relay: an address of its subnet, option 82 back as it came and last")
def isc(context):
    with routed(context, "relay-isc") as (lab, router):
        lab.make_set(FILES)
        station = router.station()
        router.isc("in0")
        with captured(lab, router.space, "e0", "udp port 67") as messages:
            address = lab.dhcp(station)
        expect(re.fullmatch(r"10\.88\.0\.1[012]\d", address), f"address {address}")
        expect(address in lab.daemon.run("lease", "list").stdout, "the lease list does not know it")
        asked = [(where, dict(options_of(body))) for source, where, body in messages if body[0] == 1]
        told = [(where, options_of(body)) for source, where, body in messages
                if body[0] == 2 and source[0] == ADDRESS]
        expect(len(asked) >= 2 and len(told) == len(asked), f"{len(asked)} asked, {len(told)} told")
        for (_, question), (where, answer) in zip(asked, told):
            expect(where == (INNER, 67), f"the answer went to {where}")
            expect(question.get(82), "the relay added no option 82")
            expect(answer[-1] == (82, question[82]), f"{question[82].hex()}, answered {answer}")
        download(lab, station)


@test("relayed", "dnsmasq as relay: an address, renewed without the relay, and a download by name")
def dnsmasq(context):
    with routed(context, "relay-dnsmasq") as (lab, router):
        lab.make_set(FILES)
        station = router.station()
        router.dnsmasq("in0")
        address = lab.dhcp(station)
        expect(address.startswith("10.88.0."), address)
        download(lab, station)
        # A client with an address renews with us directly, through the router.
        router.close()
        text = inside(station, "/usr/bin/python3", "-c", RENEW, ADDRESS, address, mac_of(station))
        expect(text.strip() == f"ack {address}", text)


# A request in state RENEWING (RFC 2131, 4.3.2): from its address, to ours, without the relay.
RENEW = """
import socket, sys
server, own, mac = sys.argv[1:]
hardware = bytes.fromhex(mac.replace(":", ""))
body = bytes([1, 1, 6, 0]) + b"rnew" + bytes(4) + socket.inet_aton(own) + bytes(12)
body += hardware + bytes(10 + 192) + bytes.fromhex("63825363") + bytes([53, 1, 3])
body += bytes([61, 7, 1]) + hardware + bytes([255]) + bytes(60)
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.bind((own, 68))
client.settimeout(60)
client.sendto(body, (server, 67))
reply, _ = client.recvfrom(2048)
print({5: "ack", 6: "nak"}.get(reply[242], reply[242]), socket.inet_ntoa(reply[16:20]))
"""


def mac_of(space):
    return re.search(r"link/ether (\S+)", inside(space, "ip", "link", "show", "e0"))[1]


@test("relayed", "OVMF boots over HTTPS from behind a relay and a router")
def firmware(context):
    payload = payloads.build("hello")
    with routed(context, "relay-fw") as (lab, router):
        lab.daemon.import_payload(payload)
        ip("-n", router.space, "tuntap add t0 mode tap")
        router.address("t0")
        router.isc("t0")
        hw = hardware(payload, lab.folder / "m", "tap:t0", lab.daemon.authority())
        with machine.Machine(hw).start(("ip", "netns", "exec", router.space)) as guest:
            expect(guest.wait(payload.line, 360), "\n".join(guest.tail(8)))
            expect(guest.seen(r"Station IP address is 10\.88\.0\."), "an address of another subnet")
            expect(guest.seen(f"URI: https://{NAME}/"), "not by name")


@test("routed", "a path narrower than both ends: segments shrink to what the router says")
def path_mtu(context):
    with routed(context, "pmtu", mtu=JUMBO) as (lab, router):
        run(["ip", "-n", lab.client, "link", "set", "br0", "mtu", JUMBO])
        lab.make_set(FILES)
        station = router.station(mtu=JUMBO)
        ip("-n", station, "address add 10.88.0.50/24 dev e0")
        ip("-n", station, "route add default via", INNER)
        out = lab.folder / "narrow.out"
        with sizes_of(lab, router.space, "e0", FROM_US) as sizes:
            inside(station, "curl", "--silent", "--show-error", "--fail", "--cacert",
                   lab.daemon.authority(), "--output", out, lab.url("big.img", host=ADDRESS))
        expect_file(out, lab.files["big.img"])
        large = [size for size in sizes if size > 1514]
        expect(large, "nothing was larger than the narrow link: the test proves nothing")
        expect(len(large) < 40, f"{len(large)} of {len(sizes)} frames did not fit the path")
        expect(sizes[-1] <= 1514 and max(sizes[len(sizes) // 2:]) <= 1514, "it grew again")
