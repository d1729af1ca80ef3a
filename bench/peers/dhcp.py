# SPDX-License-Identifier: Apache-2.0
"""Row 8: four-way exchanges a second. perfdhcp asks as a relay, at rates found by halving, for the
highest that is clean: at most one of a thousand exchanges unanswered, and sent at the rate asked for."""

import contextlib
from pathlib import Path

import fast_wire
import figures
from process import PeerError, client, say
from servers import Dnsmasq, Kea, Slipwayd
from wire import SERVER, Wire

LOST_MAX = 0.001
# Of a new socket, for the row: perfdhcp asks for none of its own, and drops what a commit lets go.
RECEIVE_BUFFER = Path("/proc/sys/net/core/rmem_default")
RECEIVE_BYTES = 16 << 20
RELAY = "10.77.255.1"
CLIENTS = 40000


class Perfdhcp:
    def __init__(self, wire, context):
        self.wire, self.context = wire, context
        self.most = 0.0        # exchanges a second, whatever was lost
        self.limit = 0.0       # what it sent, where nothing was lost and it sent less than asked for

    def probe(self, rate):
        seconds = max(2, round(self.context.seconds))
        # Exit 3: some exchanges were not completed, which is what is asked.
        text = client(self.wire.client, ["perfdhcp", "-4", "-l", RELAY, "-g", "single", "-R", CLIENTS,
                                         "-r", round(rate), "-p", seconds, "-W", 300000, SERVER],
                      seconds + 60, check=False)
        done = figures.perfdhcp(text)
        self.most = max(self.most, done["acknowledged"] / seconds)
        lost, slow = done["lost_share"] > LOST_MAX, done["asked"] < 0.95 * rate * seconds
        if slow and not lost:
            self.limit = max(self.limit, done["asked"] / seconds)
        return not lost and not slow


@contextlib.contextmanager
def roomy_sockets():
    before = RECEIVE_BUFFER.read_text(encoding="ascii")
    RECEIVE_BUFFER.write_text(str(max(RECEIVE_BYTES, int(before))), encoding="ascii")
    try:
        yield
    finally:
        RECEIVE_BUFFER.write_text(before, encoding="ascii")


def pool_of(server, wire, context):
    folder = context.folder / server
    if server == "kea":
        return Kea(wire, folder, "10.77.0.0/16", "10.77.1.0 - 10.77.250.255")
    if server == "dnsmasq":
        return Dnsmasq(wire, folder)
    return Slipwayd(wire, folder, None, pool="10.77.1.0-10.77.250.255",
                    hugepages=context.hugepages)


class Side:
    """One server on a veth of its own; its clean rate narrows from turn to turn."""

    def __init__(self, name, context, stack, bounds):
        kernel = name != "slipwayd"
        self.wire = stack.enter_context(Wire(offloads=False, server_address=kernel, client=RELAY))
        self.server = stack.enter_context(pool_of(name, self.wire, context))
        self.perfdhcp = Perfdhcp(self.wire, context)
        self.low, self.high = bounds
        self.steps = 2 if context.quick else 5
        self.rates, self.limits = [], []
        if not kernel:
            self.server.pause()

    def turn(self):
        self.perfdhcp.limit = 0.0
        if isinstance(self.server, Slipwayd):
            self.server.resume()
        try:
            rate = figures.clean_rate(self.perfdhcp.probe, self.low, self.high, self.steps)
        finally:
            if isinstance(self.server, Slipwayd):
                self.server.pause()
        rate = max(rate, self.perfdhcp.limit)
        self.limits.append(self.perfdhcp.limit)
        self.rates.append(rate)
        say(f"{type(self.server).__name__}: {rate:.0f} exchanges a second, clean")
        if rate:
            self.low, self.high, self.steps = 0.6 * rate, 1.6 * rate, min(self.steps, 3)
        return rate


def leases(context):
    """Row 8."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(roomy_sockets())
        kea = Side("kea", context, stack, (400, 30000))
        ours = Side("slipwayd", context, stack, (2000, 120000))
        dnsmasq = Side("dnsmasq", context, stack, (50, 4000))
        for _ in range(context.pairs):
            kea.turn()
            ours.turn()
        dnsmasq.turn()
    if not all(kea.rates):
        raise PeerError(f"Kea is clean at no rate from {kea.low:.0f} a second: {kea.rates}")
    ratios = [a / b for a, b in zip(ours.rates, kea.rates)]
    limit = figures.median(ours.limits)
    words = f"most at any rate {ours.perfdhcp.most:.0f}; " + (
        f"perfdhcp's own limit {limit:.0f}" if limit else "perfdhcp was not the limit")
    rows = [figures.row(
        "8", f"DHCP, perfdhcp as a relay on {kea.wire.words()}: leases on disk before the ACK, against "
        "Kea (memfile, persisted, without waiting for the disk) and dnsmasq",
        f"{figures.with_spread(ratios, 1)} x Kea: {figures.with_spread(ours.rates, 0)} clean exchanges "
        f"a second over {figures.with_spread(kea.rates, 0)}; dnsmasq {dnsmasq.rates[0]:.0f}; {words}",
        ">= 5 x, or perfdhcp's own limit", figures.median(ratios) >= 5 or figures.median(ours.rates) >= limit > 0,
        {"ratio": figures.median(ratios), "kea_per_second": figures.median(kea.rates),
         "slipwayd_per_second": figures.median(ours.rates), "dnsmasq_per_second": dnsmasq.rates[0],
         "perfdhcp_most": ours.perfdhcp.most, "perfdhcp_limit": limit})]
    document = fast_wire.run(["8w"], context, pairs=context.pairs, seconds=context.seconds)
    return rows + [dict(row, row="8") for row in document["rows"]]
