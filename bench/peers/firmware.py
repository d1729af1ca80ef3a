# SPDX-License-Identifier: Apache-2.0
"""Row 13: OVMF boots an ISO of 64 MiB over HTTPS, from slipwayd over vhost-user and from nginx over a
tap (with dnsmasq for DHCP), in turns: one machine, one firmware, one suite, one certificate.

Wall is power on until the program inside the ISO says its line; the download is from the GET to the
last byte, as each server's own record has it: nginx's request time, slipwayd's timeline of the boot.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time

import figures
from process import ROOT, PeerError, favour, say
from servers import Dnsmasq, Nginx, make_certificate
from wire import SERVER, run

sys.path[:0] = [str(ROOT / "tests/rig"), str(ROOT / "tests/rig/payloads")]
import build as payloads  # noqa: E402
import story  # noqa: E402
from daemon import Daemon, Setup, vhost  # noqa: E402
from machine import Hardware, Machine  # noqa: E402

MAC = "52:54:00:53:4c:0d"
SUITE = "DHE-RSA-AES128-GCM-SHA256"  # what slipwayd chooses of the firmware's own list
PATH = "demo/1"
NGINX_LOG = "log_format bench '$request_method $status $body_bytes_sent $request_time'; " \
            "access_log {} bench;"


class TapNetwork:
    """A namespace with one tap, whose kernel end is the server's."""

    def __init__(self):
        self.server = f"slb{os.getpid() % 100000}-tap"

    def __enter__(self):
        run("ip", "netns", "add", self.server)
        for words in ("link set lo up", "tuntap add t0 mode tap", f"address add {SERVER}/16 dev t0",
                      "link set t0 up"):
            run("ip", "-n", self.server, *words.split())
        for setting in ("net/ipv6/conf/all/disable_ipv6", "net/ipv4/tcp_congestion_control"):
            value = "cubic" if "congestion" in setting else "1"
            run("ip", "netns", "exec", self.server, "sh", "-c",
                f"echo {value} > /proc/sys/{setting}", check=False)
        return self

    def __exit__(self, *_):
        run("ip", "netns", "del", self.server, check=False)

    def retransmissions(self):
        text = run("ip", "netns", "exec", self.server, "cat", "/proc/net/snmp")
        names, values = (line.split() for line in text.splitlines() if line.startswith("Tcp:"))
        return int(dict(zip(names, values))["RetransSegs"])


class Bench:
    def __init__(self, context):
        self.folder = context.folder / "firmware"
        self.folder.mkdir(parents=True)
        make_certificate(self.folder, rsa=True)
        subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
                        "group:ffdhe2048", "-out", str(self.folder / "dh.pem")], check=True,
                       capture_output=True)
        self.payload = payloads.build("bulk", secrets.token_hex(8))
        self.image = self.payload.folder / self.payload.entry
        self._runs = 0

    def power_on(self, netdev, prefix=()):
        """Wall seconds until the program inside has spoken."""
        self._runs += 1
        hardware = Hardware(self.folder / f"machine{self._runs}", netdev, mac=MAC,
                            memory_mib=self.payload.memory_mib,
                            certificates=(str(self.folder / "ca.pem"),))
        with Machine(hardware) as machine:
            machine.start(prefix)
            favour(machine.pid)
            if not machine.wait(f"^{self.payload.line}", self.payload.seconds):
                raise PeerError(f"OVMF did not boot: {machine.tail(6)}")
            return machine.seconds

    def slipwayd(self):
        socket = self.folder / f"vhost{self._runs}.sock"
        state = self.folder / f"slipwayd{self._runs}"
        certificate = "\n".join(["[[tls.certificate]]", f'chain = "{self.folder}/chain.pem"',
                                 f'key = "{self.folder}/key.pem"'])
        with Daemon(Setup(state, vhost(socket), more=certificate)) as daemon:
            daemon.start()
            favour(daemon.pid)
            daemon.import_payload(self.payload)
            wall = self.power_on(f"vhost-user:{socket}")
            time.sleep(0.3)  # the last events are on their way to the API
            steps = story.steps(daemon.boot(MAC))
            resent = self.resent(daemon)
        asked = next(s for s in steps if s.kind == "HttpRequest" and s.text.startswith("GET"))
        done = next(s for s in steps if s.kind == "HttpComplete" and s.text.startswith("GET"))
        if not any(s.kind == "TlsDone" and SUITE in s.text for s in steps):
            raise PeerError(f"another suite than {SUITE}: "
                            f"{[s.text for s in steps if s.kind == 'TlsDone']}")
        self.expect_whole(done.number)
        return {"wall": wall, "download": done.seconds - asked.seconds, "resent": resent}

    @staticmethod
    def resent(daemon):
        token = (daemon.state / "token").read_text(encoding="ascii").strip()
        text = run("curl", "--silent", "--show-error", "--fail", "--cacert", daemon.state / "ca.pem",
                   "--header", f"Authorization: Bearer {token}",
                   f"https://{daemon.management}/metrics")
        return int(figures.total(figures.metrics(text), "slipway_tcp_retransmissions_total"))

    def expect_whole(self, size):
        if size != self.image.stat().st_size:
            raise PeerError(f"{size} bytes were served of {self.image.stat().st_size}")

    def nginx(self):
        folder = self.folder / f"nginx{self._runs}"
        url = f"https://{SERVER}/{PATH}/{self.image.name}"
        log = folder / "access.log"
        with contextlib.ExitStack() as stack:
            network = stack.enter_context(TapNetwork())
            server = Nginx(network, folder, self.folder,
                           suites=f"ssl_dhparam {self.folder}/dh.pem; "
                                  f"ssl_ciphers {SUITE};",
                           log=NGINX_LOG.format(log))
            server.publish(PATH, {self.image.name: self.image})
            stack.enter_context(server)
            # Option 60 makes it an HTTP offer; the URI travels as the boot file's name.
            stack.enter_context(Dnsmasq(
                network, folder / "dnsmasq", interface="t0", pool="10.77.1.0,10.77.1.200",
                more=["--dhcp-vendorclass=set:http,HTTPClient",
                      "--dhcp-option-force=tag:http,60,HTTPClient", f"--dhcp-boot=tag:http,{url}"]))
            wall = self.power_on("tap:t0", ["ip", "netns", "exec", network.server])
            resent = network.retransmissions()
        lines = [line.split() for line in log.read_text(encoding="ascii").splitlines()]
        get = next(line for line in lines if line[0] == "GET")
        self.expect_whole(int(get[2]))
        return {"wall": wall, "download": float(get[3]), "resent": resent}

    def clean(self):
        shutil.rmtree(self.payload.folder.parent, ignore_errors=True)


def boots(context):
    """Row 13."""
    bench = Bench(context)
    ours, theirs = [], []
    try:
        for _ in range(context.pairs):
            theirs.append(bench.nginx())
            ours.append(bench.slipwayd())
            say(f"nginx {theirs[-1]}, slipwayd {ours[-1]}")
    finally:
        bench.clean()

    def each(side, name):
        return [turn[name] for turn in side]

    def pairwise(name):
        return [a[name] / b[name] for a, b in zip(ours, theirs)]

    resent = max(each(ours, "resent"))
    return [figures.row(
        "13", f"OVMF without KVM boots a 64 MiB ISO over HTTPS (TLS 1.2, {SUITE}): "
        "slipwayd over vhost-user against nginx over tap, MTU 1500, no offloads, "
        f"{context.pairs} pairs",
        f"wall {figures.with_spread(pairwise('wall'))} x nginx's: "
        f"{figures.with_spread(each(ours, 'wall'), 1)} s over "
        f"{figures.with_spread(each(theirs, 'wall'), 1)} s; download alone "
        f"{figures.with_spread(pairwise('download'))} x: "
        f"{figures.with_spread(each(ours, 'download'), 1)} s over "
        f"{figures.with_spread(each(theirs, 'download'), 1)} s; resent {resent} segments at most, "
        f"nginx {max(each(theirs, 'resent'))}; the firmware's processor is the bottleneck",
        "wall <= 1.05 x nginx's, nothing resent",
        figures.median(pairwise("wall")) <= 1.05 and resent == 0,
        {"wall_ratio": figures.median(pairwise("wall")),
         "download_ratio": figures.median(pairwise("download")),
         "wall_seconds": figures.median(each(ours, "wall")), "resent": resent})]
