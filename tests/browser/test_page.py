"""The notebook as a person meets it: JupyterLab in Chromium."""

import contextlib
import re

from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect
from lab import opened, run_cell
from support import until

password = "correct horse battery staple"
def settled(page):
    """JupyterLab is there and its kernel idle, with nothing on the way: keys typed earlier may be lost."""
    opened(page)
    with contextlib.suppress(Late):
        page.wait_for_load_state("networkidle", timeout=5_000)


def ticket_address(home, folder):
    status, text = home.on_terminal("up", folder)
    assert status == 0, text
    return re.search(r"https?://[^\s\x1b]+/carrel/ticket/[\w-]+", text).group(0)


notebook = '{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": [], "execution_count": null}], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}, "nbformat": 4, "nbformat_minor": 5}'


def test_the_printed_address_opens_signed_in_and_a_cell_says_42(home, page):
    folder = home.folder("lesson", {"carrel.toml": 'notebook = "first.ipynb"\n', "first.ipynb": notebook})
    page.goto(ticket_address(home, folder))
    settled(page)
    assert "/lab" in page.url and "token" not in page.url and "ticket" not in page.url
    run_cell(page, "print(6 * 7)")
    expect(page.locator(".jp-OutputArea-output").filter(has_text="42").first).to_be_visible()
    # The page uses the kernel that was there: none was started beside it.
    assert len(home.client("lesson").get("/api/kernels").json()) == 1


def test_the_address_is_good_once(home, browser):
    address = ticket_address(home, home.folder("lesson"))
    with contextlib.closing(browser.new_context()) as first:
        page = first.new_page()
        page.goto(address)
        page.wait_for_url("**/lab**")
    with contextlib.closing(browser.new_context()) as second:
        page = second.new_page()
        response = page.goto(address)
        assert response.status == 403
        expect(page.locator("body")).to_contain_text("carrel open lesson")


def test_over_https_the_password_signs_in_and_a_wrong_one_does_not(home, page):
    folder = home.folder("lesson")
    ready = home.up(folder, "--public", "--password-stdin", input=password + "\n")
    assert ready["url"].startswith("https://")
    door = f"https://localhost:{ready['port']}/lab"
    page.goto(door)
    page.wait_for_url("**/login**")
    page.fill("#password_input", "wrong horse")
    page.click("#login_submit")
    expect(page.locator("body")).to_contain_text("Invalid credentials")
    assert "/login" in page.url
    page.fill("#password_input", password)
    page.click("#login_submit")
    page.wait_for_url("**/lab**")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)
    page.locator(".jp-LauncherCard[data-category='Notebook']").first.click()
    settled(page)
    run_cell(page, "print(6 * 7)")
    expect(page.locator(".jp-OutputArea-output").filter(has_text="42").first).to_be_visible()


def test_a_terminal_opens_in_the_page(home, page):
    folder = home.folder("lesson")
    page.goto(ticket_address(home, folder))
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)
    page.locator(".jp-LauncherCard[title*='terminal' i]").first.click()
    terminal = page.locator(".jp-Terminal")
    expect(terminal).to_be_visible()
    terminal.click()
    page.keyboard.type("echo made-by-$((6 * 7)) > from-terminal.txt\n")
    until(lambda: (folder / "from-terminal.txt").exists(), 30, "the file that the terminal makes")
    assert (folder / "from-terminal.txt").read_text() == "made-by-42\n"
