"""docs/reference says what the program says. `python3 tests/cli/reference_test.py --write` makes the pages anew."""

import os
import re
import subprocess
import sys
from pathlib import Path

repository = Path(__file__).resolve().parents[2]
program = os.environ.get("CARREL_PROGRAM") or str(repository / "build/release/src/carrel")
pages = repository / "docs" / "reference"
by_hand = {"states.md", "json.md", "carrel.toml.md", "exit-codes.md"}


def carrel(*args):
    return subprocess.run([program, *args], capture_output=True, text=True, check=True).stdout


def generated():
    """File name → what it should hold."""
    index = carrel("help", "--index")
    commands = re.findall(r"^\| \[([a-z-]+)\]\(\1\.md\)", index, re.MULTILINE)
    assert len(commands) > 10, index
    return {"README.md": index, **{f"{name}.md": carrel("help", "--markdown", name) for name in commands}}


def test_each_page_of_the_reference_is_what_the_program_says():
    wrong = [name for name, text in generated().items() if not (pages / name).exists() or (pages / name).read_text() != text]
    assert not wrong, f"{wrong}: python3 tests/cli/reference_test.py --write"


def test_no_page_is_left_of_a_command_that_is_gone():
    assert {path.name for path in pages.iterdir()} == set(generated()) | by_hand


def test_links_between_pages_lead_somewhere():
    for path in pages.iterdir():
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            assert (pages / target).exists(), f"{path.name}: {target}"


def test_each_option_of_each_command_is_in_the_manual_page():
    manual = carrel("help", "--man").replace("\\-", "-")
    for name, text in generated().items():
        for option in re.findall(r"--[a-z-]+(?=[ `])", text):
            if name != "README.md" and f"| `{option}" in text:
                assert option in manual, f"{name}: {option}"


def test_completion_scripts_are_correct_shell(tmp_path):
    for shell, check in {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "-n"]}.items():
        script = tmp_path / shell
        script.write_text(carrel("completion", shell))
        if subprocess.run(["sh", "-c", f"command -v {shell}"], capture_output=True).returncode:
            assert shell != "bash"  # the others are checked where they are installed
            continue
        done = subprocess.run([*check, script], capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr


def bash_completes(words, folder, names="alpha beta"):
    """What bash offers for the last of `words`; `carrel ls --names` is played by a function."""
    script = f"""
        carrel() {{ [[ "$*" == "ls --names" ]] && printf '%s\\n' {names}; }}
        {carrel("completion", "bash")}
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _carrel; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True, cwd=folder)
    return [line for line in done.stdout.splitlines() if line]


def test_bash_completes_commands_options_names_and_files(tmp_path):
    for name in ("a b.ipynb", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "deep").mkdir()
    table = {
        "commands": (["carrel", "sta"], ["start", "status"]),
        "options of a command": (["carrel", "up", "--pass"], ["--password-stdin"]),
        "names of workspaces": (["carrel", "stop", ""], ["alpha", "beta"]),
        "a second name": (["carrel", "stop", "alpha", "b"], ["beta"]),
        "the value of an option": (["carrel", "run", "--in", "al"], ["alpha"]),
        "environments": (["carrel", "up", "--environment", "pyt"], ["pytorch"]),
        "places": (["carrel", "up", "--on", ""], ["ec2", "local"]),
        "notebooks and folders": (["carrel", "run", ""], ["a b.ipynb", "deep"]),
        "folders": (["carrel", "up", ""], ["deep"]),
        "files after --": (["carrel", "exec", "alpha", "--", "cat", "no"], ["notes.txt"]),
        "shells": (["carrel", "completion", "f"], ["fish"]),
    }
    for what, (words, expected) in table.items():
        assert sorted(bash_completes(words, tmp_path)) == expected, what


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: reference_test.py --write")
    for file, content in generated().items():
        (pages / file).write_text(content)
