# SPDX-License-Identifier: Apache-2.0
"""Seeds for the fuzz targets out of captures of real boot clients.

    seeds.py CAPTURES OUT     writes OUT/TARGET/CAPTURE-N, each frame's worth in the target's form

Reads pcap and pcapng, little-endian, Ethernet, IPv4; everything else is passed over. Targets whose
input is a script of their own (tcp_host, tls_records) have no seeds here.
"""
import pathlib
import struct
import sys

PER_CAPTURE = 40  # of one target: a boot's frames are alike after the first


def frames(data):
    """Each frame's bytes of a pcap or pcapng file."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at = 0
        while at + 12 <= len(data):
            kind, length = struct.unpack_from("<II", data, at)
            if kind == 6:  # enhanced packet block
                size = struct.unpack_from("<I", data, at + 20)[0]
                yield data[at + 28:at + 28 + size]
            at += max(length, 12)
    else:
        at = 24
        while at + 16 <= len(data):
            size = struct.unpack_from("<I", data, at + 8)[0]
            yield data[at + 16:at + 16 + size]
            at += 16 + size


def udp_seeds(payload, ports):
    if 53 in ports:
        yield "dns", payload
    if ports & {67, 68}:
        yield "dhcp_message", payload
        yield "dhcp_server", struct.pack(">HB", len(payload), 0) + payload


def tcp_seeds(segment, destination):
    yield "tcp_segment", segment
    text = segment[(segment[12] >> 4) * 4:]
    if text and destination == 80:
        yield "http_session", b"".join(bytes([len(piece)]) + piece for piece in
                                       (text[i:i + 255] for i in range(0, len(text), 255)))
    if text and destination == 443 and len(text) <= 255 * 8:
        yield "tls_session", bytes([-(-len(text) // 8)]) + text


def seeds(frame):
    """(target, bytes) of what one frame gives."""
    yield "frame", frame
    kind = frame[12:14]
    if kind == b"\x08\x06":
        yield "arp", frame[14:42]
    if kind != b"\x08\x00" or len(frame) < 34:
        return
    packet = frame[14:14 + struct.unpack_from(">H", frame, 16)[0]]
    body = packet[(packet[0] & 15) * 4:]
    if len(body) < 8:
        return
    ports = struct.unpack_from(">HH", body)
    if packet[9] == 17:
        yield from udp_seeds(body[8:], set(ports))
    if packet[9] == 6 and len(body) >= 20:
        yield from tcp_seeds(body, ports[1])


def main():
    captures, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    written = 0
    for capture in sorted(captures.glob("*.pcap*")):
        counts, seen = {}, set()
        for frame in frames(capture.read_bytes()):
            for target, seed in seeds(frame):
                number = counts.get(target, 0)
                if number >= PER_CAPTURE or (target, seed) in seen:
                    continue
                seen.add((target, seed))
                counts[target] = number + 1
                folder = out / target
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{capture.stem}-{number:03}").write_bytes(seed)
                written += 1
    print(f"   {written} seeds from {captures.name}/")


if __name__ == "__main__":
    main()
