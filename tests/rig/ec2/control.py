"""The control door: JSON over HTTP under /_rig/, unsigned, for tests and for people with curl. ../README.md has the table."""

import json
import os
import urllib.parse

from . import cloud, faults, quotas
from .protocol import Answer

CONTENT = "application/json"


def shown(value, status=200):
    return Answer(status, json.dumps(value, indent=1).encode() + b"\n", CONTENT)


def hosts(gate):
    world = gate.world
    return {
        instance_id: {
            "state": instance.state,
            "address": world.hosts[instance_id].address if instance_id in world.hosts else instance.private_ip,
            "type": instance.instance_type,
            "zone": instance.availability_zone,
            "console": str(world.hosts[instance_id].console) if instance_id in world.hosts else None,
        }
        for instance_id, instance in world.instances.items()
    }


def state(gate, *_):
    return {
        "pid": os.getpid(),
        "account": cloud.ACCOUNT,
        "key": {"AWS_ACCESS_KEY_ID": cloud.KEY_ID, "AWS_SECRET_ACCESS_KEY": cloud.SECRET},
        "hosts": bool(gate.world.host_maker),
        "calls": len(gate.log.calls),
        "faults_left": sum(fault.count for fault in gate.schedule.faults),
        "instances": hosts(gate),
        "settings": gate.world.settings,
    }


def settings(gate, given, _):
    if given is not None:
        gate.world.change(given)
    return gate.world.settings


def set_faults(gate, given, _):
    if given is not None:
        listed = faults.seeded(given["seed"]) if "seed" in given else []
        if "seed" in given:
            gate.world.change(faults.seeded_settings(given["seed"]))
        gate.schedule.faults = listed + [faults.Fault(**row) for row in given.get("faults", [])]
    return {"faults": [vars(fault) for fault in gate.schedule.faults]}


def log(gate, _, query):
    since = int(query.get("since", 0))
    return [entry for entry in gate.log.calls if entry["n"] > since]


def reset(gate, _given, _query):
    gate.schedule.faults = []
    gate.log.clear()
    gate.world.reset()
    return {}


def decide(gate, given, _):
    quotas.decide(gate.world, given["code"], given["status"])
    return gate.world.requests


def host(gate, given, _):
    """{"id": ..., "do": "cut" | "pull" | "plug"}: its power, its cable."""
    machine = gate.world.hosts.get(given["id"])
    if machine is None or not machine.on:
        raise ValueError(f"there is no running host {given['id']}")
    actions = {"cut": machine.cut_power, "pull": lambda: machine.pull_cable(True), "plug": lambda: machine.pull_cable(False)}
    if given["do"] not in actions:
        raise ValueError(f"do is one of {', '.join(actions)}")
    actions[given["do"]]()
    return hosts(gate)


def keep(gate, given, _):
    """{"id": ..., "paths": [...], "as": NAME}: what a host that is off has written there, for the setting `on_top`."""
    machine = gate.world.hosts.get(given["id"])
    if machine is None or machine.on:
        raise ValueError(f"there is no host {given['id']} that is off")
    machine.keep(given["paths"], given["as"])
    return {}


DOORS = {"": state, "settings": settings, "faults": set_faults, "log": log, "reset": reset, "quota-request": decide, "host": host, "keep": keep}


def answer(gate, method, path, query, body):
    door = DOORS.get(path.strip("/"))
    if door is None:
        return shown({"error": f"there is no such door; there are /_rig/{{{','.join(DOORS)}}}"}, 404)
    try:
        given = json.loads(body or b"{}") if method in ("POST", "PUT") else None
        with gate.world.lock:
            gate.world.tick()
            return shown(door(gate, given, dict(urllib.parse.parse_qsl(query))))
    except (ValueError, KeyError, TypeError) as error:
        return shown({"error": f"{type(error).__name__}: {error}"}, 400)
