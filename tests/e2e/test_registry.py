# SPDX-License-Identifier: Apache-2.0
"""The registry (OCI distribution) as skopeo meets it, and uploads that are cut short."""

import contextlib
import crypt
import gzip
import http.client
import io
import json
import random
import signal
import socket
import ssl
import subprocess
import tarfile
import threading
import time

import machine
from daemon import Daemon, Setup, free_port, vhost
from harness import PATIENCE, expect, run, test, until
from lab import EFI_PROGRAM
from skopeo import MANIFEST, Skopeo, descriptor, digest, layout, write_layout

class Site(Skopeo):
    """slipwayd on loopback, without a network to serve, and skopeo logged in to it."""

    def __init__(self, context):
        folder = context.fresh("registry")
        super().__init__(folder, Daemon(Setup(folder, vhost(folder / "vhost.sock"),
                                              preset=context.preset)))

    def start(self):
        self.daemon.start()
        self.trust()

    def request(self, method, path, body=None, headers=()):
        """(status, headers, body) of one request with the token."""
        with self.connection() as connection:
            connection.request(method, path, body, {"Authorization": f"Bearer {self.token}",
                                                    **dict(headers)})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    @contextlib.contextmanager
    def connection(self):
        trust = ssl.create_default_context(cafile=str(self.daemon.authority()))
        host, port = self.daemon.management.split(":")
        connection = http.client.HTTPSConnection(host, int(port), timeout=240, context=trust)
        try:
            yield connection
        finally:
            connection.close()

    def make_set(self, name, size=3 << 20):
        """Imports a folder with a boot file and random bytes."""
        source = self.folder / f"source-{name.replace(':', '-')}"
        source.mkdir()
        (source / "boot.efi").write_bytes(EFI_PROGRAM)
        (source / "root.squashfs").write_bytes(random.Random(name).randbytes(size))
        self.daemon.import_image(source, name)


@contextlib.contextmanager
def site(context):
    """One for all the tests of skopeo."""
    there = Site(context)
    with there.daemon:
        there.start()
        done = there.login()
        expect(done.returncode == 0, f"skopeo login: {done.stderr}")
        yield there


def ordinary_image(folder, text):
    """An OCI layout with a container image of one layer, made by hand."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo("etc/motd")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    layer = gzip.compress(tar.getvalue(), mtime=0)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [digest(tar.getvalue())]}}).encode()
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": descriptor("application/vnd.oci.image.config.v1+json", config),
                "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)]}
    return write_layout(folder, manifest, (layer, config))


def largest(incoming):
    """Bytes of the largest upload that is under way; one may end while it is looked at."""
    sizes = [0]
    for path in incoming.glob("upload-*"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            pass
    return max(sizes)


@test("registry", "skopeo login takes the token for any user, and nothing else", fixture=site)
def login(_context, there):
    refused = there.login("wrong")
    expect(refused.returncode != 0, "a wrong token logs in")
    done = there.login()
    expect(done.returncode == 0 and "Login Succeeded" in done.stdout, f"{done.stdout}{done.stderr}")


@test("registry", "skopeo copies an image set out and in again: the same digests, and it is booted",
      fixture=site)
def round_trip(_context, there):
    there.make_set("debian:12")
    source = there.daemon.json("image", "show", "debian:12")
    out = there.folder / "out"
    there.skopeo("copy", there.url("debian:12"), f"oci:{out}:debian:12")
    found, blobs = layout(out)
    expect(found == "sha256:" + source["digest"], f"{found}, not {source['digest']}")
    for file in source["files"]:
        expect(len(blobs["sha256:" + file["digest"]]) == file["bytes"], f"{file} is not there")
    there.skopeo("copy", f"oci:{out}:debian:12", there.url("site/debian:canary"))
    there.skopeo("copy", f"oci:{out}:debian:12", there.url("copy:1"))
    for name in ("site/debian:canary", "copy:1"):
        again = there.daemon.json("image", "show", name)
        expect(again["digest"] == source["digest"], f"{name} has another digest")
        expect(again["boot"] == source["boot"], f"{name} boots {again['boot']}")
        expect(again["secure_boot"]["outcome"] == source["secure_boot"]["outcome"], "not judged")
    tags = json.loads(there.skopeo("list-tags", there.url("copy")))
    expect(tags["Tags"] == ["1"], f"{tags}")
    raw = there.skopeo("inspect", "--raw", there.url("copy:1")).encode()
    expect(digest(raw) == found, "the manifest is not given back as it was")
    there.skopeo("delete", there.url("copy:1"))
    expect(there.daemon.run("image", "show", "copy:1", check=False).returncode == 1, "still there")
    there.daemon.json("image", "show", "site/debian:canary")


@test("registry", "skopeo copies an ordinary container image in and out: kept, and never booted",
      fixture=site)
def ordinary(_context, there):
    source = there.folder / "ordinary"
    made = ordinary_image(source, b"hello\n")
    there.skopeo("copy", f"oci:{source}", there.url("tools/motd:1"))
    out = there.folder / "ordinary-out"
    there.skopeo("copy", there.url(f"tools/motd@{made}"), f"oci:{out}:motd")
    found, blobs = layout(out)
    expect(found == made, f"{found}, not {made}")
    expect(blobs == layout(source)[1], "other blobs came back")
    inspected = json.loads(there.skopeo("inspect", there.url("tools/motd:1")))
    expect(inspected["Digest"] == made and inspected["RepoTags"] == ["1"], f"{inspected}")
    names = [each["reference"] for each in there.daemon.json("image", "list")]
    expect("tools/motd:1" not in names, f"listed as an image set: {names}")
    there.skopeo("delete", there.url("tools/motd:1"))
    expect(there.request("GET", f"/v2/tools/motd/manifests/{made}")[0] == 404, "not deleted")


@test("registry", "an upload that is cut goes on where it ended; a wrong digest leaves nothing",
      fixture=site)
def resumed(_context, there):
    data = random.Random(5).randbytes(9 << 20)
    session = there.request("POST", "/v2/cut/blobs/uploads/")[1]["Location"]
    with there.connection() as connection:
        connection.putrequest("PATCH", session)
        connection.putheader("Authorization", f"Bearer {there.token}")
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders()
        connection.send(data[:4 << 20])
        # The end of the connection takes what the server has not read yet with it.
        until(lambda: offset_of(there, session) > 1 << 20, "more than a megabyte is there")

    def again():
        """What is said to the first bytes again, once no other request is writing."""
        answer = there.request("PATCH", session, data[:10], {"Content-Range": "0-9"})
        return answer if answer[0] != 429 else None
    status, headers, _ = until(again, "the server has seen that the connection is gone")
    offset = offset_of(there, session)
    expect(1 << 20 < offset <= 4 << 20, f"{offset} bytes are there")
    expect(status == 416 and headers["Range"] == f"0-{offset - 1}", f"{status} {headers['Range']}")
    status, headers, _ = there.request("PATCH", session, data[offset:],
                                       {"Content-Range": f"{offset}-{len(data) - 1}"})
    expect(status == 202 and headers["Range"] == f"0-{len(data) - 1}", f"{status} {headers}")
    status, _, body = there.request("PUT", f"{session}?digest={digest(data[1:])}")
    expect(status == 400 and b"DIGEST_INVALID" in body, f"{status} {body}")
    left = list((there.daemon.state / "images/.incoming").iterdir())
    expect(not left, f"left behind: {left}")


def offset_of(there, session):
    """How many bytes the server says are there."""
    told = there.request("GET", session)[1]["Range"]
    return 0 if told == "0-0" else int(told.split("-")[1]) + 1


@test("registry", "kill -9 in the middle of an upload: the offset that is told is what is there")
def killed(context):
    chance = random.Random(context.seed)
    data = random.Random(6).randbytes(40 << 20)
    there = Site(context)
    with there.daemon:
        there.start()
        session = there.request("POST", "/v2/killed/blobs/uploads/")[1]["Location"]
        offset = 0
        for _ in range(3):
            sender = threading.Thread(target=send, args=(there, session, data, offset))
            sender.start()
            time.sleep(chance.uniform(0.05, 0.4))
            there.daemon.kill()
            sender.join()
            there.start()
            told = offset_of(there, session)
            lies = there.daemon.state / "images/.incoming" / ("upload-" + session.rsplit("/", 1)[1])
            expect(lies.stat().st_size == told, f"told {told}, there {lies.stat().st_size}")
            expect(offset <= told <= len(data), f"{told} bytes after {offset}")
            expect(lies.read_bytes() == data[:told], "other bytes are there")
            offset = told
        status, _, body = there.request("PATCH", session, data[offset:])
        expect(status == 202, f"{status} {body}")
        status, headers, body = there.request("PUT", f"{session}?digest={digest(data)}")
        expect(status == 201, f"{status} {body}")
        expect(there.request("GET", headers["Location"])[2] == data, "other bytes come back")


@contextlib.contextmanager
def debians_registry(there):
    """Debian's docker-registry with TLS and a user; gives its address, its folder and its process."""
    folder = there.folder / "docker"
    (folder / "data").mkdir(parents=True)
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
         "/CN=registry.test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "ca.pem"])
    secret = crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
    (folder / "htpasswd").write_text(f"puller:{secret}\n", encoding="ascii")
    address = f"127.0.0.1:{free_port()}"
    (folder / "config.yml").write_text(f"""version: 0.1
storage:
  filesystem:
    rootdirectory: {folder / "data"}
http:
  addr: {address}
  tls:
    certificate: {folder / "ca.pem"}
    key: {folder / "key.pem"}
auth:
  htpasswd:
    realm: registry
    path: {folder / "htpasswd"}
""", encoding="ascii")
    (folder / "credentials").write_text("puller:secret\n", encoding="ascii")
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=log,
                                   stderr=log, stdin=subprocess.DEVNULL,
                                   preexec_fn=machine.die_with_parent)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), \
                    socket.create_connection(tuple(address.split(":")), timeout=5):
                break
            time.sleep(0.1)
        yield address, folder, process
    finally:
        process.send_signal(signal.SIGCONT)     # a test may have stopped it, and failed
        process.terminate()
        process.wait()


@test("registry", "an image set goes to Debian's docker-registry by skopeo, and is pulled from there "
                  "with TLS and a password; kill -9 in between, and the pull goes on", fixture=site)
def pulled(_context, there):
    there.make_set("pulled:1", 60 << 20)
    source = there.daemon.json("image", "show", "pulled:1")
    with debians_registry(there) as (address, folder, registry):
        trust = there.folder / "trust"
        trust.mkdir()
        (trust / "slipway.crt").write_bytes(there.daemon.authority().read_bytes())
        (trust / "docker.crt").write_bytes((folder / "ca.pem").read_bytes())
        run(["skopeo", "--insecure-policy", "copy", "--src-cert-dir", trust, "--dest-cert-dir", trust,
             "--authfile", there.auth, "--dest-creds", "puller:secret", there.url("pulled:1"),
             f"docker://{address}/boot/pulled:1"], timeout=60)
        there.skopeo("delete", there.url("pulled:1"))
        words = ("image", "pull", f"{address}/boot/pulled:1", "as", "again:1")
        trusting = ("--registry-ca", folder / "ca.pem")
        refused = there.daemon.run(*words, *trusting, check=False)
        expect(refused.returncode == 1 and "credentials" in refused.stderr, f"{refused}")
        distrusted = there.daemon.run(*words, "--registry-credentials", folder / "credentials",
                                      check=False)
        expect(distrusted.returncode == 1 and "--registry-ca" in distrusted.stderr, f"{distrusted}")
        allowed = (*words, *trusting, "--registry-credentials", folder / "credentials")
        registry.send_signal(signal.SIGSTOP)
        puller = subprocess.Popen(there.daemon.command(*allowed), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        incoming = there.daemon.state / "images/.incoming"
        here = 0
        end = time.monotonic() + 60 * PATIENCE
        while here < 4 << 20:
            expect(time.monotonic() < end, f"{here} bytes came of the pull")
            # By slices: whoever looks may lose the processor for longer than all of it takes.
            registry.send_signal(signal.SIGCONT)
            time.sleep(0.01)
            registry.send_signal(signal.SIGSTOP)
            expect(puller.poll() is None, "the pull was over before it could be cut")
            here = largest(incoming)
        there.daemon.kill()
        registry.send_signal(signal.SIGCONT)
        puller.wait()
        there.start()
        there.daemon.run(*allowed)
        job = there.daemon.run("image", "show", "again:1", "--json")
        again = json.loads(job.stdout)
        expect(again["digest"] == source["digest"], f"{again['digest']}, not {source['digest']}")
        jobs = json.loads(there.request("GET", "/api/v1/pulls")[2])
        expect(jobs[-1]["state"] == "done" and jobs[-1]["bytes_resumed"] >= here, f"{jobs}")
        exact = f"{address}/boot/pulled@sha256:{source['digest']}"
        there.daemon.run("image", "pull", exact, "as", "exact:1", *allowed[5:])
        there.daemon.json("image", "show", "exact:1")


def send(there, session, data, offset):
    with contextlib.suppress(OSError, http.client.HTTPException):
        there.request("PATCH", session, data[offset:])
