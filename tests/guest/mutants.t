#!/usr/bin/python3
"""Tests of the tests: each broken kernel of tests/mutants is caught by the commands named there; the real one isn't."""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap


def mutants():
    with open(os.path.join(nestling.ROOT, "tests/mutants"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, options, script = (part.strip() for part in line.split("|", 2))
                yield name, {key.lower(): value.replace("+", " ") for key, value in (word.split("=", 1) for word in options.split())}, script


def copy_tree(folder):
    """In a copy, so that nobody else's build is in the way; with the real kernel's objects, newer there than all sources."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=nestling.ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--null", "-T", "-", "-cf", os.path.join(folder, "tree.tar")], cwd=nestling.ROOT, input=files,
                   check=True)
    subprocess.run(["tar", "-xf", "tree.tar"], cwd=folder, check=True)
    if os.path.isdir(os.path.join(nestling.ROOT, "build/obj")):
        subprocess.run(["cp", "-a", os.path.join(nestling.ROOT, "build"), folder], check=True)


def build(name, folder):
    """Only what mentions the mutation is compiled again, here for it and after the test for the next."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE") and key not in ("B", "KERNEL", "ISO")}
    touched = subprocess.run(["grep", "-rlw", "--include=*.[ch]", "--include=*.asm", f"MUTANT_{name}", "."], cwd=folder,
                             capture_output=True, text=True, check=False).stdout.split()
    if not touched:
        return subprocess.CompletedProcess([], 1, "", f"no source mentions MUTANT_{name}")
    subprocess.run(["touch", "--", *touched], cwd=folder, check=True)
    made = subprocess.run(["make", "-j2", f"MUTANT={name}", "B=build", "build/nestling.elf"], cwd=folder, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    subprocess.run(["touch", "--", *touched], cwd=folder, check=True)
    return made


def check(name, options, script, folder):
    options = {"append": "test", "timeout": 20, **options}
    good = nestling.run(script, **options)
    tap.equal(good.status, 0, f"{name}: without the mutation '{script}' passes", good.stdout[-2000:])
    made = build(name, folder)
    if not tap.equal(made.returncode, 0, f"{name}: builds", made.stderr[-2000:]):
        return
    real = os.environ.get("KERNEL")
    os.environ["KERNEL"] = os.path.join(folder, "build/nestling.elf")
    bad = nestling.run(script, **options)
    if real is None:
        del os.environ["KERNEL"]
    else:
        os.environ["KERNEL"] = real
    tap.ok(bad.status in (1, 2, 3), f"{name}: with it, status {bad.status}", bad.stdout[-500:])


with tempfile.TemporaryDirectory(prefix="nestling-mutant-") as tmp:
    copy_tree(tmp)
    for mutant in mutants():
        check(*mutant, tmp)
tap.done()
