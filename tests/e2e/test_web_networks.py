# SPDX-License-Identifier: Apache-2.0
"""The web page's networks: those of the catalog are made and changed as by `slipway network`."""

from browser import ENTER
from harness import expect, test
from web_forms import (both, buttons, closed, dialog, fill, filled, forms, is_taken, named,
                       no_complaints, overtaken, press, unsaid)

MAC = "52:54:00:77:00:31"
UUID = "0a1b2c3d-0001-0203-0405-060708090a0b"


def network(lab, name="racks"):
    """All that it says, without the tag that each change makes another."""
    shown = lab.daemon.json("network", "show", name)
    del shown["etag"]
    return shown


def names(lab):
    return [each["name"] for each in lab.daemon.json("network", "list")]


@test("web", "a network is made with all it says; one that overlaps is refused, the file's is not offered", forms)
def add_network(_, lab):
    browser = lab.browser
    lab.go("networks")
    browser.until_text("It is in slipway.toml, and is changed there")
    expect(buttons(browser) == ["Add a network"], f"the file's network is offered to be changed: {buttons(browser)}")
    named(browser, "Add a network", "network-name", "racks")
    fill(browser, "Subnet", "10.77.0.128/25")
    fill(browser, "Pools", "10.77.0.200-10.77.0.201")
    fill(browser, "Reached", "true")
    press(browser, "Save")
    dialog(browser, "overlaps 10.77.0.0/24 of rig")
    both(lab, "the dialog of a network that was refused", "network-refused")
    expect(filled(browser, "Pools") == "10.77.0.200-10.77.0.201", "what was typed is lost")
    fill(browser, "Subnet", "10.88.0.0/24")
    unsaid(browser, "overlaps 10.77.0.0/24 of rig")
    fill(browser, "Pools", "10.88.0.50-10.88.0.60, 10.88.0.70-10.88.0.80")
    for place, (address, owner) in enumerate((("10.88.0.10", MAC), ("10.88.0.11", UUID), ("10.88.0.12", "01aabbcc")), 1):
        press(browser, "Add a reservation")
        fill(browser, f"Kept address {place}", address)
        fill(browser, f"Kept for {place}", owner)
    press(browser, "Add a route")
    fill(browser, "Route to 1", "10.99.0.0/16")
    fill(browser, "Route by 1", "10.88.0.253")
    press(browser, "Add a DHCP option")
    fill(browser, "Option code 1", "42")
    fill(browser, "Option octets 1", "0a580001")
    both(lab, "the dialog of a network with rows", "network-rows")
    browser.script("document.querySelector('#network-subnet').focus()")
    browser.press([ENTER])
    closed(browser)
    browser.until("it is not shown", "return document.querySelector('main section[aria-label=racks]')")
    made = network(lab)
    expect((made["subnet"], made["pools"], made["relayed"], made["proxy_dhcp"], made["authoritative"])
           == ("10.88.0.0/24", ["10.88.0.50-10.88.0.60", "10.88.0.70-10.88.0.80"], True, False, True), f"{made}")
    expect(made["reservation"] == [{"address": "10.88.0.10", "mac": MAC}, {"address": "10.88.0.11", "uuid": UUID},
                                   {"address": "10.88.0.12", "client_id": "01aabbcc"}], f"{made['reservation']}")
    expect(made["route"] == [{"destination": "10.99.0.0/16", "via": "10.88.0.253"}]
           and made["option"] == [{"code": 42, "hex": "0a580001"}], f"{made}")
    both(lab, "networks", "networks")
    is_taken(browser, "Add a network", {"Name": "racks", "Subnet": "10.89.0.0/24"}, "edit that network")
    expect(network(lab) == made, "it was replaced")
    no_complaints(browser)


@test("web", "a network is changed and removed as it was seen, and not over what somebody else changed", forms)
def edit_network(_, lab):
    browser = lab.browser
    lab.go("networks")
    before = network(lab)
    press(browser, "Edit racks")
    dialog(browser, "Addresses kept for machines")
    fill(browser, "Lease", "12h")
    overtaken(browser, "Save", "Edit racks",
              lambda: lab.daemon.run("network", "set", "racks", "--domain", "racks.test"))
    expect(network(lab) == {**before, "domain": "racks.test"}, "it was overwritten")
    press(browser, "Edit racks")
    dialog(browser, "Addresses kept for machines")
    fill(browser, "Lease", "12h")
    fill(browser, "Domain", "")
    press(browser, "Remove reservation 2")
    press(browser, "Save")
    closed(browser)
    left = [before["reservation"][0], before["reservation"][2]]
    expect(network(lab) == {**before, "lease_time": "43200s", "reservation": left}, f"{network(lab)}")
    press(browser, "Remove racks")
    dialog(browser, "Machines in 10.88.0.0/24 are not answered any more")
    both(lab, "the question before a network is removed", "network-remove")
    overtaken(browser, "Remove", "Remove racks",
              lambda: lab.daemon.run("network", "set", "racks", "--lease-time", "2h"))
    expect("racks" in names(lab), "it was removed")
    press(browser, "Remove racks")
    dialog(browser, "Machines in 10.88.0.0/24 are not answered any more")
    fill(browser, "If machines have leases", "?all_the_same=true")
    press(browser, "Remove")
    closed(browser)
    browser.until("it is still shown", "return !document.querySelector('main section[aria-label=racks]')")
    expect(names(lab) == ["rig"], f"{names(lab)}")
    expect(browser.script("return document.activeElement.id") == "content", "the focus is lost")
    no_complaints(browser)
