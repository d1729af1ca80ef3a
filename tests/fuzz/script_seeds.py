# SPDX-License-Identifier: Apache-2.0
"""Seeds for the targets that read a script of their own: whole conversations in their few bytes.

    script_seeds.py OUT     writes OUT/{tcp_host,tcp_acks,tls_records,worker}/NAME

The forms are those of tests/fuzz/tcp_script.h, tcp_acks.h, tls_records_fuzz.cc and
tests/support/worker_script.h.
"""
import pathlib
import struct
import sys

# tcp_script.h: flags of a segment, and the opcodes.
FIN, SYN, RST, ACK, TIMESTAMPS, SACK = 1, 2, 12, 16, 64, 128
PAUSE, GROW, ROOM, CLOSE, ABORT, PATH_MTU, CONNECT = 0xc0, 0xd0, 0xe0, 0xe8, 0xec, 0xee, 0xf0
END = bytes(12)  # a step begins only where so much is left; as steps these are stray segments


def segment(flags, *, seq=0, ack=0, window=65535, text=0, scale=7, block=(0, 0)):
    """A segment; seq and ack are counted from what the host expects and has sent."""
    out = struct.pack(">BBbbH", (0x40 if text else 0) | (scale if flags & SYN else 0), flags, seq,
                      ack, window)
    if flags & TIMESTAMPS:
        out += b"\x01"
    if flags & SYN:
        out += struct.pack(">H", 1460)
    elif flags & SACK:
        out += struct.pack(">HH", *block)
    return out + (bytes([text]) if text else b"")


def step(operation, number=0):
    return struct.pack(">BH", operation, number)


def tcp_host():
    bare = segment(ACK)
    opened = segment(SYN | SACK | TIMESTAMPS) + segment(ACK | TIMESTAMPS)
    plain = segment(SYN) + bare + segment(ACK, text=16)
    ending = segment(ACK | FIN) + bytes([CLOSE]) + bare
    yield "download", plain + step(GROW, 60000) + bare * 6 + step(GROW | 1, 9000) + bare * 4 + ending
    yield "timestamps", opened + step(GROW, 9000) + segment(ACK | TIMESTAMPS) * 4
    lost = segment(ACK | SACK, ack=-100, block=(1460, 2920))
    yield "losses", opened + step(GROW, 60000) + lost * 4 + step(PAUSE, 300) + bare * 3
    yield "timeouts", plain + step(GROW, 3000) + b"".join(
        step(PAUSE, 1000 << i) for i in range(6)) + bare
    yield "closed-window", plain + segment(ACK, window=0) + step(GROW, 3000) + step(
        PAUSE, 5000) * 3 + bare
    yield "out-of-order", plain + segment(ACK, seq=100, text=10) + segment(
        ACK, seq=50, text=5) + segment(ACK, text=8) + step(ROOM, 0) + step(ROOM, 8000)
    yield "peer-ends", plain + segment(ACK | FIN) + step(PAUSE, 60000) + ending
    yield "resets", plain + segment(RST) + segment(SYN) + bare + bytes([ABORT])
    yield "path-mtu", plain + step(GROW, 9000) + step(PATH_MTU, 600) + bare * 4
    yield "connects", bytes([CONNECT]) + segment(SYN | ACK) + bare + step(GROW | 1, 500) + ending
    yield "backlog", segment(SYN) * 4 + bare + step(PAUSE, 3000) * 4


def acknowledge(part, *, window=65535, operation=0x60, more=0, blocks=()):
    out = struct.pack(">BBBH", operation | len(blocks), more, part, window)
    return out + b"".join(struct.pack(">HH", *block) for block in blocks)


def tcp_acks():
    pause, long = struct.pack(">BH", 0x0f, 400), struct.pack(">BH", 0x0f, 65535)
    everything = bytes([0x7f])  # timestamps, SACK, a scale of 7, ECN
    yield "honest", everything + (acknowledge(255) + pause) * 20 + END
    yield "plain", b"\x00" + (acknowledge(128) + pause) * 20 + END
    yield "burst", everything + acknowledge(30, more=0xf4) * 6 + pause + END
    hole = acknowledge(0, operation=0x40, blocks=((2000, 3000), (6000, 1460)))
    yield "losses", everything + acknowledge(200) + hole * 5 + pause + acknowledge(255) * 3 + END
    yield "d-sack", everything + acknowledge(100) + acknowledge(
        100, more=2, blocks=((9000, 1460),)) * 3 + END
    yield "marks", everything + (acknowledge(100, more=1) + pause) * 6 + END
    yield "closed-window", everything + acknowledge(255, window=0) + long * 6 + acknowledge(255) + END
    yield "silence", everything + acknowledge(100) + long * 12 + END


def tls_records():
    def give(*records):  # a verb that is a multiple of 4 feeds as many bytes
        text = b"".join(records)
        text += bytes(-len(text) % 4)
        return bytes([len(text), 1]) + text

    data = b"\x17\x03\x03\x00\x20" + bytes(range(32))
    alert, change = b"\x15\x03\x03\x00\x02\x02\x28", b"\x14\x03\x03\x00\x01\x01"
    pull = bytes([253, 255])
    for name, script in (("pull", pull * 12 + bytes([1, 7]) * 4), ("data", pull + give(data) * 2),
                         ("alert", pull * 2 + give(alert)), ("change", give(change, change) + pull),
                         ("pieces", give(data[:8]) + give(data[8:]) + pull)):
        yield name + "-1.3", script + bytes(len(script) % 2)
        yield name + "-1.2", script + bytes(1 + len(script) % 2)


def worker():
    call, send, lose, spoil, pause = 0xd0, 0xd4, 0xd8, 0xdc, 0xe0
    for name, kind in (("plain", 0), ("tls-1.2", 1), ("tls-1.3", 2)):
        boot = step(call + kind, 0x1f)
        whole = boot + step(send, 15) * 8
        yield name, whole
        yield name + "-bare", step(call + kind) + step(send, 15) * 8
        yield name + "-losses", boot + (step(lose, 1) + step(send, 4) + step(pause, 400)) * 8
        yield name + "-ends", boot + step(send, 3) + step(call + kind) + step(pause, 2000) * 8
        for at in (20, 47, 54, 60, 100):  # IPv4, TCP, and what is in it
            yield f"{name}-spoilt-{at}", boot + step(send, 1) + step(spoil, at * 16) + step(send, 15) * 6
            yield f"{name}-spoilt-later-{at}", boot + step(send, 2) + step(send, 1) + step(
                spoil + 1, at * 16) + step(send, 15) * 6


def main():
    for make in (tcp_host, tcp_acks, tls_records, worker):
        folder = pathlib.Path(sys.argv[1]) / make.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, script in make():
            (folder / name).write_bytes(script + (END if make is tcp_host else b""))


if __name__ == "__main__":
    main()
