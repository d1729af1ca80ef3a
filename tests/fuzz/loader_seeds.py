# SPDX-License-Identifier: Apache-2.0
"""Seeds for the Secure Boot targets out of Debian's signed loaders and OVMF's variables.

    loader_seeds.py OUT     writes OUT/{verdict,authenticode,signature_database,sbat}/NAME

A loader is cut down to its certificate table and its small sections, so that a run takes
microseconds; what is not installed is passed over.
"""
import pathlib
import struct
import sys

LOADERS = ("/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/fbx64.efi.signed",
           "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
           "/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
VARIABLES = ("/usr/share/OVMF/OVMF_VARS_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd")
SMALL = 16384  # bytes of a section that is kept
VOLUME = 0x6000  # bytes of a variable store that hold db and dbx
HEADERS = 0x400


def sections(data):
    """(name, content) of each; long names through the string table."""
    pe = struct.unpack_from("<I", data, 0x3c)[0]
    count, _, symbols, number, optional = struct.unpack_from("<HIIIH", data, pe + 6)
    for i in range(count):
        at = pe + 24 + optional + 40 * i
        name = data[at:at + 8].rstrip(b"\0")
        if name.startswith(b"/"):
            start = symbols + 18 * number + int(name[1:])
            name = data[start:data.index(b"\0", start)]
        size, _, raw_size, raw = struct.unpack_from("<IIII", data, at + 8)
        yield name.decode(), data[raw:raw + min(size, raw_size)]


def certificates(data):
    """The attribute certificate table, whole."""
    pe = struct.unpack_from("<I", data, 0x3c)[0]
    offset, size = struct.unpack_from("<II", data, pe + 24 + 112 + 32)
    return data[offset:offset + size]


def cut_down(data):
    """A PE32+ image of the small sections and the certificate table of a real one."""
    pe, kept = 0x40, [(n, c) for n, c in sections(data) if 0 < len(c) <= SMALL][:6]
    out = bytearray(HEADERS)
    out[0:2] = b"MZ"
    struct.pack_into("<I", out, 0x3c, pe)
    # The string table lies behind the last section: names longer than eight bytes are in it.
    strings, bodies, table = bytearray(4), bytearray(), pe + 24 + 240
    for i, (name, content) in enumerate(kept):
        short = name.encode()
        if len(short) > 8:
            short, strings = b"/%d" % len(strings), strings + short + b"\0"
        raw = content + bytes(-len(content) % 512)
        struct.pack_into("<8sIIII", out, table + 40 * i, short, len(content), 4096 * (i + 1),
                         len(raw), HEADERS + len(bodies))
        bodies += raw
    symbols = HEADERS + len(bodies)
    strings += bytes(-len(strings) % 8)
    struct.pack_into("<IHHIIIHH", out, pe, 0x4550, 0x8664, len(kept), 0, symbols, 0, 240, 0x22)
    struct.pack_into("<H", out, pe + 24, 0x20b)
    struct.pack_into("<I", out, pe + 24 + 60, HEADERS)
    struct.pack_into("<H", out, pe + 24 + 68, 10)
    struct.pack_into("<I", out, pe + 24 + 108, 16)
    signed = certificates(data)
    if signed:
        struct.pack_into("<II", out, pe + 24 + 112 + 32, symbols + len(strings), len(signed))
    return bytes(out + bodies + strings + signed)


def seeds(path):
    """(target, bytes) of what one loader gives."""
    data = path.read_bytes()
    yield "verdict", cut_down(data)
    for name, content in sections(data):
        if name == ".sbat":
            yield "sbat", content
        if name == ".vendor_cert":
            size, _, offset, _ = struct.unpack_from("<IIII", content)
            yield "signature_database", content[offset:offset + size]
    table, at = certificates(data), 0
    while at + 8 <= len(table):
        length = struct.unpack_from("<I", table, at)[0]
        yield "authenticode", table[at + 8:at + length]
        at += max(-(-length // 8) * 8, 8)


def main():
    out, written = pathlib.Path(sys.argv[1]), 0
    found = [(target, seed) for path in map(pathlib.Path, LOADERS) if path.exists()
             for target, seed in seeds(path)]
    for path in map(pathlib.Path, VARIABLES):
        if path.exists():
            volume = bytearray(path.read_bytes()[:VOLUME])
            struct.pack_into("<I", volume, 0x48 + 16, VOLUME - 0x48)
            found.append(("signature_database", bytes(volume)))
    for number, (target, seed) in enumerate(found):
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"loader-{number:02}").write_bytes(seed)
        written += 1
    print(f"   {written} seeds from installed loaders")


if __name__ == "__main__":
    main()
