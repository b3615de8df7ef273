"""What the account is: its plan, who asks, what it is not allowed to do and why."""

import base64
import json
from xml.sax.saxutils import escape

from . import cloud
from .protocol import Answer, AwsError, json_answer, request_id


def plan_state(world, _):
    free = world.settings["plan"] == "FREE"
    answer = {"accountId": cloud.ACCOUNT, "accountPlanType": "FREE" if free else "PAID", "accountPlanStatus": "ACTIVE"}
    if free:
        answer["accountPlanRemainingCredits"] = {"amount": 87.5, "unit": "USD"}
        answer["accountPlanExpirationDate"] = "2027-01-01T00:00:00Z"
    return json_answer(answer)


def arn(world):
    return world.settings["identity"] or f"arn:aws:iam::{cloud.ACCOUNT}:user/{cloud.USER}"


def sts_xml(action, inner):
    body = (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{inner}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id()}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Answer(200, body.encode())


def identity(world, call):
    if not world.settings["identity"]:
        return cloud.ask(call)
    account = world.settings["identity"].split(":")[4]
    return sts_xml(
        "GetCallerIdentity", f"<Arn>{escape(arn(world))}</Arn><UserId>AROARIG:{account}</UserId><Account>{account}</Account>"
    )


def check_allowed(world, call):
    name = f"{call.service}:{call.action}"
    if name not in world.settings["deny"]:
        return
    words = f"You are not authorized to perform this operation. User: {arn(world)} is not authorized to perform: {name}"
    if call.service != "ec2":
        raise AwsError("AccessDeniedException" if call.is_json else "AccessDenied", words, 400 if call.is_json else 403)
    why = {"allowed": False, "explicitDeny": True, "context": {"principal": {"arn": arn(world)}, "action": name, "resource": "*"}}
    encoded = base64.urlsafe_b64encode(json.dumps(why).encode()).decode()
    raise AwsError(
        "UnauthorizedOperation", f"{words} with an explicit deny. Encoded authorization failure message: {encoded}", 403
    )


def decode(_, call):
    try:
        message = json.loads(base64.urlsafe_b64decode(call.params.get("EncodedMessage", "")))
    except ValueError:
        raise AwsError("InvalidAuthorizationMessageException", "Message is not valid") from None
    return sts_xml("DecodeAuthorizationMessage", f"<DecodedMessage>{escape(json.dumps(message))}</DecodedMessage>")


FREETIER = {"GetAccountPlanState": plan_state}
STS = {"GetCallerIdentity": identity, "DecodeAuthorizationMessage": decode}
