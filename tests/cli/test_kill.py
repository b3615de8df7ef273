"""kill -9 at every journal write of up, stop and rm: the next command tells the truth, `up` completes, nothing leaks.

Not a sample: the command is run with N = 1, 2, 3, ... and killed right before its Nth write to (or sync of) the journal's log,
until an N is past its last one.
"""

import os
import subprocess

import pytest
from support import Home, program, repository, words

pytestmark = [pytest.mark.release, pytest.mark.timeout(1500)]
small = {"requirements.txt": "six==1.16.0\n"}  # an environment that is copied and removed a hundred times


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "kill_at_write.so"
    source = repository / "tests/cli/kill_at_write.c"
    subprocess.run(["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def kill_at(home, shim, number, *args):
    """True when the command was killed; False when it ended by itself, before its Nth write."""
    env = {"LD_PRELOAD": str(shim), "CARREL_KILL_AT": str(number), "CARREL_KILL_PROGRAM": os.path.basename(program), "CARREL_KILL_COUNT": str(home.path / "count")}
    (home.path / "count").unlink(missing_ok=True)
    result = home.run(*args, env=env, status=None)
    assert result.status in (0, -9), result
    return result.status == -9


def leftovers(home):
    """What belongs to workspaces, outside the journal."""
    found = [str(path) for path in (home.state / "workspaces").glob("*")]
    found += [str(path) for path in (home.state / "run").glob("*")]
    return sorted(found + [name for name in home.environments()])


def check_truth(home):
    for workspace in home.workspaces():
        assert workspace["state"] in words
        # The word and the processes agree.
        if workspace["state"] == "up":
            assert home.processes() and home.client(workspace["name"]).get("/api/status").status == 200
        if workspace["state"] == "stopped":
            assert home.processes() == []


def check_completes(home, folder):
    ready = home.up(folder)
    assert ready["proof"]["output"] == "42"
    (only,) = home.workspaces()
    assert only["state"] == "up" and only["id"] == ready["id"]
    assert len(home.instances()) == 1, "more than one server"
    assert len(list((home.state / "workspaces").glob("*"))) == 1


def check_removed(home, before):
    home.run("rm", "--all", "--yes")
    assert home.processes() == []
    assert leftovers(home) == before


def rounds(home, shim, prepare, *args):
    """Yields after each kill; ends when the command got through. Says how many writes it saw."""
    number = 0
    while True:
        number += 1
        assert number < 500, "the command never ends by itself"
        prepare()
        if not kill_at(home, shim, number, *args):
            break
        yield number
    assert number > 3, "the command wrote nothing to the journal: the library does not see it"
    print(f"{args[0]}: killed at each of {number - 1} writes")


def test_up(shim):
    home = Home()
    try:
        folder = home.folder("lesson", small)
        home.up(folder)  # so that template, Jupyter and uv exist
        home.run("rm", "--all", "--yes")
        before = leftovers(home)
        for _ in rounds(home, shim, lambda: None, "up", folder, "--json"):
            check_truth(home)
            check_completes(home, folder)
            check_removed(home, before)
    finally:
        home.clean()


def test_up_of_a_stopped_workspace(shim):
    home = Home()
    try:
        folder = home.folder("lesson", small)
        home.up(folder)
        for _ in rounds(home, shim, lambda: home.run("stop", "lesson"), "up", folder, "--json"):
            check_truth(home)
            check_completes(home, folder)
    finally:
        home.clean()


def test_stop(shim):
    home = Home()
    try:
        folder = home.folder("lesson", small)
        for _ in rounds(home, shim, lambda: home.up(folder), "stop", "lesson"):
            check_truth(home)
            home.run("stop", "lesson")
            assert home.processes() == [] and home.workspace("lesson")["state"] == "stopped"
            check_completes(home, folder)
    finally:
        home.clean()


def test_rm(shim):
    home = Home()
    try:
        folder = home.folder("lesson", {**small, "mine.txt": "mine"})
        home.up(folder)
        home.run("rm", "--all", "--yes")
        before = leftovers(home)
        for number in rounds(home, shim, lambda: home.up(folder), "rm", "lesson", "--yes"):
            check_truth(home)
            assert (folder / "mine.txt").read_text() == "mine"
            if number % 2:
                check_completes(home, folder)
            check_removed(home, before)
        assert home.processes() == [] and leftovers(home) == before
    finally:
        home.clean()
