"""What goes wrong on purpose: a finite list, then calm.

A fault has a kind, and says which calls it strikes: `action` ("RunInstances", "*"), after how many such calls (`after`), and how often
(`count`). From a seed the list is the same every time; its faults name calls by their number alone.
"""

import dataclasses
import os
import random
import select
import socket
import struct
import time

from . import protocol

# Answered instead of acting: kind: (HTTP status, code, message).
REFUSALS = {
    "throttled": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "throttled400": (400, "ThrottlingException", "Rate exceeded"),
    "internal": (500, "InternalError", "An internal error has occurred"),
    "unavailable": (503, "Unavailable", "Server is overloaded"),
    "capacity": (
        500,
        "InsufficientInstanceCapacity",
        "We currently do not have sufficient capacity in the Availability Zone you requested.",
    ),
    "verification": (400, "PendingVerification", "Your request for accessing resources in this region is being validated."),
    "optin": (401, "OptInRequired", "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe."),
    "expired": (400, "RequestExpired", "Request has expired."),
}
# The connection: reset before acting; hung before acting; the call acts and its answer is lost, cut in half, or comes in drops.
CONNECTIONS = ("refused", "hung", "lost", "truncated", "slow")
KINDS = (*REFUSALS, "html", *CONNECTIONS)
SEEDED = ("throttled", "throttled400", "internal", "unavailable", "html", *CONNECTIONS)
HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"


@dataclasses.dataclass
class Fault:
    kind: str
    action: str = "*"
    after: int = 0
    count: int = 1

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault '{self.kind}'; there are {', '.join(KINDS)}")

    def strikes(self, action):
        """Counts the call; True where the fault is for it."""
        if self.count <= 0 or self.action not in ("*", action):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.count -= 1
        return True


def seeded(seed):
    """Three to twelve faults among the first forty calls; the worst run of them is three long."""
    dice = random.Random(seed)
    return [
        Fault(dice.choice(SEEDED), after=dice.randrange(40), count=dice.choice((1, 1, 1, 2, 3)))
        for _ in range(dice.randint(3, 12))
    ]


def seeded_settings(seed):
    """How slow and how forgetful the cloud of this seed is."""
    dice = random.Random(f"settings {seed}")
    return {
        "pending_s": dice.choice((0.0, 0.3, 1.5)),
        "stopping_s": dice.choice((0.0, 0.3, 1.0)),
        "hidden_calls": dice.choice((0, 1, 3)),
    }


class Schedule:
    def __init__(self):
        self.faults = []

    def strike(self, action):
        """The kind of fault for this call, or None. Every fault counts every call, so that a list means the same in any company."""
        struck = [fault for fault in self.faults if fault.strikes(action)]
        self.faults = [fault for fault in self.faults if fault.count > 0]
        return struck[0].kind if struck else None


def refusal(call, kind):
    """The answer of a fault that is an answer, or None."""
    if kind == "html":
        return protocol.Answer(502, HTML, "text/html", "html")
    if kind in REFUSALS:
        status, code, message = REFUSALS[kind]
        return protocol.error(call, code, message, status)
    return None


def reset(connection):
    """Closes it with a TCP reset, under the server's feet: its own way of closing begins with a polite end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


def hang(connection, seconds):
    """Until the client goes away, or the time is over."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select([connection], [], [], left)[0] and not connection.recv(1, socket.MSG_PEEK):
            return
        time.sleep(0.01)


def send_badly(connection, kind, answer):
    """The call has acted; its answer is lost, cut in half, or comes in drops."""
    head = f"HTTP/1.1 {answer.status} OK\r\nContent-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\nConnection: close\r\n\r\n"
    whole = head.encode() + answer.body
    if kind == "truncated":
        connection.sendall(head.encode() + answer.body[: len(answer.body) // 2])
    elif kind == "slow":
        size = max(1, len(whole) // 20)
        for first in range(0, len(whole), size):
            connection.sendall(whole[first : first + size])
            time.sleep(0.05)
