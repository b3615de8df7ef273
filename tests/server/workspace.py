"""A workspace in a temporary folder, its server, and stock `jupyter lab` beside it."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from client import TOKEN, Client, until

source = Path(__file__).parents[2] / "src" / "jupyter" / "server"
# -I is how Carrel runs it; the package is in no site-packages here.
launcher = "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('carrel_server', run_name='__main__', alter_sys=True)"
_foreign = ("JUPYTER", "PYTHON", "VIRTUAL_ENV", "CONDA", "UV_", "JPY_")


def package(folder):
    """A copy whose bytecode is compiled, so that the source tree stays clean."""
    copy = Path(folder) / "package"
    shutil.copytree(
        source / "carrel_server",
        copy / "carrel_server",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    subprocess.run([sys.executable, "-m", "compileall", "-q", copy], check=True)
    return copy


def clean_environment(**more):
    env = {name: value for name, value in os.environ.items() if not name.startswith(_foreign)}
    return {**env, **more}


def processes_of(instance):
    """Pids whose environment carries the instance."""
    wanted, found = f"CARREL_SERVER={instance}".encode(), []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if wanted in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                    found.append(int(entry))
            except OSError:
                pass
    return found


def alive(pid):
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Workspace:
    def __init__(self, folder, package_folder, env=None, **changes):
        self.base, self.package = Path(folder), package_folder
        self.root = self.base / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.env = dict(env or clean_environment())
        self.runtime = self.base / "run"
        self.config = {
            "version": 1,
            "instance": secrets.token_hex(8),
            "name": "hello",
            "root_dir": str(self.root),
            "notebook": None,
            "ip": "127.0.0.1",
            "port": 0,
            "certfile": None,
            "keyfile": None,
            "token": TOKEN,
            "hashed_password": None,
            "socket": str(self.base / "s"),
            "runtime_dir": str(self.runtime),
            "config_dir": str(self.base / "config"),
            "data_dir": str(self.base / "data"),
            "log": str(self.base / "log"),
            "lab_settings_dir": str(self.base / "lab" / "settings"),
            "lab_workspaces_dir": str(self.base / "lab" / "workspaces"),
            "early_kernel": True,
            "extensions": "lean",
            "stop_grace_s": 5,
            **changes,
        }
        self.env["CARREL_SERVER"] = self.config["instance"]
        self.kernelspec("python3")
        self.client = Client(self.config["socket"])

    def kernelspec(self, name, **more):
        folder = self.base / "data" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [
                sys.executable,
                "-Xfrozen_modules=off",
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
            ],
            "display_name": name,
            "language": "python",
            "env": {"FROM_SPEC": "yes"},
            **more,
        }
        (folder / "kernel.json").write_text(json.dumps(spec))

    def write_config(self):
        path = self.base / "config.json"
        path.write_text(json.dumps(self.config))
        path.chmod(0o600)
        return path

    def command(self, verb="start"):
        return [
            sys.executable,
            "-I",
            "-c",
            launcher,
            str(self.package),
            verb,
            str(self.write_config()),
        ]

    def start(self):
        """The line that `start` printed."""
        done = subprocess.run(
            self.command(),
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=20,
        )
        line = json.loads(done.stdout)
        assert (done.returncode == 0) == ("error" not in line), line
        if "pid" in line:
            self.pid, self.port = line["pid"], line["port"]
        return line

    def up(self):
        line = self.start()
        assert "error" not in line, line
        return self

    def tcp(self, **options):
        return Client(("127.0.0.1", self.port), **options)

    def read(self, name):
        path = self.runtime / name
        return json.loads(path.read_text()) if path.exists() else None

    def server_pid(self):
        return until(lambda: self.read("server.json"))["server"]["pid"]

    def log(self):
        return Path(self.config["log"]).read_text()

    def left(self):
        return [pid for pid in processes_of(self.config["instance"]) if alive(pid)]

    def gone(self, seconds=12):
        until(lambda: not alive(self.pid) and not self.left(), seconds, "the end of every process")

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        self.gone()

    def destroy(self):
        for pid in processes_of(self.config["instance"]):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Stock:
    """`jupyter lab` as a person starts it."""

    def __init__(self, folder, *options, env=None):
        self.base = Path(folder)
        self.root = self.base / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        home = self.base / "home"
        home.mkdir(exist_ok=True)
        self.env = env or clean_environment(
            JUPYTER_CONFIG_DIR=str(home / "c"), JUPYTER_DATA_DIR=str(home / "d")
        )
        self.env["JUPYTER_RUNTIME_DIR"] = str(home / "r")
        self.port = free_port()
        self.arguments = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={TOKEN}",
            *options,
        ]
        self.client = Client(("127.0.0.1", self.port))

    def spawn(self):
        with open(self.base / "log", "wb") as log:
            self.process = subprocess.Popen(
                self.arguments,
                cwd=self.root,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def ready(self):
        try:
            return self.client.get("/api").status == 200
        except OSError:
            return False

    def up(self):
        self.spawn()
        until(self.ready, 30, "jupyter lab")
        return self

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
