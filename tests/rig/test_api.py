"""What the rig says beside EC2's own calls, without hosts: signatures, quotas, prices, images, faults, the log, the control door."""

import base64
import contextlib
import http.client
import json
import time
import urllib.error
import urllib.request

import botocore.exceptions
import pytest
from rigs import BASE, PYTORCH, UBUNTU, Rig, code_of, given


def test_signatures_are_checked(rig):
    ec2 = code_of(rig.client("ec2", secret="wrong").describe_instances)
    nobody = code_of(rig.client("ec2", key="AKIANOBODY0000000000").describe_instances)
    sts = code_of(rig.client("sts", secret="wrong").get_caller_identity)
    ssm = code_of(rig.client("ssm", key="AKIANOBODY0000000000").get_parameter, Name=BASE)
    assert (ec2, nobody, sts, ssm) == ("AuthFailure", "AuthFailure", "SignatureDoesNotMatch", "UnrecognizedClientException")
    with pytest.raises(urllib.error.HTTPError) as unsigned:
        urllib.request.urlopen(rig.address, data=b"Action=DescribeInstances&Version=2016-11-15", timeout=10)
    assert unsigned.value.code == 403


def test_a_region_that_is_not_opened_knows_nobody(rig):
    states = {row["RegionName"]: row["OptInStatus"] for row in rig.client("ec2").describe_regions(AllRegions=True)["Regions"]}
    assert (states["eu-west-1"], states["eu-south-2"]) == ("opt-in-not-required", "not-opted-in")
    assert code_of(rig.client("ec2", "eu-west-1").describe_vpcs) == ""
    assert code_of(rig.client("ec2", "eu-south-2").describe_vpcs) == "AuthFailure"
    assert code_of(rig.client("ssm", "eu-south-2").get_parameter, Name=BASE) == "UnrecognizedClientException"


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
    assert (state["accountPlanType"], state["accountPlanStatus"]) == ("FREE", "ACTIVE") and state["accountPlanRemainingCredits"][
        "unit"
    ] == "USD"


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
    for kind, region, expected in [
        ("g5.xlarge", "us-east-1", 1.006),
        ("g4dn.xlarge", "us-west-2", 0.526),
        ("g6.xlarge", "eu-west-1", 0.88528),
        ("x9.huge", "us-east-1", None),
    ]:
        filters = [
            {"Type": "TERM_MATCH", "Field": k, "Value": v}
            for k, v in {"instanceType": kind, "regionCode": region, **fixed}.items()
        ]
        listed = rig.client("pricing").get_products(ServiceCode="AmazonEC2", Filters=filters)["PriceList"]
        prices = [
            float(rate["pricePerUnit"]["USD"])
            for text in listed
            for term in json.loads(text)["terms"]["OnDemand"].values()
            for rate in term["priceDimensions"].values()
        ]
        assert prices == ([] if expected is None else [expected])
    pages = (
        rig.client("pricing").get_paginator("get_products").paginate(ServiceCode="AmazonEC2", PaginationConfig={"PageSize": 50})
    )
    assert sum(len(page["PriceList"]) for page in pages) > 200


def test_images_are_found_by_parameter_by_path_and_by_owner_and_are_regional(rig):
    ssm, ec2 = rig.client("ssm"), rig.client("ec2")
    for parameter, owner, gib in [(BASE, "898082745236", 50), (PYTORCH, "898082745236", 75), (UBUNTU, "099720109477", 8)]:
        (image,) = ec2.describe_images(ImageIds=[rig.image(parameter)])["Images"]
        (mapping,) = image["BlockDeviceMappings"]
        assert (image["OwnerId"], image["RootDeviceName"], mapping["DeviceName"], mapping["Ebs"]["VolumeSize"]) == (
            owner,
            "/dev/sda1",
            "/dev/sda1",
            gib,
        )
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
        with contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, http.client.HTTPException):
            ec2.describe_vpcs()
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
    for door, body, words in [
        ("nowhere", None, "there is no such door"),
        ("settings", {"hast": 1}, "there is no setting"),
        ("faults", {"faults": [{"kind": "flood"}]}, "there is no fault"),
    ]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            rig.control(door, body)
        assert words in refused.value.read().decode()


def test_a_rig_begins_with_the_faults_of_its_seed():
    rig = Rig("--no-hosts", "--faults", "7")
    try:
        first = rig.control("faults")["faults"]
        assert first == rig.control("faults", {"seed": 7})["faults"] != []
    finally:
        rig.close()
