"""May this be launched, and where: what EC2 checks of RunInstances and moto does not."""

import base64
import binascii
import re

from . import cloud
from .protocol import AwsError

MOST_USER_DATA = 16384
ZONE = "Placement.AvailabilityZone"


def whole(params, name):
    try:
        value = int(params.get(name, "1"))
    except ValueError:
        raise AwsError("InvalidParameterValue", f"Invalid value '{params[name]}' for {name}.") from None
    if value < 1:
        raise AwsError("InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid. It must be at least 1.")
    return value


def check_user_data(text):
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise AwsError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None
    if size > MOST_USER_DATA:
        raise AwsError("InvalidParameterValue", f"User data is limited to {MOST_USER_DATA} bytes")


def check_launch(ec2, params):
    image = ec2.amis.get(params.get("ImageId", ""))
    if image is None:
        raise AwsError("InvalidAMIID.NotFound", f"The image id '[{params.get('ImageId', '')}]' does not exist")
    facts = cloud.type_facts(params.get("InstanceType", "m1.small"))
    if image.architecture not in facts["ProcessorInfo"]["SupportedArchitectures"]:
        raise AwsError(
            "InvalidParameterValue",
            f"The architecture '{','.join(facts['ProcessorInfo']['SupportedArchitectures'])}' of the specified instance type does not match "
            f"the architecture '{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching architectures.",
        )
    if (key := params.get("KeyName")) and key not in ec2.key_pairs:
        raise AwsError("InvalidKeyPair.NotFound", f"The key pair '{key}' does not exist")
    if "UserData" in params:
        check_user_data(params["UserData"])
    if whole(params, "MaxCount") < whole(params, "MinCount"):
        raise AwsError("InvalidParameterCombination", "MinCount may not be greater than MaxCount")
    if len(params.get("ClientToken", "")) > 64:
        raise AwsError("InvalidParameterValue", "Length of ClientToken must be at most 64")
    return image


def with_root_volume(image, params):
    """The parameters with a whole mapping of the root device: the size and fate that its snapshot gives where the caller says nothing."""
    numbers = {
        name.split(".")[1]: value for name, value in params.items() if re.fullmatch(r"BlockDeviceMapping\.\d+\.DeviceName", name)
    }
    number = next((number for number, device in numbers.items() if device == image.root_device_name), None)
    number = number or str(max(map(int, numbers), default=0) + 1)
    prefix = f"BlockDeviceMapping.{number}."
    size = whole(params, prefix + "Ebs.VolumeSize") if prefix + "Ebs.VolumeSize" in params else image.gib
    if size < image.gib:
        snapshot = image.ebs_snapshot.id
        raise AwsError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot '{snapshot}', expect size >= {image.gib}GB",
        )
    given = {
        "DeviceName": image.root_device_name,
        "Ebs.VolumeSize": size,
        "Ebs.DeleteOnTermination": "true",
        "Ebs.VolumeType": "gp3",
    }
    return {**{prefix + name: value for name, value in given.items()}, **params}


def zone_asked(ec2, params):
    subnet = params.get("SubnetId") or params.get("NetworkInterface.1.SubnetId")
    return ec2.get_subnet(subnet).availability_zone if subnet in ec2_subnets(ec2) else params.get(ZONE)


def ec2_subnets(ec2):
    return {name for by_zone in ec2.subnets.values() for name in by_zone}


def room(world, zone, kind):
    """How many more instances of the type the zone takes; None: as many as one likes."""
    rooms = []
    for key in (zone, f"{zone}/{kind}"):
        most = world.settings["capacity"].get(key)
        if most is not None:
            here = [i for i in world.instances.values() if i.state in ("pending", "running") and i.availability_zone == zone]
            rooms.append(int(most) - len([i for i in here if key == zone or i.instance_type == kind]))
    return min(rooms, default=None)


def no_room(zone, kind):
    message = (
        f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). Our system will be working "
        f"on provisioning additional capacity."
    )
    return AwsError("InsufficientInstanceCapacity", message, 500)


def choose_zone(world, ec2, params, asked):
    """(zone, how many). Where none was asked for, the first that has the type and room."""
    kind, least, most = params.get("InstanceType", "m1.small"), whole(params, "MinCount"), whole(params, "MaxCount")
    zones = sorted(zone for zone in ec2.get_default_subnets() if kind in cloud.types_in(zone))
    if asked and kind not in cloud.types_in(asked):
        raise AwsError(
            "Unsupported",
            f"Your requested instance type ({kind}) is not supported in your requested Availability Zone ({asked}). Please retry your request "
            f"by not specifying an Availability Zone or choosing {', '.join(zones)}.",
        )
    if not asked and not zones:
        raise AwsError("Unsupported", f"The requested configuration is currently not supported: no {kind} in {ec2.region_name}.")
    for zone in [asked] if asked else zones:
        free = room(world, zone, kind)
        if free is None or free >= least:
            return zone, most if free is None else min(most, free)
    raise no_room(asked or zones[0], kind)
