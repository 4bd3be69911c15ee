#!/usr/bin/python3
"""Text exchanged under running CPUs: many flips, a good part of which meet somebody inside the site."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

STRESS = int(os.environ.get("STRESS") or 1)
SAID = re.compile(r"^text_poke: (\d+) flips, (\d+) met \(\d+ %\), (\d+) int3s handled, (\d+) old, (\d+) new$", re.M)


def check(cpus, flips, stress=STRESS, append="test", **options):
    name = f"{cpus} CPU{'s' * (cpus > 1)}, {append}{', counting instructions' * ('icount' in options)}"
    result = nestling.run("ktap flip; echo; dmesg", smp=cpus, append=f"{append} stress={stress}", timeout=60 + 12 * stress,
                          **options)
    said = SAID.search(result.stdout.split("\n\n")[-1])
    if not tap.ok(result.status == 0 and said, f"{name}: each execution was of the old or of the new instruction",
                  result.stdout[-2000:], result.stderr[-1000:]):
        return
    tap.note(said[0])
    done, met, int3s, olds, news = map(int, said.groups())
    tap.ok(done == flips * stress, f"… in {flips * stress} flips")
    tap.ok(olds and news and (cpus == 1 or 100 * met >= done and int3s >= met), "… of which one in a hundred met somebody")


LESS = max(1, STRESS // 8)
check(2, 500)
check(2, 500, LESS, append="test debug")
check(1, 500, LESS)
check(3, 100)
check(4, 60)
check(8, 12)
check(2, 500, LESS, icount=1)
tap.done()
