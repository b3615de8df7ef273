"""The installed program as a person's shell would call it, in a home of its own.

Only HOME and the state are new for every test: environments' templates, uv's cache and Carrel's Jupyter are shared (CARREL_TEST_WARM, by
default build/test-home), as they would be between the workspaces of one person.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

repository = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(repository / "tests" / "server"))
from client import Client  # noqa: E402

program = os.environ.get("CARREL_PROGRAM") or str(repository / "build/release/src/carrel")
warm = Path(os.environ.get("CARREL_TEST_WARM") or repository / "build" / "test-home")
if "PYTEST_XDIST_WORKER" in os.environ:
    warm = warm / os.environ["PYTEST_XDIST_WORKER"]  # tests look at what is left over in it
# How this machine reaches its network, and what the sanitizers shall do.
inherited = re.compile(r"(PIP_\w+|UV_(INDEX|DEFAULT_INDEX|NATIVE_TLS|SYSTEM_CERTS)\w*|SSL_CERT_(FILE|DIR)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|(ASAN|UBSAN|LSAN)_\w+)$")
sanitizer_status = 99
words = {"up", "starting", "stopping", "stopped", "failed", "unfinished", "gone", "unknown"}


def until(condition, seconds=30, what="the condition"):
    """The first true value of `condition`, looked at often; no test sleeps for a fixed time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


def pids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def environ(pid):
    """The environment that a process was started with; {} when it has gone or is another's."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(pair.decode(errors="replace").split("=", 1) for pair in pairs if b"=" in pair)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid):
    found = []
    for other in pids():
        try:
            fields = Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] not in "ZX":
            found.append(other)
    return found


def tree_digest(folder, ignore=()):
    """Path → what a change would show: size, time and mode of every file, without reading gigabytes."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if any(re.search(pattern, name) for pattern in ignore):
            continue
        about = path.lstat()
        found[name] = (about.st_mode, about.st_size if not path.is_dir() else 0, about.st_mtime_ns if path.is_file() else 0)
    return found


class Result:
    def __init__(self, status, out, err, args=()):
        self.status, self.out, self.err, self.args = status, out, err, args

    def json(self):
        return json.loads(self.out)

    def events(self):
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]

    def last(self):
        return self.events()[-1]

    def __repr__(self):
        return f"carrel {' '.join(map(str, self.args))} ended with {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


class Home:
    """A person's home. `own_data`: nothing is shared, everything is made anew."""

    def __init__(self, own_data=False):
        self.path = Path(tempfile.mkdtemp(prefix="ct", dir="/tmp"))
        self.state = self.path / ".local/state/carrel"
        self.data = (self.path / ".local/share" if own_data else warm / "data") / "carrel"
        self.cache = (self.path / ".cache" if own_data else warm / "cache") / "carrel"
        self.started = []
        self.env = {
            "HOME": str(self.path),
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "USER": os.environ.get("USER", "root"),
            "TERM": "xterm-256color",
        }
        if not own_data:
            self.env["XDG_DATA_HOME"], self.env["XDG_CACHE_HOME"] = str(warm / "data"), str(warm / "cache")
        self.env.update({name: value for name, value in os.environ.items() if inherited.match(name)})

    def environment(self, more=None):
        env = {**self.env, **(more or {})}
        return {name: value for name, value in env.items() if value is not None}

    def folder(self, name="lesson", files=None):
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in (files or {}).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        return folder

    def popen(self, *args, env=None, cwd=None, prefix=(), **options):
        argv = [*prefix, program, *map(str, args)]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        process = subprocess.Popen(argv, env=self.environment(env), cwd=cwd or self.path, start_new_session=True, **options)
        self.started.append(process)
        return process

    def run(self, *args, status=0, input=None, timeout=400, **options):
        """`status`: what it must end with; None for whatever."""
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.popen(*args, **options)
        try:
            out, err = process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"not done within {timeout} s: {Result(None, out, err, args)}") from None
        result = Result(process.returncode, out, err, args)
        assert process.returncode != sanitizer_status and "Sanitizer" not in err, result
        if status is not None:
            assert process.returncode == status, result
        return result

    def up(self, folder, *args, **options):
        """The `ready` event."""
        event = self.run("up", folder, "--json", *args, **options).last()
        assert event["event"] == "ready", event
        return event

    def workspaces(self):
        return self.run("ls", "--json").json()["workspaces"]

    def workspace(self, name):
        (found,) = [one for one in self.workspaces() if one["name"] == name]
        return found

    def status(self, name):
        return self.run("status", name, "--json").json()["workspaces"][0]

    def token_url(self, name):
        return self.run("url", "--with-token", name).out.strip()

    def client(self, name):
        url = self.token_url(name)
        scheme, port, token = re.match(r"(https?)://[^:/]+:(\d+)/.*[?&]token=([\w-]+)", url).groups()
        return Client(("127.0.0.1", int(port)), token, tls=scheme == "https")

    def on_terminal(self, *args, env=None, until_text=None, send=None, timeout=300, cwd=None):
        """Runs it on a terminal of its own: (status, text). `send`: (text to wait for, what to type)."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(cwd or self.path)
            os.execvpe(program, [program, *map(str, args)], self.environment(env))
        text, deadline, sent = "", time.monotonic() + timeout, False
        while True:
            ready, _, _ = select.select([terminal], [], [], 0.1)
            if ready:
                try:
                    piece = os.read(terminal, 65536)
                except OSError:
                    break
                if not piece:
                    break
                text += piece.decode(errors="replace")
            if send and not sent and send[0] in text:
                os.write(terminal, send[1].encode())
                sent = True
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise AssertionError(f"not done within {timeout} s: {text}")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), text

    # Processes.

    def processes(self):
        """Pids of everything that a workspace of this home has started and that lives."""
        found = []
        for pid in pids():
            env = environ(pid)
            if "CARREL_SERVER" in env and env.get("HOME") == str(self.path) and alive(pid):
                found.append(pid)
        return found

    def instances(self):
        return {environ(pid).get("CARREL_SERVER") for pid in self.processes()} - {None}

    def server_json(self):
        """What the servers of this home say about themselves, one for each that has written it."""
        folders = [self.state / "run", Path(f"/tmp/carrel-{os.getuid()}")]
        found = []
        for folder in folders:
            for path in folder.glob("*/server.json"):
                value = json.loads(path.read_text())
                if environ(value["server"]["pid"]).get("HOME") == str(self.path):
                    found.append(value)
        return found

    def environments(self):
        """Ids of workspaces whose environment lies in the shared data folder."""
        return {path.name for path in (self.data / "environments").glob("*")}

    def clean(self):
        """Ends everything. What is left of it although it was stopped is the test's failure."""
        problems = []
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        try:
            known = self.run("ls", "--json", status=None)
            if known.status == 0:
                for name in [one["name"] for one in known.json()["workspaces"]]:
                    self.run("stop", name, status=None)
        except (AssertionError, ValueError) as failure:
            problems.append(str(failure))
        left = self.processes()
        if left:
            problems.append("left after stop: " + "; ".join(describe(pid) for pid in left))
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        until(lambda: not self.processes(), 10, "the end of what was left")
        self.run("rm", "--all", "--yes", status=None)
        for folder, _, _ in os.walk(self.path):
            os.chmod(folder, 0o700)
        shutil.rmtree(self.path, ignore_errors=True)
        assert not problems, "\n".join(problems)


def describe(pid):
    try:
        return f"{pid} " + Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return str(pid)
