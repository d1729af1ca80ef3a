# SPDX-License-Identifier: Apache-2.0
"""The web page of one machine: its settings, its own labels and variables, and what it lacks of what it is to boot."""

import contextlib
import sys
from pathlib import Path

import debs
from browser import ENTER, TAB
from harness import expect, run, test, until
from lab import EFI_PROGRAM
from web_forms import (as_token, both, buttons, closed, dialog, fill, filled, forms, no_complaints,
                       overtaken, press, standing_still, unsaid)

MAC, NEEDY, CHAINED = "52:54:00:77:00:41", "52:54:00:77:00:42", "52:54:00:77:00:43"
OWN, GONE = "52:54:00:77:00:44", "52:54:00:77:00:45"
UUID = "0a1b2c3d-0001-0203-0405-0607080900aa"
EDIT, SETTINGS = "Edit labels and variables", "Edit settings"
IPXE = debs.ROOT / "tests/captures/ipxe-2019-bios-http.pcap"


def machine(lab, mac=MAC):
    return lab.daemon.json("machine", "show", mac)


def texts(lab):
    now = machine(lab)
    return now["labels"], now["variables"]


def opened(browser):
    press(browser, EDIT)
    dialog(browser, "Variables for templates")


@test("web", "a machine nobody entered is given labels and variables; what is refused keeps what was typed", forms)
def enter_machine(_, lab):
    browser = lab.browser
    lab.go(f"machines/{MAC}")
    browser.until_text("the catalog does not know it")
    opened(browser)
    expect(browser.script("return document.activeElement.innerText") == "Add a label", "nothing of the form has the focus")
    browser.press([ENTER])
    browser.until("the new row has not the focus", "return document.activeElement.ariaLabel === 'Label name 1'")
    browser.press([*"my rack", TAB, *"a1"])
    press(browser, "Add a variable")
    fill(browser, "Variable name 1", "motd")
    fill(browser, "Variable value 1", "one\ntwo")
    press(browser, "Save")
    dialog(browser, "is no key")
    both(lab, "the dialog of labels that were refused", "machine-texts-refused")
    expect(filled(browser, "Variable value 1") == "one\ntwo", "what was typed is lost")
    fill(browser, "Label name 1", "rack")
    unsaid(browser, "is no key")
    press(browser, "Add a label")
    fill(browser, "Label name 2", "retired")
    press(browser, "Save")
    closed(browser)
    expect(texts(lab) == ({"rack": "a1", "retired": ""}, {"motd": "one\ntwo"}), f"{texts(lab)}")
    for wanted in ("rack=a1", "retired=", "motd=one"):
        browser.until_text(wanted)
    both(lab, "a machine with labels and variables", "machine-texts")
    no_complaints(browser)


@test("web", "a machine's labels and variables are changed as they were seen, and nothing else of it is", forms)
def edit_machine(_, lab):
    browser = lab.browser
    lab.daemon.run("machine", "set", MAC, "demo:1", "--name", "node41", "--mode", "once")
    before = machine(lab)
    lab.go(f"machines/{MAC}")
    browser.until_text("node41")
    opened(browser)
    fill(browser, "Label value 1", "b2")
    overtaken(browser, "Save", EDIT, lambda: lab.daemon.run("machine", "variable", MAC, "console=ttyS0"))
    expect(texts(lab) == (before["labels"], {**before["variables"], "console": "ttyS0"}), "it was overwritten")
    opened(browser)
    expect(filled(browser, "Variable name 1") == "console", "it is not what there is now")
    fill(browser, "Label value 1", "b2")
    press(browser, "Remove label 2")
    press(browser, "Remove variable 2")
    press(browser, "Add a variable")
    fill(browser, "Variable name 2", "console")
    press(browser, "Save")
    dialog(browser, "console is there twice")
    press(browser, "Remove variable 2")
    press(browser, "Save")
    closed(browser)
    expect(machine(lab) == {**before, "labels": {"rack": "b2"}, "variables": {"console": "ttyS0"}}, f"{machine(lab)}")
    no_complaints(browser)


@test("web", "who may not change machines reads their labels and variables; a scope keeps its own", forms)
def read_machine(_, lab):
    browser = lab.browser
    as_token(lab, lab.token("viewer"))
    lab.go(f"machines/{MAC}")
    browser.until_text("rack=b2")
    browser.until_text("console=ttyS0")
    expect(not {EDIT, SETTINGS} & set(buttons(browser)), f"there are buttons: {buttons(browser)}")
    scoped = lab.daemon.json("token", "create", "e2e-rack", "--role", "operator", "--scope", "rack=b2")
    as_token(lab, scoped["token"])
    lab.go(f"machines/{MAC}")
    opened(browser)
    fill(browser, "Label value 1", "c3")
    press(browser, "Save")
    dialog(browser, "would be none of them")
    fill(browser, "Label value 1", "b2")
    fill(browser, "Variable value 1", "tty1")
    press(browser, "Save")
    closed(browser)
    expect(texts(lab) == ({"rack": "b2"}, {"console": "tty1"}), f"{texts(lab)}")
    as_token(lab, lab.token())
    lab.daemon.run("machine", "rm", MAC)
    no_complaints(browser)


def settings(browser):
    press(browser, SETTINGS)
    dialog(browser, "Serial number")


@test("web", "a machine nobody entered is given an image set, a plan and groups; what is refused goes as it is changed", forms)
def enter_settings(_, lab):
    browser = lab.browser
    lab.go(f"machines/{OWN}")
    browser.until_text("the catalog does not know it")
    settings(browser)
    fill(browser, "Image set", "demo:1")
    fill(browser, "How often it boots", "once")
    fill(browser, "Name", "node44")
    fill(browser, "Groups", "web, my group")
    press(browser, "Save")
    dialog(browser, "is no name")
    both(lab, "the dialog of settings that were refused", "machine-settings-refused")
    expect(filled(browser, "Groups") == "web, my group", "what was typed is lost")
    fill(browser, "Groups", "web, site/west")
    unsaid(browser, "is no name")
    press(browser, "Save")
    closed(browser)
    now = machine(lab, OWN)
    expect((now["image_set"], now["mode"], now["name"], now["groups"], now["hold"], now["approved"])
           == ("demo:1", "once", "node44", ["site/west", "web"], False, False), f"{now}")
    for wanted in ("node44", "site/west", "once"):
        browser.until_text(wanted)
    both(lab, "a machine with settings", "machine-settings")
    no_complaints(browser)


@test("web", "a machine's settings are changed as they were seen, and nothing else of it is", forms)
def edit_settings(_, lab):
    browser = lab.browser
    script = lab.folder / "boot.ipxe"
    script.write_text("#!ipxe\n", encoding="utf-8")
    lab.daemon.run("template", "set", "boot.ipxe", "--file", script)
    lab.daemon.run("machine", "label", OWN, "rack=a1")
    lab.go(f"machines/{OWN}")
    settings(browser)
    fill(browser, "Serial number", "SN-1")
    overtaken(browser, "Save", SETTINGS, lambda: lab.daemon.run("machine", "group", OWN, "db"))
    before = machine(lab, OWN)
    expect((before["serial"], before["groups"]) == ("", ["db", "site/west", "web"]), f"it was overwritten: {before}")
    settings(browser)
    expect(filled(browser, "Groups") == "db, site/west, web", "it is not what there is now")
    for label, value in (("Held", "true"), ("iPXE is sent to", "boot.ipxe"), ("Approved", "true"),
                         ("Groups", "web"), ("Serial number", "SN-1"), ("UUID", "none")):
        fill(browser, label, value)
    dialog(browser, "Its boots are counted anew")
    press(browser, "Save")
    dialog(browser, "not a machine's UUID")
    fill(browser, "UUID", UUID.upper())
    press(browser, "Save")
    closed(browser)
    changed = {**before, "hold": True, "script": "boot.ipxe", "approved": True, "groups": ["web"],
               "serial": "SN-1", "uuid": UUID}
    expect(machine(lab, OWN) == changed, f"{machine(lab, OWN)}")
    browser.until_text("Held")
    settings(browser)
    fill(browser, "How often it boots", "until-success:3")
    press(browser, "Save")
    closed(browser)
    expect(machine(lab, OWN) == {**changed, "mode": "until-success:3"}, f"another mode released it: {machine(lab, OWN)}")
    no_complaints(browser)


@test("web", "a machine is forgotten as it was seen, and what somebody changed meanwhile is asked about anew", forms)
def forget_machine(_, lab):
    browser = lab.browser
    lab.go(f"machines/{OWN}")
    press(browser, "Remove node44")
    dialog(browser, "Its image set demo:1, name, groups")
    both(lab, "the question before a machine is forgotten", "machine-forget")
    lab.daemon.run("machine", "set", OWN, "-")
    press(browser, "Remove")
    said = dialog(browser, "was changed meanwhile")
    expect("Its image set, name, groups" in said, f"it does not say what it is now: {said}")
    expect(machine(lab, OWN)["name"] == "node44", "it was forgotten")
    press(browser, "Remove")
    browser.until("it does not lead to the machines", "return location.hash === '#/machines'")
    expect(OWN not in [each["mac"] for each in lab.daemon.json("machine", "list")], "it is still there")
    lab.daemon.run("template", "rm", "boot.ipxe")
    no_complaints(browser)


@test("web", "a machine that somebody else forgot is said to be gone, and no button enters it again", forms)
def gone_machine(_, lab):
    browser = lab.browser
    lab.daemon.run("machine", "set", GONE, "demo:1", "--name", "node45")
    lab.go(f"machines/{GONE}")
    browser.until_text("node45")
    with standing_still(browser):
        lab.daemon.run("machine", "rm", GONE)
        press(browser, "Approve")
        browser.until_text("no such machine")
    browser.until_text("does not know it any more")
    browser.until("it is shown as it was", "return !document.querySelector('main dl').innerText.includes('demo:1')")
    expect(GONE not in [each["mac"] for each in lab.daemon.json("machine", "list")], "it was entered again")
    no_complaints(browser)


@contextlib.contextmanager
def seeming(browser, mac, values):
    """What the page is told of the machine has these values: a boot counts only after a minute of quiet."""
    browser.script("""
        const [mac, values] = arguments;
        window.untouched = window.fetch;
        window.fetch = async (path, options) => {
            const answer = await window.untouched(path, options);
            if (options?.method !== 'GET' || path !== '/api/v1/machines/' + mac || answer.status !== 200) return answer;
            const {status, headers} = answer;
            return new Response(JSON.stringify({...await answer.json(), ...values}), {status, headers});
        };""", mac, values)
    try:
        yield
    finally:
        browser.script("window.fetch = window.untouched")


@test("web", "a plan is begun anew wherever boots were counted, also a rule's, and over what was read", forms)
def begin_anew(_, lab):
    browser = lab.browser
    lab.daemon.run("machine", "set", GONE, "-", "--name", "node45")
    lab.go(f"machines/{GONE}")
    browser.until_text("as the rules say")
    expect("Begin anew" not in buttons(browser), "there is nothing to begin anew")
    with seeming(browser, GONE, {"boots_failed": 3}):
        lab.daemon.run("machine", "label", GONE, "rack=b2")    # so that the page is told of it anew
        press(browser, "Begin anew")
        dialog(browser, "it boots as the rules say")
        both(lab, "the question before a plan begins anew", "machine-anew")
        overtaken(browser, "Begin anew", "Begin anew", lambda: lab.daemon.run("machine", "label", GONE, "rack=c3"))
        press(browser, "Begin anew")
        dialog(browser, "it boots as the rules say")
        press(browser, "Begin anew")
        closed(browser)
    expect(machine(lab, GONE)["labels"] == {"rack": "c3"}, f"{machine(lab, GONE)}")
    lab.daemon.run("machine", "rm", GONE)
    no_complaints(browser)


LACKS = "lacks what its image set needs"


def assigned(lab, mac, image_set, needs):
    """Gives the machine a new image set, which needs that, and opens its page."""
    folder = lab.folder / image_set.replace(":", "-")
    folder.mkdir()
    (folder / "boot.efi").write_bytes(EFI_PROGRAM)
    lab.daemon.run("image", "import", folder, image_set, "--needs", needs)
    lab.daemon.run("machine", "set", mac, image_set)
    lab.go(f"machines/{mac}")
    lab.browser.until_text(f"It boots {image_set}")


def lacked(lab, mac, *words):
    """What `slipway explain` says that it lacks."""
    return lab.daemon.json("explain", "--mac", mac, *words)["unmet_needs"]


@test("web", "a machine's page says what its image set needs that it lacks, and what helps", forms)
def unmet_needs(_, lab):
    browser = lab.browser
    assigned(lab, NEEDY, "needy:1", "memory-mib=4096,ram-disk=true")
    lab.daemon.run("machine", "label", NEEDY, "memory-mib=2048", "ram-disk=false")
    told = lacked(lab, NEEDY)
    expect(len(told) == 2 and "slipway machine label" in "".join(told), f"{told}")
    for need in told:
        browser.until_text(f"needy:1 {need}")
    both(lab, "a machine that lacks what its image set needs", "machine-needs")
    lab.daemon.run("machine", "label", NEEDY, "memory-mib=8192", "ram-disk-")
    browser.until("it is still said to lack something",
                  "return !document.querySelector('main').innerText.includes(arguments[0])", LACKS)
    lab.daemon.run("machine", "rm", NEEDY)
    no_complaints(browser)


@test("web", "a machine that was seen to boot iPXE is said to lack what iPXE cannot do, with what helps", forms)
def ipxe_needs(_, lab):
    browser = lab.browser
    assigned(lab, CHAINED, "cd:1", "ram-disk=true")
    expect(LACKS not in browser.text(), "it was not seen to boot iPXE yet")
    space, interface = lab.port(CHAINED)
    run(["ip", "netns", "exec", space, sys.executable, Path(__file__).with_name("discover_as.py"),
         interface, CHAINED, IPXE])
    lab.dhcp(space, interface)
    run(["ip", "netns", "exec", space, "curl", "--silent", "--fail", "--output", "/dev/null",
         lab.url("boot.efi", scheme="http")])
    until(lambda: [each for each in machine(lab, CHAINED)["firmware"] if each["client"] == "ipxe"],
          "the catalog does not remember its iPXE")
    told = lacked(lab, CHAINED, "--client", "ipxe")
    expect(len(told) == 1 and "makes none" in told[0] and "slipway image import" in told[0], f"{told}")
    expect(not lacked(lab, CHAINED), "its firmware is said to lack it")
    browser.until_text(f"cd:1 {told[0]}")
    both(lab, "a machine whose iPXE lacks what its image set needs", "machine-needs-ipxe")
    lab.daemon.run("machine", "rm", CHAINED)
    no_complaints(browser)
