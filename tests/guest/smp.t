#!/usr/bin/python3
"""Threads and CPUs: the kernel's own tests of them on 1, 2, 4 and 8 CPUs, and a panic that stops the others."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

STRESS = int(os.environ.get("STRESS") or 1)
SUITES = ("sched", "wake", "timeout", "clock", "smp", "irq_work", "work", "printk", "text_poke", "ftrace")


def check(cpus, suites, stress, append="test debug", **options):
    """Under ICOUNT=1 the CPUs take turns, the same way each time; without, they really run at once."""
    name = f"{cpus} CPU{'s' * (cpus > 1)}, {append} stress={stress}{', counting instructions' * ('icount' in options)}"
    script = "dmesg\n" + "".join(f"ktap {suite}\n" for suite in suites)
    result = nestling.run(script, smp=cpus, append=f"{append} stress={stress}", timeout=120 + 12 * stress, **options)
    passed = re.findall(r"^ok 1 (\w+)$", result.stdout, re.M)
    tap.equal((result.status, passed), (0, list(suites)), f"{name}: {' '.join(suites)}", result.stdout[-3000:],
              result.stderr[-1000:])
    said = re.findall(r"^smp: (\d+) CPUs$", result.stdout, re.M)
    tap.equal(said, [str(cpus)] if cpus > 1 else [], f"{name}: all have come up")


def check_panic():
    """The report is whole, though the others were busy: they are stopped by NMI."""
    result = nestling.run("echo 1 > test/panic", smp=4, append="test")
    tap.equal(result.status, 2, "a panic on one of four CPUs: status 2")
    tap.contains(result.stdout, "backtrace:\n", "… with its backtrace")
    tap.contains(result.stdout, "context: CPU 0", "… says on which CPU")


def check_traces():
    """Events of all CPUs in one trace, each with its CPU's number."""
    script = (f"cd {nestling.TRACING}; echo function > current_tracer; ktap smp; echo > trace;"
              "echo thread_set_affinity > set_ftrace_filter; ktap smp; echo nop > current_tracer; cat trace")
    result = nestling.run(script, smp=2, append="test", timeout=120)
    tap.equal(result.status, 0, "traced, the tests still pass", result.stdout[-2000:])
    tap.contains(result.stdout, "#P:2", "the header counts the CPUs")
    tap.equal(sorted(set(re.findall(r"\[(\d{3})\]", result.stdout))), ["000", "001"], "both CPUs' functions are in the trace")


# What CPUs hand to each other costs a time slice for each CPU that the host hasn't got.
LESS = max(1, STRESS // 4)
for cpus, stress in ((1, STRESS), (2, STRESS), (4, LESS), (8, max(1, LESS // 2))):
    check(cpus, SUITES, stress)
for cpus in (2, 4):
    check(cpus, SUITES, LESS, icount=1)
for cpus in (2, 3):
    check(cpus, ("wake", "timeout", "smp"), LESS, append="test")
check_panic()
check_traces()
tap.done()
