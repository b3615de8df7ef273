"""The person's own Jupyter is neither used nor changed; their shell's variables do not reach the server.

A home and a machine whose configuration open every door, an active conda, a broken PYTHONPATH: the options read back from the running
server are those of an empty home.
"""

import json
import os
import re

import pytest
from support import environ, tree_digest

open_doors = {
    "ServerApp": {
        "ip": "0.0.0.0",
        "port": 9999,
        "allow_origin": "*",
        "allow_remote_access": True,
        "allow_unauthenticated_access": True,
        "disable_check_xsrf": True,
        "token": "",
        "password": "",
        "allow_external_kernels": True,
        "external_connection_dir": "/tmp",
        "root_dir": "/",
        "terminals_enabled": False,
        "jpserver_extensions": {"evil_extension": True},
        "open_browser": True,
        "trust_xheaders": True,
        "quit_button": False,
        "allow_credentials": True,
    },
    "IdentityProvider": {"token": ""},
    "PasswordIdentityProvider": {"hashed_password": "", "password_required": False},
    "KernelManager": {"transport": "tcp"},
    "MappingKernelManager": {"cull_idle_timeout": 1},
}
everything_open = json.dumps(open_doors)
opening_script = "c.ServerApp.ip = '0.0.0.0'\nc.ServerApp.token = ''\nc.IdentityProvider.token = ''\nc.ServerApp.allow_unauthenticated_access = True\n"
names = "jupyter_config jupyter_server_config jupyter_lab_config jupyter_notebook_config"


def write_config(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names.split():
        (folder / f"{name}.json").write_text(everything_open)
        (folder / f"{name}.py").write_text(opening_script)
    (folder / "jupyter_server_config.d").mkdir(exist_ok=True)
    (folder / "jupyter_server_config.d/open.json").write_text(everything_open)


def hostile_environment(home):
    """What a careless person's shell may hold."""
    config, broken, conda = home.path / ".jupyter", home.path / "broken", home.path / "conda"
    write_config(config)
    write_config(home.path / ".local/etc/jupyter")
    (home.path / ".ipython/profile_default/startup").mkdir(parents=True)
    broken.mkdir()
    for module in ("json", "tornado", "jupyter_server", "sitecustomize", "asyncio"):
        (broken / f"{module}.py").write_text("raise ImportError('this module must not be imported')\n")
    (conda / "bin").mkdir(parents=True)
    for tool in ("python", "python3", "jupyter", "jupyter-lab", "uv", "pip"):
        (conda / "bin" / tool).write_text("#!/bin/sh\necho 'the wrong one was called' >&2\nexit 97\n")
        (conda / "bin" / tool).chmod(0o755)
    return {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_CONFIG_PATH": str(config),
        "JUPYTER_PATH": str(config),
        "JUPYTER_DATA_DIR": str(config),
        "JUPYTER_RUNTIME_DIR": "/tmp",
        "JUPYTER_TOKEN": "",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTERLAB_DIR": str(config),
        "PYTHONPATH": str(broken),
        "PYTHONHOME": str(broken),
        "PYTHONSTARTUP": str(broken / "json.py"),
        "VIRTUAL_ENV": str(conda),
        "CONDA_PREFIX": str(conda),
        "CONDA_DEFAULT_ENV": "base",
        "CONDA_SHLVL": "1",
        "UV_PROJECT_ENVIRONMENT": str(conda),
        "UV_PYTHON": str(conda / "bin/python"),
        "UV_CACHE_DIR": str(home.path / "wrong-cache"),
        "UV_OFFLINE": "1",
        "PATH": str(conda / "bin") + ":" + home.env["PATH"],
    }


def options_of(home, name):
    """What is in force, with what must differ between two workspaces taken out."""
    text = home.client(name).get("/carrel/options").body.decode()
    ready = home.workspace(name)
    text = text.replace(str(home.path), "HOME").replace(ready["id"], "ID").replace(ready["id"][14:], "SHORT")
    options = json.loads(text)
    assert options["options"]["port"] == ready["port"]
    options["options"]["port"] = "PORT"
    return options


@pytest.fixture(scope="module")
def plain():
    from support import Home

    home = Home()
    home.up(home.folder("lesson"))
    yield options_of(home, "lesson")
    home.clean()


def test_a_hostile_shell_and_home_change_no_option(plain, home):
    env = hostile_environment(home)
    folder = home.folder("lesson")
    before = tree_digest(home.path, ignore=(r"^\.local/(state|share)", r"^lesson", r"^\.cache"))
    home.up(folder, env=env)
    assert options_of(home, "lesson") == plain
    assert plain["options"]["token"] == "set" and plain["options"]["allow_unauthenticated_access"] is False
    assert plain["options"]["config_files"] == []
    assert tree_digest(home.path, ignore=(r"^\.local/(state|share)", r"^lesson", r"^\.cache")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="putting a configuration of the machine in place needs root")
def test_a_hostile_machine_changes_no_option(plain, home):
    write_config(home.path / "etc/jupyter")
    script = 'mount --bind "$0" /usr/local/etc && if [ -d /etc/jupyter ]; then mount --bind "$0/jupyter" /etc/jupyter; fi && exec "$@"'
    home.run("up", home.folder("lesson"), prefix=("unshare", "--mount", "sh", "-c", script, str(home.path / "etc")))
    assert options_of(home, "lesson") == plain


def test_the_shells_variables_do_not_reach_the_server(home):
    env = hostile_environment(home)
    home.up(home.folder("lesson"), env=env)
    (server,) = home.server_json()
    got = environ(server["server"]["pid"])
    for name, value in env.items():
        if name != "PATH":
            assert got.get(name) != value, name
    assert not [name for name in got if re.match(r"PYTHON(PATH|HOME|STARTUP)$|VIRTUAL_ENV$|CONDA_", name)]


def test_the_kernel_gets_the_workspaces_python_and_no_broken_path(home):
    env = hostile_environment(home)
    home.up(home.folder("lesson"), env=env)
    client = home.client("lesson")
    said = client.run(client.kernel(), "import json, os, sys; print(sys.executable, '|', os.environ.get('PYTHONPATH'), '|', [p for p in sys.path if 'broken' in p])")
    executable, path, broken = said.split(" | ")
    assert "conda" not in executable and broken == "[]"
    assert str(home.path / "broken") not in path


def test_exec_and_run_are_as_separate(home):
    env = hostile_environment(home)
    home.up(home.folder("lesson"), env=env)
    result = home.run("exec", "lesson", "--", "python", "-c", "import json, numpy; print(6 * 7)", env=env)
    assert result.out.strip() == "42"
