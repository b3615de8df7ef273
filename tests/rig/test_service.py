"""Jupyter as a service of the machine: it holds no secret, comes back, ends in order; and how a boot is shown. On real hosts, by the program."""

import json
import os
import pathlib
import subprocess
import time

import pytest
from rigs import wait_for
from test_program import free_port, instances, keepers, person, status_of  # noqa: F401 (a fixture)

STATE = "/home/ubuntu/.local/state/carrel"


class Service:
    """The workspace's, seen over the person's own ssh."""

    def __init__(self, person, ready):  # noqa: F811
        self.person, self.short = person, ready["id"][14:]
        self.unit = f"carrel-{self.short}.service"
        self.config = f"{STATE}/workspaces/{ready['id']}/config.json"
        self.run = f"{STATE}/run/{self.short}"

    def ssh(self, line):
        return self.person.carrel("ssh", "lesson", "--", line).stdout

    def show(self, key):
        return self.ssh(f"systemctl show --property={key} --value {self.unit}").strip()

    def file(self):
        """server.json as it is now, by a question that may fail while the machine is on its way."""
        words = [os.environ["CARREL_PROGRAM"], "ssh", "lesson", "--", f"cat {self.run}/server.json"]
        done = subprocess.run(words, env=self.person.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=330, check=False)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None


@pytest.fixture
def service(person, host_rig):  # noqa: F811
    person.ready = person.up("--port", str(free_port()))
    (person.instance,) = [name for name, state in instances(host_rig).items() if state == "running"]
    return Service(person, person.ready)


def word(person):  # noqa: F811
    return json.loads(person.carrel("ls", "--json").stdout)["workspaces"][0]["state"]


@pytest.mark.timeout(500)
def test_jupyter_is_a_unit_without_a_secret_that_comes_back_when_it_is_killed(service):
    person = service.person  # noqa: F811
    file = f"/etc/systemd/system/{service.unit}"
    assert service.ssh(f"stat -c '%a %U %G' {file}").split() == ["644", "root", "root"]
    assert service.ssh(f"stat -c '%a %U %F' {service.config} {service.run}/door").splitlines() == ["600 ubuntu regular file", "600 ubuntu socket"]
    token = json.loads(service.ssh(f"cat {service.config}"))["token"]
    for place in (f"cat {file}", f"systemctl show {service.unit}", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '", f"sudo journalctl --unit={service.unit}"):
        said = service.ssh(place)
        assert said.strip() and token not in said, place
    assert [service.show(key) for key in ("User", "ActiveState", "UnitFileState", "Restart")] == ["ubuntu", "active", "enabled", "on-failure"]
    assert service.ssh(f"cat /proc/{service.show('MainPID')}/cgroup").strip().endswith(f"/system.slice/{service.unit}")

    # What upgrades by itself can do nothing here.
    for unit in ("unattended-upgrades.service", "apt-daily.service", "apt-daily-upgrade.timer"):
        assert service.ssh(f"systemctl is-enabled {unit} || :").strip() == "masked"

    for victim in ("server", "supervisor"):
        before = service.file()
        person.carrel("exec", "lesson", "--", "sh", "-c", f"kill -9 {before[victim]['pid']}")
        seen = set()

        def back(before=before, seen=seen):
            seen.add(word(person))
            now = service.file()
            return now and now["supervisor"] != before["supervisor"] and service.show("ActiveState") == "active"

        wait_for(f"another server, {victim} killed", back, 60)
        assert seen <= {"up", "starting"}, seen
        assert int(service.show("NRestarts")) >= 1
        person.carrel("run", "lesson.ipynb", "--in", "lesson")
        assert status_of(f"http://127.0.0.1:{person.ready['port']}/api") == 200
        # Nothing of the one before is left: no kernel of it.
        old = service.ssh("for each in /proc/[0-9]*; do tr '\\0' ' ' <$each/cmdline; echo; done | grep -c '[i]pykernel_launcher' || :")
        assert int(old) <= 2, old


@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_server_that_dies_again_and_again_is_left_dead_and_said_to_be(service):
    person = service.person  # noqa: F811
    deadline = time.monotonic() + 120
    while service.show("ActiveState") != "failed":
        assert time.monotonic() < deadline
        service.ssh(f"sudo systemctl kill --signal=KILL {service.unit} 2>/dev/null || :")
    assert 4 <= int(service.show("NRestarts")) <= 5, "five starts within two minutes"
    assert word(person) == "failed"
    assert json.loads(person.carrel("start", "lesson", "--json").stdout.splitlines()[-1])["proof"]["output"] == "42"
    assert word(person) == "up"


@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_reboot_from_inside_brings_it_back_and_a_poweroff_ends_it_in_order(service, host_rig):
    person = service.person  # noqa: F811
    page = f"http://127.0.0.1:{person.ready['port']}/api"
    before = service.file()
    subprocess.run([os.environ["CARREL_PROGRAM"], "ssh", "lesson", "--", "sudo systemctl reboot"], env=person.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

    def rebooted():
        now = service.file()
        return now and now["boot_id"] != before["boot_id"] and now["instance"] == before["instance"]

    wait_for("the server of the next boot", rebooted, 120)
    # The page that is open: through the keeper, without any command.
    assert status_of(page) == 200
    assert word(person) == "up"
    person.carrel("run", "lesson.ipynb", "--in", "lesson")
    again = person.up()
    assert again["was_up"] is False and again["proof"]["output"] == "42", "proved anew after a boot"
    assert service.file()["instance"] == before["instance"], "and not started anew"

    (host,) = [one for one in host_rig.control()["instances"].values() if one["state"] == "running"]
    person.carrel("stop", "lesson")
    host_rig.wait_state(person.instance, "stopped")
    left = pathlib.Path(host["console"]).parent / "volume/disk" / f"{service.run}/exit.json".lstrip("/")
    words = ["cat", left] if os.geteuid() == 0 else ["sudo", "-n", "cat", left]
    end = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=20).stdout)
    assert end["asked"] is True and end["instance"] == before["instance"], end

    # After a stop that was asked for, a start is a new one, whatever the boot has brought back.
    started = json.loads(person.carrel("start", "lesson", "--json").stdout.splitlines()[-1])
    assert started["was_up"] is False and started["proof"]["output"] == "42"
    assert service.file()["instance"] != before["instance"]
    assert service.show("ActiveState") == "active" and status_of(page) == 200


@pytest.mark.timeout(500)
def test_a_boot_is_shown_and_one_that_failed_says_so_where_something_else_fails(service, host_rig):
    person = service.person  # noqa: F811
    assert "Cloud-init v." in person.carrel("logs", "lesson", "--boot").stdout
    service.ssh("printf '#!/bin/sh\\necho this-is-why >&2\\nexit 7\\n' | sudo tee /var/lib/cloud/scripts/per-boot/90-part >/dev/null; sudo chmod 755 /var/lib/cloud/scripts/per-boot/90-part")
    person.carrel("stop", "lesson")
    host_rig.wait_state(person.instance, "stopped")
    # A stopped machine still has its console.
    assert "-----BEGIN SSH HOST KEY KEYS-----" in person.carrel("logs", "lesson", "--boot").stdout
    (person.folder / "requirements.txt").write_text("there-is-no-such-package-of-this-name==1\n")
    first = person.carrel("start", "lesson", status=3).stderr
    assert "there-is-no-such-package" in first
    wait_for("the boot's end", lambda: "finished at" in person.carrel("logs", "lesson", "--boot").stdout.rpartition("this-is-why")[2], 60)
    said = person.carrel("start", "lesson", status=3).stderr
    assert "there-is-no-such-package" in said and "the machine's boot had errors" in said and "this-is-why" in said, said
    assert "this-is-why" in person.carrel("logs", "lesson", "--boot").stdout
    assert "contradict" in person.carrel("logs", "lesson", "--boot", "--follow", status=2).stderr
