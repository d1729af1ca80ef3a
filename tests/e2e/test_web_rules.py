# SPDX-License-Identifier: Apache-2.0
"""The web page's rules: what a dialog says and does is what `slipway rule` says of the same."""

from browser import ENTER, TAB
from harness import expect, test
from web_forms import (as_token, both, buttons, closed, dialog, fill, filled, forms, is_taken,
                       named, no_complaints, overtaken, press, rows, unsaid)


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
    named(browser, "Add a rule", "rule-name", "racks")
    fill(browser, "Machines", "rack in (a1, a2), client=http")
    dialog(browser, "rack is a1 or a2, and kind of client is http")
    press(browser, "Save")
    dialog(browser, "image_set: missing")
    both(lab, "the dialog of a rule that was refused", "rule-refused")
    expect(browser.script("return document.querySelector('#rule-name').value") == "racks", "what was typed is lost")
    fill(browser, "Image set", "demo:1")
    unsaid(browser, "image_set: missing")
    press(browser, "Save")
    closed(browser)
    in_order(browser, "racks")
    made = rule(lab, "racks")
    expect((made["order"], made["selector"], made["action"], made["image_set"])
           == (10, "rack in (a1, a2), client=http", "boot", "demo:1"), f"{made}")
    for wanted in ("rack is a1 or a2, and kind of client is http", "boot", "demo:1"):
        expect(wanted in rows(browser)[0], f"no {wanted!r} in the row: {rows(browser)[0]}")
    is_taken(browser, "Add a rule", {"Name": "racks", "Image set": "demo:1"}, "edit that rule")
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
    dialog(browser, "DHCP options")
    expect(filled(browser, "Option code 1") == "42" and filled(browser, "Option octets 1") == "0a4d0001",
           "its option is not there to be changed")
    fill(browser, "Order", "50")
    overtaken(browser, "Save", "Edit racks", lambda: lab.daemon.run("rule", "set", "racks", "--order", "40"))
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
    overtaken(browser, "Remove", "Remove racks", lambda: lab.daemon.run("rule", "set", "racks", "--order", "41"))
    in_order(browser, "banned", "ask", "racks")
    press(browser, "Remove racks")
    dialog(browser, "is not answered until it is approved")
    press(browser, "Remove")
    closed(browser)
    in_order(browser, "banned", "ask")
    expect(browser.script("return document.activeElement.id") == "content", "the focus is lost")
    expect([each["name"] for each in lab.daemon.json("rule", "list")] == ["banned", "ask"], "it is still there")
    no_complaints(browser)


@test("web", "a rule's DHCP options and variables are added, changed and removed, by keyboard too", forms)
def rule_rows(_, lab):
    browser = lab.browser
    lab.daemon.run("rule", "set", "consoles", "--order", "30", "--when", "rack=a1", "--image", "demo:1")
    lab.daemon.run("rule", "variable", "consoles", "kept=one\ntwo")
    lab.go("rules")
    press(browser, "Edit consoles")
    dialog(browser, "Variables for templates")
    expect(filled(browser, "Variable value 1") == "one\ntwo", "a value lost its line")
    browser.script("""
        [...document.querySelectorAll('dialog[open] button')].find((each) => each.innerText === 'Add a DHCP option').focus()""")
    browser.press([ENTER])
    browser.until("the new row has not the focus", "return document.activeElement.ariaLabel === 'Option code 1'")
    browser.press([*"51", TAB, *"00000e10"])
    for name, value in (("console", "ttyS0,115200"), ("gone", "x")):
        press(browser, "Add a variable")
        browser.until("the new row has not the focus",
                      "return document.activeElement.ariaLabel?.startsWith('Variable name')")
        browser.press([*name, TAB, *value])
    press(browser, "Save")
    dialog(browser, "51 is the server's own")
    both(lab, "the dialog of a rule with rows, refused", "rule-rows-refused")
    fill(browser, "Option code 1", "42")
    fill(browser, "Option octets 1", "0a4d0001")
    press(browser, "Remove variable 3")
    browser.until("the focus is lost", "return document.activeElement.ariaLabel === 'Remove variable 2'")
    press(browser, "Add a variable")
    fill(browser, "Variable name 3", "console")
    press(browser, "Save")
    dialog(browser, "console is there twice")
    press(browser, "Remove variable 3")
    unsaid(browser, "console is there twice")
    press(browser, "Save")
    closed(browser)
    now = rule(lab, "consoles")
    expect(now["options"] == [{"code": 42, "hex": "0a4d0001"}]
           and now["variables"] == {"console": "ttyS0,115200", "kept": "one\ntwo"}, f"{now}")
    press(browser, "Edit consoles")
    dialog(browser, "DHCP options")
    fill(browser, "Option octets 1", "0a4d0002")
    overtaken(browser, "Save", "Edit consoles",
              lambda: lab.daemon.run("rule", "variable", "consoles", "console=tty1"))
    now = rule(lab, "consoles")
    expect((now["options"][0]["hex"], now["variables"]["console"]) == ("0a4d0001", "tty1"), "it was overwritten")
    press(browser, "Edit consoles")
    dialog(browser, "DHCP options")
    press(browser, "Remove DHCP option 1")
    browser.until("the focus is lost", "return document.activeElement.innerText === 'Add a DHCP option'")
    press(browser, "Save")
    closed(browser)
    expect(rule(lab, "consoles")["options"] == [], "it still has an option")
    lab.daemon.run("rule", "rm", "consoles")
    no_complaints(browser)


@test("web", "who may not change rules reads them, and has no button for it", forms)
def read_rules(_, lab):
    browser = lab.browser
    scoped = lab.daemon.json("token", "create", "e2e-scoped", "--role", "operator", "--scope", "rack=a1")
    for token in (lab.token("viewer"), scoped["token"]):
        as_token(lab, token)
        lab.go("rules")
        in_order(browser, "banned", "ask")
        expect(not buttons(browser), f"there are buttons: {buttons(browser)}")
    as_token(lab, lab.token())
    no_complaints(browser)
