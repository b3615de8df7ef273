"""What goes wrong around Carrel: a clear error with the next step, nothing lost, and `up` works once it is mended."""

import os
import re
import shutil
import sqlite3
import subprocess

import pytest

root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and namespaces need root")


def said(result, *pieces):
    """An error as people get it: what, why, and what to do next."""
    assert result.status in (1, 2, 3), result
    assert result.err.startswith("carrel:") or "\ncarrel:" in result.err, result
    assert "terminate called" not in result.err and "Traceback" not in result.err
    for piece in pieces:
        assert piece.lower() in result.err.lower(), (piece, result)


@root
def test_a_full_disk_is_said_and_nothing_is_lost(home):
    folder = home.folder("lesson", {"mine.txt": "mine"})
    # The state, the environment's copy and the runtime folder on 64 kB.
    script = 'mkdir -p "$HOME/.local" && mount -t tmpfs -o size=64k tmpfs "$HOME/.local" && exec "$@"'
    result = home.run("up", folder, status=None, prefix=("unshare", "--mount", "sh", "-c", script, "sh"), env={"XDG_DATA_HOME": None})
    said(result, "space")
    assert (folder / "mine.txt").read_text() == "mine"
    assert home.processes() == []
    assert home.up(folder)["proof"]["output"] == "42"


@root
@pytest.mark.parametrize("kilobytes", [0, 100, 200, 400, 1000])
def test_a_disk_that_fills_up_later_is_said_too(home, kilobytes):
    folder = home.folder("lesson")
    script = f'mkdir -p "$HOME/.local/state" && mount -t tmpfs -o size={kilobytes or 4}k tmpfs "$HOME/.local/state" && exec "$@"'
    result = home.run("up", folder, status=None, prefix=("unshare", "--mount", "sh", "-c", script, "sh"))
    if result.status != 0:
        said(result, "space")
        assert home.processes() == []
    else:
        # It was enough. Nothing outside that mount knows this workspace: end it here.
        for pid in home.processes():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
    assert home.up(folder)["proof"]["output"] == "42"


@root
def test_on_a_disk_that_is_full_a_workspace_can_be_seen_and_stopped(home):
    script = '''
        mkdir -p "$HOME/.local/state" && mount -t tmpfs -o size=2m tmpfs "$HOME/.local/state" || exit 9
        "$@" || exit 8
        head -c 4m /dev/zero >"$HOME/.local/state/fill" 2>/dev/null
        "$1" ls || exit 7
        "$1" stop lesson || exit 6
    '''
    result = home.run("up", home.folder("lesson"), "--json", prefix=("unshare", "--mount", "sh", "-c", script, "sh"))
    assert re.search(r"^lesson +up ", result.out, re.MULTILINE), result
    assert home.processes() == []


@root
def test_without_a_network_the_first_up_says_so(fresh_home):
    home = fresh_home
    result = home.run("up", home.folder("lesson"), status=None, prefix=("unshare", "--net", "--"))
    said(result)
    assert any(word in result.err.lower() for word in ("network", "pypi", "connect", "resolve")), result
    assert home.processes() == []


@root
def test_without_a_network_a_workspace_that_exists_starts(home):
    folder = home.folder("lesson")
    home.up(folder)
    home.run("stop", "lesson")
    script = 'ip link set lo up 2>/dev/null || ifconfig lo up; "$@"; status=$?; "$1" stop --all >&2; exit $status'
    # The server must be talked to in its own network namespace: up and stop run there.
    event = home.run("up", folder, "--json", prefix=("unshare", "--net", "sh", "-c", script, "sh")).events()
    assert any(e["event"] == "ready" for e in event)


@root
def test_without_python_the_command_that_installs_it_is_named(fresh_home):
    home = fresh_home
    script = 'for python in /usr/bin/python3*; do [ -L "$python" ] || mount --bind /dev/null "$python"; done; exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh")
    result = home.run("up", home.folder("lesson"), status=None, prefix=prefix, env={"PATH": "/usr/bin:/bin"})
    said(result, "python", "apt")
    assert result.status == 3


def test_a_broken_requirements_file_is_said_in_uvs_words(home):
    folder = home.folder("lesson", {"requirements.txt": "numpy >= banana\n"})
    result = home.run("up", folder, status=2)
    said(result, "requirements.txt, line 1", "banana")


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_made(home):
    folder = home.folder("lesson")
    if os.geteuid() == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        result = home.run("up", folder, "--json", status=None, prefix=("unshare", "--mount", "sh", "-c", script, str(folder)))
    else:
        folder.chmod(0o555)
        result = home.run("up", folder, "--json", status=None)
        folder.chmod(0o755)
    said(result, str(folder), "cannot be written", "chmod")
    assert home.workspaces() == [] and home.processes() == []


def test_a_folder_that_has_vanished_is_said_by_every_command(home):
    folder = home.folder("lesson")
    home.up(folder)
    home.run("stop", "lesson")
    shutil.rmtree(folder)
    assert home.workspace("lesson")["folder_exists"] is False
    assert "lesson" in home.run("ls").out
    said(home.run("start", "lesson", status=None), str(folder))
    home.run("rm", "lesson", "--yes")
    assert home.workspaces() == []


def test_a_folder_that_vanishes_while_it_is_up_can_be_stopped(home):
    folder = home.folder("lesson")
    home.up(folder)
    shutil.rmtree(folder)
    assert home.workspace("lesson")["folder_exists"] is False
    home.run("stop", "lesson")
    assert home.processes() == []


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_corrupt_journal_is_left_untouched_and_said(home, content):
    home.up(home.folder("lesson"))
    home.run("stop", "lesson")
    journal = home.state / "journal.db"
    whole = journal.read_bytes()
    for extra in home.state.glob("journal.db-*"):
        extra.unlink()
    journal.write_bytes(content)
    for command in (["ls"], ["up", home.folder("other")], ["stop", "lesson"]):
        said(home.run(*command, status=None), "journal")
        assert journal.read_bytes() == content
    journal.write_bytes(whole)
    assert home.workspace("lesson")["state"] == "stopped"


def test_a_journal_of_a_newer_carrel_is_left_untouched_and_said(home):
    home.up(home.folder("lesson"))
    home.run("stop", "lesson")
    journal = home.state / "journal.db"
    with sqlite3.connect(journal) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version + 1}")
    database.close()
    said(home.run("ls", status=None), "newer")
    with sqlite3.connect(journal) as database:
        assert database.execute("PRAGMA user_version").fetchone()[0] == version + 1
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    assert home.workspace("lesson")["state"] == "stopped"


def test_a_journal_that_cannot_be_written_is_said(home):
    home.up(home.folder("lesson"))
    home.run("stop", "lesson")
    if os.geteuid() == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        result = home.run("up", home.folder("lesson"), status=None, prefix=("unshare", "--mount", "sh", "-c", script, str(home.state)))
    else:
        home.state.chmod(0o500)
        result = home.run("up", home.folder("lesson"), status=None)
        home.state.chmod(0o700)
    said(result)


def test_without_a_home_the_variable_is_named(home):
    result = home.run("ls", env={"HOME": None, "XDG_DATA_HOME": None, "XDG_CACHE_HOME": None}, status=None)
    said(result, "HOME")


def test_a_cache_that_was_deleted_is_made_again(fresh_home):
    home = fresh_home
    folder = home.folder("lesson", {"requirements.txt": "six==1.16.0\n"})
    home.up(folder)
    home.run("stop", "lesson")
    subprocess.run(["chmod", "-R", "u+w", home.cache], check=True)
    shutil.rmtree(home.cache)
    assert home.up(folder)["proof"]["output"] == "42"
    other = home.folder("other", {"requirements.txt": "six==1.16.0\n"})
    assert home.up(other)["proof"]["output"] == "42"


def test_a_deleted_copy_is_made_again(home):
    folder = home.folder("lesson")
    ready = home.up(folder)
    home.run("stop", "lesson")
    copy = home.data / "environments" / ready["id"]
    assert copy.is_dir()
    shutil.rmtree(copy)
    assert home.up(folder)["proof"]["output"] == "42"


def test_a_closed_output_is_no_crash(home):
    process = home.popen("ls", "--json", stdout=subprocess.PIPE)
    process.stdout.close()
    _, words = process.communicate(timeout=20)
    assert process.returncode == 0 and words == ""  # as `head` expects


def test_doctor_says_what_is_here_and_what_mends_what_is_not(home):
    checks = home.run("doctor", "--json", status=None).json()
    assert {"ready", "checks"} <= checks.keys() and checks["checks"]
    assert {check["state"] for check in checks["checks"]} <= {"ok", "optional", "missing"}
    assert any("gpu" in check["name"].lower() for check in checks["checks"])
    assert any("python" in check["name"].lower() for check in checks["checks"])
