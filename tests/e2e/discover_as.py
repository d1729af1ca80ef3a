# SPDX-License-Identifier: Apache-2.0
"""A DISCOVER of a capture (tests/captures), sent as another machine's: what real firmware says.

Run inside a client's namespace:  discover_as.py INTERFACE MAC CAPTURE.pcap

Sends the capture's first DISCOVER once and waits for nothing.
"""

import socket
import struct
import sys
from pathlib import Path

PCAP_HEADER, FRAME_HEADER = 24, 16
ETHERNET, IPV4 = 14, 20
CHADDR = ETHERNET + IPV4 + 8 + 28
UDP_CHECKSUM = slice(ETHERNET + IPV4 + 6, ETHERNET + IPV4 + 8)


def frames(capture):
    data, at = capture.read_bytes(), PCAP_HEADER
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        at += FRAME_HEADER
        yield bytearray(data[at:at + size])
        at += size


def is_from_client(frame):
    return frame[12:14] == b"\x08\x00" and frame[14] == 0x45 and frame[23] == 17 \
        and frame[34:38] == struct.pack(">HH", 68, 67)


def main():
    interface, mac, capture = sys.argv[1:]
    octets = bytes.fromhex(mac.replace(":", ""))
    frame = next(frame for frame in frames(Path(capture)) if is_from_client(frame))
    frame[6:12] = frame[CHADDR:CHADDR + 6] = octets
    frame[UDP_CHECKSUM] = bytes(2)   # none: the address within was changed
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as line:
        line.bind((interface, 0))
        line.send(frame)


if __name__ == "__main__":
    main()
