# SPDX-License-Identifier: Apache-2.0
"""Processes that are measured: started in a namespace, on a core, ahead of what else the machine does.

Their priority is their session's (autogroup), because a plain nice value counts inside a session
only; not real-time, because the kernel's own threads (disk, network) must run beside them.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/rig"))
import machine  # noqa: E402

SERVER_CORE, CLIENT_CORE = 1, 0


class PeerError(Exception):
    """Another server or client did not do what it was asked; says which and what it said."""


def say(text):
    """What goes on, for who waits."""
    print(f"   {text}", file=sys.stderr, flush=True)


def favour(pid):
    """Its whole session goes ahead of others, where we may say so."""
    try:
        Path(f"/proc/{pid}/autogroup").write_text("-20", encoding="ascii")
    except OSError:
        pass


def placed(namespace, core, command):
    """The words that run a command in a namespace on one core."""
    return ["ip", "netns", "exec", namespace, "taskset", "-c", str(core), *map(str, command)]


class Server:
    """A process that serves until stop()."""

    def __init__(self, namespace, command, log, environment=None):
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                placed(namespace, SERVER_CORE, command), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True, preexec_fn=machine.die_with_parent,
                env=dict(os.environ, **(environment or {})))
        favour(self.process.pid)

    @property
    def pid(self):
        return self.process.pid

    def words(self):
        return self.log.read_text(errors="replace")[-600:]

    def expect_alive(self, seconds):
        time.sleep(seconds)
        if self.process.poll() is not None:
            raise PeerError(f"{self.log.stem} ended with {self.process.returncode}: {self.words()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


def client(namespace, command, timeout, environment=None, check=True):
    """Runs a client on its core to its end; its output."""
    process = subprocess.Popen(placed(namespace, CLIENT_CORE, command), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, preexec_fn=machine.die_with_parent,
                               env=dict(os.environ, **(environment or {})))
    favour(process.pid)
    try:
        text = process.communicate(timeout=timeout)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise PeerError(f"{command[0]}: not done after {timeout} s") from None
    if check and process.returncode != 0:
        raise PeerError(f"{command[0]}: exit {process.returncode}: {text[-400:]}")
    return text


def children(pid):
    return [int(word) for word in
            Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def thread_seconds(pid, thread):
    """Time on a processor of one thread."""
    words = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text(encoding="ascii").split()
    return int(words[0]) * 1e-9


def cpu_seconds(pid, without=None):
    """Time on a processor of all its threads, but one."""
    return sum(thread_seconds(pid, task.name) for task in Path(f"/proc/{pid}/task").iterdir()
               if task.name != str(without))


def thread_pinned_to(pid, core, timeout=20):
    """The thread that may run on this core alone, once it is there: slipwayd's worker."""
    for _ in range(timeout * 10):
        for task in Path(f"/proc/{pid}/task").iterdir():
            status = (task / "status").read_text(encoding="ascii")
            if f"Cpus_allowed_list:\t{core}\n" in status:
                return int(task.name)
        time.sleep(0.1)
    raise PeerError(f"no thread of process {pid} is pinned to core {core}")


def softirq_seconds(core):
    """Time the kernel spent in network and timer softirqs on a core, by its ticks."""
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == f"cpu{core}":
            return int(words[7]) / os.sysconf("SC_CLK_TCK")
    raise PeerError(f"no core {core}")


def busy_share_of(core, before, after):
    """Share of a core's time that was not idle between two stamps of core_times()."""
    spent = [b - a for a, b in zip(before, after)]
    return 1 - (spent[3] + spent[4]) / max(1, sum(spent[:8]))


def core_times(core):
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == f"cpu{core}":
            return [int(word) for word in words[1:]]
    raise PeerError(f"no core {core}")
