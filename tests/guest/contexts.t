#!/usr/bin/python3
"""What RCU says in each context, row by row, and in the book; and a trap in user mode that no process takes."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

FAULTS = (  # what test/user-fault is told, and what the panic says
    ("ud", "vector 6 in user mode, and no process takes it: error code 0"),
    ("int3", "vector 3 in user mode, and no process takes it: error code 0"),
    ("step", "vector 1 in user mode, and no process takes it: error code 0"),
    ("read", "vector 14 in user mode, and no process takes it: error code 5"),
)


def read(name):
    with open(os.path.join(nestling.ROOT, name), encoding="utf-8") as file:
        return file.read().splitlines()


TABLE = read("tests/samples/rcu-contexts.txt")


def printed(text):
    """The tables in the report: one for this CPU, and one for another, where there is one."""
    rows = [row for row in re.findall(r"^    # (.*)", text, re.M) if not row.startswith("Subtest")]
    return [row for n, row in enumerate(rows) if n == 0 or row != rows[0]]


def check(cpus, **options):
    name = f"{cpus} CPU{'s' * (cpus > 1)}{', counting instructions' * ('icount' in options)}"
    result = nestling.run("ktap ring3; ktap rcu_contexts", append="test", smp=cpus, **options)
    tap.equal((result.status, re.findall(r"^ok 1 (\w+)$", result.stdout, re.M)), (0, ["ring3", "rcu_contexts"]),
              f"{name}: ktap ring3, ktap rcu_contexts", result.stdout[-3000:], result.stderr[-1000:])
    wanted = [row for row in TABLE if cpus > 1 or "another CPU" not in row]
    rows = printed(result.stdout)
    tap.equal(len(rows), len(wanted), f"{name}: a row for each context", *rows)
    for want, row in zip(wanted, rows):
        tap.equal(row, want, f"{name}: {want[:36].rstrip()}")


def check_book():
    """The table there is this one."""
    book = read("docs/design.md")
    block = [f"    {row}" for row in TABLE]
    start = book.index(block[0]) if block[0] in book else 0
    tap.equal(book[start:start + len(block)], block, "docs/design.md shows the table")


def check_panic(word, message):
    result = nestling.run(f"echo {word} > test/user-fault; echo on", append="test")
    tap.equal((result.status, re.findall(r"^panic: (.*)", result.stdout, re.M)), (2, [message]),
              f"{word} in user mode: a panic that says where", result.stdout)
    tap.ok(re.search(r"^context: .* RCU watching$", result.stdout, re.M) and " cs 23 " in result.stdout,
           f"{word} in user mode: with RCU watching, and the user's registers", result.stdout)


def check_words():
    result = nestling.run("echo nosuch > test/user-fault", append="test")
    tap.equal((result.status, result.stdout), (1, "sh: test/user-fault: write error: Invalid argument\n"),
              "an unknown fault is only an error")


check(1)
check(2)
check(1, icount=1)
check(2, icount=1)
check_book()
for fault in FAULTS:
    check_panic(*fault)
check_words()
tap.done()
