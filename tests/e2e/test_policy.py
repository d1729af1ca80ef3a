# SPDX-License-Identifier: Apache-2.0
"""Who gets what, with real firmware: rules, approval, a version on its way, and what explain said."""

from harness import expect, test, until
from test_firmware import MAC, Appliance

FIRST = MAC.format(1)


def requested(daemon, mac=FIRST):
    """The paths that the machine's last boot asked for."""
    return [step["text"] for step in (daemon.boot(mac) or {"steps": []})["steps"]
            if step["kind"] == "HttpRequest"]


@test("policy", "firmware nobody knows is held, is approved while it asks, and boots")
def approval(context):
    with Appliance(context, "hello") as appliance:
        daemon = appliance.daemon
        daemon.run("rule", "set", "ask", "--order", "10", "--action", "hold")
        daemon.run("rule", "set", "rest", "--order", "20", "--image", daemon.setup.image_set)
        told = daemon.run("explain", "--mac", FIRST).stdout
        expect("is held until it is approved" in told, told)
        with appliance.machine().start() as guest:
            until(lambda: "holds this machine" in str(daemon.boot(FIRST)), "its DISCOVER is in its story")
            expect(not guest.seen("Station IP address is"), "it was offered an address all the same")
            held = daemon.json("machine", "held")
            expect([(each["mac"], each["rule"], each["architecture"], each["client"], each["known"]) for each in held]
                   == [(FIRST, "ask", "x64", "http", False)] and held[0]["network"], str(held))
            daemon.run("machine", "approve", FIRST)
            expect(daemon.json("machine", "held") == [], "it waits, approved")
            told = daemon.json("explain", "--mac", FIRST)
            expect(told["decided_by"] == "rest" and told["uri"], str(told))
            expect(guest.wait(appliance.payload.line, 240), appliance.why(guest))
            expect(guest.seen(told["uri"].replace(".", r"\.")), f"another URI than {told['uri']}")


@test("policy", "a canary boots the candidate; rolled back and promoted, machines follow")
def canary(context):
    with Appliance(context, "hello") as appliance:
        daemon = appliance.daemon
        stable = daemon.setup.image_set
        # The same program and one file more: another version, another digest.
        again = appliance.folder / "again"
        again.mkdir()
        for file in appliance.payload.folder.iterdir():
            (again / file.name).write_bytes(file.read_bytes())
        (again / "notes.txt").write_text("version 2\n", encoding="utf-8")
        daemon.import_image(again, "demo:next")
        digests = {each["reference"]: each["digest"][:12] for each in daemon.json("image", "list")}
        expect(len(set(digests.values())) == 2, f"one version only: {digests}")
        daemon.run("machine", "label", FIRST, "canary=yes")
        daemon.run("rollout", "start", stable, "demo:next", "--when", "canary=yes")
        with appliance.machine().start() as guest:
            expect(guest.wait(appliance.payload.line, 240), appliance.why(guest))
        paths = requested(daemon)
        expect(paths and all(digests["demo:next"] in path for path in paths), f"it asked for {paths}")
        ended = until(lambda: [each for each in daemon.json("rollout", "list")
                               if each["candidate_boots"]["complete"] == 1], "the boot is in the tally")
        expect(ended[0]["stable_boots"]["complete"] == 0, str(ended))
        daemon.run("rollout", "rollback", stable)
        expect(digests[stable] in daemon.json("explain", "--mac", FIRST)["uri"], "it is not back")
        daemon.run("rollout", "start", stable, "demo:next", "--when", "canary=yes")
        daemon.run("rollout", "promote", stable)
        other = daemon.json("explain", "--mac", MAC.format(2))
        expect(digests["demo:next"] in other["uri"], f"not everybody gets it: {other}")
        verified = daemon.run("audit", "verify").stdout
        expect("promoted" in daemon.run("audit", "list").stdout, verified)
