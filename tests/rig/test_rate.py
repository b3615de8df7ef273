"""Many commands at once stay below the rates that EC2 documents, which the rig enforces here; a group starts in one request."""

import collections
import re
import signal

import pytest
from people import STRANGER, Person
from rigs import wait_for


@pytest.fixture
def person(rig):
    person = Person(rig)
    yield person
    person.close()


@pytest.mark.timeout(400)
def test_twenty_at_once_are_never_refused(person, rig):
    rig.set(throttle=True)
    folders = [person.home / f"lesson-{number}" for number in range(20)]
    for folder in folders:
        folder.mkdir()
    running = [person.start("up", "--on", "ec2", "--yes", str(folder)) for folder in folders]
    said = [process.communicate(timeout=300)[1] for process in running]
    assert all(process.returncode == 1 and STRANGER in text for process, text in zip(running, said)), said
    log = rig.control("log")
    rig.set(throttle=False)
    assert [entry["action"] for entry in log if entry["code"] == "RequestLimitExceeded"] == []
    assert len(person.machines()) == 20 and len({machine for _, _, machine in person.machines()}) == 20
    launches = [entry["at"] for entry in log if entry["action"] == "RunInstances"]
    assert len(launches) == 40, "each looks whether it may, and does"
    waits = [line for text in said for line in text.splitlines() if "waiting" in line]
    assert any(re.search(r"waiting [\d.]+ s: AWS takes 2 calls a second such as ec2:RunInstances", line) for line in waits), waits
    print(f"{len(log)} calls; 40 launches in {launches[-1] - launches[0]:.1f} s; {len(waits)} waits were said")


@pytest.mark.timeout(300)
def test_a_group_starts_in_one_request_and_is_waited_for_by_one_question(person, rig):
    person.comes_up()
    machines = person.many(50)
    rig.set(pending_s=5.0, throttle=True)
    before = len(rig.control("log"))
    process = person.start("start", "--all")
    said = process.communicate(timeout=240)[1]
    log = rig.control("log")[before:]
    assert process.returncode == 1 and said.count(STRANGER) == 50, said
    # then each server, eight at a time
    assert [entry["action"] for entry in log if entry["code"] == "RequestLimitExceeded"] == []
    starts = [entry for entry in log if entry["action"] == "StartInstances"]
    assert len(starts) == 1, [entry["action"] for entry in log]
    assert sorted(value for name, value in starts[0]["params"].items() if name.startswith("InstanceId")) == sorted(machines)
    # until all of them run, five seconds later: 2 and 6 seconds after the request; then each start asks for its own
    polls = [entry for entry in log if entry["action"] == "DescribeInstances" and starts[0]["at"] < entry["at"]]
    asked = [[value for name, value in entry["params"].items() if name.startswith("Filter.1.Value")] for entry in polls]
    of_many = [machines_asked for machines_asked in asked if len(machines_asked) > 1]
    assert 1 <= len(of_many) <= 3 and all(sorted(one) == sorted(machines) for one in of_many), asked
    assert len(polls) <= len(of_many) + 3 * 50, collections.Counter(entry["action"] for entry in log)
    assert person.states() == ["running"] * 50
    print(f"{collections.Counter(entry['action'] for entry in log)} in {log[-1]['at'] - log[0]['at']:.1f} s")


def test_an_interrupt_says_that_machines_of_a_group_go_on(person, rig):
    person.comes_up()
    person.many(3)
    rig.set(pending_s=60.0)
    process = person.start("start", "--all")
    wait_for("their start", lambda: "StartInstances" in person.calls(), 60)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "machines that were started go on and cost money: carrel ls shows them" in error, error
