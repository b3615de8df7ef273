"""GetConsoleOutput: what the host printed, or without a host what one would print, bent as the settings say."""

import base64
import datetime
import functools
import re
import subprocess
import tempfile
import time

from . import cloud
from .protocol import AwsError, ec2_xml

MOST = 65536
KEY_LINE = re.compile(rb"(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/=]{40,}")
FINGERPRINT = re.compile(rb"SHA256:[A-Za-z0-9+/]{43}")


@functools.lru_cache(maxsize=4096)
def made_key(name):
    """(public key, fingerprint) of a fresh ed25519 key, one a name: for instances without hosts, and for lies."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", f"{folder}/key"], check=True, timeout=20)
        with open(f"{folder}/key.pub", "rb") as file:
            public = b" ".join(file.read().split()[:2])
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-f", f"{folder}/key.pub"], check=True, timeout=20, capture_output=True
        ).stdout
        return public, shown.split()[1]


def imagined(instance_id):
    """The part of a first boot that matters, as cloud-init prints it."""
    public, fingerprint = made_key(instance_id)
    return b"".join(
        line + b"\r\n"
        for line in (
            b"[    0.000000] Linux version 6.8.0-1029-aws",
            b"ci-info: no authorized SSH keys fingerprints found for user ubuntu.",
            b"-----BEGIN SSH HOST KEY FINGERPRINTS-----",
            b"256 " + fingerprint + b" root@host (ED25519)",
            b"-----END SSH HOST KEY FINGERPRINTS-----",
            b"-----BEGIN SSH HOST KEY KEYS-----",
            public + b" root@host",
            b"-----END SSH HOST KEY KEYS-----",
        )
    )


def output(world, call):
    instance = world.instances.get(call.params.get("InstanceId", ""))
    if instance is None or any(instance in entry[1].instances for entry in world.hidden.values()):
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{call.params.get('InstanceId', '')}' does not exist")
    latest = call.params.get("Latest") == "true"
    if latest and cloud.type_facts(instance.instance_type).get("Hypervisor") != "nitro":
        raise AwsError("UnsupportedOperation", "This instance type does not support retrieving the latest console logs.")
    bent = world.settings["console"]
    age = time.time() - world.booted.get(instance.id, 0.0)
    host = world.hosts.get(instance.id)
    text = host.console.read_bytes() if host and host.console.exists() else imagined(instance.id) if not host else b""
    # Without Latest, EC2 shows what it took some minutes after the instance last changed its state.
    if (
        bent["withhold"]
        or age < bent["delay_s"]
        or (not latest and age < bent["posted_s"] and instance.state in ("pending", "running"))
    ):
        text = b""
    if bent["falsify"]:
        public, fingerprint = made_key("falsified " + instance.id)
        text = FINGERPRINT.sub(fingerprint, KEY_LINE.sub(public, text))
    if bent["truncate"]:
        text = text[: bent["truncate"]]
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    encoded = base64.b64encode(text[-MOST:]).decode()
    return ec2_xml(
        "GetConsoleOutput", f"<instanceId>{instance.id}</instanceId><timestamp>{stamp}</timestamp><output>{encoded}</output>"
    )
