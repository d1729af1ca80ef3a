# SPDX-License-Identifier: Apache-2.0
"""Boots one real UEFI machine over HTTPS from our own stack, and shows it: `./dev demo`.

Starts slipwayd on a vhost-user port in a private folder (no NIC, no root, no hugepages), imports
the payload as an image set, powers on QEMU with OVMF, follows the boot through the boots API, and
ends with its timeline. Exit status 0 only when the guest itself said its line, with a token that
exists only in the image of this run.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "payloads")]
import build as payloads  # noqa: E402
import debs  # noqa: E402
import story  # noqa: E402
from daemon import Daemon, DaemonError, Setup, vhost  # noqa: E402
from machine import Hardware, Machine  # noqa: E402
from terminal import Screen, size  # noqa: E402

MAC = "52:54:00:53:4c:01"
DEBIAN13 = ("hello", "uki", "ipxe")     # payloads that are made for its firmware too


def arguments():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__.splitlines()[0])
    parser.add_argument("--payload", default="uki",
                        choices=["hello", "uki", "shim", "iso", "grub", "ipxe"])
    parser.add_argument("--tap", action="store_true",
                        help="a kernel tap between slipwayd and QEMU (root) instead of vhost-user")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--debian13", action="store_true",
                        help="firmware (and iPXE) of Debian 13, fetched beside the system's own; "
                             f"with --payload {', '.join(DEBIAN13)}")
    parser.add_argument("--arch", default="x64", choices=["x64", "arm64"],
                        help="the machine's architecture; arm64 with --payload hello or uki")
    parser.add_argument("--break", dest="broken", choices=["ca", "signature", "image"],
                        help="see a boot fail, and what it looks like: a CA the firmware does not "
                             "know, a program nobody signed, an image set that was not imported")
    parser.add_argument("--preset", default="release", choices=["release", "debug", "asan"])
    options = parser.parse_args()
    if options.arch == "arm64" and (options.payload not in ("hello", "uki") or options.debian13
                                    or options.broken == "signature"):
        parser.error("--arch arm64 boots --payload hello or uki of Debian 12 alone, signed")
    if options.debian13 and options.payload not in DEBIAN13:
        parser.error(f"--debian13 knows no --payload {options.payload}: write --payload "
                     f"{' or '.join(DEBIAN13)}, or leave --debian13 out")
    if options.debian13 and options.broken == "signature":
        parser.error("--debian13 has no program for --break signature: leave one of them out")
    return options


class Demo:
    def __init__(self, options):
        self.options = options
        self.screen = Screen(quiet=options.json)
        self.token = secrets.token_hex(8)
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-demo-"))
        self.daemon = self.machine = self.payload = None
        self.found = []
        self.helps = ""
        self.taps = []

    # --- before power on --------------------------------------------------------------------

    def prepare(self):
        say = self.screen.say
        name = self.options.payload
        if self.options.debian13:
            name += "13"
        if self.options.arch == "arm64":
            name += "-arm64"
        if self.options.broken == "signature":
            name = "unsigned"
        say(f"payload    {name}, token {self.token}")
        self.payload = payloads.build(name, self.token)
        if self.options.debian13 and self.payload.firmware == "bookworm" and name == "ipxe13":
            self.payload.firmware = "trixie"
        socket = self.folder / "vhost.sock"
        device = vhost(socket)
        if self.options.tap:
            device = self.make_tap()
        http = name == "grub" or self.payload.scheme == "http"
        self.daemon = Daemon(Setup(self.folder, device, preset=self.options.preset, http=http,
                                   keep=self.options.keep))
        self.daemon.start()
        say(f"slipwayd   process {self.daemon.pid} on "
            f"{'a tap' if self.options.tap else 'a vhost-user socket'}, no address in the kernel")
        if name == "grub":
            payloads.finish_grub(self.payload, "10.77.0.1", self.daemon.web_path())
        if self.options.broken == "image":
            say(f"image set  {self.daemon.setup.image_set}, not imported (--break image)")
        else:
            self.daemon.import_payload(self.payload)
            total = sum(path.stat().st_size for path in self.payload.folder.iterdir())
            say(f"image set  {self.daemon.setup.image_set}, {size(total)}, verified")
        edk2 = "AAVMF (arm64)" if self.payload.architecture == "arm64" else "OVMF"
        say(f"firmware   {edk2} of Debian {'13' if self.payload.firmware == 'trixie' else '12'}, "
            f"Secure Boot {'enforced' if self.payload.secure_boot else 'off'}, "
            + ("another CA enrolled (--break ca)" if self.options.broken == "ca"
               else "our CA enrolled"))
        self.machine = Machine(Hardware(
            self.folder / "machine", f"tap:{self.taps[0]}" if self.taps else f"vhost-user:{socket}",
            mac=MAC, memory_mib=self.payload.memory_mib, store=self.payload.store,
            architecture=self.payload.architecture, firmware=self.payload.firmware,
            certificates=(self.authority(),), disk=self.payload.disk, keep=self.options.keep))

    def authority(self):
        """What the firmware is told to trust."""
        if self.options.broken != "ca":
            return self.daemon.authority()
        other = self.folder / "other.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        "/CN=another CA", "-days", "2", "-keyout", "/dev/null", "-out", str(other)],
                       check=True, capture_output=True)
        return other

    def make_tap(self):
        """Two taps joined by nothing but a bridge without an address: one for QEMU, one for us."""
        if os.geteuid() != 0:
            raise DaemonError("--tap makes kernel interfaces and needs root")
        tap, bridge, port = (f"sw{kind}{os.getpid() % 100000}" for kind in "tbp")
        for words in (f"link add {bridge} type bridge", f"tuntap add {tap} mode tap",
                      f"link add {port} type veth peer name {port}x",
                      f"link set {tap} master {bridge}", f"link set {port}x master {bridge}"):
            subprocess.run(["ip", *words.split()], check=True)
        self.taps = [tap, bridge, port]
        for interface in (bridge, tap, port, port + "x"):
            Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6").write_text("1", encoding="ascii")
            subprocess.run(["ip", "link", "set", interface, "up"], check=True)
        return f"net_af_packet0,iface={port}"

    # --- the boot ---------------------------------------------------------------------------

    def follow(self):
        """Shows steps as they come; True when the guest has said its line."""
        screen, machine, payload = self.screen, self.machine, self.payload
        screen.say()
        machine.start()
        screen.step(0.0, "powered on", f"{payload.memory_mib} MiB, {MAC}")
        shown, typed, quiet_since = 0, not payload.typed, time.monotonic()
        news, heard = time.monotonic(), 0
        # A slow machine may take its time, most of all before its first word, but not be silent.
        while time.monotonic() - news < payload.seconds * (1 if heard else 4):
            try:
                self.found = self.steps()
            except (ValueError, subprocess.TimeoutExpired):
                pass
            lines = story.shown(self.found)
            for step, what in lines[shown:]:
                screen.step(step.seconds, what)
            if (told := len(self.found) + len(machine.lines)) > heard:
                news, heard = time.monotonic(), told
            if machine.seen(story.GIVEN_UP):
                screen.step(machine.seconds, screen.red("the firmware gave up"))
                break
            if len(lines) > shown:
                quiet_since = time.monotonic()
            shown = len(lines)
            moving = story.downloading(self.found)
            if moving:
                screen.progress(story.leaf(moving[0]), *moving[1:])
            elif time.monotonic() - quiet_since > 1.5:
                screen.live("            " + screen.dim((machine.tail(1) or ["..."])[0][:78]))
            if not typed and machine.seen(payload.typed[0]):
                machine.type(payload.typed[1])
                typed = True
            if machine.seen(f"^{payload.line}"):
                screen.step(machine.seconds, screen.green("the guest says"), payload.line)
                return True
            if not machine.running() or not self.daemon.running():
                break
            machine.wait(f"^{payload.line}", 0.25)
        return machine.seen(f"^{payload.line}") is not None

    def steps(self):
        return story.steps(self.daemon.boot(MAC), self.machine.powered_on)

    def run(self):
        booted, trouble, seconds = False, "", None
        try:
            self.prepare()
            booted = self.follow()
            seconds = self.machine.seconds
            if booted and self.payload.powers_off and not self.options.keep:
                self.machine.wait_off(10)
                self.screen.step(self.machine.seconds, "powered off")
            # The last events are on their way to the API; of iPXE's first program none may come.
            end = time.monotonic() + 5
            while True:
                time.sleep(0.3)
                self.found = self.steps() or self.found
                if story.told_whole(self.found) or time.monotonic() > end:
                    break
            if not booted:
                trouble, self.helps = story.judged(self.found, self.machine.tail(40))
        except (DaemonError, debs.Unavailable, RuntimeError, OSError) as error:
            trouble = str(error)
        if self.daemon and self.machine and self.machine.started and not self.daemon.running():
            trouble, self.helps = "slipwayd ended: " + self.daemon.words(3), ""
        return self.finish(booted, trouble, seconds)

    # --- after ------------------------------------------------------------------------------

    def finish(self, booted, trouble, seconds):
        screen = self.screen
        screen.clear()
        if self.found:
            screen.say()
            screen.table(("at s", "bytes", "TLS", "the machine"), story.table(self.found),
                         right=(0, 1))
        screen.say()
        if booted:
            screen.say(screen.bold(screen.green(f"booted in {seconds:.1f} s")))
        else:
            screen.paragraph(screen.bold(screen.red("did not boot: ")), "did not boot: ", trouble)
            if self.helps:
                screen.paragraph(screen.bold("what helps:   "), "what helps:   ", self.helps)
            if self.machine and self.machine.started:
                tail = self.machine.tail(6)
                screen.say("the firmware's last words:" if tail else "the firmware said nothing.")
                for line in tail:
                    screen.say("  | " + line[:screen.width - 6])
            logs = [self.folder / name for name in ("slipwayd.log", "machine/console.log",
                                                    "machine/qemu.log")]
            screen.say("logs: " + " ".join(str(path) for path in logs if path.exists()))
        if self.options.json:
            print(json.dumps(self.document(booted, trouble, seconds), indent=2))
        if self.options.keep and self.daemon:
            self.say_how_to_look()
        else:
            self.stop(remove=booted)
        return 0 if booted else 1

    def document(self, booted, trouble, seconds):
        return {
            "booted": booted, "seconds": round(seconds, 2) if seconds else None,
            "payload": self.options.payload, "token": self.token, "reason": trouble,
            "helps": self.helps,
            "secure_boot": bool(self.payload and self.payload.secure_boot),
            "folder": str(self.folder), "steps": [vars(step) for step in self.found],
            "console": self.machine.tail(20) if self.machine and self.machine.started else [],
        }

    def say_how_to_look(self):
        say, daemon = self.screen.say, self.daemon
        client = os.path.relpath(daemon.client)
        say()
        say("still running; look around with")
        say(f"  export SLIPWAY_STATE={daemon.state}")
        for words in (f"boot show {MAC}", "boot list", "lease list", "image list", "drops", "top"):
            say(f"  {client} {words}")
        say(f"logs and sockets: {self.folder}")
        pids = [str(daemon.pid)]
        if self.machine and self.machine.started and self.machine.running():
            pids.append(str(self.machine.pid))
        undo = "".join(f"; ip link del {name}" for name in self.taps)
        # -f: what ends takes files of its own away meanwhile.
        say(f"stop with: kill {' '.join(pids)}; rm -rf {self.folder} {self.payload.folder.parent}{undo}")

    def stop(self, remove):
        if self.machine:
            self.machine.stop()
        if self.daemon:
            self.daemon.stop()
        for name in self.taps:
            subprocess.run(["ip", "link", "del", name], check=False)
        if self.payload:
            shutil.rmtree(self.payload.folder.parent, ignore_errors=True)
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)


def main():
    demo = Demo(arguments())
    try:
        return demo.run()
    except KeyboardInterrupt:
        demo.screen.say("\nstopped")
        demo.stop(remove=False)
        return 130


if __name__ == "__main__":
    sys.exit(main())
