"""What a person does with kernels, on Carrel's first kernel and on stock `jupyter lab`."""

import pytest
from client import Channels, until

from workspace import Stock


def test_a_cell_that_runs_for_ever_is_interrupted(kernel):
    client, identifier = kernel
    with Channels(client, identifier) as channels:
        asked = channels.execute("print('begun', flush=True)\nwhile True: pass")
        while "begun" not in channels.wait("stream")["content"]["text"]:
            pass
        assert client.post(f"/api/kernels/{identifier}/interrupt").status == 204
        assert "KeyboardInterrupt" in channels.finish(asked)
        assert channels.run("1+1") == "2"


def test_a_restarted_kernel_keeps_its_id_and_forgets_its_names(kernel):
    client, identifier = kernel
    first = client.run(identifier, "import os; x = 1; os.getpid()")
    answer = client.post(f"/api/kernels/{identifier}/restart")
    assert (answer.status, answer.json()["id"]) == (200, identifier)
    assert client.run(identifier, "'x' in dir()") == "False"
    assert client.run(identifier, "import os; os.getpid()") != first


def test_a_deleted_kernel_is_gone(kernel):
    client, identifier = kernel
    assert client.request("DELETE", f"/api/kernels/{identifier}").status == 204
    assert client.get(f"/api/kernels/{identifier}").status == 404


def test_a_cell_can_ask_for_input(kernel):
    client, identifier = kernel
    with Channels(client, identifier) as channels:
        assert channels.run("'<' + input('name? ') + '>'", answer="Ada") == "'<Ada>'"


def test_a_kernel_that_dies_is_started_again(kernel):
    client, identifier = kernel
    with Channels(client, identifier) as channels:
        channels.execute("import os; os._exit(3)")
        while channels.receive()["content"].get("execution_state") not in (
            "restarting",
            "autorestarting",
        ):
            pass

        # `restarting` is said before the new kernel is there, and ZeroMQ connects each channel
        # again on its own, iopub perhaps last: what the kernel says until then is lost, over
        # TCP as well. The same connection has to come back, and the server to see it.
        def back():
            state = channels.try_run("6*7") == "42" and client.get(f"/api/kernels/{identifier}")
            return state and state.json()["execution_state"] == "idle"

        until(back, what="the new kernel's answer")
        assert channels.run("6*7") == "42"
    assert client.run(identifier, "6*7") == "42"


def test_a_session_changes_its_kernel(kernel):
    client, identifier = kernel
    session = client.session("change.ipynb")
    body = {"id": session["id"], "kernel": {"name": "python3"}}
    changed = client.request("PATCH", f"/api/sessions/{session['id']}", body).json()
    assert changed["kernel"]["id"] != session["kernel"]["id"]
    assert client.run(changed["kernel"]["id"], "6*7") == "42"
    assert client.request("DELETE", f"/api/sessions/{session['id']}").status == 204
    assert identifier in [each["id"] for each in client.get("/api/kernels").json()]


def test_a_second_kernel_is_a_kernel_like_the_first(make):
    client = make().up().client
    client.kernel()
    second = client.kernel()
    test_a_cell_that_runs_for_ever_is_interrupted((client, second))
    test_a_restarted_kernel_keeps_its_id_and_forgets_its_names((client, second))
    test_a_deleted_kernel_is_gone((client, second))


@pytest.mark.parametrize("kind", ["carrel", "stock"])
def test_an_idle_kernel_is_culled_where_that_is_asked_for(kind, make, folder):
    if kind == "carrel":
        client, stop = make(cull_idle_s=1, cull_interval_s=1).up().client, None
    else:
        options = [f"--MappingKernelManager.cull_{name}=1" for name in ("idle_timeout", "interval")]
        stock = Stock(folder, *options).up()
        client, stop = stock.client, stock.stop
    identifier = client.kernel()
    assert client.run(identifier, "6*7") == "42"
    until(lambda: client.get(f"/api/kernels/{identifier}").status == 404, what="the cull")
    if stop:
        stop()
