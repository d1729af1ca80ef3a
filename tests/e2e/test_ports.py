# SPDX-License-Identifier: Apache-2.0
"""Ports of another shape: two workers behind one queue, and jumbo frames beside plain ones."""

import contextlib
import os
import re

from daemon import ADDRESS
from harness import Skipped, expect, run, test, until
from lab import Lab, expect_file, serving
from tcpdump import tcpdump
from test_dhcp import inside

FILES = {"big.img": 24 << 20, "even.img": 1 << 20, "small.efi": 4000}
DOWNLOADS = 100
JUMBO = 9000


def workers(name, device):
    @contextlib.contextmanager
    def two_workers(context):
        if len(os.sched_getaffinity(0)) < 2:
            raise Skipped("two workers need two cores")
        with Lab(context, name, cores="[0, 1]", device=device) as lab:
            lab.make_set(FILES)
            yield lab
            lab.nothing_leaked()
    return two_workers


# One queue: the second worker gets every frame through the first. Two: the kernel spreads frames by
# a hash of its own, and about half reach the wrong worker first.
def register(name, device, words):
    fixture = workers(name, device)

    @test("workers", f"{DOWNLOADS} downloads at once over two workers and {words} arrive whole", fixture)
    def downloads(_, lab):
        spread(lab)

    @test("workers", f"DHCP, ping and new connections over {words} reach the right worker", fixture)
    def others(_, lab):
        everything(lab)


def spread(lab):
    folder = lab.folder / "parallel"
    folder.mkdir()
    words = []
    for number in range(DOWNLOADS):
        words += ["--output", folder / f"{number}", lab.url("even.img")]
    lab.curl("--fail", "--parallel", "--parallel-immediate", "--parallel-max", DOWNLOADS, *words,
             timeout=120)
    for number in range(DOWNLOADS):
        expect_file(folder / f"{number}", lab.files["even.img"])
    # The owner of a connection is drawn from its addresses and ports: a fair coin a hundred times
    # leaves one side with less than 20 once in 10^10 runs.
    until(lambda: sum(lab.worker_metric("slipway_connections_opened_total")) >= DOWNLOADS,
          "all connections are counted")
    opened = lab.worker_metric("slipway_connections_opened_total")
    sent = lab.worker_metric("slipway_payload_bytes_total")
    expect(len(opened) == 2 and min(opened) >= 20, f"connections of the workers: {opened}")
    expect(min(sent) >= 20 * FILES["even.img"], f"bytes sent by the workers: {sent}")


def everything(lab):
    space, _interface = lab.port()
    lab.dhcp(space)
    for _round in range(10):
        text = inside(space, "ping", "-c", "2", "-l", "2", "-i", "20", ADDRESS)
        expect("2 received" in text, text)
        inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert",
               lab.daemon.authority(), "--output", "/dev/null", lab.url("small.efi"))
    lab.fetch("big.img")


register("workers1", "net_af_packet0,iface=s0,qpairs=1", "one queue")
register("workers2", "net_af_packet0,iface=s0,qpairs=2", "two queues")
register("workers-packet", "packet:s0", "a packet socket")


@contextlib.contextmanager
def packet_socket(context):
    """A veth with its offloads on: frames of up to 64 KiB both ways."""
    with Lab(context, "packet", device="packet:s0") as lab:
        for space, interface in ((lab.server, "s0"), (lab.client, "w0")):
            run(["ip", "netns", "exec", space, "ethtool", "-K", interface,
                 *"rx on tx on sg on tso on gso on gro on".split()])
        lab.make_set(FILES)
        yield lab
        lab.nothing_leaked()


@test("packet", "what a client sends in large frames is read, and refused as too large", packet_socket)
def posted(_, lab):
    body = lab.folder / "set" / "even.img"
    status = lab.curl("--output", "/dev/null", "--write-out", "%{http_code}", "--request", "POST",
                      "--header", "Expect:", "--data-binary", f"@{body}", lab.url("small.efi"),
                      check=False)
    expect(status == "413", f"a body of a megabyte was answered: {status}")
    lab.fetch("small.efi")


@test("packet", "DHCP, ping, names and whole files by a packet socket without offloads",
      serving("packet-plain", FILES, device="packet:s0"))
def plain_packet(_, lab):
    everything(lab)


@contextlib.contextmanager
def jumbo(context):
    with Lab(context, "jumbo", mtu=JUMBO) as lab:
        run(["ip", "-n", lab.client, "link", "set", "br0", "mtu", JUMBO])
        lab.make_set(FILES)
        yield lab
        lab.nothing_leaked()


@contextlib.contextmanager
def sizes_of(lab, space, interface, words):
    """[frame sizes of what came from the server's port], complete when the block has ended."""
    sizes, log = [], lab.folder / "tcpdump.log"
    with tcpdump(space, interface, log, "-n", "-e", "-l", "-s", "96", *words.split()):
        yield sizes
    text = log.read_text(errors="replace")
    sizes += [int(size) for size in re.findall(r"ethertype IPv4 \(0x0800\), length (\d+):", text)]


FROM_US = f"tcp and src host {ADDRESS} and src port 443"


@test("packet", "runs of segments cross a packet socket's veth whole, and so do files", packet_socket)
def runs(_, lab):
    with sizes_of(lab, lab.client, "w0", FROM_US) as sizes:
        lab.fetch("big.img", host=ADDRESS)
    expect(max(sizes) > 10 * 1514, f"the largest frame has {max(sizes)} bytes: the kernel cut")
    lab.fetch("big.img", scheme="http", host=ADDRESS)


@test("jumbo", "segments of 9,000 bytes on the wire carry a file to a client that takes them", jumbo)
def nine_thousand(_, lab):
    with sizes_of(lab, lab.client, "w0", FROM_US) as sizes:
        lab.fetch("big.img", host=ADDRESS)
    full = sum(1 for size in sizes if size > 8900)
    expect(max(sizes) <= JUMBO + 14, f"a frame of {max(sizes)} bytes")
    expect(full * 8948 > 0.9 * FILES["big.img"], f"only {full} jumbo frames of {len(sizes)}")
    text = lab.run("ping", "-c", "3", "-l", "3", "-i", "20", "-M", "do", "-s", str(JUMBO - 28), ADDRESS)
    expect("3 received" in text, text)


@test("jumbo", "a client with an MTU of 1,500 on the same wire is sent no larger frame", jumbo)
def plain_client(_, lab):
    space, interface = lab.port()       # its veth has 1,500
    lab.dhcp(space)
    out = lab.folder / "plain.out"
    with sizes_of(lab, lab.client, "w0", FROM_US) as sizes:
        inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert",
               lab.daemon.authority(), "--output", out, lab.url("big.img"))
    expect(out.read_bytes() == lab.bytes_of("big.img"), "other bytes than were imported")
    expect(max(sizes) == 1514, f"the largest frame has {max(sizes)} bytes")
    expect(interface == "e0", interface)
