# SPDX-License-Identifier: Apache-2.0
"""Seeds for the archive target: a small tree as tar, packed tar and ISO 9660 image.

    archive_seeds.py OUT     writes OUT/archive/NAME
"""
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile


def tar(mode, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:
        file = tarfile.TarInfo("EFI/BOOT/BOOTX64.EFI")
        file.size = 4
        archive.addfile(file, io.BytesIO(b"MZ\0\0"))
        for name, kind, link in (("link", tarfile.SYMTYPE, "EFI/BOOT/BOOTX64.EFI"),
                                 ("gr\u00f6\u00dfe", tarfile.DIRTYPE, ""),
                                 ("hard", tarfile.LNKTYPE, "EFI/BOOT/BOOTX64.EFI")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            archive.addfile(entry)
    return out.getvalue()


def iso(*options):
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder, "tree")
        (tree / "boot").mkdir(parents=True)
        (tree / "boot/linux").write_bytes(b"kernel")
        (tree / "link").symlink_to("boot/linux")
        image = pathlib.Path(folder, "image.iso")
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", *options, "-o", image, tree], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return image.read_bytes()


def main():
    folder = pathlib.Path(sys.argv[1]) / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    for name, form in (("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        for mode in ("w", "w:gz", "w:xz"):
            (folder / f"{name}-{mode.replace(':', '-')}").write_bytes(tar(mode, form))
    for name, options in (("rock-ridge", ("-R",)), ("joliet", ("-J",))):
        (folder / name).write_bytes(iso(*options))


if __name__ == "__main__":
    main()
