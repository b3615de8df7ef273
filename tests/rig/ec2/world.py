"""What the rig remembers beside moto: its knobs, which instances are on their way to another state, their hosts, the launches by token.

One lock, `World.lock`, is held while a call is answered and while a host's end is noted; nothing waits under it.
"""

import copy
import itertools
import threading
import time

from moto.ec2.models.instances import InstanceState, StateReason

from . import buckets, cloud

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}

# What /_rig/settings shows and changes. Seconds; counts; names as AWS has them.
DEFAULTS = {
    "pending_s": 0.0,  # pending for at least this long before running
    "disk_mb": 0,  # how much the disk of the next hosts holds; 0: as much as this machine's
    "on_top": "",  # what `keep` kept under this name is on the disk of the next hosts
    "stopping_s": 0.0,  # stopping, shutting-down for at least this long
    "hidden_calls": 0,  # EC2 calls after RunInstances to which the new instances do not exist
    "launch_failure": "",  # "CODE: MESSAGE": the next launches go from pending to terminated with it
    "capacity": {},  # {"us-east-1a": 0, "us-east-1b/g5.xlarge": 2}: how many may run there
    "quotas": {
        "L-DB2E81BA": 192,
        "L-417A185B": 0,
        "L-1216C47A": 4096,
        "L-1945791B": 0,
        "L-3819A6DF": 192,
        "L-7212CCBC": 0,
        "L-34B43A08": 4096,
    },
    "plan": "PAID",  # or FREE: no GPU whatever the quota
    "deny": [],  # ["ec2:RunInstances"]: UnauthorizedOperation with an encoded message
    "identity": "",  # GetCallerIdentity's Arn where it is not the user's
    "caller": "",  # what /checkip answers; empty: the address from which hosts see the caller
    "throttle": False,  # AWS's documented token buckets
    "hang_s": 30.0,  # how long a hung connection hangs unless its client goes first
    "console": {"delay_s": 0.0, "posted_s": 60.0, "withhold": False, "truncate": 0, "falsify": False},
}


class World:
    def __init__(self, host_maker=None):
        """`host_maker(instance_id, variant, on_top, went_off, disk_mb)` gives a Host; without one there are no hosts."""
        self.lock = threading.RLock()
        self.host_maker = host_maker
        self.started = time.time()
        self.reset()

    def reset(self):
        with self.lock:
            for host in getattr(self, "hosts", {}).values():
                threading.Thread(target=host.remove, daemon=True).start()
            cloud.reset()
            self.settings = copy.deepcopy(DEFAULTS)
            if self.host_maker:
                self.settings.update(pending_s=1.0, hidden_calls=1)
            self.hosts = {}  # by instance id
            self.instances = {}  # by id: moto's instance
            self.launches = {}  # by (region, zone, token): (what was asked, ids)
            self.due = {}  # by instance id: (monotonic time, what happens then)
            self.shown = {}  # answers of DescribeInstances that still hold
            self.hidden = {}  # by reservation id: [calls left, reservation]
            self.booted = {}  # by instance id: time of the last start
            self.requests = []  # of quotas
            self.buckets = buckets.Buckets()
            self.numbers = itertools.count(1)

    def change(self, changes):
        """Sets knobs; a dict is merged. Raises ValueError where there is no such knob or the value is of another kind."""
        with self.lock:
            for name, value in changes.items():
                if name not in DEFAULTS:
                    raise ValueError(f"there is no setting '{name}'; there are {', '.join(DEFAULTS)}")
                kind = type(DEFAULTS[name])
                if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
                    raise ValueError(f"'{name}' is a {kind.__name__}, not {value!r}")
                self.settings[name] = {**self.settings[name], **value} if kind is dict else value

    # The states of instances.

    def set_state(self, instance, name, reason=None):
        instance._state = InstanceState(name, CODES[name])
        if reason is not None:
            instance.state_reason = StateReason(reason, reason.partition(":")[0])

    def later(self, instance, seconds, then):
        """Does it in some seconds, at once if none; replaces what else was due for the instance."""
        self.due[instance.id] = (time.monotonic() + seconds, then)
        self.tick()

    def tick(self):
        """Does what has become due. Called before every answer, so nobody sees a state that is over."""
        for instance_id, (at, then) in list(self.due.items()):
            if at <= time.monotonic():
                del self.due[instance_id]
                self.shown.clear()
                then()

    def runs(self, instance):
        host = self.hosts.get(instance.id)
        if host and not host.on:
            self.went_off(host)
            return
        self.set_state(instance, "running")
        if host:
            instance.nics[0].public_ip = host.address

    def is_gone(self, instance):
        self.set_state(instance, "terminated")
        if host := self.hosts.pop(instance.id, None):
            threading.Thread(target=host.remove, daemon=True).start()

    def end(self, instance, reason):
        """Terminates it without having been told to through the API."""
        instance.terminate()
        self.set_state(instance, "terminated", reason)
        self.is_gone(instance)

    def give_address(self, instance, address):
        nic = instance.nics[0]
        nic.private_ip_address, nic.public_ip = address, None
        nic.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]

    def went_off(self, host):
        """A host's first process ended: it was told to, or somebody on it said poweroff."""
        with self.lock:
            self.shown.clear()
            instance = self.instances.get(host.name)
            if instance is None or self.hosts.get(host.name) is not host or instance.state in ("shutting-down", "terminated"):
                return
            asked = instance.state == "stopping"
            self.due.pop(instance.id, None)
            if not asked and instance.instance_initiated_shutdown_behavior == "terminate":
                self.end(instance, "Client.InstanceInitiatedShutdown: Instance initiated shutdown")
                return
            instance.stop()
            instance.nics[0].public_ip = None
            if not asked:
                self.set_state(instance, "stopped", "Client.InstanceInitiatedShutdown: Instance initiated shutdown")

    # Instances that were just made and are not seen yet.

    def hide(self, ec2, reservation):
        if self.settings["hidden_calls"]:
            self.hidden[reservation.id] = [self.settings["hidden_calls"], reservation, ec2]
            ec2.reservations.pop(reservation.id)

    def show_hidden(self):
        """One call has been answered: what was hidden long enough appears."""
        for key, entry in list(self.hidden.items()):
            entry[0] -= 1
            if entry[0] <= 0:
                self.appear(key)

    def appear(self, key):
        self.shown.clear()
        _, reservation, ec2 = self.hidden.pop(key)
        ec2.reservations[reservation.id] = reservation
