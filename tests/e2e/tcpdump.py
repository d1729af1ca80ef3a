# SPDX-License-Identifier: Apache-2.0
"""A tcpdump on a wire of the lab, ended when it has read all that was on it."""

import contextlib
import re
import signal
import subprocess
import time

import machine
from harness import expect, until


@contextlib.contextmanager
def tcpdump(space, interface, log_path, *words):
    """Runs while the block does. When that has ended, all that its filter let through was written, and nothing lost."""
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", space, "tcpdump", "--immediate-mode", "-Z", "root", "-B", "65536", "-i", interface,
             *map(str, words)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=machine.die_with_parent)
    try:
        until(lambda: b"listening on" in log_path.read_bytes(), "tcpdump listens", log=log_path)
        yield

        # All that came is written or lost; or it has run between two answers and found nothing more: what came
        # before its filter was there may be counted and not written.
        answers = []

        def has_read_all():
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.2)
            if len(told := _counts(log_path)) <= len(answers):
                return False
            answers[:] = told
            return told[-1][0] + told[-1][2] == told[-1][1] or (len(told) > 1 and told[-1] == told[-2])
        until(has_read_all, "tcpdump has read all that came", log=log_path)
    finally:
        process.terminate()
        process.wait(60)
    expect((told := _counts(log_path)) and told[-1][2] == 0, f"tcpdump lost frames: {told[-1:]}")


def _counts(log_path):
    """What it said of packets, each time: captured, received by its filter, and dropped by the kernel."""
    found = re.findall(r"(\d+) packets? captured\W+(\d+) packets? received by filter\W+(\d+) packets? dropped by kernel",
                       log_path.read_text(errors="replace"))
    return [tuple(map(int, each)) for each in found]
