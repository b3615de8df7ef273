"""Who the machine is, on real hosts: the console is late, cut off, silent, or lies."""

import base64
import hashlib
import os
import pathlib
import pty
import re
import select
import subprocess
import time

import pytest
from people import Person
from rigs import wait_for

slow = pytest.mark.skipif("CARREL_SLOW" not in os.environ, reason="five minutes of waiting: CARREL_SLOW=1")


@pytest.fixture
def person(ready_rig):
    person = Person(ready_rig, real_ssh=True)
    (person.folder / "requirements.txt").write_text("six==1.16.0\n")
    yield person
    assert person.carrel("rm", "--all", "--yes")[0] == 0
    wait_for("its end", lambda: set(person.states()) <= {"terminated"}, 60)
    person.close()


def fingerprint(key):
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def own_fingerprints(rig):
    """Of the only machine, by what it really wrote to its console."""

    def keys():
        (host,) = [one for one in rig.control()["instances"].values() if one["state"] == "running"]
        file = pathlib.Path(host["console"])
        words = ["cat", file] if os.geteuid() == 0 else ["sudo", "-n", "cat", file]
        text = subprocess.run(words, capture_output=True, check=False, timeout=20).stdout.decode(errors="replace")
        return {fingerprint(key) for key in re.findall(r"ssh-ed25519 [A-Za-z0-9+/=]{40,}", text)}

    return wait_for("host keys on the real console", keys, 60)


def up(person, *words, seconds=500):
    return person.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", *words, seconds=seconds)


@pytest.mark.timeout(300)
def test_a_console_that_shows_another_key_cuts_everything(person, host_rig):
    host_rig.set(console={"falsify": True})
    status, _, error = up(person)
    assert status == 1 and "is not who it should be: nothing was said to it" in error
    (own,) = own_fingerprints(host_rig)
    shown = set(re.findall(r"SHA256:[A-Za-z0-9+/]{43} \(ssh-ed25519\)", error))
    assert len(shown) == 2 and own + " (ssh-ed25519)" in shown, error
    # And so it stays, also for whoever vouches for the sshd's key: the console wins.
    status, _, error = up(person, "--accept-host-key", own)
    assert status == 1 and own in error


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bent", [{"delay_s": 20.0}, {"truncate": 40}], ids=["late", "cut off"])
def test_a_console_that_is_late_is_waited_for(person, host_rig, bent):
    host_rig.set(console=bent)
    process = person.start("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--json")
    wait_for("the console is asked", lambda: "GetConsoleOutput" in person.calls(), 120)
    assert not list((person.home / ".local/state/carrel/ec2").glob("machines/*/known_hosts"))
    host_rig.set(console={"truncate": 0})
    said, error = process.communicate(timeout=500)
    assert process.returncode == 0 and '"ready"' in said, error


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_key_that_a_person_vouches_for_must_be_that_of_the_machine(person, host_rig):
    host_rig.set(console={"withhold": True})
    wrong = "SHA256:" + "A" * 43
    status, _, error = up(person, "--accept-host-key", wrong)
    assert status == 1 and wrong in error
    (own,) = own_fingerprints(host_rig)
    assert own in error
    assert not list((person.home / ".local/state/carrel/ec2").glob("machines/*/known_hosts"))
    # Nor does it keep anybody from seeing it, or from stopping it.
    for words in (("ls", "--json"), ("stop", "lesson")):
        assert person.carrel(*words, seconds=40)[0] == 0


@pytest.mark.timeout(600)
def test_a_key_that_a_person_vouches_for_is_taken_where_the_console_is_silent(person, host_rig):
    host_rig.set(console={"withhold": True})
    process = person.start("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes")
    wait_for("a machine that runs", lambda: person.states() == ["running"], 60)
    (own,) = own_fingerprints(host_rig)
    process.kill()
    process.communicate()
    status, said, error = up(person, "--accept-host-key", own)
    assert status == 0, error


@slow
@pytest.mark.timeout(900)
def test_after_five_minutes_of_silence_a_script_ends_with_3_and_a_person_is_asked(person, host_rig):
    host_rig.set(console={"withhold": True})
    began = time.monotonic()
    status, _, error = up(person)
    assert status == 3 and 290 < time.monotonic() - began < 330, error
    (own,) = own_fingerprints(host_rig)
    assert own in error and re.search(r"costs \$0\.5\d an hour", error) and "--accept-host-key" in error
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [os.environ["CARREL_PROGRAM"], "up", "--on", "ec2", "--yes"], env=person.env, cwd=person.folder, stdin=end, stdout=end, stderr=end
    )
    os.close(end)
    said = b""
    while b"host key? [y/N]" not in said:
        assert select.select([terminal], [], [], 330)[0], said
        said += os.read(terminal, 4096)
    assert own.encode() in said
    os.write(terminal, b"no\n")
    assert process.wait(60) == 3
