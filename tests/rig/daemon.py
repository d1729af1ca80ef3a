# SPDX-License-Identifier: Apache-2.0
"""Runs one slipwayd on a private state directory, and talks to it as an operator would.

Everything it needs fits in one folder: configuration, state, the vhost-user socket, logs. No root,
no hugepages, no kernel interface for the served port; management listens on loopback.
"""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import debs  # noqa: E402
import machine  # noqa: E402

ADDRESS = "10.77.0.1"
# What slipwayd or its sanitizer never says of a sound state: of a log that must say nothing of it.
ALARM = re.compile(r"check failed|runtime error:|Sanitizer|terminate called|not in the audit log|"
                   r"numbers that were given before|nothing is collected|stories of boots are not kept")
NAME = "boot.slipway.test"


class DaemonError(Exception):
    """slipwayd or slipway did not do what it was asked; says which and shows its words."""


@dataclasses.dataclass
class Setup:
    """What a run wants of slipwayd; the rest is the same for all."""
    folder: Path
    device: str                       # DPDK device string
    image_set: str = "demo:1"
    preset: str = "release"
    http: bool = False                # port 80 too
    policy: str = "firmware"
    mtu: int = 1500
    use_name: bool = True             # boot URIs with a name rather than an address
    pool: str = "10.77.0.100-10.77.0.199"
    cores: str = "[0]"
    port: str = ""                    # more lines of the [[port]] table
    prefix: int = 24                  # of the network, in bits
    probe_time: int = 500             # milliseconds an offer waits for a claim of its address
    network: str = ""                 # more lines of the [[network]] table
    bare: bool = False                # no [[network]] table: networks are made over REST
    more: str = ""                    # more tables
    idle_sleep: int = 100             # microseconds; 0: the worker polls without end
    hugepages: bool = False
    memory: str = "256 MiB"           # of packets
    images: str = "192 MiB"           # memory for them
    keep: bool = False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def vhost(path, index=0):
    return f"net_vhost{index},iface={path},queues=1"


def configuration(setup, management):
    def quoted(text):
        return json.dumps(str(text))

    network = f"""[[network]]
name = "rig"
subnet = "10.77.0.0/{setup.prefix}"
pools = [{quoted(setup.pool) if setup.pool else ""}]
{setup.network}
"""
    return f"""# Written by the rig for one run.
[state]
directory = {quoted(setup.folder / "state")}

[management]
address = {quoted(management)}

[dataplane]
cores = {setup.cores}
memory = {quoted(setup.memory)}
hugepages = {"true" if setup.hugepages else "false"}
idle_sleep = {setup.idle_sleep}
probe_time = {setup.probe_time}

[[port]]
device = {quoted(setup.device)}
addresses = ["{ADDRESS}/{setup.prefix}"]
mtu = {setup.mtu}
{setup.port}

{"" if setup.bare else network}
[boot]
names = [{quoted(NAME) if setup.use_name else ""}]
image_set = {quoted(setup.image_set)}
http = {"true" if setup.http else "false"}

[tls]
policy = {quoted(setup.policy)}

[images]
memory = {quoted(setup.images)}
{setup.more}
"""


class Daemon:
    def __init__(self, setup):
        self.setup = setup
        self.folder = Path(setup.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.build = debs.ROOT / "build" / setup.preset
        self.program = self.build / "slipwayd"
        self.client = next((path for path in (self.build / "control/slipway",
                                              self.build / "control/cli/slipway")
                            if path.exists()), self.build / "control/slipway")
        self.management = f"127.0.0.1:{free_port()}"
        self.config = self.folder / "slipway.toml"
        self.log = self.folder / "slipwayd.log"
        self.state = self.folder / "state"
        self.prefix = []
        self._process = None

    # --- life ---------------------------------------------------------------------------------

    def start(self, prefix=(), timeout=480):
        """Returns once the management interface answers. `prefix` as `ip netns exec NAME`.
        A first start makes RSA keys: 3 s of a processor, many times that on a busy machine."""
        self.config.write_text(configuration(self.setup, self.management), encoding="utf-8")
        self.prefix = list(prefix)
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*prefix, str(self.program), "--config", str(self.config)], stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=None if self.setup.keep else machine.die_with_parent)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise DaemonError(f"slipwayd ended with {self._process.returncode}:\n{self.words()}")
            if self.run("image", "list", check=False).returncode == 0:
                return self
            time.sleep(0.1)
        raise DaemonError(f"slipwayd is not ready after {timeout} s:\n{self.words()}")

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.poll() is None

    def words(self, count=12):
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def stop(self, timeout=60):
        """SIGTERM; returns the exit status, or None when it had to be killed."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                return None
        return self._process.returncode

    def end(self):
        """SIGTERM, and it ends by itself with status 0. It checks then that every frame came back to
        its pool; a sanitizer's build, that no memory leaked."""
        status = self.stop()
        if status != 0:
            raise DaemonError("slipwayd had to be killed, SIGTERM did not end it" if status is None
                              else f"slipwayd ended with {status}:\n{self.words()}")
        alarms = [line for line in self.log.read_text(errors="replace").splitlines()
                  if ALARM.search(line)] if self.log.exists() else []
        if alarms:
            raise DaemonError("slipwayd said:\n" + "\n".join(alarms[:12]))

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process = None    # what was killed by intent did not end badly

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.end()
        else:
            self.stop()     # what went wrong before is what is told

    # --- as an operator -----------------------------------------------------------------------

    def command(self, *words):
        return [str(self.client), "--state", str(self.state), "--server", self.management,
                *map(str, words)]

    def run(self, *words, check=True, timeout=120):
        done = subprocess.run(self.prefix + self.command(*words), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise DaemonError(f"slipway {' '.join(map(str, words))} failed ({done.returncode}): "
                              f"{(done.stderr or done.stdout).strip()[-600:]}")
        return done

    def json(self, *words):
        text = self.run(*words, "--json").stdout
        return json.loads(text)

    def import_image(self, path, name=None):
        return self.run("image", "import", path, name or self.setup.image_set)

    def web_path(self):
        """Where the newest version of the image set is served, without slashes at the ends."""
        return self.setup.image_set.replace(":", "/")

    def import_payload(self, payload):
        """A single file is imported as itself, several as their folder."""
        files = sorted(payload.folder.iterdir())
        self.import_image(files[0] if len(files) == 1 else payload.folder)

    def authority(self):
        """The PEM file of the CA that signs the boot certificates."""
        for name in ("ca.pem", "tls/ca.pem", "ca/ca.pem", "ca.crt", "tls/ca.crt"):
            if (self.state / name).exists():
                return self.state / name
        raise DaemonError(f"no CA certificate in {self.state}: {os.listdir(self.state)}")

    def metrics(self):
        """{`name{labels}`: value} as Prometheus reads them."""
        token = (self.state / "token").read_text(encoding="ascii").strip()
        done = subprocess.run(
            [*self.prefix, "curl", "--silent", "--show-error", "--fail", "--cacert",
             str(self.authority()), "--header", f"Authorization: Bearer {token}",
             f"https://{self.management}/metrics"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode != 0:
            raise DaemonError(f"no metrics: {done.stderr.strip()}")
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in done.stdout.splitlines()
                 if not line.startswith("#"))}

    def worker_metric(self, name, label=""):
        """One counter of each worker, in their order."""
        found = {key: value for key, value in self.metrics().items()
                 if key.startswith(name + "{") and label in key}
        return [int(found[key]) for key in sorted(found)]

    def boot(self, mac):
        """The latest boot of a machine, or None before it was heard of."""
        done = self.run("boot", "show", mac, "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None
