"""Stop, start, remove; what dies, and what is mended."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from client import Terminal
from support import alive, children, environ, pids, program, until


@pytest.mark.both
def test_stop_leaves_no_process_and_start_brings_it_back(home):
    folder = home.folder("lesson")
    first = home.up(folder)
    assert home.processes()
    event = home.run("stop", "lesson", "--json").last()
    assert event["changed"] is True
    assert home.processes() == []
    assert home.workspace("lesson")["state"] == "stopped" and home.workspace("lesson")["url"] is None
    assert home.run("stop", "lesson", "--json").last()["changed"] is False
    again = home.run("start", "lesson", "--json").last()
    assert again["event"] == "ready" and again["id"] == first["id"] and again["proof"]["output"] == "42"
    assert home.workspace("lesson")["state"] == "up"


def test_stop_ends_kernels_terminals_and_their_children(home):
    home.up(home.folder("lesson"))
    client = home.client("lesson")
    kernel = client.kernel()
    # A child in a session of its own that ignores what it is asked, and a double fork: both must go.
    started = client.run(
        kernel,
        "import subprocess\n"
        "a = subprocess.Popen(['sh', '-c', 'trap \"\" TERM HUP; while :; do sleep 1000; done'], start_new_session=True)\n"
        "b = subprocess.run(['sh', '-c', 'setsid sleep 1001 >/dev/null 2>&1 & echo $!'], capture_output=True, text=True)\n"
        "print(a.pid, b.stdout.strip())",
    )
    stubborn = [int(word) for word in started.split()]
    assert client.post("/api/terminals").status == 200
    assert all(alive(pid) for pid in stubborn)
    home.run("stop", "lesson")
    assert home.processes() == [] and not any(alive(pid) for pid in stubborn)


def test_rm_asks_and_never_touches_the_folder(home):
    folder = home.folder("lesson", {"a.txt": "mine", ".hidden/b": "mine too"})
    home.up(folder)
    refused = home.run("rm", "lesson", status=3)
    assert "--yes" in refused.err
    assert home.workspace("lesson")["state"] == "up"
    status, text = home.on_terminal("rm", "lesson", send=("?", "n\n"))
    assert status != 0 and home.workspace("lesson")["state"] == "up", text
    status, text = home.on_terminal("rm", "lesson", send=("?", "y\n"))
    assert status == 0, text
    assert home.workspaces() == [] and home.processes() == []
    assert (folder / "a.txt").read_text() == "mine" and (folder / ".hidden/b").read_text() == "mine too"
    assert sorted(path.name for path in folder.iterdir()) == [".hidden", "a.txt"]


def test_rm_leaves_nothing_of_the_workspace(home):
    before = home.environments()
    ready = home.up(home.folder("lesson"))
    home.run("rm", "lesson", "--yes")
    assert home.environments() == before
    left = [str(p) for p in home.path.rglob(f"*{ready['id']}*")]
    assert left == []
    assert list((home.state / "run").glob("*")) == []


def test_all_means_every_workspace(home):
    for name in ("one", "two"):
        home.up(home.folder(name))
    home.run("stop", "--all")
    assert {w["state"] for w in home.workspaces()} == {"stopped"} and home.processes() == []
    home.run("rm", "--all", "--yes")
    assert home.workspaces() == []


def test_several_are_started_at_once_and_each_says_its_lines_whole(home):
    names = [f"w{number}" for number in range(5)]
    for name in names:
        home.up(home.folder(name))
    home.run("stop", "--all")
    lines = home.run("start", "--all").out.splitlines()
    heads = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    assert sorted(lines[number] for number in heads) == [f"{name} is up" for name in names], lines
    for first, last in zip(heads, [*heads[1:], len(lines)]):
        name, block = lines[first].split()[0], lines[first + 1 : last]
        assert [line.split()[0] for line in block] == ["proof", "address", "open", "stop", "costs"] and block[3].endswith(f"carrel stop {name}"), block
    assert {w["state"] for w in home.workspaces()} == {"up"} and len({w["port"] for w in home.workspaces()}) == 5
    home.run("stop", "--all")
    shutil.rmtree(home.path / "w3")
    result = home.run("start", *names, "--json", status=1)
    last = {event["name"]: event for event in result.events()}
    assert {name: event["event"] for name, event in last.items()} == {name: "error" if name == "w3" else "ready" for name in names}
    assert {w["name"]: w["state"] for w in home.workspaces()} == {name: "stopped" if name == "w3" else "up" for name in names}


def test_an_unknown_name_is_answered_with_the_nearest(home):
    home.up(home.folder("lesson"))
    result = home.run("status", "leson", status=None)
    assert result.status in (1, 2) and "lesson" in result.err


def test_the_workspace_of_the_current_folder_needs_no_name(home):
    folder = home.folder("lesson/deeper").parent
    home.up(folder)
    assert home.run("status", "--json", cwd=folder / "deeper").json()["workspaces"][0]["name"] == "lesson"


def test_jupyter_outlives_the_terminal(home):
    folder = home.folder("lesson")
    status, text = home.on_terminal("up", folder)  # its session and terminal are gone now
    assert status == 0, text
    assert home.workspace("lesson")["state"] == "up"
    assert home.client("lesson").get("/api/status").status == 200


def test_a_server_that_does_not_answer_is_not_ended(home):
    folder = home.folder("lesson")
    home.up(folder)
    before = home.processes()
    pid = server_pid(home)
    os.kill(pid, signal.SIGSTOP)
    try:
        result = home.run("up", folder, status=1)
        assert "does not answer" in result.err and "carrel stop lesson" in result.err
    finally:
        os.kill(pid, signal.SIGCONT)
    assert home.run("up", folder, "--json").last()["was_up"] is True
    assert home.processes() == before


def test_up_in_a_workspaces_terminal_makes_one_that_outlives_it(home):
    home.up(home.folder("one"))
    two = home.folder("two")
    terminal = Terminal(home.client("one"))
    terminal.type(f"{program} up {two} >{home.path}/said 2>&1; echo ended with $?")
    terminal.read_until("ended with 0")
    first, second = home.workspace("one"), home.workspace("two")
    assert first["state"] == second["state"] == "up"
    # A workspace may also be ended from its own terminal.
    terminal.type(f"{program} stop one")
    until(lambda: home.workspace("one")["state"] == "stopped", 30, "the word 'stopped'")
    assert home.workspace("two")["state"] == "up" and len(home.instances()) == 1
    home.run("stop", "two")
    assert home.processes() == []


def server_pid(home):
    (server,) = home.server_json()
    return server["server"]["pid"]


def test_killed_jupyter_is_told_with_the_end_of_its_log_and_mended_by_start(home):
    home.up(home.folder("lesson"))
    pid = server_pid(home)
    os.kill(pid, signal.SIGKILL)
    until(lambda: home.workspace("lesson")["state"] == "failed", 20, "the word 'failed'")
    told = home.status("lesson")
    assert told["server"] == "dead" and told["log_end"]
    text = home.run("status", "lesson", status=None).out
    assert "carrel start" in text or "carrel up" in text
    until(lambda: home.processes() == [], 20, "the end of its kernels")
    assert home.run("start", "lesson", "--json").last()["event"] == "ready"
    assert home.workspace("lesson")["state"] == "up"
    assert len(home.instances()) == 1


def test_everything_of_it_killed_at_once_is_mended_too(home):
    folder = home.folder("lesson")
    home.up(folder)
    for pid in home.processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    until(lambda: home.processes() == [], 10, "their end")
    assert home.workspace("lesson")["state"] == "failed"
    assert home.up(folder)["proof"]["output"] == "42"


def test_a_killed_supervisor_does_not_hide_the_server(home):
    home.up(home.folder("lesson"))
    (server,) = home.server_json()
    os.kill(server["supervisor"]["pid"], signal.SIGKILL)
    assert home.workspace("lesson")["state"] in ("up", "failed")
    home.run("stop", "lesson")
    assert home.processes() == []


def test_a_reused_pid_is_never_killed(home):
    with reaping_orphans() as reap:
        home.up(home.folder("lesson"))
        (server,) = home.server_json()
        for pid in home.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        until(lambda: home.processes() == [], 10, "their end")
        until(lambda: reap() and pid_is_free(server["supervisor"]["pid"]), 10, "its pid being free")
    stranger = process_with_pid(server["supervisor"]["pid"])
    try:
        home.run("stop", "lesson")
        assert stranger.poll() is None and alive(stranger.pid)
        home.run("start", "lesson")
        assert stranger.poll() is None and alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def pid_is_free(pid):
    """No process has it, and no zombie has it as its group or session."""
    for other in pids():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()
            if pid in (other, int(fields[2]), int(fields[3])):
                return False
    return True


@contextlib.contextmanager
def reaping_orphans():
    """Ended children of ended processes are this process's to reap (prctl(2), PR_SET_CHILD_SUBREAPER): a zombie keeps its pid."""

    def reap():
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return True

    prctl, set_child_subreaper = ctypes.CDLL(None).prctl, 36
    prctl(set_child_subreaper, 1, 0, 0, 0)
    try:
        yield reap
    finally:
        prctl(set_child_subreaper, 0, 0, 0, 0)


def process_with_pid(wanted):
    """A sleeper with this pid: the kernel hands out the next after ns_last_pid."""
    if os.geteuid() != 0:
        pytest.skip("choosing a pid needs root")
    for _ in range(200):
        try:
            with open("/proc/sys/kernel/ns_last_pid", "w") as last:
                last.write(str(wanted - 1))
        except OSError as failure:
            pytest.skip(f"this kernel does not let a pid be chosen: {failure}")
        process = subprocess.Popen(["sleep", "1000"])
        if process.pid == wanted:
            return process
        process.kill()
        process.wait()
    pytest.fail("the pid went to somebody else each time")


@pytest.mark.both
@pytest.mark.soak
def test_two_ups_at_once_make_one_workspace_and_one_server(home):
    folder = home.folder("lesson")
    results = []

    def one():
        results.append(home.run("up", folder, "--json"))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ready = [result.last() for result in results]
    assert len({event["id"] for event in ready}) == 1 and len({event["url"] for event in ready}) == 1
    assert len(home.workspaces()) == 1 and len(home.instances()) == 1
    joined = [r for r in results if r.last()["was_up"]]
    assert len(joined) == 2


def test_two_folders_at_once_do_not_disturb_each_other(home):
    folders = [home.folder(f"w{i}") for i in range(3)]
    results = {}
    threads = [threading.Thread(target=lambda f=f: results.__setitem__(f, home.up(f))) for f in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3 and len({r["url"] for r in results.values()}) == 3
    assert {w["state"] for w in home.workspaces()} == {"up"} and len(home.instances()) == 3


def test_stop_during_up_leaves_a_true_word_and_no_stray(home):
    folder = home.folder("lesson")
    up = home.popen("up", folder, "--json")
    until(lambda: home.processes(), 120, "the server's first process")
    home.run("stop", "lesson")
    up.communicate(timeout=120)
    word = home.workspace("lesson")["state"]
    assert (word == "up") == bool(home.processes())


def test_interrupted_up_ends_with_130_and_can_be_repeated(home):
    folder = home.folder("lesson")
    up = home.popen("up", folder, "--json")
    until(lambda: home.processes(), 120, "the server's first process")
    os.killpg(up.pid, signal.SIGINT)
    up.communicate(timeout=60)
    assert up.returncode in (0, 130)  # 0: it was done just before
    assert home.up(folder)["proof"]["output"] == "42"
    assert len(home.instances()) == 1


def test_logs_show_the_servers_and_follow_across_a_restart(home):
    folder = home.folder("lesson")
    home.up(folder)
    assert home.run("logs", "lesson").out
    follow = home.popen("logs", "-f", "lesson")
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(follow.stdout.readline, "")), daemon=True)
    reader.start()
    until(lambda: lines, 20, "the first line")
    home.run("stop", "lesson")
    seen = len(lines)
    home.run("start", "lesson")
    until(lambda: len(lines) > seen, 30, "lines after the restart")
    os.killpg(follow.pid, signal.SIGINT)
    follow.wait(20)


def test_the_kernel_of_the_proof_is_not_a_second_one(up):
    home, _, _ = up
    (server,) = home.server_json()
    kernels = [pid for pid in children(server["server"]["pid"]) if "JPY_PARENT_PID" in environ(pid)]
    assert len(kernels) <= 1
