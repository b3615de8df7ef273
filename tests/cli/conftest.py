import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fixtures import fresh_home, home, homes, up  # noqa: E402, F401
