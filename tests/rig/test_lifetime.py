"""What powers a forgotten machine off, whatever has happened to it: the user data that carrel sends, on real hosts, seconds for minutes."""

import base64
import json
import shlex
import time

import pytest
from people import Person
from rigs import BASE, wait_for

LIFETIME, GRACE = 45, 10
LATE = 12  # for a machine of tests that powers off with seven others
DEAF = r"""cat >/etc/systemd/system/deaf.service <<'UNIT'
[Service]
ExecStart=/bin/sh -c 'trap "" TERM INT HUP; while :; do sleep 1 || :; done'
TimeoutStopSec=infinity
UNIT
systemctl daemon-reload && systemctl start deaf"""
TROUBLE = {
    "nothing": "true",
    "twenty daemon-reloads and an installation in between": "for i in $(seq 10); do systemctl daemon-reload; done; apt-get -qq update && apt-get -qq install -y --no-install-recommends hello >/dev/null && hello && for i in $(seq 10); do systemctl daemon-reload; done",
    "the disk is full": "dd if=/dev/zero of=/filler bs=1M 2>/dev/null; ! echo more >/more-than-fits && df / | grep -q 100%",
    "the network is down": "true",
    "a service never ends": DEAF,
}


def user_data(rig):
    """As carrel sends it, with a lifetime of seconds."""
    person = Person(rig)
    try:
        person.comes_up("--instance", "g4dn.xlarge", "--lifetime", "600m")
        ((_, _, instance),) = person.machines()
        text = rig.client("ec2").describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
    finally:
        person.close()
    head, _, body = base64.b64decode(text).decode().partition("\n")
    config = json.loads(body)
    arm = config["bootcmd"][0]
    assert arm[-2:] == ["36000", "300"]
    arm[-2:] = [str(LIFETIME), str(GRACE)]
    return head, config


@pytest.fixture(scope="module")
def carrels(one_rig):
    one_rig.control("reset", {})
    return user_data(one_rig)


def sent(carrels, **more):
    head, config = carrels
    return head + "\n" + json.dumps({**config, **more})


def launched(rig, key, text):
    started = time.monotonic()
    instance = rig.launch(BASE, KeyName="test", UserData=text)
    address = rig.wait_state(instance, "running")["PublicIpAddress"]
    key.wait(address)
    return instance, address, started


def off_after(rig, instance, since, earliest, latest):
    stopped = rig.wait_state(instance, "stopped", max(latest - (time.monotonic() - since), 1))
    took = time.monotonic() - since
    assert stopped["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert took >= earliest, took


@pytest.mark.timeout(300)
def test_a_machine_in_trouble_powers_itself_off(host_rig, carrels, key):
    rig = host_rig
    rig.client("ec2").import_key_pair(KeyName="test", PublicKeyMaterial=key.public)
    # The user's own part fails on every one of them.
    text = sent(carrels, runcmd=[["false"], ["sh", "-c", "exit 7"]])
    machines = {}
    for what, script in TROUBLE.items():
        rig.set(disk_mb=64 * (what == "the disk is full"))
        instance, address, started = machines[what] = launched(rig, key, text)
        status, said = key.ssh(address, f"cloud-init status --wait >/dev/null; sudo sh -c {shlex.quote(script)}", 40)
        assert status == 0, (what, said)
        if what == "the network is down":
            rig.control("host", {"id": instance, "do": "pull"})
    for what, (instance, _, started) in machines.items():
        deaf = what == "a service never ends"
        off_after(rig, instance, started, LIFETIME + GRACE * deaf, LIFETIME + GRACE * deaf + LATE)

    # With its full disk it boots again, and the lifetime counts from that start.
    instance = machines["the disk is full"][0]
    again = time.monotonic()
    rig.client("ec2").start_instances(InstanceIds=[instance])
    rig.wait_state(instance, "running")
    off_after(rig, instance, again, LIFETIME, LIFETIME + LATE)


def test_the_timers_know_no_time_of_day(host_rig, carrels, key):
    """A clock that is set back a day does not move them: the hosts' clock is this computer's, hence by systemd's own word."""
    host_rig.client("ec2").import_key_pair(KeyName="test", PublicKeyMaterial=key.public)
    _, address, _ = launched(host_rig, key, sent(carrels))
    wait_for("its boot", lambda: key.ssh(address, "cloud-init status --wait")[0] == 0)
    for unit in ("carrel-lifetime.timer", "carrel-lifetime-force.timer"):
        shown = key.ssh(address, f"systemctl show -p TimersCalendar -p NextElapseUSecRealtime -p TimersMonotonic -p UnitFileState -p ActiveState {unit}")[1]
        words = dict(line.split("=", 1) for line in shown.splitlines())
        assert words["NextElapseUSecRealtime"] == "" and words.get("TimersCalendar", "") == "", shown
        assert "OnBootUSec" in words["TimersMonotonic"] and words["UnitFileState"] == "enabled" and words["ActiveState"] == "active", shown
