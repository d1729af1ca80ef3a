# SPDX-License-Identifier: Apache-2.0
"""Kernel sockets against the conformance build's ports: echo (7), discard (9), a source of zeros (19).

Run inside a client's namespace:  tcp_client.py MODE ADDRESS [NAME=NUMBER ...]

    echo      every connection sends `bytes` random ones, closes its half, and must get them all back
    discard   sends `bytes`, closes its half, must see the other half close and nothing come
    zeros     takes `bytes` zeros, closes its half, takes what is still on its way up to the end
    abandon   opens, sends and asks a little, and resets

`connections` run at once (1). `write` and `read` say the most taken in one call, `pause` the
milliseconds before the first read (a closed window), `mss`, `receive` and `send` the kernel's segment
and buffer sizes, `nodelay` 1 no Nagle, `seed` what is sent. Prints one line; exit 1 says what differed.
"""

import random
import select
import socket
import struct
import sys
import time

PORTS = {"echo": 7, "discard": 9, "zeros": 19}
DEFAULTS = {"bytes": 1 << 20, "connections": 1, "write": 65536, "read": 65536, "pause": 0, "mss": 0,
            "receive": 0, "send": 0, "nodelay": 0, "seed": 1, "seconds": 100}
PERIOD = 1 << 20    # what is sent repeats: every connection has its own offset in it


class Wrong(Exception):
    pass


class Connection:
    def __init__(self, mode, address, options, number, material):
        self.mode, self.options, self.number, self.material = mode, options, number, material
        self.start = (number * 7919) % PERIOD
        self.sent = self.received = 0
        self.total = 0 if mode == "zeros" else options["bytes"]
        self.half_closed = self.done = False
        self.socket = socket.socket()
        for key, level, name in (("mss", socket.IPPROTO_TCP, socket.TCP_MAXSEG),
                                 ("nodelay", socket.IPPROTO_TCP, socket.TCP_NODELAY),
                                 ("receive", socket.SOL_SOCKET, socket.SO_RCVBUF),
                                 ("send", socket.SOL_SOCKET, socket.SO_SNDBUF)):
            if options[key]:
                self.socket.setsockopt(level, name, options[key])
        self.socket.setblocking(False)
        self.socket.connect_ex((address, PORTS[mode]))
        self.reads_from = time.monotonic() + options["pause"] / 1000

    def wanted(self, offset, size):
        at = (self.start + offset) % PERIOD
        return self.material[at:at + size]

    def writes(self):
        return not self.half_closed and (self.mode != "zeros" or self.received >= self.options["bytes"])

    def write(self):
        left = self.total - self.sent
        if left == 0:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "connect")
            self.socket.shutdown(socket.SHUT_WR)
            self.half_closed = True
            return
        size = min(left, self.options["write"])
        at = (self.start + self.sent) % PERIOD
        self.sent += self.socket.send(self.wanted(self.sent, min(size, PERIOD - at)))

    def read(self):
        data = self.socket.recv(self.options["read"])
        if not data:
            self.end()
            return
        if self.mode == "discard":
            raise Wrong(f"discard sent {len(data)} bytes")
        if self.mode == "zeros" and data.count(0) != len(data):
            raise Wrong(f"not zero near byte {self.received}")
        if self.mode == "echo" and data != self.echoed(len(data)):
            raise Wrong(f"another byte within {len(data)} from {self.received}")
        self.received += len(data)

    def echoed(self, size):
        found, offset = b"", self.received
        while len(found) < size:
            at = (self.start + offset) % PERIOD
            part = self.material[at:at + min(size - len(found), PERIOD - at)]
            found += part
            offset += len(part)
        return found

    def end(self):
        if not self.half_closed:
            raise Wrong(f"ended by the server after {self.received} bytes, {self.sent} sent")
        if self.mode == "echo" and self.received != self.total:
            raise Wrong(f"{self.received} bytes came back of {self.total}")
        self.socket.close()
        self.done = True


def drive(connections, deadline):
    poller, by_number = select.poll(), {}
    for connection in connections:
        by_number[connection.socket.fileno()] = connection
    waiting = dict(by_number)
    while waiting:
        now = time.monotonic()
        if now > deadline:
            states = [(c.sent, c.received, c.half_closed) for c in waiting.values()][:5]
            raise Wrong(f"{len(waiting)} not done in time: (sent, received, half closed) {states}")
        for number, connection in waiting.items():
            mask = select.POLLIN if now >= connection.reads_from else 0
            poller.register(number, mask | (select.POLLOUT if connection.writes() else 0))
        for number, events in poller.poll(20):
            connection = waiting[number]
            if events & (select.POLLERR | select.POLLNVAL):
                raise OSError(connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "poll")
            if events & select.POLLOUT and connection.writes():
                connection.write()
            if events & (select.POLLIN | select.POLLHUP) and now >= connection.reads_from:
                connection.read()
            if connection.done:
                poller.unregister(number)
                del waiting[number]


def abandon(address, count):
    """Every kind of early end: before, while and after data moves, always by a reset."""
    for number in range(count):
        port = sorted(PORTS.values())[number % 3]
        client = socket.create_connection((address, port), timeout=60)
        if number % 2:
            client.send(bytes(number * 37 % 5000 + 1))
        if number % 5 == 0 and port == 19:
            client.recv(100)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    print(f"abandon: {count} reset")


def main():
    mode, address = sys.argv[1:3]
    options = dict(DEFAULTS)
    for word in sys.argv[3:]:
        key, _, value = word.partition("=")
        if key not in options:
            sys.exit(f"no such option: {key}")
        options[key] = int(value)
    if mode == "abandon":
        return abandon(address, options["connections"])
    material = random.Random(options["seed"]).randbytes(PERIOD) if mode != "zeros" else b""
    started = time.monotonic()
    connections = [Connection(mode, address, options, number, material)
                   for number in range(options["connections"])]
    try:
        drive(connections, started + options["seconds"])
    except (Wrong, OSError) as error:
        sys.exit(f"{mode}: {error}")
    seconds = time.monotonic() - started
    moved = sum(connection.sent + connection.received for connection in connections)
    print(f"{mode}: {len(connections)} connections, {moved} bytes, {moved / seconds / 1e6:.1f} MB/s")
    return None


if __name__ == "__main__":
    main()
