"""moto in this process: its backends by region, filled with what the rig offers, and its application as a plain function."""

import base64
import hashlib
import os
import urllib.parse

# Before moto is imported: no images but ours.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
os.environ.setdefault("AWS_ACCESS_KEY_ID", "unused")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "unused")

from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: E402
from moto.core.base_backend import BackendDict  # noqa: E402
from moto.core.model_instances import reset_model_data  # noqa: E402
from moto.ec2 import utils as ec2_utils  # noqa: E402
from moto.ec2.models import ec2_backends, key_pairs  # noqa: E402
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend  # noqa: E402
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES  # noqa: E402
from moto.iam.models import iam_backends  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from moto.ssm.models import ssm_backends  # noqa: E402
from moto.sts.models import sts_backends  # noqa: E402
from werkzeug.test import EnvironBuilder, run_wsgi_app  # noqa: E402

from . import images  # noqa: E402
from .protocol import Answer, AwsError  # noqa: E402

ACCOUNT = "123456789012"
USER = "carrel"
KEY_ID, SECRET = "AKIACARRELRIG0000000", "carrel-rig-secret-for-tests-only-0000000"

# Filters that EC2 has and moto lacks; both are attributes of moto's instance.
ec2_utils.filter_dict_attribute_mapping.update({"client-token": "client_token", "instance-lifecycle": "lifecycle"})

motos_fingerprint = key_pairs.public_key_fingerprint


def fingerprint(key, hash_constructor):
    """Of an ed25519 key as EC2 tells it, and ssh-keygen: SHA-256 of what stands in the key's line, in base 64."""
    if not isinstance(key, Ed25519PublicKey):
        return motos_fingerprint(key, hash_constructor)
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return base64.b64encode(hashlib.sha256(base64.b64decode(line.split()[1])).digest()).decode()


key_pairs.public_key_fingerprint = fingerprint

OPEN_REGIONS = set(RegionsAndZonesBackend.regions_opt_in_not_required)

application = DomainDispatcherApplication(create_backend_app)
filled = set()


def reset():
    BackendDict.reset()
    reset_model_data()
    filled.clear()


def known_region(region):
    """Whether the account may use it: those that need no opt-in."""
    return region in OPEN_REGIONS


def region(name):
    """The EC2 backend of a known region."""
    ec2 = ec2_backends[ACCOUNT][name]
    if name not in filled:
        filled.add(name)
        images.seed_images(ec2, name)
        images.seed_parameters(ssm_backends[ACCOUNT][name], ACCOUNT, name)
        user()
    return ec2


def user():
    """The account's one user, whose key signs; made anew after a reset."""
    iam = iam_backends[ACCOUNT]["aws"]
    if USER not in iam.users:
        iam.create_user("us-east-1", USER)
        key = iam.create_access_key(USER)
        iam.access_keys.pop(key.access_key_id)
        key.access_key_id, key.secret_access_key = KEY_ID, SECRET
        iam.access_keys[KEY_ID] = key
    return iam.users[USER]


def key_of(key_id):
    """(secret, session token or None), or None where nobody has that key."""
    if key_id == KEY_ID:
        return SECRET, None
    for account in list(sts_backends):
        for sts in sts_backends[account].values():
            if role := sts.get_assumed_role_from_access_key(key_id):
                return role.secret_access_key, role.session_token
    return None


def types_in(zone):
    return {
        offer["InstanceType"]
        for offer in INSTANCE_TYPE_OFFERINGS["availability-zone"].get(zone[:-1], [])
        if offer["Location"] == zone
    }


def type_facts(name):
    facts = INSTANCE_TYPES.get(name)
    if facts is None:
        raise AwsError("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    return facts


def ask(call, params=None):
    """What moto answers; `params` replace the call's own, flat as the query protocols have them."""
    body = call.body if params is None else urllib.parse.urlencode(params).encode()
    headers = {name: value for name, value in call.headers.items() if name != "content-length"}
    environ = EnvironBuilder(
        method=call.method, path=call.path, query_string=call.query, headers=headers, data=body
    ).get_environ()
    try:
        chunks, status, answer = run_wsgi_app(application, environ)
        body = b"".join(chunks)
    except (NotImplementedError, KeyError, TypeError, ValueError, AttributeError) as error:
        # moto raises where it lacks a filter, an action, a check of its arguments.
        raise AwsError(
            "InvalidParameterValue", f"the rig's moto cannot answer {call.service}:{call.action}: {type(error).__name__}: {error}"
        ) from error
    number = int(status.split()[0])
    if number >= 500 or (number == 404 and b"<html" in body[:200].lower()):
        raise AwsError("InvalidAction", f"The action {call.action} is not valid for this web service.")
    return Answer(number, body, answer.get("Content-Type", "text/xml"))
