#!/usr/bin/python3
"""The folder rcu/, and a reader that doesn't end: the report names its function, and everything goes on."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

STATE = re.compile(r"gp_seq (\d+), (?:idle|in progress.*)\n"
                   r"CPU watching +counter nesting nmi_nesting +switches callbacks\n((?: +\d+ (?:yes|no) .*\n)+)")
GP = re.compile(r"grace periods: (\d+) normal, (\d+) expedited, (\d+) tasks, (\d+) tasks_trace\n"
                r"callbacks: (\d+) queued, (\d+) called\nCPUs interrupted: (\d+)\nstalls reported: (\d+)\n")
STALL = re.compile(r"rcu: INFO: rcu_sched(?: expedited)? detected stalls on CPUs:\n((?:rcu: \tCPU \d+: .*\n)+)"
                   r"rcu: \t\(detected by CPU (\d+), t=(\d+) ms, g=\d+\)\n((?:CPU \d+, thread .*:\n(?: .*\n)+)+)")


def check_files():
    ways = ("normal", "expedited", "tasks", "tasks_trace", "barrier")
    script = (f"cd {nestling.TRACING}\ncat rcu/gp\n" + "".join(f"echo {way} > rcu/gp\n" for way in ways) + "cat rcu/gp rcu/state\n"
              "echo rcu_invoke_callback > set_event; echo barrier > rcu/gp; echo > set_event; cat trace")
    result = nestling.run(script, smp=3)
    tap.equal(result.status, 0, "each flavour of grace period can be asked for", result.stdout)
    counts = [tuple(map(int, found)) for found in GP.findall(result.stdout)]
    if tap.equal(len(counts), 2, "rcu/gp tells its counts", result.stdout):
        before, after = counts
        tap.ok(after[0] > before[0] and [b - a for a, b in zip(before[1:4], after[1:4])] == [1, 1, 1], "… and has counted them",
               counts)
        tap.equal(result.stdout.count(" func=barrier_reached\n"), 3, "a barrier is a callback on each CPU", result.stdout)
        tap.ok(after[4] - before[4] == after[5] - before[5] >= 3, "… and counted with those of others", counts)
        tap.equal(after[6:], (0, 0), "nobody was disturbed for it")
    state = STATE.search(result.stdout)
    if tap.ok(state, "rcu/state shows each CPU", result.stdout):
        rows = [row.split() for row in state[2].splitlines()]
        tap.equal([row[0] for row in rows], ["0", "1", "2"], "… in order")
        tap.equal([(row[1], row[3]) for row in rows], [("yes", "1"), ("no", "0"), ("no", "0")], "… idle ones unwatched", rows)
        tap.ok(all((int(row[2]) & 1) == (row[1] == "yes") for row in rows), "… as their counters' parity says", rows)


def check_refusals():
    bad = {"rcu/gp": ("", "never", "normal expedited", "norma", "normall"), "rcu/stall_timeout": ("", "0", "x", "-1", "1000001", "1 2")}
    for path, words in bad.items():
        script = f"cd {nestling.TRACING}\ncat {path}\n" + "".join(f"echo '{word}' > {path}\n" for word in words) + f"cat {path}\n"
        result = nestling.run(script)
        tap.equal(result.stdout.count("write error: Invalid argument"), len(words), f"{path} refuses what it doesn't know",
                  result.stdout)
        # Grace periods that nobody asked for by this file come by themselves, but all are normal ones.
        tap.equal(len(set(re.findall(r"^\d+$|^grace.* normal,(.*)", result.stdout, re.M))), 1, "… and is as it was", result.stdout)


def check_stall(cpus, **options):
    how = f"{cpus} CPU{'s' * (cpus > 1)}{', counting instructions' * ('icount' in options)}"
    # A wait may have begun with the old limit: the new one is for the next.
    script = (f"cd {nestling.TRACING}; echo 100 > rcu/stall_timeout; echo normal > rcu/gp; echo 350 > test/stall; echo 10000 > rcu/stall_timeout;"
              "echo expedited > rcu/gp; echo barrier > rcu/gp; echo alive; cat rcu/gp")
    result = nestling.run(script, smp=cpus, append="test", timeout=60, **options)
    tap.equal(result.status, 0, f"{how}: everything goes on", result.stdout[-2000:])
    tap.contains(result.stdout, "\nalive\n", "… and says so")
    reports = STALL.findall(result.log)
    if not tap.ok(reports, f"{how}: a stall is reported", result.log[-2000:]):
        return
    # On a busy host another CPU may have kept it waiting, too.
    victim = cpus - 1
    lines = "".join(report[0] for report in reports)
    traces = "".join(report[3] for report in reports)
    tap.ok(re.search(rf"CPU {victim}: counter \d*[13579] \(watching\), nesting \d, nmi_nesting 0, switches \d+", lines),
           f"{how}: CPU {victim}'s counters", lines)
    tap.ok(all(int(report[2]) >= 100 for report in reports), "… after the time that was set", reports)
    tap.ok(re.search(rf"CPU {victim}, thread stall \(\d+\):\n(?: .*\n)*?  spin_in_a_reader\+0x", traces),
           "… and the function it spins in", traces)
    counted = GP.search(result.stdout)
    tap.equal(counted and int(counted[8]), len(reports), "rcu/gp counts the reports", result.stdout[-500:])


check_files()
check_refusals()
for count in (1, 2, 4):
    check_stall(count)
check_stall(2, icount=1)
tap.done()
