# SPDX-License-Identifier: Apache-2.0
"""The web page's reservations and leases, on a network of the catalog that real clients ask."""

import contextlib

from harness import expect, test, until
from test_dhcp import leased
from test_networks import asks
from test_web import Site
from test_web_networks import network
from web_forms import (as_token, both, buttons, closed, dialog, fill, filled, leave, no_complaints,
                       overtaken, press, standing_still, unsaid)

MAC, OTHER = "52:54:00:77:00:51", "52:54:00:77:00:52"
KEEP = "Keep an address in lab"


ROUTER = "10.77.0.254"


@contextlib.contextmanager
def bare(context):
    with Site(context, "web-addresses", bare=True, port=f'gateway = "{ROUTER}"') as made:
        made.daemon.run("network", "set", "lab", "--subnet", "10.77.0.0/24", "--pools",
                        "10.77.0.100-10.77.0.110", "--lease-time", "5m")
        made.sign_in(made.token("operator"))
        yield made


def kept(lab):
    return {each["address"]: each.get("mac") or each.get("uuid") or each.get("client_id")
            for each in lab.daemon.json("network", "show", "lab")["reservation"]}


def keeping(browser, address, owner):
    press(browser, KEEP)
    fill(browser, "Address", address)
    fill(browser, "Machine", owner)


def unfolded(browser):
    """What the network's card says of its reservations, once they are shown."""
    return browser.until("no reservations", """
        const fold = document.querySelector('section[aria-label=lab] details');
        if (fold && !fold.open) fold.querySelector('summary').click();
        return fold?.querySelector('li') && fold.innerText""")


@test("web", "an operator keeps an address for a machine, which gets it; what that takes is said before", bare)
def keep_address(_, lab):
    browser = lab.browser
    lab.go("networks")
    browser.until("no networks", "return document.querySelector('main section[aria-label=lab]')")
    expect(buttons(browser) == [KEEP], f"an operator is offered {buttons(browser)}")
    space, _ = lab.port(mac=MAC)
    keeping(browser, "10.99.0.50", MAC)
    press(browser, "Keep it")
    dialog(browser, "outside the subnet")
    both(lab, "the dialog of a reservation that was refused", "reservation-refused")
    fill(browser, "Address", "10.77.0.50")
    unsaid(browser, "outside the subnet")
    overtaken(browser, "Keep it", KEEP,
              lambda: lab.daemon.run("network", "reserve", "lab", "10.77.0.50", OTHER))
    expect(kept(lab) == {"10.77.0.50": OTHER}, "it was taken from whom it had just been given")
    keeping(browser, "10.77.0.50", MAC.upper().replace(":", "-"))
    dialog(browser, f"It is taken from {OTHER}")
    press(browser, "Keep it")
    closed(browser)
    expect(kept(lab) == {"10.77.0.50": MAC}, f"{kept(lab)}")
    until(lambda: asks(space) == "10.77.0.50", "the machine gets what is kept for it")
    keeping(browser, "10.77.0.51", MAC)
    dialog(browser, f"{MAC} loses 10.77.0.50")
    both(lab, "the dialog of a reservation that takes another", "reservation")
    press(browser, "Keep it")
    closed(browser)
    expect(kept(lab) == {"10.77.0.51": MAC}, f"{kept(lab)}")
    expect("token e2e-operator" in lab.daemon.run("audit", "list").stdout, "nobody knows who did it")
    no_complaints(browser)


@test("web", "reservations are listed, and removed as they were seen; a viewer and a scope only read them", bare)
def free_address(_, lab):
    browser = lab.browser
    lab.daemon.run("network", "reserve", "lab", "10.77.0.51", MAC)
    lab.daemon.run("network", "reserve", "lab", "10.77.0.52", "0a1b2c3d-0001-0203-0405-060708090a0b")
    scoped = lab.daemon.json("token", "create", "e2e-scoped", "--role", "operator", "--scope", "rack=a1")
    for token in (lab.token("viewer"), scoped["token"]):
        as_token(lab, token)
        lab.go("networks")
        shown = unfolded(browser)
        for wanted in ("10.77.0.51", MAC, "10.77.0.52", "UUID 0a1b2c3d-0001-0203-0405-060708090a0b"):
            expect(wanted in shown, f"no {wanted!r} in: {shown}")
        expect(not buttons(browser), f"there are buttons: {buttons(browser)}")
    as_token(lab, lab.token("operator"))
    lab.go("networks")
    unfolded(browser)
    both(lab, "networks with reservations", "networks-reservations")
    gone = "Remove the reservation of 10.77.0.51"
    press(browser, gone)
    dialog(browser, f"It is kept for {MAC} now")
    both(lab, "the question before a reservation is removed", "reservation-remove")
    lab.daemon.run("network", "reserve", "lab", "10.77.0.51", OTHER)
    press(browser, "Remove")
    said = dialog(browser, "was changed meanwhile")
    expect(f"It is kept for {OTHER} now" in said, f"it does not say what it is now: {said}")
    expect(kept(lab)["10.77.0.51"] == OTHER, "it was removed")
    both(lab, "the question before what was changed meanwhile is removed", "reservation-changed")
    # What was kept last stands last: the row that the dialog was opened from moves, and the dialog stays modal.
    browser.until("the rows have not moved",
                  "return document.querySelector('section[aria-label=lab] li code').innerText === '10.77.0.52'")
    expect(browser.script("return document.querySelector('dialog[open]').matches(':modal')"), "it is not modal any more")
    leave(browser, gone)
    # Pressed again before the page is told that the dialog was closed, it opens another, which stays.
    press(browser, gone)
    dialog(browser, f"It is kept for {OTHER} now")
    browser.wait_script("""
        const [opener, done] = arguments;
        document.querySelector('dialog[open]').close();
        [...document.querySelectorAll('main button')].find((each) => each.ariaLabel === opener).click();
        setTimeout(done, 500)""", gone)
    dialog(browser, f"It is kept for {OTHER} now")
    leave(browser, gone)
    with standing_still(browser):
        lab.daemon.run("network", "reserve", "lab", "10.77.0.51", MAC)
        press(browser, gone)
        dialog(browser, f"It is kept for {MAC} now")
        lab.daemon.run("network", "reserve", "lab", "10.77.0.51", OTHER)
        press(browser, "Remove")
        dialog(browser, f"It is kept for {OTHER} now")
    press(browser, "Remove")
    closed(browser)
    browser.until("it is still listed",
                  "return !document.querySelector('section[aria-label=lab]').innerText.includes('10.77.0.51')")
    expect(list(kept(lab)) == ["10.77.0.52"], f"{kept(lab)}")
    expect(browser.script("return document.activeElement.id") == "content", "the focus is lost")
    no_complaints(browser)


@test("web", "saving a network leaves the router that it has of its port the port's", bare)
def inherited_router(_, lab):
    browser = lab.browser
    before = network(lab, "lab")
    expect(before["inherited_router"] == ROUTER and "router" not in before, f"{before}")
    as_token(lab, lab.token())
    lab.go("networks")
    press(browser, "Edit lab")
    dialog(browser, "Addresses kept for machines")
    expect(filled(browser, "Router") == "", "the port's gateway stands there as the network's own")
    fill(browser, "Lease", "10m")
    press(browser, "Save")
    closed(browser)
    expect(network(lab, "lab") == {**before, "lease_time": "600s"}, "something else was saved")
    no_complaints(browser)


@test("web", "a network in which machines have leases stays, and the page says how it goes all the same", bare)
def leased_network(_, lab):
    browser = lab.browser
    space, _ = lab.port(mac=OTHER)
    address = asks(space)
    expect(address, "no address")
    until(lambda: leased(lab, address), "the lease is in the list")
    as_token(lab, lab.token())
    lab.go("networks")
    browser.until_text(address)
    press(browser, "Remove lab")
    dialog(browser, "Machines in 10.77.0.0/24 are not answered any more")
    press(browser, "Remove")
    said = dialog(browser, "which could not be renewed")
    expect("lab: has leases of" in said and "slipway network rm lab --all" in said, said)
    both(lab, "a network that is not removed for its leases", "network-leased")
    expect([each["name"] for each in lab.daemon.json("network", "list")] == ["lab"], "it was removed")
    fill(browser, "If machines have leases", "?all_the_same=true")
    unsaid(browser, "which could not be renewed")
    press(browser, "Remove")
    closed(browser)
    browser.until("it is still shown", "return !document.querySelector('main section[aria-label=lab]')")
    expect(lab.daemon.json("network", "list") == [], "it is still there")
    expect(asks(space, 3) is None, "an address of a network that was removed")
    no_complaints(browser)
