"""`carrel doctor --on ec2`: what is missing is said before anything is paid for, with what mends it."""

import json

import pytest
from people import Person

READS = ("Describe", "Get", "List", "Decode")


@pytest.fixture
def person(rig):
    person = Person(rig)
    yield person
    person.close()


def doctor(person, *words):
    """(status, {name: (state, found, fix)})"""
    status, said, error = person.carrel("doctor", "--on", "ec2", "--json", *words)
    assert said, error
    checks = json.loads(said)["checks"]
    return status, {check["name"]: (check["state"], check["found"], check["fix"] or "") for check in checks}


def test_all_is_there(person):
    status, said, error = person.carrel("doctor", "--on", "ec2")
    assert status == 0, error
    for words in (
        "from the environment",
        "123456789012, as arn:aws:iam::123456789012:user/carrel",
        "us-east-1 is enabled",
        "g4dn.xlarge: 4 vCPUs, 16 GiB, 1 NVIDIA T4",
        "us-east-1a, ",
        "vpc-",
        "PyTorch",
        "may launch machines (dry run)",
        "not on the Free plan",
        "L-DB2E81BA: 192 vCPUs, 0 in use, g4dn.xlarge asks for 4",
        "$0.54 an hour while it runs, $0.27 a day while it is stopped",
        "A machine can be had there.",
    ):
        assert words in said, (words, said)


# Title, settings, options, the line, its state, what it says, what mends it.
MISSING = [
    ("a quota that is too small", {"quotas": {"L-DB2E81BA": 3}}, (), "quota", "missing", "L-DB2E81BA of this account in us-east-1 is 3", "ask for 4"),
    ("the quota of another family", {}, ("--gpu", "A100", "--count", "8"), "quota", "missing", "L-417A185B", "ask for 96"),
    ("a quota that nobody may ask for", {"deny": ["servicequotas:GetServiceQuota"]}, (), "quota", "optional", "cannot be asked", "permission"),
    ("the Free plan", {"plan": "FREE"}, (), "plan", "missing", "Free plan", "Paid plan"),
    ("no permission to launch", {"deny": ["ec2:RunInstances"]}, (), "permission", "missing", "a policy denies ec2:RunInstances on * to arn:aws", "permission"),
    (
        "a refusal that may not be read",
        {"deny": ["ec2:RunInstances", "sts:DecodeAuthorizationMessage"]},
        (),
        "permission",
        "missing",
        "may not decode it (sts:DecodeAuthorizationMessage)",
        "permission",
    ),
    ("an image that is not there", {}, ("--image", "ami-00000000000000000"), "image", "missing", "there is no image ami-0", "--image"),
    ("a region that does not exist", {}, ("--region", "us-east-9"), "region", "missing", "us-east-9 is not enabled", "did you mean us-east-"),
    ("GPUs that no machine has", {}, ("--count", "3"), "machine", "missing", "EC2 has no machine with 3 T4", "--count"),
    ("prices that nobody may ask for", {"deny": ["pricing:GetProducts"]}, (), "price", "optional", "unknown", "pricing:GetProducts"),
    ("a lab", {"identity": "arn:aws:sts::123456789012:assumed-role/voclabs/user1"}, (), "account", "ok", "an AWS Academy lab", ""),
    ("a profile that is nowhere", {}, ("--profile", "nobody"), "credentials", "missing", "no profile 'nobody'", "aws configure"),
]


@pytest.mark.parametrize(("settings", "words", "name", "state", "found", "fix"), [row[1:] for row in MISSING], ids=[row[0] for row in MISSING])
def test_what_is_not_as_it_should_be_is_named_with_what_mends_it(person, rig, settings, words, name, state, found, fix):
    rig.set(**settings)
    status, checks = doctor(person, *words)
    assert checks[name][0] == state and found in checks[name][1] and fix in checks[name][2], checks[name]
    assert status == (1 if state == "missing" else 0), checks
    if state != "missing":
        return
    # And `up` is stopped by the same, before it asks for money.
    ended, _, error = person.up(*words)
    assert ended in (1, 3) and (name in ("region", "credentials") or found in error), (ended, error)
    assert person.machines() == []


def test_who_has_no_credentials_is_told_where_they_were_looked_for(person):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del person.env[name]
    person.env["AWS_EC2_METADATA_DISABLED"] = "true"
    status, checks = doctor(person)
    assert status == 1 and list(checks) == ["credentials"]
    assert "AWS_ACCESS_KEY_ID is not set" in checks["credentials"][1] and "aws configure" in checks["credentials"][2]


def test_a_region_without_a_default_network_is_told_how_to_get_one(person, rig):
    ec2 = rig.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    status, checks = doctor(person)
    assert status == 1 and checks["network"][2] == "aws ec2 create-default-vpc --region us-east-1"


def test_what_runs_already_counts(person, rig):
    rig.launch(InstanceType="g5.2xlarge")
    rig.set(quotas={"L-DB2E81BA": 11})
    _, checks = doctor(person)
    assert "is 11, and 8 run already" in checks["quota"][1] and "ask for 12" in checks["quota"][2]


def test_it_only_looks(person, rig):
    assert doctor(person)[0] == 0
    log = rig.control("log")
    acts = [entry for entry in log if not entry["action"].startswith(READS) and entry["params"].get("DryRun") != "true"]
    assert acts == [] and len(log) >= 12
    assert person.machines() == []


def test_a_place_that_nobody_knows_is_a_mistake(person):
    status, _, error = person.carrel("doctor", "--on", "moon")
    assert status == 2 and "moon" in error
    status, _, error = person.carrel("doctor", "--on", "ec2", "--gpu", "T5")
    assert status == 2 and "EC2 has no GPU called" in error
