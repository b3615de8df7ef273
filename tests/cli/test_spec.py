"""carrel.toml: what is wrong is said with its place."""

import pytest

cases = {
    "an unknown key is named with line, column and the nearest": ('name = "a"\nnotebok = "x.ipynb"\n', ["carrel.toml:2:1", "notebok", "notebook"]),
    "a plain password is refused with the command that makes a hash": ('password = "secret-in-the-clear"\n', ["carrel.toml:1:", "carrel password"]),
    "a wrong type is named": ('port = "many"\n', ["carrel.toml:1:", "port"]),
    "a port out of range is named": ("port = 70000\n", ["carrel.toml:1:", "port"]),
    "broken TOML is named with its place": ('name = "a\n', ["carrel.toml:1:"]),
    "a bad name is named": ('name = "two words"\n', ["carrel.toml:1:", "two words"]),
    "a notebook outside the folder is refused": ('notebook = "../x.ipynb"\n', ["../x.ipynb"]),
    "an environment that is none is named": ('environment = "pytroch"\n', ["pytroch", "pytorch"]),
    "a hash that is none is refused": ('password_hash = "md5"\n', ["carrel password"]),
    "a place that is none is named": ('on = "mars"\n', ["mars"]),
}


@pytest.mark.parametrize("text, expected", cases.values(), ids=cases.keys())
def test_what_is_wrong_is_said(home, text, expected):
    result = home.run("up", home.folder("lesson", {"carrel.toml": text}), status=None)
    assert result.status in (2, 3), result
    for piece in expected:
        assert piece in result.err, result
    assert "secret-in-the-clear" not in result.out + result.err
    assert home.processes() == []


def test_pyproject_is_read_when_there_is_no_carrel_toml(home):
    folder = home.folder("lesson", {"pyproject.toml": '[tool.carrel]\nname = "from-pyproject"\nenvironment = "minimal"\n'})
    assert home.up(folder)["name"] == "from-pyproject"


def test_flags_win_over_the_file(home):
    folder = home.folder("lesson", {"carrel.toml": 'name = "from-file"\nenvironment = "minimal"\n'})
    assert home.up(folder, "--name", "from-flag")["name"] == "from-flag"


def test_the_notebook_of_the_spec_opens_first(home):
    notebook = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    folder = home.folder("lesson", {"carrel.toml": 'notebook = "week 1/first.ipynb"\n', "week 1/first.ipynb": notebook})
    assert home.up(folder)["notebook"] == "week 1/first.ipynb"
    sessions = home.client("lesson").get("/api/sessions").json()
    assert [session["path"] for session in sessions] == ["week 1/first.ipynb"]
