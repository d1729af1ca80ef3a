# SPDX-License-Identifier: Apache-2.0
"""slipway-storm against a real slipwayd over vhost-user: machines by the hundred, and trouble."""

import contextlib
import json

import debs
from daemon import ADDRESS, NAME, Daemon, Setup, vhost
from harness import expect, run, test, until
from lab import EFI_PROGRAM

MEBIBYTE = 1 << 20


class Storm:
    """A slipwayd that serves one vhost-user socket, and storms let loose on it one by one."""

    def __init__(self, context, name, more=""):
        self.context = context
        self.folder = context.fresh(name)
        self.socket = self.folder / "s"
        self.daemon = Daemon(Setup(
            self.folder, device=vhost(self.socket), preset=context.preset, http=True,
            prefix=16, pool="10.77.100.0-10.77.120.255", probe_time=0, more=more))
        self.count = 0

    def __enter__(self):
        files = self.folder / "set"
        files.mkdir()
        body = bytes((i * 2654435761 >> 13) & 255 for i in range(MEBIBYTE // 16)) * 16
        (files / "boot.efi").write_bytes(EFI_PROGRAM + body[:MEBIBYTE - len(EFI_PROGRAM)])
        (files / "second.img").write_bytes(body[:100_000])
        (files / "small.bin").write_bytes(body[:1024])
        self.files = files
        self.daemon.start()
        self.daemon.import_image(files)
        return self

    def __exit__(self, *error):
        self.daemon.__exit__(*error)

    def url(self, name="boot.efi", scheme="https", host=NAME):
        return f"{scheme}://{host}/{self.daemon.web_path()}/{name}"

    def run(self, *words, url=None, ok=True, timeout=120):
        """Lets it loose; its report."""
        self.count += 1
        report = self.folder / f"report{self.count}.json"
        words = run([debs.ROOT / "build" / self.context.preset / "bench/storm/slipway-storm",
                     "--port", f"net_virtio_user0,path={self.socket},queue_size=1024,mrg_rxbuf=1",
                     "--core", "1", "--quiet", "--seed", self.context.seed, "--json", report,
                     "--url", url or self.url(), "--server", ADDRESS,
                     "--ca", self.daemon.authority(), *words], timeout=timeout, check=False)
        expect(report.exists(), f"no report:\n{words[-2000:]}")
        result = json.loads(report.read_text())
        if ok:
            expect(result["failed"] == 0 and result["boots"] == result["boots_wanted"], words)
            expect(result["unchecked_bytes"] == 0, words)
        expect(self.daemon.running(), f"slipwayd ended:\n{self.daemon.words()}")
        return result


@contextlib.contextmanager
def appliance(context):
    with Storm(context, "storm") as storm:
        yield storm


ALL = ["--personality", "uefi:2,uefi2025:1,ipxe:1,linux:1"]
HURRY = ["--offer-wait", "0", "--patience", "30s"]


@test("storm", "200 machines of four kinds boot 1 MiB and a second file, every digest right", appliance)
def two_hundred(_, storm):
    result = storm.run("--mode", "boot", "--machines", "200", "--power-on", "1s", *ALL, *HURRY,
                       "--files", "second.img")
    expect(result["checked_bytes"] == 200 * (MEBIBYTE + 100_000), f"{result}")
    expect(result["exchanges_per_second"] > 0 and result["handshake"]["count"] >= 200, f"{result}")


@test("storm", "100 machines boot though 1 % is lost each way and SYNs flood in", appliance)
def trouble(_, storm):
    result = storm.run("--mix", "boot:100,synflood:20kpps,slowreader:5", *ALL, *HURRY,
                       "--loss", "1%", "--slow", "16KiB")
    expect(result["frames"]["lost_arriving"] > 100 and result["frames"]["lost_leaving"] > 100,
           f"{result}")
    expect(result["flood"]["sent"] > 10_000 and result["flood"]["answers"] > 1_000, f"{result}")
    expect(result["checked_bytes"] > 100 * MEBIBYTE, f"{result}")


@test("storm", "a sample is checked, the others are counted to the last byte", appliance)
def sample(_, storm):
    result = storm.run("--mode", "boot", "--machines", "60", "--verify", "sample:1/6", *ALL, *HURRY)
    expect(result["body_bytes"] == 60 * MEBIBYTE, f"{result}")
    expect(result["checked_bytes"] == 10 * MEBIBYTE, f"{result}")


@test("storm", "what differs from the digest it was told is found out", appliance)
def wrong_digest(_, storm):
    result = storm.run("--mode", "boot", "--machines", "4", *HURRY, "--digest", "0" * 64, ok=False)
    expect(result["failures"] == {"DigestDiffers": 4}, f"{result}")
    other = storm.folder / "other"
    other.write_bytes((storm.files / "boot.efi").read_bytes()[:-1] + b"?")
    reference = f"/{storm.daemon.web_path()}/boot.efi={other}"
    result = storm.run("--mode", "boot", "--machines", "4", *HURRY, "--reference", reference, ok=False)
    expect(result["failures"] == {"DigestDiffers": 4}, f"{result}")


@test("storm", "downloads of ranges, small requests, handshakes and leases, each by its own mode", appliance)
def modes(_, storm):
    reference = f"/{storm.daemon.web_path()}/boot.efi={storm.files / 'boot.efi'}"
    result = storm.run("--mode", "download", "--machines", "8", "--range", "100KiB", "--bytes", "64MiB",
                       "--reference", reference, *ALL, url=storm.url(host=ADDRESS))
    expect(result["body_bytes"] >= 64 * MEBIBYTE and result["jain"] > 0.2, f"{result}")
    result = storm.run("--mode", "requests", "--machines", "8", "--seconds", "2",
                       url=storm.url("small.bin", "http"))
    expect(result["requests_per_second"] > 100, f"{result}")
    result = storm.run("--mode", "handshake", "--machines", "8", "--seconds", "3", *ALL)
    expect(result["handshakes_per_second"] > 5, f"{result}")
    result = storm.run("--mode", "dhcp", "--machines", "50", "--seconds", "2")
    expect(result["exchanges_per_second"] > 100, f"{result}")


@test("storm", "machines that receive as firmware does count what their rings lose", appliance)
def receiver(_, storm):
    result = storm.run("--mode", "boot", "--machines", "20", "--personality", "uefi2025", *HURRY,
                       "--receiver", "firmware")
    expect(result["receiver"]["frames"] > 20 * 700 and result["receiver"]["most"] <= 64, f"{result}")


@test("storm", "an address that DHCP gives, though a machine has it fixed, is a failure with a name", appliance)
def taken(_, storm):
    # The pool's first fifty are taken, and it gives them in order.
    result = storm.run("--mix", "boot:100,slowreader:50", "--addresses", "10.77.99.156/16", *HURRY,
                       "--power-on", "2s", ok=False, url=storm.url(scheme="http", host=ADDRESS))
    expect(result["failures"].get("AddressTaken", 0) > 0, f"{result['failures']}")
    expect(0 < result["boots"] < result["boots_wanted"] == 100, f"{result['boots']} booted; {result['failures']}")


@contextlib.contextmanager
def in_turns(context):
    with Storm(context, "turns", "[admission]\nmachines_at_once = 5\n") as storm:
        yield storm


@test("storm", "100 machines boot in turns, none waits after its request, and the operator sees who waits", in_turns)
def admission(_, storm):
    result = storm.run("--mode", "boot", "--machines", "100", *ALL, "--offer-wait", "0", "--patience", "5s")
    expect(result["checked_bytes"] == 100 * MEBIBYTE, f"{result}")
    # Workers post their counters a few times a second: the last of them may still be told as waiting.
    until(lambda: storm.daemon.json("status")["machines_waiting"] == 0, "nobody waits any more")
    status = storm.daemon.json("status")
    expect(status["machines_served_at_most"] == 5, f"{status}")
    stories = [storm.daemon.boot(boot["mac"]) for boot in storm.daemon.json("boot", "list")]
    words = [step["words"] for story in stories for step in story["steps"]]
    waited = [word for word in words if word.startswith("waits for its turn before")]
    turns = [word for word in words if word.startswith("has its turn, waited")]
    expect(len(waited) >= len(turns) > 20, f"{len(waited)} were told to wait, {len(turns)} had their turn")
    expect(all("position" in word for word in waited), waited[:3])
