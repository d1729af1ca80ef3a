# SPDX-License-Identifier: Apache-2.0
"""Explicit congestion notification with Linux as the peer: its SYN asks (net.ipv4.tcp_ecn = 1), and the
relay marks frames that say ECT instead of losing them. Downloads are whole and nothing is sent again;
the worker's counters say that marks came and were answered, and that nobody else got ECN.
"""

from daemon import ADDRESS
from harness import expect, test, until
from lab import serving

FILES = {"one.img": 4 << 20, "small.efi": 4000}
MARKED = {"mark": 0.02, "delay-ms": 5}
marking = serving("ecn", FILES, relay=MARKED)


def counted(lab):
    """What has been agreed, seen and answered, once no connection is open."""
    until(lambda: sum(lab.worker_metric("slipway_connections")) == 0, "the connections have ended")
    return [sum(lab.worker_metric(f"slipway_tcp_{name}_total"))
            for name in ("ecn_connections", "ecn_marks", "ecn_reductions", "retransmissions",
                         "tail_probes")]


@test("ecn", "Linux asks for ECN and a congested wire marks: downloads whole, nothing sent again",
      marking)
def marks(_, lab):
    body = lab.folder / "set" / "one.img"
    lab.run("sh", "-ec", "echo 2 > /proc/sys/net/ipv4/tcp_ecn")  # answers, and does not ask
    lab.fetch("one.img", host=ADDRESS, timeout=120)
    expect(counted(lab)[:3] == [0, 0, 0], "ECN with a peer that did not ask")
    lab.run("sh", "-ec", "echo 1 > /proc/sys/net/ipv4/tcp_ecn")
    before = counted(lab)
    lab.fetch("one.img", host=ADDRESS, timeout=120)
    lab.fetch("one.img", scheme="http", host=ADDRESS, timeout=120)
    # What the client sends is marked as well: a body that is refused, after much of it has come.
    # Only marks on text that it still takes are seen by the server, so it takes many.
    for _ in range(30):
        lab.curl("--output", "/dev/null", "--request", "POST", "--header", "Expect:", "--data-binary",
                 f"@{body}", lab.url("small.efi", host=ADDRESS), timeout=60, check=False)
    agreed, seen, answered, resent, probes = (now - then for now, then in zip(counted(lab), before))
    to_client, from_client = (did["marked"] for did in lab.relayed())
    expect(agreed >= 7, f"{agreed} connections with ECN")
    expect(to_client >= 50, f"the relay marked {to_client} frames on their way to the client")
    # One in a window at most; and far more than none.
    expect(5 <= answered <= to_client, f"{answered} reductions for {to_client} marks")
    expect(seen <= from_client and (seen > 0 or from_client == 0),
           f"{seen} marks seen of {from_client}")
    # A relay without the processor for 20 ms is probed, and a probe may be a segment again.
    expect(probes <= 20, f"{probes} tail loss probes of some forty connections")
    expect(resent <= 3 + probes, f"{resent} segments sent again, though the wire loses nothing; {probes} probes")
