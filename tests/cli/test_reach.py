"""Who can reach a workspace: loopback by default, --public by choice."""

import datetime
import hashlib
import re
import socket
import ssl
import subprocess

import pytest
from support import Home, until

password = "correct horse battery staple"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(home):
    """(address, port) of every TCP socket that the workspace's processes listen on."""
    import os

    inodes = set()
    for pid in home.processes():
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        except OSError:
            pass
    found = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as lines:
            next(lines)
            for line in lines:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    address, port = fields[1].split(":")
                    found.add((address, int(port, 16)))
    return found


loopback = {"0100007F", "00000000000000000000000001000000"}


@pytest.mark.both
def test_by_default_one_port_is_open_and_only_on_loopback(up):
    home, _, ready = up
    home.client("lesson").kernel()
    doors = listening(home)
    assert {port for _, port in doors} == {ready["port"]}
    assert {address for address, _ in doors} <= loopback


def test_nothing_is_answered_without_a_token(up):
    home, _, _ = up
    client = home.client("lesson")
    for path in ("/api/kernels", "/api/contents", "/api/status", "/carrel/options", "/metrics", "/api/terminals"):
        assert client.get(path, token=False).status in (302, 401, 403), path
    assert client.get("/api/kernels").status == 200
    client.token = "0" * 48
    assert client.get("/api/kernels").status in (302, 401, 403)


def test_without_a_port_a_free_one_is_found(home):
    urls = [home.up(home.folder(name))["url"] for name in ("one", "two")]
    assert len(set(urls)) == 2


def test_a_port_that_was_asked_for_is_taken(home):
    port = free_port()
    assert home.up(home.folder("lesson"), "--port", port)["port"] == port
    home.run("stop", "lesson")
    assert home.run("start", "lesson", "--json").last()["port"] == port


def test_a_taken_port_is_an_error_that_names_who_has_it(home):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        result = home.run("up", home.folder("lesson"), "--port", port, status=None)
        assert result.status in (1, 3)
        assert str(port) in result.err and ("python" in result.err or "pytest" in result.err), result
    assert home.processes() == []


def test_a_port_that_another_workspace_has_is_named_so(home):
    port = free_port()
    home.up(home.folder("one"), "--port", port)
    result = home.run("up", home.folder("two"), "--port", port, status=None)
    assert result.status in (1, 3) and str(port) in result.err


def test_a_port_that_is_none_is_a_usage_error(home):
    for port in ("0", "65536", "-1", "http"):
        home.run("up", home.folder("lesson"), "--port", port, status=2)


# The public door.


@pytest.fixture(scope="module")
def public():
    home = Home()
    ready = home.up(home.folder("lesson"), "--public", "--password-stdin", input=password + "\n")
    yield home, ready
    home.clean()


def certificate_of(port):
    return ssl.get_server_certificate(("127.0.0.1", port))


def fingerprint_of(pem):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()


def openssl(pem, *args):
    return subprocess.run(["openssl", "x509", "-noout", *args], input=pem, capture_output=True, text=True, check=True).stdout


def test_public_needs_a_password(home):
    result = home.run("up", home.folder("lesson"), "--public", status=None)
    assert result.status in (2, 3) and "password" in result.err.lower()
    assert home.processes() == []


def test_public_listens_on_all_interfaces_over_https(public):
    home, ready = public
    assert ready["url"].startswith("https://") and ready["public"] is True
    doors = listening(home)
    assert {port for _, port in doors} == {ready["port"]}
    assert any(set(address) == {"0"} for address, _ in doors)
    with socket.create_connection(("127.0.0.1", ready["port"])) as plain:
        plain.settimeout(5)
        plain.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            assert b"200 OK" not in plain.recv(4096)
        except (ConnectionError, TimeoutError):
            pass


def test_the_fingerprint_printed_is_the_certificates(public):
    home, ready = public
    digest = fingerprint_of(certificate_of(ready["port"]))
    assert ready["fingerprint"].replace(":", "").upper().endswith(digest)
    text = home.run("up", home.path / "lesson")
    assert re.sub("[^0-9A-F]", "", ready["fingerprint"].upper())[-64:] in re.sub("[^0-9A-F]", "", (text.out + text.err).upper())


def test_the_certificate_names_this_host_and_lasts_397_days(public):
    _, ready = public
    pem = certificate_of(ready["port"])
    text = openssl(pem, "-text")
    assert "prime256v1" in text and "ecdsa-with-SHA256" in text and "TLS Web Server Authentication" in text
    names = openssl(pem, "-ext", "subjectAltName")
    assert "localhost" in names and "127.0.0.1" in names and socket.gethostname() in names
    dates = dict(line.split("=", 1) for line in openssl(pem, "-dates").splitlines())
    begin, end = (datetime.datetime.strptime(dates[key], "%b %d %H:%M:%S %Y GMT") for key in ("notBefore", "notAfter"))
    assert datetime.timedelta(days=396) <= end - begin <= datetime.timedelta(days=398)
    assert begin <= datetime.datetime.utcnow() <= end


def test_a_client_that_trusts_the_certificate_verifies_its_name(public):
    _, ready = public
    context = ssl.create_default_context(cadata=certificate_of(ready["port"]))
    with socket.create_connection(("127.0.0.1", ready["port"])) as plain, context.wrap_socket(plain, server_hostname="localhost") as door:
        assert door.version() in ("TLSv1.2", "TLSv1.3")


def test_a_certificate_that_ends_soon_is_renewed_under_the_running_server(public):
    home, ready = public
    folder = home.state / "workspaces" / ready["id"] / "certificate"
    subject = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-days", "3"]
    subprocess.run(["openssl", "req", "-x509", *subject, "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"], check=True, capture_output=True)
    (kernel,) = [home.client("lesson").kernel()]
    again = home.run("up", home.path / "lesson", "--json").last()
    assert again["was_up"] is True and again["fingerprint"] != ready["fingerprint"]
    pem = until(lambda: (served := certificate_of(ready["port"])) and fingerprint_of(served) in again["fingerprint"].replace(":", "").upper() and served, 20, "the new certificate")
    assert "localhost" in openssl(pem, "-ext", "subjectAltName")
    assert kernel in [one["id"] for one in home.client("lesson").get("/api/kernels").json()]


def test_the_certificate_is_kept_over_a_restart(public):
    home, ready = public
    home.run("stop", "lesson")
    before = home.run("start", "lesson", "--json").last()["fingerprint"]
    home.run("stop", "lesson")
    assert home.run("start", "lesson", "--json").last()["fingerprint"] == before
    until(lambda: home.workspace("lesson")["state"] == "up")


def test_private_takes_public_back(public):
    home, _ = public
    folder = home.path / "lesson"
    assert "carrel stop lesson" in home.run("up", folder, "--private").err
    assert home.workspace("lesson")["public"] is True
    home.run("stop", "lesson")
    again = home.up(folder, "--private")
    assert again["public"] is False and again["url"].startswith("http://127.0.0.1:")
    assert {address for address, _ in listening(home)} <= loopback
