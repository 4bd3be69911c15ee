#!/usr/bin/python3
"""Memory from outside: "debug" is an option, test/fail_alloc fails a command, and a thread's stack ends with a name."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import run
from tap import contains, done, equal, ok


def test_debug():
    for append in ("test", "test debug"):
        result = run("ktap mm; ktap kmalloc", append=append)
        equal(result.status, 0, f"{append}: the memory tests pass", result.stderr)
        ok("unknown option" not in result.log, f"{append}: the option is known", result.log)
    report = re.search(r"^kmalloc: written beyond its end: object 0x[0-9a-f]{16} of 40 bytes, noticed for \w+\+0x[0-9a-f]+/0x[0-9a-f]+; "
                       r"last allocated or freed by \w+\+0x[0-9a-f]+/0x[0-9a-f]+$", result.log, re.M)
    ok(report, "a report is one line: what, where, how big, who and who before", result.log)


def test_fail_alloc():
    result = run("echo 1 > test/fail_alloc; echo p:e/x printk > kprobe_events; cat test/fail_alloc; cat kprobe_events\n"
                 "echo p:e/x printk > kprobe_events; cat kprobe_events", append="test")
    lines = result.stdout.splitlines()
    contains(lines[0] if lines else "", "Cannot allocate memory", "a failing allocation is the shell's error")
    equal(lines[1:], ["0", "p:e/x printk"], "… and the next try succeeds")
    none = run("cat test/fail_alloc")
    equal(none.stdout, "sh: test/fail_alloc: No such file or directory\n", "without \"test\" there is no such file")


def test_overflow():
    result = run("echo before; echo x > test/overflow; echo after", append="test")
    equal(result.status, 2, "an overflow of a stack made at run time is a panic", result.stderr)
    contains(result.stdout, "panic: the thread stack overflowed\n", "… that says which kind")
    calls = re.findall(r"^  (overflow_stack\b)", result.stdout, re.M)
    ok(len(calls) > 20, "… with the calls that did it", result.stdout)
    ok(re.search(r"enter +#DF ", result.stdout) and "after" not in result.stdout, "… told from the double fault's own stack", result.stdout)


def test_sizes():
    for mem in ("16M", "1G"):
        result = run("ktap mm; ktap kmalloc; ktap vmem", append="test debug", mem=mem)
        equal((result.status, "not ok" in result.stdout), (0, False), f"MEM={mem}: the memory tests pass", result.stdout[-2000:])


test_debug()
test_fail_alloc()
test_overflow()
test_sizes()
done()
