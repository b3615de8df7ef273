import shutil
import tempfile
from pathlib import Path

import pytest

from workspace import Stock, Workspace, package

# Short paths: a unix socket's path has 107 bytes at most.


@pytest.fixture(scope="session")
def package_folder():
    folder = tempfile.mkdtemp(prefix="cp")
    yield package(folder)
    shutil.rmtree(folder)


@pytest.fixture
def folder():
    made = tempfile.mkdtemp(prefix="cs")
    yield Path(made)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def make(folder, package_folder):
    """Makes workspaces; whatever they started is gone afterwards."""
    made = []

    def one(**options):
        made.append(Workspace(folder / str(len(made)), package_folder, **options))
        return made[-1]

    yield one
    for workspace in made:
        workspace.destroy()


@pytest.fixture(scope="session")
def stock_server():
    """One `jupyter lab` for all tests that ask what stock does."""
    folder = tempfile.mkdtemp(prefix="cj")
    stock = Stock(folder).up()
    yield stock
    stock.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["carrel", "stock"])
def kernel(request, make):
    """(client, kernel id): Carrel's first kernel, and one of stock `jupyter lab`."""
    if request.param == "stock":
        client = request.getfixturevalue("stock_server").client
    else:
        client = make().up().client
    identifier = client.kernel()
    yield client, identifier
    if request.param == "stock":
        client.request("DELETE", f"/api/kernels/{identifier}")
