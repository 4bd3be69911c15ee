#!/usr/bin/python3
"""Takes the hiding away from hidden functions, one at a time: the build must refuse each such kernel, and say where.

usage: mutate.t [all]; without "all" five functions are tried, chosen by SEED. Also here: what else the build must refuse.

A mutant's mark (noinstr, __kprobes, __emergency) becomes noinline: visible, and not undone by inlining.
"""

import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/host")]
from tap import contains, done, equal, note, ok
from tree import source_files

ALL = sys.argv[1:] == ["all"]
SEED = int(os.environ.get("SEED") or random.randrange(1 << 32))
MARK = re.compile(r"\b(noinstr|__kprobes|__emergency)\b[^;{}()]*?(\w+)\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
KERNEL = "build/nestling.elf"


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def write(text, *path):
    with open(os.path.join(*path), "w", encoding="utf-8") as file:
        file.write(text)


def marks():
    """(file, function, where its mark is) of all hidden C functions."""
    for path in source_files(ROOT):
        if path.endswith(".c") and path.split("/")[0] not in ("tests", "tools", "user", "labs"):
            text = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), read(ROOT, path))
            for found in MARK.finditer(text):
                yield path, found[2], found.span(1)


class Tree:
    """A copy with a build of its own."""

    def __init__(self, folder):
        self.folder = folder
        for path in source_files(ROOT):
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, path), os.path.join(folder, path))

    def make(self, *words):
        env = {name: value for name, value in os.environ.items()
               if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CI", "B", "KERNEL", "ISO", "MUTANT", "UNCHECKED")}
        return subprocess.run(["make", *(words or (KERNEL,))], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)

    def has_kernel(self):
        return any(os.path.exists(os.path.join(self.folder, KERNEL + end)) for end in ("", ".tmp"))

    def try_text(self, path, text, *words):
        """What make says of another text of one file, which is then put back."""
        good = read(self.folder, path)
        write(text, self.folder, path)
        result = self.make(*words)
        write(good, self.folder, path)
        return result

    def mutate(self, mark):
        path, _, (start, end) = mark
        text = read(self.folder, path)
        result = self.try_text(path, text[:start] + "noinline" + text[end:])
        return mark, result, self.has_kernel()


def why(folder):
    """{hidden function: the reason}, as the checker wrote it; a clone goes by its function's name."""
    rows = re.findall(r"^\.\w+\.text +\d+  ([^\s.]+)\S* +(.*)$", read(folder, "build/noinstr.txt"), re.M)
    return dict(rows)


def test_all_are_known(reasons, all_marks):
    marked = [name for _, name, _ in all_marks]
    assembly = set(re.findall(r"^(?:[A-Z_]+ )?(\w+)[:,]", "\n".join(read(ROOT, p) for p in source_files(ROOT) if p.endswith(".asm")), re.M))
    equal(sorted(set(marked) - set(reasons)), [], "every marked function is in the checker's list")
    others = [name for name in reasons if name not in marked and not reasons[name].startswith("a test's own: ")]
    equal([name for name in others if name.split("[")[0] not in assembly], [], "… and what else is there is assembly, or a test's")


def test_mutants(trees, all_marks, reasons):
    chosen = all_marks if ALL else random.Random(SEED).sample(all_marks, 5)
    unneeded = [name for name in reasons if reasons[name].startswith("WITHOUT NEED")]
    ok(len(unneeded) <= 0.05 * len(all_marks), f"{len(unneeded)} functions are hidden without need, of {len(all_marks)}", *unneeded)
    note(f"{len(chosen)} of {len(all_marks)} functions" + ("" if ALL else f", SEED={SEED}"))
    shares = [chosen[i::len(trees)] for i in range(len(trees))]
    with concurrent.futures.ThreadPoolExecutor(len(trees)) as pool:
        for results in pool.map(lambda t: [t[0].mutate(mark) for mark in t[1]], zip(trees, shares)):
            for (path, name, _), result, left in results:
                refused = result.returncode != 0 and re.search(r"^noinstr-check: \d+ problem\(s\)", result.stderr, re.M)
                ok((refused and not left) or name in unneeded, f"{name} ({path}) visible: refused, and no kernel is left",
                   result.stderr)
                if refused and not ALL:
                    ok(re.search(rf"^\S+:\d+: error: .*\b{name}\(\)", result.stderr, re.M), "… by name, with file and line",
                       result.stderr)


def test_ordinary_call(tree):
    text = read(ROOT, "context/watch.c").replace('#include "lib/compiler.h"\n', '#include "lib/compiler.h"\n#include "lib/printk.h"\n')
    text = text.replace("noinstr void rcu_nmi_enter(void)\n{\n", 'noinstr void rcu_nmi_enter(void)\n{\n\tprintk("here");\n')
    line = text.splitlines().index('\tprintk("here");') + 1
    result = tree.try_text("context/watch.c", text)
    equal((result.returncode, result.stdout), (2, ""), "an ordinary call in rcu_nmi_enter(): make fails", result.stderr)
    contains(result.stderr, f"context/watch.c:{line}: error: rcu_nmi_enter() calls visible printk() outside "
             "instrumentation_begin()/_end()", "… at that line")
    contains(result.stderr, "    call path: vector 3 (#BP): asm_exc_int3 -> do_int3 -> rcu_nmi_enter -> printk\n",
             "… with the call path from the vector")
    ok(not tree.has_kernel(), "… and leaves no kernel")
    write(text, tree.folder, "context/watch.c")
    result = tree.make("UNCHECKED=1", KERNEL)
    equal((result.returncode, result.stderr), (0, f"built {KERNEL}, unchecked\n"), "UNCHECKED=1 builds it, and says so")
    result = tree.make(KERNEL)
    equal((result.returncode, tree.has_kernel()), (2, False), "… and make, later, doesn't take it for a checked one", result.stderr)
    write(read(ROOT, "context/watch.c"), tree.folder, "context/watch.c")


def test_lists(tree):
    """What people tell the checker, and what isn't so."""
    text = read(ROOT, "tools/noinstr-check/tables.c")
    begins = "static const struct listed begins[] = {\n"
    result = tree.try_text("tools/noinstr-check/tables.c", text.replace(begins, begins + '\t{ "do_int3", "", "none" },\n'))
    equal((result.returncode, tree.has_kernel()), (2, False), "a permission too many: make fails", result.stderr)
    contains(result.stderr, "tables.c lists do_int3() among the begins, and nothing in the kernel asks for it", "… and says which")
    text = read(ROOT, "lib/string.c") + "\nvoid kprobe_users(void);\nstatic noinline void call_post(void) { __asm__ volatile(\"\"); }\n" \
        "void kprobe_users(void) { call_post(); }\n"
    result = tree.try_text("lib/string.c", text)
    equal((result.returncode, tree.has_kernel()), (2, False), "two functions of a listed name: make fails", result.stderr)
    contains(result.stderr, "tables.c lists call_post() among the handlers, and the kernel has 2 of that name", "… and says which")


def test_without_libraries(tree):
    os.unlink(os.path.join(tree.folder, "build/noinstr-check"))
    result = tree.make("HOSTCC=false", KERNEL)
    equal(result.returncode, 2, "a machine that can't build the checker: make fails")
    contains(result.stderr, "needs Zydis, libelf and libdw, which 'tools/deps run' installs; 'make UNCHECKED=1' builds a kernel",
             "… and says what to do")


def test_clang(tree):
    """A compiler that says it is clang; the real one need not be here."""
    fake = os.path.join(tree.folder, "build/fake-clang")
    write("#!/bin/sh\necho 'Debian clang version 14.0.6'\n", fake)
    os.chmod(fake, 0o755)
    result = tree.make(f"CC={fake}", KERNEL)
    equal(result.returncode, 2, "CC=clang: make fails")
    contains(result.stderr, "is clang, which cannot build this kernel: it has no -mrecord-mcount and -mnop-mcount",
             "… and says what is missing")
    equal(tree.make(f"CC={fake}", "help").returncode, 0, "… but make help still helps")


with tempfile.TemporaryDirectory(prefix="nestling-mutate-") as tmp:
    copies = [Tree(os.path.join(tmp, str(i))) for i in range(2 if ALL else 1)]
    for copy in copies:
        built = copy.make("-j2", KERNEL)
        equal(built.returncode, 0, "a copy of the tree builds", built.stderr[-3000:])
        found = re.search(r"^noinstr-check: .* hidden: \d+ functions, .*; (\d+\.\d+) s$", built.stderr, re.M)
        ok(found, f"… checked, in {found[1] if found else '?'} s", built.stderr)
    listed = list(marks())
    test_all_are_known(why(copies[0].folder), listed)
    test_mutants(copies, listed, why(copies[0].folder))
    if not ALL:
        test_ordinary_call(copies[0])
        test_lists(copies[0])
        test_clang(copies[0])
        test_without_libraries(copies[0])
done()
