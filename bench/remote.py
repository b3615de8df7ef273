"""remote.py [cell] [boot]: a machine of the rig through Carrel, beside the same without it. Pairs in turn, medians; see README.md.

cell  a warm `1+1` through the keeper's port and ssh, and on the machine itself over Jupyter's socket
boot  `carrel up` to the first cell, and a bare machine's boot to ssh together with Jupyter's own start there to the first cell
"""

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(root / "tests" / part) for part in ("rig", "server")]
from client import Channels, Client  # noqa: E402
from rigs import PYTORCH, Key, Rig  # noqa: E402
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
        assert channels.run("1+1") == "2"
        times.append(time.perf_counter() - begun)
print(json.dumps(times))
"""


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def timed(channels):
    begun = time.perf_counter()
    assert channels.run("1+1") == "2"
    return time.perf_counter() - begun


def cell(person, rounds=7):
    ready = person.up()
    token = person.carrel("url", "lesson", "--with-token").stdout.strip().rpartition("token=")[2]
    client = Client(("127.0.0.1", ready["port"]), token)
    kernel = client.kernel()
    (person.home / "there.py").write_text(THERE)
    for file in (person.home / "there.py", root / "tests/server/client.py"):
        person.carrel("cp", str(file), "lesson:.")
    find = "ls -d ~/.local/share/carrel/*/bin/jupyter-server | head -1; find /run ~/.local /tmp -type s -name '*.sock*' 2>/dev/null"
    python, *sockets = person.carrel("exec", "lesson", "--", "sh", "-c", find).stdout.split()
    note(f"{python} {sockets}")
    ours, bare = [], []
    for turn in range(rounds):
        with Channels(client, kernel) as channels:
            channels.run("1+1")
            ours.append(statistics.median(timed(channels) for _ in range(CELLS)))
        script = f"cd {json.dumps('.')} && {Path(python).parent}/python there.py {sockets[0]} {kernel} {CELLS}"
        bare.append(statistics.median(json.loads(person.carrel("exec", "lesson", "--", "sh", "-c", f"echo {token} | ({script})").stdout)))
        note(f"a warm cell: {ours[-1] * 1000:.2f} ms, on the machine {bare[-1] * 1000:.2f} ms")
    return statistics.median(ours), statistics.median(bare)
