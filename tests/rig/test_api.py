"""What the rig says beside moto, without hosts: refusals in AWS's words, tokens, quotas, prices, images, faults, the log."""

import base64
import http.client
import json
import time
import urllib.error
import urllib.request

import botocore.exceptions
import pytest
from rigs import BASE, PYTORCH, Rig

UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"


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
    ("a root disk smaller than its snapshot", {}, {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20}}]}, "InvalidBlockDeviceMapping"),
    ("a zone without the type", {}, {"InstanceType": "p4d.24xlarge", "Placement": {"AvailabilityZone": "us-east-1e"}}, "Unsupported"),
    ("no quota for P", {}, {"InstanceType": "p4d.24xlarge"}, "VcpuLimitExceeded"),
    ("no quota left for G", {"quotas": {"L-DB2E81BA": 3}}, {}, "VcpuLimitExceeded"),
    ("a quota that was never applied", {"quotas": {"L-DB2E81BA": None}}, {}, "VcpuLimitExceeded"),
    ("no spot quota left", {"quotas": {"L-3819A6DF": 3}}, {"InstanceMarketOptions": {"MarketType": "spot"}}, "MaxSpotInstanceCountExceeded"),
    ("the spot quota is another one", {"quotas": {"L-DB2E81BA": 0}}, {"InstanceMarketOptions": {"MarketType": "spot"}}, ""),
    ("a GPU on the free plan", {"plan": "FREE"}, {}, "InvalidParameterCombination"),
    ("no GPU on the free plan", {"plan": "FREE"}, {"InstanceType": "t3.micro"}, ""),
    ("a zone without room", {"capacity": {"us-east-1a": 0}}, {"Placement": {"AvailabilityZone": "us-east-1a"}}, "InsufficientInstanceCapacity"),
    ("a zone without room for the type", {"capacity": {"us-east-1a/g5.xlarge": 0}}, {"Placement": {"AvailabilityZone": "us-east-1a"}}, "InsufficientInstanceCapacity"),
    ("a zone without room for another type", {"capacity": {"us-east-1a/g6.xlarge": 0}}, {"Placement": {"AvailabilityZone": "us-east-1a"}}, ""),
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
    assert code_of(ec2.run_instances, **given(rig, ClientToken="one", Placement=zones[0], InstanceType="g5.2xlarge")) == "IdempotentParameterMismatch"
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
        (BASE, {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3", "Encrypted": True}}]}, 100),
    ]:
        instance = rig.instance(rig.launch(parameter, **more))
        (volume,) = ec2.describe_volumes(VolumeIds=[instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"]
        assert volume["Size"] == size
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert ec2.describe_volumes()["Volumes"] == []


def test_tags_given_at_launch_are_found(rig):
    tags = [{"Key": "carrel:id", "Value": "w1"}]
    instance_id = rig.launch(TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")])
    ec2, wanted = rig.client("ec2"), [{"Name": "tag:carrel:id", "Values": ["w1"]}]
    assert ec2.describe_instances(Filters=wanted)["Reservations"][0]["Instances"][0]["InstanceId"] == instance_id
    assert len(ec2.describe_volumes(Filters=wanted)["Volumes"]) == 1


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
MISFITS = [("terminated", "start_instances"), ("terminated", "stop_instances"), ("stopping", "start_instances"), ("pending", "stop_instances")]


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


def test_signatures_are_checked(rig):
    ec2 = code_of(rig.client("ec2", secret="wrong").describe_instances)
    nobody = code_of(rig.client("ec2", key="AKIANOBODY0000000000").describe_instances)
    sts = code_of(rig.client("sts", secret="wrong").get_caller_identity)
    ssm = code_of(rig.client("ssm", key="AKIANOBODY0000000000").get_parameter, Name=BASE)
    assert (ec2, nobody, sts, ssm) == ("AuthFailure", "AuthFailure", "SignatureDoesNotMatch", "UnrecognizedClientException")
    with pytest.raises(urllib.error.HTTPError) as unsigned:
        urllib.request.urlopen(rig.address, data=b"Action=DescribeInstances&Version=2016-11-15", timeout=10)
    assert unsigned.value.code == 403


def test_an_assumed_roles_key_signs_only_with_its_token(rig):
    role = rig.client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/student", RoleSessionName="s1")["Credentials"]
    pair = {"key": role["AccessKeyId"], "secret": role["SecretAccessKey"]}
    assert "assumed-role/student/s1" in rig.client("sts", **pair, token=role["SessionToken"]).get_caller_identity()["Arn"]
    assert code_of(rig.client("ec2", **pair, token=role["SessionToken"]).describe_instances) == ""
    assert code_of(rig.client("ec2", **pair, token="forged").describe_instances) == "AuthFailure"


def test_who_asks_and_why_not(rig):
    assert rig.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/carrel"
    rig.set(identity="arn:aws:sts::210987654321:assumed-role/voclabs/user1", deny=["ec2:RunInstances"])
    identity = rig.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"].split("/")[1]) == ("210987654321", "voclabs")
    with pytest.raises(botocore.exceptions.ClientError, match="Encoded authorization failure message: ") as refused:
        rig.launch()
    encoded = str(refused.value).rpartition(" ")[2]
    decoded = json.loads(rig.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert decoded["context"]["action"] == "ec2:RunInstances"


def test_the_plan_of_the_account(rig):
    assert rig.client("freetier").get_account_plan_state()["accountPlanType"] == "PAID"
    rig.set(plan="FREE")
    state = rig.client("freetier").get_account_plan_state()
    assert (state["accountPlanType"], state["accountPlanStatus"]) == ("FREE", "ACTIVE") and state["accountPlanRemainingCredits"]["unit"] == "USD"


def test_quotas_are_read_asked_for_and_granted(rig):
    quotas, row = rig.client("service-quotas"), {"ServiceCode": "ec2", "QuotaCode": "L-417A185B"}
    assert quotas.get_service_quota(**row)["Quota"]["Value"] == 0
    assert code_of(quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-00000000") == "NoSuchResourceException"
    rig.set(quotas={"L-417A185B": None})
    assert code_of(quotas.get_service_quota, **row) == "NoSuchResourceException"
    assert quotas.get_aws_default_service_quota(**row)["Quota"]["Value"] == 0

    assert quotas.request_service_quota_increase(**row, DesiredValue=96)["RequestedQuota"]["Status"] == "PENDING"
    assert code_of(quotas.request_service_quota_increase, **row, DesiredValue=192) == "ResourceAlreadyExistsException"
    rig.control("quota-request", {"code": "L-417A185B", "status": "APPROVED"})
    (request,) = quotas.list_requested_service_quota_change_history_by_quota(**row)["RequestedQuotas"]
    assert (request["Status"], request["DesiredValue"]) == ("APPROVED", 96)
    assert quotas.get_service_quota(**row)["Quota"]["Value"] == 96
    assert code_of(rig.client("ec2").run_instances, **given(rig, InstanceType="p4d.24xlarge")) == ""


def test_prices_are_found_with_the_filters_that_name_one(rig):
    fixed = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
    for kind, region, expected in [("g5.xlarge", "us-east-1", 1.006), ("g4dn.xlarge", "us-west-2", 0.526), ("g6.xlarge", "eu-west-1", 0.88528), ("x9.huge", "us-east-1", None)]:
        filters = [{"Type": "TERM_MATCH", "Field": k, "Value": v} for k, v in {"instanceType": kind, "regionCode": region, **fixed}.items()]
        listed = rig.client("pricing").get_products(ServiceCode="AmazonEC2", Filters=filters)["PriceList"]
        prices = [
            float(rate["pricePerUnit"]["USD"])
            for text in listed
            for term in json.loads(text)["terms"]["OnDemand"].values()
            for rate in term["priceDimensions"].values()
        ]
        assert prices == ([] if expected is None else [expected])
    pages = rig.client("pricing").get_paginator("get_products").paginate(ServiceCode="AmazonEC2", PaginationConfig={"PageSize": 50})
    assert sum(len(page["PriceList"]) for page in pages) > 200


def test_images_are_found_by_parameter_by_path_and_by_owner_and_are_regional(rig):
    ssm, ec2 = rig.client("ssm"), rig.client("ec2")
    for parameter, owner, gib in [(BASE, "898082745236", 50), (PYTORCH, "898082745236", 75), (UBUNTU, "099720109477", 8)]:
        (image,) = ec2.describe_images(ImageIds=[rig.image(parameter)])["Images"]
        (mapping,) = image["BlockDeviceMappings"]
        assert (image["OwnerId"], image["RootDeviceName"], mapping["DeviceName"], mapping["Ebs"]["VolumeSize"]) == (owner, "/dev/sda1", "/dev/sda1", gib)
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/aws/service/deeplearning/ami/x86_64", Recursive=True)
    assert {PYTORCH, BASE} <= {row["Name"] for page in pages for row in page["Parameters"]}
    named = [{"Name": "name", "Values": ["Deep Learning OSS Nvidia Driver AMI GPU PyTorch*"]}]
    assert len(ec2.describe_images(Owners=["amazon"], Filters=named)["Images"]) == 3
    assert code_of(ssm.get_parameter, Name=PYTORCH.replace("2.9", "2.0")) == "ParameterNotFound"
    assert rig.image(BASE, "eu-west-1") != rig.image(BASE)
    assert code_of(rig.client("ec2", "eu-west-1").describe_images, ImageIds=[rig.image()]) == "InvalidAMIID.NotFound"


def test_the_caller_is_told_his_address(rig):
    with urllib.request.urlopen(rig.address + "/checkip", timeout=10) as answer:
        assert answer.read() == b"127.0.0.1\n"
    rig.set(caller="203.0.113.9")
    with urllib.request.urlopen(rig.address + "/checkip", timeout=10) as answer:
        assert answer.read() == b"203.0.113.9\n"


def test_a_console_without_a_host_shows_a_key_of_its_own(rig):
    ec2 = rig.client("ec2")
    shown = [ec2.get_console_output(InstanceId=rig.launch(), Latest=True)["Output"] for _ in range(2)]
    keys = {text.split("HOST KEY KEYS-----\r\n")[1].split()[1] for text in shown}
    assert len(keys) == 2 and all(base64.b64decode(key).startswith(b"\0\0\0\x0bssh-ed25519") for key in keys)


# Kind of fault, what boto3 makes of it, whether the call acted.
FAULTS = [
    ("throttled", "RequestLimitExceeded", False),
    ("throttled400", "ThrottlingException", False),
    ("internal", "InternalError", False),
    ("unavailable", "Unavailable", False),
    ("capacity", "InsufficientInstanceCapacity", False),
    ("verification", "PendingVerification", False),
    ("html", "502", False),
    ("refused", botocore.exceptions.HTTPClientError, False),
    ("hung", botocore.exceptions.ReadTimeoutError, False),
    ("lost", botocore.exceptions.ConnectionClosedError, True),
    ("truncated", Exception, True),
    ("slow", "", True),
]


@pytest.mark.parametrize(("kind", "seen", "acted"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_fault_strikes_once_as_it_is_named_and_then_there_is_calm(rig, kind, seen, acted):
    rig.faults({"kind": kind, "action": "RunInstances"})
    arguments, ec2 = given(rig, ClientToken="t"), rig.client("ec2", read_timeout=2)
    if isinstance(seen, str):
        assert code_of(ec2.run_instances, **arguments) == seen
    else:
        began = time.monotonic()
        with pytest.raises(seen):
            ec2.run_instances(**arguments)
        assert (time.monotonic() - began >= 2) == (kind == "hung")
    assert len(ec2.describe_instances()["Reservations"]) == acted
    ec2.run_instances(**arguments)
    assert len(ec2.describe_instances()["Reservations"]) == 1
    runs = [entry for entry in rig.control("log") if entry["action"] == "RunInstances"]
    assert [entry["fault"] for entry in runs] == [kind, ""]


def test_a_fault_waits_for_its_turn(rig):
    rig.faults({"kind": "throttled", "action": "DescribeVpcs", "after": 2, "count": 2})
    ec2 = rig.client("ec2")
    assert [code_of(ec2.describe_vpcs) for _ in range(5)] == ["", "", "RequestLimitExceeded", "RequestLimitExceeded", ""]


def test_the_documented_buckets_throttle_launches_when_asked_for(rig):
    ec2, arguments = rig.client("ec2"), given(rig)
    codes = [code_of(ec2.run_instances, **arguments, DryRun=True) for _ in range(20)]
    assert set(codes) == {"DryRunOperation"}
    rig.set(throttle=True)
    codes = [code_of(ec2.run_instances, **arguments, DryRun=True) for _ in range(20)]
    assert codes[:5] == ["DryRunOperation"] * 5 and "RequestLimitExceeded" in codes
    assert code_of(ec2.describe_instances) == ""


def test_a_seed_makes_the_same_finite_list_each_time(rig):
    lists = [rig.control("faults", {"seed": seed})["faults"] for seed in (1, 1, 2)]
    assert lists[0] == lists[1] != lists[2]
    most = sum(row["count"] for row in lists[2]) + max(row["after"] for row in lists[2])
    rig.set(hang_s=0.01)
    ec2 = rig.client("ec2")
    for _ in range(most):
        try:
            ec2.describe_vpcs()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, http.client.HTTPException):
            pass
    assert rig.control("faults")["faults"] == []
    assert code_of(ec2.describe_vpcs) == ""


def test_the_log_tells_every_call_and_when(rig):
    before = time.time()
    rig.launch()
    code_of(rig.client("ec2").describe_instances, InstanceIds=["i-00000000000000000"])
    entries = rig.control("log")
    assert [(entry["service"], entry["action"], entry["status"], entry["code"]) for entry in entries] == [
        ("ssm", "GetParameter", 200, ""),
        ("ec2", "RunInstances", 200, ""),
        ("ec2", "DescribeInstances", 400, "InvalidInstanceID.NotFound"),
    ]
    assert all(before - 1 <= entry["at"] <= time.time() for entry in entries)
    assert entries[1]["params"]["InstanceType"] == "g5.xlarge"
    assert rig.control("log?since=2") == entries[2:]


def test_the_control_door_says_what_it_does_not_know(rig):
    for door, body, words in [("nowhere", None, "there is no such door"), ("settings", {"hast": 1}, "there is no setting"), ("faults", {"faults": [{"kind": "flood"}]}, "there is no fault")]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            rig.control(door, body)
        assert words in refused.value.read().decode()


def test_a_rig_begins_with_the_faults_of_its_seed():
    rig = Rig("--no-hosts", "--faults", "7")
    try:
        first = rig.control("faults")["faults"]
        assert first == rig.control("faults", {"seed": 7})["faults"] != []
    finally:
        assert rig.close() == 0
