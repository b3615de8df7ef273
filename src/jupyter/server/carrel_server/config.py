"""The configuration of one server: a JSON file that only its owner can read. Unknown keys are
refused.

Imported before everything else, in the supervisor too: nothing heavy here.
"""

import json
import os
import stat

from .refusal import Refusal

longest_runtime_dir = 90  # a kernel's socket adds 16 bytes, and the system's limit is 107
longest_socket = 107

_text, _path, _flag, _number, _object, _list = "text", "path", "flag", "number", "object", "list"
_required = object()

# key: (kind, may be null, default)
_keys = {
    "version": (_number, False, _required),
    "instance": (_text, False, _required),
    "name": (_text, False, _required),
    "root_dir": (_path, False, _required),
    "notebook": (_text, True, _required),
    "ip": (_text, False, _required),
    "port": (_number, False, _required),
    "certfile": (_path, True, _required),
    "keyfile": (_path, True, _required),
    "token": (_text, False, _required),
    "hashed_password": (_text, True, _required),
    "socket": (_path, False, _required),
    "runtime_dir": (_path, False, _required),
    "config_dir": (_path, False, _required),
    "data_dir": (_path, False, _required),
    "log": (_path, False, _required),
    "lab_settings_dir": (_path, False, _required),
    "lab_workspaces_dir": (_path, False, _required),
    "kernel_env": (_object, False, {}),
    "terminal_env": (_object, False, {}),
    "early_kernel": (_flag, False, _required),
    "extensions": (_text, False, _required),
    "extra_labextensions_path": (_list, False, []),
    "stop_grace_s": (_number, False, 5),
    "cull_idle_s": (_number, False, 0),
    "cull_interval_s": (_number, False, 300),
}


class Config:
    """The keys as attributes, checked."""

    def __init__(self, values):
        self.__dict__.update(values)


def _has_kind(value, kind):
    if kind == _flag:
        return isinstance(value, bool)
    if kind == _number:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if kind == _object:
        return isinstance(value, dict) and all(
            v is None or isinstance(v, str) for v in value.values()
        )
    if kind == _list:
        return isinstance(value, list) and all(
            isinstance(v, str) and os.path.isabs(v) for v in value
        )
    return (
        isinstance(value, str)
        and value
        and "\0" not in value
        and (kind == _text or os.path.isabs(value))
    )


def check(values):
    """A Config, or a Refusal that names every key that is wrong."""
    if not isinstance(values, dict):
        raise Refusal("The server's configuration is not a JSON object")
    wrong = [f"unknown key {key!r}" for key in values if key not in _keys]
    filled = {}
    for key, (kind, nullable, default) in _keys.items():
        value = values.get(key, default)
        if value is _required:
            wrong.append(f"{key!r} is missing")
        elif not (value is None and nullable) and not _has_kind(value, kind):
            wrong.append(
                f"{key!r} must be a {'non-empty ' if kind == _text else ''}{kind}"
                + (" or null" if nullable else "")
            )
        filled[key] = value
    if not wrong:
        wrong = _contradictions(Config(filled))
    if wrong:
        raise Refusal("The server's configuration is wrong", "; ".join(wrong))
    return Config(filled)


def _contradictions(c):
    if c.version != 1:
        return [f"'version' is {c.version}, this program reads 1"]
    wrong = []
    if c.extensions not in ("lean", "full"):
        wrong.append("'extensions' must be 'lean' or 'full'")
    if not isinstance(c.port, int) or c.port > 65535:
        wrong.append("'port' must be a whole number up to 65535")
    if len(c.token) < 16:
        wrong.append("'token' needs at least 16 characters")
    if (c.certfile is None) != (c.keyfile is None):
        wrong.append("'certfile' and 'keyfile' go together")
    if len(os.fsencode(c.socket)) > longest_socket:
        wrong.append(f"'socket' is longer than {longest_socket} bytes")
    if len(os.fsencode(c.runtime_dir)) > longest_runtime_dir:
        wrong.append(
            f"'runtime_dir' is longer than {longest_runtime_dir} bytes: no room for sockets in it"
        )
    if c.notebook is not None and (os.path.isabs(c.notebook) or ".." in c.notebook.split("/")):
        wrong.append("'notebook' must be a path below 'root_dir'")
    if any(v is None for v in c.kernel_env.values()):
        wrong.append("'kernel_env' holds texts only")
    return wrong


def load(path):
    """Reads a file that belongs to us and that nobody else can read."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        raise Refusal(
            "The server's configuration cannot be read", f"{path}: {error.strerror}"
        ) from None
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or status.st_uid != os.geteuid():
        raise Refusal(
            "The server's configuration can be read by others",
            f"{path} has mode {stat.S_IMODE(status.st_mode):o} and owner {status.st_uid}",
            f"chmod 600 {path}",
        )
    try:
        return check(json.loads(data))
    except ValueError as error:
        raise Refusal("The server's configuration is not JSON", f"{path}: {error}") from None
