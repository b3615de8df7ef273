"""Environments: found in the folder or named, templates that never change, copies that may, interpreters that are left alone."""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest
from support import tree_digest

# A kernel's child must not see what Carrel added for the kernel alone.
seen_by_kernel = "import json, sys, IPython, ipykernel; print(json.dumps([sys.prefix, IPython.__version__, ipykernel.__file__]))"
seen_by_child = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'import json, os, sys; print(json.dumps([sys.path, dict(os.environ)]))'], capture_output=True, text=True).stdout)"


def kernel(home, name):
    client = home.client(name)
    number = client.kernel()
    return lambda code: client.run(number, code)


def make_venv(path, *packages):
    subprocess.run(["/usr/bin/python3", "-m", "venv", path], check=True)
    if packages:
        subprocess.run([path / "bin/pip", "install", "-q", *packages], check=True)
    return path


@pytest.fixture(scope="session")
def old_venv(tmp_path_factory):
    """ipython 7.34 and traitlets 5.1, whose ipykernel is missing."""
    return make_venv(tmp_path_factory.mktemp("old") / "venv", "ipython==7.34.0", "traitlets==5.1.1")


@pytest.fixture(scope="session")
def bare_venv(tmp_path_factory):
    return make_venv(tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture(scope="session")
def kernel_venv(tmp_path_factory):
    return make_venv(tmp_path_factory.mktemp("own") / "venv", "ipykernel")


def ignoring_bytecode(folder):
    return tree_digest(folder, ignore=(r"__pycache__",))


def test_minimal_is_the_default_and_has_what_it_promises(up):
    home, _, ready = up
    run = kernel(home, "lesson")
    assert run("import numpy, matplotlib, sklearn; print(6 * 7)") == "42"
    assert "minimal" in ready["environment"]


def test_requirements_txt_is_found_and_installed(home):
    folder = home.folder("lesson", {"requirements.txt": "six==1.16.0\n"})
    assert "requirements.txt" in home.up(folder)["environment"]
    assert kernel(home, "lesson")("import six; print(six.__version__)") == "1.16.0"


def test_pyproject_is_found_and_its_dependencies_installed(home):
    text = '[project]\nname = "lesson"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["six==1.16.0"]\n'
    home.up(home.folder("lesson", {"pyproject.toml": text}))
    assert kernel(home, "lesson")("import six; print(six.__version__)") == "1.16.0"


def test_uv_lock_is_installed_as_it_stands(home):
    text = '[project]\nname = "lesson"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["six>=1.15"]\n'
    folder = home.folder("lesson", {"pyproject.toml": text})
    (uv,) = home.data.glob("uv-*/bin/uv")
    # Not the newest that the project allows, so that only the lock can be the reason.
    subprocess.run([uv, "lock", "-q", "--resolution", "lowest"], cwd=folder, env=home.environment({"UV_PYTHON_DOWNLOADS": "never"}), check=True)
    lock = (folder / "uv.lock").read_text()
    assert "uv.lock" in home.up(folder)["environment"]
    (locked,) = re.findall(r'name = "six"\nversion = "(.*)"', lock)
    assert kernel(home, "lesson")("import six; print(six.__version__)") == locked
    assert (folder / "uv.lock").read_text() == lock and not (folder / ".venv").exists()


def test_python_version_chooses_the_python(home):
    version = subprocess.run(["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True).stdout.strip()
    home.up(home.folder("lesson", {".python-version": version + "\n"}))
    assert kernel(home, "lesson")("import sys; print('%d.%d' % sys.version_info[:2])") == version


def test_a_file_of_a_folder_below_can_be_named(home):
    folder = home.folder("lesson", {"sub/requirements.txt": "-r more.txt\n", "sub/more.txt": "six==1.16.0\n"})
    home.up(folder, "--environment", "sub/requirements.txt")
    assert kernel(home, "lesson")("import six; print(six.__version__)") == "1.16.0"


def test_a_preset_can_be_named(home):
    folder = home.folder("lesson", {"requirements.txt": "six==1.16.0\n"})
    assert "minimal" in home.up(folder, "--environment", "minimal")["environment"]


@pytest.mark.parametrize(
    "files, status, expected",
    [
        ({"requirements.txt": "six==1.16.0\nno-such-package-for-carrel==1\n"}, 3, ["requirements.txt", "no-such-package-for-carrel"]),
        ({"requirements.txt": "six==1.16.0\nsix==1.15.0\n"}, 3, ["requirements.txt", "six"]),
        ({"requirements.txt": "six===\n"}, 2, ["requirements.txt"]),
        ({"pyproject.toml": "[project\nname = 3\n"}, 2, ["pyproject.toml:1"]),
        ({"uv.lock": "version = 1\n"}, 2, ["uv.lock", "pyproject.toml"]),
        ({"environment.yml": "name: x\ndependencies: [python, numpy]\n"}, 3, ["environment.yml", "conda"]),
        ({".python-version": "2.7\n"}, 3, [".python-version", "2.7"]),
        ({".python-version": "3.99\n"}, 3, [".python-version", "3.99"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_made_is_said_in_uvs_words(home, files, status, expected):
    result = home.run("up", home.folder("lesson", files), status=status)
    for piece in expected:
        assert piece in result.err, result
    assert home.processes() == []


def test_the_mended_file_is_taken_by_the_next_up(home):
    folder = home.folder("lesson", {"requirements.txt": "no-such-package-for-carrel\n"})
    home.run("up", folder, status=3)
    (folder / "requirements.txt").write_text("six==1.16.0\n")
    home.up(folder)
    assert kernel(home, "lesson")("import six; print(six.__version__)") == "1.16.0"


# An interpreter or environment that exists: used, never changed.


def check_existing(home, python, prefix, before, own_kernel=False):
    folder = home.folder("lesson")
    home.up(folder, "--environment", str(python))
    run = kernel(home, "lesson")
    got_prefix, _, kernel_file = json.loads(run(seen_by_kernel))
    assert got_prefix == str(prefix)
    assert kernel_file.startswith(str(prefix)) == own_kernel
    path, env = json.loads(run(seen_by_child))
    if not own_kernel:
        overlay = str(home.data)
        assert not [entry for entry in path if entry.startswith(overlay)]
        assert overlay not in env.get("PYTHONPATH", "")
    name = "python" if os.path.exists(f"{prefix}/bin/python") else "python3"  # Debian has no /usr/bin/python
    assert home.run("exec", "lesson", "--", name, "-c", "import sys; print(sys.prefix)").out.strip() == str(prefix)
    home.run("stop", "lesson")
    if before is not None:
        assert ignoring_bytecode(prefix) == before


def test_a_venv_with_old_ipython_gets_a_kernel_that_fits_and_stays_as_it_was(home, old_venv):
    before = ignoring_bytecode(old_venv)
    folder = home.folder("lesson")
    home.up(folder, "--environment", str(old_venv))
    run = kernel(home, "lesson")
    prefix, ipython, _ = json.loads(run(seen_by_kernel))
    assert (prefix, ipython) == (str(old_venv), "7.34.0")
    assert run("import traitlets; print(traitlets.__version__)") == "5.1.1"
    home.run("stop", "lesson")
    assert ignoring_bytecode(old_venv) == before


def test_a_venv_without_ipykernel_stays_as_it_was(home, bare_venv):
    check_existing(home, bare_venv, bare_venv, ignoring_bytecode(bare_venv))


def test_a_venv_with_its_own_ipykernel_uses_that(home, kernel_venv):
    check_existing(home, kernel_venv, kernel_venv, ignoring_bytecode(kernel_venv), own_kernel=True)


def test_a_venv_can_be_named_by_its_python(home, bare_venv):
    check_existing(home, bare_venv / "bin/python", bare_venv, ignoring_bytecode(bare_venv))


def test_debians_own_python_is_used_and_not_changed(home):
    site = Path("/usr/lib/python3/dist-packages")
    before = ignoring_bytecode(site)
    check_existing(home, "/usr/bin/python3", "/usr", None)
    assert ignoring_bytecode(site) == before


def test_a_read_only_venv_is_used(home, tmp_path):
    venv = make_venv(tmp_path / "venv")
    subprocess.run(["chmod", "-R", "a-w", venv], check=True)
    try:
        if os.geteuid() == 0:
            # Permissions do not hold root back; a read-only mount does.
            script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
            home.run("up", home.folder("lesson"), "--environment", venv, "--json", prefix=("unshare", "--mount", "sh", "-c", script, str(venv)))
            assert kernel(home, "lesson")("import sys; print(sys.prefix)") == str(venv)
        else:
            check_existing(home, venv, venv, ignoring_bytecode(venv))
    finally:
        home.run("stop", "--all", status=None)
        subprocess.run(["chmod", "-R", "u+w", venv], check=True)


@pytest.mark.parametrize("what", ["/no/such/python", "/etc/passwd", "/bin/true"])
def test_an_interpreter_that_is_none_is_named(home, what):
    result = home.run("up", home.folder("lesson"), "--environment", what, status=None)
    assert result.status in (2, 3) and what in result.err


# The template and its copies.


def shares_blocks(path):
    shown = subprocess.run(["filefrag", "-v", path], capture_output=True, text=True)
    return "shared" in shown.stdout


def templates(home):
    return home.cache / "templates"


def test_what_a_notebook_installs_changes_this_workspace_alone(home):
    one, two = home.folder("one"), home.folder("two")
    home.up(one), home.up(two)
    before = tree_digest(templates(home), ignore=(r"(^|/)\.?used", r"\.lock$", r"__pycache__"))
    run = kernel(home, "one")
    assert "Successfully" in run("%pip install -q --disable-pip-version-check six==1.16.0\nprint('Successfully')")
    home.run("exec", "one", "--", "python", "-m", "pip", "install", "-q", "idna==3.4")
    home.run("exec", "one", "--", "uv", "pip", "install", "-q", "sniffio==1.3.0")
    assert kernel(home, "one")("import six, idna, sniffio; print(six.__version__, idna.__version__)") == "1.16.0 3.4"
    assert home.run("exec", "two", "--", "python", "-c", "import sniffio", status=None).status == 1
    added = " ".join(home.status("one")["added_by_hand"])
    for name in ("idna 3.4", "sniffio 1.3.0"):
        assert name in added
    assert home.status("two")["added_by_hand"] == []
    assert "sniffio" in home.run("status", "one").out
    # The copies take no space of their own: one file, several names (or shared blocks, where the disk can do that).
    module = next((home.data / "environments" / home.workspace("one")["id"]).glob("*/lib/python3*/site-packages/numpy/__init__.py"))
    assert module.stat().st_nlink >= 3 or shares_blocks(module)
    # An upgrade replaces files that the copies share by hard links: the template must not move.
    home.run("exec", "one", "--", "python", "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", "threadpoolctl")
    assert tree_digest(templates(home), ignore=(r"(^|/)\.?used", r"\.lock$", r"__pycache__")) == before


def test_hand_made_changes_stay_over_a_restart(home):
    folder = home.folder("lesson")
    home.up(folder)
    home.run("exec", "lesson", "--", "uv", "pip", "install", "-q", "sniffio==1.3.0")
    home.run("stop", "lesson")
    home.up(folder)
    assert kernel(home, "lesson")("import sniffio; print(sniffio.__version__)") == "1.3.0"


def test_uv_add_works_in_exec(home):
    text = '[project]\nname = "lesson"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = []\n'
    folder = home.folder("lesson", {"pyproject.toml": text})
    home.up(folder)
    home.run("exec", "lesson", "--", "uv", "add", "-q", "sniffio==1.3.0")
    assert "sniffio" in (folder / "pyproject.toml").read_text()
    assert kernel(home, "lesson")("import sniffio; print(sniffio.__version__)") == "1.3.0"
    assert "Installed" in kernel(home, "lesson")("!uv add idna==3.4 2>&1 | cat")
    assert kernel(home, "lesson")("import idna; print(idna.__version__)") == "3.4"
    assert not (folder / ".venv").exists()


def test_two_commands_that_need_one_template_build_it_once(homes):
    home = homes()
    # A key that nobody has built before.
    marker = f"# {home.path.name}\nsix==1.16.0\nidna==3.4\n"
    one, two = (home.folder(name, {"requirements.txt": marker}) for name in ("one", "two"))
    before = {path.name for path in templates(home).glob("*")}
    results = []
    threads = [threading.Thread(target=lambda f=f: results.append(home.run("up", f, "--json"))) for f in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.last()["event"] for result in results] == ["ready", "ready"]
    made = {path.name for path in templates(home).glob("*") if not path.name.startswith(".") and path.is_dir()} - before
    assert len(made) <= 1, made


def test_the_cache_shows_sizes_and_prunes_what_nobody_uses(fresh_home):
    home = fresh_home
    one = home.folder("one", {"requirements.txt": "six==1.16.0\n"})
    two = home.folder("two", {"requirements.txt": "idna==3.4\n"})
    home.up(one), home.up(two)
    entries = home.run("cache", "--json").json()["entries"]
    found = {tuple(e["used_by"]): e for e in entries if e["what"] == "template"}
    assert ("one",) in found and ("two",) in found and all(e["bytes"] > 100_000 for e in found.values())
    home.run("rm", "two", "--yes")
    home.run("cache", "--prune", "--yes")
    entries = home.run("cache", "--json").json()["entries"]
    assert [e["used_by"] for e in entries if e["what"] == "template"] == [["one"]]
    assert kernel(home, "one")("import six; print(six.__version__)") == "1.16.0"
    home.run("stop", "one")
    home.up(one)
