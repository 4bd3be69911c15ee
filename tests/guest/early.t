#!/usr/bin/python3
"""trace=function on the command line: all functions are traced from kernel_main() on, and it is the ordinary tracer."""

import collections
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
from tap import contains, done, equal, ok

LINE = re.compile(r" +\S+-\d+ +\[\d{3}\] \S{5} +(?P<time>\d+\.\d{6}): (?P<name>\w+) <-(?P<parent>\w+)")
CD = f"cd {nestling.TRACING}\n"


def check_boot(how, **options):
    result = nestling.run(CD + "echo 0 > tracing_on; cat current_tracer; cat per_cpu/cpu0/stats; cat trace",
                          append="trace=function trace_buf_size=1M", **options)
    found = [match for match in map(LINE.fullmatch, result.stdout.splitlines()) if match]
    equal((result.status, result.stdout.split("\n", 1)[0]), (0, "function"), f"{how}: boots, and the tracer is current")
    contains(result.stdout, "\noverrun: 0\n", f"{how}: nothing is lost, neither when the ring gets its size")
    equal([match["name"] + " <-" + match["parent"] for match in found[:3]],
          ["kernel_main <-kernel_start", "segments_init <-kernel_main", "extable_init <-kernel_main"], f"{how}: from the first on")
    wanted = {"ftrace_init", "paging_init", "acpi_init", "sched_init", "tracefs_write"}
    equal(wanted - {match["name"] for match in found}, set(), f"{how}: to the last")
    times = [float(match["time"]) for match in found]
    ok(times and times == sorted(times), f"{how}: time never goes back")
    same = collections.Counter(times).most_common(1)[0][1] if times else 0
    ok(same < 100, f"{how}: … nor stands still when the clock is calibrated", same)


def check_ends():
    """What was begun so early ends, and begins anew, like any other."""
    script = CD + """cat dyn_ftrace_total_info
echo nop > current_tracer
cat enabled_functions
echo begin
echo kernel_main > set_ftrace_filter
echo function > current_tracer
cat enabled_functions
echo nop > current_tracer
echo > set_ftrace_filter
ktap ftrace
ktap ftrace_ops
"""
    result = nestling.run(script, append="test trace=function")
    before, after = result.stdout.split("begin\n", 1)
    equal(result.status, 0, "ended, it is as if it had never been: the function tracer's tests pass", result.stdout[-2000:])
    equal(len(before.splitlines()), 1, "no site is left with a consumer", before[:300])
    ok(re.match(r"kernel_main \(1\) +\ttramp: 0x[0-9a-f]+ \(function_trace_call\S*\) ->function_trace_call", after),
       "started again, it has a trampoline of its own", after[:200])


def check_load(cpus):
    """Everything traced from the boot on, the other CPUs' way up included, and then under load."""
    suites = ("sched", "wake", "clock", "smp", "timeout")
    result = nestling.run("; ".join(f"ktap {suite}" for suite in suites) + f"; {CD} echo 0 > tracing_on; cat trace", smp=cpus,
                          append="test trace=function", timeout=120)
    equal(re.findall(r"^ok 1 (\w+)$", result.stdout, re.M), list(suites), f"{cpus} CPUs, all functions traced: {' '.join(suites)}",
          result.stdout[-1000:], result.stderr[-500:])
    equal((result.status, {int(cpu) for cpu in re.findall(r"^ +\S+-\d+ +\[(\d{3})\]", result.stdout, re.M)}), (0, set(range(cpus))),
          f"{cpus} CPUs: each is in the trace")


def check_words():
    for word, complaint in (("trace=nosuch", 'cmdline: "trace=nosuch" ignored: no such tracer'),
                            ("trace", 'cmdline: "trace" ignored: trace wants =NAME'),
                            ("trace=", 'cmdline: "trace=" ignored: trace wants =NAME'),
                            ("trace=" + "x" * 40, "ignored: trace wants =NAME"),
                            ("xtrace=function", 'cmdline: unknown option "xtrace=function" ignored')):
        result = nestling.run(CD + "cat current_tracer; dmesg", append=word)
        equal((result.status, result.stdout.split("\n", 1)[0]), (0, "nop"), f"{word}: no tracer")
        contains(result.stdout, complaint, f"{word}: … which is said")

    for words, tracer in (("trace=nop_and_more trace=irqsoff", "irqsoff"), ("trace=function trace=nop", "nop")):
        result = nestling.run(CD + "cat current_tracer; dmesg", append=words)
        equal((result.status, result.stdout.split("\n", 1)[0]), (0, tracer), f"{words}: the last one, and nothing of the first")


def check_size():
    for word, size, complaint in (("1M", 1024, ""), ("100K", 100, ""), ("5000", 8, ""), ("1", 8, ""), ("1T", 256, "wants =NUMBER"),
                                  ("K", 256, "wants =NUMBER"), ("0", 256, "wants =NUMBER"), ("99999999999G", 256, "wants =NUMBER"),
                                  ("1G", 256, "trace: trace_buf_size=1073741824 ignored: there are ")):
        result = nestling.run(CD + "cat per_cpu/cpu0/buffer_size_kb per_cpu/cpu1/buffer_size_kb; dmesg", smp=2, append=f"trace_buf_size={word}")
        equal((result.status, result.stdout.splitlines()[:2]), (0, [str(size)] * 2), f"trace_buf_size={word}")
        contains(result.stdout, complaint, f"trace_buf_size={word}: … and what is said")


check_boot("PVH")
check_boot("GRUB", boot="iso")
check_boot("PVH, counting instructions", icount=1)
check_ends()
for count in (2, 4):
    check_load(count)
check_words()
check_size()
done()
