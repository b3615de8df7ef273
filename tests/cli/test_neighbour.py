"""A second user of the machine connects to everything that a workspace opened, and reads nothing."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from support import Home
from test_reach import listening

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")

# Runs as nobody: connects to each door and says what it got.
visitor = """
import json, os, socket, sys
doors, folders, files = json.loads(sys.argv[1])
said = {}
for door in doors:
    plain = socket.socket(socket.AF_UNIX if isinstance(door, str) else socket.AF_INET)
    plain.settimeout(3)
    try:
        plain.connect(door if isinstance(door, str) else tuple(door))
        got = b""
        for ask in (b"", b"GET /api/kernels HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"):
            try:
                plain.sendall(ask)
                got += plain.recv(65536)
            except TimeoutError:
                pass
        said[str(door)] = "connected: " + got.decode("latin-1")
    except OSError as failure:
        said[str(door)] = type(failure).__name__
for folder in folders:
    try:
        said[folder] = os.listdir(folder)
    except OSError as failure:
        said[folder] = type(failure).__name__
for name in files:
    try:
        said[name] = "read: " + open(name, "rb").read(64).decode("latin-1")
    except OSError as failure:
        said[name] = type(failure).__name__
print(json.dumps(said))
"""


def as_nobody(*argv):
    run = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "/usr/bin/python3", "-I", *argv], cwd="/", capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def unix_sockets(home):
    """Every unix socket with a path that the workspace's processes listen on."""
    inodes = set()
    for pid in home.processes():
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(fd)
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[6] in inodes and int(fields[3], 16) & 0x10000:
            found.append(fields[7])
    return found


@pytest.fixture(scope="module")
def open_house():
    """The home itself lets everybody in: what is left is Carrel's own protection."""
    home = Home()
    home.path.chmod(0o755)
    for folder in (home.path / ".local", home.path / ".local/state"):
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
    home.up(home.folder("lesson"))
    client = home.client("lesson")
    kernel = client.kernel()
    assert client.run(kernel, "secret = 'the neighbour must not see this'; print(6 * 7)") == "42"
    yield home
    home.clean()


def test_the_visitor_can_connect_to_what_is_open(tmp_path):
    """The test's own eyes: an open socket and an open file are seen."""
    import socket

    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        said = json.loads(as_nobody("-c", visitor, json.dumps([[list(door.getsockname())], [], ["/etc/hostname"]])))
    assert any(value.startswith("connected") for value in said.values())
    assert said["/etc/hostname"].startswith("read")


def test_the_neighbour_reads_nothing(open_house):
    home = open_house
    sockets = unix_sockets(home)
    assert len(sockets) >= 6, "the server's socket and a kernel's five"
    doors = sockets + [["127.0.0.1", port] for _, port in listening(home)]
    folders = [str(home.state), str(home.state / "run")] + [str(Path(path).parent) for path in sockets]
    files = [str(path) for path in home.state.rglob("*") if path.is_file()]
    assert files
    said = json.loads(as_nobody("-c", visitor, json.dumps([doors, folders, files])))
    for door in sockets:
        assert said[door] in ("PermissionError", "FileNotFoundError"), (door, said[door])
    for _, port in listening(home):
        answer = said[str(["127.0.0.1", port])]
        if port != home.workspace("lesson")["port"]:
            # ipykernel's own: a socket that only receives, and says no more than the greeting of ZMTP (RFC 23).
            assert len(answer) <= len("connected: ") + 64 and answer[len("connected: "):][:1] == "\xff", answer
            continue
        assert answer.startswith("connected: HTTP/1.1 403") or answer.startswith("connected: HTTP/1.1 302"), answer
        assert "execution_state" not in answer
    for name in folders + files:
        assert said[name] == "PermissionError", (name, said[name])


def test_kernels_have_no_channel_on_tcp(open_house):
    home = open_house
    others = {port for _, port in listening(home)} - {home.workspace("lesson")["port"]}
    # ipykernel gathers what child processes print on a socket of its own that only receives; its five channels are not there.
    assert len(others) <= home.workspace("lesson")["kernels"]


def test_abstract_sockets_are_not_used(open_house):
    assert not [path for path in unix_sockets(open_house) if path.startswith("@")]
