"""RunInstances and what follows it: launches by token, states on their way, and the hosts behind the instances."""

import base64
import json
import re
import time

from moto.core.utils import utcnow

from . import cloud, images, launch, quotas
from .protocol import AwsError, ec2_xml


def run(world, call):
    ec2, params = cloud.region(call.region), dict(call.params)
    image = launch.check_launch(ec2, params)
    asked, token = launch.zone_asked(ec2, params), params.get("ClientToken")
    what = sorted((name, value) for name, value in params.items() if name not in ("ClientToken", "DryRun"))
    if token and (known := world.launches.get((call.region, asked, token))):
        if known[0] != what:
            raise AwsError(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            )
        return described(world, call, ec2, known[1])
    params = launch.with_root_volume(image, params)
    if params.get("DryRun") == "true":
        return cloud.ask(call, params)
    spot = params.get("InstanceMarketOptions.MarketType") == "spot"
    quotas.check_plan(world, params.get("InstanceType", "m1.small"))
    zone, count = launch.choose_zone(world, ec2, params, asked)
    quotas.check_room(world, call.region, params.get("InstanceType", "m1.small"), count, spot)
    if not asked:
        params[launch.ZONE] = zone
    answer = cloud.ask(call, {**params, "MinCount": count, "MaxCount": count})
    if answer.status != 200:
        return answer
    reservation = ec2.reservations[re.search(rb"<reservationId>([^<]+)", answer.body)[1].decode()]
    for instance in reservation.instances:
        instance.client_token = token or ""
        instance.nics[0].add_tags(tags_for(params, "network-interface"))
        world.instances[instance.id] = instance
        if world.host_maker:
            variant, settings = images.variant_of(instance.image_id, call.region), world.settings
            world.hosts[instance.id] = world.host_maker(instance.id, variant, settings["on_top"], world.went_off, settings["disk_mb"])
        begin(world, instance)
    ids = [instance.id for instance in reservation.instances]
    if token:
        world.launches[(call.region, asked, token)] = (what, ids)
    answer = described(world, call, ec2, ids)
    world.hide(ec2, reservation)
    return answer


def tags_for(params, kind):
    """The tags that TagSpecification asks for on resources of the kind."""
    numbers = [name.split(".")[1] for name, value in params.items() if name.endswith(".ResourceType") and value == kind]
    tags = {}
    for number in numbers:
        for name, key in params.items():
            if match := re.fullmatch(rf"(TagSpecification\.{number}\.Tag\.\d+)\.Key", name):
                tags[key] = params.get(match[1] + ".Value", "")
    return tags


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
    interface = {
        "device-number": "0",
        "local-ipv4s": address,
        "public-ipv4s": address,
        "mac": mac,
        "subnet-ipv4-cidr-block": address.rsplit(".", 2)[0] + ".0.0/16",
    }
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
            raise AwsError(
                "IncorrectInstanceState", f"The instance '{instance.id}' is not in a state from which it can be {verb}."
            )
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
            if launch.room(world, instance.availability_zone, instance.instance_type) in (0, -1):
                raise launch.no_room(instance.availability_zone, instance.instance_type)
    answer = cloud.ask(call)
    if answer.status == 200:
        for instance, state in before:
            if state == "stopped":
                instance.launch_time = utcnow()  # as EC2: that of the last start
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
                world.later(
                    instance, world.settings["stopping_s"], lambda instance=instance: world.set_state(instance, "stopped")
                )
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
    """EC2 answers for a thousand instances at once where nothing else is asked for; moto for a hundred, and it takes a second for
    five hundred: an answer is kept until something changes, so that measurements see their client's time and not moto's."""
    key = (call.region, *sorted(call.params.items()))
    if key not in world.shown:
        whole = "MaxResults" in call.params or call.numbered("InstanceId")
        answer = cloud.ask(call, call.params if whole else {**call.params, "MaxResults": "1000"})
        if answer.status != 200:
            return answer
        world.shown[key] = answer
    return world.shown[key]


ACTIONS = {
    "RunInstances": run,
    "StartInstances": start,
    "StopInstances": stop,
    "TerminateInstances": terminate,
    "RebootInstances": reboot,
    "DescribeInstances": describe,
    "DeleteSecurityGroup": delete_group,
}
