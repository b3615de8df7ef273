"""JupyterLab in a page, as a person uses it."""

import contextlib
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright
from support import until

chromium = shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    with contextlib.closing(browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 860})) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page


panel = ".jp-NotebookPanel:not(.lm-mod-hidden) "


def opened(page):
    """The notebook is there and its kernel idle; what the page still has on its way may lose keys that are typed now."""
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)
    expect(page.locator(panel + ".jp-Notebook-ExecutionIndicator[data-status='idle']").first).to_be_visible(timeout=60_000)


def run_cell(page, code):
    """Types the code into the last cell and runs it; keys that a page still on its way loses (stock JupyterLab too) are typed again."""
    cells = page.locator(panel + ".jp-Notebook .jp-CodeCell")
    cell = cells.nth(cells.count() - 1)
    editor, prompt = cell.locator(".cm-content"), cell.locator(".jp-InputPrompt")

    def typed():
        editor.click()
        page.keyboard.press("Control+A")
        page.keyboard.type(code)
        return code in editor.inner_text()

    def started():
        editor.click()
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(AssertionError):
            expect(prompt).not_to_have_text("[ ]:", timeout=3_000)
        return prompt.inner_text() != "[ ]:"

    until(typed, 30, "the cell taking its text")
    until(started, 60, "the running of the cell")
