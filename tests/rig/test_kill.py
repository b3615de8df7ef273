"""kill -9 before and after every call that `carrel --on ec2` makes to AWS, each once, by counting; then the same command again. And what an
interrupt leaves is said."""

import signal

import pytest
from people import Person, Proxy
from rigs import Rig, wait_for

MOST_CALLS = 40


@pytest.fixture(scope="module")
def killers():
    rig = Rig("--no-hosts")
    proxy = Proxy(rig)
    yield rig, proxy
    proxy.close()
    rig.close()


@pytest.fixture
def person(killers):
    rig, proxy = killers
    rig.control("reset", {})
    proxy.arm(None)
    person = Person(rig, proxy)
    yield person
    person.close()


def killed_at_each_call(person, prepare, words, check):
    """How many calls the command makes. `check` sees to it that running it again ends well."""
    proxy = person.proxy
    for at in range(MOST_CALLS):
        undisturbed = 0
        for acts in (False, True):
            proxy.arm(None)
            person.rig.control("reset", {})
            prepare()
            proxy.arm(at, acts)
            process = person.start(*words)
            said = process.communicate(timeout=120)
            killed = process.returncode == -9
            undisturbed += not killed
            assert killed or proxy.calls <= at, (at, acts, process.returncode, said)
            proxy.arm(None)
            check(f"killed {'after' if acts else 'before'} call {at + 1} of {' '.join(words)}")
        if undisturbed == 2:
            return at
    raise AssertionError(f"more than {MOST_CALLS} calls")


def one_machine_by_tags_and_journal(person, where):
    assert len(person.machines()) == 1, where
    assert person.journal() == person.machines(), where


@pytest.mark.timeout(600)
def test_up_leaves_one_machine_wherever_it_is_killed(person):
    def check(where):
        person.comes_up()
        one_machine_by_tags_and_journal(person, where)
        groups = person.rig.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["carrel-*"]}])["SecurityGroups"]
        rules = [rule for group in groups for rule in group["IpPermissions"]]
        assert len(groups) == 1 and len(rules) == 1 and len(rules[0]["IpRanges"]) == 1, (where, rules)
        assert len(person.rig.client("ec2").describe_key_pairs()["KeyPairs"]) == 1, where
        assert person.carrel("rm", "lesson", "--yes")[0] == 0
        assert person.machines() == [], where

    calls = killed_at_each_call(person, person.forget, ("up", "--on", "ec2", "--yes"), check)
    assert 15 <= calls <= 24, calls


@pytest.mark.timeout(600)
def test_stop_start_and_rm_end_well_wherever_they_are_killed(person):
    def up():
        person.forget()
        person.comes_up()

    def is_stopped(where):
        assert person.carrel("stop", "lesson")[0] == 0, where
        assert person.states() == ["stopped"], where
        one_machine_by_tags_and_journal(person, where)

    def stopped():
        up()
        is_stopped("at first")

    def is_started(where):
        person.comes_up()
        assert person.states() == ["running"], where
        one_machine_by_tags_and_journal(person, where)

    def is_gone(where):
        status, _, error = person.carrel("rm", "lesson", "--yes")
        # Killed after its last call it has been forgotten already.
        assert status == 0 or "no workspace" in error, (where, error)
        assert person.machines() == [] and person.journal() == [], where

    assert killed_at_each_call(person, up, ("stop", "lesson"), is_stopped) >= 2
    assert killed_at_each_call(person, stopped, ("start", "lesson"), is_started) >= 3
    assert killed_at_each_call(person, up, ("rm", "lesson", "--yes"), is_gone) >= 1


def test_rm_of_an_up_that_was_killed_leaves_nothing(person):
    """Also where the launch has acted and nobody wrote down what came of it."""
    proxy = person.proxy
    person.comes_up()
    calls = person.calls()
    launch = len(calls) - 1 - calls[::-1].index("RunInstances")
    for back in range(3):
        proxy.arm(None)
        person.rig.control("reset", {})
        person.forget()
        proxy.arm(launch - back + 1, True)  # and one call to find out the address
        person.start("up", "--on", "ec2", "--yes").communicate(timeout=120)
        proxy.arm(None)
        assert ("RunInstances" in person.calls()[-2:]) == (back == 0), back
        assert len(person.machines()) == (back == 0)
        status, _, error = person.carrel("rm", "lesson", "--yes")
        assert status == 0 or "no workspace" in error, error
        assert person.machines() == []


def test_what_goes_on_costing_money_after_an_interrupt_is_said(person):
    (person.home / "bin/ssh").write_text("#!/bin/sh\nexec sleep 600\n")
    process = person.start("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes")
    wait_for("the way to the machine", lambda: "GetConsoleOutput" in person.calls(), 60)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "its machine costs $0.54 an hour while it runs: carrel stop lesson" in error, error
