# SPDX-License-Identifier: Apache-2.0
"""slipway capture: what one machine says and is told, held to tcpdump on the same wire and to tshark."""

import collections
import contextlib
import os
import re
import signal
import struct
import subprocess
import time

import machine
from harness import Skipped, expect, run, test, until
from lab import Lab, expect_file, serving
from tcpdump import tcpdump
from test_dhcp import inside

FILES = {"even.img": 1 << 20, "big.img": 32 << 20}
MAC = "52:54:00:aa:00:01"
OTHER = "52:54:00:aa:00:02"
# A machine's frames, and DHCP about it that is broadcast: its chaddr begins 36 bytes into UDP.
WORDS = f"ether host {MAC} or (udp port 68 and udp[36:4] = 0x525400aa and udp[40:2] = 0x0001)"
one_worker = serving("capture", FILES)


@contextlib.contextmanager
def two_workers(context):
    if len(os.sched_getaffinity(0)) < 2:
        raise Skipped("two workers need two cores")
    device = "net_af_packet0,iface=s0,qpairs=2"
    with Lab(context, "capture2", cores="[0, 1]", device=device) as lab:
        lab.make_set(FILES)
        yield lab
        lab.nothing_leaked()


@contextlib.contextmanager
def on_the_wire(lab):
    """[the machine's frames as tcpdump saw them], complete when the block has ended."""
    frames, path = [], lab.folder / "wire.pcap"
    with tcpdump(lab.client, "w0", lab.folder / "tcpdump.log", "-s", "0", "-w", path, WORDS):
        yield frames
    data, at = path.read_bytes(), 24
    while at + 16 <= len(data):
        length = struct.unpack("<I", data[at + 8:at + 12])[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length


@contextlib.contextmanager
def captured(lab, path, *words):
    """slipway's process and its words, ended as by Ctrl-C and done when the block has ended."""
    with open(lab.folder / "capture.log", "wb+") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", lab.server, *lab.daemon.command("capture", MAC, "-w", path, *words)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=machine.die_with_parent)
        until(lambda: path.exists() and path.stat().st_size > 0, "the capture has begun")
        yield process
        process.terminate()
        code = process.wait(timeout=60)
        log.seek(0)
        text = log.read().decode()
    expect(code == 0, f"slipway capture: exit {code}: {text}")
    said = re.search(r"(\d+) frames, (\d+) bytes, (\d+) lost", text)
    expect(said, f"slipway capture said: {text}")
    process.frames, process.lost = int(said[1]), int(said[3])


def tshark(path, *words):
    """tshark's lines; it may say nothing else but that it runs as root."""
    done = subprocess.run(["tshark", "-n", "-r", str(path), *words], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, text=True, timeout=240)
    noise = [line for line in done.stderr.splitlines() if "Running as user" not in line]
    expect(done.returncode == 0 and not noise, f"tshark: {done.returncode}: {noise}")
    return done.stdout.splitlines()


def download(lab, space, name):
    out = lab.folder / f"{space}.out"
    inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert", lab.daemon.authority(),
           "--output", out, lab.url(name))
    expect_file(out, lab.files[name])


def goes_quiet(lab, *spaces):
    """Nothing is said to the machines any more: their connections are closed on both sides, and their links are down."""
    time.sleep(0.3)    # workers post ten times a second
    until(lambda: sum(lab.worker_metric("slipway_connections")) == 0, "the downloads' connections are closed")
    for space in spaces:
        run(["ip", "-n", space, "link", "set", "e0", "down"])
    time.sleep(1)


def boots_of_two(lab, path):
    """One machine is captured from its first DISCOVER on, while another does the same."""
    (one, _), (other, _) = lab.port(MAC), lab.port(OTHER)
    with on_the_wire(lab) as wire:
        with captured(lab, path) as capture:
            for space in (one, other):
                lab.dhcp(space)
            downloads = [subprocess.Popen(
                ["ip", "netns", "exec", space, "curl", "--silent", "--fail", "--cacert", lab.daemon.authority(),
                 "--output", "/dev/null", lab.url("even.img")], preexec_fn=machine.die_with_parent)
                         for space in (one, other)]
            expect([process.wait(timeout=120) for process in downloads] == [0, 0], "a download failed")
            goes_quiet(lab, one, other)
    return wire, capture


def held_to(lab, path, wire, capture):
    expect(capture.lost == 0, f"{capture.lost} frames lost")
    lines = tshark(path, "-T", "fields", "-E", "separator=,", "-e", "frame.packet_flags_direction", "-e",
                   "eth.src", "-e", "_ws.col.Protocol")
    expect(len(lines) == len(wire) == capture.frames,
           f"{len(lines)} frames in the file, {len(wire)} on the wire, {capture.frames} told")
    for line in lines:
        direction, source, _ = line.split(",", 2)
        expect((int(direction, 0) == 1) == (source == MAC), f"not the direction: {line}")
    protocols = {line.split(",", 2)[2] for line in lines}
    expect({"DHCP", "TCP", "TLSv1.3"} <= protocols, f"protocols: {protocols}")
    # Byte for byte, whatever the order in which two processes saw two directions.
    copy = lab.folder / "copy.pcap"
    run(["tshark", "-n", "-r", path, "-F", "nsecpcap", "-w", copy])
    data, at, frames = copy.read_bytes(), 24, []
    while at + 16 <= len(data):
        length = struct.unpack("<I", data[at + 8:at + 12])[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    differ = collections.Counter(frames) - collections.Counter(wire)
    expect(not differ, f"{sum(differ.values())} frames were not on the wire, such as {next(iter(differ), b'').hex()}")
    expect(not tshark(path, "-Y", f"eth.addr == {OTHER} || dhcp.hw.mac_addr == {OTHER}"), "another's frames")
    wrong = tshark(path, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o",
                   "udp.check_checksum:TRUE", "-Y",
                   "ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0")
    expect(not wrong, f"wrong checksums: {wrong[:3]}")
    infos = run(["capinfos", "-M", path])
    expect("pcapng" in infos and re.search(rf"Number of packets: +{len(lines)}\n", infos), infos)


@test("capture", "holds what one machine said and was told from its DISCOVER on, byte for byte, nothing of another", one_worker)
def exact(_, lab):
    path = lab.folder / "machine.pcapng"
    wire, capture = boots_of_two(lab, path)
    held_to(lab, path, wire, capture)
    expect("capture of " + MAC in lab.daemon.run("audit", "list").stdout, "not in the audit log")


@test("capture", "of two workers is one file, in two interfaces", two_workers)
def both(_, lab):
    path = lab.folder / "machine.pcapng"
    wire, capture = boots_of_two(lab, path)
    held_to(lab, path, wire, capture)
    expect("Number of interfaces in file: 2" in run(["capinfos", path]), "interfaces")


@test("capture", "goes into a pipe, where tshark names what it sees", one_worker)
def piped(_, lab):
    space, _interface = lab.port("52:54:00:aa:00:03")
    log = lab.folder / "tshark.log"
    capture = subprocess.Popen(
        ["ip", "netns", "exec", lab.server, *lab.daemon.command("capture", "52:54:00:aa:00:03")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=machine.die_with_parent)
    with open(log, "wb") as out:
        reader = subprocess.Popen(["tshark", "-n", "-l", "-r", "-"], stdin=capture.stdout, stdout=out,
                                  stderr=subprocess.DEVNULL, preexec_fn=machine.die_with_parent)
    capture.stdout.close()     # tshark alone reads it
    try:
        until(lambda: captures(lab), "the capture has begun")
        lab.dhcp(space)
        until(lambda: "DHCP ACK" in log.read_text(errors="replace"), "tshark names the ACK", log=log)
        text = log.read_text(errors="replace")
        expect("DHCP Discover" in text, text)
        # Nobody reads it any more. A SIGTERM tshark would heed with what comes next.
        reader.kill()
        until(lambda: not captures(lab), "the capture has ended with its reader")
    finally:
        for process in (reader, capture):
            process.kill()
            process.wait()


def captures(lab):
    token = (lab.daemon.state / "token").read_text(encoding="ascii").strip()
    text = run(["ip", "netns", "exec", lab.server, "curl", "--silent", "--fail", "--cacert", lab.daemon.authority(),
                "--header", f"Authorization: Bearer {token}", f"https://{lab.daemon.management}/api/v1/captures"])
    return "52:54" in text


@test("capture", "a reader that is too slow loses frames, counted to the last, and holds up no download", one_worker)
def slow_reader(_, lab):
    space, _interface = lab.port(MAC)
    lab.dhcp(space)
    path = lab.folder / "slow.pcapng"
    with on_the_wire(lab) as wire:
        with captured(lab, path) as capture:
            capture.send_signal(signal.SIGSTOP)
            try:
                download(lab, space, "big.img")
            finally:
                capture.send_signal(signal.SIGCONT)
            goes_quiet(lab, space)
    expect(capture.lost > 0, "nothing was lost: the reader was not too slow")
    expect(capture.frames + capture.lost == len(wire),
           f"{capture.frames} frames and {capture.lost} lost, {len(wire)} on the wire")
    expect(len(tshark(path)) == capture.frames, "not as many in the file as told")
