# SPDX-License-Identifier: Apache-2.0
"""What the tests of the web page's dialogs share: to press, to fill, and what is then to be seen."""

import contextlib

from browser import ESCAPE
from harness import expect
from test_web import Site, axe, picture


@contextlib.contextmanager
def forms(context):
    with Site(context, "web-forms") as made:
        made.ready = lambda: as_admin(made)
        yield made


def as_admin(lab):
    """Signed in as the first admin, with no dialog open, wide and in the light."""
    lab.browser.resize(1280, 900)
    lab.browser.colours("light")
    if lab.browser.script("return !document.querySelector('dialog[open]') && document.querySelector('.who b')?.innerText") == "admin":
        return
    lab.signed_in()
    if lab.browser.script("return document.querySelector('.who b').innerText") != "admin":
        as_token(lab, lab.token())


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
    """Puts a value into the field of that label in the dialog that is open, or on the page."""
    browser.until(f"no field {label!r}", """
        const [label, value] = arguments;
        const place = document.querySelector('dialog[open]') ?? document.querySelector('main');
        const field = [...place.querySelectorAll('input, select, textarea')].find((each) =>
            (each.ariaLabel || each.labels[0]?.innerText) === label);
        if (!field || (field.options && ![...field.options].some((each) => each.value === value))) return false;
        field.value = value;
        field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input', {bubbles: true}));
        return true""", label, value)


def filled(browser, label):
    """What stands in the field of that label in the dialog that is open; None: there is none."""
    return browser.script("""
        return [...document.querySelectorAll('dialog[open] :is(input, select, textarea)')].find((each) =>
            (each.ariaLabel || each.labels[0]?.innerText) === arguments[0])?.value""", label)


def focused(browser):
    """What has the focus is called."""
    return browser.script("return document.activeElement.ariaLabel || document.activeElement.innerText")


def dialog(browser, words, seconds=20):
    """Waits until the dialog that is open says so, and gives all that it says."""
    return browser.until(f"no dialog that says {words!r}", """
        const open = document.querySelector('dialog[open]');
        return open && open.innerText.includes(arguments[0]) && open.innerText""", words, seconds=seconds)


def closed(browser):
    browser.until("the dialog stays open", "return !document.querySelector('dialog[open], body > div > dialog')")


def leave(browser, opener):
    """Escape closes the dialog and leads back to what opened it."""
    browser.press([ESCAPE])
    closed(browser)
    expect(focused(browser) == opener, f"Escape leads to {focused(browser)!r}, not to {opener!r}")


def named(browser, opener, field, name):
    """Opens the dialog of something new: its name has the focus, and is typed."""
    press(browser, opener)
    browser.until("the name has not the focus", "return document.activeElement.id === arguments[0]", field)
    browser.press([*name])


def is_taken(browser, opener, values, remedy):
    """Something new that has the name of what is there is refused, and Escape leads back."""
    press(browser, opener)
    for label, value in values.items():
        fill(browser, label, value)
    press(browser, "Save")
    dialog(browser, remedy)
    leave(browser, opener)


def unsaid(browser, words):
    """Waits until the dialog that is open does not say so any more."""
    browser.until(f"the dialog still says {words!r}", """
        const open = document.querySelector('dialog[open]');
        return open && !open.innerText.includes(arguments[0])""", words)


def as_token(lab, token):
    """Who is signed in is another."""
    lab.sign_out()
    lab.sign_in(token)


def buttons(browser):
    return browser.script("return [...document.querySelectorAll('main button')].map((each) => each.ariaLabel || each.innerText)")


def overtaken(browser, button, opener, change):
    """Somebody else changes what the open dialog is about: its button is refused, and Escape leads back."""
    change()
    press(browser, button)
    dialog(browser, "was changed meanwhile")
    leave(browser, opener)


@contextlib.contextmanager
def standing_still(browser):
    """The page asks for nothing by itself meanwhile, as where nobody sees it: what stands on it gets old."""
    seen = """
        Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));"""
    browser.script(seen, True)
    try:
        yield
    finally:
        browser.script(seen, False)


def rows(browser):
    return browser.script("return [...document.querySelectorAll('main tbody tr')].map((each) => each.innerText)")


def no_complaints(browser):
    expect(not browser.policy_violations(), f"{browser.policy_violations()[:3]}")
    expect("Error" not in str([each for each in browser.console if each[1] == "javascript"]),
           f"{browser.console[-5:]}")
