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


def build(name, folder):
    """In a copy, so that nobody else's build is in the way."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=nestling.ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--null", "-T", "-", "-cf", os.path.join(folder, "tree.tar")], cwd=nestling.ROOT, input=files,
                   check=True)
    subprocess.run(["tar", "-xf", "tree.tar"], cwd=folder, check=True)
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE") and key not in ("B", "KERNEL", "ISO")}
    return subprocess.run(["make", "-j2", f"MUTANT={name}", f"build-{name}/nestling.elf"], cwd=folder, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


real = os.environ.get("KERNEL")
for name, options, script in mutants():
    options = {"append": "test", "timeout": 20, **options}
    good = nestling.run(script, **options)
    tap.equal(good.status, 0, f"{name}: without the mutation '{script}' passes", good.stdout[-2000:])
    with tempfile.TemporaryDirectory(prefix="nestling-mutant-") as tmp:
        made = build(name, tmp)
        if not tap.equal(made.returncode, 0, f"{name}: builds", made.stderr[-2000:]):
            continue
        os.environ["KERNEL"] = os.path.join(tmp, f"build-{name}/nestling.elf")
        bad = nestling.run(script, **options)
        if real is None:
            del os.environ["KERNEL"]
        else:
            os.environ["KERNEL"] = real
        tap.ok(bad.status in (1, 2, 3), f"{name}: with it, status {bad.status}", bad.stdout[-500:])
tap.done()
