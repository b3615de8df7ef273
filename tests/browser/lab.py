"""JupyterLab in a page, as a person uses it."""

import contextlib

from playwright.sync_api import expect
from support import until

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
