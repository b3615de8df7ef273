"""ec2_on_rig (provider_*_test.cpp): the provider's contract and its own tests. CARREL_EC2_ON_RIG names the program."""

import os
import re
import subprocess

REACH = "*a_machine_that_runs_can_be_reached"


def run(rig, tests, tmp_path, seconds):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "USER": "tester", "TMPDIR": "/tmp", **rig.environment}
    sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    done = subprocess.run(
        [os.environ["CARREL_EC2_ON_RIG"], f"--gtest_filter={tests}", "--gtest_brief=1"],
        env=environment | sanitizers,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b[1-9]\d* tests? from", done.stdout), done.stdout  # the filter named some


def test_the_provider_keeps_the_contract_and_says_what_is_in_the_way(rig, tmp_path):
    run(rig, f"-WithHosts.*:{REACH}", tmp_path, 200)


def test_a_real_host_is_launched_verified_reached_stopped_and_reached_again(host_rig, tmp_path):
    run(host_rig, f"WithHosts.*:{REACH}", tmp_path, 200)
