#!/usr/bin/python3
"""Suspicious use of RCU: what the reports say, that each place has one, and that the kernel itself gives no reason for any."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

REPORT = re.compile(r"WARNING: suspicious RCU usage: (.*), at (\w+)\+0x\w+/0x\w+\n"
                    r"context: CPU \d, preempt (\d+), hardirq [01], nmi [0-2]; RCU (watching|not watching)\n"
                    r"backtrace:\n((?:  \w+(?:\.[\w.]+)?\+0x\w+/0x\w+\n| <.*>\n)+)"
                    r"black box(?:, the last records:\n(?: +\d+ .*\n)+|: no record since the last report\n)")
# What is said, where, whether RCU watched, and how often it is done in another place.
WANTED = (
    ("rcu_read_lock() used illegally while idle", "read_in_idle", "not watching", 1),
    ("rcu_read_unlock() used illegally while idle", "read_in_idle", "not watching", 1),
    ("rcu_dereference() used illegally while idle", "read_in_idle", "not watching", 1),
    ("call_rcu() used illegally while idle", "call_in_idle", "not watching", 1),
    ("suspicious rcu_dereference_check() usage", "look_elsewhere", "watching", 2),
    ("rcu_read_unlock() without rcu_read_lock()", "unlock_too_often", "watching", 1),
    ("rcu_read_unlock() without rcu_read_lock()", "unlock_anothers", "watching", 1),
    ("rcu_read_unlock() without rcu_read_lock()", "unlock_after_that", "watching", 1),
    ("rcu_read_unlock() without rcu_read_lock()", "unlock_in_probe", "watching", 2),
    ("a thread ends within RCU read-side critical section", "thread_begin", "watching", 1),
)
HANDLER = "an interrupt handler returns with more or fewer readers than it came with"
BLOCKED = "Voluntary context switch within RCU read-side critical section!"


def check_reports(cpus, append):
    how = f"{cpus} CPU{'s' * (cpus > 1)}, {append}"
    result = nestling.run("ktap rcu_check; ktap rcu_list; echo alive", append=append, smp=cpus, timeout=60)
    tap.equal(result.status, 0, f"{how}: ktap rcu_check", result.stdout[-2000:])
    tap.contains(result.stdout, "\nalive\n", "… and everything goes on")
    reports = [match.groups() for match in REPORT.finditer(result.log)]
    tap.equal(len(reports), result.log.count("WARNING"), f"{how}: each report is whole")
    for what, where, watching, times in WANTED:
        found = [report for report in reports if report[:2] == (what, where)]
        tap.equal([report[3] for report in found], [watching] * times, f"{how}: {what}, at {where}", found)
        tap.ok(all(f"  {where}+" in report[4] for report in found), "… with it in the backtrace", found)
    handlers = sorted(report[1] for report in reports if report[0] == HANDLER)
    tap.equal(handlers, ["begin_and_stay", "end_the_others"], f"{how}: handlers that change how many readers there are")
    slept = [report[4] for report in reports if report[0] == BLOCKED]
    for function in ("sleep_in_a_reader", "sleep_elsewhere"):
        tap.ok(any(f"  {function}+" in calls for calls in slept), f"{how}: {function} blocks in a reader", slept)
    tap.equal(result.log.count("rcu: no room for more places"), 1, f"{how}: a full table is told, once")


def check_kernel(cpus):
    """Its own tests of everything else, checked."""
    suites = "sched smp wake work kprobe ftrace mm printk".split()
    script = "; ".join(f"ktap {suite}" for suite in suites) + f"; cat {nestling.TRACING}/rcu/check"
    result = nestling.run(script, append="test debug", smp=cpus, timeout=120)
    tap.equal(result.status, 0, f"{cpus} CPUs: the tests pass, checked",
              "\n".join(re.findall(r"^ *(?:not ok .*|# tests/.*)$", result.stdout, re.M)), result.stdout[-500:])
    tap.contains(result.stdout, "\n1: 0 reports\n", "… and nothing is suspicious")
    tap.equal(result.log.count("WARNING"), 0, "… says the log")


def check_file():
    script = f"cd {nestling.TRACING}; " + "; ".join(
        f"{command}; cat rcu/check" for command in ("true", "echo 1 > rcu/check", "echo 2 > rcu/check", "echo x > rcu/check",
                                                    "echo > rcu/check", "echo 0 > rcu/check")).replace("true; ", "")
    result = nestling.run(script)
    tap.equal(re.findall(r"^\d: \d+ reports$", result.stdout, re.M),
              ["0: 0 reports"] + ["1: 0 reports"] * 4 + ["0: 0 reports"], "rcu/check: 0 or 1, and a refused write changes nothing",
              result.stdout)
    tap.equal(result.stdout.count("Invalid argument"), 3, "… all else is refused", result.stdout)


check_reports(1, "test")
check_reports(2, "test debug")
check_reports(4, "test")
check_kernel(4)
check_file()
tap.done()
