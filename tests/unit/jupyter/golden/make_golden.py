"""Writes the golden frames beside this file with jupyter_server's own functions (>= 2.20), and reads each back.

    python make_golden.py            in an environment with jupyter_server
"""

import json
import pathlib

from jupyter_client.session import json_packer
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)

HERE = pathlib.Path(__file__).parent


def part(value):
    return json.dumps(value)


# Plain text where JSON is, so that both forms hold the same: the order of keys, and é as \u00e9.
MESSAGES = {
    "plain": {
        "header": {"msg_id": "a1", "msg_type": "execute_request", "session": "s", "username": "carrel",
                   "date": "2026-01-02T03:04:05.000006Z", "version": "5.3"},
        "parent_header": {},
        "metadata": {},
        "content": {"code": "print('h\u00e9llo \U0001f600')\n", "silent": False},
        "channel": "shell",
        "buffers": [],
    },
    "buffers": {
        "header": {"msg_id": "b2", "msg_type": "comm_msg", "session": "s"},
        "parent_header": {"msg_id": "a1"},
        "metadata": {"deep": {"z": [1, 2.5, None], "a": True}},
        "content": {"comm_id": "c", "data": {}},
        "channel": "iopub",
        "buffers": [b"\x00\x01\xff", b"", b"tail\n"],
    },
}


def main():
    for name, message in MESSAGES.items():
        names = ("header", "parent_header", "metadata", "content")
        parts = [part(message[n]).encode() for n in names]
        v1 = serialize_msg_to_ws_v1([*parts, *message["buffers"]], message["channel"])
        channel, back = deserialize_msg_from_ws_v1(v1)
        assert (channel, back) == (message["channel"], [*parts, *message["buffers"]])
        (HERE / f"{name}_v1.bin").write_bytes(v1)
        if message["buffers"]:
            legacy = serialize_binary_message(message)
            again = deserialize_binary_message(legacy)
            assert again["buffers"] == message["buffers"] and again["content"] == message["content"]
        else:  # as handle_outgoing_message: json.dumps of the message, whose buffers are left out here
            legacy = json.dumps({k: v for k, v in message.items() if k != "buffers"}).encode()
        (HERE / f"{name}_legacy.bin").write_bytes(legacy)
    # What a kernel's own packer makes of a file's name that is not UTF-8: a bare byte 0xE9.
    bare = [json_packer(v) for v in ({"msg_id": "c3", "msg_type": "stream"}, {}, {},
                                     {"name": "stdout", "text": b"caf\xe9".decode("utf8", "surrogateescape")})]
    (HERE / "bare_bytes_v1.bin").write_bytes(serialize_msg_to_ws_v1(bare, "iopub"))


if __name__ == "__main__":
    main()
