#!/usr/bin/python3
"""How the kernel dies: each kind of fault is named, located, and told with registers, calls and the traps before it."""

import re
import sys

sys.dont_write_bytecode = True
from elf import Elf
from nestling import run
from tap import contains, done, equal, ok

KERNEL = Elf()
REGISTERS = ("ip", "sp", "bp", "cr2", "cr3", "ax", "bx", "cx", "dx", "si", "di", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
             "r15")
FAULTS = (  # what test/fault is told, what the panic says, the vector, and the function it happens in
    ("null", r"page fault: cannot read 0{16}, which is not mapped \(NULL pointer\?\)", "#PF", "fault_store"),
    ("write-text", r"page fault: cannot write ffffffff80[0-9a-f]{6}, which is mapped otherwise", "#PF", "fault_store"),
    ("ud", r"#UD, error code 0", "#UD", "fault_store"),
    ("int3", r"int3 that nobody placed at fault_store\+0x[0-9a-f]+/0x[0-9a-f]+", "#BP", "fault_store"),
    ("stack", r"the tracefs stack overflowed", "#DF", "overflow"),
    ("users-gs", r"the tracefs stack overflowed", "#DF", "overflow_with_users_gs"),
    ("noncanonical", r"#GP, error code 0", "#GP", "fault_store"),
)
CALL = re.compile(r"  ([\w.]+)\+0x([0-9a-f]+)/0x([0-9a-f]+)")
RECORD = re.compile(r" *\d+ +\d+ +(?P<depth>\d+) (?P<way>enter|leave|resume) +(?P<vector>\S+) +sp ffff[0-9a-f]{12}"
                    r" ip (?:(?P<ip>[A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+|0x[0-9a-f]{1,12}|0xffffffffa0[0-9a-f]{6})")  # text, a user, a probe's copy


def between(lines, start, stop):
    if start not in lines:
        return []
    rest = lines[lines.index(start) + 1:]
    return rest[:rest.index(stop)] if stop in rest else rest


def symbols_exist(calls):
    """Every name is a function of the ELF, of that size, and the offset lies inside it."""
    for name, offset, size in calls:
        symbol = KERNEL.by_name.get(name)
        if not symbol or (symbol.size and symbol.size != int(size, 16)) or int(offset, 16) > int(size, 16):
            return False
    return True


def check_report(name, text, message):
    """What all reports have; returns the names in the backtrace and the last black-box record."""
    lines = text.splitlines()
    panics = [line.removeprefix("panic: ") for line in lines if line.startswith("panic: ")]
    ok(len(panics) == 1 and re.fullmatch(message, panics[0]), f"{name}: says what was wrong, once", panics)
    calls = [CALL.fullmatch(line) for line in between(lines, "backtrace:", "black box, the last records:")]
    found = [call.groups() for call in calls if call]
    ok(len(found) > 2 and symbols_exist(found), f"{name}: a backtrace of the ELF's own functions", text)
    records = [RECORD.fullmatch(line) for line in between(lines, "black box, the last records:", None)]
    ok(all(records), f"{name}: every black-box record reads well", text)
    return [call[0] for call in found], records[-1] if records else None


def test_faults():
    for word, message, vector, where in FAULTS:
        result = run(f"echo before; echo {word} > test/fault; echo after", append="test")
        equal(result.status, 2, f"{word}: status 2", result.stderr)
        contains(result.stderr, "status 2 (panic)", f"{word}: … which is said")
        ok(result.stdout.startswith("before\n\npanic: ") and "after" not in result.stdout, f"{word}: nothing runs after it",
           result.stdout)
        calls, last = check_report(word, result.stdout, message)
        equal(calls[:1], [where], f"{word}: the backtrace begins where it happened")
        if where == "fault_store":
            equal([c for c in ("fault_store", "tracefs_write", "sys_trace_write", "asm_syscall") if c not in calls], [],
                  f"{word}: … and leads from there to the system call", calls)
        equal(last and (last["way"], last["vector"], last["ip"]), ("enter", vector, where),
              f"{word}: the black box ends with it")
        missing = [r for r in REGISTERS if not re.search(rf"^(?:.* )?{r} *[0-9a-f]{{16}}\b", result.stdout, re.M)]
        equal(missing, [], f"{word}: all registers are shown", result.stdout)
        contains(result.log, result.stdout.removeprefix("before\n"), f"{word}: the kernel log has it too")


def test_write_text_changed_nothing():
    """The address it names is text, and the page fault's own registers say so."""
    result = run("echo write-text > test/fault", append="test")
    cr2 = re.search(r"cr2 ([0-9a-f]{16})", result.stdout)
    text = KERNEL.section(".text")
    ok(cr2 and text.addr <= int(cr2[1], 16) < text.addr + text.size, "write-text: the address is in .text", result.stdout)


def test_panic():
    result = run("tour 4; echo step > kprobes/technique; echo p:x strcmp > kprobe_events; echo 1 > events/kprobes/x/enable\n"
                 "echo 1 > test/panic", append="test")
    equal(result.status, 2, "test/panic: status 2", result.stderr)
    calls, last = check_report("test/panic", result.stdout, "test/panic was written to")
    equal([c for c in ("panic_store", "tracefs_write", "sys_trace_write", "asm_syscall") if c not in calls], [],
          "test/panic: the backtrace leads to its caller")
    # An interrupt that took the CPU from another thread leaves when that thread goes on, so it may well be the last that came.
    ok(last and (last["way"] == "leave" or last["vector"].startswith("vec")),
       "test/panic: no exception is under way, says the black box", result.stdout[-3000:])
    records = re.findall(r"^ *\d+ +\d+ +\d+ \w+ +#\w+ ", result.stdout[result.stdout.rindex("black box"):], re.M)
    ok(len(records) >= 16, "test/panic: … which remembers the traps before", records)


def test_words():
    result = run("echo nosuch > test/fault; echo on", append="test")
    equal((result.status, result.stdout), (1, "sh: test/fault: write error: Invalid argument\non\n"), "an unknown fault is only an error")
    result = run("echo null > test/fault; echo 1 > test/panic; echo on")
    equal((result.status, result.stdout),
          (1, "sh: test/fault: No such file or directory\nsh: test/panic: No such file or directory\non\n"),
          "without the option `test` there are no such files")


test_faults()
test_write_text_changed_nothing()
test_panic()
test_words()
done()
