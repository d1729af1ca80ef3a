# SPDX-License-Identifier: Apache-2.0
"""Four DHCP clients and a load generator, each on a port of its own of the same wire."""

import os
import re
import signal
import subprocess

import machine
from daemon import ADDRESS
from harness import PATIENCE, expect, run, test, until
from test_clients import network


def inside(space, *command, **options):
    return run(["ip", "netns", "exec", space, *command], **options)


def address_of(space, interface="e0"):
    found = re.search(r"inet (10\.77\.0\.\d+)/24", inside(space, "ip", "-4", "addr", "show", interface))
    return found[1] if found else None


def started(space, *command):
    return subprocess.Popen(["ip", "netns", "exec", space, *map(str, command)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, preexec_fn=machine.die_with_parent)


def state_of(lab, address):
    """What the lease list says of it: bound, released, ..., or nothing at all (None)."""
    return next((lease["state"] for lease in lab.daemon.json("lease", "list")
                 if lease["address"] == address), None)


def leased(lab, address):
    return state_of(lab, address) == "bound"


# What Debian's script does, but for resolv.conf: the address is what a RELEASE is sent from.
DHCLIENT_SCRIPT = """#!/bin/sh
[ "$reason" = BOUND -o "$reason" = REBOOT ] || exit 0
ip link set "$interface" up
ip address replace "$new_ip_address/$new_subnet_mask" dev "$interface"
"""


@test("dhclient", "gets an address, keeps it when asking again, and releases it", network)
def dhclient(_, lab):
    space, interface = lab.port()
    script, file = lab.folder / "dhclient.sh", lab.folder / "dhclient.leases"
    script.write_text(DHCLIENT_SCRIPT, encoding="utf-8")
    script.chmod(0o755)
    file.touch()
    common = ["dhclient", "-4", "-v", "-lf", file, "-pf", lab.folder / "dhclient.pid", "-sf", script]
    addresses = []
    for _round in range(2):
        text = inside(space, *common, "-1", interface, timeout=40)
        found = re.search(r"bound to (10\.77\.0\.\d+)", text)
        expect(found, text[-700:])
        addresses.append(found[1])
        until(lambda: leased(lab, addresses[-1]), "the lease list knows it")
        if _round == 0:
            inside(space, *common, "-x", interface)     # ends it, and says nothing to us
    expect(addresses[0] == addresses[1], f"another address the second time: {addresses}")
    text = inside(space, *common, "-r", interface)
    expect(f"DHCPRELEASE of {addresses[0]}" in text, text[-700:])
    until(lambda: state_of(lab, addresses[0]) == "released", f"{addresses[0]} is released")


@test("udhcpc", "gets an address, mask and name server", network)
def udhcpc(_, lab):
    space, interface = lab.port()
    script = lab.folder / "udhcpc.sh"
    script.write_text('#!/bin/sh\n[ "$1" = bound ] && echo "bound $ip $subnet $dns $lease"\nexit 0\n',
                      encoding="utf-8")
    script.chmod(0o755)
    text = inside(space, "busybox", "udhcpc", "-i", interface, "-n", "-q", "-t", "5", "-s", script)
    expect(re.search(rf"bound 10\.77\.0\.\d+ 255\.255\.255\.0 {re.escape(ADDRESS)} 3600", text), text)


@test("dhcpcd", "gets an address and configures the interface", network)
def dhcpcd(_, lab):
    space, interface = lab.port()
    text = inside(space, "dhcpcd", "-4", "-1", "-t", "30", "--nohook", "resolv.conf",
                  "--noipv4ll", "-B", interface, timeout=50, check=False)
    found = re.search(r"leased (10\.77\.0\.\d+) for 3600 seconds", text)
    expect(found, text[-700:])
    expect(address_of(space, interface) == found[1], f"not on the interface: {found[1]}")
    inside(space, "ping", "-c", "1", "-W", 2 * PATIENCE, ADDRESS)


@test("systemd-networkd", "gets an address and reaches the server", network)
def networkd(_, lab):
    space, interface = lab.port()
    etc = lab.folder / "networkd"
    etc.mkdir()
    (etc / "50-e0.network").write_text(
        f"[Match]\nName={interface}\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n"
        "[DHCPv4]\nClientIdentifier=duid\n", encoding="utf-8")
    # Its folders are fixed paths: a mount namespace gives it empty ones of its own. A read-only
    # /sys says that there is no udev to wait for.
    inner = (f"mount -o remount,ro /sys && mount -t tmpfs none /run && mkdir -p /run/systemd/network /run/systemd/netif && "
             f"cp {etc}/50-e0.network /run/systemd/network/ && chmod -R a+rX /run && "
             f"SYSTEMD_LOG_TARGET=console exec /lib/systemd/systemd-networkd >{etc}/log 2>&1")
    process = started(space, "unshare", "-m", "sh", "-c", inner)
    try:
        until(lambda: address_of(space, interface), "systemd-networkd configures an address",
              log=etc / "log")
        inside(space, "ping", "-c", "1", "-W", 2 * PATIENCE, ADDRESS)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@test("perfdhcp", "400 exchanges at 200 a second lose nothing", network)
def perfdhcp(_, lab):
    space, interface = lab.port()
    inside(space, "ip", "addr", "add", "10.77.0.21/24", "dev", interface)
    text = inside(space, "perfdhcp", "-4", "-l", interface, "-r", "200", "-n", "400", "-R", "60",
                  "-d", str(PATIENCE), "-d", str(PATIENCE), "-W", PATIENCE * 1_000_000, ADDRESS, timeout=60,
                  check=False)
    # Of OFFERs for DISCOVERs, and of ACKs for REQUESTs.
    for word, wanted in (("sent packets", 400), ("received packets", 400), ("drops", 0)):
        found = [int(number) for number in re.findall(rf"^{word}: (\d+)", text, re.M)]
        expect(found == [wanted, wanted], f"{word}: {found}, not {wanted} twice\n{text[-1200:]}")


@test("dhclient", "a foreign address is refused and a new one taken", network)
def foreign(_, lab):
    space, interface = lab.port()
    leases = lab.folder / "foreign.leases"
    leases.write_text(f'lease {{\n  interface "{interface}";\n  fixed-address 10.99.0.5;\n'
                      "  option subnet-mask 255.255.255.0;\n  option dhcp-lease-time 3600;\n"
                      "  option dhcp-server-identifier 10.99.0.1;\n"
                      "  renew 5 2036/01/01 00:00:00;\n  rebind 5 2036/01/01 00:00:00;\n"
                      "  expire 5 2036/01/01 00:00:00;\n}\n", encoding="utf-8")
    pid = lab.folder / "foreign.pid"
    text = inside(space, "dhclient", "-4", "-v", "-1", "-lf", leases, "-pf", pid, "-sf", "/bin/true",
                  interface, timeout=40)
    expect("DHCPNAK" in text, f"no NAK: {text[-700:]}")
    expect(re.search(r"bound to 10\.77\.0\.\d+", text), text[-700:])
    # The one that went on writes it, after the one that was waited for has ended.
    until(lambda: pid.exists() and pid.read_text(encoding="ascii").strip(), "dhclient says its pid")
    os.kill(int(pid.read_text(encoding="ascii")), signal.SIGTERM)
