"""EC2's request throttling as AWS documents it: token buckets per region (EC2 developer guide, "Request throttling").

Only with the setting `throttle`. A call without a token is refused with RequestLimitExceeded; a launch or start also needs a token for
every instance.
"""

import time

from .protocol import AwsError

# Burst, refill per second.
OWN = {
    "RunInstances": (5, 2),
    "StartInstances": (5, 2),
    "TerminateInstances": (100, 5),
    "CreateTags": (100, 10),
}
DESCRIBE, BARE_DESCRIBE, MUTATING = (100, 20), (50, 10), (50, 5)
INSTANCES = {
    "RunInstances": (1000, 2),
    "StartInstances": (1000, 2),
    "TerminateInstances": (1000, 20),
    "StopInstances": (1000, 20),
}


def bucket_of(call):
    """(name, burst, refill) of the call's request bucket. Describes share one, as do the calls that change something."""
    if call.action in OWN:
        return call.action, *OWN[call.action]
    if call.action.startswith(("Describe", "Get")):
        narrow = any(name.startswith("Filter.") or name == "MaxResults" for name in call.params)
        return ("describe", *DESCRIBE) if narrow else ("bare describe", *BARE_DESCRIBE)
    return "mutating", *MUTATING


def instances_of(call):
    if call.action == "RunInstances":
        return int(call.params.get("MaxCount", "1"))
    return len(call.numbered("InstanceId"))


class Buckets:
    def __init__(self, now=time.monotonic):
        self._now = now
        self._levels = {}  # by (region, name): (tokens, when they were counted)

    def _take(self, key, tokens, burst, refill):
        now = self._now()
        level, at = self._levels.get(key, (burst, now))
        level = min(burst, level + (now - at) * refill)
        enough = level >= tokens
        self._levels[key] = (level - tokens * enough, now)
        return enough

    def check(self, call):
        name, burst, refill = bucket_of(call)
        enough = self._take((call.region, name), 1, burst, refill)
        if enough and call.action in INSTANCES:
            enough = self._take((call.region, call.action, "instances"), instances_of(call), *INSTANCES[call.action])
        if not enough:
            raise AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
