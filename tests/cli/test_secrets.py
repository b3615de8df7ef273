"""No token, password, hash or ticket in a process list, a log, or a file that others can read."""

import json
import os
import re
import stat
import threading
import time
from pathlib import Path

import pytest

password = "Opensesame-4711-" + "z" * 9


class Watch(threading.Thread):
    """Reads every /proc/*/cmdline every 10 ms."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.rounds, self.over = set(), 0, threading.Event()

    def run(self):
        while not self.over.is_set():
            begun = time.monotonic()
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    try:
                        with open(f"/proc/{entry}/cmdline", "rb") as file:
                            self.seen.add(file.read())
                    except OSError:
                        pass
            self.rounds += 1
            self.over.wait(max(0.0, 0.01 - (time.monotonic() - begun)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *failure):
        self.over.set()
        self.join()


def secrets_of(home, name):
    """What must be nowhere: token, hash, and whatever ticket lies in a redirect file."""
    found = {"password": password, "token": re.search(r"token=(\w+)", home.token_url(name)).group(1)}
    for path in home.path.rglob("*"):
        try:
            text = path.read_text(errors="replace") if path.is_file() and path.stat().st_size < 1 << 22 else ""
        except OSError:
            continue
        for kind, pattern in (("hash", r"argon2:\$argon2id\$[^\"'\s]+"), ("ticket", r"/carrel/ticket/([\w-]+)")):
            for match in re.finditer(pattern, text):
                found[f"{kind} in {path}"] = match.group(match.lastindex or 0)
    return found


@pytest.fixture(scope="module")
def watched():
    from support import Home

    home = Home()
    (home.path / "browser").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> "$HOME/browser-got"\n')
    (home.path / "browser").chmod(0o755)
    folder = home.folder("lesson")
    with Watch() as watch:
        up = home.run("up", folder, "--json", "--public", "--password-stdin", input=password + "\n")
        plain = home.run("up", folder)
        opened = home.run("open", "lesson", env={"BROWSER": str(home.path / "browser"), "DISPLAY": ":99"}, status=None)
    yield home, watch, [up, plain, opened]
    home.clean()


def test_no_command_line_ever_had_a_secret(watched):
    home, watch, _ = watched
    assert watch.rounds > 20 and any(b"carrel" in line for line in watch.seen)
    for what, secret in secrets_of(home, "lesson").items():
        assert not [line for line in watch.seen if secret.encode() in line], what


def test_open_gave_the_browser_a_file_that_only_its_owner_reads(watched):
    home, _, (_, _, opened) = watched
    assert opened.status == 0, opened
    got = (home.path / "browser-got").read_text().strip()
    path = Path(got.removeprefix("file://"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "/carrel/ticket/" in path.read_text()


def test_files_with_a_secret_are_their_owners_alone(watched):
    home, _, _ = watched
    secrets = secrets_of(home, "lesson")
    holders = 0
    places = [home.path, home.data / "workspaces", Path(f"/tmp/carrel-{os.getuid()}")]
    for path in (path for place in places for path in place.rglob("*")):
        if not path.is_file() or path.stat().st_size > 1 << 22:
            continue
        content = path.read_bytes()
        inside = [what for what, secret in secrets.items() if secret.encode() in content]
        if inside:
            holders += 1
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} has {inside} and others can read it"
            assert "password" not in inside, f"{path} has the password itself"
    assert holders, "the token must be in one file at least, or this test looks in the wrong place"


def test_no_log_has_a_secret(watched):
    home, _, _ = watched
    secrets = secrets_of(home, "lesson")
    home.client("lesson").get(f"/api/kernels?token={secrets['token']}")
    logs = [path for path in home.path.rglob("*") if path.is_file() and "log" in path.name.lower()]
    assert logs
    text = "".join(path.read_text(errors="replace") for path in logs) + home.run("logs", "lesson").out
    for what, secret in secrets.items():
        assert secret not in text, what


def test_no_output_has_a_secret(watched):
    home, _, results = watched
    secrets = secrets_of(home, "lesson")
    listings = [home.run("ls", "--json"), home.run("ls"), home.run("status", "lesson", "--json"), home.run("status", "lesson")]
    for result in [*results[:1], *listings]:
        for what, secret in secrets.items():
            assert secret not in result.out + result.err, (what, result)
    for event in results[0].events():
        assert "token=" not in json.dumps(event) and "/ticket/" not in json.dumps(event)


def test_the_journal_has_no_secret(watched):
    home, _, _ = watched
    secrets = secrets_of(home, "lesson")
    for path in home.state.glob("journal.db*"):
        content = path.read_bytes()
        for what, secret in secrets.items():
            # A hash that was given by flags is remembered there, and only its owner may read it.
            assert what.startswith("hash") or secret.encode() not in content, (what, path)
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_ticket_signs_in_once(home):
    status, text = home.on_terminal("up", home.folder("lesson"))
    assert status == 0, text
    path = re.search(r"(/carrel/ticket/[\w-]+)", text).group(1)
    client = home.client("lesson")
    first = client.get(path, token=False)
    assert first.status == 302 and "set-cookie" in {name.lower() for name in first.headers.keys()}
    assert client.get(path, token=False).status == 403


def test_a_password_file_that_others_can_read_is_refused(home):
    file = home.path / "password"
    file.write_text(password)
    file.chmod(0o644)
    result = home.run("up", home.folder("lesson"), "--public", env={"CARREL_PASSWORD_FILE": str(file)}, status=None)
    assert result.status in (2, 3) and str(file) in result.err and password not in result.err
    file.chmod(0o600)
    assert home.up(home.folder("lesson"), "--public", env={"CARREL_PASSWORD_FILE": str(file)})["public"] is True
