"""Starts the rig: python -m ec2 [--hosts|--no-hosts] [--port N] [--state DIR] [--faults SEED]. `run` beside it installs what it needs first."""

import argparse
import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

from . import cloud, faults, imds, index, network
from .gate import Gate, Log
from .hosts import Host
from .world import World

ROOT = pathlib.Path(__file__).resolve().parents[3]
IMAGES = ROOT / "build/rig/images"


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


class Machines:
    """The slot, the services and the folder of all hosts; gives hosts, and removes everything at the end."""

    def __init__(self, folder):
        network.check_machine()
        self.folder = folder
        self.slot = network.Slot()
        self.slot.clean()
        if stale := self.slot.stale_folder():
            shutil.rmtree(stale, ignore_errors=True)
        self.slot.remember_folder(folder)
        self.hosts = []
        self.slot.set_up()
        imds.serve(self.slot.service_socket(network.METADATA), imds.handler_for(self.at))
        imds.serve(self.slot.service_socket(network.INDEX), index.handler_for(ROOT / "build/rig/index"))

    def at(self, address):
        return next((host for host in self.hosts if host.address == address), None)

    def make(self, name, variant, went_off):
        layers = [(IMAGES / kind).resolve() for kind in ("pytorch", "plain")[variant == "plain" :]]
        host = Host(self.slot, self.folder / name, name, ":".join(map(str, layers)), b"", went_off)
        self.hosts.append(host)
        return host

    def close(self):
        for host in self.hosts:
            host.went_off = lambda _: None
        self.slot.clean()
        for host in self.hosts:
            host.wait_off(5)
        self.slot.clean()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.slot.remember_folder("")


def arguments():
    parser = argparse.ArgumentParser(prog="tests/rig/ec2/run", description="EC2 on loopback whose instances are real hosts.")
    parser.add_argument("--hosts", action=argparse.BooleanOptionalAction, default=True, help="boot real hosts (needs root); the default")
    parser.add_argument("--port", type=int, default=0, help="where it listens on 127.0.0.1; by default a free one, printed")
    parser.add_argument("--state", type=pathlib.Path, help="where it keeps calls.jsonl and the hosts' disks; by default a folder that goes with it")
    parser.add_argument("--faults", type=int, metavar="SEED", help="begin with the finite list of faults that this seed makes")
    return parser.parse_args()


def serve(options, state, machines):
    world = World(machines.make if machines else None)
    world.caller = machines.slot.gateway if machines else ""
    schedule = faults.Schedule()
    if options.faults is not None:
        schedule.faults = faults.seeded(options.faults)
    server = make_server("127.0.0.1", options.port, Gate(world, Log(state / "calls.jsonl"), schedule), threaded=True, request_handler=Quiet)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # In a thread: shutdown waits for the loop that this handler interrupts.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    cloud.region("us-east-1")
    print(f"AWS_ENDPOINT_URL=http://127.0.0.1:{server.port}")
    print(f"AWS_ACCESS_KEY_ID={cloud.KEY_ID}\nAWS_SECRET_ACCESS_KEY={cloud.SECRET}\nAWS_REGION=us-east-1", flush=True)
    server.serve_forever()


def main():
    options = arguments()
    with contextlib.ExitStack() as stack:
        state = options.state or pathlib.Path(tempfile.mkdtemp(prefix="carrel-rig-"))
        state.mkdir(parents=True, exist_ok=True)
        if not options.state:
            stack.callback(shutil.rmtree, state, ignore_errors=True)
        machines = None
        if options.hosts:
            try:
                machines = Machines(state.resolve() / "hosts")
            except network.CannotRun as error:
                print(f"rig: cannot boot hosts here: {error}", file=sys.stderr)
                return 69
            stack.callback(machines.close)
        serve(options, state, machines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
