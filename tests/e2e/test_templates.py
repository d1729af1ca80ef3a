# SPDX-License-Identifier: Apache-2.0
"""Documents that each machine has of its own: by every name that clients write, as they are
previewed, and an iPXE that is sent to its script."""

import hashlib
import re

import build as payloads
import machine
from daemon import NAME
from harness import expect, test
from lab import Lab
from test_firmware import MAC, hardware

FIRST = MAC.format(1)
UUID = "0a1b2c3d-0001-0203-0405-060708090a0b"

USER_DATA = """#cloud-config
hostname: {{hostname}}
# {{image}} {{image.path}} {{boot.https}}{{machine.path}} {{label.rack}}
{{#disk}}
disk: {{disk}}
{{/disk}}
"""


def made(lab, name, text, *words):
    file = lab.folder / name
    file.write_text(text, encoding="utf-8")
    return lab.daemon.run("template", "set", name, "--file", file, *words)


def answer(lab, path, *words, scheme="https"):
    """(status, headers by their names in small letters, body)"""
    out = lab.folder / "answer"
    out.unlink(missing_ok=True)
    head = lab.curl("--dump-header", "-", "--output", out, *words, f"{scheme}://{NAME}{path}")
    lines = head.strip().splitlines()
    headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip()
               for line in lines[1:] if ":" in line}
    body = out.read_bytes() if out.exists() else b""
    return int(lines[0].split()[1]), headers, body


@test("templates", "curl finds a machine's document by each of its names, as it was previewed")
def served(context):
    with Lab(context, "tmpl") as lab:
        daemon = lab.daemon
        lab.make_set({"small.efi": 4000})
        daemon.run("machine", "set", FIRST, "-", "--uuid", UUID)
        daemon.run("machine", "label", FIRST, "rack=a1")
        daemon.run("machine", "variable", FIRST, "hostname=one")
        made(lab, "user-data", USER_DATA, "--when", "rack=a1")
        preview = daemon.run("template", "preview", "user-data", "--mac", FIRST).stdout.encode()
        expect(preview.startswith(b"#cloud-config\nhostname: one\n# demo:1 /demo/"), str(preview))
        keys = [FIRST, FIRST.replace(":", "-"), FIRST.upper(), FIRST.replace(":", ""),
                "01-" + FIRST.replace(":", "-"), FIRST.replace(":", "%3a"), UUID, UUID.upper()]
        etag = f'"{hashlib.sha256(preview).hexdigest()}"'
        for key in keys:
            for scheme in ("https", "http"):
                status, headers, body = answer(lab, f"/machine/{key}/user-data", scheme=scheme)
                expect(status == 200 and body == preview, f"{scheme} {key}: {status} {body}")
                expect(headers["etag"] == etag, f"{key}: {headers}")
                expect(headers["content-type"] == "text/plain", str(headers))
        path = f"/machine/{UUID}/user-data"
        status, headers, _ = answer(lab, path, "--head")
        expect(status == 200 and headers["content-length"] == str(len(preview)), str(headers))
        status, _, body = answer(lab, path, "--range", "2-9")
        expect(status == 206 and body == preview[2:10], f"{status} {body}")
        status, _, _ = answer(lab, path, "--header", f"If-None-Match: {etag}")
        expect(status == 304, f"{status} though it has that already")

        daemon.run("machine", "variable", FIRST, "hostname=two", "disk=/dev/vda")
        status, headers, body = answer(lab, path, "--header", f"If-None-Match: {etag}")
        expect(status == 200 and b"hostname: two\n" in body and b"disk: /dev/vda\n" in body, str(body))
        expect(headers["etag"] == f'"{hashlib.sha256(body).hexdigest()}"', str(headers))
        again = daemon.run("template", "preview", "user-data", "--uuid", UUID).stdout.encode()
        expect(again == body, f"previewed {again}, served {body}")

        for gone in (f"/machine/{MAC.format(2)}/user-data", f"/machine/{FIRST}/meta-data",
                     f"/machine/{FIRST}/", f"/machine/{FIRST}/../user-data"):
            status, _, _ = answer(lab, gone, "--path-as-is")
            expect(status == 404, f"{gone}: {status}")
        daemon.run("machine", "label", FIRST, "rack=b7")
        expect(answer(lab, path)[0] == 404, "it is not of the selector any more")
        lab.nothing_leaked()


SCRIPT = """#!ipxe
echo script of {{name}} for ${netX/mac}
chain {{boot.http}}{{image.path}}/next.efi
"""


@test("templates", "Debian 12's iPXE is sent to its own script, and by that to the image", slow=True)
def script(context):
    payload = payloads.build("ipxe")
    with Lab(context, "tmpl-ipxe") as lab:
        daemon = lab.daemon
        daemon.import_image(payload.folder)
        daemon.run("machine", "set", FIRST, "-", "--name", "node7")
        made(lab, "boot.ipxe", SCRIPT)
        daemon.run("machine", "script", FIRST, "boot.ipxe")
        told = daemon.json("explain", "--mac", FIRST, "--client", "ipxe")
        expect(told["uri"] == f"http://{NAME}/machine/${{netX/mac}}/boot.ipxe", str(told))
        hw = hardware(payload, lab.folder / "m", f"tap:{lab.tap()}", daemon.authority())
        hw.disk = payload.disk
        with machine.Machine(hw).start(("ip", "netns", "exec", lab.client)) as guest:
            booted = guest.wait(payload.line, 360)
            expect(booted, "\n".join(guest.tail(12)))
            expect(guest.seen(re.escape(f"script of node7 for {FIRST}")), "\n".join(guest.tail(30)))
        paths = [step["text"] for step in daemon.boot(FIRST)["steps"]
                 if step["kind"] == "HttpRequest"]
        expect(any(f"/machine/{FIRST}/boot.ipxe" in path for path in paths), str(paths))
