"""Signature Version 4, checked as AWS checks it (docs: "Create a signed AWS API request"). Pure: no clock and no keys of its own."""

import datetime
import hashlib
import hmac
import re
import urllib.parse

from .protocol import AwsError

AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})")
MOST_SKEW = datetime.timedelta(minutes=5)


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def canonical_query(query):
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    quoted = [(urllib.parse.quote(name, safe="-_.~"), urllib.parse.quote(value, safe="-_.~")) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(quoted))


def expected(call, secret, names):
    headers = "".join(f"{name}:{' '.join(call.headers.get(name, '').split())}\n" for name in names)
    canonical = "\n".join(
        [
            call.method,
            call.path or "/",
            canonical_query(call.query),
            headers,
            ";".join(names),
            hashlib.sha256(call.body).hexdigest(),
        ]
    )
    scope = f"{call.date}/{call.region}/{call.service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", call.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = digest(("AWS4" + secret).encode(), call.date)
    for part in (call.region, call.service, "aws4_request"):
        key = digest(key, part)
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def check(call, key, now):
    """`key` is (secret, session token or None) of the call's access key, or None where nobody has it. Raises AwsError."""
    ec2 = call.service == "ec2"
    unknown = "AuthFailure" if ec2 else "UnrecognizedClientException" if call.is_json else "InvalidClientTokenId"
    authorization = AUTHORIZATION.fullmatch(call.headers.get("authorization", ""))
    if not authorization:
        code = "MissingAuthenticationToken" if "authorization" not in call.headers else "IncompleteSignature"
        raise AwsError(code, "Request is missing Authentication Token", 403 if code[0] == "M" else 400)
    if key is None:
        raise AwsError(unknown, "AWS was not able to validate the provided access credentials", 401 if ec2 else 403)
    secret, token = key
    if token and not hmac.compare_digest(call.headers.get("x-amz-security-token", ""), token):
        raise AwsError(unknown, "The security token included in the request is invalid", 401 if ec2 else 403)
    try:
        at = datetime.datetime.strptime(call.headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise AwsError(
            "IncompleteSignature", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header"
        ) from None
    if abs(now - at) > MOST_SKEW or call.date != at.strftime("%Y%m%d"):
        code = "RequestExpired" if ec2 else "SignatureDoesNotMatch"
        raise AwsError(
            code,
            f"Request has expired or is not yet valid: signed {at:%Y%m%dT%H%M%SZ}, now {now:%Y%m%dT%H%M%SZ}",
            400 if ec2 else 403,
        )
    names = authorization[2].split(";")
    if (
        "host" not in names
        or "x-amz-date" not in names
        or (token and "x-amz-security-token" not in names)
        or names != sorted(names)
    ):
        raise AwsError("IncompleteSignature", "host, x-amz-date and the session token must be signed, in order")
    if call.headers.get("x-amz-content-sha256", "UNSIGNED") not in ("UNSIGNED", hashlib.sha256(call.body).hexdigest()):
        raise AwsError("SignatureDoesNotMatch", "the body has another digest than x-amz-content-sha256", 403)
    if not hmac.compare_digest(expected(call, secret, names), authorization[3]):
        raise AwsError(
            "AuthFailure" if ec2 else "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
            401 if ec2 else 403,
        )
