# SPDX-License-Identifier: Apache-2.0
"""The web page in Debian's Chromium, against a live slipwayd that serves real boots meanwhile."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

import debs
import machine
from browser import ENTER, ESCAPE, TAB, Browser
from harness import Failed, expect, run, test
from lab import Lab

MAC, REFUSER, THIRD = "52:54:00:77:00:01", "52:54:00:77:00:02", "52:54:00:77:00:03"
PAGES = ("overview", "machines", f"machines/{REFUSER}", "rules", "images", "images/demo:1", "templates",
         "templates/user-data", "networks", "events", "access", "audit")
# What may differ where only colours and width do.
APPEARANCE = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]
AXE = debs.ROOT / "control/web/node_modules/axe-core/axe.min.js"
# Where screenshots go, for people who look at them; empty: nowhere.
PICTURES = os.environ.get("SLIPWAY_PICTURES", "")


class Site(Lab):
    """The little network, a browser beside the appliance, and machines that boot."""

    def __enter__(self):
        super().__enter__()
        try:
            self.make_set({"disk.img": 24_000_000})
            self.stack = contextlib.ExitStack()
            self.browser = self.stack.enter_context(Browser(self.server, self.folder / "browser"))
        except BaseException as error:
            self.__exit__(type(error))
            raise
        self.origin = f"https://{self.daemon.management}"
        self.tokens = {}
        return self

    def __exit__(self, *words):
        if hasattr(self, "stack"):
            self.stack.close()
        super().__exit__(*words)

    def machine(self, mac):
        space, interface = self.port(mac)
        self.dhcp(space, interface)
        return space

    @contextlib.contextmanager
    def boots(self, mac):
        """A machine that loads its disk at 0.4 MB/s, a minute long, for as long as the block runs."""
        space = self.machine(mac)
        client = subprocess.Popen(
            ["ip", "netns", "exec", space, "curl", "--silent", "--cacert", self.daemon.authority(),
             "--limit-rate", "400k", "--output", "/dev/null", self.url("disk.img")],
            stdin=subprocess.DEVNULL, preexec_fn=machine.die_with_parent)
        try:
            yield
        finally:
            client.terminate()
            client.wait()

    def fails(self, mac):
        """A machine that does not trust our CA."""
        space = self.machine(mac)
        run(["ip", "netns", "exec", space, "curl", "--silent", "--max-time", "10",
             self.url("boot.efi")], check=False)

    def token(self, role=None):
        if role is None:
            return (self.daemon.state / "token").read_text(encoding="ascii").strip()
        if role not in self.tokens:  # shown once, so kept for whoever asks next
            made = self.daemon.json("token", "create", f"e2e-{role}", "--role", role)
            self.tokens[role] = made["token"]
        return self.tokens[role]

    def go(self, page):
        # Done once the page has heard of it: until then it shows the one before.
        self.browser.wait_script("""
            const [page, done] = arguments;
            if (location.hash === '#/' + page) return done();
            addEventListener('hashchange', () => setTimeout(done), {once: true});
            location.hash = '#/' + page;""", page)
        self.browser.until(f"no page {page}", """
            return document.querySelector('main h1') && !document.querySelector('main [aria-busy]')
                && location.hash === '#/' + arguments[0]""", page)

    def sign_in(self, token):
        self.browser.open(f"{self.origin}/")
        self.browser.until("no field for the token", "return document.querySelector('#token')")
        self.browser.script("document.querySelector('#token').focus()")
        self.browser.press([*token, ENTER])
        self.browser.until("not signed in", "return document.querySelector('nav')")

    def signed_in(self):
        """Signed in as the first admin, whichever tests ran before."""
        self.browser.open(f"{self.origin}/")
        if self.browser.until("no page", """
                return document.querySelector('#token') ? 'asks' : document.querySelector('nav') ? 'in' : ''""") == "asks":
            self.sign_in(self.token())

    def sign_out(self):
        self.browser.script("""
            [...document.querySelectorAll('button')].find((each) => each.innerText === 'Sign out').click()""")
        self.browser.until("not signed out", "return document.querySelector('#token')")


@contextlib.contextmanager
def site(context):
    with Site(context, "web") as made:
        file = made.folder / "user-data"
        file.write_text("#cloud-config\nhostname: {{hostname}}\n", encoding="utf-8")
        made.daemon.run("template", "set", "user-data", "--file", file, "--when", "role=web")
        yield made


def picture(browser, name):
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        browser.screenshot(Path(PICTURES) / f"{name}.png")


def axe(browser, where, rules=None):
    """What axe finds wrong with what is shown; by all of its rules where none are named."""
    # What fades in or pulses would be measured in between.
    browser.script("document.getAnimations().forEach((each) => each.cancel())")
    if not browser.script("return typeof axe === 'object'"):
        browser.script(AXE.read_text(encoding="utf-8"))
    found = browser.wait_script("""
        const done = arguments[1];
        const rules = arguments[0].length ? {runOnly: arguments[0]} : {};
        axe.run(document, {resultTypes: ['violations'], ...rules}).then((result) => done(result.violations.map((each) =>
            each.id + ': ' + each.help + ': ' + each.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(' | '))),
            (error) => done([String(error)]));""", rules or [])
    expect(not found, f"axe on {where}:\n" + "\n".join(found))


@test("web", "a wrong token is refused in words, the right one signs in, no script can read it", site)
def sign_in(_, lab):
    browser = lab.browser
    browser.open(f"{lab.origin}/")
    browser.until("no field for the token", "return document.querySelector('#token')")
    axe(browser, "the sign-in page")
    picture(browser, "sign-in")
    browser.press([*"0123456789abcdef", ENTER])
    browser.until_text("This token is not valid")
    expect(not browser.call("GET", "/cookie"), "a wrong token made a session")
    lab.sign_in(lab.token())
    cookies = browser.call("GET", "/cookie")
    expect(len(cookies) == 1, f"{cookies}")
    cookie = cookies[0]
    expect(cookie["name"].startswith("__Host-") and cookie["httpOnly"] and cookie["secure"]
           and cookie["sameSite"] == "Strict" and cookie["value"] != lab.token(), f"{cookie}")
    kept = browser.script("return document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    expect(lab.token() not in kept and cookie["value"] not in kept, f"a script can read it: {kept}")


@test("web", "a boot's bar moves while it loads", site)
def bar_moves(_, lab):
    browser = lab.browser
    lab.signed_in()
    with lab.boots(MAC):
        lab.go("machines")
        bar = """
            const row = [...document.querySelectorAll('tbody tr')].find((each) => each.innerText.includes(arguments[0]));
            return row && row.querySelector('progress') ? row.querySelector('progress').value : 0"""
        first = browser.until("no bar", bar, MAC)
        browser.until(f"the bar stays at {first}", f"const first = arguments[1]; const now = (() => {{{bar}}})(...arguments); "
                      "return now > first + 1000000", MAC, first)
        picture(browser, "machines-light")
        lab.go("overview")
        browser.until_text("of 22.9 MiB")
        browser.until("no throughput", "return document.querySelector('polyline')")
        picture(browser, "overview-light")


@test("web", "a boot's timeline is drawn, grows, and ends; a failure is explained with its remedy", site)
def timeline(_, lab):
    browser = lab.browser
    lab.signed_in()
    lab.fails(REFUSER)
    lab.go(f"machines/{REFUSER}")
    browser.until_text("does not trust our certificate")
    browser.until_text("Enrol the CA in the firmware")
    browser.until("its timeline is not red", "return document.querySelector('.timeline .span.bad')")
    picture(browser, "machine-failed")
    with lab.boots(THIRD):
        boot = browser_boot(lab, THIRD)
        lab.go(f"boots/{boot['id']}")
        lanes = browser.until("no timeline", """
            const names = [...document.querySelectorAll('.timeline .lane')].map((each) => each.textContent);
            return names.includes('Files') && names""")
        expect(lanes[0] == "Address" and "TLS" in lanes and "Connection" in lanes, f"{lanes}")
        width = "return document.querySelectorAll('.timeline .span').length && document.querySelector('.steps').innerText"
        before = browser.until("no steps", width)
        browser.until("the steps stay as they are", f"return ({{}}, (() => {{{width}}})()) !== arguments[0]", before)
        picture(browser, "boot-light")


def browser_boot(lab, mac):
    """The boot under way of a machine, once it downloads."""
    for _ in range(400):
        boot = lab.daemon.boot(mac)
        if boot and boot["loading"] and boot["loading"]["bytes"] > 0:
            return boot
        time.sleep(0.1)
    raise Failed(f"{mac} downloads nothing: {boot}")


@test("web", "axe finds nothing, in light and dark, wide and on a phone, which scrolls one way only", site)
def accessible(_, lab):
    browser = lab.browser
    lab.signed_in()
    with lab.boots(MAC):
        for width, height, scheme in ((1280, 900, "light"), (390, 844, "dark"), (320, 640, "light")):
            browser.resize(width, height, phone=width < 500)
            browser.colours(scheme)
            for page in PAGES:
                lab.go(page)
                if width > 320:
                    axe(browser, f"{page}, {width} wide, {scheme}", APPEARANCE if scheme == "dark" else None)
                wide = browser.script("return document.documentElement.scrollWidth")
                expect(wide <= width, f"{page} is {wide} pixels wide on a screen of {width}")
                picture(browser, f"{page.replace('/', '-').replace(':', '')}-{width}-{scheme}")
    browser.resize(1280, 900)
    browser.colours("light")


@test("web", "the keyboard reaches all that can be used, and opens and closes what asks", site)
def keyboard(_, lab):
    browser = lab.browser
    lab.signed_in()
    for page in ("overview", "machines", "rules", "images", "templates", "templates/user-data", "audit", "access"):
        lab.go(page)
        browser.script("document.activeElement.blur(); document.body.focus()")
        usable = browser.script("""
            const seen = [...document.querySelectorAll('a[href], button, input, select, summary')]
                .filter((each) => !each.disabled && each.checkVisibility());
            seen.forEach((each, index) => { each.dataset.place = index; });
            return seen.length""")
        reached = set()
        for _ in range(usable + 3):
            browser.press([TAB])
            reached.add(browser.script("return document.activeElement.dataset.place ?? ''"))
        missed = [place for place in range(usable) if str(place) not in reached]
        expect(not missed, f"{page}: {len(missed)} of {usable} cannot be reached, the first: " + browser.script(
            "return document.querySelector(`[data-place='${arguments[0]}']`)?.outerHTML", (missed or [0])[0]))
    lab.go("images/demo:1")
    browser.until("nothing removes it", """
        const found = [...document.querySelectorAll('main button')].find((each) => each.innerText === 'Remove');
        found?.focus();
        return found !== undefined""")
    browser.press([ENTER])
    browser.until("no question", "return document.querySelector('dialog[open]')")
    axe(browser, "a question")
    browser.press([ESCAPE])
    browser.until("Escape does not lead back", """
        return !document.querySelector('dialog[open]') && document.activeElement.innerText === 'Remove'""")


@test("web", "an operator changes what a machine gets; a viewer has no button for it", site)
def roles(_, lab):
    browser = lab.browser
    changers = """return [...document.querySelectorAll('main button, main select, main input')]
        .filter((each) => each.type !== 'search').map((each) => each.ariaLabel || each.innerText || each.id)"""
    lab.signed_in()
    lab.sign_out()
    lab.sign_in(lab.token("operator"))
    lab.go(f"machines/{REFUSER}")
    browser.until("nothing can be changed", f"{changers.replace('return', 'return 0 <', 1)}.length")
    browser.script("[...document.querySelectorAll('main button')].find((each) => each.ariaLabel === 'Edit settings').click()")
    browser.until("demo:1 cannot be chosen", """
        const select = document.querySelector('dialog[open] select[aria-label="Image set"]');
        if (!select || ![...select.options].some((each) => each.value === 'demo:1')) return false;
        select.value = 'demo:1';
        select.dispatchEvent(new Event('change', {bubbles: true}));
        return true""")
    browser.until("it cannot be saved", """
        const save = document.querySelector('dialog[open] button[type=submit]');
        if (!save || save.disabled) return false;
        save.click();
        return true""")
    browser.until_text("booted 0 times")
    expect(lab.daemon.json("machine", "list")[0]["image_set"] == "demo:1", "it was not changed")
    expect("token e2e-operator" in lab.daemon.run("audit", "list").stdout, "nobody knows who did it")
    lab.sign_out()
    lab.sign_in(lab.token("viewer"))
    for page in PAGES:
        lab.go(page)
        found = browser.script(changers)
        allowed = {"State", "Kind", "Hold", "Machine", "Preview"}  # which change only what is shown
        expect(set(found) <= allowed, f"a viewer sees on {page}: {found}")
    browser.until_text("Your token is a viewer's")
    lab.sign_out()


@test("web", "all of it went to the appliance alone, and by its policy", site)
def stays(_, lab):
    browser = lab.browser
    lab.sign_in(lab.token())
    for page in PAGES:
        lab.go(page)
    browser.read_logs()
    # The browser's own schemes, which no page of ours can name: its first tab is one of its own.
    own = (f"{lab.origin}/", "chrome:", "chrome-untrusted:", "data:")
    away = [url for url in browser.requests if not url.startswith(own)]
    expect(len(browser.requests) > 20 and not away, f"{len(browser.requests)} requests; elsewhere: {away[:5]}")
    expect(not browser.policy_violations(), f"{browser.policy_violations()[:3]}")
    expect("Error" not in str([each for each in browser.console if each[1] == "javascript"]), f"{browser.console[-5:]}")
    # That the above would have been seen.
    ran = browser.script("""
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
        return Boolean(window.ran)""")
    expect(not ran and browser.policy_violations(), "an inline script is not refused, or not noticed")
