import fcntl
import hashlib
import os
import sys
from pathlib import Path

import pytest

for folder in ("rig", "cli", "browser"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
from lab import browser, page  # noqa: E402, F401
from ec2.hosts import kept  # noqa: E402
from rigs import CannotRun, Key, Rig  # noqa: E402


def with_hosts(*options, **more):
    """A rig with hosts; where none can run that is a skip by name, but a failure in CI."""
    try:
        return Rig(*options, **more)
    except CannotRun as error:
        if os.environ.get("CARREL_CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def one_rig():
    rig = Rig("--no-hosts")
    yield rig
    rig.close()


@pytest.fixture
def rig(one_rig):
    """Without hosts, as it is right after its start."""
    one_rig.control("reset", {})
    return one_rig


@pytest.fixture(scope="session")
def one_host_rig(tmp_path_factory):
    rig = with_hosts("--state", str(tmp_path_factory.mktemp("rig")))
    yield rig
    rig.close()


@pytest.fixture
def host_rig(one_host_rig):
    one_host_rig.control("reset", {})
    yield one_host_rig
    one_host_rig.control("reset", {})


@pytest.fixture
def ready_rig(host_rig):
    """Its hosts have on their disks what the first `up` installs: uv, Jupyter, an environment. They were made by such an `up`."""
    from test_program import Person, somebody

    root = Path(__file__).parents[2]
    made_from = [*(root / "src/environment").rglob("*"), *(root / "src/jupyter/server").rglob("*"), Path(__file__), root / "tests/rig/ec2/build-image"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(made_from) if file.is_file() and file.suffix != ".pyc"))
    name = "ready-" + digest.hexdigest()[:12]
    with open(root / "build/ready.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept(name).exists():
            with somebody(Person, host_rig) as person:
                instance = person.up()["ref"]
                person.carrel("ssh", "lesson", "--", "rm -r .local/share/carrel/environments")
                person.carrel("stop", "lesson")
                host_rig.wait_state(instance, "stopped")
                host_rig.control("keep", {"id": instance, "paths": ["home/ubuntu/.cache/carrel", "home/ubuntu/.local/share/carrel"], "as": name})
            host_rig.control("reset", {})
    host_rig.set(on_top=name)
    return host_rig


@pytest.fixture
def key(tmp_path):
    return Key(tmp_path)
