"""remote.py: a warm cell of a machine of the rig through the keeper and ssh, beside the same on the machine itself. See README.md."""

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(root / "tests" / part) for part in ("rig", "server")]
from client import Channels, Client  # noqa: E402
from rigs import Rig  # noqa: E402
from test_program import Person  # noqa: E402

CELLS = 100
# On the machine: argv is the socket, the kernel's id, the count; the token comes on standard input. The client lies beside it.
THERE = """
import json, sys, time
sys.path.insert(0, ".")
from client import Channels, Client
token = sys.stdin.readline().strip()
with Channels(Client(sys.argv[1], token), sys.argv[2]) as channels:
    channels.run("1+1")
    times = []
    for _ in range(int(sys.argv[3])):
        begun = time.perf_counter()
        said = channels.run("1+1")
        assert said == "2", said
        times.append(time.perf_counter() - begun)
print(json.dumps(times))
"""


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def timed(channels):
    begun = time.perf_counter()
    said = channels.run("1+1")
    assert said == "2", said
    return time.perf_counter() - begun


def cell(person, rounds=7):
    """Pairs in turn; the medians of both, in seconds."""
    ready = person.up()
    token = person.carrel("url", "lesson", "--with-token").stdout.strip().rpartition("token=")[2]
    client = Client(("127.0.0.1", ready["port"]), token)
    (person.home / "there.py").write_text(THERE)
    for file in (person.home / "there.py", root / "tests/server/client.py"):
        person.carrel("cp", str(file), "lesson:.")
    find = r"ls ~/.local/share/carrel/jupyter/*/bin/python ~/.local/state/carrel/run/*/door"
    door, python = sorted(person.carrel("exec", "lesson", "--", "sh", "-c", find).stdout.split(), key=lambda path: path.endswith("python"))
    ours, bare = [], []
    for _ in range(rounds):
        kernel = client.kernel()  # IPython keeps a thousand results, then it warns
        with Channels(client, kernel) as channels:
            channels.run("1+1")
            ours.append(statistics.median(timed(channels) for _ in range(CELLS)))
        script = f"{python} there.py {door} {kernel} {CELLS}"
        bare.append(statistics.median(json.loads(person.carrel("exec", "lesson", "--", "sh", "-c", f"echo {token} | ({script})").stdout)))
        note(f"a warm cell: {ours[-1] * 1000:.2f} ms, on the machine {bare[-1] * 1000:.2f} ms")
    return statistics.median(ours), statistics.median(bare)


def main():
    home = Path(tempfile.mkdtemp(prefix="ct", dir="/tmp"))
    rig = Rig("--state", str(home / "rig"))
    person = Person(rig, home)
    try:
        ours, bare = cell(person)
    finally:
        person.carrel("rm", "--all", "--yes", "--discard")
        rig.close()
        shutil.rmtree(home)
    print(f"a warm cell `1+1`: {ours * 1000:.2f} ms through keeper and ssh, {bare * 1000:.2f} ms on the machine: {ours / bare:.2f} ×, goal at most 1.5 ×")


main()
