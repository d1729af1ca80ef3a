# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, driven by its chromedriver (W3C WebDriver) inside a network namespace.

Only what the tests of the web page need. What the browser sends and says is read from its own
logs: every request it made, and every line of its console, violations of the content security
policy among them.
"""

import base64
import ctypes
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import machine
from harness import PATIENCE, Failed, Skipped, run

CLONE_NEWNET = 0x40000000
TAB, ENTER, ESCAPE = "\ue004", "\ue007", "\ue00c"


def connect(namespace, port):
    """A TCP connection to a port of the namespace's own loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as home, \
            open(f"/run/netns/{namespace}", "rb") as there:
        def enter(place):
            if libc.setns(place.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
        enter(there)
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60 * PATIENCE)
        finally:
            enter(home)


class Browser:
    def __init__(self, namespace, folder, width=1280, height=900):
        if not shutil.which("chromedriver") or not shutil.which("chromium"):
            raise Skipped("no chromium and chromium-driver: ./dev setup installs them")
        self.namespace, self.folder = namespace, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.size = (width, height)
        self.requests = []      # URLs, in order
        self.console = []       # (level, source, text)
        self._session = None

    # --- life -----------------------------------------------------------------------------------

    def __enter__(self):
        # chromedriver listens on both loopback addresses or not at all.
        run(["ip", "netns", "exec", self.namespace, "sh", "-c",
             "echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6"])
        log = self.folder / "chromedriver.log"
        environment = dict(os.environ, HOME=str(self.folder), TMPDIR=str(self.folder))
        with open(log, "wb") as out:
            self.driver = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, "chromedriver", "--port=0"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
                start_new_session=True, preexec_fn=machine.die_with_parent)
        try:
            self.port = int(self._wait_for(log, r"started successfully on port ([1-9]\d*)"))
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    @staticmethod
    def _wait_for(log, pattern):
        end = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < end:
            if found := re.search(pattern, log.read_text(errors="replace")):
                return found[1]
            time.sleep(0.05)
        raise Failed(f"chromedriver does not start:\n{log.read_text(errors='replace')[-800:]}")

    def _begin(self):
        # Tests run as root, where Chromium has no sandbox; it opens our own page only.
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--no-first-run", "--disable-background-networking", "--disable-sync",
                     "--disable-component-update", "--hide-scrollbars",
                     f"--user-data-dir={self.folder / 'profile'}",
                     f"--window-size={self.size[0]},{self.size[1]}", "about:blank"]
        wanted = {"alwaysMatch": {
            "acceptInsecureCerts": True,   # the appliance's own CA; TLS itself has its own tests
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            "goog:chromeOptions": {"args": arguments, "binary": "/usr/bin/chromium"}}}
        self._session = self._call("POST", "/session", {"capabilities": wanted})["sessionId"]

    def __exit__(self, *_):
        if self._session:
            try:
                self.call("DELETE", "")
            except (Failed, OSError):
                pass
        self.driver.terminate()
        try:
            self.driver.wait(20)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()

    def _call(self, method, path, body=None):
        line = http.client.HTTPConnection("127.0.0.1", self.port)
        line.sock = connect(self.namespace, self.port)
        try:
            text = None if body is None else json.dumps(body)
            line.request(method, path, text, {"Content-Type": "application/json"})
            value = json.loads(line.getresponse().read())["value"]
        finally:
            line.close()
        if isinstance(value, dict) and value.get("error"):
            raise Failed(f"{value['error']}: {value.get('message', '')[:600]}")
        return value

    def call(self, method, path, body=None):
        return self._call(method, f"/session/{self._session}{path}", body)

    # --- what a person does ---------------------------------------------------------------------

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def script(self, text, *arguments):
        """The value of a function's body in the page."""
        return self.call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def wait_script(self, text, *arguments):
        """The same of a function whose last argument takes the value later."""
        return self.call("POST", "/execute/async", {"script": text, "args": list(arguments)})

    def choose(self, selector, path):
        """Gives a file to the field for one."""
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", f"/element/{next(iter(found.values()))}/value", {"text": str(path)})

    def press(self, keys):
        """Keys one after the other."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [
            {"type": "key", "id": "keyboard", "actions": strokes}]})

    def text(self):
        return self.script("return document.body.innerText")

    def until(self, what, script, *arguments, seconds=20):
        """Waits until the script gives something true, and gives it."""
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            if value := self.script(script, *arguments):
                return value
            time.sleep(0.1)
        raise Failed(f"{what}; the page says:\n{self.text()[-1500:]}")

    def until_text(self, words, seconds=20):
        self.until(f"no {words!r}", "return document.body.innerText.includes(arguments[0])", words,
                   seconds=seconds)

    # --- how it looks ---------------------------------------------------------------------------

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width, height, phone=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=2 if phone else 1, mobile=phone)

    def colours(self, scheme):
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    # --- what it sent and said ------------------------------------------------------------------

    def read_logs(self):
        """Adds to `requests` and `console` what is new."""
        for entry in self.call("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        for entry in self.call("POST", "/se/log", {"type": "browser"}):
            self.console.append((entry["level"], entry.get("source", ""), entry["message"]))

    def policy_violations(self):
        self.read_logs()
        return [text for _, source, text in self.console
                if source == "security" or "Content Security Policy" in text]
