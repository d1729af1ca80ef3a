# SPDX-License-Identifier: Apache-2.0
"""The same clients over a bad wire: the relay loses, delays, reorders and duplicates, seeded."""

import contextlib
import re

from daemon import ADDRESS
from harness import expect, test
from lab import Lab, expect_file
from test_dhcp import inside

FILES = {"four.img": 4 << 20, "small.efi": 4000}
WIRES = {
    "1 % loss": {"loss": 0.01},
    "5 % loss": {"loss": 0.05},
    "20 ms delay and 5 ms jitter": {"delay-ms": 20, "jitter-ms": 5},
    "10 % reordered by 3 ms": {"reorder": 0.1, "reorder-ms": 3},
    "5 % duplicated": {"duplicate": 0.05},
    "2 % loss, 10 ms, reordering and duplicates": {
        "loss": 0.02, "delay-ms": 10, "jitter-ms": 2, "reorder": 0.05, "reorder-ms": 5,
        "duplicate": 0.02},
}


def over(name, options):
    """A lab behind that wire, which is held at the end to have been that bad."""
    @contextlib.contextmanager
    def opened(context):
        with Lab(context, name, relay=options) as lab:
            lab.make_set(FILES)
            yield lab
            lab.weather()
    return opened


def register(words, options, number):
    fixture = over(f"wire{number}", options)
    # To the server and back: what no busy machine makes shorter.
    round_trip = 2 * max(0, options.get("delay-ms", 0) - options.get("jitter-ms", 0)) / 1000

    @test("lossy", f"curl over {words}: TLS 1.2, TLS 1.3 and HTTP arrive whole", fixture)
    def download(_, lab):
        # By address: a resolver's own patience with losses is not what is measured here.
        lab.fetch("four.img", "--tlsv1.2", "--tls-max", "1.2", host=ADDRESS, timeout=90)
        lab.fetch("four.img", "--tlsv1.3", host=ADDRESS, timeout=90)
        lab.fetch("four.img", scheme="http", host=ADDRESS, timeout=90)
        took = float(lab.curl("--output", "/dev/null", "--write-out", "%{time_connect}",
                              lab.url("small.efi", host=ADDRESS)))
        expect(took >= round_trip, f"connected after {took} s, over a round trip of {round_trip} s")

    @test("lossy", f"8 curls at once over {words}", fixture)
    def eight(_, lab):
        words = []
        for number in range(8):
            words += ["--output", lab.folder / f"eight{number}",
                      lab.url("small.efi", host=ADDRESS)]
        lab.curl("--fail", "--parallel", "--parallel-immediate", *words, timeout=90)
        for number in range(8):
            expect_file(lab.folder / f"eight{number}", lab.files["small.efi"])


for _number, (_words, _options) in enumerate(WIRES.items()):
    register(_words, _options, _number)


@test("lossy", "12 udhcpc get an address each though 20 % are lost", over("wire-dhcp", {"loss": 0.2}))
def lossy_dhcp(_, lab):
    addresses = set()
    for _number in range(12):       # one alone may well lose nothing
        space, interface = lab.port()
        # It gives an offer up after three requests, and starts again.
        text = inside(space, "busybox", "udhcpc", "-i", interface, "-q", "-t", "15", "-T", "1",
                      "-A", "1", "-s", "/bin/true", timeout=60)
        found = re.search(r"lease of (10\.77\.0\.\d+) obtained from (\S+),", text)
        expect(found and found[2] == ADDRESS, text)
        addresses.add(found[1])
    expect(len(addresses) == 12, f"addresses given twice: {addresses}")
