# SPDX-License-Identifier: Apache-2.0
"""The web page's tables and dialogs, each held to what `slipway` says of the same."""

import sys
from pathlib import Path

import debs
from harness import expect, run, test, until
from web_forms import (as_token, both, closed, dialog, fill, forms, leave, named, no_complaints,
                       press, rows, unsaid)

MAC = "52:54:00:77:00:11"
FIRMWARE = debs.ROOT / "tests/captures/ovmf-2022.11-https-ipv4.pcap"


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
    no_complaints(browser)


def made_token(lab):
    """Makes a token in the dialog, at the second try; gives its text."""
    browser = lab.browser
    named(browser, "Make a token", "token-name", "web-made")
    fill(browser, "Role", "operator")
    fill(browser, "Ends", str(30 * 86400))
    fill(browser, "Machines", "arch=x64")
    press(browser, "Make it")
    dialog(browser, "is told by the machine itself")
    both(lab, "the dialog of a token that was refused", "token-refused")
    expect(browser.script("return document.querySelector('#token-name').value") == "web-made",
           "what was typed is lost")
    fill(browser, "Machines", "rack=a1")
    unsaid(browser, "is told by the machine itself")
    press(browser, "Make it")
    dialog(browser, "shown once only")
    return browser.script("return document.querySelector('dialog[open] input').value")


@test("web", "an admin makes a token, whose text is shown once and copied", forms)
def make_token(_, lab):
    browser = lab.browser
    lab.go("access")
    text = made_token(lab)
    both(lab, "the dialog of a new token", "token-made")
    told = {each["name"]: each for each in lab.daemon.json("token", "list")}["web-made"]
    expect(told["role"] == "operator" and told["scope"] == "rack=a1"
           and told["expires"] == told["created"] + 30 * 86400, f"{told}")
    who = run(["ip", "netns", "exec", lab.server, "curl", "--silent", "--fail", "--cacert",
               lab.daemon.authority(), "--header", f"Authorization: Bearer {text}",
               f"{lab.origin}/api/v1/whoami"])
    expect('"token web-made"' in who, who)
    # Chromium asks nobody where nobody sits, so the clipboard is the test's.
    browser.script("navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'))")
    press(browser, "Copy")
    dialog(browser, "copy it by hand")
    browser.script("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    press(browser, "Copy")
    dialog(browser, "Copied.")
    expect(browser.script("return window.copied") == text, "something else was copied")
    press(browser, "Done")
    closed(browser)
    kept = browser.script("""
        return document.documentElement.outerHTML + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)
            + [...document.querySelectorAll('input')].map((each) => each.value)""")
    expect(text not in kept, "the page still has the token's text")
    browser.until_text("rack=a1")
    row = next(row for row in rows(browser) if "web-made" in row)
    for wanted in ("operator", "rack=a1", "in 30 days"):
        expect(wanted in row, f"no {wanted!r} in the row: {row}")
    press(browser, "Make a token")
    fill(browser, "Name", "web-made")
    press(browser, "Make it")
    dialog(browser, "revoke web-made first")
    leave(browser, "Make a token")
    no_complaints(browser)


@test("web", "a token is revoked only when that is confirmed; the appliance's own has no button", forms)
def revoke_token(_, lab):
    browser = lab.browser
    lab.daemon.json("token", "create", "web-gone", "--role", "viewer")
    lab.go("access")
    press(browser, "Revoke web-gone")
    dialog(browser, "refused from now on")
    both(lab, "the question before a token is revoked", "token-revoke")
    leave(browser, "Revoke web-gone")
    names = [each["name"] for each in lab.daemon.json("token", "list")]
    expect("web-gone" in names, "it was revoked though nobody confirmed it")
    press(browser, "Revoke web-gone")
    press(browser, "Revoke")
    closed(browser)
    browser.until("it is still listed", "return !document.querySelector('main table').innerText.includes('web-gone')")
    expect("web-gone" not in [each["name"] for each in lab.daemon.json("token", "list")], "it is still valid")
    expect(browser.script("return document.activeElement.id") == "content", "the focus is lost")
    own = next(row for row in rows(browser) if row.startswith("admin"))
    expect("in its file token" in own and "Revoke" not in own, own)
    no_complaints(browser)


def make_tokens(browser, begin, end):
    """Tokens behind all others, from one number to before another."""
    wrong = browser.wait_script("""
        const [begin, end, done] = arguments;
        (async () => {
          for (let each = begin; each < end; each += 1) {
            const answer = await fetch(`/api/v1/tokens/z-${each}`, {method: 'PUT', body: '{"role": "viewer"}',
                headers: {'Content-Type': 'application/json'}});
            if (!answer.ok) return await answer.text();
          }
          return '';
        })().then(done, (error) => done(String(error)))""", begin, end)
    expect(not wrong, wrong)


@test("web", "a list goes on page by page", forms)
def pages(_, lab):
    browser = lab.browser
    lab.daemon.json("token", "create", "e2e-gone", "--role", "viewer")
    lab.go("access")
    make_tokens(browser, len(lab.daemon.json("token", "list")), 50)
    browser.until("not 50 rows", "return document.querySelectorAll('main tbody tr').length === 50")
    expect("Show more" not in browser.text(), "there is said to be more than there is")
    # What stands on the first page is the same, but it goes on.
    make_tokens(browser, 50, 60)
    browser.until_text("The first 50.")
    expect(len(rows(browser)) == 50, f"{len(rows(browser))} rows")
    both(lab, "a list that goes on", "access")
    press(browser, "Show more")
    count = len(lab.daemon.json("token", "list"))
    browser.until("not all of them", "return document.querySelectorAll('main tbody tr').length === arguments[0]", count)
    expect("Show more" not in browser.text(), "there is said to be still more")
    # What is in front of the second page moves it.
    lab.daemon.run("token", "rm", "e2e-gone")
    browser.until("the list stays as it was",
                  "return document.querySelectorAll('main tbody tr').length === arguments[0]", count - 1)
    no_complaints(browser)


@test("web", "who may not make tokens is not offered to, and nothing asks for them", forms)
def no_access(_, lab):
    browser = lab.browser
    as_token(lab, lab.token("operator"))
    lab.go("overview")
    expect(not browser.script("return document.querySelector('nav a[href=\"#/access\"]')"), "the page is offered")
    browser.read_logs()
    before = len(browser.requests)
    lab.go("access")
    browser.until_text("for admins to see and to change")
    expect(not browser.script("return document.querySelector('main button')"), "there is a button")
    browser.read_logs()
    asked = [url for url in browser.requests[before:] if "/api/v1/tokens" in url]
    expect(not asked, f"{asked}")
    as_token(lab, lab.token())
    no_complaints(browser)
