# SPDX-License-Identifier: Apache-2.0
"""Seeds for the OCI target: documents as Slipway, skopeo and Docker write them.

    oci_seeds.py OUT     writes OUT/oci/NAME
"""
import hashlib
import json
import pathlib
import sys

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"


def descriptor(kind, data, **more):
    return {"mediaType": kind, "digest": "sha256:" + hashlib.sha256(data).hexdigest(),
            "size": len(data), **more}


def documents():
    layer = descriptor("application/efi", b"boot",
                       annotations={"org.opencontainers.image.title": "EFI/BOOT/BOOTX64.EFI"})
    image_set = {"schemaVersion": 2, "mediaType": MANIFEST,
                 "artifactType": "application/vnd.slipway.image-set.v1",
                 "config": descriptor(EMPTY, b"{}"), "layers": [layer],
                 "annotations": {"dev.slipway.boot.x64": "EFI/BOOT/BOOTX64.EFI"}}
    yield "image-set", image_set
    subject = descriptor(MANIFEST, json.dumps(image_set).encode())
    yield "signature", {**image_set, "artifactType": "application/vnd.example.signature",
                        "layers": [], "subject": subject}
    docker = "application/vnd.docker."
    yield "docker", {"schemaVersion": 2, "mediaType": docker + "distribution.manifest.v2+json",
                     "config": descriptor(docker + "container.image.v1+json", b"{}"),
                     "layers": [descriptor(docker + "image.rootfs.foreign.diff.tar.gzip", b"layer",
                                           urls=["https://example.net/layer"])]}
    yield "index", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {**subject, "platform": {"architecture": "arm64", "os": "linux"}}]}
    yield "layout", {"schemaVersion": 2, "manifests": [
        {**subject, "annotations": {"org.opencontainers.image.ref.name": "debian:12",
                                    "dev.slipway.created": "1790000000"}},
        {**subject, "annotations": {"dev.slipway.repository": "site/debian",
                                    "dev.slipway.untagged": "1790000000"}}]}


def nested():
    """An image set whose layer has a thousand lists in one another among its annotations."""
    text = json.dumps(dict(documents())["image-set"])
    at = text.index('"org.opencontainers.image.title"')
    return text[:at] + '"deep": ' + "[" * 1000 + "]" * 1000 + ", " + text[at:]


def main():
    folder = pathlib.Path(sys.argv[1]) / "oci"
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents():
        (folder / name).write_text(json.dumps(document), encoding="utf-8")
    (folder / "nested").write_text(nested(), encoding="utf-8")


if __name__ == "__main__":
    main()
