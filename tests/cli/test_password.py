"""`carrel password` makes what Jupyter's own verification accepts."""

import json
import os
import pty
import subprocess

from support import program

accepts = "import sys, json; from jupyter_server.auth import passwd_check; h, p = json.load(sys.stdin); print(passwd_check(h, p))"


def jupyter_python(home):
    """The interpreter of Carrel's own Jupyter."""
    (found,) = list((home.data / "jupyter").glob("*/bin/python"))[:1]
    return found


def passwd_check(home, hashed, password):
    run = subprocess.run([jupyter_python(home), "-c", accepts], input=json.dumps([hashed, password]), capture_output=True, text=True, check=True)
    return run.stdout.strip() == "True"


def test_jupyter_accepts_the_hash_and_no_other_password(up):
    home, _, _ = up
    for password in ("simple", "with spaces and ümlauts ✓", "x" * 200, "'\"\\$"):
        hashed = home.run("password", "--stdin", input=password + "\n").out.strip()
        assert hashed.startswith("argon2:$argon2id$")
        assert passwd_check(home, hashed, password)
        assert not passwd_check(home, hashed, password + "x")


def test_the_same_password_gives_another_hash_each_time(home):
    one, two = (home.run("password", "--stdin", input="same\n").out for _ in range(2))
    assert one != two


def test_an_empty_password_is_refused(home):
    result = home.run("password", "--stdin", input="\n", status=None)
    assert result.status in (1, 2, 3) and result.out.strip() == ""


def test_the_terminal_does_not_show_what_is_typed(home):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(program, [program, "password"], home.environment())
    text = b""
    for question in (1, 2):  # the second is asked when the first is answered; what is typed before it is thrown away
        while text.count(b"assword") + text.count(b"gain") < question:
            text += os.read(terminal, 4096)
        os.write(terminal, b"open sesame\n")
    while b"argon2:$argon2id$" not in text:
        text += os.read(terminal, 4096)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"open sesame" not in text


def test_an_old_hash_is_accepted_in_the_spec(home):
    old = "sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a"  # mypassword
    folder = home.folder("lesson", {"carrel.toml": f'public = true\npassword_hash = "{old}"\n'})
    home.up(folder)
    client = home.client("lesson")
    assert passwd_check(home, old, "mypassword")
    assert client.get("/login", token=False).status == 200
