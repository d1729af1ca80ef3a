# SPDX-License-Identifier: Apache-2.0
"""A PXE client that asks a boot server (PXE 2.1, 2.2.3), after it has an address.

Run inside a client's namespace:  pxe_client.py INTERFACE MAC ADDRESS SERVER MODE TYPE SECONDS

    unicast      DHCPREQUEST from port 4011 to the server's port 4011
    broadcast    DHCPREQUEST from port 68 to everybody's port 67
    inform       DHCPINFORM, from port 68 to the server's port 4011

TYPE is the boot item it names (option 43, sub-option 71), `none` for none. Prints what SERVER said
within SECONDS as JSON: from (address and port), options (code: hex), file, siaddr, yiaddr; `null` for
nothing.
"""

import json
import socket
import struct
import sys
import time

REQUEST, INFORM = 3, 8


def message(mac, address, kind, item):
    octets = bytes.fromhex(mac.replace(":", ""))
    bootp = struct.pack(">BBBBIHH", 1, 1, 6, 0, 0x51A9, 0, 0) + socket.inet_aton(address) + bytes(12)
    bootp += octets + bytes(10 + 64 + 128) + b"\x63\x82\x53\x63"
    options = bytes([53, 1, kind]) + b"\x3c\x20PXEClient:Arch:00007:UNDI:003001"
    options += bytes([93, 2, 0, 7, 94, 3, 1, 3, 1, 57, 2, 1472 >> 8, 1472 & 255])
    options += bytes([97, 17, 0]) + octets + bytes(10) + bytes([55, 4, 1, 3, 43, 60])
    if item != "none":
        options += bytes([43, 7, 71, 4]) + struct.pack(">HH", int(item), 0) + b"\xff"
    return bootp + options + b"\xff"


def options_of(data):
    found, at = {}, 240
    while at + 1 < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2:at + 2 + data[at + 1]].hex()
        at += 2 + data[at + 1]
    return found


def main():
    interface, mac, address, server, mode, item, seconds = sys.argv[1:]
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    client.bind((address, 4011 if mode == "unicast" else 68))
    to = ("255.255.255.255", 67) if mode == "broadcast" else (server, 4011)
    client.sendto(message(mac, address, INFORM if mode == "inform" else REQUEST, item), to)
    # To a broadcast the DHCP server answers too.
    deadline, sender = time.monotonic() + float(seconds), None
    while sender is None or sender[0] != server:
        client.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            data, sender = client.recvfrom(2048)
        except TimeoutError:
            print("null")
            return
    print(json.dumps({"from": sender, "options": options_of(data),
                      "file": data[108:236].split(b"\0")[0].decode(),
                      "yiaddr": socket.inet_ntoa(data[16:20]),
                      "siaddr": socket.inet_ntoa(data[20:24])}))


if __name__ == "__main__":
    main()
