"""The door: one WSGI application for AWS's calls, the control door and the caller's address. Every call is logged, whatever becomes of it."""

import datetime
import json
import time

from . import account, cloud, compute, console, control, faults, prices, protocol, quotas, signature

# By the service's name in the credential scope: what the rig answers itself. The rest is moto's.
OWN = {
    "ec2": {**compute.ACTIONS, "GetConsoleOutput": console.output},
    "sts": account.STS,
    "servicequotas": quotas.ACTIONS,
    "pricing": prices.ACTIONS,
    "freetier": account.FREETIER,
}
MOTO = ("ec2", "ssm", "sts", "iam")
SERVICES = {*OWN, *MOTO}
UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


class Log:
    """What was called, when, and what came of it; a copy line by line in a file, if there is one."""

    def __init__(self, path):
        self.calls = []
        self._file = path and open(path, "a", buffering=1)  # noqa: SIM115 (open as long as the rig runs)

    def add(self, call, began, answer, fault):
        entry = {
            "n": len(self.calls) + 1,
            "at": round(began, 6),
            "ms": round((time.time() - began) * 1000, 3),
            "service": call.service,
            "action": call.action,
            "region": call.region,
            "status": answer.status if answer else 0,
            "code": answer.code if answer else "",
            "fault": fault or "",
            "params": call.params,
        }
        self.calls.append(entry)
        if self._file:
            self._file.write(json.dumps(entry) + "\n")

    def clear(self):
        self.calls = []


class Gate:
    def __init__(self, world, log, schedule):
        self.world, self.log, self.schedule = world, log, schedule

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if path.startswith("/_rig"):
            answer = control.answer(self, environ["REQUEST_METHOD"], path.removeprefix("/_rig"), query, body)
        elif path.rstrip("/") == "/checkip":
            caller = self.world.settings["caller"] or self.world.caller or environ["REMOTE_ADDR"]
            answer = protocol.Answer(200, caller.encode() + b"\n", "text/plain")
        else:
            answer = self._call(environ, path, query, body)
        start_response(f"{answer.status} -", [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    def _call(self, environ, path, query, body):
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                headers[name.replace("_", "-").lower()] = environ[name]
        began, connection = time.time(), environ["werkzeug.socket"]
        call = protocol.Call(environ["REQUEST_METHOD"], path, query, headers, body)
        try:
            call = protocol.parse(environ["REQUEST_METHOD"], path, query, headers, body)
        except protocol.AwsError as error:
            return protocol.error(call, error.code, error.message, error.status)
        with self.world.lock:
            fault = self.schedule.strike(call.action)
        if fault in ("refused", "hung"):
            self._note(call, began, None, fault)
            if fault == "hung":
                faults.hang(connection, self.world.settings["hang_s"])
            faults.reset(connection)
            raise ConnectionAbortedError
        answer = faults.refusal(call, fault) or self._answer(call)
        self._note(call, began, answer, fault)
        if fault in ("lost", "truncated", "slow"):
            faults.send_badly(connection, fault, answer)
            raise ConnectionAbortedError
        return answer

    def _note(self, call, began, answer, fault):
        with self.world.lock:
            self.log.add(call, began, answer, fault)

    def _answer(self, call):
        with self.world.lock:
            try:
                self.world.tick()
                return self._dispatch(call)
            except protocol.AwsError as error:
                return protocol.error(call, error.code, error.message, error.status)

    def _dispatch(self, call):
        if call.action not in UNSIGNED:
            # A region that the account has not opened does not know its keys.
            key = cloud.key_of(call.key_id) if cloud.known_region(call.region) else None
            signature.check(call, key, datetime.datetime.now(datetime.UTC))
        if call.service not in SERVICES:
            raise protocol.AwsError("UnknownOperationException", f"the rig has no service '{call.service}'", 404)
        account.check_allowed(self.world, call)
        cloud.user()
        if call.service in ("ec2", "ssm"):
            cloud.region(call.region)
        if call.service == "ec2" and self.world.settings["throttle"]:
            self.world.buckets.check(call)
        own = OWN.get(call.service, {}).get(call.action)
        if own is None and call.service not in MOTO:
            raise protocol.AwsError("UnknownOperationException", f"the rig has no {call.service}:{call.action}", 404)
        try:
            answer = own(self.world, call) if own else cloud.ask(call)
        finally:
            if not call.action.startswith(("Describe", "Get")):
                self.world.shown.clear()
        if call.service == "ec2" and call.action != "RunInstances":
            self.world.show_hidden()
        if answer.status >= 400 and not answer.code:
            answer.code = code_in(answer.body)
        return answer


def code_in(body):
    """The error's code in an answer of moto's."""
    text = body.decode("utf-8", "replace")
    if "<Code>" in text:
        return text.split("<Code>")[1].split("</Code>")[0]
    try:
        return json.loads(text).get("__type", "").rpartition("#")[2]
    except (ValueError, AttributeError):
        return ""
