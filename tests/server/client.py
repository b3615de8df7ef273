"""A small Jupyter client over the unix socket or TCP: REST, kernel channels, terminals."""

import http.client
import json
import socket
import ssl
import time
import uuid

import websocket

patience_s = (
    20  # less than the 30 s between the server's pings, which would keep a lost message waited for
)
TOKEN = "0123456789abcdef0123456789abcdef"


def until(condition, seconds=20, what="the condition"):
    """The first true value of `condition`, looked at often; no test sleeps for a fixed time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.02)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)


class Client:
    """`where` is a path (unix socket) or (host, port)."""

    def __init__(self, where, token=TOKEN, tls=False):
        self.where, self.token, self.tls = where, token, tls

    def connect(self):
        if isinstance(self.where, str):
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(patience_s)
            plain.connect(self.where)
            return plain
        plain = socket.create_connection(self.where, timeout=patience_s)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.tls:
            return plain
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain)

    def request(self, method, path, body=None, headers=None, token=True):
        connection = http.client.HTTPConnection("localhost", timeout=patience_s)
        connection.sock = self.connect()
        send = {"Host": "localhost", **(headers or {})}
        if token:
            send["Authorization"] = f"token {self.token}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), send)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, {} if body is None else body, **options)

    def websocket(self, path):
        headers = [f"Authorization: token {self.token}"]
        return websocket.create_connection(
            f"ws://localhost{path}", socket=self.connect(), header=headers, timeout=patience_s
        )

    def session(self, notebook, kernel="python3"):
        body = {
            "path": notebook,
            "name": notebook.rpartition("/")[2],
            "type": "notebook",
            "kernel": {"name": kernel},
        }
        answer = self.post("/api/sessions", body)
        assert answer.status == 201, answer.body
        return answer.json()

    def kernel(self, name="python3"):
        answer = self.post("/api/kernels", {"name": name})
        assert answer.status == 201, answer.body
        return answer.json()["id"]

    def run(self, kernel_id, code, **options):
        with Channels(self, kernel_id) as channels:
            return channels.run(code, **options)


class Channels:
    """The channels of one kernel."""

    def __init__(self, client, kernel_id):
        self.session = uuid.uuid4().hex
        self.socket = client.websocket(
            f"/api/kernels/{kernel_id}/channels?session_id={self.session}"
        )

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.socket.close()

    def send(self, channel, kind, content):
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": kind,
            "session": self.session,
            "username": "",
            "version": "5.3",
        }
        message = {
            "channel": channel,
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
        }
        self.socket.send(json.dumps(message))
        return header["msg_id"]

    def execute(self, code):
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": True,
        }
        return self.send("shell", "execute_request", content)

    def receive(self):
        return json.loads(self.socket.recv())

    def wait(self, kind):
        while True:
            message = self.receive()
            if message["header"]["msg_type"] == kind:
                return message

    def finish(self, asked, answer=None):
        """What the cell printed and returned, when both its reply and `idle` have come."""
        text, replied, idle = "", None, False
        while not (replied and idle):
            message = self.receive()
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "input_request":
                self.send("stdin", "input_reply", {"value": answer})
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind == "stream":
                text += content["text"]
            elif kind == "execute_result":
                text += content["data"]["text/plain"]
            elif kind == "error":
                text += content["ename"]
            elif kind == "execute_reply":
                replied = content["status"]
            elif kind == "status":
                idle = content["execution_state"] == "idle"
        return text.strip()

    def run(self, code, answer=None):
        return self.finish(self.execute(code), answer)

    def try_run(self, code, seconds=1):
        """As `run`; None where no message comes for so long. The next call may ask again."""
        self.socket.settimeout(seconds)
        try:
            return self.run(code)
        except websocket.WebSocketTimeoutException:
            return None
        finally:
            self.socket.settimeout(patience_s)


class Terminal:
    """A terminal of the server."""

    def __init__(self, client):
        self.name = client.post("/api/terminals").json()["name"]
        self.socket = client.websocket(f"/terminals/websocket/{self.name}")
        self.text = ""

    def type(self, line):
        self.socket.send(json.dumps(["stdin", line + "\r"]))

    def read_until(self, text):
        while text not in self.text:
            kind, *rest = json.loads(self.socket.recv())
            if kind == "stdout":
                self.text += rest[0]
        return self.text
