# SPDX-License-Identifier: Apache-2.0
"""Reads the boots API: one machine's boot as steps, as rows of a table, and as a likely reason.

A step is what a worker's event says (dataplane/event.h): a kind, two numbers and a text, and the
sentence that the control plane makes of them.
"""

import dataclasses

from terminal import size

# Kinds that the table leaves out: they repeat, or their neighbour says the same.
QUIET = {"HttpProgress", "DhcpOther", "TcpClosed"}


@dataclasses.dataclass
class Step:
    seconds: float      # since power on, or where that is not known since the boot's first step
    kind: str
    words: str
    text: str
    number: int
    extra: int
    connection: int

    @property
    def bytes(self):
        return self.number if self.kind == "HttpComplete" else 0


def tls_version(number):
    return {0x303: "TLS 1.2", 0x304: "TLS 1.3"}.get(number, f"TLS {number:#x}" if number else "TLS")


def steps(boot, powered_on=None):
    """The steps of a boot as the API gives it; `powered_on` is the Unix time that counts as zero."""
    found = []
    zero = float((boot or {}).get("began", 0)) - powered_on if boot and powered_on else 0.0
    for entry in (boot or {}).get("steps", []):
        found.append(Step(zero + float(entry.get("at", 0)), entry.get("kind", ""),
                          entry.get("words", ""), entry.get("text", ""),
                          int(entry.get("number", 0)), int(entry.get("extra", 0)),
                          int(entry.get("connection", 0))))
    return found


def downloading(found):
    """(path, bytes, of) of the transfer under way, or None."""
    for step in reversed(found):
        if step.kind == "HttpProgress":
            path = next((s.text for s in reversed(found)
                         if s.kind == "HttpRequest" and s.connection == step.connection), "")
            return path, step.number, step.extra
        if step.kind == "HttpComplete":
            return None
    return None


def told_whole(found):
    """The last file that was asked for was delivered, or the connection was refused before one was."""
    # The page of an error is no file, and nothing tells that it was delivered.
    asked = [index for index, step in enumerate(found)
             if step.kind == "HttpRequest" and step.text.startswith("GET ") and step.number < 300]
    if not asked:
        return any(step.kind in ("TlsFailed", "TcpReset", "DhcpIgnored") for step in found)
    last = found[asked[-1]]
    return any(step.kind == "HttpComplete" and step.text == last.text for step in found[asked[-1] + 1:])


def leaf(path):
    """The file's own name: what stands before it is the same for all files of an image set."""
    return path.rsplit("/", 1)[-1]


def shown(found):
    """(step, sentence) for each step worth a line. The API's own sentences name paths and addresses in
    full; here they must fit a terminal of 80 columns."""
    lines, asked = [], {}
    for step in found:
        what = sentence(step, asked)
        if step.kind == "HttpRequest":
            asked[step.connection] = step
        if what:
            lines.append((step, what))
    return lines


def sentence(step, asked):
    """What the machine did; empty when the step's neighbours say it already."""
    method, _, path = step.text.partition(" ")
    if step.kind in QUIET or (step.kind == "TcpReset" and step.number == 0):
        return ""                       # firmware always closes by a reset
    if step.kind == "DhcpOffer" and "://" in step.text:
        scheme, _, rest = step.text.partition("://")
        return f"was offered {scheme}://{rest.split('/')[0]}/…/{leaf(rest)}"
    if step.kind == "DhcpOffer":
        return "was offered an address"
    if step.kind == "TcpOpened":
        return f"connected to port {step.number}"
    if step.kind == "TcpRefused":
        return f"came to port {step.number}, which is closed"
    if step.kind == "TlsDone":
        return f"TLS handshake: {step.text}"
    if step.kind == "HttpRequest" and step.number < 400:
        return f"{method} {leaf(path)}" + (f", {size(step.extra)}" if step.extra else "")
    if step.kind == "HttpRequest":
        return f"{method} {leaf(path)}: answered {step.number}"
    if step.kind == "HttpComplete":
        start = asked.get(step.connection)
        if method == "HEAD" or start is None or start.number >= 400:
            return ""
        seconds = step.seconds - start.seconds
        rate = f": {size(step.number / seconds)}/s" if seconds > 0.1 else ""
        return f"has all of {leaf(path)}{rate}"
    return step.words


def table(found):
    """Rows: seconds, bytes, TLS, what the machine did."""
    rows, tls = [], {}
    for step, what in shown(found):
        if step.kind == "TlsDone":
            tls[step.connection] = tls_version(step.number)
        version = tls.get(step.connection, "") if step.kind.startswith(("Http", "TlsDone")) else ""
        rows.append((f"{step.seconds:.2f}", size(step.bytes) if step.bytes else "", version, what))
    return rows


CA_REFUSED = ("the firmware refused our certificate: it does not trust its CA, or the name differs",
              "slipway ca efi FILE writes our CA for the firmware's list of trusted ones; enrol it, "
              "and mind the machine's clock")
SIGNATURE_REFUSED = (
    "the firmware's Secure Boot refused the program's signature",
    "sign it with a key whose certificate is in the firmware's db (sbsign), or serve one that is "
    "signed already, as Debian's shim")
NO_OFFER = ("it got an address but no boot: the image set it should get was never imported",
            "slipway image list shows what there is; slipway image import FILE NAME:TAG adds it; "
            "then power on again")
NO_RULE = ("DHCP kept silent, for no image set stands ready that it could boot (none was imported, or "
           "the configuration names another)", NO_OFFER[1])
UNHEARD = ("the machine was never heard of: it sent nothing, or the port is not connected",
           "slipway drops says what came and was not served; look at the cable, VLAN and boot order")
# OVMF goes on to its next boot option, or says that there is none: HTTP boot is over.
GIVEN_UP = r"BdsDxe: failed to load Boot\d+ \"UEFI HTTPv4|No bootable option or device"


def reason(found, console):
    """Why it probably did not boot, in one sentence, from the story and the firmware's screen."""
    return judged(found, console)[0]


def judged(found, console):
    """(why it probably did not boot, what helps; empty where nobody can say)"""
    screen = "\n".join(console)
    kinds = {step.kind for step in found}
    if "Access Denied" in screen or "Security Violation" in screen:
        return SIGNATURE_REFUSED
    if "TlsFailed" in kinds or ("TcpReset" in kinds and "TlsDone" not in kinds):
        return CA_REFUSED
    if not found and not console:
        return ("the machine has not said a word yet, nor sent a frame", "the host may be very busy; "
                "its emulator's own words are in qemu.log, beside the console's log")
    if not found:
        return UNHEARD
    return unfinished(found, kinds)


def unfinished(found, kinds):
    """The same, for a boot that stopped half way without a complaint."""
    if "DhcpIgnored" in kinds and "DhcpAck" not in kinds:
        ignored = next(step for step in found if step.kind == "DhcpIgnored")
        if "no boot rule" in ignored.text:
            return NO_RULE
        return f"DHCP did not answer it: {ignored.text}", "slipway drops; the [[network]] table"
    if not any(step.kind == "DhcpOffer" and "://" in step.text for step in found):
        return NO_OFFER
    if "DhcpAck" not in kinds:
        return ("it asked for an address but never took the one it was offered",
                "does another DHCP server answer on this wire? then write proxy_dhcp = true")
    if "TcpOpened" not in kinds and "TcpRefused" in kinds:
        return "it came by plain HTTP, and boot.http is off", "use https://, or set boot.http"
    if "TcpOpened" not in kinds:
        return "it has an address but never connected (name not resolved, or no boot offer)", ""
    refused = [s for s in found if s.kind == "HttpRequest" and s.number >= 400]
    # A HEAD completes too, and has delivered nothing.
    delivered = [s for s in found if s.kind == "HttpComplete" and not s.text.startswith("HEAD ")]
    if refused and not delivered:
        return f"what it asked for is not served: {refused[-1].words}", "slipway image list"
    if not delivered:
        return "the download never finished", ""
    return ("everything was delivered, but the guest never said its line",
            "from here on it is the program's own story: its console, further up")
