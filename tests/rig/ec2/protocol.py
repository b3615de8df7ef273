"""AWS's wire forms, as far as the rig needs them: what a request asks for, and what answers and errors look like.

Three protocols: EC2's own query form (XML), the query form of STS and IAM (XML), and JSON 1.0/1.1 with X-Amz-Target.
"""

import dataclasses
import itertools
import json
import re
import urllib.parse
from xml.sax.saxutils import escape

SCOPE = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
numbers = itertools.count(1)


class AwsError(Exception):
    """A refusal in AWS's words: its code, the HTTP status with which EC2 sends it, and the message."""

    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes
    content_type: str = "text/xml;charset=UTF-8"
    code: str = ""


@dataclasses.dataclass
class Call:
    """One signed request. `params` is flat for the query protocols (`Filter.1.Name`), a tree for JSON."""

    method: str
    path: str
    query: str
    headers: dict
    body: bytes
    key_id: str = ""
    date: str = ""
    region: str = "us-east-1"
    service: str = ""
    action: str = ""
    params: dict = dataclasses.field(default_factory=dict)

    @property
    def is_json(self):
        return "x-amz-target" in self.headers

    def numbered(self, prefix):
        """The values of Prefix.1, Prefix.2, ... in order."""
        found = [
            (int(key[len(prefix) + 1 :]), value)
            for key, value in self.params.items()
            if re.fullmatch(re.escape(prefix) + r"\.\d+", key)
        ]
        return [value for _, value in sorted(found)]


def parse(method, path, query, headers, body):
    call = Call(method, path, query, headers, body)
    if scope := SCOPE.search(headers.get("authorization", "")):
        call.key_id, call.date, call.region, call.service = scope.groups()
    if call.is_json:
        call.action = headers["x-amz-target"].rpartition(".")[2]
        try:
            call.params = json.loads(body or b"{}")
        except ValueError:
            raise AwsError("SerializationException", "the body is not JSON") from None
    else:
        form = body.decode("utf-8", "replace") if body else query
        call.params = dict(urllib.parse.parse_qsl(form, keep_blank_values=True))
        call.action = call.params.get("Action", "")
    return call


def request_id():
    return f"00000000-0000-4000-8000-{next(numbers):012d}"


def error(call, code, message, status):
    """The error in the form that the call's protocol has for it."""
    if call.is_json:
        body = json.dumps({"__type": code, "message": message})
        return Answer(status, body.encode(), "application/x-amz-json-1.1", code)
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.service == "ec2":
        body = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id()}</RequestID></Response>"
    else:
        body = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>{request_id()}</RequestId></ErrorResponse>"
    return Answer(status, b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode(), code=code)


def ec2_xml(action, inner):
    body = f'<{action}Response xmlns="{EC2_NAMESPACE}"><requestId>{request_id()}</requestId>{inner}</{action}Response>'
    return Answer(200, b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode())


def json_answer(value):
    return Answer(200, json.dumps(value).encode(), "application/x-amz-json-1.1")
