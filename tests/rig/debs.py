# SPDX-License-Identifier: Apache-2.0
"""Fetches and unpacks Debian packages without installing them, as any user.

Kernels and Debian 13's firmware are wanted beside the system's own packages, never in their place.
So apt gets private lists and a private cache under .cache/, and a source list derived from the
machine's own (sources.list, sources.list.d), with only the suite changed: whatever mirror and
proxy the machine uses is used here, and no host is written down.
"""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
HOME_SUITE = "bookworm"


class Unavailable(Exception):
    """A package could not be had; says why."""


def _machine_sources():
    """(uri, components, signed-by) of each Debian archive this machine uses for its own suite."""
    found = []
    etc = Path("/etc/apt")
    for path in sorted(etc.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            fields = {}
            for text in stanza.splitlines():
                key, colon, value = text.partition(":")
                if colon and not text.startswith("#"):
                    fields[key.strip().lower()] = value.strip()
            if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
                continue
            if HOME_SUITE in fields.get("suites", "").split():
                found += [(uri, fields.get("components", "main"), fields.get("signed-by", ""))
                          for uri in fields["uris"].split()]
    lists = [etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))]
    for path in lists:
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            match = re.match(r"deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.+)", text)
            if match and match[3] == HOME_SUITE:
                signed = re.search(r"signed-by=(\S+)", match[1] or "")
                found.append((match[2], match[4], signed[1] if signed else ""))
    if not found:
        raise Unavailable(f"no Debian source for {HOME_SUITE} in /etc/apt")
    return found


def _home(suite, architecture):
    """The name of what is kept of a suite: of another architecture apart."""
    return f"{suite}-{architecture}" if architecture else suite


def _apt(suite, architecture=""):
    """apt options for private lists of `suite`; architecture: Debian's word, empty for our own."""
    home = CACHE / "apt" / _home(suite, architecture)
    for folder in ("lists/partial", "archives/partial", "etc"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    lines = []
    for uri, components, signed in _machine_sources():
        option = f" [signed-by={signed}]" if signed else ""
        lines.append(f"deb{option} {uri} {suite} {components}\n")
    (home / "etc/sources.list").write_text("".join(lines), encoding="utf-8")
    options = {
        "Dir::Etc::SourceList": home / "etc/sources.list", "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null", "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State::Lists": home / "lists", "Dir::Cache": home, "APT::Sandbox::User": "",
        "Acquire::Languages": "none", "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
    }
    if architecture:
        options |= {"APT::Architecture": architecture, "APT::Architectures": architecture}
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def _run(command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{command[0]} failed:\n{done.stdout[-1500:]}")
    return done.stdout


def dependency(suite, package, prefix, architecture=""):
    """The package with this prefix that `package` depends on (a meta package's real one)."""
    options = _refreshed(suite, architecture)
    text = _run(["apt-cache", *options, "depends", package])
    match = re.search(rf"Depends: ({re.escape(prefix)}\S*)", text)
    if not match:
        raise Unavailable(f"{package} of {suite} depends on no {prefix}*")
    return match[1]


def _refreshed(suite, architecture=""):
    options = _apt(suite, architecture)
    if not list((CACHE / "apt" / _home(suite, architecture) / "lists").glob("*Packages*")):
        _run(["apt-get", *options, "-q", "update"])
    return options


def unpacked(suite, package, architecture=""):
    """The folder that holds `package` of `suite`, unpacked; fetched the first time."""
    folder = CACHE / "debs" / _home(suite, architecture) / package
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f".{package}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        fresh = folder.with_name(f".{package}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        _run(["apt-get", *_refreshed(suite, architecture), "-q", "download", package], cwd=fresh)
        archive = next(fresh.glob("*.deb"))
        _run(["dpkg-deb", "-x", str(archive), str(fresh)])
        archive.unlink()
        os.rename(fresh, folder)
    return folder


def archived(suite, path):
    """A file of the suite's archive by its path there (dists/SUITE/Release, ...); fetched the first
    time. apt-helper holds it to nothing: whoever uses it verifies it."""
    file = CACHE / "archive" / suite / path
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        address = f"{_machine_sources()[0][0].rstrip('/')}/{path}"
        _run(["/usr/lib/apt/apt-helper", *_apt(suite), "download-file", address, str(fresh)])
        fresh.rename(file)
    return file
