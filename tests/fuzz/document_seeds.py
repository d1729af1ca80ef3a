# SPDX-License-Identifier: Apache-2.0
"""Seeds for the targets that read a text or a document of the control plane.

    document_seeds.py OUT     writes OUT/TARGET/NAME
"""
import hashlib
import io
import json
import pathlib
import sys
import tarfile

HEX = hashlib.sha256(b"boot").hexdigest()
RULE = {"order": 7, "selector": "arch=x64, rack in (a1, a2)", "action": "boot",
        "image_set": "debian:stable", "mode": "until-success:3", "script": "boot.ipxe",
        "options": [{"code": 42, "hex": "0a4d0009"}], "variables": {"disk": "/dev/sda"}}


def policy():
    yield from enumerate((
        "arch=x64", "mac!=52:54:00:*, !retired", "rack in (a1, a2), client-id=01:52:54",
        "name=web*, rack notin (=a, b), dc/row", "rack==  =a", "always", "once", "until-success:3",
        json.dumps(RULE), json.dumps({"action": "ignore", "selector": ""}),
        json.dumps({"action": "quarantine", "image_set": "rescue:latest"}),
        json.dumps({"candidate": "debian:next", "selector": "rack=a1, group=web", "percent": 10,
                    "failures_max": 3})))


def registry_names():
    yield from enumerate((
        "/v2/", "/v2/_catalog", "/v2/site/debian/manifests/stable", "/v2/a/blobs/sha256:" + HEX,
        "/v2/a/tags/list", "/v2/a/referrers/sha256:" + HEX, "/v2/a/blobs/uploads/",
        "/v2/a/blobs/uploads/17", "ghcr.io/site/debian:12", "registry.test:5000/a/b@sha256:" + HEX,
        "registry.test/a:1@sha256:" + HEX, 'Bearer realm="https://auth.test/token",service="a \\"b"',
        "Basic realm=x, Bearer realm=y", "https://auth.test:8443/token?scope=x#y", "HTTPS://a?x"))


def layout():
    tree = "[general]\nname = Fedora 41\narch = x86_64\n[images-x86_64]\nkernel = k\ninitrd = i\n"
    pxe = "images/pxeboot/initrd.img\nimages/pxeboot/vmlinuz\n"
    for name, files, text in (
            ("fedora", ".treeinfo\ni\nk\nrepodata/repomd.xml\n", tree),
            ("fedora-default", ".treeinfo\n" + pxe, "[general]\narch = x86_64\r\n"),
            ("fedora-bare", "images/install.img\n" + pxe, ""),
            ("suse", "boot/x86_64/loader/initrd\nboot/x86_64/loader/linux\nmedia.1/products\n",
             "/ openSUSE-Leap 15.5-1\n"),
            ("agama", "LiveOS/squashfs.img\nboot/aarch64/initrd\nboot/aarch64/linux\n", ""),
            ("ubuntu", ".disk/info\ncasper/initrd\ncasper/vmlinuz\n",
             'Ubuntu-Server 24.04 LTS "Noble Numbat" - Release amd64 (20240423)\n'),
            ("netboot", "debian-installer/amd64/initrd.gz\ndebian-installer/amd64/linux\n", ""),
            ("debian", ".disk/info\ndists/bookworm/Release\ninstall.amd/initrd.gz\n"
             "install.amd/vmlinuz\npreseed.cfg\n", "Debian GNU/Linux 12.5.0\n")):
        yield name, files + "\n" + text


def server_events():
    stream = ("\ufeffretry: 500\r\nid: 7\r\nevent: step\r\ndata: {\"a\": 1}\r\ndata: more\r\n\r\n"
              ": a comment\n\ndata\nid\n\nid: 8\rdata: x\r\r")
    for piece in (0, 1, 6, 255):
        yield piece, bytes([piece]) + stream.encode()


def machine_catalog():
    for number, key in enumerate((
            "52:54:00:12:34:56", "52-54-00-12-34-56", "525400123456", "01-52-54-00-12-34-56",
            "0a1b2c3d-0001-0002-0003-000000000001", "0A1B2C3D-0001-0002-0003-000000000001")):
        yield f"script-{number}", f"/machine/{key}/boot.ipxe"
        yield f"data-{number}", f"/machine/{key}/user-data"


def template():
    for number, (text, value) in enumerate((
            ("#!ipxe\nkernel {{base}}/linux ip={{ip}}\n{{#x}}{{/x}}{{^x}}boot{{/x}}", "10.77.0.9"),
            ("#cloud-config\nhostname: {{name}}\n{{! why }}{{#labels}}\n- {{.}}\n{{/labels}}", "web1"),
            ('{"ignition": {"version": "3.4.0"}, "name": "{{name}}", "raw": "{{{name}}}{{&name}}"}',
             'a "quoted" <name> & more'),
            ("{{#a}}{{#b}}{{c}}{{/b}}{{/a}}{{=<% %>=}}<% c %>", "\u00e9\n"), ("{{x}}", ""))):
        yield number, text + "\0" + value


def backup(files, lies=None):
    """A backup of these files as a tar, with what is not true in its list."""
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
               for name, data in files.items()}
    listed = json.dumps({"version": 1, "created": 1790000000, "files": entries,
                         **(lies or {})}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in {"backup.json": listed, **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def restore():
    state = {"catalog.db": b"SQLite format 3\0", "leases.db": b"", "ca.pem": b"PEM", "token": b"t"}
    images = {"images/oci-layout": b"{}", "images/index.json": b"{}",
              "images/blobs/sha256/" + HEX: b"boot"}
    yield "state", backup(state)
    yield "images", backup({**state, **images})
    yield "empty", backup({})
    yield "version-2", backup({**state, "images/previous.json": b"{}"}, {"version": 2})
    yield "newer-version", backup(state, {"version": 3})
    yield "unknown-name", backup({**state, "../etc": b"x"})
    yield "missing", backup(state, {"files": {}})


def main():
    for make in (policy, registry_names, layout, server_events, machine_catalog, template, restore):
        folder = pathlib.Path(sys.argv[1]) / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, seed in make():
            (folder / str(name)).write_bytes(seed.encode() if isinstance(seed, str) else seed)


if __name__ == "__main__":
    main()
