"""A running rig as tests see it: started by its own `run`, reached by boto3, curl's kind of JSON, and ssh."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

HERE = pathlib.Path(__file__).resolve().parent
PYTORCH = "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.9-ubuntu-24.04/latest/ami-id"
UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
BASE = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"


class CannotRun(Exception):
    pass


def wait_for(what, condition, seconds=60.0):
    """The first true answer of the condition; fails by name where none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return found


class Rig:
    def __init__(self, *options, before=()):
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115 (its whole life; a pipe that nobody reads would stop the rig)
        self.process = subprocess.Popen(
            [*before, HERE / "ec2/run", *options], stdout=subprocess.PIPE, stderr=self.said, text=True
        )
        self.environment = {}
        while "AWS_REGION" not in self.environment:
            name, equals, value = self.process.stdout.readline().strip().partition("=")
            if not equals:
                status = self.process.wait(30)
                self.said.seek(0)
                raise (CannotRun if status == 69 else AssertionError)(self.said.read())
            self.environment[name] = value
        self.address = self.environment["AWS_ENDPOINT_URL"]

    def client(self, service, region="us-east-1", secret=None, **more):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.address,
            aws_access_key_id=more.get("key", self.environment["AWS_ACCESS_KEY_ID"]),
            aws_secret_access_key=secret or self.environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=more.get("token"),
            config=botocore.config.Config(
                retries={"total_max_attempts": 1}, read_timeout=more.get("read_timeout", 60), connect_timeout=5
            ),
        )

    def control(self, door="", given=None):
        data = None if given is None else json.dumps(given).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.address}/_rig/{door}", data=data), timeout=60) as answer:
            return json.load(answer)

    def set(self, **settings):
        return self.control("settings", settings)

    def faults(self, *rows):
        return self.control("faults", {"faults": rows})

    def image(self, parameter=BASE, region="us-east-1"):
        return self.client("ssm", region).get_parameter(Name=parameter)["Parameter"]["Value"]

    def launch(self, parameter=BASE, **more):
        given = {"ImageId": self.image(parameter), "InstanceType": "g5.xlarge", "MinCount": 1, "MaxCount": 1, **more}
        return self.client("ec2").run_instances(**given)["Instances"][0]["InstanceId"]

    def instance(self, instance_id):
        """The instance as DescribeInstances shows it, or None where it is not seen yet."""
        ec2 = self.client("ec2")
        try:
            return ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        except ec2.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "InvalidInstanceID.NotFound":
                return None
            raise

    def wait_state(self, instance_id, state, seconds=60.0):
        def there():
            instance = self.instance(instance_id)
            return instance if instance and instance["State"]["Name"] == state else None

        return wait_for(f"{instance_id} {state}", there, seconds)

    def kill(self):
        """kill -9; `run` may have put sudo between."""
        words = ["kill", "-9", str(self.control()["pid"])]
        subprocess.run(words if os.geteuid() == 0 else ["sudo", "-n", *words], check=True, timeout=20)
        self.process.wait(30)

    def close(self):
        """Ends it; fails where it ended badly, or met what it did not expect."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.process.stdout.close()
        self.said.seek(0)
        with self.said:
            said = self.said.read()
        assert self.process.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL) and "Traceback" not in said, said


class Key:
    """An ed25519 key in a folder, and ssh with it."""

    def __init__(self, folder):
        self.private = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.private], check=True, timeout=20)
        self.public = (folder / "key.pub").read_bytes()

    def ssh(self, address, command, seconds=60, known=os.devnull, given=""):
        """(exit status, what it printed)."""
        options = [
            "BatchMode=yes",
            f"StrictHostKeyChecking={'no' if known == os.devnull else 'yes'}",
            f"UserKnownHostsFile={known}",
            "ConnectTimeout=3",
            "LogLevel=ERROR",
        ]
        words = [
            "ssh",
            "-F",
            "none",
            "-i",
            self.private,
            *[word for option in options for word in ("-o", option)],
            f"ubuntu@{address}",
            command,
        ]
        done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=seconds, check=False)
        return done.returncode, done.stdout + done.stderr

    def put(self, address, name, text):
        status, said = self.ssh(address, f"cat >{name}", given=text)
        assert status == 0, said

    def wait(self, address, seconds=60):
        wait_for(f"ssh at {address}", lambda: self.ssh(address, "true")[0] == 0, seconds)


def code_of(function, **arguments):
    """The code with which AWS refuses, or "" where it does not."""
    try:
        function(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def given(rig, **more):
    base = {"ImageId": rig.image(), "InstanceType": "g5.xlarge", "MinCount": 1, "MaxCount": 1}
    return {name: value for name, value in {**base, **more}.items() if value is not None}
