"""The Price List API (GetProducts, JSON 1.1), for GPU types, a few small ones, and gp3 disks.

The figures are near AWS's of us-east-1; the other regions' are the same times a factor. Only their form and order matter to tests.
"""

import hashlib
import json

from . import cloud
from .protocol import AwsError, json_answer

HOURLY = {
    "t3.micro": "0.0104", "t3.medium": "0.0416", "m5.large": "0.096", "c5.xlarge": "0.17",
    "g4dn.xlarge": "0.526", "g4dn.2xlarge": "0.752", "g4dn.4xlarge": "1.204", "g4dn.8xlarge": "2.176", "g4dn.12xlarge": "3.912",
    "g4dn.16xlarge": "4.352", "g5.xlarge": "1.006", "g5.2xlarge": "1.212", "g5.4xlarge": "1.624", "g5.8xlarge": "2.448",
    "g5.12xlarge": "5.672", "g5.16xlarge": "4.096", "g5.24xlarge": "8.144", "g5.48xlarge": "16.288", "g6.xlarge": "0.8048",
    "g6.2xlarge": "0.9776", "g6.4xlarge": "1.3232", "g6.8xlarge": "2.0144", "g6.12xlarge": "4.6016", "g6.16xlarge": "3.3968",
    "g6.24xlarge": "6.6752", "g6.48xlarge": "13.3504", "gr6.4xlarge": "1.5392", "gr6.8xlarge": "2.4464", "g6e.xlarge": "1.861",
    "g6e.2xlarge": "2.24208", "g6e.4xlarge": "3.00424", "g6e.8xlarge": "4.52856", "g6e.12xlarge": "10.49264", "g6e.16xlarge": "7.57719",
    "g6e.24xlarge": "15.06559", "g6e.48xlarge": "30.13118", "p3.2xlarge": "3.06", "p3.8xlarge": "12.24", "p3.16xlarge": "24.48",
    "p4d.24xlarge": "21.957642", "p4de.24xlarge": "27.44705", "p5.4xlarge": "6.88", "p5.48xlarge": "55.04",
}  # fmt: skip
FACTORS = {"us": 1.0, "eu": 1.1, "ap": 1.25, "ca": 1.1, "sa": 1.5}
TERM, RATE = "JRTCKXETXF", "6YS6EN2CT7"


def product(region, usage, attributes, unit, price, description):
    sku = hashlib.sha256(f"{region} {usage}".encode()).hexdigest()[:16].upper()
    rate = {
        "unit": unit,
        "endRange": "Inf",
        "description": description,
        "appliesTo": [],
        "rateCode": f"{sku}.{TERM}.{RATE}",
        "beginRange": "0",
        "pricePerUnit": {"USD": f"{price:.10f}"},
    }
    term = {
        "priceDimensions": {rate["rateCode"]: rate},
        "sku": sku,
        "effectiveDate": "2026-06-01T00:00:00Z",
        "offerTermCode": TERM,
        "termAttributes": {},
    }
    return {
        "product": {"productFamily": attributes.pop("productFamily"), "attributes": attributes, "sku": sku},
        "serviceCode": "AmazonEC2",
        "terms": {"OnDemand": {f"{sku}.{TERM}": term}},
        "version": "20260601000000",
        "publicationDate": "2026-06-01T00:00:00Z",
    }


def machine(region, kind, hourly, tenancy):
    price = float(hourly) * FACTORS.get(region[:2], 1.2) * (1.1 if tenancy == "Dedicated" else 1.0)
    facts = cloud.INSTANCE_TYPES.get(kind, {})
    attributes = {
        "productFamily": "Compute Instance",
        "servicecode": "AmazonEC2",
        "instanceType": kind,
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": tenancy,
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
        "operation": "RunInstances",
        "marketoption": "OnDemand",
        "vcpu": str(facts.get("VCpuInfo", {}).get("DefaultVCpus", "")),
        "gpu": str(sum(gpu["Count"] for gpu in facts.get("GpuInfo", {}).get("Gpus", [])) or ""),
    }
    usage = ("BoxUsage" if tenancy == "Shared" else "DedicatedUsage") + ":" + kind
    return product(region, usage, attributes, "Hrs", price, f"${price:g} per {tenancy} Linux {kind} Instance Hour")


def disk(region):
    price = 0.08 * FACTORS.get(region[:2], 1.2)
    attributes = {
        "productFamily": "Storage",
        "servicecode": "AmazonEC2",
        "regionCode": region,
        "volumeApiName": "gp3",
        "volumeType": "General Purpose",
    }
    return product(
        region,
        "EBS:VolumeUsage.gp3",
        attributes,
        "GB-Mo",
        price,
        f"${price:g} per GB-month of General Purpose (gp3) provisioned storage",
    )


def all_products(region):
    for kind, hourly in HOURLY.items():
        for tenancy in ("Shared", "Dedicated"):
            yield machine(region, kind, hourly, tenancy)
    yield disk(region)


def matches(item, field, value):
    return value == item["product"]["attributes"].get(
        field, item["product"]["productFamily"] if field == "productFamily" else None
    )


def get_products(_, call):
    if call.params.get("ServiceCode") != "AmazonEC2":
        raise AwsError("NotFoundException", f"Service not found: {call.params.get('ServiceCode')}")
    filters = {row["Field"]: row["Value"] for row in call.params.get("Filters", []) if row.get("Type") == "TERM_MATCH"}
    regions = [filters["regionCode"]] if "regionCode" in filters else ["us-east-1", "us-west-2", "eu-central-1"]
    found = [
        item
        for region in regions
        if cloud.known_region(region)
        for item in all_products(region)
        if all(matches(item, field, value) for field, value in filters.items())
    ]
    first, most = int(call.params.get("NextToken") or 0), min(int(call.params.get("MaxResults", 100)), 100)
    answer = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(item) for item in found[first : first + most]]}
    if first + most < len(found):
        answer["NextToken"] = str(first + most)
    return json_answer(answer)


ACTIONS = {"GetProducts": get_products}
