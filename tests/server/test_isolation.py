"""Nothing of the person's or the machine's Jupyter reaches the server; nothing of the server
reaches another user.
"""

import http.client
import json
import os
import shutil
import subprocess
import sys
import urllib.parse

import pytest
import zmq
from client import Terminal, until

from workspace import clean_environment


def evil_home(folder):
    """A home whose Jupyter opens every door, in each place where one may be configured."""
    doors = {
        "ServerApp": {
            "ip": "0.0.0.0",
            "allow_origin": "*",
            "disable_check_xsrf": True,
            "allow_unauthenticated_access": True,
            "allow_remote_access": True,
            "token": "",
            "password": "",
            "port": 1,
            "sock": "/tmp/evil",
            "jpserver_extensions": {"evil_extension": True},
            "allow_external_kernels": True,
            "trust_xheaders": True,
        },
        "IdentityProvider": {"token": ""},
        "PasswordIdentityProvider": {"hashed_password": "", "password_required": False},
        "KernelManager": {"transport": "tcp"},
        "LabApp": {"extension_manager": "pypi"},
    }
    for place in (".jupyter", ".local/etc/jupyter", ".config/jupyter", "extra"):
        (folder / place / "jupyter_server_config.d").mkdir(parents=True)
        for name in (
            "jupyter_config",
            "jupyter_server_config",
            "jupyter_lab_config",
            "jupyter_server_config.d/evil",
        ):
            (folder / place / f"{name}.json").write_text(json.dumps(doors))
    kernel = folder / ".local/share/jupyter/kernels/evil"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": ["false"], "display_name": "evil", "language": "x"})
    )
    return {
        "HOME": str(folder),
        "JUPYTER_CONFIG_PATH": str(folder / "extra"),
        "JUPYTER_PATH": str(folder / "extra"),
        "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"),
        "JUPYTER_TOKEN": "evil",
        "JUPYTER_PORT": "1",
        "JUPYTER_IP": "0.0.0.0",
        "JUPYTER_DEFAULT_PROVISIONER_NAME": "evil",
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTER_ALLOW_INSECURE_WRITES": "1",
        "PYTHONPATH": str(folder / "broken"),
        "PYTHONHOME": "/nonexistent",
    }


def test_the_options_are_the_same_in_an_empty_home_and_in_an_evil_one(make, folder):
    empty, evil = folder / "empty", folder / "evil"
    empty.mkdir()
    seen = []
    for env in (clean_environment(HOME=str(empty)), clean_environment(**evil_home(evil))):
        workspace = make(env=env, early_kernel=False).up()
        options = workspace.client.get("/carrel/options").json()["options"]
        seen.append(
            json.loads(
                json.dumps(options)
                .replace(str(workspace.base), "")
                .replace(str(workspace.port), "0")
            )
        )
        assert list(workspace.client.get("/api/kernelspecs").json()["kernelspecs"]) == ["python3"]
        assert workspace.client.get("/api/kernels", token=False).status == 403
        assert workspace.tcp().get("/api", headers={"Host": "evil.example"}).status == 403
    assert seen[0] == seen[1]
    assert (seen[1]["ip"], seen[1]["kernel_transport"], seen[1]["token"]) == (
        "127.0.0.1",
        "ipc",
        "set",
    )
    assert seen[1]["config_files"] == []


def test_node_is_not_run_by_the_start_and_is_there_in_a_terminal(make, folder):
    tools = folder / "tools"
    tools.mkdir()
    (tools / "node").write_text(f"#!/bin/sh\ntouch {folder}/node-was-run\n")
    (tools / "node").chmod(0o755)
    env = clean_environment(PATH=f"{tools}:{os.environ['PATH']}", SHELL="/bin/sh", ENV="")
    workspace = make(
        env=env, early_kernel=False, terminal_env={"FROM_CARREL": "yes", "ENV": None}
    ).up()
    terminal = Terminal(workspace.client)
    terminal.type(
        'echo "[$FROM_CARREL$((6*7)) $JUPYTER_CONFIG_DIR$JUPYTER_DATA_DIR$JUPYTER_RUNTIME_DIR]"'
    )
    assert "[yes42 ]" in terminal.read_until("yes42 ]")
    assert not (folder / "node-was-run").exists()
    kernel = workspace.client.kernel()
    assert workspace.client.run(kernel, "import shutil; shutil.which('node')") == repr(
        str(tools / "node")
    )


def test_a_terminal_finds_the_workspaces_programs_first_whatever_the_profile_says(make, folder):
    """A login shell would read /etc/profile, which sets PATH anew on Debian."""
    own, tools, home = folder / "own", folder / "tools", folder / "home"
    for place, name in ((own, "python"), (own, "pip"), (tools, "node"), (tools, "python")):
        place.mkdir(exist_ok=True)
        (place / name).write_text("#!/bin/sh\n")
        (place / name).chmod(0o755)
    home.mkdir()
    for name in (".profile", ".bash_profile"):
        (home / name).write_text("PATH=/usr/bin:/bin\n")
    shells = [path for path in ("/bin/bash", "/bin/sh") if os.path.exists(path)]
    for shell in [*shells, None]:
        env = clean_environment(PATH=f"{tools}:{os.environ['PATH']}", HOME=str(home), ENV="")
        env.pop("SHELL", None)
        if shell:
            env["SHELL"] = shell
        workspace = make(
            env=env, early_kernel=False, terminal_env={"PATH": f"{own}:${{PATH}}"}
        ).up()
        terminal = Terminal(workspace.client)
        terminal.type(
            'for n in python pip node; do echo "[$(command -v $n)]"; done; echo end$((6*7))'
        )
        text = terminal.read_until("end42")
        for path in (own / "python", own / "pip", tools / "node"):
            assert f"[{path}]" in text
        workspace.stop()


def test_the_headers_for_other_origins_are_those_of_stock(make, stock_server):
    """Whoever shows the token is told his own origin, an empty one if he names none; nobody else."""
    clients = [make(early_kernel=False).up().tcp(), stock_server.client]
    for token in (True, False):
        for headers in ({}, {"Origin": "http://evil.example"}):
            seen = []
            for client in clients:
                answer = client.get("/api/kernelspecs", headers=headers, token=token)
                seen.append(answer.headers.get_all("Access-Control-Allow-Origin"))
            assert seen[0] == seen[1]
            assert token or seen[0] is None


reader = """
import os, socket, sys
opened = []
for base, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(base, name)
        try:
            open(path).close(); opened.append(path)
        except OSError: pass
        try:
            socket.socket(socket.AF_UNIX).connect(path); opened.append(path)
        except OSError: pass
for name in sys.argv[2:]:
    try:
        socket.socket(socket.AF_UNIX).connect(name); opened.append(name)
    except OSError: pass
print(opened)
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to become another user"
)
def test_another_user_reads_nothing_of_a_running_kernel(make, folder):
    workspace = make().up()
    assert workspace.client.run(workspace.client.kernel(), "6*7") == "42"
    for open_folder in (folder, workspace.base):
        open_folder.chmod(0o755)
    sockets = [str(path) for path in workspace.runtime.iterdir()]
    assert sum("-" in path.rpartition("/c")[2] for path in sockets) >= 5
    other = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable,
    ]
    done = subprocess.run(
        [
            *other,
            "-I",
            "-c",
            reader,
            str(workspace.runtime),
            *sockets,
            workspace.config["socket"],
            workspace.config["log"],
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not shutil.which("ss"), reason="needs ss to see who listens")
def test_what_a_kernel_opens_on_tcp_says_nothing(make):
    """ipykernel opens one socket for forked children to print through: it only receives, and asks
    for a secret.
    """
    workspace = make().up()
    kernel = workspace.client.kernel()
    pid = workspace.client.run(kernel, "import os; os.getpid()")
    lines = subprocess.run(
        ["ss", "-Hltnp"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    addresses = [line.split()[3] for line in lines if f"pid={pid}," in line]
    assert len(addresses) <= 1 and all(address.startswith("127.0.0.1:") for address in addresses)
    with zmq.Context() as context:
        ears = [context.socket(kind) for kind in (zmq.SUB, zmq.DEALER, zmq.PULL) for _ in addresses]
        for ear in ears:
            ear.linger = 0
            ear.connect(f"tcp://{addresses[0]}")
            if ear.type == zmq.SUB:
                ear.subscribe(b"")
        assert workspace.client.run(kernel, "print('private')") == "private"
        assert [ear.poll(50) for ear in ears] == [0] * len(ears)
        for ear in ears:
            ear.close()


def certificate(folder, name):
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
            "-keyout",
            folder / "key.pem",
            "-out",
            folder / "cert.pem",
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl for a certificate")
def test_https_outside_plain_inside_and_a_renewed_certificate_without_a_restart(make, folder):
    certificate(folder, "first")
    workspace = make(
        certfile=str(folder / "cert.pem"),
        keyfile=str(folder / "key.pem"),
        early_kernel=False,
        ip="*",
    ).up()
    assert workspace.client.get("/api").status == 200
    outside = workspace.tcp(tls=True)
    assert outside.get("/api").status == 200

    def shown():
        connection = outside.connect()
        try:
            return connection.getpeercert(binary_form=True)
        finally:
            connection.close()

    before = shown()
    (folder / "cert.pem").write_text("broken")
    os.kill(workspace.pid, 1)
    until(lambda: "the old one stays" in workspace.log())
    assert shown() == before
    certificate(folder, "second")
    os.kill(workspace.pid, 1)
    until(lambda: shown() != before, what="the renewed certificate")


def test_everything_that_stock_offers_is_there_when_asked_for(make):
    workspace = make(extensions="full").up()
    assert workspace.client.get("/lsp/status").status == 200
    assert workspace.client.get("/lab/api/extensions").status == 200
    assert workspace.client.run(workspace.client.kernel(), "6*7") == "42"
    assert " ERROR " not in workspace.log() and "Traceback" not in workspace.log()


def test_the_password_signs_in_and_a_wrong_one_does_not(make):
    import argon2

    hashed = "argon2:" + argon2.PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash(
        "correct horse"
    )
    workspace = make(hashed_password=hashed, early_kernel=False).up()
    client = workspace.tcp()
    xsrf = client.get("/login", token=False).headers["Set-Cookie"].partition(";")[0]
    seen = {}
    for password in ("wrong", "correct horse"):
        headers = {
            "Cookie": xsrf,
            "X-XSRFToken": xsrf.partition("=")[2],
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection = http.client.HTTPConnection("127.0.0.1", workspace.port, timeout=20)
        connection.request(
            "POST", "/login", urllib.parse.urlencode({"password": password}), headers
        )
        seen[password] = connection.getresponse().status
        connection.close()
    assert seen == {"wrong": 401, "correct horse": 302}
    assert "correct" not in workspace.log()
