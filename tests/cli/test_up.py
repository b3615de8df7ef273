"""From a folder to a proved notebook, and what is said on the way."""

import json
import time

import pytest
from support import repository, words

phases = ["environment", "server", "kernel", "proof"]


@pytest.mark.both
def test_up_ends_with_a_ready_event_that_carries_the_proof(home):
    folder = home.folder("lesson")
    result = home.run("up", folder, "--json")
    events = result.events()
    ready = events[-1]
    assert ready["event"] == "ready" and ready["name"] == "lesson"
    assert ready["proof"]["output"] == "42"
    assert ready["proof"]["python"].startswith("3.")
    assert "gpu" in ready["proof"]
    assert ready["url"].startswith("http://127.0.0.1:") or ready["url"].startswith("http://localhost:")
    assert "token" not in ready["url"] and "ticket" not in ready["url"]
    assert len(ready["id"]) == 26
    ended = [e["phase"] for e in events if e["event"] == "phase" and e["state"] == "end"]
    assert [phase for phase in ended if phase in phases] == phases
    assert all("elapsed_ms" in e and "usual_ms" in e for e in events if e["event"] == "phase")


def test_phases_know_their_usual_time_after_an_earlier_run(home):
    folder = home.folder("lesson")
    home.up(folder)
    home.run("stop", "lesson")
    events = home.run("up", folder, "--json").events()
    begun = {e["phase"]: e["usual_ms"] for e in events if e["event"] == "phase" and e["state"] == "begin"}
    assert begun["server"] is not None and 0 < begun["server"] < 120_000


def test_without_a_terminal_each_phase_is_a_plain_line(home):
    result = home.run("up", home.folder("lesson"))
    lines = result.err.splitlines()
    for phase in phases:
        assert any(line.startswith(f"{phase}:") for line in lines), result
    assert "\x1b" not in result.out + result.err and "\r" not in result.out + result.err
    assert "carrel stop" in result.out + result.err
    assert "nothing" in result.out + result.err  # what it costs


def test_on_a_terminal_the_phases_are_drawn_and_the_address_signs_in_once(home):
    status, text = home.on_terminal("up", home.folder("lesson"))
    assert status == 0, text
    assert "/carrel/ticket/" in text
    assert "carrel stop lesson" in text


@pytest.mark.both
def test_a_second_up_is_instant_and_says_so(up):
    home, folder, first = up
    begun = time.monotonic()
    again = home.up(folder)
    took = time.monotonic() - begun
    assert again["was_up"] is True and again["id"] == first["id"] and again["url"] == first["url"]
    assert took < 3
    assert "already" in (lambda r: r.out + r.err)(home.run("up", folder)).lower()


def test_up_without_a_folder_means_the_current_one(home):
    folder = home.folder("here")
    assert json.loads(home.run("up", "--json", cwd=folder).out.splitlines()[-1])["name"] == "here"


def test_the_name_is_made_of_the_folders_and_numbered_when_another_folder_has_it(home):
    one, two, odd = home.folder("a/data"), home.folder("b/data"), home.folder("Übung 3 (neu)")
    assert home.up(one)["name"] == "data"
    result = home.run("up", two, "--json")
    assert result.last()["name"] == "data-2"
    assert any("data-2" in json.dumps(e) for e in result.events() if e["event"] == "note"), result
    name = home.up(odd)["name"]
    assert all(c.isascii() and (c.isalnum() or c == "-") for c in name) and 0 < len(name) <= 40
    assert {w["name"] for w in home.workspaces()} == {"data", "data-2", name}


def test_up_with_a_name_takes_it(home):
    assert home.up(home.folder("x"), "--name", "My-Course-1")["name"] == "My-Course-1"


def test_a_bad_name_is_a_usage_error(home):
    result = home.run("up", home.folder("x"), "--name", "no spaces here", status=2)
    assert "no spaces here" in result.err


def test_a_folder_that_is_not_there_is_named(home):
    result = home.run("up", home.path / "nowhere", "--json", status=None)
    assert result.status in (1, 2, 3) and "nowhere" in result.err
    assert result.last()["event"] == "error" and result.last()["exit"] == result.status


def test_listings_have_the_documented_fields(up):
    home, folder, ready = up
    one = home.workspace("lesson")
    for field in "id name provider state machine server url folder kernels since cost_usd".split():
        assert field in one, field
    assert one["provider"] == "local" and one["state"] in words and one["state"] == "up"
    assert one["folder"] == str(folder) and one["cost_usd"] == 0 and one["kernels"] >= 0
    assert one["url"] == ready["url"]
    text = home.run("ls").out
    assert "lesson" in text and "up" in text


def test_the_hello_example_runs(home):
    ready = home.up(repository / "examples" / "hello")
    try:
        assert ready["notebook"] == "hello.ipynb" and ready["proof"]["output"] == "42"
    finally:
        home.run("stop", ready["name"])


@pytest.mark.both
def test_the_version_is_one_line(home):
    assert home.run("--version").out.startswith("carrel ")


def test_the_persons_folder_gets_nothing_from_up(up):
    _, folder, _ = up
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt"]
