# SPDX-License-Identifier: Apache-2.0
"""Two namespaces joined by a veth: the server's end s0, the client's w0.

Each end's frames are taken in by the core of its own side (receive packet steering): on a veth the
sender's core would otherwise also do the receiver's TCP, and a server would be charged for its client.
"""

import itertools
import os
import subprocess
from pathlib import Path

from process import CLIENT_CORE, SERVER_CORE, PeerError

_numbers = itertools.count()
OFFLOADS_OFF = "rx off tx off sg off tso off gso off gro off".split()
SERVER, CLIENT, PREFIX = "10.77.0.1", "10.77.0.20", 16


def run(*words, check=True):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise PeerError(f"{' '.join(map(str, words))}: {done.stdout.strip()}")
    return done.stdout


class Wire:
    """`server_address`: whether the kernel has the server's address, as ordinary servers need it;
    slipwayd does not: it reads raw frames, and the kernel would answer too."""

    def __init__(self, offloads, server_address, mtu=1500, client=CLIENT):
        tag = f"slb{os.getpid() % 100000}-{next(_numbers)}"
        self.server, self.client = tag + "s", tag + "c"
        self.offloads, self.server_address = offloads, server_address
        self.mtu, self.client_address = mtu, client

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self):
        for name in (self.server, self.client):
            run("ip", "netns", "add", name)
            for key in ("all", "default"):
                self.write(name, f"/proc/sys/net/ipv6/conf/{key}/disable_ipv6", 1)
            # What a web server is usually run with; the machine's default may be another.
            self.write(name, "/proc/sys/net/ipv4/tcp_congestion_control", "cubic", check=False)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.server, "link", "add", "s0", "mtu", self.mtu, "type", "veth", "peer",
            "name", "w0", "mtu", self.mtu, "netns", self.client)
        for name, interface, core in ((self.server, "s0", SERVER_CORE),
                                      (self.client, "w0", CLIENT_CORE)):
            if not self.offloads:
                run("ip", "netns", "exec", name, "ethtool", "-K", interface, *OFFLOADS_OFF)
            self.write(name, f"/sys/class/net/{interface}/queues/rx-0/rps_cpus", f"{1 << core:x}")
            run("ip", "-n", name, "link", "set", interface, "up")
        run("ip", "-n", self.client, "address", "add", f"{self.client_address}/{PREFIX}", "dev", "w0")
        if self.server_address:
            run("ip", "-n", self.server, "address", "add", f"{SERVER}/{PREFIX}", "dev", "s0")

    def write(self, namespace, path, value, check=True):
        run("ip", "netns", "exec", namespace, "sh", "-c", f"echo {value} > {path}", check=check)

    def __exit__(self, *_):
        for name in (self.server, self.client):
            if Path(f"/run/netns/{name}").exists():
                run("ip", "netns", "del", name, check=False)

    def words(self):
        return f"veth, MTU {self.mtu}, offloads {'on (64 KiB frames)' if self.offloads else 'off'}"
