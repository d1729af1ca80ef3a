# SPDX-License-Identifier: Apache-2.0
"""What happens, told as it happens: slipway watch over a wire that breaks, webhooks to a real HTTPS server."""

import base64
import contextlib
import hashlib
import hmac
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import machine
from harness import expect, run, test, until
from lab import Lab

HERE = Path(__file__).parent
CLIENT = HERE / "dhcp_client.py"
STATIONS = 40


@contextlib.contextmanager
def helper(lab, *command, out=subprocess.PIPE):
    """A program in the server's namespace, ended in the end."""
    process = subprocess.Popen(["ip", "netns", "exec", lab.server, *map(str, command)],
                               stdin=subprocess.DEVNULL, stdout=out, text=True,
                               preexec_fn=machine.die_with_parent)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def discover(lab, space, interface, first):
    """Stations take addresses: each is a boot of some steps."""
    run(["ip", "netns", "exec", space, sys.executable, CLIENT, interface, "discover", STATIONS, first])


def events_of(path):
    """Of the watch's lines; the last may still be on its way."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


@test("live", "slipway watch over a connection that is cut again and again: nothing lost, nothing twice")
def cut(context):
    with Lab(context, "watch", pool="10.77.0.30-10.77.0.254") as lab:
        lab.make_set({"small.efi": 4000})
        space, interface = lab.port()
        whole, torn = lab.folder / "whole.json", lab.folder / "torn.json"
        watch = lab.daemon.command("watch", "--json", "--kind", "step,boot,change,audit")
        with contextlib.ExitStack() as stack:
            proxy = stack.enter_context(helper(lab, sys.executable, HERE / "cutting_proxy.py",
                                               lab.daemon.management, 20011))
            through = [f"127.0.0.1:{proxy.stdout.readline().strip()}" if word == lab.daemon.management
                       else word for word in watch]
            watchers = [stack.enter_context(helper(lab, *command, out=stack.enter_context(
                open(path, "w", encoding="utf-8")))) for command, path in ((watch, whole), (through, torn))]

            def marked(path, mac):
                return any(mac in event["data"].get("what", "") for event in events_of(path))
            # Both have begun where both have seen the same.
            number = 0

            def both_begun():
                nonlocal number
                number += 1
                lab.daemon.run("machine", "set", f"52:54:00:aa:00:{number:02x}", "-")
                time.sleep(1)
                return marked(whole, f"00:{number:02x}") and marked(torn, f"00:{number:02x}")
            until(both_begun, "both watch")
            begin = f"52:54:00:aa:00:{number:02x}"
            discover(lab, space, interface, 1)
            discover(lab, space, interface, 1 + STATIONS)
            lab.daemon.run("machine", "set", "52:54:00:bb:00:01", "-")
            for path in (whole, torn):
                until(lambda path=path: marked(path, "52:54:00:bb:00:01"), f"the end in {path.name}")

            def between(path):
                events = events_of(path)
                return events[next(i for i, event in enumerate(events)
                                   if begin in event["data"].get("what", "")):]
            # Steps are told by another thread than what an operator changes.
            for path in (whole, torn):
                until(lambda path=path: sum(event["event"] == "step" for event in between(path)) >= 2 * STATIONS * 4,
                      f"the steps in {path.name}")
            expected, seen = between(whole), between(torn)
            end = min(len(expected), len(seen))
            other = [pair for pair in zip(expected[:end], seen[:end]) if pair[0] != pair[1]]
            expect(not other, f"the torn stream tells another story: {other[:1]}")
            expect(end > 2 * STATIONS * 4, f"only {end} events")
            ids = [int(event["id"]) for event in seen]
            expect(ids == sorted(set(ids)), "ids do not rise")
            steps = [event for event in seen if event["event"] == "step"]
            expect(len(steps) >= 2 * STATIONS * 4, f"{len(steps)} steps of {2 * STATIONS} machines")
            expect(not any(event["event"] == "gap" for event in seen), "a gap is told of")
            # It was cut indeed: the daemon saw more streams end than there are watchers, the last of
            # them when it has something to say there.
            until(lambda: sum(value for name, value in lab.metrics().items()
                              if name.startswith("slipway_event_streams_ended_total")) >= 5,
                  "five streams have ended")
            for watcher in watchers:
                watcher.send_signal(signal.SIGINT)
                code = watcher.wait(timeout=60)
                expect(code == 0, f"Ctrl-C is no failure: exit {code}")


@test("live", "slipway watch outlives a restart of slipwayd, and says that it did")
def restart(context):
    with Lab(context, "watch-restart") as lab:
        lab.make_set({"small.efi": 4000})
        path = lab.folder / "watch.json"
        with open(path, "w", encoding="utf-8") as out, \
                helper(lab, *lab.daemon.command("watch", "--json"), out=out):
            def told(mac):
                lab.daemon.run("machine", "set", mac, "-")
                time.sleep(1)
                return any(mac in event["data"].get("what", "") for event in events_of(path))
            until(lambda: told("52:54:00:aa:00:01"), "the first change")
            started = time.monotonic()
            status = lab.daemon.stop()
            expect(status == 0, f"exit status {status} with a stream open:\n{lab.daemon.words()}")
            expect(time.monotonic() - started < 40, "an open stream holds up the end of slipwayd")
            lab.daemon.start(["ip", "netns", "exec", lab.server])
            until(lambda: told("52:54:00:aa:00:02"), "a change after the restart")
        gaps = [event for event in events_of(path) if event["event"] == "gap"]
        expect([gap["data"] for gap in gaps] == [{"lost": None}], f"gaps: {gaps}")
        ids = [int(event["id"]) for event in events_of(path)]
        expect(ids == sorted(set(ids)), "ids do not rise over a restart")


def verify(secret, request):
    """As Standard Webhooks has it."""
    headers = request["headers"]
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{request['body']}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest()).decode()
    expect(headers["webhook-signature"] == f"v1,{signature}", f"signature: {headers}")
    expect(abs(int(headers["webhook-timestamp"]) - time.time()) < 600, f"timestamp: {headers}")


def receiver_files(lab):
    """Certificate, key, and where it writes what it took."""
    certificate, key, took = (lab.folder / name for name in ("hook.pem", "hook.key", "took.json"))
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=hook",
         "-addext", "subjectAltName=IP:127.0.0.1"])
    took.touch()
    return certificate, key, took


@test("live", "webhooks: signed boots to a real HTTPS server, again after its refusals, nothing to an impostor")
def webhooks(context):
    with Lab(context, "webhooks") as lab:
        lab.make_set({"small.efi": 4000})
        space, interface = lab.port()
        certificate, key, took = receiver_files(lab)
        with helper(lab, sys.executable, HERE / "webhook_receiver.py", certificate, key, took, 2) as receiver:
            url = f"https://127.0.0.1:{receiver.stdout.readline().strip()}/boots?site=1"
            made = lab.daemon.json("webhook", "add", "ops", url, "--kind", "boot",
                                   "--receiver-ca", certificate)
            # Who is not of the authorities that were named is told nothing.
            lab.daemon.json("webhook", "add", "impostor", url, "--kind", "boot")
            refused = lab.daemon.run("webhook", "test", "impostor", check=False)
            expect(refused.returncode == 1 and "not trusted" in refused.stderr, f"{refused}")
            discover(lab, space, interface, 1)
            requests = until(lambda: len(all_of := events_of(took)) >= STATIONS + 2 and all_of,
                             "a boot of each station")
            for request in requests:
                verify(made["secret"], request)
            first = {request["headers"]["webhook-id"] for request in requests[:3]}
            expect(len(first) == 1, f"it is not the same message again: {first}")
            bodies = [json.loads(request["body"]) for request in requests[2:]]
            expect({body["type"] for body in bodies} == {"boot"}, f"{bodies[0]}")
            macs = {body["data"]["mac"] for body in bodies}
            expect(len(macs) == STATIONS, f"{len(macs)} machines of {STATIONS}")

            def counted():
                hooks = {hook["name"]: hook for hook in lab.daemon.json("webhook", "list")}
                return hooks if hooks["ops"]["delivered"] >= STATIONS else None
            hooks = until(counted, "as many delivered")
            expect(hooks["ops"]["failures"] == 2, f"{hooks}")
            expect(hooks["impostor"]["delivered"] == 0 and hooks["impostor"]["waiting"] > 0, f"{hooks}")
            # The audit log knows who did it, and no secret.
            log = json.dumps(lab.daemon.json("audit", "list"))
            expect("webhook ops" in log and made["secret"][6:] not in log, "the audit log")
            started = time.monotonic()
            expect(lab.daemon.stop() == 0 and time.monotonic() - started < 40, "slipwayd does not end")


@test("live", "webhooks: what waits for a receiver that is away outlives kill -9; the log, as JSON, tells of it")
def webhooks_killed(context):
    with Lab(context, "webhooks-killed", pool="10.77.0.30-10.77.0.254", more='[log]\nformat = "json"') as lab:
        lab.make_set({"small.efi": 4000})
        space, interface = lab.port()
        certificate, key, took = receiver_files(lab)
        command = [sys.executable, HERE / "webhook_receiver.py", certificate, key, took, 0]
        with helper(lab, *command) as receiver:
            port = receiver.stdout.readline().strip()
            made = lab.daemon.json("webhook", "add", "ops", f"https://127.0.0.1:{port}/", "--kind", "boot",
                                   "--receiver-ca", certificate)
            discover(lab, space, interface, 1)
            until(lambda: lab.daemon.json("webhook", "list")[0]["delivered"] >= STATIONS, "a boot of each station")
        told = len(events_of(took))
        discover(lab, space, interface, 101)    # nobody listens

        def waiting():
            return lab.daemon.json("webhook", "list")[0]["waiting"] >= STATIONS
        until(waiting, "messages that wait")
        lab.daemon.kill()
        with helper(lab, *command, port) as receiver:
            receiver.stdout.readline()
            lab.daemon.start(["ip", "netns", "exec", lab.server])
            until(lambda: len(events_of(took)) >= told + STATIONS, "what waited")
            discover(lab, space, interface, 201)
            requests = until(lambda: len(all_of := events_of(took)) >= told + 2 * STATIONS + 1 and all_of,
                             "what happens after the restart")
        for request in requests:
            verify(made["secret"], request)
        bodies = [json.loads(request["body"]) for request in requests[told:]]
        expect([body["type"] for body in bodies].index("gap") >= STATIONS, "the gap is told before what waited")
        expect([body["data"] for body in bodies if body["type"] == "gap"] == [{"lost": None}], "gaps")
        macs = {body["data"]["mac"] for body in bodies if body["type"] == "boot"}
        expect(len(macs) == 2 * STATIONS, f"{len(macs)} machines of {2 * STATIONS}")
        # One message may have been on its way when its sender was killed.
        ids = [request["headers"]["webhook-id"] for request in requests]
        expect(len(ids) - len(set(ids)) <= 1, "messages came twice")
        expect(lab.daemon.stop() == 0, "slipwayd does not end")
        log = [json.loads(line) for line in lab.daemon.log.read_text(encoding="ascii").splitlines()]
        expect(all({"time", "level", "message"} <= line.keys() for line in log), f"{log}")
        taken_up = [line for line in log if line.get("webhook") == "ops" and line["level"] == "info"]
        expect(taken_up and taken_up[0]["messages"] >= STATIONS, f"{taken_up}")
