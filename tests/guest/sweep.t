#!/usr/bin/python3
"""A probe on every instruction of .text while the kernel's tests and commands run: what they say must not change.

A sample, chosen by SEED, by each technique in turn; SWEEP=all ("make sweep") takes all instructions, many at a time and one
by one, on one CPU and on four, and leaves a report in build/sweep.txt.
"""

import os
import random
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

TECHNIQUES = ("step", "int3", "emulate", "boost", "auto")
TOTAL = re.compile(r"^sweep: total (\w+): (\d+) exist, (\d+) probed, (\d+) hit, (\d+) refused$", re.M)
WRONG = re.compile(r"^sweep: wrong: .*(?:\n    .*)*", re.M)
ONES = re.compile(r"^sweep: one by one: (\d+) hit$", re.M)
REPORT = os.path.join(nestling.ROOT, "build/sweep.txt")


def sweep(techniques, arguments, least, **options):
    """@least: of those probed so many percent are hit."""
    how = " ".join(f"{key.upper()}={value}" for key, value in options.items() if key != "timeout")
    result = nestling.run("\n".join(f"sweep {technique} {arguments}" for technique in techniques), append="test", **options)
    tap.equal(WRONG.findall(result.stdout), [], f"{how} {arguments}: nothing changes")
    totals = TOTAL.findall(result.stdout)
    tap.equal([total[0] for total in totals], list(techniques), f"{how} {arguments}: runs to its end", result.stdout[-1500:],
              result.stderr[-1500:])
    for name, exist, probed, hit, refused in totals:
        tap.note(f"{name}: {exist} exist, {probed} probed, {hit} hit, {refused} refused")
        tap.ok(int(probed) > 0 and 100 * int(hit) >= least * int(probed), f"{how} {name}: at least {least} % are hit")
    return result


def everything():
    with open(REPORT, "w", encoding="utf-8") as report:
        for cpus, slowest in ((1, 1500), (4, 300)):
            for technique in TECHNIQUES:
                ones = "one=3" if cpus == 1 else ""
                result = sweep([technique], f"batch=8000 limit=200 max={slowest} {ones}", 50, smp=cpus, timeout=3600)
                print(f"=== {technique}, SMP={cpus}\n{result.stdout}", file=report, flush=True)
                if ones:
                    one = ONES.search(result.stdout)
                    tap.ok(one and int(one[1]) > 0, f"{technique}: one by one", one and one[0])


def sample():
    seed = int(os.environ.get("SEED") or random.randrange(1 << 16))
    tap.note(f"SEED={seed}")
    sweep(TECHNIQUES, f"seed={seed} stride=199 limit=100 max=30", 30, smp=1, timeout=300)


if os.environ.get("SWEEP"):
    everything()
else:
    sample()
tap.done()
