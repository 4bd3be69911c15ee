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

# Some of them find a program, whose addresses have no names here.
REPORT = re.compile(r"^nmi: CPU (\d+) at ([\w.]+)(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?, sent by nobody here\n"
                    r"((?:  [\w.]+\+.*\n|  0x[0-9a-f]+\n| <.*>\n)*)", re.M)
OURS = re.compile(r"  [\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+|  0x[0-9a-f]+| <[#\w]+>|nmi: CPU \d at \S+, sent by nobody here|printk: \d+ messages lost")


def reports(text):
    return {int(cpu): (where, calls) for cpu, where, calls in REPORT.findall(text)}


def complete(text, cpus):
    """A report of each CPU, down to where its stack begins, or the program that it was in."""
    found = reports(text)
    return set(found) == set(range(cpus)) and all(
        re.search(r"^  ((higher_half|ap_entry|thread_entry)\+.*|0x[0-9a-f]+)\n\Z", calls, re.M) for _, calls in found.values())


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
        hangs = range(cpus if word == "all" else 1)
        n, found = 0, {}
        # The threads of the other CPUs may still be on their way; what counts is the last round.
        while n < 3 or (n < 50 and not all(f"  {function}+" in found.get(cpu, ("", ""))[1] for cpu in hangs)):
            n += 1
            text = inject(guest, cpus)
            found = reports(text)
            if n <= 3 or len(found) < cpus:
                equal(set(found), set(range(cpus)), f"{name}, NMI {n}: a report of each CPU", text)
                equal(len(REPORT.findall(text)), cpus, f"{name}, NMI {n}: … and no other", text)
        for cpu in range(cpus):
            calls = found.get(cpu, ("", ""))[1]
            contains(calls, f"  {function if cpu in hangs else 'idle_loop'}+", f"{name}: CPU {cpu}'s backtrace names what it runs")
        ok(re.search(r"^  sys_trace_write\+.*\n  asm_syscall\+.*\n <syscall>\n  0x[0-9a-f]+\n\Z", found.get(0, ("", ""))[1], re.M),
           f"{name}: … down to the call that asked for it, and who called", text)


def check_lines():
    """Reports in the middle of a long output, which is a process's: they are whole, and cut its lines at most in two."""
    script = "echo begun\n" + "cat available_filter_functions\n" * 4 + "echo the_end_of_it; echo 1 > test/hang"
    with Guest(cmd=script, append="test", smp=2) as guest:
        guest.wait_for("begun\n")
        sent = 0
        while "\nthe_end_of_it\n" not in guest.said() and sent < 100 and guest.runner.poll() is None:
            guest.execute("inject-nmi")
            sent += 1
        ok(guest.wait_for("\nthe_end_of_it\n"), "the output came to its end", guest.said()[-500:])
        text = guest.said()
    names = run("cat available_filter_functions").stdout.splitlines()
    theirs = "".join(line for line in text.splitlines() if not OURS.fullmatch(line))
    wanted = "".join(["begun", *names * 4, "the_end_of_it"])
    differ = next((at for at, (one, other) in enumerate(zip(theirs, wanted)) if one != other), min(len(theirs), len(wanted)))
    ok(theirs == wanted, f"{sent} NMIs during a long output: each line of a report is whole, and of the output nothing is lost",
       theirs[max(0, differ - 200):differ + 200])
    ok(len(reports(text)) == 2, "… and both CPUs have reported", text[-1000:])


def check_backtrace():
    result = run("cat backtrace; cat backtrace; cat backtrace", smp=4, append="test")
    equal(result.status, 0, "cat backtrace: status 0", result.stdout, result.stderr)
    last = result.stdout[result.stdout.rindex("CPU 0, "):]
    equal(re.findall(r"^CPU (\d), thread (\w+) \(\d+\):$", last, re.M),
          [("0", "stream"), ("1", "idle"), ("2", "idle"), ("3", "idle")], "it names all CPUs and their threads, in order", last)
    parts = re.split(r"^CPU \d.*\n", last, flags=re.M)[1:]
    contains(parts[0], "  tracefs_read+", "the reading CPU's own backtrace is there")
    for cpu in (1, 2, 3):
        ok("  cpu_idle+" in parts[cpu] and "  idle_loop+" in parts[cpu], f"CPU {cpu} idles, says its backtrace", parts[cpu])
    ok("sent by nobody" not in result.log.split("watch")[0], "an NMI of ours isn't taken for one from outside", result.log)
    alone = run("cat backtrace", smp=1)
    ok(re.fullmatch(r"CPU 0, thread stream \(\d+\):", "\n".join(re.findall(r"^CPU .*", alone.stdout, re.M))), "with one CPU there is one",
       alone.stdout)


def check_deaf():
    """CPU 1 never leaves its NMI handler."""
    result = run("echo 1 > test/deaf; echo 1 > test/panic", smp=2, append="test")
    equal(result.stdout.count("\nCPU 1 doesn't answer\n"), 3, "a deaf CPU is named whenever all are asked, twice, and by a panic",
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
