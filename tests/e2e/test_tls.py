# SPDX-License-Identifier: Apache-2.0
"""TLS as three other implementations see it: OpenSSL, GnuTLS and sslscan's own probes."""

import re
import subprocess

from daemon import ADDRESS
from harness import expect, test
from test_clients import network

SUITES = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
          "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256")


def s_client(lab, *words, typed="", timeout=20):
    """openssl s_client's output; `typed` goes to its standard input."""
    command = ["ip", "netns", "exec", lab.client, "openssl", "s_client", "-connect", f"{ADDRESS}:443",
               "-CAfile", str(lab.daemon.authority()), "-verify_return_error", *words]
    done = subprocess.run(command, input=typed.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, check=False)
    return done.stdout.decode(errors="replace")


@test("openssl", "agrees on every suite the firmware policy offers, at TLS 1.2", network)
def suites(_, lab):
    for suite in SUITES:
        text = s_client(lab, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=1")
        expect(re.search(rf"Cipher\s*(is|:) {suite}", text), f"{suite}: {text[-600:]}")
        expect("Verify return code: 0" in text, f"{suite}: {text[-300:]}")


@test("openssl", "agrees on the AES suites of TLS 1.3", network)
def suites_13(_, lab):
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"):
        text = s_client(lab, "-tls1_3", "-ciphersuites", suite)
        expect(f"Cipher is {suite}" in text, f"{suite}: {text[-600:]}")


@test("openssl", "old versions are refused with an alert", network)
def old_versions(_, lab):
    for version in ("-tls1", "-tls1_1"):
        text = s_client(lab, version, "-cipher", "ALL:@SECLEVEL=0")
        expect("alert protocol version" in text or "alert handshake failure" in text,
               f"{version}: {text[-500:]}")


@test("openssl", "gets the RSA chain or the ECDSA chain by what it offers", network)
def chains(_, lab):
    for algorithms, key in (("RSA-PSS+SHA256:RSA+SHA256", "RSA"), ("ECDSA+SHA256", "EC|ecdsa|ECDSA")):
        text = s_client(lab, "-tls1_3", "-sigalgs", algorithms)
        expect(re.search(rf"Peer signature type: .*({key})", text), f"{algorithms}: {text[-600:]}")


@test("openssl", "resumes a session with its ticket, at TLS 1.2 and 1.3", network)
def tickets(_, lab):
    for version in ("-tls1_2", "-tls1_3"):
        path = lab.folder / f"session{version}"
        request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        s_client(lab, version, "-ign_eof", "-sess_out", str(path), typed=request)
        expect(path.exists(), f"{version}: no session was given")
        text = s_client(lab, version, "-ign_eof", "-sess_in", str(path), typed=request)
        expect("Reused, TLS" in text, f"{version}: {text[-500:]}")


@test("openssl", "renegotiation is refused, and said to be secure", network)
def renegotiation(_, lab):
    text = s_client(lab, "-tls1_2")
    expect("Secure Renegotiation IS supported" in text, text[-500:])


@test("openssl", "a small fragment length is honoured", network)
def fragment(_, lab):
    path = "/" + lab.url("even.img").split("/", 3)[3]
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    text = s_client(lab, "-tls1_2", "-maxfraglen", "4096", "-ign_eof", "-quiet", typed=request)
    expect("HTTP/1.1 200" in text, text[:500])
    expect(len(text) > 500_000, f"only {len(text)} characters came")


@test("gnutls-cli", "verifies and connects at TLS 1.2 and 1.3", network)
def gnutls(_, lab):
    for version in ("VERS-TLS1.2", "VERS-TLS1.3"):
        text = lab.run("gnutls-cli", "--priority", f"NORMAL:-VERS-ALL:+{version}",
                       "--x509cafile", lab.daemon.authority(), "--port", "443", ADDRESS, check=False)
        expect("Handshake was completed" in text, f"{version}: {text[-800:]}")
        expect("The certificate is trusted" in text, f"{version}: {text[-800:]}")


@test("sslscan", "finds nothing old, weak or leaking", network)
def sslscan(_, lab):
    text = lab.run("sslscan", "--no-colour", f"{ADDRESS}:443", timeout=120)
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        expect(re.search(rf"{re.escape(version)}\s+disabled", text), f"{version}: {text[:900]}")
    for version in ("TLSv1.2", "TLSv1.3"):
        expect(re.search(rf"{re.escape(version)}\s+enabled", text), f"{version}: {text[:900]}")
    expect("vulnerable to heartbleed" not in text.replace("not vulnerable to heartbleed", ""), "heartbleed")
    expect(not re.search(r"RC4|3DES|NULL|EXP|MD5|anon", text.split("Supported Server Cipher")[1]
                         .split("Server Key Exchange")[0]), f"weak suites: {text}")
