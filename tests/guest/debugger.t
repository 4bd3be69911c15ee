#!/usr/bin/python3
"""A debugger that is a process like any other: breakpoints and steps in another program, which computes what it does without."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from nestling import ROOT, run
from tap import done, equal, ok

LINE = re.compile(r"^(breakpoint|step) ([0-9a-f]+) (\w+)\+0x([0-9a-f]+) sp ([0-9a-f]+) bp [0-9a-f]+ flags [0-9a-f]+$", re.M)
STRAIGHT = 9  # instructions of probed_zoo up to its first jump


def instructions(function):
    """Where they are, by objdump's own reading."""
    program = os.path.join(os.environ.get("USER_PROGRAMS") or os.path.join(ROOT, "build/user"), "probed.stripped")
    text = subprocess.run(["objdump", "-d", f"--disassemble={function}", program], check=True, capture_output=True, text=True).stdout
    return [(int(at, 16), name) for at, name in re.findall(r"^ +([0-9a-f]+):\t[0-9a-f ]+\t(\S+)", text, re.M)]


def lines(text):
    return [(what, int(ip, 16), name, int(sp, 16)) for what, ip, name, _, sp in LINE.findall(text)]


def test_steps(text, status):
    wanted, steps = instructions("probed_zoo")[:STRAIGHT], lines(text)
    equal([what for what, *_ in steps], (["breakpoint"] + ["step"] * (STRAIGHT - 1)) * 4, "each of four calls stops at the breakpoint, and is stepped", text)
    equal([ip for _, ip, _, _ in steps], [at for at, _ in wanted] * 4, "the steps are the instructions as they lie")
    moved = [after[3] - before[3] for before, after in zip(steps[:STRAIGHT], steps[1:STRAIGHT])]
    equal(moved, [{"push": -8, "pop": 8}.get(name, 0) for _, name in wanted[:-1]], "the stack pointer is the program's", text)
    equal(text.splitlines()[-1], status, "what it computes is the same")


def test_debugger():
    answers = run(f"probed; echo --; debug probed probed_zoo {STRAIGHT - 1}; echo --; debug probed main 5000; echo --; debug crash write_to; echo --\n"
                  "debug probed nosuch; debug probed probed_word; debug nosuch x; debug sh main 0; debug").stdout.split("--\n")
    status = answers[0].replace("sh: probed: ", "probed ").strip()
    test_steps(answers[1], status)
    steps = lines(answers[2])
    ok(len(steps) > 500 and {name for _, _, name, _ in steps} >= {"main", "probed_zoo", "probed_call", "probed_leave", "process_exit"},
       "all of a program can be stepped through, calls and strings and the last system call", answers[2][-2000:])
    equal(answers[2].splitlines()[-1], status, "and computes the same")
    ok(answers[3].startswith("about to fall\nbreakpoint ") and answers[3].endswith("crash died of #PF\n"), "who faults while it is stepped dies of it", answers[3])
    told = re.sub(r"sh: debug: ended with status 1\n", "", answers[4])
    usage = "usage: debug PROGRAM FUNCTION [STEPS]\n"
    equal(told, "debug: nosuch: there is no such function\ndebug: probed_word: there is no such function\n"
          "debug: nosuch: there is no such program\n" + usage * 2, "what can't be is told of")


test_debugger()
done()
