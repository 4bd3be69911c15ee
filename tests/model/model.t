#!/usr/bin/python3
"""spin tries every order of the steps of each model here: it holds, and each broken variant is refuted.

The counter-examples, as short as there are, stay in build/model/VARIANT.txt.
"""

import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))
from tap import contains, done, equal, note, ok, skip_all

OUT = os.path.join(ROOT, os.environ.get("B") or "build", "model")
HOSTCC = os.environ.get("HOSTCC") or "gcc"

# The model, its variants: what its counter-example must contain, in this order; the last one is its last line.
MODELS = {
    "rcu_watch.pml": {
        "NO_BARRIER": (
            "flip: watching, but that is still in the store buffer",
            "reader: finds the object: yes",
            "gp: reads the counter: not watching",
            "gp: frees the object",
            "reader: uses the object, and it is freed",
        ),
        "NO_GP_BARRIER": (
            "gp: takes the object out, but that is still in the store buffer",
            "gp: reads the counter: not watching",
            "reader: finds the object: yes",
            "gp: the store reaches memory: the object is out",
            "gp: frees the object",
            "reader: uses the object, and it is freed",
        ),
        "NO_NMI": (
            "comes, RCU is not watching",
            "reader: finds the object: yes",
            "gp: reads the counter: not watching",
            "gp: frees the object",
            "reader: uses the object, and it is freed",
        ),
        "EARLY": (
            "nmi: rcu_nmi_enter: nmi_nesting += 1: 1",
            "int3: rcu_nmi_enter: nmi_nesting += 1: 2",
            "int3: rcu_nmi_exit: nmi_nesting = depth - 2: 0",
            "int3: returns, RCU is watching",
            "nmi: flip: not watching",
            "nmi: runs visible code, and RCU isn't watching",
        ),
    },
    "rcu_order.pml": {
        "NO_SNAP_BARRIER": (
            "updater: takes the object out, but that is still in the store buffer",
            "updater: number 2 will do",
            "gp: begins, number 1",
            "reader: finds the object: 1",
            "updater: somebody else's has done",
            "updater: frees the object",
            "reader: uses the object, and it is freed",
        ),
        "NO_SWITCH_BARRIER": (
            "but that is still in the store buffer",
            "reader: finds the object: 1",
            "updater: takes the object out",
            "gp: begins",
            "switch: the store reaches memory",
            "gp: there has been a switch",
            "updater: frees the object",
            "reader: uses the object, and it is freed",
        ),
    },
}
# What no order of steps may reach in the good model, and all that none reaches.
NEVER = ("-end-", "assert(0)", "runs visible code, and RCU isn't watching", "uses the object, and it is freed")
# It would mean that not all states were seen.
INCOMPLETE = ("Search not completed", "max search depth too small", "out of memory", "resource")


def run(folder, *command):
    return subprocess.run(command, cwd=folder, text=True, check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def verify(model, name, options=(), flags=()):
    """(pan's report or None, the folder): spin writes a C program that tries all orders, and that is run."""
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    shutil.copy(os.path.join(ROOT, "tests/model", model), folder)
    for command in (
            ("spin", *options, "-a", model),
            # Every order, without leaving out those that partial order reduction takes to be equal.
            (HOSTCC, "-O1", "-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=1024", *flags, "-o", "pan", "pan.c")):
        result = run(folder, *command)
        if result.returncode or "Error" in result.stdout:
            ok(False, f"{name}: {command[0]} takes the model", result.stdout)
            return None, folder
    return run(folder, "./pan", "-m100000").stdout, folder


def figures(report):
    """For the reader: how much was searched, and how long it took."""
    found = [re.search(pattern, report) for pattern in (
        r"([\d.e+]+) states, stored", r"depth reached (\d+)", r"errors: (\d+)", r"elapsed time ([\d.]+)")]
    if not all(found):
        return report
    return "{} states, depth {}, errors {}, {} s".format(*(f[1] for f in found))


def test_good(model):
    report, _ = verify(model, f"good_{model}")
    if report is None:
        return
    note(f"{model}: {figures(report)}")
    contains(report, "errors: 0", f"{model}: no order of the steps breaks a rule")
    ok(not any(word in report for word in INCOMPLETE), "all of them were tried", report)
    unreached = re.findall(r"state \d+, (.*)", report)
    wrong = [line for line in unreached if not any(word in line for word in NEVER)]
    ok(unreached and not wrong, "every step of the model was reached, but for those that must not be", *wrong)


def in_order(parts, lines):
    """The first part that has no line behind the part before it."""
    rest = iter(lines)
    return next((part for part in parts if not any(part in line for line in rest)), None)


def test_broken(model, name, parts):
    report, folder = verify(model, name, [f"-D{name}"], ["-DBFS"])  # breadth first: the shortest
    if report is None:
        return
    contains(report, "errors: 1", f"{name}: refuted")
    trail = run(folder, "spin", f"-D{name}", "-t", "-T", "-B", model).stdout if "errors: 1" in report else ""
    lines = [line.replace("not_watching", "not watching").strip() for line in trail.splitlines()]
    steps = [line for line in lines if re.match(r"(task|irq|nmi|int3|gp|store_buffer|updater|reader|switch): ", line)]
    with open(os.path.join(OUT, f"{name}.txt"), "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in steps))
    note(f"{name}: {figures(report)}; {os.path.relpath(OUT, ROOT)}/{name}.txt ends:")
    for line in steps[-9:]:
        note(f"    {line}")
    equal(in_order(parts, steps), None, f"{name}: … by the interleaving that the rule is about", *steps)
    ok(steps and parts[-1] in steps[-1], f"{name}: … which ends there", *steps[-1:])


if not shutil.which("spin"):
    skip_all("spin isn't installed")
for file, variants in MODELS.items():
    test_good(file)
    for variant, wanted in variants.items():
        test_broken(file, variant, wanted)
done()
