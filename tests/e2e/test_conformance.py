# SPDX-License-Identifier: Apache-2.0
"""The stack's TCP alone against the kernel's: the conformance build's echo, discard and zero ports.

No outside TCP conformance suite is packaged for Debian 12 (packetdrill is not), so the other side
is Linux's own TCP, in every configuration that its knobs allow, over good and bad wires.
"""

import contextlib
import itertools
from pathlib import Path

import debs
from daemon import ADDRESS
from harness import Skipped, expect, run, test, until
from lab import Lab, ip
from test_dhcp import inside
from test_lossy import WIRES

CLIENT = Path(__file__).with_name("tcp_client.py")
PRESET = "conformance"
MIB = 1 << 20
KNOBS = ("tcp_timestamps", "tcp_sack", "tcp_window_scaling")


def ports(name, relay=None, **settings):
    @contextlib.contextmanager
    def opened(context):
        if not (debs.ROOT / "build" / PRESET / "slipwayd").exists():
            raise Skipped(f"no build/{PRESET}/slipwayd: ./dev build {PRESET} slipwayd control/slipway")
        with Lab(context, name, relay=relay, preset=PRESET, **settings) as lab:
            yield lab
            lab.nothing_leaked()
            if relay:
                lab.weather()
    return opened


CLEAN = ports("conformance")
PAIR = ports("conformance2", cores="[0, 1]")


def drive(lab, mode, *options, space=None, timeout=110):
    return inside(space or lab.client, "/usr/bin/python3", CLIENT, mode, ADDRESS, *options,
                  f"seconds={timeout - 5}", timeout=timeout)


def own_space(lab):
    """A namespace whose TCP may be configured without the others noticing."""
    space, _interface = lab.port()
    lab.numbers = getattr(lab, "numbers", itertools.count(30))
    ip("-n", space, f"address add 10.77.0.{next(lab.numbers)}/24 dev e0")
    return space


def configure(space, **values):
    words = "; ".join(f"echo {value} > /proc/sys/net/ipv4/{key}" for key, value in values.items())
    run(["ip", "netns", "exec", space, "sh", "-ec", words])


@test("conformance", "100 MB of zeros from the source, counted, then a clean end", CLEAN)
def hundred(_, lab):
    before = sum(lab.worker_metric("slipway_payload_bytes_total"))
    text = drive(lab, "zeros", f"bytes={100_000_000}")
    moved = int(text.split(" bytes")[0].split()[-1])
    expect(100_000_000 <= moved < 120_000_000, text)
    until(lambda: sum(lab.worker_metric("slipway_payload_bytes_total")) >= before + moved,
          "the server counts what it sent")


@test("conformance", "32 MiB of random bytes come back exactly, past a half-closed connection", CLEAN)
def echo(_, lab):
    drive(lab, "echo", f"bytes={32 * MIB}")
    drive(lab, "echo", "bytes=0")
    drive(lab, "echo", "bytes=1")


@test("conformance", "64 MiB are discarded, nothing is said, the end is seen", CLEAN)
def discard(_, lab):
    drive(lab, "discard", f"bytes={64 * MIB}")


@test("conformance", "200 echoes, 100 sources and 100 sinks at once", CLEAN)
def many(_, lab):
    drive(lab, "echo", "connections=200", f"bytes={MIB // 4}")
    drive(lab, "zeros", "connections=100", f"bytes={MIB // 2}")
    drive(lab, "discard", "connections=100", f"bytes={MIB // 2}")


@test("conformance", "single bytes without Nagle, odd reads and writes", CLEAN)
def dribbles(_, lab):
    drive(lab, "echo", "bytes=20000", "write=1", "nodelay=1")
    drive(lab, "echo", "bytes=2000000", "write=1461", "read=733", "nodelay=1", "connections=5")


@test("conformance", "a reader that does not read closes the window; it opens again after two seconds",
      CLEAN)
def closed_window(_, lab):
    for mode in ("echo", "zeros"):
        drive(lab, mode, f"bytes={2 * MIB}", "pause=2000", "receive=4096", "connections=8")


@test("conformance", "segment sizes from 88 to 1,460 and tiny buffers", CLEAN)
def small_segments(_, lab):
    for mss in (88, 256, 536, 1000, 1459, 1460):
        drive(lab, "echo", f"bytes={MIB}", f"mss={mss}", "connections=3")
    drive(lab, "echo", f"bytes={MIB // 2}", "receive=2304", "send=4608", "connections=5")


@test("conformance", "300 connections reset at every stage leave nothing behind", CLEAN)
def resets(_, lab):
    drive(lab, "abandon", "connections=300")
    drive(lab, "echo", "bytes=100000")


@test("conformance", "every combination of timestamps, SACK and window scaling, with ECN and without",
      CLEAN)
def knobs(_, lab):
    space = own_space(lab)
    for number, values in enumerate(itertools.product((0, 1), repeat=len(KNOBS))):
        configure(space, **dict(zip(KNOBS, values)), tcp_ecn=number % 2)
        drive(lab, "echo", f"bytes={2 * MIB}", "connections=4", f"seed={number}", space=space)
        drive(lab, "zeros", f"bytes={4 * MIB}", space=space)


@test("conformance", "over two workers: echoes, sources and sinks are each exact", PAIR)
def two_workers(_, lab):
    for mode in ("echo", "zeros", "discard"):
        drive(lab, mode, "connections=60", f"bytes={MIB}")
    opened = lab.worker_metric("slipway_connections_opened_total")
    expect(len(opened) == 2 and min(opened) >= 40, f"connections of the workers: {opened}")


def register(words, options, number):
    fixture = ports(f"conformance-wire{number}", relay=options)

    @test("conformance", f"over {words}: 2 MiB both ways, and peers without SACK or timestamps", fixture)
    def lossy(_, lab):
        space = own_space(lab)
        for mode in ("echo", "zeros", "discard"):
            drive(lab, mode, "connections=4", f"bytes={MIB // 2}", space=space)
        configure(space, tcp_sack=0, tcp_timestamps=0)
        drive(lab, "echo", "connections=4", f"bytes={MIB // 4}", space=space)


for _number, (_words, _options) in enumerate(WIRES.items()):
    register(_words, _options, _number)
