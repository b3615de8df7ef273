"""run: a notebook's cells through the server, its outputs back in the document."""

import json
import os
import signal
import subprocess
import threading

import pytest
from support import repository, until


def cell(source, kind="code"):
    base = {"cell_type": kind, "id": f"c{abs(hash(source)) % 10**8}", "metadata": {}, "source": source}
    return {**base, "outputs": [], "execution_count": None} if kind == "code" else base


def notebook(*cells, **metadata):
    return {"cells": [c if isinstance(c, dict) else cell(c) for c in cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def write(path, document):
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def outputs(path):
    return [c["outputs"] for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]


def text(output):
    value = output.get("text") or output.get("data", {}).get("text/plain", "")
    return "".join(value)


def validate(home, path):
    """nbformat itself says whether it is a notebook."""
    (python,) = list((home.data / "jupyter").glob("*/bin/python"))[:1]
    script = "import nbformat, sys; nbformat.validate(nbformat.read(sys.argv[1], as_version=nbformat.NO_CONVERT))"
    run = subprocess.run([python, "-c", script, path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.both
def test_outputs_are_written_back(up):
    home, folder, _ = up
    path = write(folder / "a.ipynb", notebook(cell("# Title", "markdown"), "x = 6 * 7\nprint(x)", "x", "import sys; print('bad', file=sys.stderr)", author="me"))
    last = home.run("run", path, "--json").last()
    assert last["event"] == "ran" and last["done"] == last["cells"] == 3 and last["failed_cell"] is None
    one, two, three = outputs(path)
    assert one[0]["output_type"] == "stream" and text(one[0]) == "42\n"
    assert two[0]["output_type"] == "execute_result" and text(two[0]) == "42"
    assert three[0]["name"] == "stderr"
    document = json.loads(path.read_text())
    assert [c.get("execution_count") for c in document["cells"]][1:] == [1, 2, 3]
    assert document["metadata"]["author"] == "me"
    assert document["cells"][0]["source"] in ("# Title", ["# Title"])
    validate(home, path)


def test_a_failing_cell_stops_the_run_with_its_traceback_and_status_1(up):
    home, folder, _ = up
    path = write(folder / "b.ipynb", notebook("print('first')", "def f():\n    return 1 / 0\nf()", "print('never')"))
    result = home.run("run", path, status=1)
    assert "ZeroDivisionError" in result.out + result.err and "division by zero" in result.out + result.err
    assert "never" not in result.out
    one, two, three = outputs(path)
    assert text(one[0]) == "first\n" and two[0]["output_type"] == "error" and two[0]["ename"] == "ZeroDivisionError" and three == []
    last = home.run("run", path, "--json", status=1).events()
    (ran,) = [event for event in last if event["event"] == "ran"]
    assert ran["failed_cell"] == 2 and ran["error"]["name"] == "ZeroDivisionError" and ran["error"]["traceback"]
    validate(home, path)


def test_a_cell_that_may_fail_does_not_stop_the_run(up):
    home, folder, _ = up
    allowed = cell("1 / 0")
    allowed["metadata"]["tags"] = ["raises-exception"]
    path = write(folder / "c.ipynb", notebook(allowed, "print('after')"))
    home.run("run", path)
    assert text(outputs(path)[1][0]) == "after\n"


def test_ctrl_c_interrupts_the_kernel_and_keeps_what_was_there(up):
    home, folder, _ = up
    path = write(folder / "d.ipynb", notebook("print('done before')", "import time\nprint('sleeping', flush=True)\ntime.sleep(1000)", "print('never')"))
    process = home.popen("run", path, "--json")
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)
    reader.start()
    until(lambda: any("sleeping" in line and '"output"' in line for line in lines), 60, "the second cell's output")
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    assert process.returncode == 130
    one, two, three = outputs(path)
    assert text(one[0]) == "done before\n" and three == []
    assert any(o.get("ename") == "KeyboardInterrupt" for o in two)
    until(lambda: all(k["execution_state"] != "busy" for k in home.client("lesson").get("/api/kernels").json()), 20, "an idle kernel")
    validate(home, path)


@pytest.mark.timeout(300)
def test_a_killed_run_leaves_the_document_whole(up):
    home, folder, _ = up
    path = write(folder / "e.ipynb", notebook(*[f"print({i} * 'x' * 1000)" for i in range(40)]))
    before = json.loads(path.read_text())
    process = home.popen("run", path, "--json")
    count = 0
    for line in iter(process.stdout.readline, ""):
        count += '"cell"' in line
        if count == 10:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    document = json.loads(path.read_text())
    assert [c["source"] for c in document["cells"]] == [c["source"] for c in before["cells"]]
    assert [p.name for p in folder.iterdir() if p.name.startswith("e.ipynb") or ".e.ipynb" in p.name] == ["e.ipynb"]
    home.run("run", path)
    assert len(outputs(path)) == 40 and all(outputs(path))


def test_the_documents_mode_is_kept(up):
    home, folder, _ = up
    path = write(folder / "f.ipynb", notebook("1"))
    path.chmod(0o640)
    home.run("run", path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_clear_output_and_updated_displays_are_as_in_the_page(up):
    home, folder, _ = up
    path = write(
        folder / "g.ipynb",
        notebook(
            "from IPython.display import clear_output, display, update_display\nprint('gone')\nclear_output(wait=True)\nprint('stays')",
            "display('old', display_id='d')\nupdate_display('new', display_id='d')",
            "for i in range(3): print(i, end='')",
        ),
    )
    home.run("run", path)
    one, two, three = outputs(path)
    assert [text(o) for o in one] == ["stays\n"]
    assert [text(o) for o in two] == ["'new'"]
    assert [text(o) for o in three] == ["012"]


def test_input_without_a_terminal_is_an_error_not_a_hang(up):
    home, folder, _ = up
    path = write(folder / "h.ipynb", notebook("input('name? ')"))
    result = home.run("run", path, status=None, timeout=60)
    assert result.status == 1
    assert outputs(path)[0]


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"cells": 3, "nbformat": 4, "nbformat_minor": 5}', '{"worksheets": [], "nbformat": 3, "nbformat_minor": 0}'])
def test_what_is_no_notebook_is_refused_and_left_alone(up, content):
    home, folder, _ = up
    path = folder / "broken.ipynb"
    path.write_text(content)
    result = home.run("run", path, status=None)
    assert result.status in (1, 2, 3) and "broken.ipynb" in result.err
    assert path.read_text() == content


def test_a_notebook_that_is_not_there_is_named(up):
    home, folder, _ = up
    result = home.run("run", folder / "missing.ipynb", status=None)
    assert result.status in (1, 2, 3) and "missing.ipynb" in result.err


def test_in_names_the_workspace(up, tmp_path):
    home, _, _ = up
    path = write(tmp_path / "elsewhere.ipynb", notebook("print(6 * 7)"))
    home.run("run", path, "--in", "lesson")
    assert text(outputs(path)[0][0]) == "42\n"
    result = home.run("run", path, status=None)
    assert result.status == 2 and "--in" in result.err


def test_a_stopped_workspace_is_said_with_the_next_step(home):
    folder = home.folder("lesson")
    home.up(folder)
    home.run("stop", "lesson")
    path = write(folder / "a.ipynb", notebook("print(1)"))
    result = home.run("run", path, status=None)
    assert result.status == 1 and "carrel start lesson" in result.err
    assert outputs(path) == [[]]


def test_a_notebook_that_is_changed_meanwhile_is_not_overwritten(up):
    home, folder, _ = up
    path = write(folder / "j.ipynb", notebook("print('mine')", "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)"))
    process = home.popen("run", path, "--json")
    until(lambda: '"mine' in path.read_text() or any('"output"' in line for line in iter(process.stdout.readline, "")), 60, "the first output")
    changed = write(path, notebook("print('changed')")).read_text()
    (folder / "go").touch()
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1 and "j-run.ipynb" in words and "changed while it ran" in words
    assert path.read_text() == changed
    assert text(outputs(folder / "j-run.ipynb")[0][0]) == "mine\n"


def test_on_a_terminal_there_is_a_bar(up):
    home, folder, _ = up
    path = write(folder / "i.ipynb", notebook(*["import time; time.sleep(0.05)"] * 5))
    status, shown = home.on_terminal("run", path)
    assert status == 0 and "5/5" in shown.replace(" of ", "/"), shown


@pytest.mark.timeout(300)
def test_the_digits_example_trains(home):
    folder = home.path / "digits"
    subprocess.run(["cp", "-r", repository / "examples/digits", folder], check=True)
    home.up(folder)
    home.run("run", folder / "train.ipynb", timeout=240)
    images = [o for cell in outputs(folder / "train.ipynb") for o in cell if "image/png" in o.get("data", {})]
    assert images, "loss and accuracy are plotted"


def test_the_hello_example_runs_to_its_end(home):
    folder = home.path / "hello"
    subprocess.run(["cp", "-r", repository / "examples/hello", folder], check=True)
    home.up(folder)
    home.run("run", folder / "hello.ipynb")
    assert all(o.get("output_type") != "error" for cell in outputs(folder / "hello.ipynb") for o in cell)
