# SPDX-License-Identifier: Apache-2.0
"""The web page's tables and dialogs, each held to what `slipway` says of the same."""

import contextlib
import sys
from pathlib import Path

import debs
from browser import ESCAPE
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


def press(browser, words, where="main"):
    """Presses the button of that name in a dialog that is open, or on the page."""
    browser.until(f"no button {words!r}", """
        const [words, where] = arguments;
        const place = document.querySelector('dialog[open]') ?? document.querySelector(where);
        const found = [...place.querySelectorAll('button')].find((each) => !each.disabled && each.checkVisibility()
            && (each.ariaLabel || each.innerText) === words);
        found?.focus();
        found?.click();
        return found !== undefined""", words, where)


def fill(browser, label, value):
    """Puts a value into the field of that label in the dialog that is open."""
    browser.until(f"no field {label!r}", """
        const [label, value] = arguments;
        const field = [...document.querySelectorAll('dialog[open] :is(input, select)')].find((each) =>
            (each.ariaLabel || each.labels[0]?.innerText) === label);
        if (!field || (field.options && ![...field.options].some((each) => each.value === value))) return false;
        field.value = value;
        field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input', {bubbles: true}));
        return true""", label, value)


def dialog(browser, words, seconds=20):
    """Waits until the dialog that is open says so, and gives all that it says."""
    return browser.until(f"no dialog that says {words!r}", """
        const open = document.querySelector('dialog[open]');
        return open && open.innerText.includes(arguments[0]) && open.innerText""", words, seconds=seconds)


def closed(browser):
    browser.until("the dialog stays open", "return !document.querySelector('dialog[open]')")


def leave(browser, opener):
    """Escape closes the dialog and leads back to what opened it."""
    browser.press([ESCAPE])
    closed(browser)
    focus = browser.script("return document.activeElement.ariaLabel || document.activeElement.innerText")
    expect(focus == opener, f"Escape leads to {focus!r}, not to {opener!r}")


def rows(browser):
    return browser.script("return [...document.querySelectorAll('main tbody tr')].map((each) => each.innerText)")


def no_complaints(browser):
    expect(not browser.policy_violations(), f"{browser.policy_violations()[:3]}")
    expect("Error" not in str([each for each in browser.console if each[1] == "javascript"]),
           f"{browser.console[-5:]}")


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
    press(browser, "Make a token")
    browser.until("the name has not the focus", "return document.activeElement.id === 'token-name'")
    browser.press([*"web-made"])
    fill(browser, "Role", "operator")
    fill(browser, "Ends", str(30 * 86400))
    fill(browser, "Machines", "arch=x64")
    press(browser, "Make it")
    dialog(browser, "is told by the machine itself")
    both(lab, "the dialog of a token that was refused", "token-refused")
    expect(browser.script("return document.querySelector('#token-name').value") == "web-made",
           "what was typed is lost")
    fill(browser, "Machines", "rack=a1")
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
    lab.sign_out()
    lab.sign_in(lab.token("operator"))
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
    lab.sign_out()
    lab.sign_in(lab.token())
    no_complaints(browser)


def in_order(browser, *names):
    browser.until(f"not in the order {names}", """
        return [...document.querySelectorAll('main tbody td.main')].map((each) => each.innerText).join() === arguments[0]""",
        ",".join(names))


def rule(lab, name):
    return lab.daemon.json("rule", "show", name)


@test("web", "a rule is added; one that is refused keeps what was typed", forms)
def add_rule(_, lab):
    browser = lab.browser
    lab.go("rules")
    press(browser, "Add a rule")
    browser.until("the name has not the focus", "return document.activeElement.id === 'rule-name'")
    browser.press([*"racks"])
    fill(browser, "Machines", "rack in (a1, a2), client=http")
    dialog(browser, "rack is a1 or a2, and kind of client is http")
    press(browser, "Save")
    dialog(browser, "image_set: missing")
    both(lab, "the dialog of a rule that was refused", "rule-refused")
    expect(browser.script("return document.querySelector('#rule-name').value") == "racks", "what was typed is lost")
    fill(browser, "Image set", "demo:1")
    press(browser, "Save")
    closed(browser)
    in_order(browser, "racks")
    made = rule(lab, "racks")
    expect((made["order"], made["selector"], made["action"], made["image_set"])
           == (10, "rack in (a1, a2), client=http", "boot", "demo:1"), f"{made}")
    for wanted in ("rack is a1 or a2, and kind of client is http", "boot", "demo:1"):
        expect(wanted in rows(browser)[0], f"no {wanted!r} in the row: {rows(browser)[0]}")
    press(browser, "Add a rule")
    fill(browser, "Name", "racks")
    fill(browser, "Image set", "demo:1")
    press(browser, "Save")
    dialog(browser, "edit that rule")
    leave(browser, "Add a rule")
    expect(rule(lab, "racks") == made, "it was replaced")
    no_complaints(browser)


@test("web", "a rule moves, and those behind it make room", forms)
def move_rule(_, lab):
    browser = lab.browser
    lab.daemon.run("rule", "set", "banned", "--order", "10", "--when", "mac=de:ad:*", "--action", "ignore")
    lab.daemon.run("rule", "set", "ask", "--order", "10", "--when", "rack=b9", "--action", "hold")
    lab.go("rules")
    in_order(browser, "ask", "banned", "racks")
    both(lab, "rules", "rules")
    press(browser, "Move racks")
    dialog(browser, "Nothing changes.")
    fill(browser, "Place", "1")
    dialog(browser, "To make room: banned gets 11.")
    both(lab, "the dialog of a rule that moves", "rule-move")
    press(browser, "Move it")
    closed(browser)
    in_order(browser, "ask", "racks", "banned")
    press(browser, "Move banned")
    fill(browser, "Place", "0")
    dialog(browser, "It gets the number 0.")
    press(browser, "Move it")
    closed(browser)
    in_order(browser, "banned", "ask", "racks")
    expect([(each["name"], each["order"]) for each in lab.daemon.json("rule", "list")]
           == [("banned", 0), ("ask", 10), ("racks", 10)], "slipway has another order")
    expect(rule(lab, "banned")["selector"] == "mac=de:ad:*", "it lost its machines")
    no_complaints(browser)


@test("web", "a rule is edited and removed as it was seen, and not over what somebody else changed", forms)
def edit_rule(_, lab):
    browser = lab.browser
    lab.daemon.run("rule", "option", "racks", "42=0a4d0001")
    lab.go("rules")
    press(browser, "Edit racks")
    dialog(browser, "DHCP options 42")
    fill(browser, "Order", "50")
    lab.daemon.run("rule", "set", "racks", "--order", "40")
    press(browser, "Save")
    dialog(browser, "was changed meanwhile")
    leave(browser, "Edit racks")
    expect(rule(lab, "racks")["order"] == 40, "it was overwritten")
    press(browser, "Edit racks")
    fill(browser, "Action", "hold")
    press(browser, "Save")
    closed(browser)
    now = rule(lab, "racks")
    expect((now["action"], now["image_set"], now["order"], len(now["options"])) == ("hold", "", 40, 1), f"{now}")
    press(browser, "Remove racks")
    dialog(browser, "is not answered until it is approved")
    both(lab, "the question before a rule is removed", "rule-remove")
    lab.daemon.run("rule", "set", "racks", "--order", "41")
    press(browser, "Remove")
    dialog(browser, "was changed meanwhile")
    leave(browser, "Remove racks")
    in_order(browser, "banned", "ask", "racks")
    press(browser, "Remove racks")
    dialog(browser, "is not answered until it is approved")
    press(browser, "Remove")
    closed(browser)
    in_order(browser, "banned", "ask")
    expect(browser.script("return document.activeElement.id") == "content", "the focus is lost")
    expect([each["name"] for each in lab.daemon.json("rule", "list")] == ["banned", "ask"], "it is still there")
    no_complaints(browser)


@test("web", "who may not change rules reads them, and has no button for it", forms)
def read_rules(_, lab):
    browser = lab.browser
    scoped = lab.daemon.json("token", "create", "e2e-scoped", "--role", "operator", "--scope", "rack=a1")
    for token in (lab.token("viewer"), scoped["token"]):
        lab.sign_out()
        lab.sign_in(token)
        lab.go("rules")
        in_order(browser, "banned", "ask")
        found = browser.script("return [...document.querySelectorAll('main button')].map((each) => each.innerText)")
        expect(not found, f"there are buttons: {found}")
    lab.sign_out()
    lab.sign_in(lab.token())
    no_complaints(browser)
