"""pictures.py FOLDER: terminal.png and notebook.png from real runs (scripts/pictures calls it)."""

import html
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "tests" / "cli"))
from playwright.sync_api import expect, sync_playwright  # noqa: E402
from support import Home, program, until  # noqa: E402

columns, lines = 100, 24
colours = {"31": "#f47067", "32": "#8ddb8c", "33": "#daaa3f", "34": "#6cb6ff", "35": "#dcbdfb", "36": "#76e3ea", "90": "#768390"}
frame = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #fff }}
#t {{ display: inline-block; margin: 18px; border-radius: 9px; background: #22272e; color: #d7dde4; box-shadow: 0 4px 16px #0005 }}
#b {{ padding: 10px 14px 2px }} #b i {{ display: inline-block; width: 11px; height: 11px; border-radius: 6px; margin-right: 7px; background: #545d68 }}
pre {{ font: 15px/1.42 "DejaVu Sans Mono", monospace; margin: 0; padding: 8px 18px 18px; }}
</style><div id="t"><div id="b"><i></i><i></i><i></i></div><pre>{}</pre></div>"""


def to_html(screen):
    """SGR colours as spans (ECMA-48 8.3.117): what tmux's capture-pane -e writes."""
    result, style = "", {}
    for piece in re.split(r"(\x1b\[[\d;]*m)", screen.replace("\x1b(B", "")):
        if piece.startswith("\x1b["):
            for code in (piece[2:-1] or "0").split(";"):
                if code in ("0", ""):
                    style = {}
                elif code == "1":
                    style["font-weight"] = "bold"
                elif code == "2":
                    style["opacity"] = "0.6"
                elif code == "39":
                    style.pop("color", None)
                elif code in colours:
                    style["color"] = colours[code]
        elif piece:
            text = html.escape(piece)
            css = ";".join(f"{name}:{value}" for name, value in style.items())
            result += f'<span style="{css}">{text}</span>' if css else text
    return result


class Tmux:
    """A terminal of its own, on a server of its own."""

    def __init__(self, home, folder):
        self.name = "carrel-" + uuid.uuid4().hex[:8]
        env = home.environment({"PATH": f"{Path(program).parent}:" + home.env["PATH"], "TERM": "tmux-256color"})
        self.env = {**env, "TMUX_TMPDIR": str(home.path)}
        self("new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", str(folder), "env PS1='$ ' bash --norc --noprofile")

    def __call__(self, *words):
        return subprocess.run(["tmux", "-L", self.name, "-f", "/dev/null", *words], env=self.env, capture_output=True, text=True, check=True).stdout

    def type(self, text):
        self("send-keys", "-l", text)
        self("send-keys", "Enter")

    def screen(self):
        return self("capture-pane", "-e", "-p").rstrip()

    def prompts(self, count, seconds):
        """Waits for the prompt that comes next: the last line, with nothing behind it."""

        def there():
            lines = self("capture-pane", "-p").rstrip().splitlines()
            return lines and lines[-1] == "$" and sum(line == "$" or line.startswith("$ ") for line in lines) == count

        until(there, seconds, f"prompt {count}")


def terminal_picture(home, browser, target):
    folder = home.path / "digits"
    tmux = Tmux(home, home.path)
    try:
        tmux.prompts(1, 10)
        tmux.type("carrel up digits")
        tmux.prompts(2, 300)
        tmux.type("carrel ls")
        tmux.prompts(3, 30)
        page = browser.new_page(device_scale_factor=2, viewport={"width": 1100, "height": 900})
        page.set_content(frame.format(to_html(tmux.screen().rstrip().removesuffix("$").rstrip())))
        page.locator("#t").screenshot(path=target, omit_background=True)
        page.close()
    finally:
        tmux("kill-server")
    assert folder.is_dir()


def notebook_picture(home, browser, target):
    folder = home.path / "digits"
    home.up(folder)
    home.run("run", folder / "train.ipynb")
    context = browser.new_context(device_scale_factor=1.5, viewport={"width": 1180, "height": 820})
    page = context.new_page()
    url = home.token_url("digits").replace("/lab?", "/lab/tree/train.ipynb?")
    page.goto(url)
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)
    page.add_style_tag(content=".Toastify { display: none }")  # the question that JupyterLab asks once, about its news
    page.locator(".jp-Notebook").press("Control+s")
    cell = page.locator(".jp-CodeCell", has_text='title="Loss"')
    # JupyterLab draws the cells that are seen and no others.
    until(lambda: cell.count() or page.locator(".jp-WindowedPanel-outer").evaluate("it => { it.scrollBy(0, 200); return false }"), 60, "the cell")
    plot = cell.locator(".jp-OutputArea-output img")
    plot.wait_for(timeout=60_000)
    plot.evaluate("it => it.scrollIntoView({ block: 'end' })")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=30_000)
    page.screenshot(path=target)
    context.close()


def main(folder):
    folder = Path(folder).resolve()
    folder.mkdir(exist_ok=True)
    home = Home()
    try:
        for name in ("digits", "hello"):
            shutil.copytree(root / "examples" / name, home.path / name)
        home.up(home.path / "hello")  # the one-time downloads, which say where Carrel's own files lie
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-dev-shm-usage"])
            terminal_picture(home, browser, folder / "terminal.png")
            notebook_picture(home, browser, folder / "notebook.png")
            browser.close()
    finally:
        home.clean()
    for name in ("terminal.png", "notebook.png"):
        print(f"{os.path.relpath(folder / name)}: {(folder / name).stat().st_size // 1024} kB")


main(sys.argv[1])
