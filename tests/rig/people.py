"""A person who types carrel against a rig without hosts, and the proxy that kills their command.

Without hosts nobody answers ssh. Their PATH has an `ssh` that finds another host key than the console showed: the program comes to the end
of its calls to AWS, says so, and ends with 1. `reached` is that end: the machine was made, runs, is verified against its console, and is
not spoken to.
"""

import http.client
import http.server
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from pathlib import Path

sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
STRANGER = "is not who it should be"
ANOTHER_HOST = "#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n"


class Proxy(http.server.ThreadingHTTPServer):
    """Before a rig: hands on what is asked, counts it, and at one call kills a process, before the rig acts or after."""

    daemon_threads = True

    def __init__(self, rig):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = rig.address.removeprefix("http://")
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.started = threading.Event()
        self.arm(None)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def arm(self, at, acts=False):
        """The call with this number (from 0) is the program's last; `acts`: the rig does what it asks."""
        self.at, self.acts, self.calls, self.victim = at, acts, 0, None
        self.started.clear()

    def meet(self, process):
        self.victim = process
        self.started.set()

    def number(self):
        with self.lock:
            self.calls += 1
            return self.calls - 1

    def handle_error(self, *_):
        """Of connections whose other end was killed."""

    def close(self):
        self.shutdown()
        self.thread.join(10)
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def hand_on(self):
        last = self.server.number() == self.server.at
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if last and not self.server.acts:
            return self.kill()
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)  # with the Host that was signed
        upstream.endheaders(body)
        answer = upstream.getresponse()
        said = answer.read()
        upstream.close()
        if last:
            return self.kill()
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = hand_on

    def kill(self):
        self.close_connection = True
        assert self.server.started.wait(20)
        os.kill(self.server.victim.pid, signal.SIGKILL)
        self.server.victim.wait(20)

    def log_message(self, *_):
        """It says nothing."""


def named(computer):
    """What runs a command on a computer of that name: this one, called so."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', computer]


class Person:
    """With a home, a folder and a computer of their own; `computer`: what it calls itself."""

    def __init__(self, rig, proxy=None, real_ssh=False, computer=""):
        self.rig, self.proxy = rig, proxy
        self.before = named(computer) if computer else []
        self.home = Path(tempfile.mkdtemp(prefix="ct", dir="/tmp"))
        self.folder = self.home / "lesson"
        self.folder.mkdir()
        programs = self.home / "bin"
        programs.mkdir()
        for name, text in () if real_ssh else (("ssh", ANOTHER_HOST), ("ssh-keyscan", "#!/bin/sh\nexit 1\n")):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.home), "USER": "reader", "LANG": "C.UTF-8", **rig.environment, **sanitizers}
        if proxy:
            self.env |= {"AWS_ENDPOINT_URL": proxy.address, "CARREL_CHECKIP_URL": proxy.address + "/checkip"}

    def start(self, *words):
        process = subprocess.Popen(
            [*self.before, os.environ["CARREL_PROGRAM"], *words], env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if self.proxy:
            self.proxy.meet(process)
        return process

    def carrel(self, *words, seconds=120):
        """(status, standard output, standard error)"""
        if self.proxy:
            self.proxy.started.clear()
        process = self.start(*words)
        said = process.communicate(timeout=seconds)
        return process.returncode, *said

    def up(self, *words):
        return self.carrel("up", "--on", "ec2", "--yes", *words)

    def comes_up(self, *words):
        """Up to the machine, which is not spoken to."""
        status, _, error = self.up(*words)
        assert status == 1 and STRANGER in error, (status, error)

    def forget(self):
        """A new computer: nothing is known there."""
        for name in (".local", ".cache"):
            shutil.rmtree(self.home / name, ignore_errors=True)

    def journal(self):
        """(workspace, token, machine) of each workspace's last machine."""
        file = self.home / ".local/state/carrel/journal.db"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as journal:
            return journal.execute("SELECT workspace, token, ref FROM machine ORDER BY sequence DESC LIMIT 1").fetchall()

    def machines(self):
        """(workspace, token, id) by the tags of those that are not gone."""
        found = []
        for reservation in self.rig.client("ec2").describe_instances()["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
                    found.append((tags["carrel:workspace"], tags["carrel:token"], instance["InstanceId"]))
        return found

    def states(self):
        found = self.rig.client("ec2").describe_instances()["Reservations"]
        return [i["State"]["Name"] for r in found for i in r["Instances"]]

    def calls(self, since=0):
        return [entry["action"] for entry in self.rig.control(f"log?since={since}")]

    def many(self, count):
        """Beside the one workspace that there is others like it; their machines, all stopped."""
        ec2, ((first, _, machine),) = self.rig.client("ec2"), self.journal()
        self.rig.set(quotas={"L-DB2E81BA": 100_000})
        shown = self.rig.instance(machine)
        like = {"ImageId": shown["ImageId"], "InstanceType": shown["InstanceType"], "MinCount": count - 1, "MaxCount": count - 1}
        like["TagSpecifications"] = [{"ResourceType": "instance", "Tags": shown["Tags"]}]
        machines = [one["InstanceId"] for one in ec2.run_instances(**like)["Instances"]]
        ec2.stop_instances(InstanceIds=[machine, *machines])
        journal = sqlite3.connect(self.home / ".local/state/carrel/journal.db")
        for number, other in enumerate(machines):
            folder, ident = self.home / f"other-{number}", f"{first[:-4]}{number:04d}"
            folder.mkdir()
            new = {"id": ident, "workspace": ident, "name": f"other-{number}", "folder": str(folder), "token": f"token-{number}", "ref": other}
            for table, key in (("workspace", "id"), ("machine", "workspace")):
                columns = [row[1] for row in journal.execute(f"pragma table_info({table})")]
                values = ", ".join("?" if column in new else column for column in columns)
                journal.execute(f"insert into {table} select {values} from {table} where {key} = ?", [*(new[c] for c in columns if c in new), first])
        journal.commit()
        journal.close()
        return [machine, *machines]

    def close(self):
        shutil.rmtree(self.home)


