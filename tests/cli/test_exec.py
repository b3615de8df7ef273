"""exec: a command in the workspace's environment."""

import os

import pytest
from support import alive, until


@pytest.mark.both
@pytest.mark.parametrize("status", [0, 1, 7, 42, 130, 255])
def test_exec_ends_with_the_commands_own_status(up, status):
    home, _, _ = up
    home.run("exec", "lesson", "--", "sh", "-c", f"exit {status}", status=status)


def test_a_command_that_a_signal_ended_gives_128_and_the_signal(up):
    home, _, _ = up
    home.run("exec", "lesson", "--", "sh", "-c", "kill -TERM $$", status=143)


def test_a_command_that_is_not_there_is_said(up):
    home, _, _ = up
    result = home.run("exec", "lesson", "--", "no-such-command", status=None)
    assert result.status != 0 and "no-such-command" in result.err


def test_python_is_the_workspaces_and_the_folder_too(up):
    home, folder, _ = up
    said = home.run("exec", "lesson", "--", "python", "-c", "import os, sys, numpy; print(os.getcwd()); print(sys.prefix)").out.splitlines()
    assert said[0] == str(folder)
    client = home.client("lesson")
    assert client.run(client.kernel(), "import sys; print(sys.prefix)") == said[1]


def test_input_and_outputs_are_the_callers(up):
    home, _, _ = up
    result = home.run("exec", "lesson", "--", "sh", "-c", "cat; echo bad >&2", input="one\ntwo\n")
    assert result.out == "one\ntwo\n" and result.err == "bad\n"


def test_arguments_arrive_as_they_were(up):
    home, _, _ = up
    words = ["a b", "", "'\"", "--json", "-x", "ü✓", "*", "$HOME"]
    said = home.run("exec", "lesson", "--", "python", "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *words).json()
    assert said == words


def test_exec_works_while_the_server_is_stopped(home):
    home.up(home.folder("lesson"))
    home.run("stop", "lesson")
    assert home.run("exec", "lesson", "--", "python", "-c", "print(6 * 7)").out.strip() == "42"


def test_no_command_is_a_usage_error(up):
    home, _, _ = up
    home.run("exec", "lesson", status=2)
    home.run("exec", "lesson", "--", status=2)


def test_an_interrupt_reaches_the_command(home):
    import signal

    home.up(home.folder("lesson"))
    process = home.popen("exec", "lesson", "--", "python", "-c", "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(1000)")
    pid = int(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode != 0
    until(lambda: not alive(pid), 10, "the command's end")


def test_on_a_terminal_the_command_has_the_terminal(up):
    home, _, _ = up
    status, text = home.on_terminal("exec", "lesson", "--", "python", "-c", "import os; print('tty', os.isatty(0), os.isatty(1))")
    assert status == 0 and "tty True True" in text
