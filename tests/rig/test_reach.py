"""What reaches a machine besides the notebook's own page: ssh, ports, the lifetime. On real hosts, by the program."""

import contextlib
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import time
import urllib.request

import pytest
from rigs import wait_for
from test_program import free_port, keepers, person, status_of  # noqa: F401 (a fixture)


@pytest.fixture
def up(person, host_rig):  # noqa: F811
    """The person with a workspace that is up, and its instance."""
    person.ready = person.up("--lifetime", "2h", "--port", str(free_port()))
    (person.instance,) = [i["InstanceId"] for r in host_rig.client("ec2").describe_instances()["Reservations"] for i in r["Instances"] if i["State"]["Name"] == "running"]
    return person


@contextlib.contextmanager
def going(person, *words):  # noqa: F811
    process = subprocess.Popen([os.environ["CARREL_PROGRAM"], *words], env=person.env, cwd=person.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def ssh(person, *words, seconds=60):  # noqa: F811
    config = person.home / ".local/state/carrel/ssh_config"
    return subprocess.run(["ssh", "-F", config, "-o", "BatchMode=yes", *words], env=person.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_ssh_is_a_shell_of_the_machine_with_the_commands_own_status(up, host_rig):
    person = up  # noqa: F811
    assert person.carrel("ssh", "lesson", "--", "false", status=1).stdout == ""
    person.carrel("ssh", "lesson", "--", "exit 7", status=7)
    person.carrel("ssh", "lesson", "--", "exit", "255", status=255)
    said = person.carrel("ssh", "lesson", "--", "echo $HOME; pwd; hostname").stdout.split()
    address = host_rig.instance(person.instance)["PublicIpAddress"]
    assert said == ["/home/ubuntu", "/home/ubuntu", "ip-" + address.replace(".", "-")]

    # A login shell on a terminal.
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(person.folder)
        os.execve(os.environ["CARREL_PROGRAM"], ["carrel", "ssh", "lesson"], person.env)
    try:
        os.write(terminal, b"shopt -q login_shell && tty && echo at-$((6 * 7)); exit 9\n")
        heard = b""
        deadline = time.monotonic() + 60
        while b"at-42" not in heard and time.monotonic() < deadline:
            heard += os.read(terminal, 4096)
        assert b"/dev/pts/" in heard and b"at-42" in heard, heard
        with contextlib.suppress(OSError):
            while os.read(terminal, 4096):
                pass
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    finally:
        os.close(terminal)

    # Not verified: another key than the pinned one, and nothing is run.
    known = next((person.home / ".local/state/carrel/ec2/machines").glob("*/known_hosts"))
    pinned = known.read_text()
    other = subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", person.home / "other"], check=True, timeout=20) and (person.home / "other.pub").read_text()
    known.write_text(f"{pinned.split()[0]} {' '.join(other.split()[:2])}\n")
    person.carrel("ssh", "lesson", "--", "touch /tmp/was-here", status=1)
    known.write_text(pinned)
    person.carrel("ssh", "lesson", "--", "test ! -e /tmp/was-here")


@pytest.mark.timeout(400)
def test_ssh_config_finds_the_machine_at_whatever_address(up, host_rig):
    person = up  # noqa: F811
    person.carrel("ssh-config", "--install")
    own = person.home / ".ssh/config"
    assert stat.S_IMODE(own.stat().st_mode) == 0o600 and own.read_text().count("Include") == 1
    person.carrel("ssh-config", "--install")
    assert own.read_text().count("Include") == 1
    entry = person.carrel("ssh-config").stdout
    assert "Host carrel-lesson lesson.carrel" in entry and "StrictHostKeyChecking yes" in entry

    for name in ("carrel-lesson", "lesson.carrel"):
        done = ssh(person, name, "exit 7")
        assert done.returncode == 7, done.stderr
    sent = bytes(range(256)) * 4096
    config = person.home / ".local/state/carrel/ssh_config"
    echoed = subprocess.run(["ssh", "-F", config, "carrel-lesson", "cat"], env=person.env, input=sent, capture_output=True, timeout=60, check=True)
    assert echoed.stdout == sent

    person.carrel("stop", "lesson")
    host_rig.wait_state(person.instance, "stopped")
    done = ssh(person, "carrel-lesson", "true")
    assert done.returncode == 255 and "does not run" in done.stderr
    person.carrel("start", "lesson")
    assert ssh(person, "carrel-lesson", "exit 5").returncode == 5
    person.carrel("ssh-config", "--uninstall")
    assert not own.exists()
    person.carrel("rm", "lesson", "--yes")
    assert "lesson" not in config.read_text()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_port_of_the_machine_comes_here_until_the_end(up):
    person = up  # noqa: F811
    person.carrel("ssh", "lesson", "--", "mkdir served && echo from-there >served/page && sudo systemd-run --quiet --unit=served python3 -m http.server --directory=/home/ubuntu/served --bind=127.0.0.1 8123")
    port = free_port()
    with going(person, "forward", "lesson", f"{port}:8123") as forward:
        assert f"127.0.0.1:{port}" in forward.stdout.readline()

        def page():
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/page", timeout=20) as answer:
                return answer.read() == b"from-there\n"

        wait_for("the page", page, 30)
        taken = person.carrel("forward", "lesson", f"{port}:8123", status=1).stderr
        assert str(forward.pid) in taken, taken
        forward.send_signal(signal.SIGINT)
        assert forward.wait(20) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    for wrong in ("0", "x", "1:2:3", "70000"):
        person.carrel("forward", "lesson", wrong, status=2)


def ends_in(person):  # noqa: F811
    """Seconds of the machine until each timer strikes, by systemd itself."""
    show = "for unit in carrel-lifetime carrel-lifetime-force; do systemd-analyze timespan \"$(systemctl show -p NextElapseUSecMonotonic --value $unit.timer)\" | sed -n '2s/.*: //p'; done; cut -d. -f1 /proc/uptime"
    first, second, up = map(int, person.carrel("ssh", "lesson", "--", show).stdout.split())
    return first / 1e6 - up, second / 1e6 - up


@pytest.mark.timeout(400)
def test_extend_moves_the_timer_that_powers_the_machine_off(up, host_rig):
    person = up  # noqa: F811
    said = person.carrel("extend", "lesson", "3h").stdout
    assert re.search(r"(at|on) .*\d\d:\d\d, in (3 h|2 h 59)", said), said
    first, second = ends_in(person)
    assert abs(first - 3 * 3600) < 30 and abs(second - first - 300) < 2
    person.carrel("extend", "lesson", "+30m")
    assert abs(ends_in(person)[0] - 3.5 * 3600) < 60
    # What moves other timers moves this one not.
    person.carrel("ssh", "lesson", "--", "sudo systemctl daemon-reload")
    assert abs(ends_in(person)[0] - 3.5 * 3600) < 90
    assert re.search(r"ends +by itself, .*3 h (29|30) min", person.carrel("status", "lesson").stdout)
    too_long = person.carrel("extend", "lesson", "8d", status=2).stderr
    assert "7 days" in too_long and abs(ends_in(person)[0] - 3.5 * 3600) < 120
    person.carrel("extend", "lesson", "5m", status=2)

    # The next start has its lifetime again.
    person.carrel("stop", "lesson")
    host_rig.wait_state(person.instance, "stopped")
    assert "ends" not in person.carrel("status", "lesson").stdout
    person.carrel("start", "lesson")
    assert abs(ends_in(person)[0] - 2 * 3600) < 120
    assert re.search(r"ends +by itself, .*(2 h|1 h 5)", person.carrel("status", "lesson").stdout)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_port_stays_the_workspaces_while_it_is_stopped(up, host_rig):
    person = up  # noqa: F811
    port = person.ready["port"]
    person.carrel("stop", "lesson")
    host_rig.wait_state(person.instance, "stopped")
    wait_for("the keeper's end", lambda: not keepers(person.home), 20)  # nothing else is up

    # Another workspace does not get it: neither by looking for a free one nor by asking for it.
    refused = person.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--port", str(port), person.other(), status=1)
    assert "lesson" in refused.stderr
    # A stranger does, and is named before the machine is started.
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        said = person.carrel("start", "lesson", status=1).stderr
        assert str(os.getpid()) in said and str(port) in said
        assert host_rig.instance(person.instance)["State"]["Name"] == "stopped"
    person.carrel("start", "lesson")
    assert status_of(f"http://127.0.0.1:{port}/api") == 200


@pytest.mark.long
@pytest.mark.timeout(500)
def test_a_page_finds_its_server_again_after_stop_and_start(up, host_rig):
    """The keeper holds the port while another workspace is up."""
    person = up  # noqa: F811
    port = person.ready["port"]
    person.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", person.other())
    person.carrel("stop", "lesson")
    host_rig.wait_state(person.instance, "stopped")
    page = socket.create_connection(("127.0.0.1", port), timeout=240)
    page.sendall(b"GET /api HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    again = person.carrel("start", "lesson", "--json")
    assert f'"port":{port}' in again.stdout.splitlines()[-1]
    assert page.recv(4096).startswith(b"HTTP/1.1 200")
    page.close()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_ls_says_in_seconds_what_it_knows_of_a_machine_that_does_not_answer(up, host_rig):
    person = up  # noqa: F811
    host_rig.control("host", {"id": person.instance, "do": "pull"})
    begun = time.monotonic()
    listed = person.carrel("ls").stdout
    took = time.monotonic() - begun
    host_rig.control("host", {"id": person.instance, "do": "plug"})
    assert "unknown" in listed and took < 8, (listed, took)
    wait_for("it is up", lambda: '"up"' in person.carrel("ls", "--json").stdout, 60)
