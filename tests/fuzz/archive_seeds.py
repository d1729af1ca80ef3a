# SPDX-License-Identifier: Apache-2.0
"""Seeds for the archive target: a small tree as tar, packed tar and ISO 9660 image.

    archive_seeds.py OUT     writes OUT/archive/NAME

The same bytes each time: no clock comes into them.
"""
import gzip
import io
import lzma
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile


def tar(packing, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        file = tarfile.TarInfo("EFI/BOOT/BOOTX64.EFI")
        file.size = 4
        archive.addfile(file, io.BytesIO(b"MZ\0\0"))
        for name, kind, link in (("link", tarfile.SYMTYPE, "EFI/BOOT/BOOTX64.EFI"),
                                 ("gr\u00f6\u00dfe", tarfile.DIRTYPE, ""),
                                 ("hard", tarfile.LNKTYPE, "EFI/BOOT/BOOTX64.EFI")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            archive.addfile(entry)
    return packing(out.getvalue())


def iso(*options):
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder, "tree")
        (tree / "boot").mkdir(parents=True)
        (tree / "boot/linux").write_bytes(b"kernel")
        (tree / "link").symlink_to("boot/linux")
        image = pathlib.Path(folder, "image.iso")
        for path in (tree / "boot/linux", tree / "link", tree / "boot", tree):
            os.utime(path, (0, 0), follow_symlinks=False)
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", *options, "-o", image, tree], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
        return image.read_bytes()


def main():
    folder = pathlib.Path(sys.argv[1]) / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    for name, form in (("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        for suffix, packing in (("", bytes), ("-gz", lambda plain: gzip.compress(plain, mtime=0)),
                                ("-xz", lzma.compress)):
            (folder / f"{name}{suffix}").write_bytes(tar(packing, form))
    for name, options in (("rock-ridge", ("-R",)), ("joliet", ("-J",))):
        (folder / name).write_bytes(iso(*options))


if __name__ == "__main__":
    main()
