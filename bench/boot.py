"""boot.py: from nothing to the first cell on a machine of the rig, beside its boot to ssh and Jupyter's own start there, by hand. See README.md."""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(root / "tests/rig")]
from ready import kept_of_a_first_up  # noqa: E402
from rigs import PYTORCH, Key, Rig, wait_for  # noqa: E402
from test_program import Person  # noqa: E402

ROUNDS = 7
# On the machine, by the Python of an environment with JupyterLab; tests/server/client.py lies beside it.
THERE = """
import subprocess, sys, time
begun = time.perf_counter()
from client import TOKEN, Channels, Client, until
command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=9999", "--IdentityProvider.token=" + TOKEN]
server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
client = Client(("127.0.0.1", 9999))
def answers():
    try:
        return client.get("/api").status == 200
    except OSError:
        return False
until(answers, 60)
with Channels(client, client.kernel()) as channels:
    assert channels.run("6*7") == "42"
print(time.perf_counter() - begun)
server.terminate()
server.wait()
"""
# $1: "" or where the environment is to be made.
BY_HAND = """set -e
python=$(echo ~/.local/share/carrel/jupyter/*/bin/python)
[ -z "$1" ] || { python3 -m venv "$1"; "$1/bin/pip" install -q --no-deps -r requirements.txt; python=$1/bin/python; }
"$python" there.py
"""


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def by_hand(rig, key, environment):
    """(seconds from RunInstances to ssh, from there to a cell of a stock `jupyter lab`)."""
    begun = time.monotonic()
    instance = rig.launch(PYTORCH, KeyName="bench")
    address = wait_for("its address", lambda: (rig.instance(instance) or {}).get("PublicIpAddress"))
    key.wait(address)
    booted = time.monotonic()
    files = {"there.py": THERE, "client.py": (root / "tests/server/client.py").read_text(), "requirements.txt": (root / "src/jupyter/server/requirements.txt").read_text()}
    for name, text in files.items():
        key.put(address, name, text)
    status, said = key.ssh(address, f"sh -s {environment} <<'END'\n{BY_HAND}END\n", 300)
    assert status == 0, said
    ended = time.monotonic()
    rig.client("ec2").terminate_instances(InstanceIds=[instance])
    rig.wait_state(instance, "terminated")
    return booted - begun, ended - booted


def by_carrel(person):
    begun = time.monotonic()
    ready = person.up()
    took = time.monotonic() - begun
    assert ready["proof"]["output"] == "42" and ready["environment"].startswith("/opt/pytorch"), ready
    person.carrel("rm", "lesson", "--yes", "--discard")
    return took


def compare(rig, key, person, rounds, environment=""):
    ours, theirs = [], []
    for turn in range(rounds + 1):
        boot, start = by_hand(rig, key, environment)
        took = by_carrel(person)
        note(f"{took:.2f} s; by hand boot {boot:.2f} and Jupyter {start:.2f} s")
        if turn:
            ours.append(took)
            theirs.append(boot + start)
    return statistics.median(ours), statistics.median(theirs)


def main():
    home = Path(tempfile.mkdtemp(prefix="ct", dir="/tmp"))
    rig = Rig("--state", str(home / "rig"))
    person = Person(rig, home)
    (person.folder / "requirements.txt").unlink()
    key = Key(home)
    try:
        name = kept_of_a_first_up(rig)
        rig.client("ec2").import_key_pair(KeyName="bench", PublicKeyMaterial=key.public)
        bare = compare(rig, key, person, 3, "jupyter")
        rig.set(on_top=name)
        warm = compare(rig, key, person, ROUNDS)
    finally:
        person.carrel("rm", "--all", "--yes", "--discard")
        rig.close()
        shutil.rmtree(home)
    for what, (ours, theirs) in {"with Jupyter on its disk": warm, "on which nothing is installed": bare}.items():
        print(f"`up` to the first cell on a machine {what}: {ours:.2f} s, by hand {theirs:.2f} s: {ours / theirs:.2f} ×, goal at most 1.15 ×")


main()
