"""Start, stop, and every way to die: nothing is left, and what is left to tell is told."""

import json
import os
import signal
import socket
import stat
import subprocess
import time

import pytest
from client import Channels, Terminal, until

from workspace import alive


def ticks(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def test_start_names_the_supervisor_and_a_client_need_not_poll(make):
    workspace = make()
    line = workspace.start()
    assert line["start_ticks"] == ticks(line["pid"])
    assert workspace.client.get("/api").status == 200
    known = workspace.read("server.json")
    assert known["supervisor"] == {"pid": line["pid"], "start_ticks": line["start_ticks"]}
    assert known["server"]["start_ticks"] == ticks(known["server"]["pid"])
    assert known["port"] == line["port"] and abs(known["started"] - time.time()) < 60
    assert workspace.tcp().get("/api").status == 200
    for path in (
        workspace.runtime / "server.json",
        workspace.config["log"],
        workspace.config["socket"],
    ):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
    assert stat.S_IMODE(workspace.runtime.stat().st_mode) == 0o700


def test_a_taken_port_is_an_error_of_start(make):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = make(port=taken.getsockname()[1]).start()
    assert line["error"] == "port taken" and line["hint"]


def test_a_second_start_is_refused(make):
    workspace = make().up()
    assert workspace.start()["error"] == "already running"
    assert workspace.client.get("/api").status == 200
    workspace.stop()
    assert "error" not in workspace.start()


@pytest.mark.parametrize(
    "change, word",
    [
        ({"surprise": 1}, "surprise"),
        ({"version": 2}, "version"),
        ({"token": "short"}, "token"),
        ({"notebook": "../x.ipynb"}, "notebook"),
        ({"runtime_dir": "/" + "x" * 95}, "runtime_dir"),
        ({"port": "8888"}, "port"),
        ({"certfile": "/x"}, "keyfile"),
        ({"early_kernel": 1}, "early_kernel"),
        ({"root_dir": "/nonexistent"}, "nonexistent"),
        ({"ip": "192.0.2.1"}, "192.0.2.1"),
    ],
)
def test_a_wrong_configuration_is_refused(make, change, word):
    line = make(**change).start()
    assert "error" in line and word in line["why"]


def test_a_configuration_that_others_can_read_is_refused(make):
    workspace = make()
    command = workspace.command()
    os.chmod(command[-1], 0o640)
    done = subprocess.run(command, stdout=subprocess.PIPE)
    assert done.returncode == 1 and "read by others" in json.loads(done.stdout)["error"]


hidden = "(env -i setsid sh -c 'trap \"\" HUP TERM; echo $$ > {0}; while :; do sleep 1; done' &) ; echo done{1}"


def test_stop_leaves_nothing_not_even_what_hides(make):
    """A terminal's double-forked child without our variables, in its own session, that ignores
    signals.
    """
    workspace = make(stop_grace_s=1).up()
    note = workspace.base / "pid"
    terminal = Terminal(workspace.client)
    terminal.type(hidden.format(note, "$((40+2))"))
    terminal.read_until("done42")
    pid = int(until(lambda: note.exists() and note.read_text()))
    terminal.type("exit")
    identifier = workspace.client.kernel()
    workspace.client.run(
        identifier,
        "import subprocess; p = subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    )
    workspace.stop()
    assert not alive(pid)
    assert (
        workspace.read("exit.json")["asked"] is True and workspace.read("exit.json")["status"] == 0
    )


def test_a_kernel_that_ignores_signals_does_not_hold_up_stop(make):
    workspace = make(stop_grace_s=1).up()
    note = workspace.base / "deaf"
    identifier = workspace.client.kernel()
    with Channels(workspace.client, identifier) as channels:
        channels.execute(
            "import signal, ctypes\nfor n in (2, 15, 1): signal.signal(n, signal.SIG_IGN)\n"
            f"open({str(note)!r}, 'w').close(); ctypes.PyDLL(None).sleep(1000)"
        )
        until(note.exists)
        begin = time.monotonic()
        workspace.stop()
        assert time.monotonic() - begin < 10


def test_a_killed_server_is_told_and_cleared_away(make):
    workspace = make().up()
    identifier = workspace.client.kernel()
    kernel = int(workspace.client.run(identifier, "import os; os.getpid()"))
    os.kill(workspace.server_pid(), signal.SIGKILL)
    workspace.gone()
    assert not alive(kernel)
    ended = workspace.read("exit.json")
    assert (ended["signal"], ended["status"], ended["asked"]) == (9, None, False)
    with pytest.raises(ConnectionRefusedError):
        workspace.client.get("/api")
    assert workspace.up().client.get("/api").status == 200
    assert workspace.read("exit.json") is None


def test_without_its_supervisor_the_server_goes_on(make):
    workspace = make().up()
    identifier = workspace.client.kernel()
    kernel = int(workspace.client.run(identifier, "import os; os.getpid()"))
    os.kill(workspace.pid, signal.SIGKILL)
    until(lambda: not alive(workspace.pid))
    assert workspace.client.run(identifier, "6*7") == "42"
    assert workspace.start()["error"] == "already running"
    os.kill(workspace.server_pid(), signal.SIGKILL)
    until(lambda: not alive(kernel) and not workspace.left(), what="the kernel's own end")


def test_a_start_that_nobody_waits_for_any_more_is_as_any_other(make):
    workspace = make()
    asker = subprocess.Popen(workspace.command(), env=workspace.env, stdin=subprocess.DEVNULL)
    until(lambda: (workspace.runtime / "server.lock").exists())
    asker.kill()
    asker.wait()
    workspace.pid = until(lambda: workspace.read("server.json"))["supervisor"]["pid"]
    assert workspace.client.get("/api").status == 200
    assert alive(workspace.pid)
    workspace.stop()
    assert workspace.read("exit.json")["asked"] is True


def test_a_start_from_a_script_that_ignores_interrupts_has_kernels_that_do_not(make):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        workspace = make().up()
    finally:
        signal.signal(signal.SIGINT, before)
    look = "import subprocess; subprocess.run(['grep', 'SigIgn', '/proc/self/status'], capture_output=True, text=True).stdout"
    ignored = workspace.client.run(workspace.client.kernel(), look)
    assert (
        not int(ignored.strip("'").removesuffix("\\n").split("\\t")[1], 16) & 1 << signal.SIGINT - 1
    )


def test_serve_stays_in_the_foreground_and_leaves_with_the_server(make):
    workspace = make()
    served = subprocess.Popen(workspace.command("serve"), stdout=subprocess.PIPE, env=workspace.env)
    line = json.loads(served.stdout.readline())
    assert line["pid"] == served.pid
    workspace.pid = served.pid
    assert workspace.client.get("/api").status == 200
    served.send_signal(signal.SIGINT)
    assert served.wait(10) == 0
    assert workspace.read("exit.json")["asked"] is True
    served.stdout.close()


def test_serve_tells_a_service_manager_that_it_is_ready_and_whether_to_start_it_again(make, tmp_path):
    workspace = make()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        env = {**workspace.env, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        served = subprocess.Popen(workspace.command("serve"), stdout=subprocess.PIPE, env=env)
        assert manager.recv(100) == b"READY=1"
    workspace.pid = served.pid
    look = "import os; 'NOTIFY_SOCKET' in os.environ"
    assert workspace.client.run(workspace.client.kernel(), look) == "False"
    # One that is there already: refused, and not to be tried again.
    second = subprocess.run(workspace.command("serve"), stdout=subprocess.PIPE, env=workspace.env)
    assert second.returncode == 1 and b"already running" in second.stdout
    os.kill(workspace.read("server.json")["server"]["pid"], signal.SIGKILL)
    assert served.wait(20) == 3
    served.stdout.close()


def test_a_server_that_cannot_import_jupyter_says_so_in_the_log(make):
    workspace = make()
    command = workspace.command()
    command[3] = "import sys; sys.modules['jupyterlab'] = None; " + command[3]
    line = json.loads(subprocess.run(command, stdout=subprocess.PIPE, env=workspace.env).stdout)
    workspace.pid = line["pid"]
    workspace.gone()
    assert workspace.read("exit.json")["status"] == 1 and "jupyterlab" in workspace.log()


def starts_below(outer, inner):
    """A cell of `outer` that brings up `inner`, as `carrel start` in its terminal would."""
    return (
        "import json, os, subprocess\n"
        f"env = {{**os.environ, 'CARREL_SERVER': {inner.config['instance']!r}}}\n"
        f"done = subprocess.run({inner.command()!r}, env=env, stdin=subprocess.DEVNULL, "
        "stdout=subprocess.PIPE, text=True)\n"
        "print(done.stdout)"
    )


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_was_started_below_another_outlives_it(make, how):
    outer, inner = make().up(), make()
    said = json.loads(outer.client.run(outer.client.kernel(), starts_below(outer, inner)))
    inner.pid, inner.port = said["pid"], said["port"]
    kernel = inner.client.kernel()
    note = outer.base / "pid"
    terminal = Terminal(outer.client)
    terminal.type(hidden.format(note, "$((40+2))"))
    terminal.read_until("done42")
    stray = int(until(lambda: note.exists() and note.read_text()))
    assert stat_parent(inner.pid) == outer.pid
    if how == "kill":
        os.kill(outer.server_pid(), signal.SIGKILL)
        outer.gone()
    else:
        outer.stop()
    assert not alive(stray)
    assert inner.client.run(kernel, "6*7") == "42"
    inner.stop()


def stat_parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


full_disk = (
    "import os; _r = os.replace\n"
    "def _full(a, b):\n"
    "    if str(b).endswith({!r}): raise OSError(28, 'No space left on device')\n"
    "    return _r(a, b)\n"
    "os.replace = _full\n"
)


def test_a_start_that_cannot_be_written_down_is_an_error_and_leaves_nothing(make):
    workspace = make()
    command = workspace.command()
    command[3] = full_disk.format("server.json") + command[3]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=workspace.env)
    line = json.loads(done.stdout)
    assert done.returncode == 1 and "No space left" in line["why"]
    until(lambda: not workspace.left(), what="the end of every process")
    assert not list(workspace.runtime.glob("server.json*"))
    assert "error" not in workspace.start()


def test_an_end_that_cannot_be_written_down_is_logged_and_leaves_nothing(make):
    workspace = make()
    command = workspace.command()
    command[3] = full_disk.format("exit.json") + command[3]
    line = json.loads(subprocess.run(command, stdout=subprocess.PIPE, env=workspace.env).stdout)
    workspace.pid = line["pid"]
    workspace.client.kernel()
    os.kill(workspace.server_pid(), signal.SIGKILL)
    workspace.gone()
    assert "exit.json: No space left" in workspace.log()
    assert not list(workspace.runtime.glob("exit.json*"))
