# SPDX-License-Identifier: Apache-2.0
"""Many DHCP clients on one raw socket: asks for addresses and remembers every ACK that came.

Run inside a client's namespace:  dhcp_client.py INTERFACE MODE COUNT FIRST [ADDRESSES.json]

    discover   COUNT stations take an address (DISCOVER, REQUEST), some at once; each ACK is printed
               at once, as `MAC ADDRESS`, until all have one
    reboot     each station of ADDRESSES.json asks for its address again (INIT-REBOOT); prints
               `MAC ADDRESS ack`, `MAC ADDRESS nak` or `MAC ADDRESS silent`
"""

import json
import select
import socket
import struct
import sys
import time

AT_ONCE = 24
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def frame(mac, kind, xid, options):
    bootp = struct.pack(">BBBBIHH16x", 1, 1, 6, 0, xid, 0, 0x8000) + mac + bytes(10 + 64 + 128)
    body = bootp + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + b"\xff"
    body += bytes(max(0, 300 - len(body)))
    udp = struct.pack(">HHHH", 68, 67, 8 + len(body), 0) + body
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + head + udp


def parse(data):
    """(xid, mac, type, yiaddr, server) of a reply, or None."""
    if len(data) < 282 or data[12:14] != b"\x08\x00" or data[23] != 17:
        return None
    start = 14 + (data[14] & 15) * 4
    if struct.unpack(">H", data[start + 2:start + 4])[0] != 68:
        return None
    bootp = data[start + 8:]
    found, at = {}, 240
    while at + 1 < len(bootp) and bootp[at] != 255:
        if bootp[at] == 0:
            at += 1
            continue
        found[bootp[at]] = bootp[at + 2:at + 2 + bootp[at + 1]]
        at += 2 + bootp[at + 1]
    return (struct.unpack(">I", bootp[4:8])[0], bootp[28:34], found.get(53, b"\0")[0], bootp[16:20],
            found.get(54, bytes(4)))


def station(number):
    return bytes([0x02, 0x53, 0x4C]) + number.to_bytes(3, "big")


def text_of(mac):
    return ":".join(f"{octet:02x}" for octet in mac)


class Clients:
    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.bind((interface, 0))

    def replies(self, until):
        while (left := until - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                if reply := parse(self.socket.recv(2048)):
                    yield reply

    def send(self, mac, kind, options=b""):
        self.socket.send(frame(mac, kind, int.from_bytes(mac[2:], "big"), options))


def discover(clients, count, first):
    """A steady stream: whoever has an address makes room for the next."""
    waiting = {station(number): 0.0 for number in range(first, first + count)}  # when each asks again
    deadline = time.monotonic() + 480  # for what hangs
    while waiting and (now := time.monotonic()) < deadline:
        for mac in sorted(waiting)[:AT_ONCE]:
            if waiting[mac] <= now:
                waiting[mac] = now + 0.25
                clients.send(mac, DISCOVER)
        for _xid, mac, kind, address, server in clients.replies(now + 0.05):
            if kind == OFFER and mac in waiting:
                clients.send(mac, REQUEST, bytes([50, 4]) + address + bytes([54, 4]) + server)
            elif kind == ACK and mac in waiting:
                del waiting[mac]
                print(text_of(mac), socket.inet_ntoa(address), flush=True)
                break


def reboot(clients, addresses):
    waiting = {bytes.fromhex(mac.replace(":", "")): address for mac, address in addresses.items()}
    for _try in range(100):
        for mac, address in list(waiting.items())[:32]:
            clients.send(mac, REQUEST, bytes([50, 4]) + socket.inet_aton(address))
        for _xid, mac, kind, address, _server in clients.replies(time.monotonic() + 0.5):
            if mac in waiting and kind in (ACK, NAK):
                asked = waiting.pop(mac)
                same = kind == ACK and socket.inet_ntoa(address) == asked
                print(text_of(mac), asked, "ack" if same else "nak", flush=True)
        if not waiting:
            return
    for mac, address in waiting.items():
        print(text_of(mac), address, "silent", flush=True)


def main():
    interface, mode, count, first = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    clients = Clients(interface)
    if mode == "discover":
        discover(clients, count, first)
    else:
        with open(sys.argv[5], encoding="utf-8") as file:
            reboot(clients, json.load(file))


if __name__ == "__main__":
    main()
