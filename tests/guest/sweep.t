#!/usr/bin/python3
"""Probes on instructions all over visible text, while a workload runs through them: what it prints must not change.

Every sixteenth instruction, beginning at one chosen by SEED; STRESS=16 and more takes all.
"""

import os
import random
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

KERNEL = os.environ.get("KERNEL") or os.path.join(nestling.ROOT, "build/nestling.elf")
BATCH = 150  # probes at a time: there are 256 slots
# Suites that set no probes themselves: theirs would meet ours.
WORKLOAD = """\
ls /sys/kernel kprobes
cat available_tracers set_ftrace_filter
echo hello "a b" 'c' \\; d
cat kprobes/unsafe tracing_on
echo 'tracefs_*' > set_ftrace_filter
cat set_ftrace_filter
echo > set_ftrace_filter
echo nosuchfn > set_ftrace_filter
cat nosuch
help
tour
echo 'tracefs_re*' > set_graph_function
cat set_graph_function
echo > set_graph_function
echo > trace
cat events/sched/sched_switch/format trace_clock trace_options README
echo 'prev_pid > 1 && next_comm ~ "k*"' > events/sched/sched_switch/filter
echo 'hist:keys=prev_pid' > events/sched/sched_switch/trigger
echo 1 > events/sched/enable
cat events/sched/sched_switch/filter
echo 0 > events/sched/enable
echo '!hist:keys=prev_pid' > events/sched/sched_switch/trigger
echo 0 > events/sched/sched_switch/filter
echo 'x ==' > events/sched/sched_switch/filter
echo 0 > events/sched/sched_switch/filter
echo 256 > buffer_size_kb
ktap stacks
ktap symbols
ktap sched
cat available_filter_functions kprobes/blacklist
cat wx
"""


def instructions():
    """Addresses of the instructions of .text; boot code runs once and is left out."""
    command = ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", KERNEL]
    function = None
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        start = re.match(r"[0-9a-f]+ <(\S+)>:", line)
        if start:
            function = start[1]
        place = re.match(r"\s*([0-9a-f]+):\t", line)
        if place and function != "kernel_main":
            yield int(place[1], 16)


def script(places):
    names = [(f"e{i}", place) for i, place in enumerate(places)]
    lines = [f"cd {nestling.TRACING}"]
    lines += [f"echo p:{name} {place:#x} >> kprobe_events" for name, place in names]
    lines += [f"echo 1 > events/kprobes/{name}/enable" for name, place in names]
    lines += ["echo @@", WORKLOAD, "echo @@"]
    lines += [f"echo 0 > events/kprobes/{name}/enable" for name, place in names]
    lines += ["cat kprobe_profile"]
    return "\n".join(lines)


def without_slots(text):
    """Pages of slots come with the probes."""
    return re.sub(r"\d+ mappings, \d+ executable", "mappings", text)


def hits(profile):
    return sum(int(line.split()[1]) > 0 for line in profile.splitlines() if re.match(r"\s+e\d+\s+\d+\s+\d+$", line))


def main():
    stride = max(1, 16 // int(os.environ.get("STRESS") or 1))
    seed = int(os.environ.get("SEED") or random.randrange(1 << 16))
    tap.note(f"SEED={seed}, every instruction in {stride}")
    places = list(instructions())[seed % stride :: stride]
    wanted = nestling.run(script([])).stdout.split("@@")[1]
    tap.ok("ok 1" in wanted and "faults: read-only" in wanted, "the workload runs without probes", wanted)
    wrong, hit = [], 0
    for i in range(0, len(places), BATCH):
        batch = places[i : i + BATCH]
        parts = nestling.run(script(batch)).stdout.split("@@")
        if len(parts) != 3:
            wrong.append(f"{batch[0]:#x} to {batch[-1]:#x}: the workload didn't end")
        elif without_slots(parts[1]) != without_slots(wanted):
            changed = set(parts[1].splitlines()) ^ set(wanted.splitlines())
            wrong.append(f"{batch[0]:#x} to {batch[-1]:#x}: {sorted(changed)[:4]}")
        else:
            hit += hits(parts[2])
    tap.equal(wrong, [], "no probe changes what the workload prints")
    # The kernel's own tests are text, too, and most of them are not run here.
    tap.ok(hit * 10 > len(places), "the workload reaches many of the places", f"{hit} of {len(places)}")
    tap.note(f"{hit} of {len(places)} places were hit")
    tap.done()


main()
