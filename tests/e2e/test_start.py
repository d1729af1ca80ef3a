# SPDX-License-Identifier: Apache-2.0
"""slipwayd's start, and how it refuses to: all mistakes at once, exit codes, nothing left behind."""

import dataclasses
import socket
import subprocess

from daemon import Daemon, Setup, configuration, vhost
from harness import expect, test


def daemon_in(context, name, **settings):
    folder = context.fresh(name)
    return Daemon(Setup(folder, vhost(folder / "vhost.sock"), preset=context.preset, **settings))


def tried(daemon, text, *words):
    """slipwayd with this configuration, to its end: exit status, what it said, what it left."""
    daemon.config.write_text(text, encoding="utf-8")
    done = subprocess.run([daemon.program, "--config", daemon.config, *words], timeout=120,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    left = sorted(path.name for path in daemon.folder.iterdir() if path != daemon.config)
    return done.returncode, done.stdout + done.stderr, left


@test("start", "a bad configuration is told whole, with exit status 2, and nothing is made")
def bad(context):
    daemon = daemon_in(context, "bad")
    good = configuration(daemon.setup, daemon.management)
    code, words, left = tried(daemon, good, "--check-config")
    expect(code == 0 and not left, f"a good one: exit {code}, left {left}: {words}")
    expect("good: 1 port, 1 network, 0 machines" in words, f"a good one: {words}")
    wrong = (("mtu = 1500", "mtu = 150", "port.mtu = 150: "),
             ("idle_sleep", "idle_slep", "did you mean dataplane.idle_sleep?"),
             ('"10.77.0.0/24"', '"10.77.0.0/33"', 'network.subnet = "10.77.0.0/33": '))
    text = good
    for right, mistake, _told in wrong:
        expect(right in text, f"the rig writes no {right}")
        text = text.replace(right, mistake)
    for more in ((), ("--check-config",)):
        code, words, left = tried(daemon, text, *more)
        expect(code == 2, f"exit {code}: {words}")
        for _right, mistake, told in wrong:
            place = 1 + text[:text.index(mistake)].count("\n")
            line = next((line for line in words.splitlines() if told in line), "")
            expect(f"slipway.toml:{place}:" in line, f"{mistake}: no line {place} in: {words}")
        expect(not left, f"left behind: {left}")


@test("start", "a management address that is taken: exit status 1, in words, and the port is given back")
def taken(context):
    daemon = daemon_in(context, "taken")
    host, port = daemon.management.split(":")
    with socket.create_server((host, int(port))):
        code, words, left = tried(daemon, configuration(daemon.setup, daemon.management))
    expect(code == 1, f"exit {code}: {words}")
    expect(f'management.address = "{daemon.management}"' in words, f"not named: {words}")
    expect("vhost.sock" not in left, f"left behind: {left}")
    with daemon:
        daemon.start()    # what it had made of its state is whole


@test("start", "a second slipwayd on the same state directory is refused; the first serves on")
def second(context):
    with daemon_in(context, "one") as first:
        first.start()
        other = daemon_in(context, "two")
        setup = dataclasses.replace(other.setup, folder=first.folder)  # where the state is
        code, words, left = tried(other, configuration(setup, other.management))
        expect(code == 1, f"exit {code}: {words}")
        expect(f"(process {first.pid}) runs on it already" in words, f"not named: {words}")
        expect(not left, f"left behind: {left}")
        expect(first.running() and first.run("image", "list").returncode == 0, "the first is gone")
        first.kill()
        first.start()     # a lock outlives nobody


@test("start", "a backup restored into an empty directory is served from; what is in the way, or forged, is refused")
def restored(context):
    with daemon_in(context, "saved") as first:
        first.start()
        first.run("token", "create", "kept", "--role", "viewer")
        head = first.json("audit", "verify")["head"]    # the backup's own record is not in it
        saved = first.folder / "saved.tar"
        first.run("backup", saved)
    second = daemon_in(context, "restored")

    def offline(*words):
        done = subprocess.run([second.program, *words], timeout=60, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    forged = saved.with_name("forged.tar")
    whole = saved.read_bytes()
    place = whole.rindex(b"catalog.db") // 512 * 512 + 512 + 20    # into the file behind that header
    forged.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
    for file in (forged, saved.with_name("nothing.tar")):
        code, words = offline("--restore", file, "--state", second.state)
        expect(code == 1 and str(file) in words, f"exit {code}: {words}")
        expect(not second.state.exists(), f"{file.name} left a directory")
    code, words = offline("--restore", saved, "--state", second.state)
    expect(code == 0 and "restored" in words and "is whole" in words, f"exit {code}: {words}")
    code, words = offline("--restore", saved, "--state", second.state)
    expect(code == 1 and str(second.state) in words, f"into a full one: exit {code}: {words}")
    code, words = offline("--verify-audit", second.state / "catalog.db", "--head", head)
    expect(code == 0 and "is whole" in words, f"exit {code}: {words}")
    with second:
        second.start()
        names = [token["name"] for token in second.json("token", "list")]
        expect("kept" in names, f"tokens of the restored state: {names}")
