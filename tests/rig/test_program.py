"""`carrel --on ec2` as a person types it, on real hosts. CARREL_PROGRAM names the program."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest
from rigs import wait_for

sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
NOTEBOOK = {
    "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": "import socket\nprint(socket.gethostname())", "outputs": [], "execution_count": None}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


class Person:
    def __init__(self, rig, home):
        self.home = home
        self.env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home), "USER": "reader", "LANG": "C.UTF-8", **rig.environment, **sanitizers}
        self.folder = home / "lesson"
        self.folder.mkdir()
        (self.folder / "requirements.txt").write_text("six==1.16.0\n")
        (self.folder / "lesson.ipynb").write_text(json.dumps(NOTEBOOK))

    def carrel(self, *words, status=0, seconds=300):
        done = subprocess.run(
            [os.environ["CARREL_PROGRAM"], *words], env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert status in (None, done.returncode), (words, done.stdout, done.stderr)
        return done

    def other(self):
        """A folder for another workspace."""
        folder = self.home / "other"
        folder.mkdir(exist_ok=True)
        return str(folder)

    def up(self, *words):
        return json.loads(self.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--json", *words).stdout.splitlines()[-1])


@contextlib.contextmanager
def somebody(kind, rig):
    """Their home is short: sockets lie in it."""
    home = Path(tempfile.mkdtemp(prefix="ct", dir="/tmp"))
    person = kind(rig, home)
    yield person
    person.carrel("rm", "--all", "--yes", "--discard")
    wait_for("the keeper's end", lambda: not keepers(home), 20)
    shutil.rmtree(home)


@pytest.fixture
def person(ready_rig):
    with somebody(Person, ready_rig) as person:
        yield person


@pytest.fixture
def newcomer(host_rig):
    with somebody(Person, host_rig) as person:
        yield person


def processes(home, says):
    """Of whoever has this home: those whose arguments fit."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if says(words) and f"HOME={home}".encode() in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


def keepers(home):
    return processes(home, lambda words: b"--serve" in words)


def status_of(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status


def free_port():
    """Far from where a search begins: other tests on this computer search too."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def instances(rig):
    found = rig.client("ec2").describe_instances()["Reservations"]
    return {i["InstanceId"]: i["State"]["Name"] for r in found for i in r["Instances"]}


def test_nothing_is_started_without_a_yes(newcomer, host_rig):
    said = newcomer.carrel("up", "--on", "ec2", "--gpu", "T4", status=3).stderr
    assert "an hour" in said and "a day" in said and "--yes" in said
    assert "an hour" in newcomer.carrel("up", "--on", "ec2", "--gpu", "T4", "--dry-run").stderr
    assert instances(host_rig) == {} and newcomer.carrel("ls", "--json").stdout.count('"id"') == 0


@pytest.mark.timeout(400)
def test_from_nothing_to_a_cell_and_back(newcomer, host_rig):
    ready = newcomer.up("--port", str(free_port()))
    assert ready["proof"]["output"] == "42" and ready["machine"] == "running" and ready["cost_usd_per_hour"] > 0
    (instance,) = instances(host_rig)
    host = host_rig.instance(instance)
    address = host["PublicIpAddress"]
    assert {tag["Key"] for tag in host["Tags"]} >= {"Name", "carrel:workspace", "carrel:token"}
    port = f"http://127.0.0.1:{ready['port']}/api"
    assert status_of(port) == 200
    newcomer.carrel("run", "lesson.ipynb", "--in", "lesson")
    name = newcomer.carrel("exec", "lesson", "--", "hostname").stdout.strip()
    assert name == "ip-" + address.replace(".", "-")
    assert "six" in newcomer.carrel("exec", "lesson", "--", "python", "-c", "import six; print(six.__name__)").stdout

    # Again: the machine that is there.
    assert newcomer.up()["was_up"] is True and len(instances(host_rig)) == 1

    assert "a day, until carrel rm lesson" in newcomer.carrel("stop", "lesson").stdout
    host_rig.wait_state(instance, "stopped")
    again = json.loads(newcomer.carrel("start", "lesson", "--json").stdout.splitlines()[-1])
    assert again["proof"]["output"] == "42" and again["port"] == ready["port"]
    assert host_rig.instance(instance)["PublicIpAddress"] != address
    assert status_of(port) == 200

    # The keeper is killed: the next command makes another, at the same port.
    (keeper,) = keepers(newcomer.home)
    os.kill(keeper, 9)
    wait_for("its end", lambda: keepers(newcomer.home) == [], 20)
    newcomer.carrel("url", "--with-token", "lesson")
    assert status_of(port) == 200

    newcomer.carrel("rm", "lesson", "--yes", "--discard")
    wait_for("its end", lambda: set(instances(host_rig).values()) <= {"terminated"}, 60)
    assert newcomer.carrel("ls", "--json").stdout.count('"id"') == 0
    assert (newcomer.folder / "lesson.ipynb").exists()


@pytest.mark.timeout(400)
def test_the_machine_finishes_what_a_laptop_began_that_went_away(newcomer, host_rig):
    up = subprocess.Popen(
        [os.environ["CARREL_PROGRAM"], "up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--json"], env=newcomer.env, cwd=newcomer.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    step = "making Jupyter's own environment"
    wait_for("that step", lambda: step in up.stdout.readline(), 120)
    connections = processes(newcomer.home, lambda words: words[0].endswith(b"ssh") or words[0].startswith(b"ssh:"))
    assert connections
    for process in (*connections, up.pid):
        os.kill(process, signal.SIGKILL)
    up.communicate(timeout=20)

    def there(line):
        return newcomer.carrel("ssh", "lesson", "--", line).stdout

    assert "carrel-work-" in there("systemctl list-units --plain --no-legend 'carrel-work-*'")
    wait_for("its end", lambda: not there("systemctl list-units --plain --no-legend 'carrel-work-*'"), 120)
    assert "python.json" in there("ls .local/share/carrel/jupyter/*")
    again = newcomer.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--json").stdout
    assert step not in again and json.loads(again.splitlines()[-1])["proof"]["output"] == "42" and len(instances(host_rig)) == 1


@pytest.mark.timeout(300)
def test_a_machine_powers_itself_off_when_its_lifetime_is_over(person, host_rig):
    (person.folder / "requirements.txt").unlink()
    ready = person.up("--lifetime", "10m")
    # Nothing was asked for: what the image brings.
    assert ready["environment"].startswith("/opt/pytorch"), ready
    assert "/opt/pytorch" in person.carrel("exec", "lesson", "--", "python", "-c", "import numpy; print(numpy.__file__)").stdout
    (instance,) = instances(host_rig)
    left = person.carrel("exec", "lesson", "--", "systemctl", "show", "-p", "NextElapseUSecMonotonic", "--value", "carrel-lifetime.timer").stdout.strip()
    assert left.startswith("10min"), left
    # The same timer, seconds for minutes, and a daemon-reload that must not set it back.
    person.carrel("exec", "lesson", "--", "sudo", "sh", "-c", "up=$(cut -d. -f1 /proc/uptime); sed -i \"s/^OnBootSec=.*/OnBootSec=$((up + 20))s/\" /etc/systemd/system/carrel-lifetime.timer; systemctl daemon-reload; systemctl restart carrel-lifetime.timer; systemctl daemon-reload")
    host_rig.wait_state(instance, "stopped", 90)
    assert ready["name"] == "lesson" and '"stopped"' in person.carrel("ls", "--json").stdout


@pytest.mark.long
@pytest.mark.timeout(400)
def test_an_image_of_ones_own_that_does_not_say_who_logs_in(person):
    ready = person.up("--image", "my-course-2026", "--port", str(free_port()))
    assert ready["proof"]["output"] == "42"
    assert person.carrel("ssh", "lesson", "--", "id -un").stdout == "student\n"


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_login_that_is_refused_says_how_to_name_another(person):
    image = "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260618"  # by its name ec2-user; the rig's host has none
    error = person.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--image", image, status=1).stderr
    assert "refused the login" in error and "carrel up --user LOGIN" in error
