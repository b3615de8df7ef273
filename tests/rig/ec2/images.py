"""The images that the rig offers: rows for DescribeImages and the public SSM parameters that lead to them.

Names and paths are AWS's; ids are made from the region and the name, so that another region's id is unknown, as in AWS.
`variant` is the disk from which the rig boots a host for it (build-image); `own` is `plain` where another name logs in (__main__.py).
"""

import dataclasses
import datetime
import hashlib

from moto.ec2.models.amis import Ami
from moto.ssm.models import Parameter

AMAZON, CANONICAL = "898082745236", "099720109477"
DEEP = "/aws/service/deeplearning/ami"
UBUNTU = "/aws/service/canonical/ubuntu/server"


@dataclasses.dataclass(frozen=True)
class Image:
    name: str
    parameter: str
    owner: str
    gib: int
    created: str
    variant: str = "plain"
    architecture: str = "x86_64"
    root: str = "/dev/sda1"

    def id(self, region):
        return "ami-" + hashlib.sha256(f"{region} {self.name}".encode()).hexdigest()[:17]


def deep(line, title, gib, created, variant="plain", architecture="x86_64", root="/dev/sda1"):
    day = created.replace("-", "")
    return Image(
        f"Deep Learning {title} {day}",
        f"{DEEP}/{architecture}/{line}/latest/ami-id",
        AMAZON,
        gib,
        created,
        variant,
        architecture,
        root,
    )


def ubuntu(release, codename, disk, created, machine):
    name = f"ubuntu/images/hvm-ssd{'-gp3' if disk == 'gp3' else ''}/ubuntu-{codename}-{release}-{machine}-server-{created.replace('-', '')}"
    parameter = f"{UBUNTU}/{release}/stable/current/{machine}/hvm/ebs-{disk}/ami-id"
    return Image(name, parameter, CANONICAL, 8, created, architecture="arm64" if machine == "arm64" else "x86_64")


def own(name, created):
    """Of the caller's account; its name does not say who logs in."""
    return Image(name, "", "", 8, created, "own")


OSS = "OSS Nvidia Driver AMI GPU"
IMAGES = [
    deep("base-oss-nvidia-driver-gpu-ubuntu-22.04", "Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04)", 50, "2026-05-20"),
    deep("base-oss-nvidia-driver-gpu-ubuntu-24.04", "Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04)", 50, "2026-06-18"),
    deep(
        "base-oss-nvidia-driver-gpu-ubuntu-24.04",
        "ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04)",
        50,
        "2026-06-18",
        "plain",
        "arm64",
    ),
    deep(
        "base-oss-nvidia-driver-gpu-amazon-linux-2023",
        "Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023)",
        75,
        "2026-06-18",
        root="/dev/xvda",
    ),
    deep("oss-nvidia-driver-gpu-pytorch-2.8-ubuntu-24.04", f"{OSS} PyTorch 2.8 (Ubuntu 24.04)", 75, "2025-11-02", "pytorch"),
    deep("oss-nvidia-driver-gpu-pytorch-2.9-ubuntu-24.04", f"{OSS} PyTorch 2.9 (Ubuntu 24.04)", 75, "2026-04-11", "pytorch"),
    deep("oss-nvidia-driver-gpu-pytorch-2.13-ubuntu-26.04", f"{OSS} PyTorch 2.13 (Ubuntu 26.04)", 75, "2026-06-25", "pytorch"),
    ubuntu("22.04", "jammy", "gp2", "2026-06-10", "amd64"),
    ubuntu("24.04", "noble", "gp3", "2026-06-12", "amd64"),
    ubuntu("24.04", "noble", "gp3", "2026-06-12", "arm64"),
    own("my-course-2026", "2026-06-20"),
]


class RigAmi(Ami):
    """moto's image, but for the size of its snapshot, which moto fixes at 15 GiB."""

    gib = 8

    @property
    def block_device_mappings(self):
        ebs = {
            "SnapshotId": self.ebs_snapshot.id,
            "VolumeSize": self.gib,
            "DeleteOnTermination": True,
            "VolumeType": "gp3",
            "Encrypted": False,
        }
        return [{"DeviceName": self.root_device_name, "Ebs": ebs}]


def seed_images(ec2, region):
    for image in IMAGES:
        ami = RigAmi(
            ec2,
            image.id(region),
            name=image.name,
            description=image.name,
            owner_id=image.owner or ec2.account_id,
            owner_alias="amazon" if image.owner == AMAZON else None,
            public=bool(image.owner),
            virtualization_type="hvm",
            architecture=image.architecture,
            creation_date=at(image),
            hypervisor="xen",
            image_location=f"amazon/{image.name}",
            root_device_type="ebs",
            root_device_name=image.root,
            region_name=region + "a",
        )
        ami.gib = image.gib
        ami.ebs_snapshot.volume.size = image.gib
        ec2.amis[ami.id] = ami


def seed_parameters(ssm, account, region):
    for image in (image for image in IMAGES if image.parameter):
        ssm._parameters[image.parameter].append(
            Parameter(account, image.parameter, image.id(region), "String", None, None, None, at(image), 1, "aws:ec2:image")
        )


def variant_of(image_id, region):
    return next((image.variant for image in IMAGES if image.id(region) == image_id), "plain")


def at(image):
    return datetime.datetime.fromisoformat(image.created + "T03:04:05")
