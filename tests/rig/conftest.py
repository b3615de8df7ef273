import os
import sys
from pathlib import Path

import pytest

for folder in ("rig", "cli", "browser"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
from lab import browser, page  # noqa: E402, F401
from ready import kept_of_a_first_up  # noqa: E402
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
    """Its hosts have on their disks what the first `up` installs, as soon as somebody has made that."""
    host_rig.set(on_top=kept_of_a_first_up(host_rig))
    return host_rig


@pytest.fixture
def key(tmp_path):
    return Key(tmp_path)
