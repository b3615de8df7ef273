#!/usr/bin/env python3
"""Writes this folder's *.in.ipynb, and with nbformat itself what must become of them: *.out.ipynb.

Run it with an interpreter that has nbformat (5.10 or later) and look at the difference before you commit it.
"""

import json
import pathlib
import sys

import nbformat
from nbformat.v4 import nbbase

here = pathlib.Path(__file__).parent
head = '"metadata": {}, "nbformat": 4, "nbformat_minor": 5'


def cell(body):
    return '{"cells": [' + body + "], " + head + "}"


def code(source='""', outputs="[]", more=""):
    return (
        '{"cell_type": "code", "id": "a", "execution_count": null, "metadata": {}, '
        f'"source": {source}, "outputs": {outputs}{more}}}'
    )


def display(data):
    return '[{"output_type": "display_data", "metadata": {}, "data": ' + data + "}]"


inputs = {
    "empty": '{"cells": [], ' + head + "}",
    "unsorted_and_compact": '{"nbformat_minor":2,"nbformat":4,"metadata":{"zeta":1,"kernelspec":'
    '{"name":"python3","language":"python","display_name":"Python 3"},"Alpha":{"b":[],"a":{}}},'
    '"cells":[{"metadata":{"tags":["x"]},"source":"# Title\\n\\ntext","cell_type":"markdown"}]}',
    "four_spaces_and_newer_minor": json.dumps(
        {
            "cells": [{"cell_type": "raw", "id": "r", "metadata": {"format": "text/html"}, "source": ["a\n", "b"]}],
            "metadata": {"language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 99,
            "future": {"kept": [1, [2, [3]]]},
        },
        indent=4,
    ),
    "every_line_end_of_python": cell(
        code(r'"a\nb\r\nc\rd\u000be\ff\u001cg\u001dh\u001ei\u0085j\u2028k\u2029l\u2027m\r"')
    ),
    "lists_are_joined_and_split_anew": cell(code('["a", "b\\nc", "\\n", "", "d\\n"]')),
    "empty_source_list": cell(code("[]") + "," + code('[""]')),
    "numbers": cell(
        code(
            more=', "numbers": [0, -0, 1, -7, 9223372036854775807, 18446744073709551615, 18446744073709551616,'
            " -99999999999999999999999999, 0.0, -0.0, 1.0, 1.5, 0.1, 1e5, 1E+2, 123456789.125, 1e15, 1e16, 1e17,"
            " 1.5e300, 1e-4, 0.00012345678901234567, 1e-5, 1.25e-7, 5e-324, 2.2250738585072014e-308, 3.0000000000000004,"
            " 9007199254740993.0, 9999999999999998.0, 0.30000000000000004, 100, true, false, null]"
        )
    ),
    "strings": cell(
        code(r'"\" \\ \/ \b \f \t \u0000 \u0001 \u001f \u007f \u0080 \u00e9 \u6f22 \ud83d\ude00 é 漢 😀 </script>"')
    ),
    "keys": cell(
        code(
            more=r', "é": 1, "z": 2, "Z": 3, "": 4, "a\nb": 5, "\ud83d\ude00": 6, "\uffee": 7, "a": 8, "a b": 9, "same": 1, "same": 2'
        )
    ),
    "streams": cell(
        code(
            outputs=r'[{"output_type": "stream", "name": "stdout", "text": "a\nb\n"}, '
            r'{"output_type": "stream", "name": "stderr", "text": ["x", "y\r", "\nz"]}, '
            r'{"output_type": "stream", "name": "stdout", "text": ""}]'
        )
    ),
    "mime_types": cell(
        code(
            outputs=display(
                r'{"text/plain": ["a\n", "b"], "text/html": "<b>\n</b>\n", "image/png": "iVBOR\nw0KG\n",'
                r' "image/svg+xml": "<svg>\n</svg>", "application/javascript": "a()\nb()",'
                r' "application/json": {"lines": ["a\n", "b"], "text": "a\nb"},'
                r' "application/vnd.x+json": ["a\n", "b"], "application/pdf": ["JVBE\n", "Ri0"],'
                r' "application/vnd.y": "a\nb", "text/latex": [], "text/markdown": ["a", 1]}'
            )
        )
    ),
    "a_result_and_an_error": cell(
        code(
            '"1 / 0"',
            r'[{"output_type": "execute_result", "execution_count": 3, "metadata": {"isolated": true},'
            r' "data": {"text/plain": "0\n1"}}, {"output_type": "error", "ename": "ZeroDivisionError",'
            r' "evalue": "division by zero", "traceback": ["\u001b[31mred\u001b[0m\nsecond line", "third"]}]',
        )
    ),
    "attachments": cell(
        '{"cell_type": "markdown", "id": "m", "metadata": {}, "source": "![](attachment:a.png)", "attachments": '
        '{"a.png": {"image/png": ["iVBO", "Rw0"]}, "b.txt": {"text/plain": "a\\nb"}, "empty": {}}}'
    ),
    "what_does_not_belong_in_a_file": '{"cells": [{"cell_type": "code", "id": "a", "execution_count": 1, "metadata": '
    '{"trusted": true, "collapsed": false}, "source": "", "outputs": []}], "metadata": {"signature": "sha256:00", '
    '"orig_nbformat": 3, "orig_nbformat_minor": 0, "title": "kept"}, "nbformat": 4, "nbformat_minor": 5}',
    "unknown_things_are_kept": '{"cells": [{"cell_type": "heading", "id": "h", "level": 2, "metadata": {}, '
    '"source": ["x"]}, {"cell_type": "code", "id": "a", "execution_count": null, "metadata": {}, "source": "", '
    '"outputs": [{"output_type": "hologram", "text": ["a\\n", "b"], "data": {"text/plain": ["a", "b"]}}]}], '
    '"metadata": {"orig": [1.0, {"deep": [[], {}, [[]]]}]}, "nbformat": 4, "nbformat_minor": 5}',
    "deep": cell(code(more=', "deep": ' + "[" * 400 + "]" * 400)),
}

# What document_test.cpp does with "a_run.in.ipynb" through NotebookDocument, done here with nbformat.
run_input = cell(
    '{"cell_type": "markdown", "id": "m", "metadata": {}, "source": "text"}, '
    + code('"print(1)"', '[{"output_type": "stream", "name": "stdout", "text": "old\\n"}]')
    + ", "
    + code('"later()"')
)


def the_run(notebook):
    first, second = notebook.cells[1], notebook.cells[2]
    first.execution_count = 7
    first.outputs = [
        nbbase.new_output("stream", name="stdout", text="10 %\r20 %\r100 %\nbackspace\b\ndone\n"),
        nbbase.new_output("stream", name="stderr", text="careful\n"),
        nbbase.new_output("stream", name="stdout", text="more\n"),
        nbbase.new_output("display_data", data={"text/plain": "new\nvalue"}, metadata={"updated": True}),
        nbbase.new_output("execute_result", data={"text/plain": "42"}, execution_count=7),
    ]
    second.execution_count = None
    second.outputs = [
        nbbase.new_output("display_data", data={"text/plain": "new\nvalue"}, metadata={"updated": True}),
        nbbase.new_output("display_data", data={"text/plain": "other"}),
        nbbase.new_output("error", ename="E", evalue="e", traceback=["a\nb", "c"]),
    ]


def write(name, text, change=lambda notebook: None):
    path = here / f"{name}.in.ipynb"
    path.write_text(text, encoding="utf8")
    # reader.reads is what nbformat.read does before it validates and repairs; these documents need no repair.
    notebook = nbformat.reader.reads(text)
    change(notebook)
    body = nbformat.versions[4].writes_json(notebook)
    (here / f"{name}.out.ipynb").write_text(body if body.endswith("\n") else body + "\n", encoding="utf8", newline="")


for old in here.glob("*.ipynb"):
    old.unlink()
for name, text in inputs.items():
    write(name, text)
write("a_run", run_input, the_run)
print(f"{len(inputs) + 1} pairs by nbformat {nbformat.__version__}, Python {sys.version.split()[0]}")
