# SPDX-License-Identifier: Apache-2.0
"""The web page's tables and dialogs, each held to what `slipway` says of the same."""

import contextlib
import sys
from pathlib import Path

import debs
from harness import expect, run, test, until
from test_web import Site, axe, picture

MAC = "52:54:00:77:00:11"
FIRMWARE = debs.ROOT / "tests/captures/ovmf-2022.11-https-ipv4.pcap"


@contextlib.contextmanager
def forms(context):
    with Site(context, "web-forms") as made:
        made.sign_in(made.token())
        yield made


def both(lab, page, name):
    """What axe finds on a page as it is now, wide, and on a phone in the dark, which it fits."""
    browser = lab.browser
    for width, height, scheme in ((1280, 900, "light"), (390, 844, "dark")):
        browser.resize(width, height, phone=width < 500)
        browser.colours(scheme)
        axe(browser, f"{page}, {width} wide, {scheme}")
        wide = browser.script("return document.documentElement.scrollWidth")
        expect(wide <= width, f"{page} is {wide} pixels wide on a screen of {width}")
        picture(browser, f"{name}-{width}-{scheme}")
    browser.resize(1280, 900)
    browser.colours("light")


@test("web", "a machine's and a boot's page show the firmware's fingerprints as slipway does", forms)
def firmware(_, lab):
    browser = lab.browser
    lab.daemon.run("machine", "label", MAC, "rack=a1")
    space, interface = lab.port(MAC)
    run(["ip", "netns", "exec", space, sys.executable, Path(__file__).with_name("discover_as.py"),
         interface, MAC, FIRMWARE])
    lab.dhcp(space, interface)
    run(["ip", "netns", "exec", space, "curl", "--silent", "--fail", "--cacert",
         lab.daemon.authority(), "--output", "/dev/null", lab.url("boot.efi")])
    seen = until(lambda: lab.daemon.json("machine", "show", MAC)["firmware"],
                 "the catalog does not remember the firmware")[0]
    expect(seen["like"] == "EDK II HTTP boot" and seen["tcp"] and seen["tls"], f"{seen}")
    boot = lab.daemon.boot(MAC)
    for page, panel, since in ((f"machines/{MAC}", "Firmware", True),
                               (f"boots/{boot['id']}", "Timeline", False)):
        lab.go(page)
        shown = browser.until(f"no firmware on {page}", """
            const panel = document.querySelector(`section[aria-label="${arguments[0]}"]`);
            return panel?.innerText.includes(arguments[1]) && panel.innerText""", panel, seen["dhcp"])
        for wanted in ("HTTP boot", seen["like"], seen["dhcp"], seen["tcp"], seen["tls"]):
            expect(wanted in shown, f"no {wanted!r} on {page}:\n{shown}")
        expect(("As it is since" in shown) == since, f"{page}:\n{shown}")
        both(lab, page, page.split("/", maxsplit=1)[0] + "-firmware")
