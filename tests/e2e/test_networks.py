# SPDX-License-Identifier: Apache-2.0
"""Networks made and changed while slipwayd runs, as udhcpc sees them."""

from daemon import DaemonError
from harness import PATIENCE, expect, run, test, until
from lab import Lab
from test_dhcp import leased

MAC = "52:54:00:4e:45:01"


def asks(space, tries=3 * PATIENCE):
    """The address that one udhcpc is given, or None after so many tries of a second each."""
    done = run(["ip", "netns", "exec", space, "busybox", "udhcpc", "-i", "e0", "-n", "-q", "-t", tries,
                "-T", "1", "-s", "/bin/true"], check=False)
    words = done.split("lease of ")
    return words[1].split()[0] if len(words) > 1 else None


def refused(daemon, *words):
    """What is said of a change that is not made."""
    done = daemon.run("network", *words, check=False)
    expect(done.returncode == 1, f"network {' '.join(words)}: exit {done.returncode}, {done.stdout}")
    return done.stderr


@test("networks", "a network made while it runs leases at once, keeps addresses, outlives kill -9")
def life(context):
    with Lab(context, "networks", bare=True) as lab:
        daemon = lab.daemon
        space, _ = lab.port(mac=MAC)
        expect(daemon.json("network", "list") == [], "there is a network already")
        expect(asks(space, 3) is None, "an address out of no network")

        daemon.run("network", "set", "lab", "--subnet", "10.77.0.0/24", "--pools",
                   "10.77.0.100-10.77.0.110", "--lease-time", "5m")
        first = asks(space)
        expect(first and first.startswith("10.77.0.1"), f"no address of the new network: {first}")
        until(lambda: leased(lab, first), "the lease is in the list")

        said = refused(daemon, "set", "far", "--subnet", "10.77.0.128/25", "--pools",
                       "10.77.0.200-10.77.0.201")
        expect("overlaps 10.77.0.0/24 of lab" in said, said)
        said = refused(daemon, "set", "lab", "--pools", "10.77.0.1-10.77.0.9")
        expect("holds the server's own address 10.77.0.1" in said, said)
        expect(asks(space) == first, "a refused change has changed something")

        daemon.run("network", "reserve", "lab", "10.77.0.50", MAC)
        until(lambda: asks(space) == "10.77.0.50", "the machine gets what is kept for it")
        daemon.kill()
        daemon.start(["ip", "netns", "exec", lab.server])
        expect(asks(space) == "10.77.0.50", "another address after kill -9")

        said = refused(daemon, "rm", "lab")
        expect("which could not be renewed" in said, said)
        daemon.run("network", "rm", "lab", "--all")
        expect(asks(space, 3) is None, "an address of a network that was removed")
        expect("network lab" in daemon.run("audit", "list").stdout, "not in the audit log")
        lab.nothing_leaked()


@test("networks", "a start with a file that does not fit the catalog's networks says which, and serves nothing")
def conflict(context):
    with Lab(context, "networks-conflict", bare=True) as lab:
        daemon = lab.daemon
        daemon.run("network", "set", "lab", "--subnet", "10.77.0.0/24", "--pools",
                   "10.77.0.100-10.77.0.110")
        daemon.end()
        daemon.setup.bare = False
        try:
            daemon.start(["ip", "netns", "exec", lab.server])
        except DaemonError as error:
            expect("overlaps 10.77.0.0/24 of rig" in str(error), str(error))
        else:
            expect(False, "it started all the same")
        daemon.setup.bare = True
        daemon.start(["ip", "netns", "exec", lab.server])
        expect([each["name"] for each in daemon.json("network", "list")] == ["lab"], "the network is lost")
