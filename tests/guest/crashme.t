#!/usr/bin/python3
"""Random system calls by processes that may die of it, traced and probed: nobody else is hurt, nothing is left, each call succeeds, too."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from nestling import run
from tap import done, note, ok

STRESS = int(os.environ.get("STRESS") or 1)
TIMES = 8  # as many rounds as the suite has alone: 260,000 calls, and with STRESS=40 ten million
SAID = re.compile(r"^ *# (\d+) calls, (\d+) looks of the witness$", re.M)

# Functions of the calls' way, by the function tracer; others by int3s, step by step and emulated.
TRACED = """
echo 1 > health
echo 'sys_*' 'handle_*' 'ipc_*' 'space_*' 'process_*' > set_ftrace_filter
echo function > current_tracer
echo step > kprobes/technique
echo p:crash/found object_put+5 > kprobe_events
echo p:crash/copied copy_from_user+5 >> kprobe_events
echo 1 > events/crash/enable
echo auto > kprobes/technique
echo p:crash/charged account_charge >> kprobe_events
echo 1 > events/crash/charged/enable
ktap crashme
cat kprobe_profile
echo 0 > events/crash/enable
echo > kprobe_events
echo nop > current_tracer
cat health
"""


def check(cpus, append, stress, before=""):
    name = f"{cpus} CPUs, {append}{', traced and probed' * bool(before)}"
    result = run(before or "ktap crashme", smp=cpus, append=f"{append} stress={stress}", timeout=100 + 8 * stress)
    said = SAID.search(result.stdout)
    # Status 1 with health: its frames are those that a first sealed page of each 2 MiB costs, too.
    ok(said and result.status <= bool(before) and re.search(r"^ok 1 crashme$", result.stdout, re.M), f"{name}: all is as it was before", result.stdout[-6000:], result.stderr[-1000:])
    note(said[0] if said else "")
    ok(said and int(said[1]) >= 25_000 * stress, f"{name}: there were enough calls")
    if before:
        for what in ("context word", "guard bits", "text bytes", "W^X violations", "RCU watching"):
            ok(re.search(rf"^ *{re.escape(what)} .* same$", result.stdout, re.M), f"{name}: health: {what}", result.stdout)
        hits = re.findall(r"^ *(found|copied|charged) +(\d+)", result.stdout, re.M)
        ok(len(hits) == 3 and all(int(n) > 100 for _, n in hits), f"{name}: the probes were hit: {hits}", result.stdout)


check(4, "test", TIMES * STRESS, TRACED)
if STRESS > 1:
    check(4, "test debug", STRESS)
    check(1, "test", STRESS)
done()
