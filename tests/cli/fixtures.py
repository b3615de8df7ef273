import pytest
from support import Home


@pytest.fixture
def home():
    home = Home()
    yield home
    home.clean()


@pytest.fixture
def fresh_home():
    """Nothing shared: as on a machine that Carrel has never been on."""
    home = Home(own_data=True)
    yield home
    home.clean()


@pytest.fixture
def homes():
    """Makes as many as a test wants."""
    made = []

    def make(**options):
        made.append(Home(**options))
        return made[-1]

    yield make
    for home in made:
        home.clean()


@pytest.fixture(scope="module")
def up():
    """A home with one workspace, `lesson`, that is up: for tests that only look. (home, folder, ready event)"""
    home = Home()
    folder = home.folder("lesson", {"notes.txt": "mine\n"})
    yield home, folder, home.up(folder)
    home.clean()
