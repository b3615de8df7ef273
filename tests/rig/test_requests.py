"""Every request that the program makes is one that AWS's own models know: names, types, what is required (botocore's service models)."""

import botocore.session
import botocore.validate
import pytest
from people import Person

MODELS = {"ec2": "ec2", "sts": "sts", "ssm": "ssm", "servicequotas": "service-quotas", "pricing": "pricing", "freetier": "freetier"}
COMMON = ("Action", "Version")


def wire_name(name, member, ec2):
    """EC2 capitalizes what the model calls a member's location (botocore.serialize.EC2Serializer)."""
    given = member.serialization.get("queryName") or member.serialization.get("name", name)
    return given[0].upper() + given[1:] if ec2 else name


def tree(shape, flat, ec2):
    """The value that `flat`, {("Filter", "1", "Name"): text}, means; ValueError where the model knows no such thing."""
    if shape.type_name == "structure":
        members = {wire_name(name, member, ec2): (name, member) for name, member in shape.members.items()}
        value = {}
        for head in dict.fromkeys(path[0] for path in flat):
            if head not in members:
                raise ValueError(f"{shape.name} has no {head}")
            name, member = members[head]
            value[name] = tree(member, {path[1:]: text for path, text in flat.items() if path[0] == head}, ec2)
        return value
    if shape.type_name == "list":
        if not ec2:
            assert all(path[0] == "member" for path in flat), flat
            flat = {path[1:]: text for path, text in flat.items()}
        numbers = list(dict.fromkeys(path[0] for path in flat))
        if numbers != [str(n) for n in range(1, len(numbers) + 1)]:
            raise ValueError(f"{shape.name} is numbered {numbers}")
        return [tree(shape.member, {path[1:]: text for path, text in flat.items() if path[0] == n}, ec2) for n in numbers]
    if list(flat) != [()]:
        raise ValueError(f"{shape.name} is one value, not {flat}")
    text = flat[()]
    if getattr(shape, "enum", None) and text not in shape.enum:
        raise ValueError(f"{shape.name} is none of {text}")
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[text]
    return int(text) if shape.type_name in ("integer", "long") else text


def wrong_with(session, entry):
    """What the models say against a request of the rig's log; "" where it is right."""
    operation = session.get_service_model(MODELS[entry["service"]]).operation_model(entry["action"])
    params, shape = entry["params"], operation.input_shape
    if "Action" in params:
        if params["Version"] != operation.service_model.api_version:
            return f"version {params['Version']}"
        flat = {tuple(name.split(".")): text for name, text in params.items() if name not in COMMON}
        try:
            params = tree(shape, flat, entry["service"] == "ec2") if shape else flat
        except (ValueError, KeyError) as error:
            return repr(error)
    return botocore.validate.ParamValidator().validate(params, shape).generate_report() if shape else ""


@pytest.fixture
def person(rig):
    person = Person(rig)
    yield person
    person.close()


def test_what_the_program_asks_is_what_aws_models_say(person, rig):
    assert person.carrel("doctor", "--on", "ec2")[0] == 0
    rig.set(deny=["ec2:RunInstances"])
    assert person.carrel("doctor", "--on", "ec2", "--gpu", "A100", "--count", "8")[0] == 1
    rig.set(deny=[], quotas={"L-DB2E81BA": None})
    assert person.carrel("doctor", "--on", "ec2", "--image", "ubuntu*")[0] == 1
    rig.set(quotas={"L-DB2E81BA": 192})
    person.comes_up()
    rig.set(caller="203.0.113.9")
    person.carrel("open", "--print", "lesson")
    assert person.carrel("stop", "lesson")[0] == 0
    person.carrel("start", "lesson")
    assert person.carrel("ls")[0] == 0
    assert person.carrel("rm", "lesson", "--yes")[0] == 0

    log = rig.control("log")
    session = botocore.session.get_session()
    wrong = {entry["action"]: what for entry in log if (what := wrong_with(session, entry))}
    assert wrong == {}
    asked = {entry["action"] for entry in log}
    assert {"RunInstances", "StartInstances", "StopInstances", "TerminateInstances", "RevokeSecurityGroupIngress", "GetProducts"} <= asked
    assert {"DecodeAuthorizationMessage", "GetAWSDefaultServiceQuota", "ImportKeyPair", "GetConsoleOutput"} <= asked
    print(f"{len(log)} requests of {len(asked)} kinds")


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("RunInstances", {"ImageId": "ami-1", "MinCount": "1"}),
        ("RunInstances", {"MinCount": "1", "MaxCount": "1", "Image": "ami-1"}),
        ("RunInstances", {"MinCount": "1", "MaxCount": "one"}),
        ("StopInstances", {"InstanceId.2": "i-1"}),
        ("StopInstances", {"InstanceId.1": "i-1", "Force": "yes"}),
        ("DescribeInstances", {"Filter.1.Nmae": "x"}),
    ],
)
def test_a_request_that_is_wrong_would_be_seen(action, params):
    entry = {"service": "ec2", "action": action, "params": {"Action": action, "Version": "2016-11-15", **params}}
    assert wrong_with(botocore.session.get_session(), entry)
