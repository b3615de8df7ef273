"""count.py FOLDER STATUS: prints "passed failed skipped" of a lane, from what it left in FOLDER.

*.xml are JUnit reports (pytest, GoogleTest), *.count hold the three numbers. A lane that ended badly without reporting a failure
counts as one; so does one that ran nothing.
"""

import sys
import xml.etree.ElementTree as tree
from pathlib import Path


def of_report(path):
    try:
        root = tree.parse(path).getroot()
    except tree.ParseError:
        return 0, 1, 0
    suites = [root] if root.tag == "testsuite" else root.findall("testsuite")
    total = bad = skipped = 0
    for suite in suites:
        number = lambda name: int(suite.get(name) or 0)  # noqa: E731
        total += number("tests")
        bad += number("failures") + number("errors")
        skipped += number("skipped") + number("disabled")
    return total - bad - skipped, bad, skipped


def main(folder, status):
    sums = [0, 0, 0]
    for path in sorted(Path(folder).rglob("*.xml")):
        sums = [a + b for a, b in zip(sums, of_report(path))]
    for path in sorted(Path(folder).rglob("*.count")):
        for line in path.read_text().splitlines():
            sums = [a + int(b) for a, b in zip(sums, line.split())]
    if sums[1] == 0 and (int(status) != 0 or sum(sums) == 0):
        sums[1] = 1
    print(*sums)


main(*sys.argv[1:])
