#!/usr/bin/python3
"""A file includes only from its own floor or from a lower one: reads every include line of the tree."""

import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/host")]
from tap import done, equal, ok
from tree import source_files, write_tree

FLOORS = "lib abi arch/x86 context mm trace sched rcu ftrace kprobe tracefs kernel user".split()
# Beside the house: tests may look at everything, labs are pieces of other people's trees, tools
# run on the host and use what is pure.
FREE = ["tests", "labs"]
TOOLS_MAY = ["tools", "lib", "abi", "arch/x86/insn"]

INCLUDE = re.compile(r'\s*[#%]\s*include\s+"([^"]+)"')


def is_within(path, folder):
    return path.startswith(folder + "/")


def floor_of(path):
    return next((f for f in FLOORS + FREE + ["tools"] if is_within(path, f)), None)


def target_floor(source, included):
    """Includes go by path from the root; one that goes by relative path is no way around the rule."""
    relative = os.path.normpath(os.path.join(os.path.dirname(source), included))
    return included if floor_of(included) else relative


def is_allowed(source, target):
    low, high = floor_of(target), floor_of(source)
    if high in FREE or low is None:
        return True  # without a floor: generated, in the build folder
    if high == "tools":
        return any(is_within(target, f) for f in TOOLS_MAY)
    return low in FLOORS and FLOORS.index(low) <= FLOORS.index(high)


def includes(root, path):
    with open(os.path.join(root, path), errors="replace") as f:
        for number, line in enumerate(f, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match[1]


def violations(root):
    """(what is wrong, how many include lines were read)"""
    wrong, count = [], 0
    for path in source_files(root):
        if not path.endswith((".c", ".h", ".asm", ".inc")):
            continue
        if floor_of(path) is None:
            wrong.append(f"{path}: stands on no floor")
            continue
        for number, included in includes(root, path):
            count += 1
            target = target_floor(path, included)
            if not is_allowed(path, target):
                wrong.append(f'{path}:{number}: {floor_of(path)} includes "{included}" of {floor_of(target)}')
    return wrong, count


MADE_UP = {
    "lib/low.c": '/* x */\n#include "lib/low.h"\n#include "kernel/high.h"\n',
    "lib/low.h": "#include <stddef.h>\n",
    "abi/sneaky.c": '  #  include "../kernel/high.h"\n',
    "arch/x86/entry/entry.asm": '%include "arch/x86/cpu/cpu.inc"\n%include "offsets.inc"\n\t%include "mm/mm.inc"\n',
    "arch/x86/cpu/cpu.inc": "",
    "mm/mm.c": '#include "lib/low.h"\n#include "arch/x86/cpu/cpu.h"\n#include "mm/internal.h"\n#include "trace/t.h"\n',
    "trace/t.h": '#include "tests/help.h"\n',
    "kernel/high.h": '#include "lib/low.h"\n#include "tracefs/file.h"\n',
    "kernel/user.c": '#include "user/u.h"\n',
    "tests/all.c": '#include "kernel/high.h"\n',
    "tools/good.c": '#include "arch/x86/insn/insn.h"\n#include "lib/low.h"\n#include "tools/good.h"\n',
    "tools/bad.c": '#include "arch/x86/cpu/cpu.h"\n',
    "attic/old.c": "",
    "build/generated.c": '#include "kernel/high.h"\n',
    "build-debug/lib/generated.c": '#include "kernel/high.h"\n',
}

MADE_UP_WRONG = [
    'abi/sneaky.c:1: abi includes "../kernel/high.h" of kernel',
    'arch/x86/entry/entry.asm:3: arch/x86 includes "mm/mm.inc" of mm',
    "attic/old.c: stands on no floor",
    'kernel/user.c:1: kernel includes "user/u.h" of user',
    'lib/low.c:3: lib includes "kernel/high.h" of kernel',
    'mm/mm.c:4: mm includes "trace/t.h" of trace',
    'tools/bad.c:1: tools includes "arch/x86/cpu/cpu.h" of arch/x86',
    'trace/t.h:1: trace includes "tests/help.h" of tests',
]

with tempfile.TemporaryDirectory() as folder:
    write_tree(folder, MADE_UP)
    equal(violations(folder)[0], MADE_UP_WRONG, "a made-up tree's upward arrows are all found, and no others")
wrong, count = violations(ROOT)
ok(count > 0, "the tree has include lines to judge")
ok(not wrong, f"no upward arrow among the tree's {count} includes", *wrong)
done()
