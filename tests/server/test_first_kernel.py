"""The kernel that is started before the server: taken when it is what a launch asks for, replaced
when it is not.
"""

import json
import os
from pathlib import Path

import pytest
from client import until

from workspace import Stock, alive, clean_environment, processes_of

taken = "was ready before it was asked for"
refused = "is not what was asked for"


def early_pid(workspace):
    """The process that was started before the server; it alone has a connection file now."""
    until(lambda: list(workspace.runtime.glob("kernel-*.json")))

    def found():
        for pid in processes_of(workspace.config["instance"]):
            if b"ipykernel_launcher" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid

    return until(found)


def kernel_pid(client, identifier):
    return int(client.run(identifier, "import os; os.getpid()"))


@pytest.mark.parametrize(
    "notebook", ["first.ipynb", "deep/er/no-such.ipynb", "a name with é.ipynb"]
)
def test_the_notebooks_session_gets_the_kernel_that_is_running(make, notebook):
    workspace = make(notebook=notebook)
    (workspace.root / "deep").mkdir()
    workspace.up()
    pid = early_pid(workspace)
    assert kernel_pid(workspace.client, workspace.client.session(notebook)["kernel"]["id"]) == pid
    assert taken in workspace.log()
    assert (
        kernel_pid(workspace.client, workspace.client.session("second.ipynb")["kernel"]["id"])
        != pid
    )


def test_a_plain_kernel_gets_it_when_no_notebook_opens_first(make):
    workspace = make().up()
    pid = early_pid(workspace)
    assert kernel_pid(workspace.client, workspace.client.kernel()) == pid


def start_differently(workspace, how):
    if how == "another notebook":
        return workspace.client.session("other.ipynb")["kernel"]["id"]
    if how == "no notebook":
        return workspace.client.kernel()
    if how == "another kernel":
        return workspace.client.session("first.ipynb", kernel="other")["kernel"]["id"]
    more = {"env": {"FROM_SPEC": "changed"}} if how == "another environment" else {}
    if how == "another command":
        more["argv"] = json.loads((workspace.base / "data/kernels/other/kernel.json").read_text())[
            "argv"
        ][:1] + [
            "-m",
            "ipykernel_launcher",
            "-f",
            "{connection_file}",
        ]
    workspace.kernelspec("python3", **more)
    return workspace.client.session("first.ipynb")["kernel"]["id"]


@pytest.mark.parametrize(
    "how",
    [
        "another notebook",
        "no notebook",
        "another kernel",
        "another environment",
        "another command",
        "dead",
    ],
)
def test_a_launch_that_asks_for_something_else_starts_its_own_kernel(make, how):
    workspace = make(notebook="first.ipynb")
    workspace.kernelspec("other")
    workspace.up()
    pid = early_pid(workspace)
    if how == "dead":
        os.kill(pid, 9)
    identifier = start_differently(workspace, how)
    assert kernel_pid(workspace.client, identifier) != pid
    until(lambda: not alive(pid), what="the end of the first kernel")
    assert taken not in workspace.log()


def test_on_one_cpu_no_kernel_is_started_early(make):
    workspace = make()
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        workspace.up()
    finally:
        os.sched_setaffinity(0, allowed)
    assert workspace.client.get("/api").status == 200
    assert not list(workspace.runtime.glob("kernel-*.json"))
    assert workspace.client.run(workspace.client.kernel(), "6*7") == "42"


def test_a_broken_kernelspec_is_told_by_the_launch_and_not_by_the_start(make):
    workspace = make()
    workspace.kernelspec("python3", argv=["/nonexistent/python", "{connection_file}"])
    workspace.up()
    assert workspace.client.post("/api/kernels", {"name": "python3"}).status == 500


def test_a_kernel_that_nobody_claimed_goes_with_the_server(make):
    workspace = make().up()
    pid = early_pid(workspace)
    assert workspace.client.get("/api").status == 200
    workspace.stop()
    assert not alive(pid)


look = "import os, sys, json; print(json.dumps([dict(os.environ), sys.path, os.getcwd(), sys.argv[0]]))"


def test_the_kernels_environment_is_that_of_stock_jupyter(make, folder):
    """Names and values of variables, sys.path, folder: the first kernel, a later one, and `jupyter
    lab` by hand.
    """
    base = clean_environment(MARK="from the shell")
    workspace = make(notebook="first.ipynb", env=base)
    seen = []
    workspace.up()
    for _ in range(2):
        session = workspace.client.session("first.ipynb")
        seen.append(json.loads(workspace.client.run(session["kernel"]["id"], look)))
        workspace.client.request("DELETE", f"/api/sessions/{session['id']}")
    assert taken in workspace.log()
    data = workspace.base / "data"
    isolated = {
        "JUPYTER_DATA_DIR": str(data),
        "JUPYTER_CONFIG_DIR": str(folder / "none"),
        "JUPYTER_PREFER_ENV_PATH": "0",
    }
    stock = Stock(workspace.base, env={**base, **isolated}).up()
    session = stock.client.session("first.ipynb")
    seen.append(json.loads(stock.client.run(session["kernel"]["id"], look)))
    stock.stop()
    for environment, *_ in seen:
        assert environment["MARK"] == "from the shell" and environment["FROM_SPEC"] == "yes"
        assert (
            environment.pop("CARREL_SERVER", workspace.config["instance"])
            == workspace.config["instance"]
        )
        for name in (*isolated, "JUPYTER_RUNTIME_DIR", "JPY_PARENT_PID"):
            environment.pop(name, None)
    assert seen[0] == seen[1] == seen[2]
