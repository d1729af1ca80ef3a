# SPDX-License-Identifier: Apache-2.0
"""proxyDHCP: another server (dnsmasq) gives the addresses of the wire, slipwayd the boot offers."""

import contextlib
import subprocess
import time

import build as payloads
import machine
import story
from daemon import ADDRESS
from harness import expect, test
from lab import Lab, ip
from test_dhcp import inside, until
from test_firmware import MAC, hardware
from test_routed import captured

FOREIGN = "10.77.0.2"
PROXY = "proxy_dhcp = true\nauthoritative = false"


@contextlib.contextmanager
def beside(context, name, *words, **settings):
    """A lab with a foreign DHCP server on its wire, whose further options are `words`."""
    with Lab(context, name, pool="", network=PROXY, **settings) as lab:
        space, _interface = lab.port()
        ip("-n", space, f"address add {FOREIGN}/24 dev e0")
        log = lab.folder / "foreign.log"
        with open(log, "wb") as out:
            foreign = subprocess.Popen(
                ["ip", "netns", "exec", space, "dnsmasq", "--no-daemon", "--conf-file=/dev/null",
                 "--port=0", "--user=root", f"--pid-file={lab.folder / 'foreign.pid'}",
                 f"--dhcp-leasefile={lab.folder / 'foreign.leases'}", "--log-dhcp",
                 "--dhcp-authoritative", "--dhcp-range=10.77.0.50,10.77.0.90,1h", *words],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=machine.die_with_parent)
        try:
            until(lambda: "DHCP, IP range" in log.read_text(errors="replace"), 10,
                  "the foreign server is ready", log)
            yield lab
            lab.nothing_leaked()
        finally:
            foreign.terminate()
            foreign.wait()


def boots(context, name, *words, payload="hello", **settings):
    payload = payloads.build(payload)
    with beside(context, name, *words, **settings) as lab:
        lab.daemon.import_payload(payload)
        hw = hardware(payload, lab.folder / "m", f"tap:{lab.tap()}", lab.daemon.authority())
        hw.disk = payload.disk
        with machine.Machine(hw).start(("ip", "netns", "exec", lab.client)) as guest:
            said = guest.wait(payload.line, 90)
            found = story.steps(lab.daemon.boot(MAC.format(1)))
            expect(said, "\n".join([*guest.tail(8), str([step.words for step in found])]))
            expect(guest.seen(r"(Station IP address is|net0:) 10\.77\.0\.[5-9]\d"),
                   "not the foreign pool's: " + "\n".join(guest.tail(12)))
        expect("10.77.0." in (lab.folder / "foreign.leases").read_text(), "the other server gave none")
        expect("10.77.0." not in lab.daemon.run("lease", "list").stdout, "we gave an address too")


@test("proxy", "OVMF gets its address from dnsmasq and boots from us, by name")
def by_name(context):
    boots(context, "proxy-name", f"--dhcp-option=6,{ADDRESS}")


@test("proxy", "OVMF boots by address where the other server names no DNS of ours")
def by_address(context):
    boots(context, "proxy-address", use_name=False)


@test("proxy", "Debian 12's iPXE takes its address from dnsmasq and its program from us", slow=True)
def ipxe(context):
    boots(context, "proxy-ipxe", f"--dhcp-option=6,{ADDRESS}", payload="ipxe", http=True)


@test("proxy", "a client that does not boot hears nothing from us, and its requests are left alone")
def not_booting(context):
    with beside(context, "proxy-quiet", f"--dhcp-option=6,{ADDRESS}") as lab:
        lab.make_set({"small.efi": 4000})
        space, interface = lab.port()
        with captured(lab, lab.client, "w0", f"udp and src host {ADDRESS}") as ours:
            text = inside(space, "dhclient", "-4", "-v", "-1", "-lf", lab.folder / "leases", "-pf",
                          lab.folder / "dhclient.pid", "-sf", "/bin/true", interface, timeout=40)
            time.sleep(0.5)             # whatever we might say comes within it
        expect(f"from {FOREIGN}" in text and f"from {ADDRESS}" not in text, text)
        expect(not ours, f"we sent {len(ours)} datagrams: {text}")
        inside(space, "dhclient", "-x", "-lf", lab.folder / "leases", "-pf",
               lab.folder / "dhclient.pid", interface, check=False)
        # Its files it may have: the other server said so by naming our DNS.
        address = lab.dhcp(space)
        expect(address.startswith("10.77.0."), address)
        inside(space, "curl", "--silent", "--show-error", "--fail", "--cacert", lab.daemon.authority(),
               "--output", "/dev/null", lab.url("small.efi"))
