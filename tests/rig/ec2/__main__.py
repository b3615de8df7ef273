"""Starts the rig: python -m ec2 [--hosts|--no-hosts] [--port N] [--state DIR] [--faults SEED]. `run` beside it installs what it needs first."""

import argparse
import pathlib
import signal
import sys
import tempfile
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

from . import cloud, faults, imds, index, network
from .gate import Gate, Log
from .hosts import Host, layers_of
from .world import World

ROOT = pathlib.Path(__file__).resolve().parents[3]
# What the maker of an image of one's own has set.
OWN = """system_info:
  default_user:
    {name: student, lock_passwd: true, shell: /bin/bash, groups: [adm, sudo], sudo: ["ALL=(ALL) NOPASSWD:ALL"]}
"""


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def connection_dropped(self, *_):
        """Also where a fault ended it: there is no next request on this connection."""
        self.close_connection = True

    def log(self, kind, message, *arguments):
        if kind == "error":
            super().log(kind, message, *arguments)


class Machines:
    """The slot, the services and the folder of all hosts; gives hosts, and removes everything at the end."""

    def __init__(self, state):
        network.check_machine()
        self.slot = network.Slot.take()
        self.folder = state.resolve() / "hosts" if state else pathlib.Path(tempfile.mkdtemp(prefix="carrel-rig-"))
        self.slot.remember_folder(self.folder)
        self.hosts = []
        self.slot.set_up()
        imds.serve(self.slot.service_socket(network.METADATA), imds.handler_for(self.at))
        imds.serve(self.slot.service_socket(network.INDEX), index.handler_for(ROOT / "build/rig/index"))

    def at(self, address):
        return next((host for host in self.hosts if host.address == address), None)

    def make(self, name, variant, on_top, went_off, disk_mb):
        layers = ":".join(map(str, layers_of(variant, on_top)))
        host = Host(self.slot, self.folder / name, name, layers, b"", went_off, disk_mb)
        if variant == "own":
            settings = host.volume / "disk/etc/cloud/cloud.cfg.d/95-own.cfg"
            settings.parent.mkdir(parents=True)
            settings.write_text(OWN)
        self.hosts.append(host)
        return host

    def close(self):
        for host in self.hosts:
            host.went_off = lambda _: None
        self.slot.clean()
        for host in self.hosts:
            host.wait_off(5)
        self.slot.clean()
        self.slot.remove_folder()


def arguments():
    parser = argparse.ArgumentParser(prog="tests/rig/ec2/run", description="EC2 on loopback whose instances are real hosts.")
    parser.add_argument(
        "--hosts", action=argparse.BooleanOptionalAction, default=True, help="boot real hosts (needs root); the default"
    )
    parser.add_argument("--port", type=int, default=0, help="where it listens on 127.0.0.1; by default a free one, printed")
    parser.add_argument(
        "--state",
        type=pathlib.Path,
        help="where it keeps calls.jsonl and the hosts' disks; without it disks go with the rig and the log is in memory",
    )
    parser.add_argument("--faults", type=int, metavar="SEED", help="begin with the finite list of faults that this seed makes")
    return parser.parse_args()


def serve(options, machines):
    world = World(machines.make if machines else None)
    world.caller = machines.slot.gateway if machines else ""
    schedule = faults.Schedule()
    if options.faults is not None:
        schedule.faults = faults.seeded(options.faults)
        world.change(faults.seeded_settings(options.faults))
    log = Log(options.state and options.state / "calls.jsonl")
    server = make_server("127.0.0.1", options.port, Gate(world, log, schedule), threaded=True, request_handler=Quiet)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # In a thread: shutdown waits for the loop that this handler interrupts.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    cloud.region("us-east-1")
    print(f"AWS_ENDPOINT_URL=http://127.0.0.1:{server.port}\nCARREL_CHECKIP_URL=http://127.0.0.1:{server.port}/checkip")
    print(
        f"AWS_ACCESS_KEY_ID={cloud.KEY_ID}\nAWS_SECRET_ACCESS_KEY={cloud.SECRET}\nAWS_DEFAULT_REGION=us-east-1\nAWS_REGION=us-east-1",
        flush=True,
    )
    server.serve_forever()


def main():
    options = arguments()
    if options.state:
        options.state.mkdir(parents=True, exist_ok=True)
    if not options.hosts:
        serve(options, None)
        return 0
    try:
        machines = Machines(options.state)
    except network.CannotRun as error:
        print(f"rig: cannot boot hosts here: {error}", file=sys.stderr)
        return 69
    try:
        serve(options, machines)
    finally:
        machines.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
