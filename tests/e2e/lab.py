# SPDX-License-Identifier: Apache-2.0
"""A small network in namespaces of its own: slipwayd on one end of a veth, clients on the other.

    server namespace: s0 (no address, no IPv6; slipwayd reads raw frames from it)
        | veth, or the relay between two veths when the wire is to be bad
    client namespace: w0 -- bridge br0 (10.77.0.20/24) -- ports of further clients, taps of machines

Nothing is routed out of it. Offloads are off on every veth, so that frames are what a wire carries.
"""

import contextlib
import hashlib
import itertools
import os
import random
import re
import subprocess
from pathlib import Path

import debs
import machine
from daemon import ADDRESS, NAME, Daemon, Setup
from harness import PATIENCE, expect, run, until

_numbers = itertools.count()
# What an image set needs to be bootable: the first bytes of a PE program for x64.
EFI_PROGRAM = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0\x64\x86" + bytes(442)
OFFLOADS = "rx off tx off sg off tso off gso off gro off".split()


def ip(*words):
    run(["ip", *" ".join(map(str, words)).split()])


class Lab:
    def __init__(self, context, name, relay=None, **settings):
        self.context = context
        self.folder = context.fresh(name)
        tag = f"slw{os.getpid() % 100000}-{next(_numbers)}"
        self.server, self.client = f"{tag}s", f"{tag}c"
        self.relay_options = relay
        self.relay = None
        self._relayed = None
        self.namespaces = []
        settings.setdefault("device", "net_af_packet0,iface=s0")
        settings.setdefault("preset", context.preset)
        settings.setdefault("http", True)
        self.daemon = Daemon(Setup(self.folder, **settings))
        self.files = {}
        self._ports = 0

    # --- building it ----------------------------------------------------------------------------

    def namespace(self, name):
        ip("netns add", name)
        self.namespaces.append(name)
        for key in ("all", "default"):
            run(["ip", "netns", "exec", name, "sh", "-c",
                 f"echo 1 > /proc/sys/net/ipv6/conf/{key}/disable_ipv6"])
        ip("-n", name, "link set lo up")

    def veth(self, one, one_space, other, other_space, mtu=1500):
        ip("-n", one_space, "link add", one, "mtu", mtu, "type veth peer name", other, "mtu", mtu,
           "netns", other_space)
        for interface, space in ((one, one_space), (other, other_space)):
            run(["ip", "netns", "exec", space, "ethtool", "-K", interface, *OFFLOADS], check=False)
            ip("-n", space, "link set", interface, "up")

    def __enter__(self):
        try:
            self._build()
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def _build(self):
        self.namespace(self.server)
        self.namespace(self.client)
        mtu = self.daemon.setup.mtu
        if self.relay_options is None:
            self.veth("s0", self.server, "w0", self.client, mtu)
        else:
            self.veth("s0", self.server, "r0", self.server, mtu)
            self.veth("r1", self.server, "w0", self.client, mtu)
            self._start_relay()
        ip("-n", self.client, "link add br0 type bridge")
        ip("-n", self.client, "link set w0 master br0")
        ip("-n", self.client, "link set br0 up")
        ip("-n", self.client, "address add 10.77.0.20/24 dev br0")
        resolver = Path("/etc/netns") / self.client
        resolver.mkdir(parents=True, exist_ok=True)
        (resolver / "resolv.conf").write_text(f"nameserver {ADDRESS}\n", encoding="utf-8")
        self.daemon.start(["ip", "netns", "exec", self.server])

    def _start_relay(self):
        self.relay = self.start_relay("r1", self.relay_options, "relay.log")

    def start_relay(self, other, options, log_name):
        """A relay between r0 and another interface of the server's namespace, as a process."""
        program = debs.ROOT / "build" / self.context.preset / "tests/rig/slipway-relay"
        with open(self.folder / log_name, "wb") as log:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.server, str(program), "r0", other,
                 f"--seed={self.context.seed}", "--seconds=600",
                 *(f"--{key}={value}" for key, value in options.items())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=machine.die_with_parent)

    def __exit__(self, kind=None, *_):
        try:
            self.daemon.__exit__(kind)
        finally:
            self._remove()

    def _remove(self):
        if self.relay:
            self.relay.terminate()
            self.relay.wait()
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], check=False)
            folder = Path("/etc/netns") / name
            (folder / "resolv.conf").unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()

    # --- using it -------------------------------------------------------------------------------

    def run(self, *command, **options):
        """A program in the client namespace."""
        return run(["ip", "netns", "exec", self.client, *command], **options)

    def port(self, mac=None, mtu=1500):
        """Another client on the same wire: (namespace, interface), without an address."""
        self._ports += 1
        name = f"{self.client}{self._ports}"
        self.namespace(name)
        self.veth("e0", name, f"p{self._ports}", self.client, mtu)
        if mac:
            ip("-n", name, "link set e0 address", mac)
        ip("-n", self.client, f"link set p{self._ports} master br0")
        return name, "e0"

    def dhcp(self, space, interface="e0"):
        """A real client takes an address, a default route and the name server; gives the address."""
        script = self.folder / "udhcpc-configures.sh"
        folder = Path("/etc/netns") / space
        folder.mkdir(parents=True, exist_ok=True)
        script.write_text(
            '#!/bin/sh\n[ "$1" = bound ] || exit 0\nip addr add "$ip/$mask" dev "$interface"\n'
            '[ -z "$router" ] || ip route add default via "$router"\n'
            f'echo "nameserver $dns" > {folder}/resolv.conf\necho "bound $ip/$mask $router"\n',
            encoding="utf-8")
        script.chmod(0o755)
        # It asks again only where nothing came, and not where a busy machine is late.
        text = run(["ip", "netns", "exec", space, "busybox", "udhcpc", "-i", interface, "-n", "-q",
                    "-t", "8", "-T", PATIENCE, "-s", script])
        found = re.search(r"bound ([\d.]+)/", text)
        expect(found, f"no address: {text}")
        return found[1]

    def tap(self):
        self._ports += 1
        name = f"t{self._ports}"
        ip("-n", self.client, "tuntap add", name, "mode tap")
        ip("-n", self.client, "link set", name, "master br0 up")
        return name

    def make_set(self, files, seed=1):
        """Imports an image set of random files: {name: size}. Remembers their digests."""
        folder = self.folder / "set"
        folder.mkdir(exist_ok=True)
        (folder / "boot.efi").write_bytes(EFI_PROGRAM)
        for name, size in files.items():
            data = random.Random(f"{seed} {name}").randbytes(size)
            (folder / name).write_bytes(data)
            self.files[name] = (size, hashlib.sha256(data).hexdigest())
        self.daemon.import_image(folder)

    def bytes_of(self, name):
        return (self.folder / "set" / name).read_bytes()

    def url(self, name, scheme="https", host=NAME):
        return f"{scheme}://{host}/{self.daemon.web_path()}/{name}"

    def curl(self, *words, timeout=60, check=True):
        return self.run("curl", "--silent", "--show-error", "--cacert", self.daemon.authority(),
                        "--max-time", timeout * PATIENCE - 2, *words, timeout=timeout, check=check)

    def fetch(self, name, *words, scheme="https", host=NAME, timeout=60):
        """Downloads a file and holds it to its digest."""
        out = self.folder / f"out-{next(_numbers)}"
        self.curl("--fail", "--output", out, *words, self.url(name, scheme, host), timeout=timeout)
        expect_file(out, self.files[name])
        out.unlink()

    def metrics(self):
        return self.daemon.metrics()

    def worker_metric(self, name, label=""):
        return self.daemon.worker_metric(name, label)

    def sent(self):
        """Frames that all ports were given to send."""
        return sum(self.worker_metric("slipway_step_frames_total", 'step="transmit"'))

    def drops(self, reason):
        """Frames not served for this reason (protocols/base/drop.h), on all workers."""
        return sum(self.worker_metric("slipway_drops_total", f'reason="{reason}"'))

    def nothing_leaked(self):
        """slipwayd is alive, its last connection has ended (what waits in TIME-WAIT is not counted as
        open), and every frame it had is back in its pool."""
        expect(self.daemon.running(), f"slipwayd ended:\n{self.daemon.words()}")
        for name, what in (("slipway_connections", "connections are open"),
                           ("slipway_frames_in_use", "frames are in use"),
                           ("slipway_outbox_frames", "frames wait to be sent")):
            until(lambda name=name: not any(self.worker_metric(name)), f"no {what} any more")


    def relayed(self):
        """What the relay did with the frames on their way to the clients, and with those from them, as
        its report has it: ({"taken": 812, "lost": 9, ...}, {...}). It ends, once the wire is at rest."""
        if self._relayed is None:
            self.nothing_leaked()
            expect(self.relay.poll() is None, "the relay ended before its tests")
            self.relay.terminate()
            self.relay.wait()
            text = (self.folder / "relay.log").read_text(encoding="ascii")
            lines = re.findall(r"^r[01]: (.+)$", text, re.M)
            expect(len(lines) == 2, f"the relay said: {text}")
            self._relayed = tuple(
                {what: int(number) for number, what in re.findall(r"(\d+) ([^,]+)", line)}
                for line in lines)
        return self._relayed

    def weather(self):
        """Holds the relay to what it was asked for, or what passed on its wire says nothing."""
        asked = {key: float(value) for key, value in self.relay_options.items()}
        delay, jitter = asked.get("delay-ms", 0), asked.get("jitter-ms", 0)
        for did in self.relayed():
            for key, word in (("loss", "lost"), ("duplicate", "doubled"), ("reorder", "reordered"),
                              ("flip", "flipped")):
                wanted = asked.get(key, 0) * did["taken"]
                # So few that chance may have chosen none tell nothing; a filter may leave so few.
                least = wanted / 4 if wanted >= 12 else 0
                expect(least <= did[word] <= wanted * 4 + (6 if wanted else 0),
                       f"{did[word]} frames {word}, about {wanted:.0f} were to be: {did}")
            left = did["taken"] - did["lost"] + did["doubled"] - did["sent"]
            expect(0 <= left <= 8, f"{left} frames were neither sent nor lost: {did}")
            many = did["reordered"] >= 12
            expect(did["overtaken"] > 0 if many else did["overtaken"] <= did["reordered"],
                   f"{did['overtaken']} frames were overtaken: {did}")
            # Only the least may be told from a busy machine's own delays; the most is the relay's due.
            least, most = did["us at least"] / 1000, did["us at most"] / 1000
            expect(delay - jitter <= least and (jitter == 0 or least <= delay - jitter / 4),
                   f"held {least} ms at least, of {delay} ms with {jitter} ms jitter: {did}")
            longest = delay + jitter / 4 + asked.get("reorder-ms", 0) / 2
            expect(most >= longest, f"held {most} ms at most, and should {longest} ms: {did}")


def serving(name, files, **settings):
    """A fixture of tests: a lab with an image set of these files ({name: bytes})."""
    @contextlib.contextmanager
    def opened(context):
        with Lab(context, name, **settings) as lab:
            lab.make_set(files)
            yield lab
            lab.nothing_leaked()
    return opened


def expect_file(path, known):
    size, digest = known
    data = Path(path).read_bytes()
    expect(len(data) == size, f"{path}: {len(data)} bytes instead of {size}")
    expect(hashlib.sha256(data).hexdigest() == digest, f"{path}: other bytes than were imported")
