"""One-time tickets: who gets one, what it opens, and what it does not."""

import sys

import pytest

from workspace import source

sys.path.insert(0, str(source))
sys.dont_write_bytecode = True
from carrel_server.tickets import Tickets, is_local, lifetime_s  # noqa: E402


@pytest.fixture
def workspace(make):
    return make(
        notebook="a b.ipynb",
        early_kernel=False,
        hashed_password="argon2:$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA",
    ).up()


def test_a_ticket_signs_in_once_and_its_links_stay_out_of_the_log(workspace):
    client = workspace.tcp()
    made = client.post("/carrel/tickets")
    assert (made.status, made.json()["expires_in"]) == (201, 600)
    ticket = made.json()["ticket"]
    first = client.get(f"/carrel/ticket/{ticket}", token=False)
    assert (first.status, first.headers["Location"]) == (302, "/lab/tree/a%20b.ipynb")
    assert (first.headers["Referrer-Policy"], first.headers["Cache-Control"]) == (
        "no-referrer",
        "no-store",
    )
    cookie = first.headers["Set-Cookie"].partition(";")[0]
    assert "HttpOnly" in first.headers["Set-Cookie"]
    signed_in = {"Cookie": cookie}
    assert client.get("/api/kernels", token=False, headers=signed_in).status == 200
    again = client.get(f"/carrel/ticket/{ticket}", token=False)
    assert (
        again.status == 403
        and b"carrel open hello" in again.body
        and "Set-Cookie" not in again.headers
    )
    assert client.get(f"/carrel/ticket/{ticket}", token=False, headers=signed_in).status == 302
    assert client.get("/carrel/ticket/wrong", token=False).status == 403
    assert client.get("/api/kernels", token=False).status == 403
    client.get(f"/nowhere?token={client.token}", token=False)
    client.get(
        "/api/contents/none?token=guess-123",
        headers={"Referer": f"http://x/carrel/ticket/{ticket}"},
        token=False,
    )
    log = workspace.log()
    for secret in (ticket, client.token, cookie, cookie.partition("=")[2], "guess-123", "aGFzaA"):
        assert secret not in log
    assert "/carrel/ticket/***" in log


def test_only_who_is_signed_in_gets_one(workspace):
    assert workspace.client.post("/carrel/tickets", token=False).status == 403
    assert workspace.client.get("/carrel/options", token=False).status == 403
    assert workspace.client.post("/carrel/tickets", {"path": "/tree"}).status == 201


paths = {
    "/lab": True,
    "/lab/tree/x y.ipynb?reset": True,
    "": False,
    "lab": False,
    "//evil.example": False,
    "/\\evil.example": False,
    "https://evil.example": False,
    "/a\r\nSet-Cookie: x": False,
    "/\t/evil": False,
    5: False,
}


@pytest.mark.parametrize("path", paths)
def test_a_ticket_leads_to_this_server_only(path):
    assert is_local(path) is paths[path]


def test_a_foreign_landing_path_is_refused(workspace):
    for path in ("//evil.example", "https://evil.example", "", 7):
        assert workspace.client.post("/carrel/tickets", {"path": path}).status == 400


def test_a_ticket_expires():
    clock = [0.0]
    tickets = Tickets(lambda: clock[0])
    early, late = tickets.make("/lab"), tickets.make("/lab")
    assert early not in str(tickets.__dict__)
    clock[0] = lifetime_s - 1
    assert tickets.spend(early) == (True, "/lab")
    assert tickets.spend(early) == (False, "/lab")
    clock[0] = lifetime_s
    assert tickets.spend(late) == (False, None)
