# SPDX-License-Identifier: Apache-2.0
"""The same clients over a bad wire: the relay loses, delays, reorders and duplicates, seeded."""

from daemon import ADDRESS
from harness import expect, test
from lab import serving
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


def register(words, options, number):
    fixture = serving(f"wire{number}", FILES, relay=options)

    @test("lossy", f"curl over {words}: TLS 1.2, TLS 1.3 and HTTP arrive whole", fixture)
    def download(_, lab):
        # By address: a resolver's own patience with losses is not what is measured here.
        lab.fetch("four.img", "--tlsv1.2", "--tls-max", "1.2", host=ADDRESS, timeout=90)
        lab.fetch("four.img", "--tlsv1.3", host=ADDRESS, timeout=90)
        lab.fetch("four.img", scheme="http", host=ADDRESS, timeout=90)

    @test("lossy", f"8 curls at once over {words}", fixture)
    def eight(_, lab):
        words = []
        for number in range(8):
            words += ["--output", lab.folder / f"eight{number}",
                      lab.url("small.efi", host=ADDRESS)]
        lab.curl("--fail", "--retry", "2", "--parallel", "--parallel-immediate", *words, timeout=90)
        for number in range(8):
            expect((lab.folder / f"eight{number}").stat().st_size == FILES["small.efi"], "cut short")


for _number, (_words, _options) in enumerate(WIRES.items()):
    register(_words, _options, _number)


@test("lossy", "udhcpc gets its address though 20 % are lost",
      serving("wire-dhcp", FILES, relay={"loss": 0.2}))
def lossy_dhcp(_, lab):
    space, interface = lab.port()
    text = inside(space, "busybox", "udhcpc", "-i", interface, "-n", "-q", "-t", "15", "-T", "1",
                  "-s", "/bin/true", timeout=60)
    expect("lease of 10.77.0." in text and ADDRESS in text, text)
