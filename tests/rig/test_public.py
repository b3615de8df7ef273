"""`--public` on a machine: HTTPS at its own address, for whom it was opened, with the password. On real hosts, by the program."""

import hashlib
import http.cookiejar
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

import pytest
from test_program import free_port, instances, keepers, person, status_of  # noqa: F401 (a fixture)

PASSWORD = "an open door 8888"


def rules(rig):
    """{(port, network)} of the person's group."""
    found = set()
    for group in rig.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["carrel-reader"]}])["SecurityGroups"]:
        for rule in group["IpPermissions"]:
            found |= {(rule["FromPort"], one["CidrIp"]) for one in rule["IpRanges"]}
    return found


def answers(address):
    try:
        socket.create_connection((address, 8888), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def certificate(address, fingerprint):
    """A context that trusts what the address shows, if that is what was printed, and for that address alone."""
    shown = ssl.get_server_certificate((address, 8888))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest().upper()
    assert ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)) == fingerprint
    return ssl.create_default_context(cadata=shown)


def sign_in(base, context, password):
    """(status of the sign-in, the one who has signed in or not)."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor(jar))
    opener.open(base + "/login", timeout=20).read()
    (xsrf,) = [cookie.value for cookie in jar if cookie.name == "_xsrf"]
    try:
        status = opener.open(base + "/login", data=urllib.parse.urlencode({"_xsrf": xsrf, "password": password}).encode(), timeout=20).status
    except urllib.error.HTTPError as error:
        status = error.code
    return status, opener


def status(opener, url):
    try:
        return opener.open(url, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def password_file(person):  # noqa: F811
    file = person.home / "password"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    return file


def last(done):
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.long
@pytest.mark.timeout(700)
def test_public_is_https_with_the_password_at_each_starts_address_and_private_closes_it(person, host_rig):  # noqa: F811
    password = password_file(person)
    ready = person.up("--port", str(free_port()))
    (instance,) = instances(host_rig)

    def address():
        return host_rig.instance(instance)["PublicIpAddress"]

    (caller,) = {network for port, network in rules(host_rig) if port == 22}
    assert ready["public"] is False and ready["public_url"] is None and ready["fingerprint"] is None
    assert not answers(address()) and rules(host_rig) == {(22, caller)}

    # It is up as it was: said, and nothing is opened for a server that does not listen.
    person.env["CARREL_PASSWORD_FILE"] = str(password)
    said = person.carrel("up", "--yes", "--public").stderr
    assert "public reach" in said and not answers(address()) and rules(host_rig) == {(22, caller)}
    person.carrel("stop", "lesson")

    seen = []
    for _ in range(2):
        done = person.carrel("start", "lesson", "--json")
        up = last(done)
        seen.append((address(), up["fingerprint"]))
        base = f"https://{address()}:8888"
        assert up["public"] is True and up["public_url"].startswith(base + "/lab") and up["port"] == ready["port"]
        assert rules(host_rig) == {(22, caller), (8888, caller)}
        assert f"port 8888 is open to {caller}" in done.stdout
        context = certificate(address(), up["fingerprint"])
        code, nobody = sign_in(base, context, "a wrong one")
        assert code == 401 and status(nobody, base + "/api/contents") == 403
        code, reader = sign_in(base, context, PASSWORD)
        assert code == 200 and status(reader, base + "/api/contents") == 200
        # Beside it, the way through ssh, without a password's page.
        assert status_of(f"http://127.0.0.1:{ready['port']}/api") == 200
        assert up["url"].startswith(f"http://127.0.0.1:{ready['port']}/")
        key = person.carrel("ssh", "lesson", "--", f"stat -c %a .local/state/carrel/workspaces/{ready['id']}/certificate/*").stdout.split()
        assert key == ["600", "600"]
        assert last(person.carrel("up", "--yes", "--json"))["fingerprint"] == up["fingerprint"]

        assert f"port 8888 is closed to {caller}" in person.carrel("stop", "lesson").stderr
        host_rig.wait_state(instance, "stopped")
        assert rules(host_rig) == {(22, caller)}
    assert seen[0][0] != seen[1][0] and seen[0][1] != seen[1][1], seen

    person.carrel("start", "lesson")
    assert rules(host_rig) == {(22, caller), (8888, caller)} and answers(address())
    # Closed at once; the server goes back to its socket alone at the next start.
    said = person.carrel("up", "--yes", "--private").stderr
    assert f"port 8888 is closed to {caller}" in said and "private reach" in said
    assert rules(host_rig) == {(22, caller)}
    person.carrel("stop", "lesson")
    closed = last(person.carrel("start", "lesson", "--json"))
    assert closed["public"] is False and closed["public_url"] is None and not answers(address())
    assert rules(host_rig) == {(22, caller)}


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_network_that_is_named_is_let_in_and_rm_closes_the_port(person, host_rig):  # noqa: F811
    password = password_file(person)
    network = "10.0.0.0/8"
    assert "password" in person.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--public", status=3).stderr
    assert instances(host_rig) == {}
    person.env["CARREL_PASSWORD_FILE"] = str(password)
    up = person.up("--public", "--from", network, "--port", str(free_port()))
    assert rules(host_rig) == {(22, network), (8888, network)} and up["public_url"]
    (instance,) = instances(host_rig)
    certificate(host_rig.instance(instance)["PublicIpAddress"], up["fingerprint"])
    person.carrel("rm", "lesson", "--yes", "--discard")
    assert rules(host_rig) == {(22, network)}


@pytest.mark.long
@pytest.mark.timeout(700)
def test_the_port_stays_open_for_another_public_one_until_that_ends_too(person, host_rig):  # noqa: F811
    password = password_file(person)
    person.env["CARREL_PASSWORD_FILE"] = str(password)
    first = person.up("--public", "--port", str(free_port()))
    (instance,) = instances(host_rig)
    second = person.up("--public", "--port", str(free_port()), person.other())
    (other,) = set(instances(host_rig)) - {instance}
    (caller,) = {network for port, network in rules(host_rig) if port == 22}
    both, ssh = {(22, caller), (8888, caller)}, {(22, caller)}
    assert rules(host_rig) == both

    def reaches(ready, machine):
        address = host_rig.instance(machine)["PublicIpAddress"]
        code, _ = sign_in(f"https://{address}:8888", certificate(address, ready["fingerprint"]), PASSWORD)
        return code == 200

    assert reaches(first, instance) and reaches(second, other)
    assert "port 8888 stays open for other\n" in person.carrel("stop", "lesson").stderr
    assert rules(host_rig) == both and reaches(second, other)
    assert f"port 8888 is closed to {caller}" in person.carrel("stop", "other").stderr
    assert rules(host_rig) == ssh

    # The same with the other ways to end one; that the door of a server that runs is still there is said.
    for name in ("lesson", "other"):
        person.carrel("start", name)
    assert rules(host_rig) == both
    said = person.carrel("up", "--yes", "--private").stderr
    assert "port 8888 stays open for other: until its next start lesson is reached there, too" in said
    assert rules(host_rig) == both
    assert f"port 8888 is closed to {caller}" in person.carrel("rm", "other", "--yes", "--discard").stderr
    assert rules(host_rig) == ssh
