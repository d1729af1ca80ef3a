# SPDX-License-Identifier: Apache-2.0
"""The servers that are held against each other, each with what a careful operator would write."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import figures
from process import (CLIENT_CORE, ROOT, SERVER_CORE, PeerError, Server, children, cpu_seconds, favour,
                     softirq_seconds, thread_pinned_to, thread_seconds)
from wire import SERVER, run

sys.path.insert(0, str(ROOT / "tests/rig"))
from daemon import NAME, Daemon, Setup  # noqa: E402

# What an image set needs to be bootable: the first bytes of a PE program for x64.
EFI_PROGRAM = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0\x64\x86" + bytes(442)
# A ring for what comes while the core is taken away for some milliseconds.
AF_PACKET = "net_af_packet0,iface=s0,framecnt=4096,qdisc_bypass=1"
AF_XDP = "net_af_xdp0,iface=s0"
PACKET_SOCKET = "packet:s0"
STEPS = ("receive", "classify", "deliver", "expire", "emit", "transmit")
SUITE_TLS13 = "TLS_AES_128_GCM_SHA256"


def make_certificate(folder, rsa=False):
    """A CA, and a certificate for the server's name and address by it: chain.pem, key.pem, ca.pem."""
    def openssl(*words):
        done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise PeerError(f"openssl {words[0]}: {done.stderr[-300:]}")

    kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    (folder / "index").write_text("", encoding="ascii")
    (folder / "ca.cnf").write_text(f"""[ca]
default_ca = bench
[bench]
database = index
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[server]
subjectAltName = DNS:{NAME},IP:{SERVER}
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
""", encoding="ascii")
    for name, subject, extensions, signer in (
            ("ca", "/CN=bench CA", "authority", ["-selfsign", "-keyfile", "ca.key"]),
            ("server", f"/CN={NAME}", "server", ["-keyfile", "ca.key", "-cert", "ca.pem"])):
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-subj", subject, "-keyout",
                f"{name}.key", "-out", f"{name}.csr")
        # Valid since long ago: firmware's clock may be hours off.
        openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", extensions,
                "-startdate", "20250101000000Z", "-enddate", "20491231000000Z", "-in",
                f"{name}.csr", "-out", f"{name}.pem", *signer)
    (folder / "server.key").rename(folder / "key.pem")
    chain = (folder / "server.pem").read_bytes() + (folder / "ca.pem").read_bytes()
    (folder / "chain.pem").write_bytes(chain)


class Nginx:
    """One worker, sendfile, files kept open, no log unless asked for."""

    def __init__(self, wire, folder, certificates, suites="", log=""):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "nginx.conf").write_text(f"""
daemon off;
user root;
worker_processes 1;
pid {self.folder}/pid;
error_log {self.folder}/error.log;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  types {{ application/efi efi; application/vnd.efi-iso iso; }}
  default_type application/octet-stream;
  {log or "access_log off;"}
  sendfile on; tcp_nopush on; tcp_nodelay on;
  output_buffers 2 256k;
  keepalive_timeout 75s; keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;
  client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2;
  fastcgi_temp_path {self.folder}/t3; uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
  server {{
    listen 80 default_server; listen 443 ssl default_server;
    root {self.folder}/root;
    ssl_certificate {certificates}/chain.pem; ssl_certificate_key {certificates}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on;
    ssl_conf_command Ciphersuites {SUITE_TLS13};
    {suites}
    ssl_session_cache shared:s:10m; ssl_buffer_size 16k;
  }}
}}
""", encoding="utf-8")
        (self.folder / "root").mkdir(exist_ok=True)
        self.wire, self.server = wire, None

    def publish(self, path, files):
        """`files` (name: path on disk) below the URL path, without a copy."""
        folder = self.folder / "root" / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in files.items():
            (folder / name).unlink(missing_ok=True)
            os.link(source, folder / name)

    def __enter__(self):
        self.server = Server(self.wire.server, ["nginx", "-p", self.folder, "-c",
                                                self.folder / "nginx.conf"],
                             self.folder / "nginx.log")
        self.server.expect_alive(0.5)
        return self

    def __exit__(self, *_):
        self.server.stop()

    def stamp(self):
        worker, = children(self.server.pid)
        return cpu_seconds(worker)

    def spent(self, before, after):
        """Server CPU-seconds between two stamps. Softirqs that found its core idle are nobody's."""
        return after - before

    def resume(self):
        pass

    def pause(self):
        pass


class Slipwayd:
    """On a core of its own, polling without end; stopped (SIGSTOP) while another is measured.

    Its CPU time is the worker's time on a processor by its share of cycles in rounds that found work,
    all other threads' time, and what softirqs on its core took from rounds that found none."""

    def __init__(self, wire, folder, certificates, **settings):
        self.folder = Path(folder)
        self.wire = wire
        settings.setdefault("device", AF_PACKET)
        settings.setdefault("more", f"""
[[tls.certificate]]
chain = {json.dumps(str(certificates / "chain.pem"))}
key = {json.dumps(str(certificates / "key.pem"))}
""" if certificates else "")
        self.daemon = Daemon(Setup(self.folder, cores=f"[{SERVER_CORE}]", idle_sleep=0, prefix=16,
                                   probe_time=0, http=True, **settings))
        self.worker = None

    def __enter__(self):
        try:
            self.daemon.start(["ip", "netns", "exec", self.wire.server, "taskset", "-c",
                               str(CLIENT_CORE)])
            favour(self.daemon.pid)
            self.worker = thread_pinned_to(self.daemon.pid, SERVER_CORE)
        except BaseException:
            self.daemon.stop()
            raise
        return self

    def __exit__(self, *_):
        self.resume()
        self.daemon.stop()

    def publish(self, folder):
        # The command line talks from the server's namespace, where management listens.
        self.daemon.import_image(folder)

    def resume(self):
        os.kill(self.daemon.pid, signal.SIGCONT)
        time.sleep(0.3)  # counters are posted every 100 ms

    def pause(self):
        os.kill(self.daemon.pid, signal.SIGSTOP)

    def metrics(self):
        token = (self.daemon.state / "token").read_text(encoding="ascii").strip()
        text = run("ip", "netns", "exec", self.wire.server, "curl", "--silent", "--show-error",
                   "--fail", "--cacert", self.daemon.state / "ca.pem", "--header",
                   f"Authorization: Bearer {token}", f"https://{self.daemon.management}/metrics")
        return figures.metrics(text)

    def stamp(self):
        time.sleep(0.25)  # until what was done is posted
        return (self.metrics(), cpu_seconds(self.daemon.pid, without=self.worker),
                softirq_seconds(SERVER_CORE), thread_seconds(self.daemon.pid, self.worker))

    def busy_share(self, before, after):
        busy, idle = (figures.total(after[0], name) - figures.total(before[0], name)
                      for name in ("slipway_busy_cycles_total", "slipway_idle_cycles_total"))
        return busy / (busy + idle)

    def spent(self, before, after):
        share = self.busy_share(before, after)
        return ((after[3] - before[3]) * share + (after[1] - before[1])
                + (after[2] - before[2]) * (1 - share))

    def profile(self, before, after):
        """Cycles by step for each frame sent, and where the rest of the CPU time went."""
        def grown(name, label=""):
            return sum(value - before[0].get(key, 0) for key, value in after[0].items()
                       if key.startswith(name) and label in key)
        frames = max(1, grown("slipway_step_frames_total", 'step="transmit"'))
        cycles = {step: grown("slipway_step_cycles_total", f'step="{step}"') for step in STEPS}
        steps = ", ".join(f"{step} {count / frames:.0f}" for step, count in cycles.items())
        return (f"slipwayd's cycles a frame sent: {steps}; CPU-seconds of the worker "
                f"{(after[3] - before[3]) * self.busy_share(before, after):.2f}, of other threads "
                f"{after[1] - before[1]:.2f}, softirqs of its core {after[2] - before[2]:.2f}")


class Kea:
    """Leases in memory and in a file (memfile, persist); Kea does not wait for the disk."""

    def __init__(self, wire, folder, subnet, pool):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.wire, self.server = wire, None
        (self.folder / "kea.json").write_text(json.dumps({"Dhcp4": {
            "interfaces-config": {"interfaces": ["s0"], "dhcp-socket-type": "udp"},
            "lease-database": {"type": "memfile", "persist": True, "lfc-interval": 0,
                               "name": str(self.folder / "leases.csv")},
            "valid-lifetime": 3600, "option-data": [
                {"name": "routers", "data": SERVER},
                {"name": "domain-name-servers", "data": SERVER}],
            "subnet4": [{"subnet": subnet, "pools": [{"pool": pool}]}],
            "loggers": [{"name": "kea-dhcp4", "severity": "ERROR",
                         "output_options": [{"output": "stderr"}]}]}}), encoding="utf-8")

    def __enter__(self):
        self.server = Server(self.wire.server, ["kea-dhcp4", "-c", self.folder / "kea.json"],
                             self.folder / "kea.log",
                             {"KEA_PIDFILE_DIR": str(self.folder),
                              "KEA_LOCKFILE_DIR": str(self.folder)})
        self.server.expect_alive(1.5)
        return self

    def __exit__(self, *_):
        self.server.stop()


class Dnsmasq:
    def __init__(self, wire, folder, more=(), interface="s0", pool="10.77.1.0,10.77.250.255"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.wire, self.server = wire, None
        self.command = ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
                        "--no-hosts", "--port=0", f"--interface={interface}", "--bind-interfaces",
                        f"--dhcp-range={pool},255.255.0.0,1h", "--dhcp-lease-max=70000",
                        "--dhcp-authoritative", "--no-ping", "--quiet-dhcp",
                        f"--dhcp-leasefile={self.folder}/leases", f"--pid-file={self.folder}/pid",
                        "--user=root", *more]

    def __enter__(self):
        self.server = Server(self.wire.server, self.command, self.folder / "dnsmasq.log")
        self.server.expect_alive(0.5)
        return self

    def __exit__(self, *_):
        self.server.stop()


def missing_programs(*names):
    return [name for name in names if not shutil.which(name)]
