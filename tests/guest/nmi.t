#!/usr/bin/python3
"""NMIs from outside, as from a button: each CPU says where it is. The file `backtrace`; and a panic that stops everybody."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from nestling import run
from qmp import Guest
from tap import contains, done, equal, ok

REPORT = re.compile(r"^nmi: CPU (\d+) at ([\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+, sent by nobody here\n((?:  [\w.]+\+.*\n| <.*>\n)*)", re.M)


def reports(text):
    return {int(cpu): (where, calls) for cpu, where, calls in REPORT.findall(text)}


def complete(text, cpus):
    """A report of each CPU, down to where its stack begins."""
    found = reports(text)
    return set(found) == set(range(cpus)) and all(re.search(r"^  (higher_half|ap_entry|thread_entry)\+.*\n\Z", calls, re.M)
                                                  for _, calls in found.values())


def inject(guest, cpus):
    """One NMI to all CPUs, and their reports when all are there."""
    before = guest.said()
    guest.execute("inject-nmi")
    guest.until(lambda: complete(guest.said()[len(before):], cpus))
    return guest.said()[len(before):]


def check_hang(cpus, word, function):
    """The console works without interrupts: this is what the button is for."""
    name = f"{cpus} CPU(s), hanging ({word})"
    with Guest(cmd=f"echo on; echo {word} > test/hang", append="test", smp=cpus) as guest:
        ok(guest.wait_for("on\n"), f"{name}: started", guest.said())
        for n in range(3):
            # The threads of the other CPUs may still be on their way; what counts is the last round.
            text = inject(guest, cpus)
            found = reports(text)
            equal(set(found), set(range(cpus)), f"{name}, NMI {n + 1}: a report of each CPU", text)
            equal(len(REPORT.findall(text)), cpus, f"{name}, NMI {n + 1}: … and no other", text)
        for cpu in range(cpus):
            calls = found.get(cpu, ("", ""))[1]
            hangs = cpu == 0 or word == "all"
            contains(calls, f"  {function if hangs else 'idle_loop'}+", f"{name}: CPU {cpu}'s backtrace names what it runs")
        contains(found.get(0, ("", ""))[1], "  kernel_main+", f"{name}: … down to the boot")


def check_lines():
    """Reports in the middle of a long output: every line of both is whole."""
    script = "echo begun\n" + "cat available_filter_functions\n" * 30 + "echo the_end_of_it; echo 1 > test/hang"
    with Guest(cmd=script, append="test", smp=2) as guest:
        guest.wait_for("begun\n")
        sent = 0
        while "\nthe_end_of_it\n" not in guest.said() and sent < 100 and guest.runner.poll() is None:
            guest.execute("inject-nmi")
            sent += 1
        ok(guest.wait_for("\nthe_end_of_it\n"), "the output came to its end", guest.said()[-500:])
        text = guest.said()
    names = run("cat available_filter_functions").stdout.splitlines()
    lines = text.splitlines()
    odd = [line for line in lines if not re.fullmatch(r"[\w.]+|  [\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+| <[#\w]+>|nmi: CPU \d at \S+, "
                                                      r"sent by nobody here|printk: \d+ messages lost", line)]
    equal(odd, [], f"{sent} NMIs during a long output: no line is cut by another")
    known = set(names) | {"begun", "the_end_of_it"}
    equal([line for line in lines if re.fullmatch(r"[\w.]+", line) and line not in known], [], "… and none was lost to one")
    equal(sum(line in known for line in lines), 30 * len(names) + 2, "… nor the other way round")
    ok(len(reports(text)) == 2, "… and both CPUs have reported", text[-1000:])


def check_backtrace():
    result = run("cat backtrace; cat backtrace; cat backtrace", smp=4, append="test")
    equal(result.status, 0, "cat backtrace: status 0", result.stdout, result.stderr)
    last = result.stdout[result.stdout.rindex("CPU 0, "):]
    equal(re.findall(r"^CPU (\d), thread (\w+) \(\d+\):$", last, re.M),
          [("0", "sh"), ("1", "idle"), ("2", "idle"), ("3", "idle")], "it names all CPUs and their threads, in order", last)
    parts = re.split(r"^CPU \d.*\n", last, flags=re.M)[1:]
    contains(parts[0], "  shell_run+", "the reading CPU's own backtrace is there")
    for cpu in (1, 2, 3):
        ok("  cpu_idle+" in parts[cpu] and "  idle_loop+" in parts[cpu], f"CPU {cpu} idles, says its backtrace", parts[cpu])
    ok("sent by nobody" not in result.log.split("watch")[0], "an NMI of ours isn't taken for one from outside", result.log)
    alone = run("cat backtrace", smp=1)
    equal(re.findall(r"^CPU .*", alone.stdout, re.M), ["CPU 0, thread sh (1):"], "with one CPU there is one")


def check_deaf():
    """CPU 1 never leaves its NMI handler."""
    result = run("echo 1 > test/deaf; cat backtrace; cat backtrace; echo 1 > test/panic", smp=2, append="test")
    equal(result.stdout.count("\nCPU 1 doesn't answer\n"), 3, "a deaf CPU is named by `backtrace`, twice, and by a panic",
          result.stdout)
    equal((result.status, result.stdout.count("panic: ")), (2, 1), "… which doesn't wait for it for ever", result.stdout)


def check_panic():
    result = run("echo 1 > test/panic", smp=4, append="test")
    equal(re.findall(r"^CPU (\d) stopped at (\w+)\+", result.stdout, re.M),
          [("1", "cpu_idle"), ("2", "cpu_idle"), ("3", "cpu_idle")], "a panic tells where the others were stopped", result.stdout)
    for cpus, options in ((4, {}), (2, {}), (1, {}), (4, {"icount": 1})):
        name = f"all of {cpus} CPUs panic at once" + ", counting instructions" * ("icount" in options)
        result = run("echo all > test/panic", smp=cpus, append="test", **options)
        equal(result.status, 2, f"{name}: status 2", result.stderr[-1000:])
        equal(len(re.findall(r"^panic: all CPUs panic at once, says one of them$", result.stdout, re.M)), 1, f"{name}: one report",
              result.stdout)
        equal(result.stdout.count("panic: "), 1, f"{name}: … exactly", result.stdout)
        who = re.findall(r"^context: CPU (\d)", result.stdout, re.M)
        others = re.findall(r"^CPU (\d) stopped at \w+\+0x", result.stdout, re.M)
        equal(sorted(who + others), [str(cpu) for cpu in range(cpus)], f"{name}: every CPU is in it once", result.stdout)
        contains(result.stdout, "black box, the last records:\n", f"{name}: it goes to its end")
    result = run("echo waiting > test/panic", append="test")
    contains(result.stdout, "test: this message waited\n\npanic: ", "messages that wait come before the panic's own")


check_hang(1, "1", "hang_store")
check_hang(1, "off", "hang_with_interrupts_off")
check_hang(4, "1", "hang_store")
check_hang(4, "all", "hang_with_interrupts_off")
check_lines()
check_backtrace()
check_deaf()
check_panic()
done()
