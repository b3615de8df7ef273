"""The lock of a workspace and its two doors: a unix socket for Carrel, TCP for people.

They are bound before anything slow, so that a taken port is an error of `start` and an early client
waits in the backlog.
"""

import errno
import fcntl
import os
import socket

from .refusal import Refusal

backlog = 128


def make_folders(config):
    for folder in (
        config.runtime_dir,
        config.config_dir,
        config.data_dir,
        config.lab_settings_dir,
        config.lab_workspaces_dir,
    ):
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise Refusal(
                "A folder of the server cannot be made", f"{folder}: {error.strerror}"
            ) from None
    os.chmod(config.runtime_dir, 0o700)
    if not os.path.isdir(config.root_dir):
        raise Refusal("The workspace's folder is not there", config.root_dir)


def take_lock(config):
    """An open file that holds the lock; forks share it, so it is free only when supervisor and
    server are both gone.
    """
    path = os.path.join(config.runtime_dir, "server.lock")
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Refusal(
            "already running", f"{path} is locked by the server of {config.name}"
        ) from None
    return lock


def bind_unix(config):
    """Call it with the lock held: whatever lies at the path is stale."""
    try:
        os.unlink(config.socket)
    except FileNotFoundError:
        pass
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        door.bind(config.socket)
    except OSError as error:
        raise Refusal(
            "The server's socket cannot be made", f"{config.socket}: {error.strerror}"
        ) from None
    finally:
        os.umask(previous)
    door.listen(backlog)
    door.setblocking(False)
    return door


def _bind_one(family, address):
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.bind(address)
        door.listen(backlog)
        door.setblocking(False)
    except OSError:
        door.close()
        raise
    return door


def bind_tcp(config):
    """One socket for each address of `ip`, all on one port; with "none" only the unix door is open."""
    if config.ip == "none":
        return [], 0
    host = None if config.ip in ("*", "") else config.ip
    try:
        found = socket.getaddrinfo(
            host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise Refusal(
            "The address to listen on is not known", f"{config.ip}: {error.strerror}"
        ) from None
    doors, port, failure = [], config.port, None
    for family, _, _, _, address in sorted(set(found)):
        try:
            doors.append(_bind_one(family, (address[0], port, *address[2:])))
        except OSError as error:
            failure = error
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue  # no IPv6 here
            break
        port = doors[0].getsockname()[1]
    else:
        if doors:
            return doors, port
    for door in doors:
        door.close()
    if failure.errno == errno.EADDRINUSE:
        raise Refusal(
            "port taken",
            f"{config.ip}:{port} is in use",
            "choose another port, or leave it to Carrel",
        )
    raise Refusal("The port cannot be opened", f"{config.ip}:{port}: {failure.strerror}")
