# SPDX-License-Identifier: Apache-2.0
"""Builds what the machines of the rig boot, from Debian's packages, into build/payloads/.

A payload is an image set (a folder of files, one of them the entry) and what the machine needs to
boot it. Every payload that can carries the run's token and says it on the console, so that a boot
counts only when this run's bytes were booted. What is slow to make (kernel, initrd) is cached by
the content of its inputs; the rest takes a second and is made anew each run.

    build.py NAME [TOKEN]     build one payload, print its folder
    build.py --warm           fetch and cache what the payloads need
"""

import dataclasses
import gzip
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import debs  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = debs.ROOT / "build/payloads"
SNAKEOIL = Path("/usr/share/ovmf/PkKek-1-snakeoil")
# LLVM's words of a PE program for each architecture.
TARGETS = {"x64": ("x86_64-unknown-windows", "-mno-red-zone"), "arm64": ("aarch64-unknown-windows",)}
STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
SLIPWAY = debs.ROOT / "build/release/control/slipway"
GRUB_MODULES = ("normal configfile linux net efinet http tftp echo sleep test serial terminal "
                "minicmd reboot halt all_video gzio").split()


@dataclasses.dataclass
class Payload:
    name: str
    folder: Path            # the image set
    entry: str              # the file the firmware asks for
    line: str               # what the guest says when it has booted
    store: str = "plain"    # OVMF variable store: plain, snakeoil or ms
    memory_mib: int = 256
    seconds: int = 60       # how long a boot may take on a slow machine
    scheme: str = "https"
    disk: str = ""          # a folder the machine boots from first, as a disk of its own
    powers_off: bool = True
    architecture: str = "x64"
    firmware: str = "bookworm"
    typed: tuple = ()       # (line to wait for, text to type)

    @property
    def secure_boot(self):
        return self.store != "plain"


def _run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode != 0:
        text = done.stdout.decode(errors="replace")
        raise RuntimeError(f"{command[0]} failed ({done.returncode}):\n{text[-2000:]}")
    return done.stdout


def _folder(name, token):
    folder = OUT / f"{name}-{token}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "set").mkdir(parents=True)
    return folder


def _line(name, token):
    return f"SLIPWAY-BOOT-OK {name} {token}"


def _snakeoil(firmware="bookworm"):
    """(key, certificate): those in ovmf's snakeoil variable store; each suite has its own."""
    pair = SNAKEOIL
    if firmware != "bookworm":
        pair = debs.unpacked(firmware, "ovmf") / SNAKEOIL.relative_to("/")
    key = OUT / f"cache/snakeoil-{firmware}.key"
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        fresh = key.with_suffix(f".{os.getpid()}")
        _run("openssl", "pkey", "-in", f"{pair}.key", "-passin", "pass:snakeoil", "-out", fresh)
        fresh.rename(key)
    return key, f"{pair}.pem"


def _sign(plain, signed, firmware="bookworm"):
    key, certificate = _snakeoil(firmware)
    _run("sbsign", "--key", key, "--cert", certificate, "--output", signed, plain)


def signing_options():
    """Of slipway, to sign by the key that the snakeoil variable store trusts."""
    key, certificate = _snakeoil()
    return "--sign-key", key, "--sign-cert", certificate


def kernel(architecture="amd64"):
    """Debian's cloud kernel: virtio and a serial console built in, small."""
    foreign = "" if architecture == "amd64" else architecture
    package = OUT / ("cache/kernel-package" + (foreign and f"-{foreign}"))
    if package.exists():
        name = package.read_text(encoding="utf-8")
    else:
        name = debs.dependency("bookworm", f"linux-image-cloud-{architecture}", "linux-image-", foreign)
        package.parent.mkdir(parents=True, exist_ok=True)
        package.write_text(name, encoding="utf-8")
    return next(debs.unpacked("bookworm", name, foreign).glob("boot/vmlinuz-*"))


def _cpio(entries):
    """A newc archive; entries are (name, mode, bytes, (major, minor))."""
    out = bytearray()
    for number, (name, mode, data, device) in enumerate([*entries, ("TRAILER!!!", 0, b"", (0, 0))]):
        fields = [number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def _tools(busybox=Path("/bin/busybox")):
    """busybox and its names; the console node, because there is no devtmpfs before /init."""
    entries = [(name, 0o040755, b"", (0, 0)) for name in ("bin", "dev", "proc")]
    entries += [("dev/console", 0o020600, b"", (5, 1)),
                ("bin/busybox", 0o100755, busybox.read_bytes(), (0, 0))]
    return entries + [(f"bin/{name}", 0o120777, b"busybox", (0, 0))
                      for name in ("sh", "mount", "cat", "cut", "uname", "poweroff", "echo")]


def _init():
    return [("init", 0o100755, (HERE / "init").read_bytes(), (0, 0))]


def initrd(busybox=Path("/bin/busybox")):
    """Tools and our /init."""
    archive = _cpio(_tools(busybox) + _init())
    path = OUT / f"cache/initrd-{hashlib.sha256(archive).hexdigest()[:16]}.gz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(gzip.compress(archive, mtime=0))
        fresh.rename(path)
    return path


def _command_line(name, token, console="ttyS0"):
    return f"console={console} quiet panic=-1 slipway.name={name} slipway.token={token}"


def _uki(path, name, token, firmware="bookworm"):
    """A signed unified kernel image: systemd's stub and four sections behind its own."""
    work = path.with_suffix(".parts")
    work.mkdir()
    (work / "osrel").write_text('ID=slipway-rig\nPRETTY_NAME="Slipway test image"\n', encoding="utf-8")
    (work / "cmdline").write_text(_command_line(name, token), encoding="utf-8")
    sections = [(".osrel", work / "osrel", 0x20000), (".cmdline", work / "cmdline", 0x30000),
                (".linux", kernel(), 0x2000000), (".initrd", initrd(), 0x3000000)]
    options = []
    for section, file, address in sections:
        options += ["--add-section", f"{section}={file}",
                    "--change-section-vma", f"{section}={address:#x}"]
    _run("objcopy", *options, STUB, work / "unsigned.efi")
    _sign(work / "unsigned.efi", path, firmware)
    shutil.rmtree(work)


def _hello(path, name, token, firmware="bookworm", architecture="x64"):
    unsigned = path.with_suffix(".unsigned")
    _run("clang-14", "-target", *TARGETS[architecture], "-ffreestanding", "-fshort-wchar",
         "-nostdlib", "-O2", "-Wall", "-Werror", "-fuse-ld=lld-link",
         "-Wl,-entry:EfiMain", "-Wl,-subsystem:efi_application",
         f'-DLINE=L"{_line(name, token)}"', "-o", unsigned, HERE / "hello.c")
    if firmware:
        _sign(unsigned, path, firmware)
        unsigned.unlink()
    else:
        unsigned.rename(path)


def hello(token, firmware="bookworm"):
    folder = _folder("hello", token)
    _hello(folder / "set/hello.efi", "hello", token, firmware)
    return Payload("hello", folder / "set", "hello.efi", _line("hello", token), "snakeoil",
                   firmware=firmware)


def hello_arm64(token):
    """AAVMF's variable store holds the certificate of the same test key as OVMF's."""
    folder = _folder("hello-arm64", token)
    _hello(folder / "set/hello.efi", "hello-arm64", token, architecture="arm64")
    return Payload("hello-arm64", folder / "set", "hello.efi", _line("hello-arm64", token), "snakeoil",
                   architecture="arm64")


def unsigned(token):
    """Must be refused under Secure Boot."""
    folder = _folder("unsigned", token)
    _hello(folder / "set/unsigned.efi", "unsigned", token, firmware=None)
    return Payload("unsigned", folder / "set", "unsigned.efi", _line("unsigned", token), "snakeoil")


def uki(token, firmware="bookworm"):
    folder = _folder("uki", token)
    _uki(folder / "set/uki.efi", "uki", token, firmware)
    return Payload("uki", folder / "set", "uki.efi", _line("uki", token), "snakeoil",
                   memory_mib=512, seconds=120, firmware=firmware)


def uki_arm64(token):
    """Debian's kernel, systemd's stub and busybox of ARM64, put together and signed by `slipway`."""
    folder = _folder("uki-arm64", token)
    stub, busybox = (debs.unpacked("bookworm", package, "arm64") / path for package, path in (
        ("systemd-boot-efi", "usr/lib/systemd/boot/efi/linuxaa64.efi.stub"),
        ("busybox-static", "bin/busybox")))
    _run(SLIPWAY, "image", "uki", folder / "set/uki.efi", "--kernel", kernel("arm64"),
         "--initrd", initrd(busybox), "--stub", stub,
         "--cmdline", _command_line("uki-arm64", token, "ttyAMA0"), *signing_options())
    return Payload("uki-arm64", folder / "set", "uki.efi", _line("uki-arm64", token), "snakeoil",
                   memory_mib=768, seconds=180, architecture="arm64")


def own_uki(token):
    """The options of `slipway image import NAME:TAG` that make a unified kernel and sign it, and a
    payload whose folder has no image: slipway makes that. Only both initrds together boot."""
    folder = _folder("own", token)
    tools, init = folder / "tools.gz", folder / "init.cpio"
    # An odd number of bytes: what comes next must be put at a multiple of four.
    tools.write_bytes((data := gzip.compress(_cpio(_tools()), mtime=0)) + b"\0" * (1 - len(data) % 2))
    init.write_bytes(_cpio(_init()))
    options = ("--kernel", kernel(), "--initrd", f"{tools},{init}", "--cmdline",
               _command_line("own", token), *signing_options())
    return options, Payload("own", folder / "set", "linux.efi", _line("own", token), "snakeoil",
                            memory_mib=512, seconds=120)


def iso(token):
    """A CD whose El Torito EFI image is a FAT disk with the signed loader; becomes a RAM disk."""
    folder = _folder("iso", token)
    _uki(folder / "loader.efi", "iso", token)
    (folder / "cd").mkdir()
    fat = folder / "cd/efi.img"
    with open(fat, "wb") as file:
        file.truncate((folder / "loader.efi").stat().st_size + (2 << 20) & ~0x7FFF)
    _run("mkfs.vfat", fat)
    _run("mmd", "-i", fat, "::EFI", "::EFI/BOOT")
    _run("mcopy", "-i", fat, folder / "loader.efi", "::EFI/BOOT/BOOTX64.EFI")
    _run("xorriso", "-as", "mkisofs", "-V", "SLIPWAY", "-e", "efi.img", "-no-emul-boot",
         "-o", folder / "set/boot.iso", folder / "cd")
    return Payload("iso", folder / "set", "boot.iso", _line("iso", token), "snakeoil",
                   memory_mib=768, seconds=180)


def bulk(token, ballast_mib=63):
    """A CD of 64 MiB whose loader is a program of a few kilobytes: a download, and hardly a boot."""
    folder = _folder("bulk", token)
    _hello(folder / "loader.efi", "bulk", token, firmware=None)
    (folder / "cd").mkdir()
    fat = folder / "cd/efi.img"
    with open(fat, "wb") as file:
        file.truncate(1 << 20)
    _run("mkfs.vfat", fat)
    _run("mmd", "-i", fat, "::EFI", "::EFI/BOOT")
    _run("mcopy", "-i", fat, folder / "loader.efi", "::EFI/BOOT/BOOTX64.EFI")
    (folder / "cd/ballast").write_bytes(os.urandom(ballast_mib << 20))
    _run("xorriso", "-as", "mkisofs", "-V", "SLIPWAY", "-e", "efi.img", "-no-emul-boot",
         "-o", folder / "set/boot.iso", folder / "cd")
    shutil.rmtree(folder / "cd")
    return Payload("bulk", folder / "set", "boot.iso", _line("bulk", token), memory_mib=512,
                   seconds=180)


def shim(token):
    """Debian's own signed chain under Microsoft's keys. Its GRUB stops at the prompt (it has no
    http module); the token is typed there and read back."""
    folder = _folder("shim", token)
    shutil.copy("/usr/lib/shim/shimx64.efi.signed", folder / "set/shimx64.efi")
    shutil.copy("/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", folder / "set/grubx64.efi")
    return Payload("shim", folder / "set", "shimx64.efi", _line("shim", token), "ms",
                   seconds=120, powers_off=False, memory_mib=512,
                   typed=(r"grub>", f"echo SLIPWAY-BOOT-OK shim '{token}'\r"))


def grub(token):
    """Our own GRUB, which fetches kernel and initrd over plain HTTP with a TCP of its own."""
    folder = _folder("grub", token)
    # The embedded script runs in GRUB's rescue parser: plain commands only.
    (folder / "early.cfg").write_text("\n".join([
        "net_bootp", "set root={BASE}", "echo GRUB: fetching {BASE}/grub.cfg",
        "normal {BASE}/grub.cfg", ""]), encoding="utf-8")
    (folder / "set/grub.cfg").write_text("\n".join([
        "echo GRUB: fetching the kernel",
        f"linux {{BASE}}/vmlinuz {_command_line('grub', token)}",
        "echo GRUB: fetching the initrd", "initrd {BASE}/initrd.gz", "boot", ""]), encoding="utf-8")
    shutil.copy(kernel(), folder / "set/vmlinuz")
    shutil.copy(initrd(), folder / "set/initrd.gz")
    return Payload("grub", folder / "set", "grubx64.efi", _line("grub", token), memory_mib=512,
                   seconds=180)


def finish_grub(payload, host, path):
    """Tells GRUB where its files are (`path` has no slash at its ends), and makes the image."""
    folder = payload.folder.parent
    for config in (folder / "early.cfg", payload.folder / "grub.cfg"):
        text = config.read_text(encoding="utf-8").replace("{BASE}", f"(http,{host})/{path}")
        config.write_text(text, encoding="utf-8")
    _run("grub-mkimage", "-O", "x86_64-efi", "-p", "/", "-c", folder / "early.cfg",
         "-o", payload.folder / payload.entry, *GRUB_MODULES)


def ipxe(token, debian13=False):
    """A machine that has iPXE on a disk of its own, as many have it in their NIC: iPXE asks DHCP and
    boots what it is offered. Debian 12's iPXE knows no HTTPS; Debian 13's does, and trusts the CA
    that the firmware was given."""
    name = "ipxe13" if debian13 else "ipxe"
    folder = _folder(name, token)
    source = debs.unpacked("trixie", "ipxe") if debian13 else Path("/")
    (folder / "disk/EFI/BOOT").mkdir(parents=True)
    shutil.copy(source / "usr/lib/ipxe/ipxe.efi", folder / "disk/EFI/BOOT/BOOTX64.EFI")
    _hello(folder / "set/next.efi", name, token)
    return Payload(name, folder / "set", "next.efi", _line(name, token), seconds=120,
                   scheme="https" if debian13 else "http", disk=str(folder / "disk"))


BUILDERS = {"hello": hello, "uki": uki, "shim": shim, "iso": iso, "grub": grub, "ipxe": ipxe, "bulk": bulk,
            "ipxe13": lambda token: ipxe(token, debian13=True), "unsigned": unsigned,
            "hello-arm64": hello_arm64, "uki-arm64": uki_arm64, "hello13": lambda token: hello(token, "trixie"),
            "uki13": lambda token: uki(token, "trixie")}


def build(name, token=None):
    return BUILDERS[name](token or secrets.token_hex(8))


if __name__ == "__main__":
    if sys.argv[1:] == ["--warm"]:
        kernel(), initrd()
    else:
        print(build(*sys.argv[1:]).folder)
