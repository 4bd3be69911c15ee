#!/usr/bin/python3
"""The figures are figures: counted in instructions they are the same each time, and none is absurd."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

first, second = (nestling.run("bench", icount=1) for _ in range(2))
tap.equal((first.status, second.status), (0, 0), "bench runs, twice", first.stderr)
tap.equal(first.stdout, second.stdout, "both print the same, byte for byte")
rows = [line.rsplit(None, 3) for line in first.stdout.splitlines()[1:]]
tap.ok(len(rows) >= 10, "there are operations", first.stdout)
tap.equal([row for row in rows if not 0 < int(row[1]) <= int(row[2]) <= int(row[3]) < 2000000], [],
          "each has min, median and max, in order")
tap.ok(re.match(r"operation +min +median +max$", first.stdout.splitlines()[0]), "with a head line")
# Instructions, at most: the design's figures.
TARGETS = {"a system call that does nothing, from user mode": 80, "a message to another process: call": 180,
           "the same: reply and receive": 200, "there and back, eight words each way": 380,
           "mapping a page, by system call": 400, "touching it: a fault that the kernel resolves": 500,
           "a signal to a process that doesn't wait": 120,
           "a signal to one of a higher priority, which runs": 350, "a fault, to another process and back": 800}
medians = {row[0]: int(row[2]) for row in rows}
tap.equal([(name, medians.get(name)) for name, most in TARGETS.items() if medians.get(name, most + 1) > most], [],
          "messages and memory cost at most what they may")
# The boot's own figure has a test in boot.t.
booted = [nestling.run("echo x", icount=1) for _ in range(2)]
said = [re.findall(r"^boot: to the first program (\d+) instructions$", r.log, re.M) for r in booted]
tap.equal([(r.status, r.stdout) for r in booted], [(0, "x\n")] * 2, "init starts the rest", booted[0].stderr)
if tap.ok(len(said[0]) == 1, "the kernel tells what it took until its first instruction", booted[0].log):
    tap.ok(0 < int(said[0][0]) <= 5_000_000, f"... {said[0][0]} instructions, at most 5,000,000")
    tap.equal(said[0], said[1], "... and as many each time")
tap.equal(nestling.run("exec probed; echo x").log.count("to the first program"), 1, "... and not of a program that is run later")
tap.done()
