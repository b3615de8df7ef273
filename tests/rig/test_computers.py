"""Two computers and one account: each sees what the other has made, and may stop it, and nothing else."""

import json

import pytest
from people import Person


@pytest.fixture
def computer(rig):
    made = []

    def make(name):
        made.append(Person(rig, computer=name))
        return made[-1]

    yield make
    for person in made:
        person.close()


@pytest.fixture
def two(computer):
    laptop, desk = computer("laptop"), computer("desk.example.org")
    laptop.comes_up()
    desk.comes_up()
    return laptop, desk


def listed(person, *words):
    status, out, error = person.carrel("ls", "--json", *words)
    assert status == 0, error
    return {one["name"]: one for one in json.loads(out)["workspaces"]}


def asked(person, act):
    """What `act` asks AWS for."""
    before = len(person.calls())
    act()
    return person.calls()[before:]


def without_credentials(person):
    person.env = {name: value for name, value in person.env.items() if not name.startswith(("AWS_ACCESS", "AWS_SECRET"))}
    person.env["AWS_EC2_METADATA_DISABLED"] = "true"


def test_ls_shows_the_others_by_the_question_that_it_asks_anyway(two):
    laptop, desk = two
    found = {}
    assert asked(laptop, lambda: found.update(listed(laptop))) == ["DescribeInstances"]
    assert set(found) == {"lesson", "lesson@desk"}
    other = found["lesson@desk"]
    assert (other["state"], other["computer"], other["owner"], other["folder"]) == ("running", "desk", "reader", None)
    assert other["ref"] == desk.journal()[0][2] and other["id"] == desk.journal()[0][0]
    assert set(listed(desk)) == {"lesson", "lesson@laptop"}
    table = laptop.carrel("ls")[1]
    assert "lesson@desk" in table and "of reader, in us-east-1" in table


def test_what_the_other_made_can_be_stopped_and_nothing_else(two):
    laptop, desk = two
    for words in (("rm", "--yes"), ("start",), ("open", "--print"), ("ssh",), ("exec",), ("status",), ("push",), ("logs",)):
        more = ("--", "true") if words[0] == "exec" else ()
        name, *options = words
        before = len(laptop.calls())
        status, _, error = laptop.carrel(name, *options, "lesson@desk", *more)
        assert status == 3 and "another computer" in error and "carrel stop lesson@desk" in error, (words, status, error)
        assert len(laptop.calls()) == before, words

    status, out, error = laptop.carrel("stop", "lesson@desk")
    assert status == 0 and "is stopped" in out and "desk" in out, (out, error)
    assert listed(desk)["lesson"]["machine"] in ("stopping", "stopped")
    assert listed(laptop)["lesson"]["machine"] == "running"
    assert "was stopped already" in laptop.carrel("stop", "lesson@desk")[1]
    status, _, error = laptop.carrel("stop", "lesson@nowhere")
    assert status == 2 and "lesson@desk" in error
    # its own computer starts it again
    assert desk.carrel("start", "lesson")[0] == 1
    assert listed(desk)["lesson"]["machine"] == "running"


def test_rm_takes_its_own_machine_and_nothing_of_the_other(two):
    laptop, desk = two
    ec2 = laptop.rig.client("ec2")

    def shared():
        groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["carrel-*"]}])["SecurityGroups"]
        keys = ec2.describe_key_pairs()["KeyPairs"]
        return [(g["GroupId"], g["IpPermissions"]) for g in groups], sorted((k["KeyName"], k["KeyFingerprint"]) for k in keys)

    before = shared()
    assert len(before[0]) == 1 and len(before[1]) == 2, "a group of the person, a key of each computer"
    assert laptop.carrel("rm", "--yes", "lesson")[0] == 0
    assert shared() == before
    assert laptop.machines() == [(desk.journal()[0][0], desk.journal()[0][1], desk.journal()[0][2])]
    assert listed(laptop) == {} and set(listed(laptop, "--on", "ec2")) == {"lesson@desk"}
    laptop.comes_up()
    assert shared() == before, "nor is the key replaced"


def test_a_computer_without_machines_asks_nobody_unless_it_is_told_to(two, computer):
    new = computer("new")
    assert asked(new, lambda: listed(new)) == []
    assert asked(new, lambda: listed(new, "--on", "ec2")) == ["DescribeInstances"]
    assert set(listed(new, "--on", "ec2")) == {"lesson@laptop", "lesson@desk"}
    assert new.carrel("stop", "lesson@laptop")[0] == 0
    without_credentials(new)
    assert listed(new) == {}
    status, out, error = new.carrel("ls", "--on", "ec2", "--json")
    assert status == 3 and "credentials" in error and json.loads(out) == {"workspaces": []}, (status, out, error)


def test_computers_of_one_name_and_a_journal_that_was_lost(computer):
    first, second = computer("laptop"), computer("laptop")
    first.comes_up()
    second.comes_up()
    first_machine, second_machine = (person.journal()[0][2] for person in (first, second))
    assert set(listed(first)) == {"lesson", "lesson@laptop"}
    second.forget()
    assert set(listed(second, "--on", "ec2")) == {f"lesson@{first_machine}", f"lesson@{second_machine}"}
    status, out, _ = second.carrel("stop", f"lesson@{second_machine}")
    assert status == 0 and "is stopped" in out
    assert second.rig.instance(first_machine)["State"]["Name"] == "running"
    # a region that does not answer is no reason to say that nothing is there
    second.rig.faults({"kind": "internal", "action": "DescribeInstances", "count": 5})
    status, _, error = second.carrel("stop", f"lesson@{first_machine}")
    assert status == 1 and "DescribeInstances" in error, error
