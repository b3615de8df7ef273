"""RunInstances and what follows it: what EC2 checks and moto does not, and the hosts behind the instances."""

import base64
import binascii
import json
import re
import time

from . import cloud, images, quotas
from .protocol import AwsError, ec2_xml

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
    numbers = {name.split(".")[1]: value for name, value in params.items() if re.fullmatch(r"BlockDeviceMapping\.\d+\.DeviceName", name)}
    number = next((number for number, device in numbers.items() if device == image.root_device_name), None)
    number = number or str(max(map(int, numbers), default=0) + 1)
    prefix = f"BlockDeviceMapping.{number}."
    size = whole(params, prefix + "Ebs.VolumeSize") if prefix + "Ebs.VolumeSize" in params else image.gib
    if size < image.gib:
        snapshot = image.ebs_snapshot.id
        raise AwsError("InvalidBlockDeviceMapping", f"Volume of size {size}GB is smaller than snapshot '{snapshot}', expect size >= {image.gib}GB")
    given = {"DeviceName": image.root_device_name, "Ebs.VolumeSize": size, "Ebs.DeleteOnTermination": "true", "Ebs.VolumeType": "gp3"}
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


def run(world, call):
    ec2, params = cloud.region(call.region), dict(call.params)
    image = check_launch(ec2, params)
    asked, token = zone_asked(ec2, params), params.get("ClientToken")
    what = sorted((name, value) for name, value in params.items() if name not in ("ClientToken", "DryRun"))
    if token and (known := world.launches.get((call.region, asked, token))):
        if known[0] != what:
            raise AwsError("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
        return described(world, call, ec2, known[1])
    params = with_root_volume(image, params)
    if params.get("DryRun") == "true":
        return cloud.ask(call, params)
    spot = params.get("InstanceMarketOptions.MarketType") == "spot"
    quotas.check_plan(world, params.get("InstanceType", "m1.small"))
    zone, count = choose_zone(world, ec2, params, asked)
    quotas.check_room(world, call.region, params.get("InstanceType", "m1.small"), count, spot)
    if not asked:
        params[ZONE] = zone
    answer = cloud.ask(call, {**params, "MinCount": count, "MaxCount": count})
    if answer.status != 200:
        return answer
    reservation = ec2.reservations[re.search(rb"<reservationId>([^<]+)", answer.body)[1].decode()]
    for instance in reservation.instances:
        instance.client_token = token or ""
        world.instances[instance.id] = instance
        if world.host_maker:
            variant = images.variant_of(instance.image_id, call.region)
            world.hosts[instance.id] = world.host_maker(instance.id, variant, world.went_off)
        begin(world, instance)
    ids = [instance.id for instance in reservation.instances]
    if token:
        world.launches[(call.region, asked, token)] = (what, ids)
    answer = described(world, call, ec2, ids)
    world.hide(ec2, reservation)
    return answer


def described(world, call, ec2, ids):
    """What RunInstances answers: the reservation as DescribeInstances would show it now."""
    for key, (_, reservation, _) in list(world.hidden.items()):
        if reservation.instances[0].id in ids:
            world.appear(key)
    params = {"Action": "DescribeInstances", "Version": "2016-11-15", **{f"InstanceId.{n}": i for n, i in enumerate(ids, 1)}}
    body = cloud.ask(call, params).body.decode()
    inner = re.search(r"<reservationSet>\s*<item>(.*)</item>\s*</reservationSet>", body, re.DOTALL)[1]
    return ec2_xml("RunInstances", inner)


def begin(world, instance):
    """From nothing or stopped to pending, and on to running; with a host, it boots."""
    world.set_state(instance, "pending", "")
    world.booted[instance.id] = time.time()
    if host := world.hosts.get(instance.id):
        host.user_data = base64.b64decode(str(instance.user_data or ""))
        address = host.reserve()
        world.give_address(instance, address)
        host.boot(lambda mac: metadata(instance, address, mac))
    failure, world.settings["launch_failure"] = world.settings["launch_failure"], ""
    then = (lambda: world.end(instance, failure)) if failure else (lambda: world.runs(instance))
    world.later(instance, world.settings["pending_s"], then)


def metadata(instance, address, mac):
    """The tree that the metadata service tells (EC2 user guide, "Instance metadata categories")."""
    name = "ip-" + address.replace(".", "-")
    interface = {"device-number": "0", "local-ipv4s": address, "public-ipv4s": address, "mac": mac, "subnet-ipv4-cidr-block": address.rsplit(".", 2)[0] + ".0.0/16"}
    tree = {
        "ami-id": instance.image_id,
        "hostname": name,
        "instance-id": instance.id,
        "instance-life-cycle": instance.lifecycle or "on-demand",
        "instance-type": instance.instance_type,
        "local-hostname": name,
        "local-ipv4": address,
        "mac": mac,
        "network": {"interfaces": {"macs": {mac: interface}}},
        "placement": {"availability-zone": instance.availability_zone, "region": instance.region_name},
        "public-hostname": name,
        "public-ipv4": address,
        "security-groups": "\n".join(group.name for group in instance.security_groups),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
    }
    if key := instance.ec2_backend.key_pairs.get(instance.key_name):
        tree["public-keys"] = {"0": {" name": key.key_name, "openssh-key": key.public_key.strip()}}
    document = {
        "accountId": cloud.ACCOUNT,
        "architecture": instance.architecture,
        "availabilityZone": instance.availability_zone,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "privateIp": address,
        "region": instance.region_name,
    }
    return {"meta-data": tree, "dynamic": {"instance-identity": {"document": json.dumps(document)}}}


def states(world, call, allowed, verb):
    """The instances that the call names, all in a state that allows it, with the state of each."""
    found = [world.instances[i] for i in call.numbered("InstanceId") if i in world.instances]
    for instance in found:
        if instance.state not in allowed:
            raise AwsError("IncorrectInstanceState", f"The instance '{instance.id}' is not in a state from which it can be {verb}.")
    return [(instance, instance.state) for instance in found]


def asks_only(call):
    return call.params.get("DryRun") == "true"


def start(world, call):
    before = states(world, call, ("stopped", "running", "pending"), "started")
    if not asks_only(call):
        idle = [instance for instance, state in before if state == "stopped"]
        for instance in idle:
            quotas.check_plan(world, instance.instance_type)
            quotas.check_room(world, call.region, instance.instance_type, 1, instance.lifecycle == "spot")
            if room(world, instance.availability_zone, instance.instance_type) in (0, -1):
                raise no_room(instance.availability_zone, instance.instance_type)
    answer = cloud.ask(call)
    if answer.status == 200:
        for instance, state in before:
            if state == "stopped":
                begin(world, instance)
            else:
                world.set_state(instance, state)
    return answer


def stop(world, call):
    before = states(world, call, ("running", "stopping", "stopped"), "stopped")
    answer = cloud.ask(call)
    if answer.status == 200:
        for instance, state in before:
            if state != "running":
                world.set_state(instance, state)
                continue
            host = world.hosts.get(instance.id)
            world.set_state(instance, "stopping")
            if host and host.on:
                host.press_power(0.0 if call.params.get("Force") == "true" else 60.0)
            else:
                world.later(instance, world.settings["stopping_s"], lambda instance=instance: world.set_state(instance, "stopped"))
    return answer


def terminate(world, call):
    before = [(world.instances[i], world.instances[i].state) for i in call.numbered("InstanceId") if i in world.instances]
    answer = cloud.ask(call)
    if answer.status == 200:
        for instance, state in before:
            world.due.pop(instance.id, None)
            if host := world.hosts.get(instance.id):
                host.cut_power()
            if state not in ("shutting-down", "terminated"):
                world.set_state(instance, "shutting-down")
                world.later(instance, world.settings["stopping_s"], lambda instance=instance: world.is_gone(instance))
    return answer


def reboot(world, call):
    answer = cloud.ask(call)
    if answer.status == 200:
        for instance_id in call.numbered("InstanceId"):
            if host := world.hosts.get(instance_id):
                host.press_reset()
    return answer


def delete_group(world, call):
    asked = call.params.get("GroupId")
    if any(asked in (group.id for group in i.security_groups) for i in world.instances.values() if i.state != "terminated"):
        raise AwsError("DependencyViolation", f"resource {asked} has a dependent object")
    return cloud.ask(call)


def describe(world, call):
    """EC2 answers for a thousand instances at once where nothing else is asked for; moto for a hundred."""
    if "MaxResults" in call.params or call.numbered("InstanceId"):
        return cloud.ask(call)
    return cloud.ask(call, {**call.params, "MaxResults": "1000"})


ACTIONS = {
    "RunInstances": run,
    "StartInstances": start,
    "StopInstances": stop,
    "TerminateInstances": terminate,
    "RebootInstances": reboot,
    "DescribeInstances": describe,
    "DeleteSecurityGroup": delete_group,
}
