# SPDX-License-Identifier: Apache-2.0
"""One virtual machine with real UEFI firmware: QEMU and OVMF (x64) or AAVMF (arm64), driven over
its serial console.

The machine's NIC is a vhost-user socket (the server maps its memory; no kernel interface) or a tap.
PXE is switched off in the firmware, so that HTTP boot comes first and not two minutes later. It
ends with whoever started it (unless kept), and is always reaped by its own process id.
"""

import ctypes
import dataclasses
import os
import re
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import debs  # noqa: E402

# EFI_CERT_X509_GUID, and an owner of our own.
X509_LIST = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
OWNER = uuid.UUID("51139a7e-0000-4000-8000-736c69707761")

AAVMF = Path("/usr/share/AAVMF")

ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()][A-Za-z0-9]|\x1bc|[\x00-\x08\x0b-\x1f]")
MOVES = re.compile(r"\x1b\[\d+;\d+H|\x1bc|\x1b\[2J")


def signature_list(certificates):
    """EFI_SIGNATURE_LISTs (UEFI 2.10, 32.4.1), one a certificate in DER."""
    out = b""
    for der in certificates:
        size = 16 + len(der)
        out += X509_LIST.bytes_le + struct.pack("<III", 28 + size, 0, size) + OWNER.bytes_le + der
    return out


def ders_of(pem):
    """Every certificate of a PEM file: while the CA is rotated there are two."""
    text = Path(pem).read_text(encoding="ascii")
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.S)
    return [ssl.PEM_cert_to_DER_cert(block) for block in blocks]


def firmware_folder(suite):
    """Where this Debian suite's OVMF lies: installed for Debian 12, fetched beside for others."""
    if suite == "bookworm":
        return Path("/usr/share/OVMF")
    return debs.unpacked(suite, "ovmf") / "usr/share/OVMF"


def firmware_files(hw):
    """(code, variables) of edk2 for this architecture, with the keys that `store` asks for."""
    suffix = "" if hw.store == "plain" else f".{hw.store}"
    if hw.architecture == "arm64":  # one code for both; no SMM guards its variables
        return AAVMF / "AAVMF_CODE.fd", AAVMF / f"AAVMF_VARS{suffix}.fd"
    ovmf = firmware_folder(hw.firmware)
    code = "OVMF_CODE_4M.fd" if hw.store == "plain" else "OVMF_CODE_4M.secboot.fd"
    return ovmf / code, ovmf / f"OVMF_VARS_4M{suffix}.fd"


def board(hw):
    """QEMU's program and board: words, and the options of -machine. Emulated on every host."""
    if hw.architecture == "arm64":
        # cortex-a57 and not max: pointer authentication is slow to emulate, and nobody asks for it.
        return ["qemu-system-aarch64", "-cpu", "cortex-a57"], "virt"
    words = ["qemu-system-x86_64", "-cpu", "max"]
    if hw.store == "plain":
        return words, "q35"
    return [*words, "-global", "driver=cfi.pflash01,property=secure,value=on"], "q35,smm=on"


def die_with_parent():
    """Between fork and exec: a rig that is killed leaves nothing running."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


@dataclasses.dataclass
class Hardware:
    folder: Path                 # for its variables, console log and QEMU's own words
    netdev: str                  # vhost-user:SOCKET or tap:INTERFACE
    mac: str = "52:54:00:53:4c:01"
    memory_mib: int = 256
    store: str = "plain"         # plain, snakeoil or ms; the last two enforce Secure Boot
    architecture: str = "x64"    # or arm64, of Debian 12 alone
    firmware: str = "bookworm"   # the suite whose OVMF it is
    certificates: tuple = ()     # PEM files of the CAs the firmware trusts
    ciphers: tuple = ()          # TLS suites (16-bit ids) the firmware may offer; empty: its own
    disk: str = ""               # a folder shown as a read-only FAT disk and booted from
    pxe: bool = False            # PXE before HTTP boot, instead of none
    nic: str = ""                # more properties of its NIC, as ",vectors=0"
    keep: bool = False


class Machine:
    """Power on with start(); read the console with wait(); always stop()."""

    def __init__(self, hardware):
        self.hardware = hardware
        self.lines = []          # console lines, without escape sequences
        self.started = self.powered_on = None
        self.ended = None
        self._process = None
        self._partial = ""
        self._news = threading.Condition()

    # --- power --------------------------------------------------------------------------------

    def command(self):
        hw = self.hardware
        folder = Path(hw.folder)
        folder.mkdir(parents=True, exist_ok=True)
        code, store = firmware_files(hw)
        variables = folder / "variables.fd"
        shutil.copy(store, variables)
        program, machine = board(hw)
        command = [*program, "-accel", "tcg,thread=multi",
                   "-m", f"{hw.memory_mib}M", "-nodefaults", "-no-user-config", "-display", "none",
                   "-monitor", "none", "-serial", "stdio", "-no-reboot",
                   "-uuid", str(uuid.uuid5(OWNER, hw.mac)),
                   "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
                   "-drive", f"if=pflash,unit=1,format=raw,file={variables}",
                   "-device", "virtio-rng-pci"]
        kind, _, where = hw.netdev.partition(":")
        if kind == "vhost-user":
            machine += ",memory-backend=mem0"
            command += ["-object", f"memory-backend-memfd,id=mem0,size={hw.memory_mib}M,share=on",
                        "-chardev", f"socket,id=ch0,path={where}",
                        "-netdev", "vhost-user,id=n0,chardev=ch0,queues=1"]
        else:
            command += ["-netdev", f"tap,id=n0,ifname={where},script=no,downscript=no"]
        command += ["-machine", machine, "-device",
                    f"virtio-net-pci,netdev=n0,mac={hw.mac},romfile=,bootindex=1{hw.nic}"]
        if hw.disk:
            command += ["-drive", f"if=none,id=d0,format=raw,readonly=on,file=fat:{hw.disk}",
                        "-device", "virtio-blk-pci,drive=d0,bootindex=0"]
        for name in ("IPv6PXESupport",) if hw.pxe else ("IPv4PXESupport", "IPv6PXESupport"):
            command += ["-fw_cfg", f"name=opt/org.tianocore/{name},string=n"]
        if hw.certificates:
            (folder / "cacerts").write_bytes(signature_list(
                [der for pem in hw.certificates for der in ders_of(pem)]))
            command += ["-fw_cfg", f"name=etc/edk2/https/cacerts,file={folder / 'cacerts'}"]
        if hw.ciphers:
            (folder / "ciphers").write_bytes(b"".join(struct.pack(">H", c) for c in hw.ciphers))
            command += ["-fw_cfg", f"name=etc/edk2/https/ciphers,file={folder / 'ciphers'}"]
        return command

    def start(self, prefix=()):
        """`prefix`: words before QEMU's own command, as `ip netns exec NAME`."""
        command = [*prefix, *self.command()]
        folder = Path(self.hardware.folder)
        (folder / "qemu.command").write_text(" ".join(command) + "\n", encoding="utf-8")
        self.started = time.monotonic()
        self.powered_on = time.time()  # to compare with what others write down
        with open(folder / "qemu.log", "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                preexec_fn=None if self.hardware.keep else die_with_parent,
                start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    @property
    def pid(self):
        return self._process.pid

    @property
    def seconds(self):
        """Since power on; stands still once the machine is off."""
        return (self.ended or time.monotonic()) - self.started

    def running(self):
        return self._process is not None and self._process.poll() is None

    def wait_off(self, timeout):
        """True when the machine powered itself off in time."""
        try:
            self._process.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            return False

    def stop(self):
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            if not self.wait_off(5):
                self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin,):
            pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- console ------------------------------------------------------------------------------

    def _read(self):
        with open(Path(self.hardware.folder) / "console.log", "wb", buffering=0) as log:
            while chunk := os.read(self._process.stdout.fileno(), 4096):
                log.write(chunk)
                text = MOVES.sub("\n", chunk.decode("utf-8", errors="replace"))
                with self._news:
                    *whole, self._partial = (self._partial + text).split("\n")
                    cleaned = (ESCAPES.sub("", line).strip() for line in whole)
                    self.lines += [line for line in cleaned if line]
                    self._news.notify_all()
        self._process.wait()
        self.ended = time.monotonic()
        with self._news:
            if rest := ESCAPES.sub("", self._partial).strip():
                self.lines.append(rest)
            self._partial = ""
            self._news.notify_all()

    def tail(self, count=3):
        """The last lines on the console, the unfinished one too."""
        with self._news:
            rest = ESCAPES.sub("", self._partial).strip()
            return (self.lines + ([rest] if rest else []))[-count:]

    def seen(self, pattern):
        """The first console line in which `pattern` (a regular expression) is found, or None."""
        found = re.compile(pattern)
        with self._news:
            candidates = [*self.lines, ESCAPES.sub("", self._partial)]
        return next((line for line in candidates if found.search(line)), None)

    def wait(self, pattern, timeout):
        """seen(), as soon as it is there; None after `timeout` seconds or when the machine ended."""
        deadline = time.monotonic() + timeout
        while True:
            line = self.seen(pattern)
            left = deadline - time.monotonic()
            if line is not None or left <= 0 or (self.ended and not self.running()):
                return line if line is not None else self.seen(pattern)
            with self._news:
                self._news.wait(min(left, 0.5))

    def type(self, text):
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()
