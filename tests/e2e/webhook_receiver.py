# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server that takes webhooks: webhook_receiver.py CERTIFICATE KEY FILE REFUSALS [PORT]

Prints its port; writes each request as a line of JSON to the file, and answers the first REFUSALS with 500.
Ends with its parent.
"""

import http.server
import json
import ssl
import sys

refusals = int(sys.argv[4])


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global refusals
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(sys.argv[3], "a", encoding="utf-8") as file:
            file.write(json.dumps({"headers": {key.lower(): value for key, value in self.headers.items()},
                                   "body": body}) + "\n")
        self.send_response(500 if refusals > 0 else 204)
        refusals -= 1
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[5]) if len(sys.argv) > 5 else 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
