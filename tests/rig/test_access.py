"""Who is let in, with whose credentials, and as whom: through the program, without hosts."""

import contextlib
import os
import pty
import select
import subprocess

import pytest
from people import STRANGER, Person


@pytest.fixture
def person(rig):
    person = Person(rig)
    yield person
    person.close()


def rules(rig):
    """{(network, description)} of all groups that are ours."""
    found = set()
    for group in rig.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["carrel-*"]}])["SecurityGroups"]:
        for rule in group["IpPermissions"]:
            assert (rule["FromPort"], rule["ToPort"]) == (22, 22)
            found |= {(one["CidrIp"], one["Description"]) for one in rule["IpRanges"]}
            found |= {(one["CidrIpv6"], one["Description"]) for one in rule["Ipv6Ranges"]}
    return found


def networks(rig):
    return {network for network, _ in rules(rig)}


def test_only_the_callers_address_is_let_in_and_that_is_said(person, rig):
    status, _, error = person.up()
    assert status == 1 and "ssh is open to 127.0.0.1/32" in error
    ((network, label),) = rules(rig)
    assert network == "127.0.0.1/32" and label.startswith("ssh of reader at ")


@pytest.mark.parametrize("words", [("open", "--print", "lesson"), ("start", "lesson"), ("up", "--yes")], ids=lambda words: words[0])
def test_another_address_of_this_computer_takes_the_place_of_the_one_before(person, rig, words):
    person.comes_up()
    group = rig.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["carrel-reader"]}])["SecurityGroups"][0]
    others = [("198.51.100.7/32", "ssh of reader at 01234567"), ("192.0.2.0/24", "the office")]
    for network, label in others:
        rig.client("ec2").authorize_security_group_ingress(
            GroupId=group["GroupId"],
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": network, "Description": label}]}],
        )
    before = len(rig.control("log"))
    person.carrel(*words)
    assert not [action for action in person.calls(before) if "SecurityGroup" in action], "at the same address nothing is asked"

    rig.set(caller="203.0.113.9")
    _, _, error = person.carrel(*words)
    assert "ssh is open to 203.0.113.9/32 now, and closed to 127.0.0.1/32" in error
    assert networks(rig) == {"203.0.113.9/32", *(network for network, _ in others)}
    assert set(others) < rules(rig)


@pytest.mark.parametrize(
    ("given", "network"), [("203.0.113.0/24", "203.0.113.0/24"), ("203.0.113.7", "203.0.113.7/32"), ("2001:db8::/56", "2001:db8::/56")]
)
def test_another_network_is_let_in_where_it_is_named(person, rig, given, network):
    status, _, error = person.up("--from", given)
    assert status == 1 and f"ssh is open to {network}" in error
    ((let_in, label),) = rules(rig)
    assert let_in == network and label.startswith("ssh of reader at ") and label.endswith(", asked for")
    # This computer's own address is not asked for, then or later.
    rig.set(caller="203.0.113.9")
    person.carrel("open", "--print", "lesson")
    assert networks(rig) == {network}


@pytest.mark.parametrize("given", ["", "203.0.113.0/33", "203.0.113.7/24", "everywhere", "1.2.3.4/", "::1/129", "203.0.113.7/ 8"])
def test_what_is_no_network_is_refused_before_anything_is_asked(person, rig, given):
    status, _, error = person.up("--from", given)
    assert status == 2 and "is no network" in error
    assert rig.control("log") == []


def on_a_terminal(person, answers, *words):
    """(status, all that was shown); `answers`: pairs of what is waited for and what is typed then."""
    terminal, end = pty.openpty()
    process = subprocess.Popen([os.environ["CARREL_PROGRAM"], *words], env=person.env, cwd=person.folder, stdin=end, stdout=end, stderr=end)
    os.close(end)
    said, answered, waiting = b"", 0, list(answers)
    with contextlib.suppress(OSError):  # the other end is closed: it has ended
        while select.select([terminal], [], [], 60)[0]:
            said += os.read(terminal, 4096)
            if waiting and waiting[0][0].encode() in said[answered:]:
                answered = len(said)
                os.write(terminal, waiting.pop(0)[1].encode() + b"\n")
    os.close(terminal)
    assert waiting == [], said
    return process.wait(60), said.decode()


WHERE, START = "This computer's address", "Start it? [y/N]"


def test_a_person_is_asked_for_the_address_that_nobody_tells(person, rig):
    person.env["CARREL_CHECKIP_URL"] = "http://127.0.0.1:9/"
    status, said = on_a_terminal(person, [(WHERE, "203.0.113.7/24"), (WHERE, "203.0.113.7"), (START, "y")], "up", "--on", "ec2")
    assert status == 1 and STRANGER in said, said
    assert "cannot find out the address of this computer" in said and "let in to the machine by ssh (port 22).\r\n" in said
    assert "its network is 203.0.113.0/24" in said and "ssh is open to 203.0.113.7/32" in said
    ((network, label),) = rules(rig)
    assert network == "203.0.113.7/32" and label.endswith(", asked for")
    # It holds, also where there is nobody to ask any more.
    assert person.carrel("stop", "lesson")[0] == 0
    status, _, error = person.carrel("start", "lesson")
    assert status == 1 and STRANGER in error and "cannot find out" not in error
    assert networks(rig) == {"203.0.113.7/32"}


def test_of_a_public_one_both_ports_are_said_before_the_address_is_given(person, rig):
    person.env["CARREL_CHECKIP_URL"] = "http://127.0.0.1:9/"
    word = [("A password for it", "an open door 8888"), ("The same again", "an open door 8888")]
    status, said = on_a_terminal(person, [*word, (WHERE, "203.0.113.0/24"), (START, "n")], "up", "--on", "ec2", "--public")
    assert status == 1 and "by ssh (port 22), and to the notebook (port 8888)" in said, said
    assert rules(rig) == set() and person.machines() == []


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["no answer", "json"])
def test_without_an_address_nothing_is_paid_for(person, rig, words):
    person.env["CARREL_CHECKIP_URL"] = "http://127.0.0.1:9/"
    answers = [] if words else [(WHERE, "")]
    status, said = on_a_terminal(person, answers, "up", "--on", "ec2", "--yes", *words)
    assert status == 3 and "--from ADDRESS" in said, said
    status, _, error = person.up()
    assert status == 3 and "--from ADDRESS" in error
    assert rules(rig) == set() and person.machines() == []
    # No trace of it is in the way of another try.
    assert person.up("--from", "203.0.113.7")[0] == 1 and networks(rig) == {"203.0.113.7/32"}


def test_who_logs_in_can_be_said(person, rig):
    person.comes_up("--user", "fedora")
    (machine,) = person.machines()
    tags = {tag["Key"]: tag["Value"] for tag in rig.instance(machine[2])["Tags"]}
    assert tags["carrel:user"] == "fedora"
    assert "carrel:from" not in tags
    status, _, error = person.up("--user", "root; true")
    assert status == 2 and "no login name" in error


def test_what_is_no_fingerprint_is_refused_before_anything_is_asked(person, rig):
    for given in ("yes", "SHA256:short", "MD5:" + "a" * 46):
        status, _, error = person.up("--accept-host-key", given)
        assert status == 2 and "is no fingerprint" in error
    assert rig.control("log") == []


def test_a_profile_is_kept_to_by_every_command(person, rig):
    keys = {name: person.env.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    person.env["AWS_EC2_METADATA_DISABLED"] = "true"
    (person.home / ".aws").mkdir()
    (person.home / ".aws/credentials").write_text("[course]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in keys.items()))
    assert person.up()[0] == 3
    person.comes_up("--profile", "course")
    assert '"running"' in person.carrel("ls", "--json")[1]
    assert person.carrel("stop", "lesson")[0] == 0
    person.comes_up()
    assert person.carrel("rm", "lesson", "--yes")[0] == 0
    assert person.machines() == [] and len(person.states()) == 1


def test_calls_are_few(person, rig):
    """Figures: a first machine at most 20 calls, a second 13, a start 4; polls and the reading of the console aside."""

    def calls(command):
        before = len(rig.control("log"))
        command()
        asked = person.calls(before)
        polls = asked.count("GetConsoleOutput") + asked[asked.index("RunInstances") if "RunInstances" in asked else 0 :].count("DescribeInstances")
        return len(asked) - polls, asked

    first, asked = calls(person.comes_up)
    assert first <= 20, asked
    assert person.carrel("rm", "lesson", "--yes")[0] == 0
    second, asked = calls(person.comes_up)
    assert second <= 13, asked
    assert person.carrel("stop", "lesson")[0] == 0
    again, asked = calls(lambda: person.carrel("start", "lesson"))
    assert again <= 4, asked
    print(f"calls: first {first}, second {second}, start {again}")


def test_what_ran_and_ended_by_itself_is_said(person, rig):
    rig.set(launch_failure="Client.VolumeLimitExceeded: Volume limit exceeded", pending_s=1.0)
    status, _, error = person.up()
    assert status == 1 and "Client.VolumeLimitExceeded" in error
    assert person.machines() == []
