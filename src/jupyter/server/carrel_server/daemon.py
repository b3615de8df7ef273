"""From a command to a supervisor and a server: lock, doors and log first, then one fork, and only
then anything slow.
"""

import contextlib
import json
import os
import signal
import socket
import sys

from . import config as configuration
from . import doors, processes, supervisor
from .refusal import Refusal

longest_log = 16 << 20  # bytes, when a server starts
refused = 1  # nothing is left running
server_died = 3


def _open_log(path):
    """An append-only file for its owner, as stdout and stderr of everything below. A long one is
    put aside, as PATH.1, instead of the one before.
    """
    try:
        if os.path.exists(path) and os.path.getsize(path) > longest_log:
            os.replace(path, path + ".1")
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(log, 0o600)
    except OSError as error:
        raise Refusal("The server's log cannot be written", f"{path}: {error.strerror}") from None
    return log


def _take_streams(log):
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(nothing)
    os.close(log)


def _forget_inherited_signals():
    """A job of a script is started with SIGINT ignored; a kernel that inherits that cannot be
    interrupted.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _run_server(config, unix_door, tcp_doors, port):
    """The server's process: its whole life."""
    code = 1
    try:
        os.setpgid(0, 0)  # a terminal's Ctrl-C is the supervisor's business
        _forget_inherited_signals()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from . import server

        code = server.run(config, unix_door, tcp_doors, port)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _say_ready(address):
    """sd_notify(3), where a unit of Type=notify waits."""
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        door.connect("\0" + address[1:] if address.startswith("@") else address)
        door.send(b"READY=1")


def _supervise(path, report):
    """Becomes the supervisor; `report` gets the one JSON line. The streams it had are gone
    afterwards. The exit status.
    """
    try:
        config = configuration.load(path)
        doors.make_folders(config)
        lock = doors.take_lock(config)
        log = _open_log(config.log)
        unix_door = doors.bind_unix(config)
        tcp_doors, port = doors.bind_tcp(config)
        for name in ("exit.json", "server.json"):
            try:
                os.unlink(os.path.join(config.runtime_dir, name))
            except FileNotFoundError:
                pass
    except Refusal as refusal:
        report(refusal.as_dict())
        return refused
    except OSError as error:
        report(
            Refusal(
                "The server cannot be started", f"{error.filename or ''}: {error.strerror}"
            ).as_dict()
        )
        return refused
    os.environ["CARREL_SERVER"] = config.instance
    service_manager = os.environ.pop("NOTIFY_SOCKET", "")  # nothing below speaks for us
    signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.watched)
    # The report may be written to the stream that is about to be replaced.
    answer = os.dup(1)
    _take_streams(log)
    server = os.fork()
    if server == 0:
        os.close(answer)
        _run_server(config, unix_door, tcp_doors, port)
    for door in (unix_door, *tcp_doors):
        door.close()
    above = supervisor.Supervisor(config, server, port)
    try:
        above.announce()
    except OSError as error:
        above.give_up()
        os.close(lock)
        report(
            Refusal(
                "The server's state cannot be written",
                f"{os.path.join(config.runtime_dir, 'server.json')}: {error.strerror}",
            ).as_dict(),
            answer,
        )
        return refused
    report(
        {"pid": os.getpid(), "start_ticks": processes.start_ticks(os.getpid()), "port": port},
        answer,
    )
    os.close(answer)
    _say_ready(service_manager)
    ended_well = above.run()
    os.close(lock)
    return 0 if ended_well else server_died


def serve(path):
    """In the foreground; ends with the server."""

    def report(line, stream=1):
        os.write(stream, (json.dumps(line) + "\n").encode())

    return _supervise(path, report)


def start(path):
    """In the background; returns as soon as the doors are bound."""
    receive, send = os.pipe()
    sys.stdout.flush()
    if os.fork() == 0:
        os.close(receive)
        code = 1
        try:
            os.setsid()

            def report(line, _stream=1):
                with contextlib.suppress(BrokenPipeError):  # whoever asked has gone
                    os.write(send, (json.dumps(line) + "\n").encode())
                os.close(send)

            code = _supervise(path, report)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(send)
    with os.fdopen(receive, "rb") as answers:
        line = answers.readline()
    if not line:
        line = (
            json.dumps(Refusal("The server's supervisor died while starting").as_dict()).encode()
            + b"\n"
        )
    os.write(1, line)
    return 1 if b'"error"' in line[:10] else 0
