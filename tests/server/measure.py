"""From the command to the first cell's result: Carrel's server beside `jupyter lab` by hand.
Medians, both with compiled bytecode.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from client import until

from workspace import Stock, Workspace, clean_environment, package


def carrel(folder, package_folder):
    workspace = Workspace(folder, package_folder, notebook="first.ipynb")
    begin = time.monotonic()
    workspace.up()
    returned = time.monotonic() - begin
    kernel = workspace.client.session("first.ipynb")["kernel"]["id"]
    assert workspace.client.run(kernel, "6*7") == "42"
    took = time.monotonic() - begin
    workspace.stop()
    return took, returned


def by_hand(folder):
    stock = Stock(folder)
    begin = time.monotonic()
    stock.spawn()
    until(stock.ready, 60, "jupyter lab")
    kernel = stock.client.session("first.ipynb")["kernel"]["id"]
    assert stock.client.run(kernel, "6*7") == "42"
    took = time.monotonic() - begin
    stock.stop()
    return took


def main(rounds):
    assert "PYTHONDONTWRITEBYTECODE" not in clean_environment()
    ours, returned, theirs = [], [], []
    with tempfile.TemporaryDirectory() as base:
        package_folder = package(base)
        for turn in range(rounds):
            took, until_returned = carrel(Path(base, f"c{turn}"), package_folder)
            ours.append(took)
            returned.append(until_returned)
            Path(base, f"s{turn}").mkdir()
            theirs.append(by_hand(Path(base, f"s{turn}")))
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"start returns        {statistics.median(returned):6.3f} s")
    print(f"first cell, carrel   {mine:6.3f} s   {min(ours):.3f} to {max(ours):.3f}")
    print(f"first cell, by hand  {other:6.3f} s   {min(theirs):.3f} to {max(theirs):.3f}")
    print(f"ratio                {mine / other:6.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
