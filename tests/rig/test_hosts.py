"""Instances that are hosts: what a person who rents a machine sees of it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import with_hosts
from rigs import PYTORCH, wait_for

USER_DATA = "#!/bin/sh\nid -un >/var/local/who\necho once >>/var/local/runs\n"


def launch(rig, key, **more):
    """A launched instance that answers ssh: (id, address)."""
    rig.client("ec2").import_key_pair(KeyName="test", PublicKeyMaterial=key.public)
    instance_id = rig.launch(KeyName="test", **more)
    address = rig.wait_state(instance_id, "running")["PublicIpAddress"]
    key.wait(address)
    return instance_id, address


def console(rig, instance_id):
    return rig.client("ec2").get_console_output(InstanceId=instance_id, Latest=True).get("Output", "")


def test_a_host_boots_runs_its_user_data_powers_off_and_starts_with_the_same_disk_at_a_new_address(host_rig, key, tmp_path):
    instance_id, address = launch(host_rig, key, UserData=USER_DATA)
    assert key.ssh(address, "cloud-init status --wait >/dev/null; cat /var/local/who; systemctl is-system-running --wait")[
        1
    ].split() == ["root", "running"]
    assert key.ssh(address, "hostname; sudo -n id -un")[1].split() == ["ip-" + address.replace(".", "-"), "root"]

    # The key that the console shows is the one that answers.
    keys = re.search(r"BEGIN SSH HOST KEY KEYS-----\s*(ssh-ed25519 \S+)", console(host_rig, instance_id))[1]
    (tmp_path / "known").write_text(f"{address} {keys}\n")
    assert key.ssh(address, "true", known=tmp_path / "known")[0] == 0

    key.ssh(address, "sudo systemctl poweroff")
    stopped = host_rig.wait_state(instance_id, "stopped", 30)
    assert "PublicIpAddress" not in stopped and stopped["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"

    assert (
        host_rig.client("ec2").start_instances(InstanceIds=[instance_id])["StartingInstances"][0]["CurrentState"]["Name"]
        == "pending"
    )
    again = host_rig.wait_state(instance_id, "running")["PublicIpAddress"]
    assert again != address
    (tmp_path / "known").write_text(f"{again} {keys}\n")
    key.wait(again)
    assert key.ssh(again, "cloud-init status --wait >/dev/null; cat /var/local/runs", known=tmp_path / "known") == (0, "once\n")

    host_rig.client("ec2").terminate_instances(InstanceIds=[instance_id])
    host_rig.wait_state(instance_id, "terminated", 20)
    wait_for("no ssh any more", lambda: key.ssh(again, "true")[0] != 0)


def test_stop_reboot_and_a_pulled_cable_are_felt_on_the_host(host_rig, key):
    ec2 = host_rig.client("ec2")
    instance_id, address = launch(host_rig, key)
    first = key.ssh(address, "cat /proc/sys/kernel/random/boot_id; journalctl --list-boots -q | wc -l")[1].split()[1]
    ec2.reboot_instances(InstanceIds=[instance_id])
    wait_for("another boot", lambda: key.ssh(address, "journalctl --list-boots -q | wc -l")[1].strip() == str(int(first) + 1))

    host_rig.control("host", {"id": instance_id, "do": "pull"})
    assert key.ssh(address, "true")[0] != 0
    host_rig.control("host", {"id": instance_id, "do": "plug"})
    key.wait(address)

    assert ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]["CurrentState"]["Name"] == "stopping"
    assert host_rig.wait_state(instance_id, "stopped", 30)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"

    # Stopped while it boots, and with its power cut.
    ec2.start_instances(InstanceIds=[instance_id])
    host_rig.wait_state(instance_id, "running")
    ec2.stop_instances(InstanceIds=[instance_id])
    host_rig.wait_state(instance_id, "stopped", 60)
    ec2.start_instances(InstanceIds=[instance_id])
    host_rig.wait_state(instance_id, "running")
    host_rig.control("host", {"id": instance_id, "do": "cut"})
    host_rig.wait_state(instance_id, "stopped", 20)


def test_the_deep_learning_image_has_its_environment_and_hosts_get_packages_from_the_rig(host_rig, key):
    _, address = launch(
        host_rig, key, UserData="#cloud-config\nwrite_files:\n- {path: /var/local/written, content: by cloud-config}\n"
    )
    instance_id = host_rig.launch(PYTORCH, KeyName="test", InstanceInitiatedShutdownBehavior="terminate")
    other = host_rig.wait_state(instance_id, "running")["PublicIpAddress"]
    key.wait(other)
    assert key.ssh(address, "ls /opt")[1] == ""
    status, said = key.ssh(other, "/opt/pytorch/bin/python -c 'import numpy, ipykernel, sys; print(sys.prefix)'")
    assert (status, said) == (0, "/opt/pytorch\n")
    status, said = key.ssh(
        other, "python3 -m venv v && v/bin/pip install -q --no-cache-dir six && v/bin/python -c 'import six'", 120
    )
    assert (status, said) == (0, "")
    assert key.ssh(other, "curl -sm 3 -o /dev/null -w '%{http_code}' http://169.254.169.254/latest/meta-data/")[1] == "401"
    assert key.ssh(other, "curl -sm 3 http://1.1.1.1/")[0] != 0
    assert key.ssh(address, "cloud-init status --wait >/dev/null; cat /var/local/written")[1] == "by cloud-config"

    key.ssh(other, "sudo poweroff")
    host_rig.wait_state(instance_id, "terminated", 30)


def leftovers(prefix="rig"):
    named = [path.name for folder in ("/sys/class/net", "/run/netns") for path in Path(folder).glob(f"{prefix}[0-9]*")]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("**/carrel-rig-*")]
    return named + groups


def test_what_a_killed_rig_leaves_is_removed_by_the_next(tmp_path, key):
    rig = with_hosts("--state", str(tmp_path / "killed"))
    before = set(leftovers())
    _, address = launch(rig, key)
    made = set(leftovers()) - before
    rig.kill()
    rig.close()
    assert made and made <= set(leftovers())
    disks = list((tmp_path / "killed/hosts").iterdir())
    assert disks

    following = with_hosts("--state", str(tmp_path / "next"))
    assert not made & set(leftovers()) and not (tmp_path / "killed/hosts").exists()
    assert key.ssh(address, "true")[0] != 0
    following.close()
    assert not (tmp_path / "next/hosts").exists()


def pure_v2():
    """A prefix under which /sys/fs/cgroup is cgroup v2 alone, or None where it is so already."""
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return None
    return [
        "unshare",
        "--mount",
        "sh",
        "-ec",
        'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"',
        "sh",
    ]


def test_a_host_boots_where_there_is_only_cgroup_v2(key):
    prefix = pure_v2()
    if prefix is None:
        pytest.skip("this machine has only cgroup v2: every other test here shows it")
    if os.geteuid() or subprocess.run([*prefix, "true"], check=False, timeout=20, capture_output=True).returncode:
        pytest.skip("cgroup v2 cannot be mounted alone here")
    rig = with_hosts(before=prefix)
    _, address = launch(rig, key)
    assert key.ssh(address, "systemctl is-system-running --wait")[1].strip() == "running"
    rig.close()


def test_the_console_can_be_late_withheld_cut_and_false(host_rig, key):
    instance_id, _ = launch(host_rig, key)
    whole = wait_for(
        "the keys", lambda: next((text for text in [console(host_rig, instance_id)] if "END SSH HOST KEY KEYS" in text), "")
    )
    true_key = re.search(r"ssh-ed25519 AAAA\S+", whole)[0]
    host_rig.set(console={"falsify": True})
    assert re.search(r"ssh-ed25519 AAAA\S+", console(host_rig, instance_id))[0] != true_key
    host_rig.set(console={"falsify": False, "truncate": 100})
    assert len(console(host_rig, instance_id)) <= 100
    host_rig.set(console={"truncate": 0, "withhold": True})
    assert console(host_rig, instance_id) == ""
    host_rig.set(console={"withhold": False})
    assert true_key in console(host_rig, instance_id)
    # Without Latest nothing is shown so soon.
    raw = host_rig.client("ec2").get_console_output(InstanceId=instance_id).get("Output", "")
    assert raw == ""
