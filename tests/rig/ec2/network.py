"""The wires of the rig's hosts: a bridge here, a network namespace per host, one more for the services at 169.254.169.x.

Several rigs may run side by side: each holds a slot, and everything it makes in the kernel carries the slot's number: bridge `rigN`,
namespaces `rigN-...`, cgroups `carrel-rig-N`, addresses 10.(77+N).0.0/16. The slot is a lock that ends with the process, so whoever
starts next finds what a killed rig left and removes it.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

LOCKS = pathlib.Path("/run/carrel-rig")
SLOTS = 8
CLONE_NEWNET = 0x40000000
METADATA, INDEX = "169.254.169.254", "169.254.169.253"


class CannotRun(Exception):
    """One line: why this machine cannot be the rig's."""


def ip(*arguments, batch=None):
    command = ["ip", *arguments] if batch is None else ["ip", *arguments, "-batch", "-"]
    done = subprocess.run(command, input=batch, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise CannotRun(f"'{' '.join(command)}' failed: {done.stderr.strip()}")
    return done.stdout


def cgroup_roots():
    """The folders in which a host's cgroup must exist: one on pure cgroup v2, two where systemd's own tree is beside it."""
    base = pathlib.Path("/sys/fs/cgroup")
    if (base / "cgroup.controllers").exists():
        return [base]
    if (base / "unified/cgroup.procs").exists():
        return [base / "unified"] + [base / "systemd"] * (base / "systemd/cgroup.procs").exists()
    raise CannotRun("there is neither cgroup v2 nor the hybrid layout at /sys/fs/cgroup")


def check_machine():
    """Raises CannotRun unless this machine can boot hosts; leaves nothing behind."""
    if os.geteuid():
        raise CannotRun("hosts need root (namespaces, mounts)")
    for program, package in {"systemd-nspawn": "systemd-container", "ip": "iproute2", "nsenter": "util-linux"}.items():
        if not shutil.which(program):
            raise CannotRun(f"'{program}' is not installed (package {package})")
    for root in cgroup_roots():
        if not os.access(root, os.W_OK) or os.statvfs(root).f_flag & os.ST_RDONLY:
            raise CannotRun(f"{root} is read-only")
    trial = (
        "mount -t tmpfs tmpfs /mnt && mkdir /mnt/l /mnt/u /mnt/w /mnt/m && "
        "mount -t overlay o -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m"
    )
    done = subprocess.run(
        ["unshare", "-m", "-n", "-T", "sh", "-c", trial], capture_output=True, text=True, timeout=20, check=False
    )
    if done.returncode:
        raise CannotRun(f"no namespaces or no overlay file system: {' '.join(done.stderr.split())}")


def remove_disks(folder):
    """Removes a folder of hosts, or of one."""
    for volume in (*folder.glob("volume"), *folder.glob("*/volume")):
        if volume.is_mount():
            subprocess.run(["umount", "--lazy", volume], check=False, timeout=20)
    shutil.rmtree(folder, ignore_errors=True)


class Slot:
    """Everything of one rig that the kernel holds. Threads: all methods may be called by any."""

    @classmethod
    def take(cls):
        """The first free slot. Whatever killed rigs left, in it and in the others that are free, is removed."""
        LOCKS.mkdir(exist_ok=True)
        # One rig at a time: looking through the slots holds all that are free.
        with open(LOCKS / "door", "a") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            slots = [cls(number) for number in range(SLOTS)]
            free = [slot for slot in slots if slot.locked]
            for slot in free:
                slot.clean()
                slot.remove_folder()
            for slot in slots:
                if slot not in free[:1]:
                    slot._file.close()
        if not free:
            raise CannotRun(f"{SLOTS} rigs run already")
        return free[0]

    def __init__(self, number):
        self.name = f"rig{number}"
        self.cgroup = f"carrel-rig-{number}"
        self.prefix = f"10.{77 + number}"
        self.gateway = f"{self.prefix}.0.1"
        self._next = 0
        self._lock = threading.Lock()
        self._file = open(LOCKS / str(number), "a+")  # noqa: SIM115 (held for the life of the process)
        self.locked = True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.locked = False

    def remove_folder(self):
        """Removes the folder that the slot's holder wrote down as the one to go with it."""
        self._file.seek(0)
        if folder := self._file.read().strip():
            remove_disks(pathlib.Path(folder))
        self.remember_folder("")

    def remember_folder(self, folder):
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(folder))
        self._file.flush()

    def set_up(self):
        """The bridge, and the namespace of the services."""
        services = f"{self.name}-services"
        ip(batch=f"link add {self.name} type bridge\naddr add {self.gateway}/16 dev {self.name}\nlink set {self.name} up\n")
        ip("netns", "add", services)
        ip(
            batch=f"link add {self.name}s type veth peer name eth0 netns {services}\nlink set {self.name}s master {self.name} up\n"
        )
        ip(
            "-n",
            services,
            batch=f"addr add {METADATA}/32 dev eth0\naddr add {INDEX}/32 dev eth0\naddr add {self.prefix}.0.2/16 dev eth0\n"
            "link set eth0 up\nlink set lo up\n",
        )

    def service_socket(self, address):
        """A listening socket on port 80 of the services' namespace; only the socket lives there, not the process."""
        made = []

        def make():
            try:
                with open(f"/run/netns/{self.name}-services") as namespace:
                    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                        raise CannotRun(f"setns: {os.strerror(ctypes.get_errno())}")
                made.append(socket.create_server((address, 80), backlog=64))
            except (OSError, CannotRun) as error:
                made.append(error)

        # A namespace is the thread's own: this one goes with its thread.
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not isinstance(made[0], socket.socket):
            raise CannotRun(f"no socket on {address}: {made[0]}")
        return made[0]

    def next_address(self):
        with self._lock:
            self._next += 1
            return f"{self.prefix}.{self._next // 250 + 1}.{self._next % 250 + 1}"

    def wire(self, address):
        """The names of a host's namespace and of its cable on the bridge, from its address."""
        _, _, high, low = address.split(".")
        return f"{self.name}-{high}-{low}", f"{self.name}h{high}x{low}"

    def connect(self, address):
        """A namespace with eth0 at `address`, no route out. Returns its MAC address."""
        namespace, cable = self.wire(address)
        ip("netns", "add", namespace)
        ip(batch=f"link add {cable} type veth peer name eth0 netns {namespace}\nlink set {cable} master {self.name} up\n")
        ip(
            "-n",
            namespace,
            batch=f"link set lo up\naddr add {address}/16 dev eth0\nlink set eth0 up\nroute add 169.254.169.252/30 dev eth0\n",
        )
        return ip("-n", namespace, "-o", "link", "show", "eth0").split("link/ether ")[1].split()[0]

    def disconnect(self, address):
        namespace, cable = self.wire(address)
        # The cable first: a namespace goes only with its last process.
        for command in (("link", "del", cable), ("netns", "del", namespace)):
            with contextlib.suppress(CannotRun):
                ip(*command)

    def pull(self, address, out):
        ip("link", "set", self.wire(address)[1], "down" if out else "up")

    def cgroups(self, host):
        folders = [root / self.cgroup / host for root in cgroup_roots()]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        return folders

    def kill(self, host=""):
        """Ends every process of the host (of all hosts) at once; whoever waits for them sees it."""
        for root in cgroup_roots():
            for folder, _, _ in os.walk(root / self.cgroup / host):
                with contextlib.suppress(OSError):
                    (pathlib.Path(folder) / "cgroup.kill").write_text("1")

    def end_cgroups(self, host=""):
        """Ends every process of the host (of all hosts), and removes the cgroups. They may vanish meanwhile."""
        deadline = time.monotonic() + 10
        roots = [root / self.cgroup / host for root in cgroup_roots()]
        while any(root.exists() for root in roots) and time.monotonic() < deadline:
            self.kill(host)
            for root in roots:
                for folder, _, _ in os.walk(root, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(folder)
            time.sleep(0.02)

    def clean(self):
        """Removes all that carries the slot's name: processes, then namespaces, cables, bridge."""
        self.end_cgroups()
        for namespace in pathlib.Path("/run/netns").glob(f"{self.name}-*"):
            with contextlib.suppress(CannotRun):
                ip("netns", "del", namespace.name)
        for link in pathlib.Path("/sys/class/net").glob(f"{self.name}*"):
            with contextlib.suppress(CannotRun):
                ip("link", "del", link.name)
