"""aws_moto (moto_test.cpp) against moto's server, with boto3 as the second opinion. CARREL_AWS_MOTO names the program."""

import base64
import json
import os
import subprocess
import urllib.request

import boto3
import pytest
from moto.server import ThreadedMotoServer

REGION = "eu-west-1"


def post(url, body=b""):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


@pytest.fixture(scope="session")
def server():
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def moto(server):
    post(server + "/moto-api/reset")
    yield server
    post(server + "/moto-api/reset-auth", b"inf")


def client(service, endpoint):
    return boto3.client(service, region_name=REGION, endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b")


def run(endpoint, test, **environment):
    base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    done = subprocess.run([os.environ["CARREL_AWS_MOTO"], f"--gtest_filter=Moto.{test}", "--gtest_brief=1"],
                          env=base | sanitizers | environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 test" in done.stdout, done.stdout  # the filter named one


def test_a_machine_is_launched_as_boto3_sees_it(moto):
    run(moto, "a_machine_is_launched_found_stopped_started_and_ended")
    ec2 = client("ec2", moto)
    [instance] = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags == {"Name": "hello & <you>", "carrel:id": "01abc", "empty": "", "more": "yes"}
    assert instance["State"]["Name"] == "running"
    assert instance["InstanceType"] == "g4dn.xlarge"
    assert instance["KeyName"] == "carrel-key"
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    [disk] = instance["BlockDeviceMappings"]
    assert disk["Ebs"]["DeleteOnTermination"] is True
    [volume] = ec2.describe_volumes(VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (100, "gp3", True)
    assert {"Key": "carrel:id", "Value": "01abc"} in volume["Tags"]
    data = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert base64.b64decode(data["UserData"]["Value"]) == b'#cloud-config\nruncmd: ["true"]\n'
    [group] = ec2.describe_security_groups(GroupNames=["carrel-test"])["SecurityGroups"]
    assert {(r["FromPort"], r["ToPort"], r["IpProtocol"]) for r in group["IpPermissions"]} == {(22, 22, "tcp")}

    run(moto, "everything_is_ended")
    [instance] = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    assert instance["State"]["Name"] == "terminated"
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    assert [g["GroupName"] for g in ec2.describe_security_groups()["SecurityGroups"] if g["GroupName"] == "carrel-test"] == []


def test_what_it_offers_is_read(moto):
    ssm = client("ssm", moto)
    for number in range(25):
        ssm.put_parameter(Name=f"/images/{number}", Value=f"ami-{number}", Type="String")
    run(moto, "what_it_offers_is_read")


def test_a_machine_that_does_not_exist_is_not_found(moto):
    run(moto, "a_machine_that_does_not_exist_is_not_found")


def test_many_machines_are_read_page_by_page(moto):
    ec2 = client("ec2", moto)
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, MinCount=1001, MaxCount=1001)
    run(moto, "many_machines_are_read_page_by_page", MANY="1001")


def test_signatures_are_those_that_aws_wants(moto):
    iam = client("iam", moto)
    iam.create_user(UserName="u")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    post(moto + "/moto-api/reset-auth", b"0")
    run(moto, "right_keys_are_taken", AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])
    run(moto, "wrong_keys_are_refused", AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY="no")
