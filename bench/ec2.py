"""ec2.py: the figures of EC2, against the rig without hosts. Prints a table; see README.md."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "tests" / "rig"))
from people import Person  # noqa: E402
from rigs import Rig  # noqa: E402

bench = root / "build" / "bench"
program = os.environ["CARREL_PROGRAM"]
rows = []


def spawned(person, status, *words):
    """(seconds, peak of its memory in MB) of one run that ends with this status."""
    argv = [bench / "spawn_time", "-s", str(status), "1", *words]
    said = subprocess.run(argv, env=person.env, cwd=person.folder, capture_output=True, text=True, check=True).stdout.split()
    return int(said[0]) / 1e6, int(said[1]) / 1024


def calls_since(rig, before):
    return rig.control("log")[before:]


def covered(calls):
    """The time in which at least one call was being answered."""
    total, end = 0.0, 0.0
    for begin, last in sorted((call["at"], call["at"] + call["ms"] / 1000) for call in calls):
        total += max(0.0, last - max(begin, end))
        end = max(end, last)
    return total


def listing(rig, rounds=15):
    """`carrel ls` of 500 stopped machines in one region, and `aws ec2 describe-instances` in turn."""
    rig.control("reset", {})
    person = Person(rig)
    try:
        person.comes_up()
        person.many(500)
        assert len(json.loads(person.carrel("ls", "--json")[1])["workspaces"]) == 500
        aws = [bench / "aws/bin/aws", "ec2", "describe-instances", "--filters", "Name=tag-key,Values=carrel:workspace"]
        ours, beyond, theirs, peak = [], [], [], 0.0
        for turn in range(rounds + 1):
            before = len(rig.control("log"))
            took, memory = spawned(person, 0, program, "ls")
            calls = calls_since(rig, before)
            assert [call["action"] for call in calls] == ["DescribeInstances"], calls
            other, _ = spawned(person, 0, *aws)
            if turn:  # the first of each fills the page cache, and the rig's memory of its answer
                ours.append(took), theirs.append(other), beyond.append(took - calls[0]["ms"] / 1000)
                peak = max(peak, memory)
        mine, rival = statistics.median(ours), statistics.median(theirs)
        rows.append(("`carrel ls` of 500 machines in a region (1 call)", f"{1000 * mine:.1f} ms", f"`aws ec2 describe-instances`: {1000 * rival:.0f} ms", f"{mine / rival:.3f} ×", "at most 0.2 ×"))
        rows.append(("… beyond the server's own time", f"{1000 * statistics.median(beyond):.1f} ms", "–", "–", "at most 60 ms"))
        rows.append(("… its peak memory", f"{peak:.1f} MB", "–", "–", "at most 30 MB"))
    finally:
        person.close()


def launch(rig, rounds=9):
    """What `up` adds of its own until RunInstances has answered: wall time without the time in calls, as the rig logs them."""
    for kind in ("a new computer", "with key, group and caches there"):
        own, peak, count = [], 0.0, 0
        rig.control("reset", {})
        person = Person(rig)
        try:
            person.comes_up()
            for turn in range(rounds + 1):
                if kind == "a new computer":
                    rig.control("reset", {})
                    person.forget()
                else:
                    assert person.carrel("rm", "--yes", "lesson")[0] == 0
                    # As after a minute's rest: a person does not launch once a second.
                    (person.home / ".local/state/carrel/ec2/calls").unlink()
                before, begin = len(rig.control("log")), time.time()
                _, memory = spawned(person, 1, program, "up", "--on", "ec2", "--yes")
                calls = calls_since(rig, before)
                (last,) = [at for at, call in enumerate(calls) if call["action"] == "RunInstances" and call["status"] == 200]
                until = calls[: last + 1]
                count, peak = len(until), max(peak, memory)
                if turn:
                    own.append(until[-1]["at"] + until[-1]["ms"] / 1000 - begin - covered(until))
            rows.append((f"`up` until the machine boots, {kind}: of its own ({count} calls)", f"{1000 * statistics.median(own):.0f} ms", "–", "–", "at most 150 ms"))
            rows.append(("… peak memory of the whole `up`", f"{peak:.1f} MB", "–", "–", "at most 30 MB"))
        finally:
            person.close()


def main():
    rig = Rig("--no-hosts")
    try:
        for part in (listing, launch):
            print(f"  {part.__name__}: {part.__doc__}", file=sys.stderr, flush=True)
            part(rig)
    finally:
        rig.close()
    head = ("", "Carrel", "rival", "ratio", "goal")
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ("---",) * 5, *rows)) + "\n"
    (bench / "results-ec2.md").write_text(text)
    print(text)


main()
