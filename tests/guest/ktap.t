#!/usr/bin/python3
"""The kernel's own tests, run inside it: each becomes a line of ours, so that it is counted like any other."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import run
from tap import done, equal, ok

LINE = re.compile(r"(?P<indent> *)(?P<not>not )?ok (?P<number>\d+) (?P<name>\S.*)")
PLAN = re.compile(r"(?P<indent> *)1\.\.(?P<count>\d+)")
IGNORED = re.compile(r" *(KTAP version 1|# Subtest: \S+)")


class Level:
    """A plan and what came of it."""

    def __init__(self, plan):
        self.plan, self.seen = int(plan), 0

    def count(self, number):
        self.seen += 1
        return int(number) == self.seen


def repeat(text, how):
    """All of the guest's report: its tests, and that it is as long and as orderly as it promised."""
    levels, notes = {}, []
    for line in text.splitlines():
        if plan := PLAN.fullmatch(line):
            levels[plan["indent"]] = Level(plan["count"])
        elif result := LINE.fullmatch(line):
            level = levels.get(result["indent"])
            in_order = level is not None and level.count(result["number"])
            inner = levels.get(result["indent"] + "    ")
            if result["indent"] or result["not"] or not in_order:
                ok(not result["not"] and in_order, f"{how}: {result['name']}", *notes)
            if not result["indent"]:
                equal(inner and inner.seen, inner and inner.plan, f"{how}: suite {result['name']} ran all it planned")
            notes = []
        elif not IGNORED.fullmatch(line):
            notes.append(line)
    equal(notes, [], f"{how}: nothing but KTAP in the report")
    outer = levels.get("")
    ok(outer and outer.plan > 0 and outer.seen == outer.plan, f"{how}: every suite reported", text[-500:])


def test_all(how, **options):
    result = run("ktap", append="test", **options)
    repeat(result.stdout, how)
    equal(result.status, 0, f"{how}: ktap's status", result.stderr)


def test_selection():
    whole, one = run("ktap", append="test"), run("ktap '[m]m'; echo; ktap mm", append="test")
    halves = one.stdout.split("\n\n")
    equal(halves[0] + "\n", halves[-1], "a glob chooses a suite as its name does")
    ok(one.stdout.startswith("KTAP version 1\n1..1\n") and "Subtest: mm" in whole.stdout, "… and only that one", one.stdout)
    none = run("ktap nosuch")
    equal((none.status, none.stdout), (1, "sh: ktap: No such file or directory\n"), "no such suite is an error")


test_all("ktap")
test_all("ktap, counting instructions", icount=1, timeout=150)  # all CPUs in turn, on one of the host's
test_selection()
done()
