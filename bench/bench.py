"""bench.py [start] [page] [command] [environment] [build]: measures, and prints a table with the rival and the ratio.

Pairs are taken in turn, so that a slow minute of the machine meets both sides; the table has medians. See README.md.
"""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(root / "tests" / "cli"), str(root / "tests" / "browser")]
from support import Client, Home, program, warm  # noqa: E402

rows = []  # (what, ours, rival, unit, limit as a ratio or as a value, text)
bench = root / "build" / "bench"
notebook = {
    "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": [], "execution_count": None}],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def row(what, ours, rival_name, rival, unit, goal):
    ratio = f"{ours / rival:.2f} ×" if rival else "–"
    shown = f"{rival_name}: {rival:.3g} {unit}" if rival else "–"
    rows.append((what, f"{ours:.3g} {unit}", shown, ratio, goal))


def uv():
    (found,) = list((warm / "data/carrel").glob("uv-*/bin/uv"))[:1]
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ByHand:
    """`jupyter lab` as a person starts it: the same packages, installed with compiled bytecode, stock settings."""

    def __init__(self, home):
        self.home, self.venv, self.token = home, bench / "by-hand", "0123456789abcdef0123456789abcdef"
        if not (self.venv / "done").exists():
            note("making the rival's environment")
            shutil.rmtree(self.venv, ignore_errors=True)
            env = {**os.environ, "UV_CACHE_DIR": str(warm / "cache/carrel/uv")}
            subprocess.run([uv(), "venv", "-q", "--python", "/usr/bin/python3", self.venv], check=True, env=env)
            install = [uv(), "pip", "install", "-q", "--compile-bytecode", "--python", self.venv / "bin/python"]
            subprocess.run([*install, "--require-hashes", "-r", root / "src/jupyter/server/requirements.txt"], check=True, env=env)
            subprocess.run([*install, "ipykernel", "numpy", "matplotlib", "scikit-learn"], check=True, env=env)
            (self.venv / "done").touch()

    def start(self, folder):
        self.port = free_port()
        argv = [self.venv / "bin/jupyter", "lab", "--no-browser", f"--ServerApp.port={self.port}", f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={folder}"]
        env = self.home.environment({"PATH": f"{self.venv}/bin:" + self.home.env["PATH"]})
        if os.geteuid() == 0:
            argv.append("--allow-root")
        self.process = subprocess.Popen(argv, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.client = Client(("127.0.0.1", self.port), self.token)

    def answers(self):
        while True:
            try:
                if self.client.get("/api").status == 200:
                    return
            except OSError:
                assert self.process.poll() is None, "jupyter lab ended"
            time.sleep(0.005)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start(rounds=9):
    """`up` of a stopped workspace whose environment exists, to the first cell's result."""
    home, ours, theirs = Home(), [], []
    try:
        folder = home.folder("lesson", {"first.ipynb": json.dumps(notebook), "carrel.toml": 'notebook = "first.ipynb"\n'})
        home.up(folder)
        by_hand = ByHand(home)
        for turn in range(rounds + 1):
            home.run("stop", "lesson")
            begin = time.monotonic()
            process = home.popen("up", folder, "--json", cwd=folder)
            for line in process.stdout:
                if '"ready"' in line and json.loads(line)["proof"]["output"] == "42":
                    took = time.monotonic() - begin
            process.wait()
            begin = time.monotonic()
            by_hand.start(folder)
            by_hand.answers()
            kernel = by_hand.client.session("first.ipynb")["kernel"]["id"]
            assert by_hand.client.run(kernel, "6*7") == "42"
            other = time.monotonic() - begin
            by_hand.stop()
            if turn:  # the first of each fills the page cache
                ours.append(took), theirs.append(other)
            note(f"first cell: {took:.3f} s, by hand {other:.3f} s")
    finally:
        home.clean()
    row("`up` of a stopped workspace to the first cell's result", statistics.median(ours), "`jupyter lab` by hand", statistics.median(theirs), "s", "at most 0.27 ×, aim 0.2 ×")


def page(rounds=5):
    """From the command to a cell's output read in Chromium."""
    from lab import opened, panel, run_cell
    from playwright.sync_api import expect, sync_playwright

    def read_output(tab, address):
        tab.goto(address)
        opened(tab)
        run_cell(tab, "print(6 * 7)")
        expect(tab.locator(panel + ".jp-OutputArea-output").filter(has_text="42").first).to_be_visible()

    home, ours, theirs = Home(), [], []
    try:
        files = {"first.ipynb": json.dumps(notebook), "carrel.toml": 'notebook = "first.ipynb"\n'}
        folder = home.folder("lesson", files)
        home.up(folder)
        by_hand = ByHand(home)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"])

            def timed(begin_at):
                home.folder("lesson", files)
                with tempfile.TemporaryDirectory():
                    context = browser.new_context(viewport={"width": 1280, "height": 860})
                    tab = context.new_page()
                    begin = time.monotonic()
                    read_output(tab, begin_at())
                    took = time.monotonic() - begin
                    context.close()
                    return took

            def carrel():
                status, text = home.on_terminal("up", folder)
                assert status == 0, text
                return re.search(r"https?://[^\s\x1b]+/carrel/ticket/[\w-]+", text).group(0)

            def hand():
                by_hand.start(folder)
                by_hand.answers()
                return f"http://127.0.0.1:{by_hand.port}/lab/tree/first.ipynb?token={by_hand.token}"

            for turn in range(rounds + 1):
                home.run("stop", "lesson")
                took = timed(carrel)
                other = timed(hand)
                by_hand.stop()
                if turn:
                    ours.append(took), theirs.append(other)
                note(f"page: {took:.2f} s, by hand {other:.2f} s")
            browser.close()
    finally:
        home.clean()
    row("`up` to a cell's output read in Chromium", statistics.median(ours), "`jupyter lab` by hand", statistics.median(theirs), "s", "at most 0.8 ×")


def spawn(home, *argv, rounds=200):
    words = subprocess.run([bench / "spawn_time", str(rounds), *argv], env=home.environment(), capture_output=True, text=True, check=True).stdout.split()
    return int(words[0]) / 1000, int(words[1]) / 1024


def many_workspaces(home, count):
    """A journal with this many stopped workspaces, each like the one that is there."""
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    with sqlite3.connect(home.state / "journal.db") as database:
        tables = {name: [c[1] for c in database.execute(f"pragma table_info({name})")] for name in ("workspace", "machine", "server")}
        (first,) = database.execute("select id from workspace").fetchone()
        for number in range(1, count):
            tail = "".join(letters[number >> shift & 31] for shift in (15, 10, 5, 0))
            new = {"id": first[:-4] + tail, "workspace": first[:-4] + tail, "name": f"workspace-{number}", "folder": f"/home/reader/courses/{number}", "token": f"token-{number}"}
            for table, columns in tables.items():
                values = ", ".join("?" if c in new else c for c in columns)
                key = "id" if table == "workspace" else "workspace"
                database.execute(f"insert into {table} select {values} from {table} where {key} = ?", [new[c] for c in columns if c in new] + [first])
    database.close()


def command():
    """How long the smallest commands take, from posix_spawn to wait."""
    home = Home()
    try:
        true, _ = spawn(home, "/bin/true")
        took, memory = spawn(home, program, "--version")
        row("`carrel --version`", took, "`true`", true, "ms", "at most 3 ms")
        folder = home.folder("lesson")
        home.up(folder)
        home.run("stop", "lesson")
        many_workspaces(home, 1000)
        assert len(home.workspaces()) == 1000
        took, memory = spawn(home, program, "ls")
        row("`carrel ls`, 1,000 workspaces in the journal", took, "`true`", true, "ms", "at most 10 ms")
        rows.append(("… its peak memory", f"{memory:.1f} MB", "–", "–", "at most 15 MB"))
        with sqlite3.connect(home.state / "journal.db") as database:
            database.execute("delete from workspace where name != 'lesson'")
            for table in ("machine", "server"):
                database.execute(f"delete from {table} where workspace not in (select id from workspace)")
        database.close()
    finally:
        home.clean()


def environment(rounds=8):
    """The first environment on an empty cache, beside uv alone with the same options."""
    ours, theirs = [], []
    requirements = "numpy\nmatplotlib\nscikit-learn\n"

    def carrel(home):
        events = home.run("up", home.folder("lesson"), "--json").events()
        (end,) = [e for e in events if e["event"] == "phase" and e["phase"] == "environment" and e["state"] == "end"]
        return end["elapsed_ms"] / 1000

    def alone(home):
        prefix = home.path / "alone"
        (home.path / "r.txt").write_text(requirements)
        env = home.environment({"UV_CACHE_DIR": str(home.path / "uv-cache")})
        begin = time.monotonic()
        subprocess.run([uv(), "venv", "--quiet", "--relocatable", "--no-project", "--python", "/usr/bin/python3", prefix], check=True, env=env)
        subprocess.run([uv(), "pip", "install", "-q", "--python", prefix / "bin/python", "--compile-bytecode", "-r", home.path / "r.txt", "ipykernel", "pip"], check=True, env=env)
        return time.monotonic() - begin

    for turn in range(rounds):
        home = Home()
        try:
            home.run("--version")
            home.env["XDG_CACHE_HOME"] = str(home.path / "cache")
            home.cache = home.path / "cache/carrel"
            # Who asks the index first finds it slower.
            took = {side: side(home) for side in ((carrel, alone) if turn % 2 else (alone, carrel))}
            note(f"environment: {took[carrel]:.2f} s, uv alone {took[alone]:.2f} s")
            if turn:
                ours.append(took[carrel])
                theirs.append(took[alone])
        finally:
            home.clean()
    row("first environment (minimal), empty cache", statistics.median(ours), "uv alone, same options", statistics.median(theirs), "s", "at most 1.05 ×")


def build():
    """A clean release build on two cores, without ccache."""
    folder = bench / "build"
    shutil.rmtree(folder, ignore_errors=True)
    env = {**os.environ, "CCACHE_DISABLE": "1"}
    begin = time.monotonic()
    subprocess.run(["cmake", "-S", root, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"], check=True, env=env, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", folder, "--quiet", "-j2"], check=True, env=env)
    row("clean release build, -O2, two jobs, no ccache", time.monotonic() - begin, "", 0, "s", "under 240 s")
    shutil.rmtree(folder, ignore_errors=True)


def main(wanted):
    for part in (start, page, command, environment, build):
        if not wanted or part.__name__ in wanted:
            note(f"{part.__name__}: {part.__doc__}")
            part()
    head = ("", "Carrel", "rival", "ratio", "goal")
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ("---",) * 5, *rows)]
    text = "\n".join(lines) + "\n"
    (bench / "results.md").write_text(text)
    print(text)


main(sys.argv[1:])
