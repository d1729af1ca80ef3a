# SPDX-License-Identifier: Apache-2.0
"""Linux's own TCP as the peer over a bad wire, with cubic and with bbr: curl downloads and posts
through the relay, which says at the end how many frames it lost. What slipwayd sent again is held to
that count, not to a clock.

The client's congestion control rules what the client sends: here requests, and the body of a POST
that slipwayd refuses. Downloads are slipwayd's own sending, whatever the client has set.
"""

import sys

from daemon import ADDRESS
from harness import expect, test
from lab import serving

SIZE = 1 << 20
FILES = {"one.img": SIZE, "small.efi": 4000}
WIRES = {
    "0.1 % loss, 10 ms": {"loss": 0.001, "delay-ms": 5},
    "1 % loss, 10 ms": {"loss": 0.01, "delay-ms": 5},
    "2 % loss, 50 ms": {"loss": 0.02, "delay-ms": 25},
    "2 % reordered by 4 ms, 10 ms": {"reorder": 0.02, "reorder-ms": 4, "delay-ms": 5},
}
# Of segments beyond twice the lost frames and once each reordered one, which came 4 ms late where
# RACK waits for a quarter of 10 ms at first: tail loss probes, a timeout or two on a busy machine.
RESENT_BEYOND = 30


ASKED = f"""
import socket
peer = socket.create_connection(("{ADDRESS}", 80), 60)
print(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(bytes(1)).decode())
"""


def choose(lab, control):
    """By the route: a namespace may not set what the kernel does not allow everybody."""
    lab.run("ip", "route", "replace", "10.77.0.0/24", "dev", "br0", "src", "10.77.0.20", "congctl",
            control)
    now = lab.run(sys.executable, "-c", ASKED).strip()
    expect(now == control, f"the client's congestion control is {now}, not {control}")


def register(words, options, number):
    @test("linux", f"Linux with cubic and bbr over {words}: whole, and little is sent again",
          serving(f"linux{number}", FILES, relay=options))
    def transfers(_, lab):
        body = lab.folder / "set" / "one.img"
        before = sum(lab.worker_metric("slipway_tcp_retransmissions_total"))
        for control in ("cubic", "bbr"):
            choose(lab, control)
            lab.fetch("one.img", host=ADDRESS, timeout=240)
            lab.fetch("one.img", scheme="http", host=ADDRESS, timeout=240)
            for _ in range(3):
                lab.fetch("small.efi", host=ADDRESS, timeout=120)
            status = lab.curl("--output", "/dev/null", "--write-out", "%{http_code}", "--request",
                              "POST", "--header", "Expect:", "--data-binary", f"@{body}",
                              lab.url("small.efi", host=ADDRESS), timeout=120, check=False)
            expect(status == "413", f"a body of a megabyte was answered: {status}")
        resent = sum(lab.worker_metric("slipway_tcp_retransmissions_total")) - before
        to_clients, _ = lab.relayed()
        lost, reordered = to_clients["lost"], to_clients["reordered"]
        least = SIZE * 4 // 1448 * options.get("loss", 0) / 4
        expect(lost >= least, f"the relay lost {lost} frames only")
        least = SIZE * 4 // 1448 * options.get("reorder", 0) / 4
        expect(reordered >= least, f"the relay reordered {reordered} frames only")
        expect(to_clients["us at least"] >= options["delay-ms"] * 1000, f"held too short: {to_clients}")
        expect(resent <= 2 * lost + reordered + RESENT_BEYOND,
               f"{resent} segments sent again for {lost} lost and {reordered} reordered frames")


for _number, (_words, _options) in enumerate(WIRES.items()):
    register(_words, _options, _number)
