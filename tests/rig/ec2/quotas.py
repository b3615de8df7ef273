"""Service Quotas of EC2's vCPUs: the API (JSON 1.1), and what RunInstances and StartInstances refuse because of them.

A quota of None in the settings is one that was never applied: NoSuchResourceException, and the default counts, which is 0 for GPUs.
"""

import time

from . import cloud
from .protocol import AwsError, json_answer

NAMES = {
    "L-DB2E81BA": "Running On-Demand G and VT instances",
    "L-417A185B": "Running On-Demand P instances",
    "L-1216C47A": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    "L-1945791B": "Running On-Demand Inf instances",
    "L-3819A6DF": "All G and VT Spot Instance Requests",
    "L-7212CCBC": "All P4, P3 and P2 Spot Instance Requests",
    "L-34B43A08": "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
}
DEFAULT_VALUES = {"L-1216C47A": 5.0, "L-34B43A08": 5.0}
ON_DEMAND = {"g": "L-DB2E81BA", "vt": "L-DB2E81BA", "gr": "L-DB2E81BA", "p": "L-417A185B", "inf": "L-1945791B"}
SPOT = {"L-DB2E81BA": "L-3819A6DF", "L-417A185B": "L-7212CCBC", "L-1216C47A": "L-34B43A08"}
OPEN = ("PENDING", "CASE_OPENED")


def code_of(kind, spot):
    letters = ""
    for letter in kind:
        if not letter.isalpha():
            break
        letters += letter
    code = ON_DEMAND.get(letters, "L-1216C47A")
    return SPOT.get(code, code) if spot else code


def vcpus(kind):
    return cloud.type_facts(kind)["VCpuInfo"]["DefaultVCpus"]


def applied(world, code):
    value = world.settings["quotas"].get(code)
    return DEFAULT_VALUES.get(code, 0.0) if value is None else float(value)


def check_room(world, region, kind, count, spot):
    code = code_of(kind, spot)
    used = sum(
        vcpus(instance.instance_type)
        for instance in world.instances.values()
        if instance.region_name == region
        and instance.state in ("pending", "running")
        and code_of(instance.instance_type, instance.lifecycle == "spot") == code
    )
    limit = int(applied(world, code))
    if used + count * vcpus(kind) <= limit:
        return
    if spot:
        raise AwsError("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
    raise AwsError(
        "VcpuLimitExceeded",
        f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket that the specified "
        "instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    )


def check_plan(world, kind):
    if world.settings["plan"] == "FREE" and ("GpuInfo" in cloud.type_facts(kind)):
        raise AwsError(
            "InvalidParameterCombination",
            "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run 'describe-instance-types' "
            "with the filter 'free-tier-eligible=true'.",
        )


def quota(call, code, value):
    return {
        "ServiceCode": "ec2",
        "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
        "QuotaArn": f"arn:aws:servicequotas:{call.region}:{cloud.ACCOUNT}:ec2/{code}",
        "QuotaCode": code,
        "QuotaName": NAMES[code],
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def asked(call):
    code = call.params.get("QuotaCode", "")
    if call.params.get("ServiceCode") != "ec2" or code not in NAMES:
        raise AwsError("NoSuchResourceException", "The request failed because the specified service or quota does not exist.")
    return code


def get(world, call):
    code = asked(call)
    value = world.settings["quotas"].get(code)
    if value is None:
        raise AwsError("NoSuchResourceException", "The request failed because the quota has no applied value.")
    return json_answer({"Quota": quota(call, code, value)})


def get_default(_, call):
    code = asked(call)
    return json_answer({"Quota": quota(call, code, DEFAULT_VALUES.get(code, 0.0))})


def list_applied(world, call):
    if call.params.get("ServiceCode") != "ec2":
        raise AwsError("NoSuchResourceException", "The request failed because the specified service does not exist.")
    return json_answer(
        {"Quotas": [quota(call, code, value) for code, value in world.settings["quotas"].items() if value is not None]}
    )


def request_increase(world, call):
    code, desired = asked(call), float(call.params.get("DesiredValue", 0))
    if any(r["QuotaCode"] == code and r["Status"] in OPEN for r in world.requests):
        raise AwsError("ResourceAlreadyExistsException", "Only one open service quota increase request is allowed per quota.")
    if desired <= applied(world, code):
        raise AwsError("IllegalArgumentException", "You must provide a quota value greater than the current quota value.")
    request = {
        **{name: value for name, value in quota(call, code, desired).items() if name not in ("Value", "Adjustable")},
        "Id": f"{next(world.numbers):032x}",
        "DesiredValue": desired,
        "Status": "PENDING",
        "Created": time.time(),
        "LastUpdated": time.time(),
        "Requester": f'{{"accountId":"{cloud.ACCOUNT}"}}',
    }
    world.requests.append(request)
    return json_answer({"RequestedQuota": request})


def history(world, call):
    code, status = asked(call), call.params.get("Status")
    found = [r for r in world.requests if r["QuotaCode"] == code and status in (None, r["Status"])]
    return json_answer({"RequestedQuotas": found[::-1]})


def decide(world, code, status):
    """The support's answer to the open request of a quota; APPROVED applies it."""
    for request in world.requests:
        if request["QuotaCode"] == code and request["Status"] in OPEN:
            request.update(Status=status, LastUpdated=time.time())
            if status == "APPROVED":
                world.settings["quotas"][code] = request["DesiredValue"]
            return
    raise ValueError(f"no open request for {code}")


ACTIONS = {
    "GetServiceQuota": get,
    "GetAWSDefaultServiceQuota": get_default,
    "ListServiceQuotas": list_applied,
    "RequestServiceQuotaIncrease": request_increase,
    "ListRequestedServiceQuotaChangeHistoryByQuota": history,
}
