# SPDX-License-Identifier: Apache-2.0
"""Debian 12's installer as Debian packages it for booting from a network, and what it goes on with:
the part of Debian's archive that it asks for first, signed by Debian."""

import shutil
import subprocess

import debs

SUITE = "bookworm"
PACKAGE = "debian-installer-12-netboot-amd64"
BOOT = "debian-installer/amd64"
INDEXES = ("Release", "Release.gpg", "main/binary-amd64/Release",
           "main/debian-installer/binary-amd64/Packages.xz")


def _images():
    return debs.unpacked(SUITE, PACKAGE) / "usr/lib/debian-installer/images/12/amd64/text"


def kernel():
    return _images() / BOOT / "linux"


def initrd():
    return _images() / BOOT / "initrd.gz"


def tar(folder, common):
    """Debian's netboot.tar.gz as it is packaged, and beside it what a site adds: a preseed document
    for all (`common`), and the indexes of a Debian mirror without the packages that they name."""
    (folder / "preseed.cfg").write_text(common, encoding="utf-8")
    for name in INDEXES:
        path = f"dists/{SUITE}/{name}"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(debs.archived(SUITE, path), folder / path)
    file = folder / "netboot.tar"
    subprocess.run(["tar", "-cf", str(file), "-C", str(_images()), ".", "-C", str(folder), "dists",
                    "preseed.cfg"], check=True)
    return file


def root(folder):
    """The initrd unpacked: what the installer's programs are run in, without the installer."""
    folder.mkdir()
    plain = subprocess.run(["gzip", "-dc", str(initrd())], check=True, capture_output=True).stdout
    add(folder, plain)
    return folder


def add(folder, archive):
    """Unpacks one cpio archive more, as Linux does."""
    subprocess.run(["cpio", "-idu", "--quiet", "--no-absolute-filenames"], input=archive, check=True,
                   cwd=folder, capture_output=True)
