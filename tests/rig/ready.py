"""What the first `up` installs on a machine, kept for the disks of other hosts."""

import fcntl
import hashlib
from pathlib import Path

from ec2.hosts import kept
from test_program import Person, somebody

root = Path(__file__).parents[2]


def kept_of_a_first_up(rig):
    """The name of what such an `up` has left on a host: uv, Jupyter, an environment of test_program's folder. While another makes it: ""."""
    made_from = [*(root / "src/environment").rglob("*"), *(root / "src/jupyter/server").rglob("*"), Path(__file__), root / "tests/rig/ec2/build-image"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(made_from) if file.is_file() and file.suffix != ".pyc"))
    name = "ready-" + digest.hexdigest()[:12]
    with open(root / "build/ready.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return name if kept(name).exists() else ""
        if not kept(name).exists():
            with somebody(Person, rig) as person:
                instance = person.up()["ref"]
                person.carrel("ssh", "lesson", "--", "rm -r .local/share/carrel/environments")
                person.carrel("stop", "lesson")
                rig.wait_state(instance, "stopped")
                rig.control("keep", {"id": instance, "paths": ["home/ubuntu/.cache/carrel", "home/ubuntu/.local/share/carrel"], "as": name})
            rig.control("reset", {})
    return name
