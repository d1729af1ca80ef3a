# SPDX-License-Identifier: Apache-2.0
"""HTTP, DNS and ICMP as everyday clients speak them, over a clean veth."""

import re

from daemon import ADDRESS, NAME
from harness import PATIENCE, expect, test
from lab import expect_file, serving

FILES = {"big.img": 24 << 20, "small.efi": 4000, "one.efi": 1, "even.img": 1 << 20}
network = serving("clients", FILES)


@test("curl", "downloads every file byte for byte over TLS 1.2 and 1.3", network)
def whole_files(_, lab):
    for version in ("1.2", "1.3"):
        for name in FILES:
            lab.fetch(name, f"--tlsv{version}", "--tls-max", version)


@test("curl", "downloads over plain HTTP where it is allowed", network)
def plain(_, lab):
    for name in FILES:
        lab.fetch(name, scheme="http")


@test("curl", "gets the ranges it asks for, also from the end and past it", network)
def ranges(_, lab):
    data = lab.bytes_of("even.img")
    size = len(data)
    for asked, wanted in (("0-0", data[:1]), ("100-9999", data[100:10000]), ("-7", data[-7:]),
                          (f"{size - 3}-", data[-3:]), (f"{size - 3}-{size + 9}", data[-3:])):
        out = lab.folder / "range"
        code = lab.curl("--range", asked, "--output", out, "--write-out", "%{http_code}",
                        lab.url("even.img"))
        expect(code == "206", f"range {asked}: status {code}")
        expect(out.read_bytes() == wanted, f"range {asked}: other bytes")
    told = lab.curl("--range", f"{size}-", "--output", "/dev/null", "--dump-header", "-",
                    lab.url("even.img"))
    expect(told.startswith("HTTP/1.1 416 "), f"range past the end: {told}")
    expect(f"\nContent-Range: bytes */{size}\n" in told.replace("\r", ""), f"no size: {told}")


@test("curl", "gets several ranges as multipart/byteranges", network)
def multipart(_, lab):
    data = lab.bytes_of("even.img")
    size = len(data)
    out = lab.folder / "parts"
    told = lab.curl("--range", "0-9,1000-1999,-7", "--output", out, "--dump-header", "-",
                    lab.url("even.img")).replace("\r", "")
    expect(told.startswith("HTTP/1.1 206 "), told)
    boundary = re.search(r"^Content-Type: multipart/byteranges; boundary=\"?([^\s\"]+)\"?$", told, re.M)
    expect(boundary, f"no boundary: {told}")
    body = out.read_bytes()
    expect(f"\nContent-Length: {len(body)}\n" in told, f"another length than {len(body)}: {told}")
    # RFC 2046 5.1.1: each part behind a delimiter, and one more with two hyphens ends it.
    delimiter = b"\r\n--" + boundary[1].encode()
    before, *parts, end = (b"\r\n" + body).split(delimiter)
    expect(before in (b"", b"\r\n") and end.startswith(b"--"), f"ends: {before[:60]} {end[:60]}")
    wanted = [(0, 9), (1000, 1999), (size - 7, size - 1)]
    expect(len(parts) == len(wanted), f"{len(parts)} parts instead of {len(wanted)}")
    for part, (first, last) in zip(parts, wanted):
        head, _, content = part.partition(b"\r\n\r\n")
        lines = head.decode("ascii").splitlines()
        expect(f"Content-Range: bytes {first}-{last}/{size}" in lines, f"{lines}")
        expect(any(line.startswith("Content-Type: ") for line in lines), f"{lines}")
        expect(content == data[first:last + 1], f"{len(content)} other bytes at {first}")


@test("curl", "resumes a broken download where it stopped", network)
def resume(_, lab):
    out = lab.folder / "resumed"
    out.write_bytes(lab.bytes_of("big.img")[:5_000_001])
    lab.curl("--fail", "--continue-at", "-", "--output", out, lab.url("big.img"))
    expect_file(out, lab.files["big.img"])


@test("curl", "100 downloads at once all arrive whole", network)
def parallel(_, lab):
    folder = lab.folder / "parallel"
    folder.mkdir()
    words = []
    for number in range(100):
        words += ["--output", folder / f"{number}", lab.url("even.img")]
    lab.curl("--fail", "--parallel", "--parallel-immediate", "--parallel-max", "100", *words,
             timeout=120)
    for number in range(100):
        expect_file(folder / f"{number}", lab.files["even.img"])


@test("curl", "asks many times on one connection", network)
def keep_alive(_, lab):
    words = []
    for _number in range(50):
        words += ["--output", "/dev/null", lab.url("small.efi")]
    text = lab.curl("--write-out", "%{num_connects} %{http_code}\\n", *words)
    lines = text.split("\n")[:50]
    expect(all(line.endswith("200") for line in lines), text[-300:])
    expect(sum(int(line.split()[0]) for line in lines) == 1, "more than one connection was opened")


@test("curl", "Connection: close ends the connection after the whole file, not before it", network)
def close(_, lab):
    for words in (("--tlsv1.2", "--tls-max", "1.2"), ("--tlsv1.3",)):
        lab.fetch("big.img", "--header", "Connection: close", *words)
    lab.fetch("big.img", "--header", "Connection: close", scheme="http")


@test("curl", "HEAD says exactly what GET says", network)
def head(_, lab):
    def headers(*words):
        text = lab.curl("--dump-header", "-", "--output", "/dev/null", *words, lab.url("small.efi"))
        return sorted(line for line in text.splitlines() if line and not line.startswith("Date"))

    got, told = headers(), headers("--head")
    expect(got == told, f"GET: {got}\nHEAD: {told}")
    expect("Content-Length: 4000" in got, str(got))
    expect("Content-Type: application/efi" in got, str(got))


@test("curl", "an ETag spares the second download, and guards a range", network)
def etag(_, lab):
    text = lab.curl("--head", lab.url("even.img"))
    tag = re.search(r'ETag: ("[^"]+")', text)
    expect(tag, f"no strong ETag in {text}")

    def status(*words):
        return lab.curl("--output", "/dev/null", "--write-out", "%{http_code}", *words,
                        lab.url("even.img"))

    expect(status("--header", f"If-None-Match: {tag[1]}") == "304", "not 304 for the same ETag")
    expect(status("--header", 'If-Match: "other"') == "412", "not 412 for another ETag")
    expect(status("--range", "0-9", "--header", f"If-Range: {tag[1]}") == "206", "If-Range, same")
    expect(status("--range", "0-9", "--header", 'If-Range: "other"') == "200", "If-Range, other")


@test("curl", "what is not served is refused at once, and nothing leaves the set", network)
def refused(_, lab):
    base = lab.url("")
    for path, wanted in (("revocations.efi", "404"), ("../../../etc/passwd", "404"),
                         ("..%2f..%2fetc/passwd", "404"), ("%00", "400"), ("/small.efi", "200"),
                         ("./small.efi", "200"), ("x/../small.efi", "200")):
        code = lab.curl("--path-as-is", "--output", "/dev/null", "--write-out", "%{http_code}",
                        base + path)
        expect(code == wanted or (wanted == "404" and code == "400"), f"{path}: {code}")
    for method, wanted in (("POST", "501 405"), ("DELETE", "501 405"), ("BREW", "501 405")):
        code = lab.curl("--request", method, "--output", "/dev/null", "--write-out", "%{http_code}",
                        lab.url("small.efi"))
        expect(code in wanted, f"{method}: {code}")


@test("curl", "refuses us when it does not know our CA or the name differs", network)
def untrusted(_, lab):
    text = lab.run("curl", "--silent", "--show-error", lab.url("small.efi"), check=False)
    expect("certificate" in text, f"without our CA: {text}")
    text = lab.curl("--resolve", f"other.test:443:{ADDRESS}", lab.url("small.efi", host="other.test"),
                    check=False)
    expect("subject name" in text, f"another name: {text}")
    lab.fetch("small.efi")


@test("curl", "the address itself is a name in the certificate", network)
def by_address(_, lab):
    code = lab.curl("--output", "/dev/null", "--write-out", "%{http_code}",
                    lab.url("small.efi", host=ADDRESS))
    expect(code == "200", code)


# Asks for all before it reads anything: what does not fit waits in both windows.
PIPELINE = """
import socket, sys, threading
address, path, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = socket.create_connection((address, 80), timeout=40)
asked = f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode()
last = f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode()
threading.Thread(target=client.sendall, args=(asked * (count - 1) + last,), daemon=True).start()
stream = client.makefile("rb")
for number in range(count):
    status = stream.readline()
    while stream.readline() != b"\\r\\n":
        pass
    body = stream.read(size)
    if b" 200 " not in status or len(body) != size:
        sys.exit(f"answer {number}: {status} with {len(body)} bytes")
sys.exit(0 if stream.read() == b"" else "something after the last answer")
"""


@test("sockets", "3,000 pipelined requests on one connection are all answered, and then it ends", network)
def pipelined(_, lab):
    path = "/" + lab.url("small.efi").split("/", 3)[3]
    lab.run("/usr/bin/python3", "-c", PIPELINE, ADDRESS, path, 3000, FILES["small.efi"])


@test("wget", "downloads over HTTPS by name", network)
def wget(_, lab):
    out = lab.folder / "wget"
    lab.run("wget", "--quiet", f"--ca-certificate={lab.daemon.authority()}", "-O", out,
            lab.url("big.img"))
    expect_file(out, lab.files["big.img"])


@test("dig", "our name has an A, no AAAA, nothing below it; others' names are refused; EDNS is answered",
      network)
def dig(_, lab):
    def ask(*words):
        return lab.run("dig", f"@{ADDRESS}", "+tries=1", f"+time={3 * PATIENCE}", *words)

    expect(ask("+short", NAME, "A").strip() == ADDRESS, "A")
    expect(ask("+short", NAME.upper(), "A").strip() == ADDRESS, "A in capitals")
    text = ask(NAME, "AAAA")
    expect("status: NOERROR" in text and "ANSWER: 0" in text, f"AAAA: {text}")
    text = ask("nothing." + NAME, "A")
    expect("status: NXDOMAIN" in text and "ANSWER: 0" in text, f"below our name: {text}")
    expect(re.search(rf"^{re.escape(NAME)}\.\s+\d+\s+IN\s+SOA\s", text, re.M), f"whose word is it? {text}")
    for name in ("example.org", "slipway.test", "xboot.slipway.test"):
        text = ask(name, "A")
        expect("status: REFUSED" in text and "ANSWER: 0" in text, f"{name}: {text}")
    text = ask("+bufsize=1232", NAME, "A")
    expect("EDNS: version: 0" in text, f"EDNS: {text}")


@test("ping", "every echo comes back, of every size that fits", network)
def ping(_, lab):
    # Who is asked for is found first: frames that wait for that fill ping's small room, and those that
    # find none wait for an interval each.
    lab.run("ping", "-c", "1", "-W", 2 * PATIENCE, ADDRESS)
    for size in (0, 1, 56, 57, 1000, 1472):
        # All at once: ping waits for the last of them no longer than for its interval.
        text = lab.run("ping", "-c", "20", "-l", "20", "-i", "20", "-s", str(size), ADDRESS)
        expect("20 received" in text, text)


@test("arp", "answers for its own address alone", network)
def neighbours(_, lab):
    lab.run("ip", "neigh", "flush", "dev", "br0")
    lab.run("ping", "-c", "1", "-W", 2 * PATIENCE, ADDRESS)
    expect("lladdr" in lab.run("ip", "neigh", "show", ADDRESS), "no neighbour entry")
    lab.run("ping", "-c", "1", "-W", "1", "10.77.0.2", check=False)
    text = lab.run("ip", "neigh", "show", "10.77.0.2")
    expect("lladdr" not in text, f"somebody answered for 10.77.0.2: {text}")


@test("nmap", "finds the ports that are served, and no others", network)
def nmap(_, lab):
    text = lab.run("nmap", "-n", "-Pn", "-sS", "-p", "1-2000", "--max-retries", "2", ADDRESS,
                   timeout=120)
    found = sorted(re.findall(r"^(\d+)/tcp\s+open", text, re.M), key=int)
    expect(found == ["80", "443"], f"open: {found}\n{text}")


@test("nmap", "odd segments (null, FIN, Xmas, window, fragments) harm nothing", network)
def odd_scans(_, lab):
    for scan in ("-sN", "-sF", "-sX", "-sW", "-sA", "-sM"):
        lab.run("nmap", "-n", "-Pn", scan, "-p", "80,443,5000", "--max-retries", "1", ADDRESS,
                timeout=120)
    lab.run("nmap", "-n", "-Pn", "-sO", "--max-retries", "0", "--host-timeout", "20s", ADDRESS,
            timeout=120)
    lab.fetch("small.efi")
