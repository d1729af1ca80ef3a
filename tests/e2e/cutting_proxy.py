# SPDX-License-Identifier: Apache-2.0
"""A TCP relay that cuts each connection after so many bytes from the server: cutting_proxy.py SERVER BYTES

Prints the port that it listens on (127.0.0.1); counts on in bytes from cut to cut, so that a client that
resumes is cut in other places each time. Ends with its parent.
"""

import socket
import sys
import threading


def copy(source, sink, budget):
    """Until either end, or so many bytes."""
    while budget is None or budget > 0:
        try:
            data = source.recv(4096 if budget is None else min(4096, budget))
            if not data:
                break
            sink.sendall(data)
        except OSError:
            break
        if budget is not None:
            budget -= len(data)
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    host, port = sys.argv[1].split(":")
    budget = int(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client = listener.accept()[0]
        server = socket.create_connection((host, int(port)))
        threading.Thread(target=copy, args=(client, server, None), daemon=True).start()
        threading.Thread(target=copy, args=(server, client, budget), daemon=True).start()
        budget += 37


main()
