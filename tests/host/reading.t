#!/usr/bin/python3
"""docs/READING.md names every source file exactly once, in backquotes and by path from the root, and no other."""

import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/host")]
from tap import done, equal, ok
from tree import source_files, write_tree

LIST = "docs/READING.md"
QUOTED = re.compile(r"`([\w.+/-]+)`")


def is_source(path):
    return (
        path.endswith((".c", ".h", ".asm", ".pml"))
        or path in ("linker.ld", "Makefile")
        or path.startswith(("tools/", "iso/"))
        and not path.endswith("/")
    )


def complaints(root):
    with open(os.path.join(root, LIST)) as f:
        named = [path for path in QUOTED.findall(f.read()) if is_source(path)]
    there = [path for path in source_files(root) if is_source(path)]
    return (
        [f"{path} is not named" for path in there if path not in named]
        + [f"{path} is named {named.count(path)} times" for path in there if named.count(path) > 1]
        + [f"{path} does not exist" for path in sorted(set(named) - set(there))]
    )


MADE_UP = {
    LIST: "# Order\n`Makefile`: start\n`lib/` has `lib/a.c`, `lib/twice.h` and `lib/gone.c`; `tools/run`\n"
    "later `lib/twice.h`; `memcpy()` and `make run` are no files, nor are lib/a.c and `tools/`\n",
    "Makefile": "",
    "lib/a.c": "",
    "lib/twice.h": "",
    "lib/forgotten.asm": "",
    "tests/model/forgotten.pml": "",
    "tools/run": "",
    "tools/__pycache__/x.pyc": "",
    "iso/grub.cfg": "",
    "build/made.c": "",
    "docs/chapter.md": "",
}

MADE_UP_WRONG = [
    "iso/grub.cfg is not named",
    "lib/forgotten.asm is not named",
    "tests/model/forgotten.pml is not named",
    "lib/twice.h is named 2 times",
    "lib/gone.c does not exist",
]

with tempfile.TemporaryDirectory() as folder:
    write_tree(folder, MADE_UP)
    equal(complaints(folder), MADE_UP_WRONG, "a made-up tree's gaps, repeats and ghosts are all found")
if ok(os.path.exists(os.path.join(ROOT, LIST)), f"{LIST} is there"):
    wrong = complaints(ROOT)
    ok(not wrong, "it names every source file once and no other", *wrong)
done()
