import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from fixtures import home, homes, up  # noqa: E402, F401
from lab import browser, page  # noqa: E402, F401
