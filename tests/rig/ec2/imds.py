"""EC2's instance metadata service, version 2 only, for all hosts; it tells them apart by the address from which they ask."""

import http.server
import secrets
import socketserver
import threading
import time

TOKEN = "X-aws-ec2-metadata-token"


def listing(node):
    """A folder as the service lists it. Keys are listed as "0=name"."""
    if node and all(isinstance(value, dict) and "openssh-key" in value for value in node.values()):
        return "\n".join(f"{name}={value[' name']}" for name, value in node.items())
    return "\n".join(name + "/" * isinstance(value, dict) for name, value in node.items() if name[0] != " ")


def look_up(tree, path):
    """The text at the path, or None. A folder is a dict; names that begin with a blank are not shown."""
    node = tree
    for part in filter(None, path.split("/")):
        if not isinstance(node, dict) or part not in node:
            return None
        node = node[part]
    return listing(node) if isinstance(node, dict) else str(node)


def handler_for(host_at):
    tokens = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body=b"", headers=()):
            self.send_response(status)
            for name, value in [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self):  # noqa: N802
            seconds = self.headers.get(TOKEN + "-ttl-seconds", "")
            if self.path != "/latest/api/token" or not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
                return self.answer(400)
            token = secrets.token_urlsafe(40)
            tokens[token] = (self.client_address[0], time.monotonic() + int(seconds))
            self.answer(200, token.encode(), [(TOKEN + "-ttl-seconds", seconds)])

        def do_GET(self):  # noqa: N802
            asker = self.client_address[0]
            owner, until = tokens.get(self.headers.get(TOKEN, ""), ("", 0.0))
            if owner != asker or until < time.monotonic():
                return self.answer(401)
            host = host_at(asker)
            _, _, area, *rest = (self.path.partition("?")[0] + "//").split("/", 3)
            if host is None or area not in ("meta-data", "user-data", "dynamic"):
                return self.answer(404)
            if area == "user-data":
                return self.answer(200 if host.user_data else 404, host.user_data)
            text = look_up(host.facts, area + "/" + rest[0])
            self.answer(404) if text is None else self.answer(200, text.encode())

        def log_message(self, *_):
            pass

    return Handler


class SocketServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Serves a socket that listens already."""

    daemon_threads = True

    def __init__(self, listening, handler):
        super().__init__(listening.getsockname(), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening


def serve(listening, handler):
    server = SocketServer(listening, handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="service").start()
    return server
