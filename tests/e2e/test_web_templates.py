# SPDX-License-Identifier: Apache-2.0
"""The web page's templates: a document is shown as `slipway template preview` says it, and nothing
is saved by looking at it."""

from browser import ENTER
from harness import expect, test
from web_forms import (both, closed, dialog, fill, filled, forms, is_taken, leave, named,
                       no_complaints, overtaken, press, rows, unsaid)

MAC, OTHER, LATER = "52:54:00:77:00:21", "52:54:00:77:00:22", "52:54:00:77:00:23"
TEXT = "#cloud-config\nhostname: {{hostname}}\n"


def templates(lab):
    return [each["name"] for each in lab.daemon.json("template", "list")]


def document(browser, where):
    """What a preview shows: in the dialog that is open, or on the page."""
    return browser.until("no document", """
        return document.querySelector(`${arguments[0]} [aria-label="The machine's document"]`)?.textContent""", where)


@test("web", "a template is looked at before it is added; one that fails a machine is refused", forms)
def add_template(_, lab):
    browser = lab.browser
    lab.daemon.run("machine", "set", MAC, "-", "--name", "node7")
    lab.daemon.run("machine", "label", MAC, "role=web")
    lab.go("templates")
    browser.until_text("no machine has a document of its own")
    named(browser, "Add a template", "template-name", "user-data")
    fill(browser, "Machines", "role=web")
    dialog(browser, "role is web, of those in the catalog")
    fill(browser, "Text", TEXT)
    press(browser, "Save")
    dialog(browser, '"hostname" is not known')
    fill(browser, "Text", TEXT + "# more\n")
    unsaid(browser, "is not known")
    fill(browser, "Text", TEXT)
    press(browser, "Save")
    dialog(browser, '"hostname" is not known')
    both(lab, "the dialog of a template that was refused", "template-refused")
    expect(filled(browser, "Text") == TEXT, "what was typed is lost")
    lab.daemon.run("machine", "variable", MAC, "hostname=one")
    fill(browser, "Machine", MAC)
    browser.script("document.querySelector('dialog[open] [aria-label=Machine]').focus()")
    browser.press([ENTER])
    shown = document(browser, "dialog[open]")
    expect(shown == "#cloud-config\nhostname: one\n", f"{shown!r}")
    unsaid(browser, "is not known")
    both(lab, "the dialog of a template with its preview", "template-preview")
    expect(templates(lab) == [], "Enter has saved what was only looked at")
    press(browser, "Save")
    closed(browser)
    browser.until_text("role is web")
    for wanted in ("user-data", "text/plain", "role=web", "1 machine"):
        expect(wanted in rows(browser)[0], f"no {wanted!r} in the row: {rows(browser)[0]}")
    made = lab.daemon.json("template", "show", "user-data")
    expect((made["text"], made["selector"], made["media_type"]) == (TEXT, "role=web", "text/plain"), f"{made}")
    is_taken(browser, "Add a template", {"Name": "user-data"}, "edit that template")
    expect(lab.daemon.json("template", "show", "user-data") == made, "it was replaced")
    no_complaints(browser)


@test("web", "a template's page shows a machine's document as slipway does, and why one has none", forms)
def show_template(_, lab):
    browser = lab.browser
    lab.daemon.run("machine", "set", OTHER, "-", "--name", "node8")
    lab.go("templates/user-data")
    text = browser.until("no text", """
        return document.querySelector('[aria-label="Text of the template"]')?.textContent""")
    expect(text == TEXT, f"{text!r}")
    fill(browser, "Machine", MAC)
    press(browser, "Preview")
    shown = document(browser, "main")
    expect(shown == lab.daemon.run("template", "preview", "user-data", "--mac", MAC).stdout, f"{shown!r}")
    browser.until_text(f"/machine/{MAC}/user-data")
    both(lab, "a template with a machine's document", "template")
    fill(browser, "Machine", OTHER)
    press(browser, "Preview")
    browser.until_text(f"is not for machine {OTHER}: it needs role=web")
    fill(browser, "Machine", "node7")
    press(browser, "Preview")
    browser.until_text("machine=node7")
    both(lab, "a preview that was refused", "template-preview-refused")
    no_complaints(browser)


@test("web", "a template is edited as it was seen, and not over what somebody else changed", forms)
def edit_template(_, lab):
    browser = lab.browser
    lab.go("templates")
    press(browser, "Edit user-data")
    dialog(browser, "See it first")
    expect(filled(browser, "Text") == TEXT, "the text is not there to be changed")
    fill(browser, "Kind", "text/cloud-config")
    overtaken(browser, "Save", "Edit user-data",
              lambda: lab.daemon.run("template", "set", "user-data", "--type", "text/x-other"))
    expect(lab.daemon.json("template", "show", "user-data")["media_type"] == "text/x-other", "it was overwritten")
    press(browser, "Edit user-data")
    dialog(browser, "See it first")
    fill(browser, "Kind", "text/cloud-config")
    fill(browser, "Text", TEXT + "# {{unclosed\n")
    fill(browser, "Machine", MAC)
    press(browser, "Preview")
    dialog(browser, "is not closed")
    fill(browser, "Text", TEXT + "# of {{name}}\n")
    unsaid(browser, "is not closed")
    press(browser, "Preview")
    shown = document(browser, "dialog[open]")
    expect(shown.endswith("hostname: one\n# of node7\n"), f"{shown!r}")
    press(browser, "Save")
    closed(browser)
    made = lab.daemon.json("template", "show", "user-data")
    expect((made["text"], made["media_type"], made["selector"])
           == (TEXT + "# of {{name}}\n", "text/cloud-config", "role=web"), f"{made}")
    no_complaints(browser)


@test("web", "a template is removed as it was seen, and not while iPXE is sent to it", forms)
def remove_template(_, lab):
    browser = lab.browser
    lab.daemon.run("rule", "set", "scripted", "--order", "40", "--when", "role=web", "--image", "demo:1",
                   "--script", "user-data")
    lab.go("templates/user-data")
    press(browser, "Remove user-data")
    dialog(browser, "1 machine has its document by it now")
    both(lab, "the question before a template is removed", "template-remove")
    press(browser, "Remove")
    dialog(browser, "sends iPXE to it")
    leave(browser, "Remove user-data")
    lab.daemon.run("rule", "rm", "scripted")
    press(browser, "Remove user-data")
    dialog(browser, "1 machine has its document by it now")
    overtaken(browser, "Remove", "Remove user-data",
              lambda: lab.daemon.run("template", "set", "user-data", "--type", "text/plain"))
    expect(templates(lab) == ["user-data"], "it was removed")
    press(browser, "Remove user-data")
    dialog(browser, "1 machine has its document by it now")
    press(browser, "Remove")
    browser.until("it does not lead to the templates", "return location.hash === '#/templates'")
    browser.until_text("no machine has a document of its own")
    expect(templates(lab) == [], "it is still there")
    expect(browser.script("return document.activeElement.id") == "content", "the focus is lost")
    for mac in (MAC, OTHER):
        lab.daemon.run("machine", "rm", mac)
    no_complaints(browser)


@test("web", "a template's page says which machine lacks its document, which variable, and what helps", forms)
def failing(_, lab):
    browser = lab.browser
    text = lab.folder / "first-boot"
    text.write_text(TEXT, encoding="utf-8")
    lab.daemon.run("template", "set", "first-boot", "--file", text, "--when", f"mac={LATER}")
    # What is entered by hand is refused; a machine of the file is there when slipwayd starts.
    browser.open("about:blank")
    lab.daemon.end()
    lab.daemon.setup.more += f'[[machine]]\nmac = "{LATER}"\nimage_set = "demo:1"\n'
    lab.daemon.start(["ip", "netns", "exec", lab.server])
    lab.sign_in(lab.token())
    lab.go("templates")
    row = browser.until("it is said to fail nobody", """
        return [...document.querySelectorAll('main tbody tr')].map((each) => each.innerText)
            .find((each) => each.includes('first-boot') && each.includes('1 without'))""")
    expect("0 machines" in row, row)
    both(lab, "templates of which one fails a machine", "templates-failing")
    lab.go("templates/first-boot")
    told = lab.daemon.json("template", "show", "first-boot")["failing"]
    expect(len(told) == 1 and told[0]["machine"] == LATER, f"{told}")
    panel = browser.until("no machine lacks it", """
        return document.querySelector('section[aria-label="Machines without their document"]')?.innerText""")
    for wanted in (LATER, '"hostname" is not known', f"slipway machine variable {LATER} hostname=VALUE", told[0]["words"]):
        expect(wanted in panel, f"no {wanted!r} in: {panel}")
    both(lab, "a template that fails a machine", "template-failing")
    lab.daemon.run("machine", "variable", LATER, "hostname=later")
    browser.until("it is still said to fail a machine", """
        return !document.querySelector('section[aria-label="Machines without their document"]')
            && document.querySelector('main').innerText.includes('1 machine')""")
    lab.daemon.run("template", "rm", "first-boot")
    no_complaints(browser)
