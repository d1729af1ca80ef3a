# SPDX-License-Identifier: Apache-2.0
"""The web page's image sets: made of a file, or pulled from a registry; what is there then is what
`slipway image` says of it."""

import contextlib
import io
import random
import subprocess
import sys
import tarfile

import machine
from browser import ESCAPE
from harness import expect, test, until
from lab import EFI_PROGRAM
from web_forms import (as_token, both, buttons, closed, dialog, fill, filled, focused, forms, leave,
                       no_complaints, press, standing_still, unsaid)

IMPORT, PULL = "Import a file", "Pull from a registry"
OUTCOMES = {"refused": "Refused", "unknown": "Not known", "accepted": "Accepted"}


def image(lab, name):
    return lab.daemon.json("image", "show", name)


def names(lab):
    return [each["reference"] for each in lab.daemon.json("image", "list")]


def tar(path, files):
    """A tar of these files ({name: bytes})."""
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def importing(browser, path, name):
    press(browser, IMPORT)
    dialog(browser, "Boot files")
    browser.choose("#image-file", path)
    fill(browser, "Image set", name)


@test("web", "an image set is made of a file, and its verdict is shown; what is refused keeps what was typed", forms)
def import_file(_, lab):
    browser = lab.browser
    file = lab.folder / "one.efi"
    file.write_bytes(EFI_PROGRAM)
    lab.go("images")
    importing(browser, file, "One:1")
    press(browser, "Import")
    dialog(browser, "not name:tag")
    both(lab, "the dialog of a file whose name was refused", "image-refused")
    expect(filled(browser, "Image set") == "One:1", "what was typed is lost")
    fill(browser, "Image set", "one:1")
    unsaid(browser, "not name:tag")
    fill(browser, "Boot files", "x64=other.efi")
    press(browser, "Import")
    dialog(browser, "other.efi")
    browser.until("it is not said why", "return document.querySelector('dialog[open] [role=alert]')")
    expect("one:1" not in names(lab), "it was imported all the same")
    fill(browser, "Boot files", "")
    for label, value, words in (("Image set", "  ", "not name:tag"), ("Image set", "one/../x:1", "not name:tag"),
                                ("Image set", "machine:1", "may have the name"), ("Labels", "My site=west", "is no name"),
                                ("Needs", "=2048", "is no name")):
        before = filled(browser, label)
        fill(browser, label, value)
        press(browser, "Import")
        dialog(browser, words)
        expect(focused(browser) == "Import", f"the focus is lost: {focused(browser)!r}")
        fill(browser, label, before)
        unsaid(browser, words)
    fill(browser, "Labels", "site=west, use=test")
    press(browser, "Import")
    said = dialog(browser, "is there: 1 file")
    made = image(lab, "one:1")
    for wanted in (made["digest"][:12], f"It boots {', '.join(made['boot'])}", "one.efi",
                   OUTCOMES[made["secure_boot"]["outcome"]]):
        expect(wanted in said, f"no {wanted!r} in: {said}")
    expect(made["labels"] == {"site": "west", "use": "test"}, f"{made}")
    both(lab, "the dialog of a file that was imported", "image-imported")
    expect(browser.script("return document.activeElement.innerText") == "Done", "the focus is lost")
    press(browser, "Done")
    closed(browser)
    browser.until_text("one:1")
    records = [(each["who"], each["what"]) for each in lab.daemon.json("audit", "list")]
    expect(("token admin", "image one:1") in records, f"nobody knows who did it: {records}")
    no_complaints(browser)


@contextlib.contextmanager
def hurried(browser):
    """What the page does every so often, it does twice a second."""
    browser.script("""
        window.unhurried = window.setInterval;
        window.setInterval = (action, wait) => window.unhurried(action, Math.min(wait, 500));""")
    try:
        yield
    finally:
        browser.script("window.setInterval = window.unhurried")


@contextlib.contextmanager
def replaced(browser, send, abort):
    """Nothing that is sent leaves the browser: Chromium slows no upload of a file."""
    browser.script("""
        const kind = window.XMLHttpRequest.prototype;
        window.unhurt = {send: kind.send, abort: kind.abort};
        kind.send = function () { window.upload = this; %s };
        kind.abort = function () { %s };""" % (send, abort))
    try:
        yield
    finally:
        browser.script("Object.assign(window.XMLHttpRequest.prototype, window.unhurt)")


def halted(browser):
    """What is sent is on its way for as long as nobody tells of more of it."""
    return replaced(browser, "", "this.onabort(); this.onloadend();")


def unanswered(browser):
    """What is sent seems to be sent whole at once, and is not answered."""
    return replaced(browser, "this.upload.onload();", "window.upload = 'given up';")


def asked_who(browser):
    browser.read_logs()
    return sum(each.endswith("/api/v1/whoami") for each in browser.requests)


def doubted(browser):
    """Escape does not close a dialog that sends: it asks."""
    browser.press([ESCAPE])
    dialog(browser, "Give up what is sent?")
    expect(focused(browser) == "Go on", f"the focus is at {focused(browser)!r}")


@test("web", "a bar moves while a file is sent; given up after a question, nothing of it is kept; whole, its tag leads to it", forms)
def send_tar(_, lab):
    browser = lab.browser
    before = image(lab, "one:1")
    archive = tar(lab.folder / "tree.tar", {"EFI/BOOT/BOOTX64.EFI": EFI_PROGRAM,
                                            "disk.img": random.Random(7).randbytes(30_000_000)})
    lab.go("images")
    importing(browser, archive, "one:1")
    dialog(browser, "one:1 is there already")
    with halted(browser), hurried(browser):
        with standing_still(browser):
            asked = asked_who(browser)
            press(browser, "Import")
            dialog(browser, "To close this gives it up")
            expect(browser.script("return document.activeElement.id") == "image-said", "the focus is lost")
            bar = "return document.querySelector('dialog[open] progress')?.value >= arguments[0]"
            for sent in (3_000_000, 6_000_000):
                browser.script("window.upload.upload.onprogress({loaded: arguments[0]})", sent)
                browser.until(f"the bar is not at {sent}", bar, sent)
            until(lambda: asked_who(browser) > asked, "nothing keeps the session while a file is sent")
        both(lab, "the dialog of a file that is sent", "image-sent")
        doubted(browser)
        both(lab, "the question before a file is given up", "image-doubt")
        press(browser, "Go on")
        dialog(browser, "To close this gives it up")
        expect(focused(browser) == "Cancel", f"the focus is at {focused(browser)!r}")
        browser.script("location.hash = '#/machines'")      # as the way back does
        dialog(browser, "Give up what is sent?")
        expect(browser.script("return location.hash") == "#/images", "the page is left")
        press(browser, "Go on")
        dialog(browser, "To close this gives it up")
        doubted(browser)
        leave(browser, IMPORT)
    until(lambda: not list(lab.daemon.state.glob("upload-*")), "what was sent of it is gone")
    expect(image(lab, "one:1") == before, "what was given up was imported")
    importing(browser, archive, "one:1")
    fill(browser, "It is", "tree")
    fill(browser, "Needs", "memory-mib=64")
    press(browser, "Import")
    dialog(browser, "is there: 2 files", seconds=60)
    press(browser, "Done")
    closed(browser)
    now = image(lab, "one:1")
    expect(now["previous"] == before["digest"] and now["boot"] == {"x64": "EFI/BOOT/BOOTX64.EFI"}
           and now["needs"]["memory-mib"] == "64", f"{now}")
    lab.daemon.run("image", "rm", "one:1")
    no_complaints(browser)


@test("web", "what is sent whole is not given up: it says so, and where its answer is lost, that it may be there", forms)
def sent_whole(_, lab):
    browser = lab.browser
    file = lab.folder / "whole.efi"
    file.write_bytes(EFI_PROGRAM)
    lab.go("images")
    importing(browser, file, "whole:1")
    with unanswered(browser):
        press(browser, "Import")
        dialog(browser, "imports it all the same")
        both(lab, "the dialog of a file that is checked", "image-checked")
        browser.script("window.upload.onerror(); window.upload.onloadend()")
        dialog(browser, "It may have been imported")
        expect(filled(browser, "Image set") == "whole:1", "what was typed is lost")
        press(browser, "Import")
        dialog(browser, "imports it all the same")
        press(browser, "Close")
        closed(browser)
        expect(browser.script("return window.upload !== 'given up'"), "it is given up")
        browser.script("window.upload.onloadend()")
    no_complaints(browser)


@contextlib.contextmanager
def silent(lab):
    """A registry that lets clients connect and never says a word; gives its address."""
    program = ("import socket, sys; there = socket.create_server(('127.0.0.1', 0)); "
               "print(there.getsockname()[1], flush=True); sys.stdin.read()")
    process = subprocess.Popen(["ip", "netns", "exec", lab.server, sys.executable, "-c", program],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               preexec_fn=machine.die_with_parent)
    try:
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.communicate()


def pulling(browser, source, **fields):
    press(browser, PULL)
    fill(browser, "Source", source)
    for label, value in fields.items():
        fill(browser, label.replace("_", " "), value)


def pulled(browser, words):
    """What the page says of its pulls, once it says so."""
    return browser.until(f"no pull that says {words!r}", """
        const panel = document.querySelector('section[aria-label="Pulls from other registries"]');
        return panel?.innerText.includes(arguments[0]) && panel.innerText""", words)


@test("web", "an image set is pulled by a certificate and a password, why it fails is told, what hangs is stopped", forms)
def pull_image(_, lab):
    browser = lab.browser
    # slipwayd is a registry itself.
    source = f"{lab.daemon.management}/demo:1"
    trust = lab.daemon.authority().read_text(encoding="ascii")
    lab.go("images")
    pulling(browser, "demo")
    press(browser, "Pull")
    dialog(browser, "not REGISTRY/NAME:TAG")
    both(lab, "the dialog of a pull that was refused", "pull-refused")
    fill(browser, "Source", source)
    unsaid(browser, "not REGISTRY/NAME:TAG")
    dialog(browser, "demo:1 is there already")
    fill(browser, "Password", "nobody's")
    press(browser, "Pull")
    dialog(browser, "name the user")
    fill(browser, "Password", "")
    unsaid(browser, "name the user")
    fill(browser, "Image set", "distrusted:1")
    press(browser, "Pull")
    closed(browser)
    pulled(browser, "name its CA's certificate")
    pulling(browser, source, Image_set="refused:1")
    fill(browser, "The registry's CA certificate", trust)
    press(browser, "Pull")
    closed(browser)
    pulled(browser, "credentials")
    pulling(browser, source, Image_set="pulled:1", User="any", Password=lab.token())
    fill(browser, "The registry's CA certificate", trust)
    press(browser, "Pull")
    closed(browser)
    browser.until("it is not pulled", """
        return document.querySelector('section[aria-label="Pulls from other registries"] a[href="#/images/pulled:1"]')""")
    expect(image(lab, "pulled:1")["digest"] == image(lab, "demo:1")["digest"], "it is another")
    expect(not {"distrusted:1", "refused:1"} & set(names(lab)), f"{names(lab)}")
    kept = browser.script("""
        const fields = [...document.querySelectorAll('input, textarea')].map((each) => each.value);
        return document.documentElement.outerHTML + JSON.stringify([localStorage, sessionStorage, fields])""")
    expect(lab.token() not in kept, "the page still has the password")
    with silent(lab) as address:
        pulling(browser, f"{address}/hangs:1")
        press(browser, "Pull")
        closed(browser)
        press(browser, f"Stop the pull of {address}/hangs:1 to hangs:1")
        pulled(browser, "stopped")
        expect(browser.script("return document.activeElement.innerText").startswith(f"{address}/hangs:1"), "the focus is lost")
        browser.until("it is not told that it ended", """
            return [...document.querySelectorAll('main [role=status]')].some((each) => each.textContent.includes(arguments[0]))""",
                      f"Pull of {address}/hangs:1 to hangs:1: ")
    browser.until("it can be stopped once more", """
        return ![...document.querySelectorAll('main button')].some((each) => each.innerText === 'Stop')""")
    both(lab, "pulls that are over", "pulls")
    lab.daemon.run("image", "rm", "pulled:1")
    no_complaints(browser)


@test("web", "who may not change image sets reads them, and has no button for it; a scope is of machines", forms)
def read_images(_, lab):
    browser = lab.browser
    scoped = lab.daemon.json("token", "create", "e2e-images", "--role", "operator", "--scope", "rack=a1")
    for token in (lab.token("viewer"), scoped["token"]):
        as_token(lab, token)
        for page in ("images", "images/demo:1"):
            lab.go(page)
            browser.until_text("Digest" if "/" in page else "demo:1")
            expect(not buttons(browser), f"there are buttons on {page}: {buttons(browser)}")
    as_token(lab, lab.token("operator"))
    lab.go("images")
    browser.until("nothing can be imported", """
        return [...document.querySelectorAll('main button')].some((each) => each.innerText === arguments[0])""", IMPORT)
    as_token(lab, lab.token())
    no_complaints(browser)
