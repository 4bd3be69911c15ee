#!/usr/bin/python3
"""The concurrency tests with a seed's yields, delays and interrupts: under ICOUNT=1 the same each time, without it anything."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

STRESS = int(os.environ.get("STRESS") or 1)
SEED = int(os.environ.get("SEED") or 1)
SEEDS = range(SEED, SEED + (20 if STRESS > 1 else 2))
SUITES = ("sched", "wake", "timeout", "clock", "smp", "irq_work", "work", "static_key", "nmi")
FILE = re.compile(r"^seed (\d+): (\d+) points, (\d+) yields, (\d+) delays, (\d+) interrupts, sum [0-9a-f]{16}$", re.M)


def play(cpus, seed, **options):
    script = "".join(f"ktap {suite}\n" for suite in SUITES) + "cat chaos"
    return nestling.run(script, smp=cpus, append=f"test debug chaos={seed}", timeout=120, **options)


def check(cpus, seed, **options):
    """One seed; a failure says how to have it again."""
    how = " ".join([f"SMP={cpus}", f"chaos={seed}"] + [f"{key.upper()}={value}" for key, value in options.items()])
    result = play(cpus, seed, **options)
    passed = re.findall(r"^ok 1 (\w+)$", result.stdout, re.M)
    tap.equal((result.status, passed), (0, list(SUITES)), how, result.stdout[-3000:], result.stderr[-1000:])
    tap.equal(re.findall("^lockdep.*", result.log, re.M), [], f"{how}: locks in order")
    return result


def check_repeats(first, other, cpus, seed):
    again = play(cpus, seed, icount=1)
    tap.equal(again.stdout, first.stdout, f"SMP={cpus}: the same seed does the same, point for point")
    counts = [FILE.search(run.stdout) for run in (first, other)]
    if tap.ok(all(counts), f"SMP={cpus}: the file says what was done", first.stdout[-300:]):
        tap.ok(counts[0][0].split("sum")[1] != counts[1][0].split("sum")[1], f"SMP={cpus}: another seed doesn't")
        tap.ok(min(int(n) for n in counts[0].groups()[1:]) > 0, f"SMP={cpus}: points, yields, delays, interrupts", counts[0][0])


def check_file():
    result = nestling.run("cat chaos; echo x > chaos; echo 5 > chaos; cat chaos; echo 0 > chaos; cat chaos; cat chaos")
    found = [(match[1], int(match[2])) for match in FILE.finditer(result.stdout)]
    tap.equal((result.status, found[0], found[1][0]), (1, ("0", 0), "5"), "written, a seed starts it", result.stdout)
    tap.contains(result.stdout, "write error: Invalid argument", "a bad one is refused")
    tap.ok(found[1][1] > 0 and found[2] == found[3], "0 ends it", result.stdout)


for count in (1, 2, 4, 8):
    outcomes = []
    for number in SEEDS if STRESS > 1 or count in (2, 4) else SEEDS[:1]:
        outcomes.append(check(count, number, icount=1))
        check(count, number)
    if len(outcomes) > 1:
        check_repeats(*outcomes[:2], count, SEED)
check_file()
tap.done()
