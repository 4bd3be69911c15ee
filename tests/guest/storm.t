#!/usr/bin/python3
"""An NMI storm from two CPUs at a third, whose handler lets the next NMI in: what was interrupted goes on as it was."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

STRESS = int(os.environ.get("STRESS") or 1)
SAID = re.compile(r"^nmi: (\d+) sent, (\d+) received, (\d+) of them nested, (\d+) coalesced, (\d+) handler runs$", re.M)


def check(cpus, stress, append="test", **options):
    name = f"{cpus} CPUs, {append}{', counting instructions' * ('icount' in options)}"
    wanted = 1250 * min(cpus - 1, 2) * stress
    result = nestling.run("ktap nmi; echo; dmesg", smp=cpus, append=f"{append} stress={stress}", timeout=60 + 12 * stress,
                          **options)
    said = SAID.search(result.stdout.split("\n\n")[-1])
    if not tap.ok(result.status == 0 and said, f"{name}: frames and registers survive {wanted} NMIs", result.stdout[-2000:],
                  result.stderr[-1000:]):
        return
    tap.note(said[0])
    sent, received, nested, coalesced, handled = map(int, said.groups())
    tap.equal(sent, wanted, "… all of which were sent")
    tap.equal(received + coalesced, sent, "… and arrived, or were merged with one that waited")
    tap.ok(nested * 100 >= sent and received - nested <= handled <= received, "… many of them in the middle of another")


LESS = max(1, STRESS // 8)
check(3, STRESS)
check(2, LESS)
check(4, LESS, append="test debug")
check(8, LESS)
check(3, LESS, icount=1)
tap.done()
