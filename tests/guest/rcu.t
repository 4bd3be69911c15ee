#!/usr/bin/python3
"""RCU: its tests on 1, 2, 4 and 8 CPUs, really at once and in turns, with checks and with chaos."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

STRESS = int(os.environ.get("STRESS") or 1)
SEED = int(os.environ.get("SEED") or 1)
SUITES = ("rcu", "rcu_litmus", "rcu_torture")
AGES = re.compile(r"^rcu_torture: \d+ CPUs, read in ([\w ]+), by age: (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$", re.M)
OUTCOMES = re.compile(r"^rcu_litmus: (.+), (\w+):(( \w+: \d+)+)$", re.M)


def check_figures(log, cpus, stress, name):
    """The kernel counts its own failures; this is whether it counted at all."""
    ages = {kind: [int(n) for n in counts] for kind, *counts in AGES.findall(log)}
    tap.equal([sum(counts[2:]) for counts in ages.values()], [0] * 5, f"{name}: five kinds of readers, none outlived a grace period")
    if cpus > 1:
        tap.ok(min((counts[1] for counts in ages.values()), default=0) > 0, f"{name}: each kind met updaters", str(ages))
    rounds = [sum(int(n) for n in re.findall(r": (\d+)", counts)) for _, _, counts, _ in OUTCOMES.findall(log)]
    tap.equal(rounds, [16 * stress] * 20, f"{name}: an outcome for each round of each small program")
    tap.equal(re.findall("^(?:lockdep|rcu: ).*", log, re.M), [], f"{name}: locks in order, no stalls")


def check(cpus, stress=1, append="test debug", **options):
    """A failure says how to have it again."""
    name = f"SMP={cpus} {append} stress={stress}{' ICOUNT=1' * ('icount' in options)}"
    script = "".join(f"ktap {suite}\n" for suite in SUITES)
    result = nestling.run(script, smp=cpus, append=f"{append} stress={stress}", timeout=60 + 40 * stress, **options)
    passed = re.findall(r"^ok 1 (\w+)$", result.stdout, re.M)
    tap.equal((result.status, passed), (0, list(SUITES)), name, result.stdout[-3000:], result.stderr[-1000:])
    check_figures(result.log, cpus, stress, name)


def check_torture(cpus):
    """To the full number of grace periods."""
    name = f"SMP={cpus} stress={STRESS}"
    result = nestling.run(f"ktap rcu_torture; cd {nestling.TRACING}/rcu; " + "echo barrier > gp; cat gp; " * 4, smp=cpus,
                          append=f"test stress={STRESS}", timeout=60 + 10 * STRESS)
    tap.equal(result.status, 0, f"{name}: rcu_torture", result.stdout[-3000:], result.stderr[-1000:])
    counts = [int(n) for n in re.findall(r"(\d+) (?:normal|queued|called)", result.stdout)]
    tap.ok(len(counts) == 12 and counts[0] >= 50 * STRESS, f"{name}: {50 * STRESS} grace periods at least", result.stdout[-500:])
    # What ends may have queued one since the barrier; but one that is lost is missing each time.
    tap.ok(any(called == queued > 0 for queued, called in zip(counts[1::3], counts[2::3])), f"{name}: every callback was called", result.stdout[-500:])


LESS = max(1, STRESS // 4)
for count, often in ((1, STRESS), (2, STRESS), (4, LESS), (8, max(1, LESS // 2))):
    check(count, often)
for count in (1, 2, 4):
    check(count, LESS, icount=1)
check(2, append="test")
for seed in range(SEED, SEED + (10 if STRESS > 1 else 1)):
    check(2, append=f"test debug chaos={seed}", icount=1)
    check(4, append=f"test debug chaos={seed}")
for count in (4, 8):
    check_torture(count)
tap.done()
