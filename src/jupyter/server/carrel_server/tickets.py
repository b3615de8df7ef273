"""One-time tickets that sign a browser in: 256 bits, ten minutes, once, kept as a hash."""

import hashlib
import secrets
import time

lifetime_s = 600
most = 1000


class Tickets:
    """A spent ticket is remembered until it would have expired, so that a reloaded page still lands
    where it should.
    """

    def __init__(self, now=time.monotonic):
        self._now = now
        self._known = {}  # hash: [expiry, landing path, spent]

    @staticmethod
    def _key(ticket):
        return hashlib.sha256(ticket.encode()).digest()

    def _forget_expired(self):
        now = self._now()
        for key in [key for key, entry in self._known.items() if entry[0] <= now]:
            del self._known[key]
        while len(self._known) >= most:
            del self._known[next(iter(self._known))]

    def make(self, path):
        self._forget_expired()
        ticket = secrets.token_urlsafe(32)
        self._known[self._key(ticket)] = [self._now() + lifetime_s, path, False]
        return ticket

    def spend(self, ticket):
        """(may sign in, landing path or None)."""
        entry = self._known.get(self._key(ticket))
        if entry is None or entry[0] <= self._now():
            return False, None
        fresh, entry[2] = not entry[2], True
        return fresh, entry[1]


def is_local(path):
    """A path on this server, and nothing that a browser could read as another one."""
    return (
        isinstance(path, str)
        and path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and all(" " <= character != "\x7f" for character in path)
        and len(path) <= 4000
    )
