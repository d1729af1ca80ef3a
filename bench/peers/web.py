# SPDX-License-Identifier: Apache-2.0
"""Rows 5 and 6: nginx and slipwayd behind the same client (wrk), certificate, suite and files, on veths
of the same make, in turns; and slipwayd's own figure on the fast wire.

Bytes and requests are divided by the server's CPU-seconds: nginx's worker's time on a processor, and
what servers.Slipwayd counts. The client has a core of its own and is often the bottleneck; that costs
both alike, since waiting is not counted.
"""

import contextlib
import random

import fast_wire
import figures
from process import CLIENT_CORE, SERVER_CORE, PeerError, busy_share_of, client, core_times, say
from servers import (AF_PACKET, AF_XDP, EFI_PROGRAM, PACKET_SOCKET, SUITE_TLS13, Nginx, Slipwayd,
                     make_certificate)
from wire import SERVER, Wire

BULK, SMALL = "bulk.bin", "small.bin"
BULK_BYTES = 100 << 20
PATH = "demo/1"
# What slipwayd may take a veth by, as rows call it.
DEVICES = {"af_packet": AF_PACKET, "af_xdp": AF_XDP, "packet socket": PACKET_SOCKET}
OPENSSL = f"""openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
MinProtocol = TLSv1.3
Ciphersuites = {SUITE_TLS13}
"""


class Bench:
    """Files, certificate and client of both rows."""

    def __init__(self, context):
        self.context = context
        self.folder = context.folder / "web"
        self.files = self.folder / "files"
        self.files.mkdir(parents=True)
        for name, data in (("boot.efi", EFI_PROGRAM),
                           (BULK, random.Random(1).randbytes(BULK_BYTES)),
                           (SMALL, random.Random(2).randbytes(1024))):
            (self.files / name).write_bytes(data)
        make_certificate(self.folder)
        (self.folder / "openssl.cnf").write_text(OPENSSL, encoding="ascii")
        self.client_busy = []
        self.profile = ""

    def environment(self):
        return {"OPENSSL_CONF": str(self.folder / "openssl.cnf")}

    def check(self, wire, name, scheme):
        """The file comes whole, and over TLS by the suite that is compared."""
        out = self.folder / "out"
        text = client(wire.client, ["curl", "--silent", "--show-error", "--fail", "--verbose",
                                    "--cacert", self.folder / "ca.pem", "--output", out,
                                    f"{scheme}://{SERVER}/{PATH}/{name}"], 60, self.environment())
        if out.read_bytes() != (self.files / name).read_bytes():
            raise PeerError(f"{name}: other bytes than were published")
        if scheme == "https" and SUITE_TLS13 not in text:
            raise PeerError(f"another suite than {SUITE_TLS13}: {text[-300:]}")

    def wrk(self, wire, name, scheme):
        before = core_times(CLIENT_CORE)
        done = figures.wrk(client(wire.client, [
            "wrk", "--threads", "1", "--connections", "64", "--duration",
            f"{max(1, round(self.context.seconds))}s", "--timeout", "30s",
            f"{scheme}://{SERVER}/{PATH}/{name}"], 60, self.environment()))
        self.client_busy.append(busy_share_of(CLIENT_CORE, before, core_times(CLIENT_CORE)))
        if done["errors"]:
            raise PeerError(f"wrk met {done['errors']} errors")
        return done

    def per_cpu_second(self, server, name, scheme, unit):
        """One turn of one server."""
        server.resume()
        try:
            before, core = server.stamp(), core_times(SERVER_CORE)
            done = self.wrk(server.wire, name, scheme)
            busy = busy_share_of(SERVER_CORE, core, core_times(SERVER_CORE))
            after = server.stamp()
            if isinstance(server, Slipwayd):
                busy = server.busy_share(before, after)
        finally:
            server.pause()
        if isinstance(server, Slipwayd):
            self.profile = server.profile(before, after)
        return {"each": done[unit] / server.spent(before, after),
                "per_second": done[unit] / done["seconds"], "busy": busy}

    @contextlib.contextmanager
    def nginx(self, offloads):
        with Wire(offloads=offloads, server_address=True) as wire:
            server = Nginx(wire, self.folder / f"nginx{int(offloads)}", self.folder)
            server.publish(PATH, {name: self.files / name for name in (BULK, SMALL)})
            with server:
                self.check(wire, SMALL, "http")
                self.check(wire, BULK, "https")
                yield server

    @contextlib.contextmanager
    def slipwayd(self, driver, offloads=False):
        with Wire(offloads=offloads, server_address=False) as wire:
            folder = self.folder / f"{driver.replace(' ', '_')}{int(offloads)}"
            server = Slipwayd(wire, folder, self.folder, device=DEVICES[driver], images="256 MiB",
                              hugepages=self.context.hugepages)
            with server:
                server.publish(self.files)
                self.check(wire, SMALL, "http")
                self.check(wire, BULK, "https")
                server.pause()
                yield server

    @contextlib.contextmanager
    def slipwayds(self):
        """By each of DEVICES, each paused; those that this kernel has not are left out."""
        with contextlib.ExitStack() as stack:
            found, refused = {}, []
            for driver in DEVICES:
                try:
                    found[driver] = stack.enter_context(self.slipwayd(driver))
                except Exception as error:  # whatever it is, another may do
                    refused.append(f"{driver}: {str(error)[-160:]}")
            if not found:
                raise PeerError("slipwayd serves by none of them: " + "; ".join(refused))
            yield found


def best_of(bench, servers, name, scheme, unit):
    """Which driver serves us best, by one turn of each."""
    tried = {driver: bench.per_cpu_second(server, name, scheme, unit)["each"]
             for driver, server in servers.items()}
    return max(tried, key=tried.get), tried


def compare(bench, servers, name, scheme, unit, wire_figure):
    """Pairs of turns: {side: [turn, ...]}. `wire_figure()` measures the fast wire's side."""
    turns = {side: [] for side in ("fast wire", *servers)}
    for turn in range(bench.context.pairs):
        say(f"{scheme} {name}: turn {turn + 1} of {bench.context.pairs}")
        for side, server in servers.items():
            turns[side].append(bench.per_cpu_second(server, name, scheme, unit))
        turns["fast wire"].append({"each": wire_figure()})
    return turns


def ratios(turns, ours, theirs):
    return [a["each"] / b["each"] for a, b in zip(turns[ours], turns[theirs])]


def said(turns, side, scale, digits):
    return figures.with_spread([turn["each"] / scale for turn in turns[side]], digits)


def bottleneck(bench, turns, sides):
    busy = ", ".join(f"{side} {100 * figures.median([t['busy'] for t in turns[side]]):.0f} %"
                     for side in sides)
    return (f"cores busy: {busy}, client (wrk) "
            f"{100 * figures.median(bench.client_busy):.0f} %")


def bulk(context):
    """Row 5."""
    bench = Bench(context)
    with bench.nginx(True) as large, bench.nginx(False) as small, \
            bench.slipwayd("packet socket", offloads=True) as whole, bench.slipwayds() as ours:
        driver, tried = best_of(bench, ours, BULK, "https", "bytes")
        turns = compare(bench, {"nginx, 64 KiB frames": large, "slipwayd, 64 KiB frames": whole,
                                "nginx, 1,500": small, "slipwayd, 1,500": ours[driver]}, BULK,
                        "https", "bytes",
                        lambda: fast_wire.figure(fast_wire.run(["5w"], context),
                                                 "bytes_per_busy_second"))
    work = "HTTPS, TLS 1.3 AES-128-GCM, ECDSA P-256, a 100 MiB file, wrk with 64 connections"
    fast = ratios(turns, "fast wire", "nginx, 64 KiB frames")
    same = ratios(turns, "slipwayd, 1,500", "nginx, 1,500")
    uncut = ratios(turns, "slipwayd, 64 KiB frames", "nginx, 64 KiB frames")
    gigabyte = 1e9
    words = bottleneck(bench, turns, list(turns)[1:])
    return [
        figures.row("5", f"{work}: ours on virtio_user at 1,500 bytes, nginx on {large.wire.words()}",
                    f"{figures.with_spread(fast)} x: {said(turns, 'fast wire', gigabyte, 2)} over "
                    f"{said(turns, 'nginx, 64 KiB frames', gigabyte, 2)} GB a server-CPU-second; "
                    f"{words}", ">= 5 x", figures.median(fast) >= 5,
                    {"ratio": figures.median(fast)}),
        # Nothing is asked of it: what a kernel's interface is good for where nobody must cut.
        figures.row("5", f"{work}: both on {large.wire.words()}, ours by packet socket",
                    f"{figures.with_spread(uncut)} x: "
                    f"{said(turns, 'slipwayd, 64 KiB frames', gigabyte, 2)} over "
                    f"{said(turns, 'nginx, 64 KiB frames', gigabyte, 2)} GB a server-CPU-second",
                    must(0), True, {"ratio": figures.median(uncut)}),
        figures.row("5", f"{work}: both on {small.wire.words()}, ours by {driver}",
                    f"{figures.with_spread(same)} x: {said(turns, 'slipwayd, 1,500', gigabyte, 2)} "
                    f"over {said(turns, 'nginx, 1,500', gigabyte, 2)} GB a server-CPU-second; "
                    f"{drivers_said(tried, 1e9, 'GB')}; {words}", ">= 2 x",
                    figures.median(same) >= 2, {"ratio": figures.median(same)}, bench.profile)]


def drivers_said(tried, scale, unit):
    return "tried: " + ", ".join(f"{driver} {value / scale:.2f} {unit}"
                                 for driver, value in tried.items())


def must(ratio):
    return f">= {ratio} x" if ratio else "no target"


def requests(context):
    """Row 6, over HTTP and over HTTPS."""
    bench = Bench(context)
    rows = []
    with bench.nginx(False) as nginx, bench.slipwayds() as ours:
        for at, scheme in enumerate(("http", "https")):
            bench.client_busy = []
            driver, tried = best_of(bench, ours, SMALL, scheme, "requests")
            turns = compare(bench, {"nginx": nginx, "slipwayd": ours[driver]}, SMALL, scheme,
                            "requests",
                            lambda at=at: fast_wire.figure(fast_wire.run(["6w"], context),
                                                           "requests_per_busy_second", at))
            work = f"1 KiB objects, keep-alive, {scheme.upper()}"
            fast, same = ratios(turns, "fast wire", "nginx"), ratios(turns, "slipwayd", "nginx")
            words = bottleneck(bench, turns, ("nginx", "slipwayd"))
            # The row is about plain HTTP; what TLS adds is said beside it.
            fast_must, same_must = (10, 2) if scheme == "http" else (0, 0)
            rows += [
                figures.row("6", f"{work}: ours on virtio_user, nginx on {nginx.wire.words()}",
                            f"{figures.with_spread(fast, 1)} x: {said(turns, 'fast wire', 1e3, 0)} "
                            f"over {said(turns, 'nginx', 1e3, 0)} thousand requests a "
                            f"server-CPU-second", must(fast_must),
                            figures.median(fast) >= fast_must,
                            {"ratio": figures.median(fast)}),
                figures.row("6", f"{work}: both on {nginx.wire.words()}, ours by {driver}",
                            f"{figures.with_spread(same)} x: {said(turns, 'slipwayd', 1e3, 0)} over "
                            f"{said(turns, 'nginx', 1e3, 0)} thousand requests a server-CPU-second; "
                            f"{drivers_said(tried, 1e3, 'thousand')}; {words}", must(same_must),
                            figures.median(same) >= same_must, {"ratio": figures.median(same)},
                            bench.profile)]
    return rows
