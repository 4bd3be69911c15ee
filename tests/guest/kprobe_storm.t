#!/usr/bin/python3
"""Probes set and taken away by all CPUs at once, under CPUs that run into them, with a seed's yields, delays and interrupts."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

STRESS = int(os.environ.get("STRESS") or 1)
SEED = int(os.environ.get("SEED") or 1)
SAID = re.compile(r"# (\d+) CPUs, (\d+) places: (\d+) probes set, (\d+) refused, (\d+) jumps, (\d+) hits, (\d+) runs$", re.M)


def check(cpus, seed, **options):
    how = f"SMP={cpus} chaos={seed}"
    result = nestling.run("ktap kprobe_storm", smp=cpus, append=f"test debug chaos={seed} stress={STRESS}",
                          timeout=60 + 12 * STRESS, **options)
    said = SAID.search(result.stdout)
    if tap.ok(result.status == 0 and said, f"{how}: right results, and .text as before", result.stdout[-2000:],
              result.stderr[-1000:]):
        tap.note(said[0])
        tap.ok(int(said[3]) >= 20 and int(said[6]) > int(said[3]), f"{how}: probes were set, and hit")
        tap.ok(int(said[5]) > 0, f"{how}: some became jumps")
    tap.equal(re.findall("^lockdep.*", result.log, re.M), [], f"{how}: locks in order")


for number in range(SEED, SEED + (20 if STRESS > 1 else 2)):
    check(4, number)
check(1, SEED)
tap.done()
