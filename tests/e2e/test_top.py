# SPDX-License-Identifier: Apache-2.0
"""slipway top against a real slipwayd while machines download: figures, table, live view."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

from daemon import ADDRESS
from harness import Failed, expect, test
from test_storm import Storm

MACHINES = 8


class Terminal:
    """A program on a pseudo terminal of a size; what it has drawn, as lines."""

    def __init__(self, command, columns, rows, **environment):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        environment = dict(os.environ, TERM="xterm", **environment)
        self.process = subprocess.Popen([str(word) for word in command], stdin=slave, stdout=slave,
                                        stderr=slave, env=environment, start_new_session=True)
        os.close(slave)
        self.text = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.columns, self.rows = columns, rows

    def until(self, pattern, seconds=120):
        """Everything drawn from now on until it matches."""
        start, end = len(self.text), time.monotonic() + seconds
        while not re.search(pattern, self.text[start:]):
            if time.monotonic() > end:
                raise Failed(f"no {pattern!r} within {seconds} s:\n{self.text[start:][-3000:]}")
            if select.select([self.master], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):
                    self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text[start:]

    def screen(self):
        """The next whole picture's lines, without colour."""
        picture = self.until(r"\x1b\[H(?:(?!\x1b\[H)[\s\S])*\x1b\[J")
        picture = picture[picture.rindex("\x1b[H"):]
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", picture).split("\n")

    def key(self, key):
        os.write(self.master, key.encode())

    def end(self):
        code = self.process.wait(timeout=60)
        with contextlib.suppress(OSError):
            while select.select([self.master], [], [], 0.2)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")
        os.close(self.master)
        return code


@contextlib.contextmanager
def downloads(context):
    """An appliance whose wire is busy for as long as the tests last."""
    with Storm(context, "top") as storm:
        reference = f"/{storm.daemon.web_path()}/boot.efi={storm.files / 'boot.efi'}"
        result = {}

        def load():
            result.update(storm.run("--mode", "download", "--machines", MACHINES, "--seconds", "30",
                                    "--reference", reference, url=storm.url(host=ADDRESS)))
        thread = threading.Thread(target=load)
        thread.start()
        try:
            end = time.monotonic() + 120
            while not re.search(rf"^connections: {MACHINES}\b", storm.daemon.run("status").stdout, re.MULTILINE):
                expect(time.monotonic() < end, "not all machines connected")
                time.sleep(0.2)
            yield storm
        finally:
            thread.join()
        expect(result["body_bytes"] > 0, f"{result}")


@test("top", "rates, costs and steps of a worker that serves downloads, as a document", downloads)
def document(_, storm):
    # Between posts of a worker that had its processor: both may be old, by another time each.
    samples = (json.loads(storm.daemon.run("top", "--json").stdout)["workers"][0] for _ in range(5))
    worker = next((each for each in samples if 0.9 < each["seconds"] < 5), None)
    expect(worker is not None, "none of five samples is of about a second")
    steps = worker["step_shares"]
    # TLS alone is asked for: what is sent is sealed, and the headers of frames come on top.
    for holds, what in (
            (worker["connections"] == MACHINES, "connections"),
            (0 < worker["load"] <= 1, "load"),
            (worker["payload_bits_per_second"] > 10e6, "payload"),
            (worker["sealed_share"] > 0.999, "sealed"),
            (worker["packets_per_second_in"] > 10, "packets in"),
            (worker["cycles_per_byte"] > 0.1 and worker["cycles_per_packet"] > 50, "cycles"),
            (worker["burst_in"] >= 1 and worker["burst_out"] >= 1, "bursts"),
            (abs(sum(steps.values()) - 1) < 0.05, "the steps make the whole"),
            (steps["seal"] > 0.05, "sealing"),
            (0 <= worker["pool_share"] <= 1 and worker["outbox_limit"] == 256, "pool and outbox")):
        expect(holds, f"{what}: {worker}")
    wire, payload = worker["bits_per_second_out"], worker["payload_bits_per_second"]
    # Frames wait in the outbox between the two counts.
    slack = 8 * 1514 * 1024 / worker["seconds"]
    expect(payload < wire + slack and wire < 1.2 * payload + slack, f"headers: {worker}")


@test("top", "the same as a table without a terminal", downloads)
def table(_, storm):
    text = storm.daemon.run("top", "--once").stdout
    expect("\x1b" not in text, text)
    row = re.search(r"^ +0  [#.]{10} +\d+ % +([\d.]+[kMG]?)", text, re.MULTILINE)
    expect(row and row[1] != "0", text)
    expect(re.search(r"^  Receive \d+  .*  Seal \d+  Transmit \d+ %", text, re.MULTILINE), text)


@test("top", "a live view that fits its terminal, follows its size, pauses, and gives it back", downloads)
def live(_, storm):
    terminal = Terminal(storm.daemon.command("top"), 80, 24)
    first = terminal.screen()
    expect(len(first) == 24 and max(map(len, first)) <= 80,
           f"{len(first)} lines, {max(map(len, first))} columns\n" + "\n".join(first))
    expect(first[0].startswith("slipway top") and "q quit" in first[-1], "\n".join(first))
    terminal.until(r"\x1b\[H")   # the next second's
    terminal.resize(160, 50)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    end = time.monotonic() + 120
    while len(lines := terminal.screen()) != 50:
        expect(time.monotonic() < end, "it does not follow the size")
    expect(max(map(len, lines)) <= 160 and "CYCLES/PKT" in "".join(lines[:5]), "\n".join(lines))
    terminal.key("p")
    terminal.until("PAUSED")
    terminal.key("q")
    expect(terminal.end() == 0, terminal.text[-500:])
    expect("\x1b[?1049h" in terminal.text and terminal.text.rstrip().endswith("\x1b[?1049l"),
           repr(terminal.text[-200:]))


@test("top", "NO_COLOR is heeded, and a signal gives the terminal back as well", downloads)
def no_color(_, storm):
    colored = Terminal(storm.daemon.command("top"), 100, 30)
    colored.until(r"\x1b\[[0-9;]+m")
    colored.process.terminate()
    expect(colored.end() == 0 and colored.text.rstrip().endswith("\x1b[?1049l"),
           repr(colored.text[-200:]))
    plain = Terminal(storm.daemon.command("top"), 100, 30, NO_COLOR="1")
    plain.screen()
    plain.screen()
    plain.key("q")
    expect(plain.end() == 0 and not re.search(r"\x1b\[[0-9;]+m", plain.text), plain.text[-500:])
