#!/usr/bin/python3
"""CPUs that don't start: broken, too late, or without memory. The others run, and nothing is left of it."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap
from qmp import Guest

ALLOCATIONS_MAX = 40  # for two CPUs; far fewer are made


def boot(cpus, options, script="", **more):
    result = nestling.run(f"dmesg; {script}", smp=cpus, append=f"test debug {options}", **more)
    failed = re.findall(r"^smp: the CPU with APIC id (\d+) doesn't start: (.+)$", result.stdout, re.M)
    up = re.findall(r"^smp: (\d+) CPUs$", result.stdout, re.M)
    free = re.findall(r"(\d+) frames free$", result.stdout, re.M)
    return result, failed, up, free


def check_missing(option, apic_id, free_without, **more):
    name = f"{option}={apic_id}{', counting instructions' * ('icount' in more)}"
    result, failed, up, free = boot(4, f"{option}={apic_id}", "ktap smp", **more)
    tap.equal((result.status, up), (0, ["3"]), f"{name}: three of four CPUs come up, and their tests pass", result.stdout[-3000:])
    tap.equal(failed, [(str(apic_id), "no sign of it within 2 s")], "… the log says which didn't, and why")
    tap.equal(free, free_without, "… and as many frames are free as with three CPUs")


def check_parked(apic_id):
    """Seen from outside: the CPU that came too late stands still, with no stack; the others have one each."""
    with Guest(cmd="dmesg; echo booted; echo 1 > test/hang", append=f"test start_late={apic_id}", smp=4) as guest:
        tap.ok(guest.wait_for("booted\n"), f"start_late={apic_id}: boots", guest.said())
        seen = guest.execute("human-monitor-command", **{"command-line": "info registers -a"})
    stacks = [int(sp, 16) for sp in re.findall(r"\b[ER]SP=(\w+)", seen)]
    halted = re.findall(r"\bHLT=(\d)", seen)
    tap.equal((stacks[apic_id], halted[apic_id]), (0, "1"), "… and the CPU stands still")
    tap.ok(len(stacks) == 4 and len(set(stacks)) == 4, "… the others each have their stack", *map(hex, stacks))


def check_memory():
    """Each allocation fails in turn, until none is left."""
    _, _, _, free_without = boot(2, "")
    for nth in range(1, ALLOCATIONS_MAX):
        result, failed, up, free = boot(3, f"start_nomem={nth}")
        if not failed:
            break
        tap.equal((result.status, [why for _, why in failed], up, free), (0, ["no memory for what it needs"], ["2"], free_without),
                  f"allocation {nth} fails: one CPU less, and all that was made for it is free", result.stdout[-1000:])
    tap.ok(nth > 10 and result.status == 0 and up == ["3"], f"with a failing allocation {nth} there is none: all come up")


_, failed, _, free = boot(3, "")
tap.equal(failed, [], "three CPUs of three come up")
for apic_id in (1, 3):
    check_missing("start_late", apic_id, free)
check_missing("start_fails", 2, free)
check_missing("start_late", 2, free, icount=1)
check_parked(2)
check_memory()
tap.done()
