"""Launches, and the states of instances, without hosts: what EC2 refuses and in which words, tokens, disks, capacity, time."""

import time

import botocore.exceptions
import pytest
from rigs import BASE, PYTORCH, UBUNTU, code_of, given


# Title, settings, arguments of RunInstances, the code of the refusal.
LAUNCHES = [
    ("a plain launch is not refused", {}, {}, ""),
    ("an image of nowhere", {}, {"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
    ("a type that does not exist", {}, {"InstanceType": "g5.tiny"}, "InvalidParameterValue"),
    ("a type of another architecture", {}, {"InstanceType": "g5g.xlarge"}, "InvalidParameterValue"),
    ("a key that nobody imported", {}, {"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
    ("a group that does not exist", {}, {"SecurityGroupIds": ["sg-00000000000000000"]}, "InvalidGroup.NotFound"),
    ("user data of 16 KiB is the most", {}, {"UserData": "#" * 16384}, ""),
    ("user data of a byte more", {}, {"UserData": "#" * 16385}, "InvalidParameterValue"),
    ("a token of 65 characters", {}, {"ClientToken": "t" * 65}, "InvalidParameterValue"),
    ("a dry run that would go through", {}, {"DryRun": True}, "DryRunOperation"),
    ("a dry run that is not allowed", {"deny": ["ec2:RunInstances"]}, {"DryRun": True}, "UnauthorizedOperation"),
    ("a launch that is not allowed", {"deny": ["ec2:RunInstances"]}, {}, "UnauthorizedOperation"),
    (
        "a root disk smaller than its snapshot",
        {},
        {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20}}]},
        "InvalidBlockDeviceMapping",
    ),
    (
        "a zone without the type",
        {},
        {"InstanceType": "p4d.24xlarge", "Placement": {"AvailabilityZone": "us-east-1e"}},
        "Unsupported",
    ),
    ("no quota for P", {}, {"InstanceType": "p4d.24xlarge"}, "VcpuLimitExceeded"),
    ("no quota left for G", {"quotas": {"L-DB2E81BA": 3}}, {}, "VcpuLimitExceeded"),
    ("a quota that was never applied", {"quotas": {"L-DB2E81BA": None}}, {}, "VcpuLimitExceeded"),
    (
        "no spot quota left",
        {"quotas": {"L-3819A6DF": 3}},
        {"InstanceMarketOptions": {"MarketType": "spot"}},
        "MaxSpotInstanceCountExceeded",
    ),
    ("the spot quota is another one", {"quotas": {"L-DB2E81BA": 0}}, {"InstanceMarketOptions": {"MarketType": "spot"}}, ""),
    ("a GPU on the free plan", {"plan": "FREE"}, {}, "InvalidParameterCombination"),
    ("no GPU on the free plan", {"plan": "FREE"}, {"InstanceType": "t3.micro"}, ""),
    (
        "a zone without room",
        {"capacity": {"us-east-1a": 0}},
        {"Placement": {"AvailabilityZone": "us-east-1a"}},
        "InsufficientInstanceCapacity",
    ),
    (
        "a zone without room for the type",
        {"capacity": {"us-east-1a/g5.xlarge": 0}},
        {"Placement": {"AvailabilityZone": "us-east-1a"}},
        "InsufficientInstanceCapacity",
    ),
    (
        "a zone without room for another type",
        {"capacity": {"us-east-1a/g6.xlarge": 0}},
        {"Placement": {"AvailabilityZone": "us-east-1a"}},
        "",
    ),
    ("another zone where none is asked for", {"capacity": {"us-east-1a": 0}}, {}, ""),
]


@pytest.mark.parametrize(("settings", "arguments", "code"), [row[1:] for row in LAUNCHES], ids=[row[0] for row in LAUNCHES])
def test_run_instances_answers(rig, settings, arguments, code):
    rig.set(**settings)
    ec2 = rig.client("ec2")
    assert code_of(ec2.run_instances, **given(rig, **arguments)) == code
    assert len(ec2.describe_instances()["Reservations"]) == (not code)


def test_capacity_is_http_500_and_says_the_zone(rig):
    rig.set(capacity={"us-east-1b": 0})
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        rig.launch(Placement={"AvailabilityZone": "us-east-1b"})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "us-east-1b" in str(caught.value)


def test_a_stopped_instance_is_tied_to_its_zone(rig):
    instance_id = rig.launch()
    ec2 = rig.client("ec2")
    ec2.stop_instances(InstanceIds=[instance_id])
    rig.set(capacity={"us-east-1a": 0})
    assert code_of(ec2.start_instances, InstanceIds=[instance_id]) == "InsufficientInstanceCapacity"
    rig.set(capacity={"us-east-1a": 1})
    assert code_of(ec2.start_instances, InstanceIds=[instance_id]) == ""


def test_a_token_launches_once_in_a_zone_and_never_with_other_parameters(rig):
    ec2 = rig.client("ec2")
    zones = [{"AvailabilityZone": f"us-east-1{letter}"} for letter in "ab"]
    first = rig.launch(ClientToken="one", Placement=zones[0])
    assert rig.launch(ClientToken="one", Placement=zones[0]) == first
    assert (
        code_of(ec2.run_instances, **given(rig, ClientToken="one", Placement=zones[0], InstanceType="g5.2xlarge"))
        == "IdempotentParameterMismatch"
    )
    assert rig.launch(ClientToken="one", Placement=zones[1]) != first
    assert rig.launch(ClientToken="two") != rig.launch()
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["one"]}])["Reservations"]
    assert {row["Instances"][0]["ClientToken"] for row in found} == {"one"} and len(found) == 2
    ec2.terminate_instances(InstanceIds=[first])
    assert rig.launch(ClientToken="one", Placement=zones[0]) == first


def test_the_root_disk_is_the_snapshots_unless_asked_larger_and_goes_with_the_instance(rig):
    ec2 = rig.client("ec2")
    for parameter, more, size in [
        (PYTORCH, {}, 75),
        (UBUNTU, {}, 8),
        (
            BASE,
            {
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3", "Encrypted": True}}
                ]
            },
            100,
        ),
    ]:
        instance = rig.instance(rig.launch(parameter, **more))
        (volume,) = ec2.describe_volumes(VolumeIds=[instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"]
        assert volume["Size"] == size
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert ec2.describe_volumes()["Volumes"] == []


def test_tags_given_at_launch_are_found(rig):
    kinds, tags = ("instance", "volume", "network-interface"), [{"Key": "carrel:id", "Value": "w1"}]
    instance_id = rig.launch(TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in kinds])
    rig.launch()
    ec2, wanted = rig.client("ec2"), [{"Name": "tag:carrel:id", "Values": ["w1"]}]
    assert ec2.describe_instances(Filters=wanted)["Reservations"][0]["Instances"][0]["InstanceId"] == instance_id
    assert len(ec2.describe_volumes(Filters=wanted)["Volumes"]) == 1
    assert len(ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]) == 1


def test_pending_lasts_and_a_new_instance_is_not_seen_at_first(rig):
    rig.set(pending_s=0.4, hidden_calls=2)
    ec2 = rig.client("ec2")
    began = time.monotonic()
    answer = ec2.run_instances(**given(rig))["Instances"][0]
    assert answer["State"]["Name"] == "pending"
    assert code_of(ec2.describe_instances, InstanceIds=[answer["InstanceId"]]) == "InvalidInstanceID.NotFound"
    assert ec2.describe_instances()["Reservations"] == []
    rig.wait_state(answer["InstanceId"], "running", 5)
    assert time.monotonic() - began >= 0.4


def test_a_launch_can_fail_after_pending(rig):
    rig.set(pending_s=0.1, launch_failure="Client.InternalError: Client error on launch")
    failed = rig.wait_state(rig.launch(), "terminated", 5)
    assert failed["StateReason"]["Code"] == "Client.InternalError"
    rig.wait_state(rig.launch(), "running", 5)


# State, the call that does not fit it.
MISFITS = [
    ("terminated", "start_instances"),
    ("terminated", "stop_instances"),
    ("stopping", "start_instances"),
    ("pending", "stop_instances"),
]


@pytest.mark.parametrize(("state", "call"), MISFITS)
def test_a_call_that_does_not_fit_the_state_is_refused(rig, state, call):
    rig.set(pending_s=60.0 if state == "pending" else 0.0, stopping_s=60.0 if state == "stopping" else 0.0)
    ec2, instance_id = rig.client("ec2"), rig.launch()
    if state == "terminated":
        ec2.terminate_instances(InstanceIds=[instance_id])
    if state == "stopping":
        ec2.stop_instances(InstanceIds=[instance_id])
    assert rig.instance(instance_id)["State"]["Name"] == state
    assert code_of(getattr(ec2, call), InstanceIds=[instance_id]) == "IncorrectInstanceState"
    assert rig.instance(instance_id)["State"]["Name"] == state


def test_stop_and_start_change_the_public_address_and_spare_the_quota_meanwhile(rig):
    rig.set(quotas={"L-DB2E81BA": 4})
    ec2, instance_id = rig.client("ec2"), rig.launch()
    first = rig.instance(instance_id)["PublicIpAddress"]
    ec2.stop_instances(InstanceIds=[instance_id])
    assert "PublicIpAddress" not in rig.instance(instance_id)
    rig.launch()
    assert code_of(ec2.start_instances, InstanceIds=[instance_id]) == "VcpuLimitExceeded"
    rig.set(quotas={"L-DB2E81BA": 8})
    ec2.start_instances(InstanceIds=[instance_id])
    assert rig.instance(instance_id)["PublicIpAddress"] != first


def test_a_group_in_use_cannot_be_deleted(rig):
    ec2 = rig.client("ec2")
    group = ec2.create_security_group(GroupName="carrel", Description="test")["GroupId"]
    instance_id = rig.launch(SecurityGroupIds=[group])
    assert code_of(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert code_of(ec2.delete_security_group, GroupId=group) == ""


def test_one_describe_answers_for_five_hundred(rig):
    rig.client("ec2").run_instances(**given(rig, InstanceType="t3.micro", MinCount=250, MaxCount=250))
    rig.client("ec2").run_instances(**given(rig, InstanceType="t3.micro", MinCount=250, MaxCount=250))
    answer = rig.client("ec2").describe_instances()
    assert sum(len(row["Instances"]) for row in answer["Reservations"]) == 500 and "NextToken" not in answer
