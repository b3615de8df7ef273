"""Fault seeds: a finite list of faults, then calm (ec2/faults.py). CARREL_SEEDS says how many; CARREL_SEED names one.

Without hosts the end of `up` is the end of its calls to AWS (people.py); with hosts, for a few seeds, it is a cell.

Where the program does not come up under the faults it says which call, AWS's code and the next step; the second time, in the calm, it does.
"""

import concurrent.futures
import contextlib
import json
import os
import re

import pytest
from ec2 import faults
from people import STRANGER, Person
from rigs import Rig
from test_program import person  # noqa: F401 (a fixture)

AT_ONCE = 8  # they wait more than they work
CALL = re.compile(r"\b(ec2|ssm|sts|pricing|servicequotas|freetier|account):\w+")
CODES = [code for _, code, _ in faults.REFUSALS.values()] + ["HTTP status 502", "Recv failure", "transfer closed", "Empty reply"]


def names_its_call(error):
    """And AWS's code, and the next step."""
    return CALL.search(error) and any(code in error for code in CODES) and len(error.strip().splitlines()) >= 3


def one_seed(rig, seed):
    """"" or what is wrong."""
    rig.control("reset", {})
    with contextlib.closing(Person(rig)) as person:  # noqa: F811
        rig.set(hang_s=0.3)
        rig.control("faults", {"seed": seed})
        status, _, error = person.up()
        if not (status == 1 and STRANGER in error):
            if status not in (1, 3) or not names_its_call(error):
                return f"ends with {status}: {error}"
        rig.faults()
        status, _, error = person.up()
        if not (status == 1 and STRANGER in error):
            return f"in the calm it ends with {status}: {error}"
        machines = person.machines()
        if len(machines) != 1 or machines != person.journal():
            return f"machines {machines}, journal {person.journal()}"
        if status := person.carrel("rm", "lesson", "--yes")[0]:
            return f"rm ends with {status}"
        return person.machines() and f"left: {person.machines()}"


@pytest.mark.timeout(600)
def test_every_seed_ends_with_one_machine():
    seeds = [int(os.environ["CARREL_SEED"])] if "CARREL_SEED" in os.environ else range(int(os.environ.get("CARREL_SEEDS", "50")))
    left = iter(seeds)
    with contextlib.ExitStack() as stack:
        workers = min(AT_ONCE, len(seeds))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(workers))
        rigs = list(pool.map(lambda _: Rig("--no-hosts"), range(workers)))
        for rig in rigs:
            stack.callback(rig.close)

        def share(rig):
            return {seed: what for seed in left if (what := one_seed(rig, seed))}

        wrong = {seed: what for part in pool.map(share, rigs) for seed, what in part.items()}
    assert not wrong, "\n".join(f"CARREL_SEED={seed}: {what}" for seed, what in sorted(wrong.items()))


@pytest.mark.long
@pytest.mark.parametrize("seed", [int(os.environ["CARREL_SEED"])] if "CARREL_SEED" in os.environ else [7, 11])
@pytest.mark.timeout(400)
def test_a_seed_on_real_hosts_ends_with_a_cell(person, host_rig, seed):  # noqa: F811
    host_rig.set(hang_s=0.3)
    host_rig.control("faults", {"seed": seed})
    words = ("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--json")
    first = person.carrel(*words, status=None)
    assert first.returncode == 0 or names_its_call(first.stdout + first.stderr), first
    host_rig.faults()
    second = json.loads(person.carrel(*words).stdout.splitlines()[-1])
    assert second["proof"]["output"] == "42" or second["was_up"], second
    running = [i for i in host_rig.control()["instances"].values() if i["state"] not in ("terminated", "shutting-down")]
    assert len(running) == 1
