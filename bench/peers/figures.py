# SPDX-License-Identifier: Apache-2.0
"""What the rows' numbers are made of: medians with their spread, and what other programs print."""

import re
import statistics

BINARY = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SI = {"": 1, "k": 1e3, "M": 1e6}


def median(values):
    return statistics.median(values) if values else 0.0


def with_spread(values, digits=2):
    """"1.21 (1.18 to 1.25)", as slipway-bench writes it."""
    if not values:
        return "nothing"
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def wrk(text):
    """What wrk counted: requests, bytes read, seconds, and everything that went wrong."""
    found = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m), ([\d.]+)([KMGT]?)B read", text)
    if not found:
        raise ValueError(f"wrk said something else: {text[-300:]}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[found[3]]
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return {"requests": int(found[1]), "seconds": float(found[2]) * unit,
            "bytes": float(found[4]) * BINARY[found[5]],
            # A download that is still under way when wrk ends is no error; timeouts are waiting ones.
            "errors": (sum(int(n) for n in errors.groups()[:3]) if errors else 0)
                      + (int(refused[1]) if refused else 0)}


def perfdhcp(text):
    """How many asked, how many got their ACK, and the share that did not."""
    halves = {}
    for name, sent, received in re.findall(
            r"Statistics for: ([A-Z]+-[A-Z]+)\*\*\*\s+sent packets: (\d+)\s+received packets: (\d+)",
            text):
        halves[name] = (int(sent), int(received))
    if "DISCOVER-OFFER" not in halves:
        raise ValueError(f"perfdhcp said something else: {text[-300:]}")
    asked = halves["DISCOVER-OFFER"][0]
    acknowledged = halves.get("REQUEST-ACK", (0, 0))[1]
    return {"asked": asked, "acknowledged": acknowledged,
            "lost_share": 1 - acknowledged / asked if asked else 1.0}


def metrics(text):
    """{`name{labels}`: value} of Prometheus' text."""
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in text.splitlines()
             if line and not line.startswith("#"))}


def total(values, name):
    """One counter over all workers."""
    return sum(value for key, value in values.items() if key.split("{")[0] == name)


def clean_rate(probe, low, high, steps):
    """The highest rate that `probe(rate)` (True: nothing lost) takes, between two others, found by
    halving their ratio `steps` times; 0 when not even `low` is clean."""
    if not probe(low):
        return 0.0
    if probe(high):
        return float(high)
    for _ in range(steps):
        middle = (low * high) ** 0.5
        if probe(middle):
            low = middle
        else:
            high = middle
    return float(low)


def row(number, work, measured, must, holds, figures=None, profile=""):
    """One line of the table, as slipway-bench's --json has it."""
    return {"row": number, "work": work, "measured": measured, "must": must, "holds": bool(holds),
            "profile": profile, "figures": figures or {}}
