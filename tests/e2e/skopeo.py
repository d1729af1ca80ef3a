# SPDX-License-Identifier: Apache-2.0
"""skopeo beside a slipwayd, and OCI layouts: read, and made by hand as docs/image-sets.md says."""

import hashlib
import json
import subprocess

from harness import expect, run

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Skopeo:
    """Runs where the daemon does (its namespace), and trusts its CA. trust() once it is started."""

    def __init__(self, folder, daemon):
        self.folder = folder
        self.daemon = daemon
        self.certificates = folder / "certificates"
        self.auth = folder / "auth.json"

    def trust(self):
        self.certificates.mkdir(exist_ok=True)
        (self.certificates / "slipway.crt").write_bytes(self.daemon.authority().read_bytes())
        self.token = (self.daemon.state / "token").read_text(encoding="ascii").strip()

    def url(self, reference):
        return f"docker://{self.daemon.management}/{reference}"

    def skopeo(self, verb, *words, check=True):
        flags = ["--authfile", self.auth]
        for name in ("src-cert-dir", "dest-cert-dir") if verb == "copy" else ("cert-dir",):
            flags += [f"--{name}", self.certificates]
        return run([*self.daemon.prefix, "skopeo", "--insecure-policy", verb, *flags, *words],
                   timeout=60, check=check)

    def login(self, password=None):
        return subprocess.run(
            [*self.daemon.prefix, "skopeo", "login", "--cert-dir", self.certificates,
             "--authfile", self.auth, "--username", "operator", "--password-stdin",
             self.daemon.management],
            input=password or self.token, capture_output=True, text=True, timeout=120, check=False)


def layout(folder):
    """(manifest's digest, {digest: bytes}) of an OCI layout with one image in it; every blob held to
    its name."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    expect(len(index["manifests"]) == 1, f"not one manifest: {index}")
    blobs = {}
    for path in (folder / "blobs/sha256").iterdir():
        blobs["sha256:" + path.name] = path.read_bytes()
        expect(digest(blobs["sha256:" + path.name]) == "sha256:" + path.name, f"{path} is torn")
    return index["manifests"][0]["digest"], blobs


def descriptor(kind, data):
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def write_layout(folder, manifest, blobs):
    """An OCI layout of one manifest and its blobs; gives its digest."""
    manifest = json.dumps(manifest).encode()
    (folder / "blobs/sha256").mkdir(parents=True)
    for data in (*blobs, manifest):
        (folder / "blobs/sha256" / digest(data).split(":")[1]).write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="ascii")
    (folder / "index.json").write_text(
        json.dumps({"schemaVersion": 2, "manifests": [descriptor(MANIFEST, manifest)]}),
        encoding="ascii")
    return digest(manifest)


def image_set(folder, program, architecture):
    """An OCI layout with an image set of one EFI program (a path), made by hand from what
    docs/image-sets.md says of the manifest; gives its digest."""
    empty, data = b"{}", program.read_bytes()
    layer = descriptor("application/efi", data)
    layer["annotations"] = {"org.opencontainers.image.title": program.name,
                            "dev.slipway.role": "boot", "dev.slipway.architecture": architecture}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                "artifactType": "application/vnd.slipway.image-set.v1",
                "config": descriptor("application/vnd.oci.empty.v1+json", empty), "layers": [layer],
                "annotations": {f"dev.slipway.boot.{architecture}": program.name}}
    return write_layout(folder, manifest, (data, empty))
