"""JupyterLab in Chromium, its server on a real host, and what happens to the network between them."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
from lab import opened, panel, run_cell
from playwright.sync_api import expect
from rigs import wait_for
from test_program import NOTEBOOK, free_port, keepers, person  # noqa: F401 (a fixture)

BACK = 10  # seconds from the network's return to a cell that has run
# What the cable or the laptop does, for how long; the long ones by name: CARREL_SLOW=1.
AWAY = [("the cable is out", 10)] + ([("the cable is out", 300), ("the cable is out", 1200)] if os.environ.get("CARREL_SLOW") else [])


@pytest.fixture
def lesson(person, page):  # noqa: F811
    """The person's notebook, open in a page, with a variable in its kernel."""
    # With a kernel's name in it: JupyterLab asks for one where there is none.
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (person.folder / "lesson.ipynb").write_text(json.dumps({**NOTEBOOK, "metadata": kernel}))
    person.ready = person.up("--port", str(free_port()))
    person.instance = person.ready["ref"]
    person.page = page
    page.goto(person.carrel("url", "lesson", "--with-token").stdout.strip().replace("/lab?", "/lab/tree/lesson.ipynb?"))
    opened(page)
    run_cell(page, "kept = 41; print('kept', kept)")
    shows(page, "kept 41", 30)
    return person


def shows(page, text, seconds):
    expect(page.locator(panel + ".jp-OutputArea-output").filter(has_text=text).first).to_be_visible(timeout=seconds * 1000)


def cable(rig, person, do):  # noqa: F811
    rig.control("host", {"id": person.instance, "do": do})


def family(pid):
    """The process and all below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cell_runs_again(lesson, number, since):
    run_cell(lesson.page, f"print('again', kept + {number})")
    shows(lesson.page, f"again {41 + number}", 30)
    took = time.monotonic() - since
    assert took < BACK, f"{took:.1f} s from the network's return to the cell"


@pytest.mark.timeout(1800 if len(AWAY) > 1 else 240)
def test_the_open_page_goes_on_when_the_network_is_back(lesson, host_rig):
    for number, (_, seconds) in enumerate(AWAY):
        cable(host_rig, lesson, "pull")
        out = time.monotonic()
        # Held, not refused: the page waits as long as the cable is out.
        lesson.page.wait_for_timeout(seconds * 1000)
        cable(host_rig, lesson, "plug")
        assert time.monotonic() - out >= seconds
        cell_runs_again(lesson, number, time.monotonic())

    # A laptop that sleeps: what Carrel runs here stands still, and the machine hears nothing.
    (keeper,) = keepers(lesson.home)
    asleep = family(keeper)
    assert len(asleep) > 1
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    lesson.page.wait_for_timeout(20_000)
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)
    cell_runs_again(lesson, 100, time.monotonic())


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_open_page_goes_on_after_stop_and_start_at_another_address(lesson, host_rig):
    before = host_rig.instance(lesson.instance)["PublicIpAddress"]
    lesson.carrel("stop", "lesson")
    host_rig.wait_state(lesson.instance, "stopped")
    lesson.carrel("start", "lesson")
    assert host_rig.instance(lesson.instance)["PublicIpAddress"] != before

    def restarted():
        """The kernel went with the machine: JupyterLab finds the server, and gives the page another.

        A question that was under way when the machine stopped has failed, and JupyterLab may have said so in a dialog.
        """
        if (said := lesson.page.locator("dialog.jp-Dialog", has_text="will continue trying to reconnect")).is_visible():
            said.get_by_role("button", name="Close").click()
        run_cell(lesson.page, "print('a new', 'kernel')")
        with contextlib.suppress(AssertionError):
            shows(lesson.page, "a new kernel", 3)
            return True

    # How soon the page looks for another kernel is JupyterLab's own pace.
    wait_for("a cell in the page that was open", restarted, 60)
