#!/usr/bin/python3
"""tools/faultlog.py on logs of known faults: which exception began it, where, and what followed."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tools")]
from faultlog import explain
from tap import contains, done, equal


class Places:
    """Stands for the symbols of an ELF."""

    @staticmethod
    def place(address):
        return f"<{address:x}>"


def record(vector, error, ip, cr2=None, software=0, cpl=0):
    tail = f"CR2={cr2:016x}" if cr2 is not None else f"env->regs[R_EAX]={0:016x}"
    return (f"     0: v={vector:02x} e={error:04x} i={software} cpl={cpl} IP=0008:{ip:016x} pc={ip:016x} "
            f"SP=0010:{0x5000:016x} {tail}\nRAX=0000000000000000 RBX=0000000000000000\n")


def report(*parts):
    lines = explain("".join(parts).splitlines(keepends=True), Places)
    return lines and "\n".join(lines)


FIRST = "check_exception old: 0xffffffff new 0xe\n"
TRIPLE = "check_exception old: 0x8 new 0xd\nTriple fault\n"

text = report(record(14, 2, 0x1111, 0x9999), FIRST, record(14, 2, 0x4444, 0x7777), "check_exception old: 0xe new 0xb\n",
              record(8, 0, 0x4444), TRIPLE)
contains(text, "It began with #PF page fault, error code 0x2, cpl 0\n", "the last exception is named")
contains(text, "at <4444>, stack pointer 0000000000005000", "… with its place, not an earlier one's")
contains(text, "address 0000000000007777: write by kernel code; no page is present", "… and a page fault's address and reason")
contains(text, "raised #NP segment not present, then #GP general protection:", "… and what delivering it raised")
contains(report(record(14, 0x15, 1, 2), TRIPLE), "instruction fetch by user code; the page forbids it", "other error codes")
contains(report(record(13, 0, 0x4444), record(0x80, 0, 0x5555, software=1), TRIPLE), "<4444>", "int n is no exception")
contains(report(record(8, 0, 0x6666), TRIPLE), "#DF double fault, error code 0x0", "a #DF alone is told as such")
contains(report("Triple fault\n"), "no exception came before", "a triple fault from nowhere")
equal(report(record(14, 2, 0x1111, 0x9999), FIRST), None, "no triple fault, no report")
done()
