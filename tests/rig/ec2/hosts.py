"""Real Linux hosts: systemd-nspawn on a disk of their own. Knows nothing of AWS: who makes one says what it shall be called and tell.

A host is off or on. While it is on, one thread waits for its first process to end; then it tells `went_off(host)`.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

from .network import CannotRun, remove_disks

HERE = os.path.dirname(os.path.abspath(__file__))
DISKS = pathlib.Path(HERE).parents[2] / "build/rig"
REBOOT = 133
POWEROFF, RESTART = signal.SIGRTMIN + 4, signal.SIGRTMIN + 5  # systemd(1), "Signals"


def kept(name):
    """Where `Host.keep` puts what shall be on other disks."""
    if not re.fullmatch("[a-z0-9-]+", name):
        raise ValueError(f"{name!r} is no name of letters, digits and '-'")
    return DISKS / "kept" / name


def layers_of(variant, on_top):
    """The read-only folders below a disk, the topmost first."""
    tops = [kept(on_top)] if on_top else []
    return [layer.resolve() for layer in [*tops, *(DISKS / "images" / kind for kind in ("pytorch", "plain")[variant != "pytorch" :])]]


class Host:
    """One host. `address` is None while it is off; `facts` is what its metadata service tells, set by its maker at each start."""

    def __init__(self, slot, folder, name, layers, user_data, went_off, disk_mb=0):
        self.slot, self.folder, self.name, self.layers, self.user_data = slot, folder, name, layers, user_data
        self.went_off = went_off
        self.address = None
        self.facts = {}
        self.on_since = 0.0
        self._lock = threading.Lock()
        self._process = None
        self._cut = False
        self.volume = folder / "volume"
        self.volume.mkdir(parents=True)
        if disk_mb:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk_mb}m", "tmpfs", self.volume], check=True, timeout=20)
        for part in ("disk", "work", "root"):
            (self.volume / part).mkdir()
        self.console.write_bytes(b"")

    @property
    def console(self):
        return self.folder / "console"

    @property
    def on(self):
        return self.address is not None

    def reserve(self):
        """Gives the next address; `boot` follows."""
        self.address, self._cut = self.slot.next_address(), False
        return self.address

    def boot(self, facts_for):
        """Wires and boots it in a thread of its own; `facts_for(mac)` makes what its metadata service tells."""
        self.on_since = time.time()
        self.console.write_bytes(b"")
        threading.Thread(target=self._live, args=(facts_for,), daemon=True, name=f"host {self.name}").start()

    def _live(self, facts_for):
        try:
            self.facts = facts_for(self.slot.connect(self.address))
            while not self._cut and self._cycle() == REBOOT:
                pass
        except (OSError, CannotRun) as error:
            with self.console.open("a") as console:
                console.write(f"the rig could not boot this host: {error}\n")
        self.slot.end_cgroups(self.name)
        self.slot.disconnect(self.address)
        self.address = None
        self.went_off(self)

    def _cycle(self):
        namespace = self.slot.wire(self.address)[0]
        cgroups = [str(folder) for folder in self.slot.cgroups(self.name)]
        with self.console.open("ab") as console, self._lock:
            if self._cut:
                return 1
            self._process = subprocess.Popen(
                [f"{HERE}/boot", self.volume, self.name, namespace, self.layers, *cgroups],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        status = self._process.wait()
        # Whatever outlived its first process must not write to the disk of the next boot.
        self.slot.end_cgroups(self.name)
        return status

    def _signal(self, number):
        """To its systemd. False where that does not run yet, or no more."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._process and self._process.poll() is None:
                own = self._process.pid
                with open(f"/proc/{own}/task/{own}/children") as children:
                    for child in children.read().split():
                        with open(f"/proc/{child}/status") as status:
                            is_first = any(line.split()[-1] == "1" for line in status if line.startswith("NSpid:"))
                        if is_first and os.readlink(f"/proc/{child}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                            os.kill(int(child), number)
                            return True
        return False

    def press_power(self, force_after=60.0):
        """Asks it to power off, again every second (one that boots does not hear yet), and cuts its power at the end."""

        def press():
            deadline = time.monotonic() + force_after
            while self.on and time.monotonic() < deadline:
                self._signal(POWEROFF)
                for _ in range(100):
                    if not self.on:
                        return
                    time.sleep(0.05)
            self.cut_power()

        threading.Thread(target=press, daemon=True, name=f"power {self.name}").start()

    def press_reset(self):
        return self._signal(RESTART)

    def cut_power(self):
        """At once; does not wait until it is off."""
        with self._lock:
            self._cut = True
            if self._process and self._process.poll() is None:
                self._process.kill()
        if self.on:
            self.slot.kill(self.name)

    def pull_cable(self, out):
        self.slot.pull(self.address, out)

    def wait_off(self, seconds):
        deadline = time.monotonic() + seconds
        while self.on and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.on

    def keep(self, paths, name):
        """What it has written below these paths, for the disks of other hosts. It is off."""
        whole = kept(name)
        half = whole.with_name(f"{name}.new")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        subprocess.run(["cp", "-a", "--parents", "--", *paths, half], cwd=self.volume / "disk", check=True, timeout=120)
        half.rename(whole)

    def remove(self):
        self.cut_power()
        if self.wait_off(20):
            remove_disks(self.folder)
