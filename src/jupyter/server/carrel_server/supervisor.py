"""Outlives the server to say how it ended and to leave no process behind."""

import json
import os
import signal
import time

from . import processes

watched = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
straggler_grace_s = 2.0
_look_again_s = 0.05


def write_json(path, value):
    """Atomic, for its owner only."""
    aside = f"{path}.{os.getpid()}"
    try:
        with open(
            os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            json.dump(value, file)
        os.replace(aside, path)
    except OSError:
        try:
            os.unlink(aside)
        except OSError:
            pass
        raise


def _say(text):
    """One line in the log, if there is room for it."""
    try:
        os.write(2, f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} ERROR {text}\n".encode())
    except OSError:
        pass


def _reap(server):
    """Reaps whatever has died; the server's wait status if it was among them."""
    ended = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        if pid == server:
            ended = status


class Supervisor:
    """Call `announce`, then `run` or `give_up`, with the `watched` signals blocked."""

    def __init__(self, config, server, port):
        self.config, self.server, self.port = config, server, port
        self.asked = False
        self.deadline = None

    def _path(self, name):
        return os.path.join(self.config.runtime_dir, name)

    def announce(self):
        """Adopts what is below us, and writes down who we are; OSError if that cannot be written."""
        processes.become_subreaper()

        def known(pid):
            return {"pid": pid, "start_ticks": processes.start_ticks(pid)}

        write_json(
            self._path("server.json"),
            {
                "version": 1,
                "instance": self.config.instance,
                "supervisor": known(os.getpid()),
                "server": known(self.server),
                "ip": self.config.ip,
                "port": self.port,
                "socket": self.config.socket,
                "boot_id": processes.boot_id(),
                "started": time.time(),
            },
        )

    def _handle(self, number):
        if number == signal.SIGHUP:
            processes.send([self.server], signal.SIGHUP)
        elif number in (signal.SIGTERM, signal.SIGINT) and not self.asked:
            self.asked = True
            self.deadline = time.monotonic() + self.config.stop_grace_s
            processes.send([self.server], signal.SIGTERM)

    def _wait_for_server(self):
        while True:
            ended = _reap(self.server)
            if ended is not None:
                return ended
            left = 3600 if self.deadline is None else self.deadline - time.monotonic()
            if left <= 0:
                processes.send([self.server], signal.SIGKILL)
                left = _look_again_s
            caught = signal.sigtimedwait(watched, left)
            if caught:
                self._handle(caught.si_signo)

    def _clear(self):
        """Until nothing is left below us; a shell that ignores SIGTERM heeds SIGHUP, SIGKILL ends
        the rest.
        """
        deadline = time.monotonic() + min(straggler_grace_s, self.config.stop_grace_s)
        told = set()
        while True:
            _reap(0)
            left = processes.descendants(os.getpid(), self.config.instance)
            if not left:
                return
            if time.monotonic() >= deadline:
                processes.send(left, signal.SIGKILL)
            else:
                new = [pid for pid in left if pid not in told]
                processes.send(new, signal.SIGHUP, signal.SIGTERM, signal.SIGCONT)
                told.update(new)
            signal.sigtimedwait({signal.SIGCHLD}, _look_again_s)

    def _tell(self, status):
        try:
            write_json(
                self._path("exit.json"),
                {
                    "version": 1,
                    "instance": self.config.instance,
                    "status": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                    "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                    "asked": self.asked,
                    "time": time.time(),
                },
            )
        except OSError as error:
            path = self._path("exit.json")
            _say(f"how the server ended cannot be written: {path}: {error.strerror}")

    def run(self):
        """True: it was asked to end, or ended by itself and well."""
        try:
            status = self._wait_for_server()
            self._tell(status)
        finally:
            self._clear()
        return self.asked or status == 0

    def give_up(self):
        """Ends a server that nobody could find again."""
        processes.send([self.server], signal.SIGKILL)
        self._clear()
