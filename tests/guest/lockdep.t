#!/usr/bin/python3
"""The lock-order checker: what its reports say, and that the kernel's own locks give it nothing to say."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

AT = r"[a-z_]+\+0x[0-9a-f]+/0x[0-9a-f]+"
WHO = r"lockdep: CPU \d, thread \d+: "
REPORTS = (
    ("opposite orders, with both chains",
     rf'{WHO}"lock_a" is taken at take_both\+\S+, while "lock_b", taken at take_both\+\S+, is held\n'
     r"lockdep:   the order seen before is the opposite:\n"
     rf'lockdep:   "lock_b" was taken at {AT}, while "lock_a", taken at {AT}, was held\n'
     r"lockdep:   two who do both at once wait for each other for ever\n"),
    ("a ring of three, with the whole chain",
     rf'{WHO}"lock_a" is taken at {AT}, while "lock_c", taken at {AT}, is held\n'
     r"lockdep:   the order seen before is the opposite:\n"
     rf'lockdep:   "lock_c" was taken at {AT}, while "lock_b", taken at {AT}, was held\n'
     rf'lockdep:   "lock_b" was taken at {AT}, while "lock_a", taken at {AT}, was held\n'),
    ("two of one class", rf'{WHO}"twin" is taken at .*\nlockdep:   two of one class: nothing says which comes first\n'),
    ("two mutexes", rf'{WHO}"mutex_a" is taken at lock_mutexes\+\S+, while "mutex_b", taken at lock_mutexes\+\S+, is held\n'),
    ("a mutex where nothing may sleep", rf'{WHO}"mutex_a" at {AT}: waited for where nothing may sleep\n'),
    ("interrupts on", rf'{WHO}"lock_a" at {AT}: taken with interrupts on: a handler may want it, too\n'),
    ("an NMI-like context", rf'{WHO}"lock_c" at take_a_lock\S+: taken in an NMI-like context, which may interrupt its holder\n'),
    ("a thread that ends", rf'{WHO}"mutex_b" at {AT}: still held by a thread that ends\n'),
)


def check_reports():
    result = nestling.run("ktap lockdep; ktap lockdep; cat lockdep", append="test debug", smp=2)
    tap.equal(result.status, 0, "ktap lockdep, twice", result.stdout[-2000:])
    for what, pattern in REPORTS:
        tap.ok(re.search(pattern, result.log), f"reported: {what}", result.log)
    tap.ok(re.search(r"^\d+ classes, \d+ orders, 0 reports$", result.stdout, re.M), "the file counts", result.stdout[-500:])


def check_kernel(cpus):
    """Whatever the kernel's tests make it do, its locks have one order; the file shows it."""
    suites = "sched smp mm vmem ftrace static_key kprobe text_poke".split()
    script = "; ".join(f"ktap {suite}" for suite in suites) + "; cat lockdep"
    result = nestling.run(script, append="test debug", smp=cpus, timeout=120)
    tap.equal(result.status, 0, f"{cpus} CPUs: the tests pass with debug on", result.stdout[-2000:], result.log[-1000:])
    tap.equal(re.findall("^lockdep.*", result.log, re.M), [], f"{cpus} CPUs: nothing was reported")
    tap.ok(re.search(rf"^run_queue -> timer_queue\t{AT} -> {AT}$", result.stdout, re.M), f"{cpus} CPUs: orders were learned",
           result.stdout[-1500:])


def check_panics():
    """What can only be the end, without "debug" a hang: a lock taken twice, or given back by who hasn't got it."""
    for way, words in (("lock-twice", "this CPU holds it already"), ("unlock-twice", "released by a CPU that doesn't hold it")):
        result = nestling.run(f"echo {way} > test/fault", append="test debug")
        tap.equal(result.status, 2, f"{way}: status 2")
        tap.contains(result.stdout, f"panic: lock test: {words}", f"{way}: in words")


check_reports()
for count in (1, 4):
    check_kernel(count)
check_panics()
tap.done()
