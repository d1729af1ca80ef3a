# SPDX-License-Identifier: Apache-2.0
"""TLS as three other implementations see it: OpenSSL, GnuTLS and sslscan's own probes."""

import re
import subprocess

import machine
from daemon import ADDRESS
from harness import expect, test
from test_clients import FILES, network

SUITES = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
          "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256")


def client_command(lab, *words):
    return ["ip", "netns", "exec", lab.client, "openssl", "s_client", "-connect", f"{ADDRESS}:443",
            "-CAfile", str(lab.daemon.authority()), "-verify_return_error", *words]


def s_client(lab, *words, typed="", timeout=80):
    """openssl s_client's output; `typed` goes to its standard input."""
    done = subprocess.run(client_command(lab, *words), input=typed.encode(), stdout=subprocess.PIPE,
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


# Records of the first are sealed by us, those of the second by OpenSSL: two ways to say no.
@test("openssl", "renegotiation is refused by a warning, and said to be secure", network)
def renegotiation(_, lab):
    for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256"):
        command = client_command(lab, "-tls1_2", "-msg", "-cipher", suite)
        text = renegotiated(command)
        expect("Secure Renegotiation IS supported" in text, text[-500:])
        asked = text.partition("RENEGOTIATING")[2]
        expect("ClientHello" in asked, f"{suite}: nothing was asked for: {text[-500:]}")
        alerts = re.findall(r"<<< TLS 1.2, Alert \[.*\], (.*)", asked)
        expect(alerts == ["warning no_renegotiation"], f"{suite}: {alerts}: {asked[-800:]}")


def renegotiated(command):
    """What s_client says of it. A line of R alone asks; it ends when it is refused, and not before."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, preexec_fn=machine.die_with_parent) as client:
        client.stdin.write(b"R\n")
        client.stdin.flush()
        try:
            client.wait(60)
        except subprocess.TimeoutExpired:
            client.kill()
        return client.stdout.read().decode(errors="replace")


# OpenSSL's client ends at that warning; GnuTLS's library leaves it to who calls it.
RENEGOTIATES = """
import ctypes, socket, sys
address, path = sys.argv[1:3]
tls = ctypes.CDLL("libgnutls.so.30")
session, credentials = ctypes.c_void_p(), ctypes.c_void_p()
peer = socket.create_connection((address, 443), 60)
peer.settimeout(None)
tls.gnutls_init(ctypes.byref(session), 2)     # a client
tls.gnutls_certificate_allocate_credentials(ctypes.byref(credentials))
tls.gnutls_credentials_set(session, 1, credentials)
tls.gnutls_priority_set_direct(session, b"NORMAL:-VERS-ALL:+VERS-TLS1.2", None)
tls.gnutls_transport_set_int2(session, peer.fileno(), peer.fileno())
print("handshake", tls.gnutls_handshake(session), flush=True)
print("again", tls.gnutls_handshake(session), "alert", tls.gnutls_alert_get(session), flush=True)
asks = f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode()
tls.gnutls_record_send(session, asks, ctypes.c_size_t(len(asks)))
answer, part = b"", ctypes.create_string_buffer(16384)
while (size := tls.gnutls_record_recv(session, part, ctypes.c_size_t(16384))) > 0:
    answer += part.raw[:size]
head, _, body = answer.partition(b"\\r\\n\\r\\n")
print(head.decode().splitlines()[0], len(body), "bytes", "end", size)
"""


@test("gnutls", "a session whose renegotiation was refused lives on: the next request is answered", network)
def lives_on(_, lab):
    path = "/" + lab.url("small.efi").split("/", 3)[3]
    text = lab.run("/usr/bin/python3", "-c", RENEGOTIATES, ADDRESS, path)
    # -16: a warning; 100: no_renegotiation (RFC 5246 7.2.2).
    expect(text.splitlines() == ["handshake 0", "again -16 alert 100",
                                 f"HTTP/1.1 200 OK {FILES['small.efi']} bytes end 0"], text)


def records(lab, *words):
    """Lengths of the records that come with a file of 1 MiB, which must come whole."""
    path = "/" + lab.url("even.img").split("/", 3)[3]
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    log = lab.folder / "records"
    command = client_command(lab, "-tls1_2", "-ign_eof", "-quiet", "-msg", "-msgfile", str(log), *words)
    done = subprocess.run(command, input=request.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=240, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    expect(head.startswith(b"HTTP/1.1 200 ") and body == lab.bytes_of("even.img"),
           f"{len(body)} bytes came: {head[:200]}")
    found = re.findall(r"^<<< .*RecordHeader.*\n +[0-9a-f]{2} 03 03 ([0-9a-f]{2} [0-9a-f]{2})$",
                       log.read_text(encoding="ascii"), re.M)
    return [int(length.replace(" ", ""), 16) for length in found]


@test("openssl", "a small fragment length is agreed on and kept by every record", network)
def fragment(_, lab):
    overhead = 8 + 16   # AES-GCM's explicit nonce and tag
    for name, code, size in (("4096", 4, 4096), ("512", 1, 512)):
        text = s_client(lab, "-tls1_2", "-tlsextdebug", "-maxfraglen", name)
        told = rf'TLS server extension "max fragment length" \(id=1\), len=1\n0000 - 0{code}'
        expect(re.search(told, text), f"{name} is not agreed on: {text[:900]}")
        lengths = records(lab, "-maxfraglen", name)
        expect(len(lengths) >= (1 << 20) // size, f"only {len(lengths)} records")
        expect(max(lengths) <= size + overhead, f"a record of {max(lengths)} bytes where {name} were asked for")
    expect(max(records(lab)) > 8192, "records are small for everybody: this shows nothing")


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
        expect(f"{version} not vulnerable to heartbleed" in text, f"heartbleed: {text[:900]}")
    expect("Server supports TLS Fallback SCSV" in text, text[:900])
    expect("Session renegotiation not supported" in text, text[:900])
    suites = text.split("Supported Server Cipher")[1].split("Server Key Exchange")[0]
    expect(suites.count("Accepted") >= 10, f"suites: {suites}")
    expect(not re.search(r"RC4|3DES|NULL|EXP|MD5|anon", suites), f"weak suites: {suites}")


@test("nmap", "offers compression, and no server should take it: none is taken", network)
def compression(_, lab):
    """sslscan of Debian cannot ask, for its OpenSSL has no zlib."""
    text = lab.run("nmap", "-n", "-Pn", "-p", "443", "--script", "ssl-enum-ciphers", ADDRESS,
                   timeout=240)
    found = re.findall(r"TLSv1\.2:.*?compressors: *\n((?:\|  +\w+ *\n)+)", text, re.S)
    expect(len(found) == 1 and found[0].split() == ["|", "NULL"], f"{found}\n{text[-1500:]}")
