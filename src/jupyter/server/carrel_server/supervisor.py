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
    with open(
        os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(value, file)
    os.replace(aside, path)


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
    """Call `run` with the `watched` signals blocked."""

    def __init__(self, config, server, port):
        self.config, self.server, self.port = config, server, port
        self.asked = False
        self.deadline = None

    def _path(self, name):
        return os.path.join(self.config.runtime_dir, name)

    def _announce(self):
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
            left = processes.descendants(os.getpid())
            if not left:
                return
            if time.monotonic() >= deadline:
                processes.send(left, signal.SIGKILL)
            else:
                new = [pid for pid in left if pid not in told]
                processes.send(new, signal.SIGHUP, signal.SIGTERM, signal.SIGCONT)
                told.update(new)
            signal.sigtimedwait({signal.SIGCHLD}, _look_again_s)

    def run(self):
        processes.become_subreaper()
        self._announce()
        status = self._wait_for_server()
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
        self._clear()
