"""The first kernel, started before the server's imports: the same process that stock Jupyter would
start later.

Whoever claims it compares everything; nothing here has to be right for the kernel to be right, only
for it to be fast.
"""

import json
import os
import re
import subprocess
import sys

from . import isolation

kernel_name = "python3"
channels = (
    "shell",
    "iopub",
    "stdin",
    "control",
    "hb",
)  # the order in which jupyter_client numbers them


def socket_prefix(connection_file):
    """Where a kernel's sockets are: short, because a path of a socket has 107 bytes at most."""
    import hashlib

    folder, name = os.path.split(connection_file)
    return os.path.join(folder, "c" + hashlib.blake2s(name.encode(), digest_size=6).hexdigest())


def _uuid():
    text = bytearray(os.urandom(16))
    text[6] = text[6] & 0x0F | 0x40
    text[8] = text[8] & 0x3F | 0x80
    h = text.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


class EarlyKernel:
    """A process and what it was started with."""

    def __init__(self, kernel_id, connection_file, connection, argv, cwd, env):
        self.kernel_id, self.connection_file, self.connection = (
            kernel_id,
            connection_file,
            connection,
        )
        self.argv, self.cwd, self.env = argv, cwd, env
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, cwd=cwd, env=env, start_new_session=True
        )
        self.process.stdin.close()

    def fits(self, argv, cwd, env, connection):
        """Is this the process that such a launch would start?"""
        return (
            self.process.poll() is None
            and argv == self.argv
            and os.path.abspath(cwd or os.getcwd()) == self.cwd
            and {**env, "JPY_PARENT_PID": str(os.getpid())} == self.env
            and all(
                connection.get(key) == value
                for key, value in self.connection.items()
                if key != "kernel_name"
            )
        )

    def discard(self):
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()


def kernel_environment(base, spec_env, extra):
    """What stock Jupyter makes of the environment and the kernelspec, with the configuration's
    variables between them.
    """
    env = isolation.leave(dict(base))
    expanded = {
        key: re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: base.get(m[1] or m[2], m[0]), value)
        for key, value in spec_env.items()
    }
    return {**env, **extra, **expanded}


def _place(config):
    """The working directory and the session's name that the notebook's kernel gets from stock
    Jupyter.
    """
    root = os.path.abspath(config.root_dir)
    if config.notebook is None:
        return root, {}
    folder, name = os.path.split(os.path.join(root, *config.notebook.split("/")))
    while not os.path.isdir(folder) and folder != root:
        folder = os.path.dirname(folder)
    return folder, {"JPY_SESSION_NAME": os.path.join(folder, name)}


def _write_connection(path, connection):
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(connection, file)


def start(config):
    """None where it would not help or cannot be done; the ordinary launch then says why."""
    if not config.early_kernel or len(os.sched_getaffinity(0)) < 2:
        return None
    resources = os.path.join(config.data_dir, "kernels", kernel_name)
    try:
        with open(os.path.join(resources, "kernel.json"), encoding="utf-8") as file:
            spec = json.load(file)
        kernel_id = _uuid()
        connection_file = os.path.join(config.runtime_dir, f"kernel-{kernel_id}.json")
        connection = {f"{channel}_port": number for number, channel in enumerate(channels, 1)}
        connection.update(
            ip=socket_prefix(connection_file),
            key=os.urandom(32).hex(),
            transport="ipc",
            signature_scheme="hmac-sha256",
            kernel_name=kernel_name,
        )
        _write_connection(connection_file, connection)
        values = {
            "connection_file": os.path.realpath(connection_file),
            "prefix": sys.prefix,
            "resource_dir": resources,
        }
        argv = [
            os.path.expanduser(
                re.sub(r"\{([A-Za-z0-9_]+)\}", lambda m: values.get(m[1], m[0]), argument)
            )
            for argument in spec["argv"]
        ]
        cwd, session = _place(config)
        env = kernel_environment({**os.environ, **session}, spec.get("env", {}), config.kernel_env)
        env["JPY_PARENT_PID"] = str(os.getpid())
        return EarlyKernel(kernel_id, connection_file, connection, argv, cwd, env)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
