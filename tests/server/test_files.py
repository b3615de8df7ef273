"""A file that is saved is whole at every moment, and stays the file that it was."""

import base64
import json
import os
import signal
import stat
import subprocess
import threading
import time

import pytest
from client import until


def notebook(mark, cells=1):
    """About 100 kB for each cell."""
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "x",
        "metadata": {},
        "outputs": [],
        "source": f"{mark} " * 25000,
    }
    return {
        "cells": [{**cell, "id": f"c{number}"} for number in range(cells)],
        "metadata": {"mark": mark},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def save(client, path, content, kind="notebook", form="json", **more):
    body = {"type": kind, "format": form, "content": content, **more}
    answer = client.request("PUT", f"/api/contents/{path}", body)
    assert answer.status in (200, 201), answer.body


def aside(folder):
    return [name for name in os.listdir(folder) if name.startswith(".~")]


def test_a_server_killed_while_it_saves_leaves_a_whole_notebook(make):
    workspace = make(early_kernel=False).up()
    path = workspace.root / "big.ipynb"
    save(workspace.client, "big.ipynb", notebook("mark1", 20))
    looks, broken, stop = [0], [], threading.Event()

    def look():
        while not stop.is_set():
            try:
                json.loads(path.read_bytes())
                looks[0] += 1
            except (OSError, ValueError) as error:
                broken.append(repr(error))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(4):
            if number:
                workspace.up()
                assert workspace.client.get("/api").status == 200
            content = [notebook(f"mark{mark}", 20) for mark in (number, number + 1)]

            def keep_saving():
                try:
                    for turn in range(1000):
                        save(workspace.client, "big.ipynb", content[turn % 2])
                except (OSError, ValueError):
                    pass  # the server is dead

            writer = threading.Thread(target=keep_saving)
            before = path.stat().st_mtime_ns
            writer.start()
            until(lambda: path.stat().st_mtime_ns != before, what="a save")
            until(lambda: aside(workspace.root), what="a save that is under way")
            os.kill(workspace.server_pid(), signal.SIGKILL)
            writer.join()
            workspace.gone()
            json.loads(path.read_bytes())
    finally:
        stop.set()
        watcher.join()
    assert not broken and looks[0] > 3
    old = time.time() - 3600
    for name in aside(workspace.root):
        os.utime(workspace.root / name, (old, old))
    workspace.up()
    save(workspace.client, "big.ipynb", notebook("after"))
    assert json.loads(path.read_bytes())["metadata"]["mark"] == "after"
    assert len(aside(workspace.root)) < 4


def test_what_is_saved_keeps_its_mode_its_link_its_names_and_its_owner(make):
    workspace = make(early_kernel=False).up()
    root, client = workspace.root, workspace.client
    (root / "far").mkdir()
    for number, (name, mode) in enumerate((("run.sh", 0o755), ("own.py", 0o600), ("x.py", 0o664))):
        (root / name).write_text("old")
        (root / name).chmod(mode)
        if os.geteuid() == 0:
            os.chown(root / name, 1000 + number, 2000)
        save(client, name, "new", "file", "text")
        status = (root / name).stat()
        assert (root / name).read_text() == "new" and stat.S_IMODE(status.st_mode) == mode
        if os.geteuid() == 0:
            assert (status.st_uid, status.st_gid) == (1000 + number, 2000)
    save(client, "fresh.txt", "new", "file", "text")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((root / "fresh.txt").stat().st_mode) == 0o666 & ~umask
    # links: two of them to one file, and one to nothing yet
    (root / "far" / "real.ipynb").write_text("{}")
    (root / "middle").symlink_to("far/real.ipynb")
    (root / "link.ipynb").symlink_to(root / "middle")
    (root / "later.txt").symlink_to("far/later.txt")
    save(client, "link.ipynb", notebook("linked"))
    save(client, "later.txt", "there", "file", "text")
    assert (root / "link.ipynb").is_symlink() and (root / "middle").is_symlink()
    assert json.loads((root / "far" / "real.ipynb").read_text())["metadata"]["mark"] == "linked"
    assert (root / "later.txt").is_symlink() and (root / "far/later.txt").read_text() == "there"
    # a second name is a second name of the same file afterwards
    (root / "one.txt").write_text("old")
    os.link(root / "one.txt", root / "two.txt")
    save(client, "one.txt", "new", "file", "text")
    assert (root / "two.txt").read_text() == "new"
    assert not aside(root) and not aside(root / "far")


def test_uploads_checkpoints_and_line_ends_are_as_in_stock(make, stock_server):
    workspace = make(early_kernel=False).up()
    data = os.urandom(3000)
    for client, root in (
        (workspace.client, workspace.root),
        (stock_server.client, stock_server.root),
    ):
        for number, piece in ((1, data[:1000]), (2, data[1000:2000]), (-1, data[2000:])):
            encoded = base64.b64encode(piece).decode()
            save(client, "up.bin", encoded, "file", "base64", chunk=number)
        assert (root / "up.bin").read_bytes() == data
        save(client, "whole.bin", base64.b64encode(data).decode(), "file", "base64")
        assert (root / "whole.bin").read_bytes() == data
        save(client, "lines.txt", "a\r\nb\n\u00e4", "file", "text")
        assert (root / "lines.txt").read_bytes() == "a\r\nb\n\u00e4".encode()
        save(client, "x.ipynb", notebook("first"))
        identifier = client.post("/api/contents/x.ipynb/checkpoints").json()["id"]
        save(client, "x.ipynb", notebook("second"))
        answer = client.post(f"/api/contents/x.ipynb/checkpoints/{identifier}")
        assert answer.status == 204
        assert client.get("/api/contents/x.ipynb").json()["content"]["metadata"]["mark"] == "first"
    same = [(folder / "x.ipynb").read_bytes() for folder in (workspace.root, stock_server.root)]
    assert same[0] == same[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_a_full_disk_and_a_file_mounted_by_itself(make):
    workspace = make(early_kernel=False).up()
    small = workspace.root / "small"
    small.mkdir()
    (workspace.root / "outside.txt").write_text("old")
    mounted = []

    def mount(*arguments):
        if subprocess.run(["mount", *arguments], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        mounted.append(arguments[-1])

    try:
        mount("-t", "tmpfs", "-o", "size=1m", "none", str(small))
        save(workspace.client, "small/x.txt", "old", "file", "text")
        body = {"type": "file", "format": "text", "content": "x" * 3_000_000}
        assert workspace.client.request("PUT", "/api/contents/small/x.txt", body).status == 500
        assert (small / "x.txt").read_text() == "old" and not aside(small)
        (workspace.root / "bound.txt").write_text("")
        mount("--bind", str(workspace.root / "outside.txt"), str(workspace.root / "bound.txt"))
        save(workspace.client, "bound.txt", "new", "file", "text")
        assert (workspace.root / "outside.txt").read_text() == "new" and not aside(workspace.root)
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", place], check=True)
