# SPDX-License-Identifier: Apache-2.0
"""Seeds for the fuzz targets out of captures of boot clients.

    capture_seeds.py CAPTURES OUT     writes OUT/TARGET/CAPTURE-N, each frame's worth in the
                                      target's form, and OUT/worker/CAPTURE, the machine's whole boot

Reads pcap and pcapng, little-endian, Ethernet, IPv4; everything else is passed over.
"""
import pathlib
import struct
import sys

PER_CAPTURE = 40  # of one target: a boot's frames are alike after the first
# Of the worker's script (tests/support/worker_script.h).
PAUSE, PAUSE_MAX, AS_THEY_CAME, FRAME_MAX = 0xe0, 2047, 2, 2047
APPLIANCE = bytes((2, 0, 0, 0, 0, 1)), bytes((10, 77, 0, 1))
MACHINE = bytes((0x52, 0x54, 0, 0, 0, 9)), bytes((10, 77, 0, 9))


def frames(data):
    """(milliseconds, bytes) of each frame of a pcap or pcapng file."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at = 0
        while at + 12 <= len(data):
            kind, length = struct.unpack_from("<II", data, at)
            if kind == 6:  # enhanced packet block; its time in microseconds, as it is by default
                high, low, size = struct.unpack_from("<III", data, at + 12)
                yield (high << 32 | low) // 1000, data[at + 28:at + 28 + size]
            at += max(length, 12)
    else:
        at = 24
        while at + 16 <= len(data):
            seconds, part, size = struct.unpack_from("<III", data, at)
            yield seconds * 1000 + part // 1000, data[at + 16:at + 16 + size]
            at += 16 + size


def udp_seeds(datagram, ports):
    yield "udp", datagram
    if 53 in ports:
        yield "dns", datagram[8:]
    if ports & {67, 68}:
        yield "dhcp_message", datagram[8:]
        yield "dhcp_server", struct.pack(">HB", len(datagram) - 8, 0) + datagram[8:]


def tcp_seeds(segment, destination):
    yield "tcp_segment", segment
    text = segment[(segment[12] >> 4) * 4:]
    if text and destination == 80:
        yield "http_session", b"".join(bytes([len(piece)]) + piece for piece in
                                       (text[i:i + 255] for i in range(0, len(text), 255)))
    if text and destination == 443 and len(text) <= 255 * 8:
        yield "tls_session", bytes([-(-len(text) // 8)]) + text


def transport(frame):
    """(protocol, its bytes) of an IPv4 frame; nothing of any other."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return None, b""
    packet = frame[14:14 + struct.unpack_from(">H", frame, 16)[0]]
    return packet[9], packet[(packet[0] & 15) * 4:]


def seeds(frame):
    """(target, bytes) of what one frame gives."""
    yield "frame", frame
    if frame[12:14] == b"\x08\x06":
        yield "arp", frame[14:42]
    protocol, body = transport(frame)
    if len(body) < 8:
        return
    ports = struct.unpack_from(">HH", body)
    if protocol == 17:
        yield from udp_seeds(body, set(ports))
    if protocol == 6 and len(body) >= 20:
        yield from tcp_seeds(body, ports[1])


def machine_of(captured):
    """(MAC, address, the server's MAC and address) of whoever calls by TCP in a capture."""
    for _, frame in captured:
        protocol, body = transport(frame)
        if protocol == 6 and len(body) >= 20 and body[13] & 0x12 == 2:
            return frame[6:12], frame[26:30], frame[0:6], frame[30:34]
    return None


class Script:
    """What a machine sent, as the worker takes it: ACKs counted from what the server had sent."""

    def __init__(self, machine):
        self.mac, self.address, self.server_mac, self.server = machine
        self.out = bytearray()
        self.sent = {}  # to each port of the machine: one past the server's last
        self.time = None

    def hear(self, frame):
        protocol, body = transport(frame)
        if protocol != 6 or len(body) < 20 or body[13] & 4:
            return
        sequence, = struct.unpack_from(">I", body, 4)
        length = len(body) - (body[12] >> 4) * 4 + (body[13] & 1) + (body[13] >> 1 & 1)
        self.sent[body[2:4]] = sequence + length & 0xffffffff

    def say(self, time, frame):
        pause = time - self.time if self.time is not None else 0
        self.time = time
        while pause > 0:
            self.out += struct.pack(">BH", PAUSE, min(pause, PAUSE_MAX))
            pause -= PAUSE_MAX
        protocol, body = transport(frame)
        frame = bytearray(frame[:FRAME_MAX])
        if protocol == 6 and len(body) >= 20 and body[13] & 0x10 and body[0:2] in self.sent:
            at = 14 + (frame[14] & 15) * 4 + 8
            acknowledged, = struct.unpack_from(">I", frame, at)
            struct.pack_into(">I", frame, at, acknowledged - self.sent[body[0:2]] & 0xffffffff)
        what = AS_THEY_CAME
        if (self.server_mac, self.server) != APPLIANCE:  # as if it had been ours
            what = 0
            for theirs, ours in ((self.server, APPLIANCE[1]), (self.mac, MACHINE[0]),
                                 (self.address, MACHINE[1])):
                frame = frame.replace(theirs, ours)
        self.out += struct.pack(">BH", what, len(frame)) + frame


def script(captured):
    """The worker's script of a capture; None where nobody calls in it."""
    machine = machine_of(captured)
    if machine is None:
        return None
    made = Script(machine)
    for time, frame in captured:
        if frame[6:12] == made.mac:
            made.say(time, frame)
        elif frame[6:12] == made.server_mac:
            made.hear(frame)
    return bytes(made.out)


def write(captures, out):
    """The seeds of all captures in a folder; returns how many."""
    written = 0

    def put(target, name, seed):
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(seed)

    for capture in sorted(captures.glob("*.pcap*")):
        captured = list(frames(capture.read_bytes()))
        counts, seen = {}, set()
        for _, frame in captured:
            for target, seed in seeds(frame):
                number = counts.get(target, 0)
                if number >= PER_CAPTURE or (target, seed) in seen:
                    continue
                seen.add((target, seed))
                counts[target] = number + 1
                put(target, f"{capture.stem}-{number:03}", seed)
                written += 1
        boot = script(captured)
        if boot is not None:
            put("worker", capture.stem, boot)
            written += 1
    return written


def main():
    captures, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    print(f"   {write(captures, out)} seeds from {captures}")


if __name__ == "__main__":
    main()
