#!/usr/bin/python3
"""tools/stats counts what it says: lines that have more than blanks and comments, each file in one part, against the limits."""

import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/host")]
from tap import contains, done, equal
from tree import source_files, write_tree

loader = importlib.machinery.SourceFileLoader("stats", os.path.join(ROOT, "tools/stats"))
stats = importlib.util.module_from_spec(importlib.util.spec_from_loader("stats", loader))
loader.exec_module(stats)

# What it is, the file's name, its text, how many lines that are.
COUNTED = [
    ("nothing", "a.c", "", 0),
    ("blanks", "a.c", "\n \t\n\f\n", 0),
    ("a last line without an end", "a.c", "int a;", 1),
    ("comments of both kinds", "a.c", "// one\n/* two */\n/* three\n * four\n */\n", 0),
    ("code before and behind comments", "a.c", "int a; // one\n/* b */ int b;\nint c; /* d\n*/ int e;\n", 4),
    ("code between two comments of one line", "a.c", "/* a */ int a; /* b */\n", 1),
    ("a comment that looks like several", "a.c", "/* // */ int a;\n/* /* */\n", 1),
    ("a comment to the line's end, which goes on", "a.c", "// one \\\n   two \\\n   three\nint a;\n", 1),
    ("a comment's beginning in a text", "a.c", 'char *a = "/*";\nint b;\nchar *c = "*/ // ";\n', 3),
    ("a quote in a text, before such", "a.c", 'char *a = "\\"/*";\nint b;\n/* */\n', 2),
    ("a backslash at a text's end", "a.c", 'char *a = "\\\\"; /* b\n*/\n', 1),
    ("quotes as letters", "a.c", "char a = '\"'; // '\nchar b = '\\''; /*\n*/ char c = '/';\n", 3),
    ("a quote in a comment", "a.c", "/* don't */ int a;\n// can't\nint b;\n", 2),
    ("a text on two lines", "a.c", 'char *a = "one \\\ntwo /* \\\nthree";\n', 3),
    ("a macro's line that has nothing but its going on", "a.h", "#define A \\\n\t\\\n\t1 /* b */ \\\n\t// c\n", 2),
    ("a comment that nothing ends", "a.c", "int a;\n/* b\nc\n", 1),
    ("a linker script", "a.ld", "/* a */\n. = 1; /* b */\n", 1),
    ("assembly", "a.asm", "; one\n\tmov rax, rbx ; two\n\nlabel:\n;\n", 2),
    ("a semicolon in quotes", "a.asm", "\tdb ';', \";\", \\\n\t\t2 ; one\n\tdb `\\`;`, \\\n\t\t0\n", 4),
    ("a quote in assembly's comment", "a.asm", "; don't\n\tnop\n; can't\n", 1),
    ("assembly's quotes, which know no escape", "a.asm", "\tdb '\\' ; one'\n\tnop\n", 2),
    ("assembly that goes on, also its comments", "a.inc", "\tdb 1, \\\n\t\t2\n; three \\\n  four\n%macro A 1\n", 3),
    ("what is a comment in the other language", "a.asm", "\tmov rax, 6 // 2\n/* a */\n", 2),
    ("Python", "a.py", '"""Doc,\n\nmore."""\n# one\nimport os\n\n\ndef f():\n    """Doc."""\n    return "#" # two\n', 3),
    ("Python's long texts, without their blanks", "a.py", 'A = """\none\n\n# two\n"""\nf(\n\n    1, # three\n)\n', 7),
    ("a script by its first line", "a.t", "#!/usr/bin/python3\n\nimport os\n", 1),
    ("a shell script", "a", "#!/bin/sh\n# one\necho '#' # two\n\n  # three\n", 1),
    ("a Makefile", "Makefile", "# one\na: b\n\t@c\n\n", 2),
    ("no program", "a.md", "one\ntwo\n", None),
]
for what, name, text, lines in COUNTED:
    equal(stats.count(name, text), lines, f"counted: {what}")

# Each line end is there after comments have gone, whatever is in them: else lines would be joined.
joined = [path for path in source_files(ROOT) if path.endswith((".c", ".h", ".asm"))]
texts = [(path, open(os.path.join(ROOT, path)).read()) for path in joined]
equal([path for path, text in texts if stats.without_comments(text, stats.NASM_PIECES if path.endswith(".asm") else
                                                              stats.C_PIECES).count("\n") != text.count("\n")], [],
      "no file's lines are joined")

# The compiler's own opinion: gcc takes comments out and leaves the lines where they were.
def by_gcc(path):
    text = subprocess.run(["gcc", "-fpreprocessed", "-dD", "-E", "-P", "-x", "c", path], cwd=ROOT, capture_output=True, text=True)
    return sum(line.strip() != "" for line in text.stdout.splitlines())

sample = [path for path, text in texts if path.endswith(".c") and "\\\n" not in text][::12]
equal([(path, stats.count(path, text), by_gcc(path)) for path, text in texts
       if path in sample and stats.count(path, text) != by_gcc(path)], [], f"{len(sample)} files counted as gcc sees them")

MADE_UP = {"lib/a.c": "int a;\n", "kernel/b.asm": "nop\nnop\n", "kernel/uprobe/c.c": "int c;\n" * 4, "trace/d.h": "int d;\n" * 8,
           "user/e.c": "int e;\n" * 16, "user/user.mk": "e:\n", "tests/kernel/f.c": "int f;\n" * 32, "tools/g": "#!/bin/sh\n:\n",
           "build/h.c": "int h;\n", "build-mutant/h.c": "int h;\n", "docs/i.c": "int i;\n", "lib/.j.c": "int j;\n"}
with tempfile.TemporaryDirectory() as folder:
    write_tree(folder, MADE_UP)
    rows = dict((line[:26].strip(), line[26:].split()[:2]) for line in stats.report(folder, None))
wanted = {"kernel": 15, "of it NASM": 2, "of it without tracing": 3, "lib/": 1, "kernel/": 6, "kernel/uprobe/": 4, "trace/": 8,
          "user": 16, "tests": 32, "tools": 1, "building": 1}
equal({name: int(rows[name][1]) for name in wanted}, wanted, "a made-up tree's parts")

makefile = open(os.path.join(ROOT, "Makefile")).read()
linked = re.search(r"^KERNEL_DIRS := \$\(wildcard (.*)\)$", makefile, re.M)[1].split()
equal([d for d in linked if not d.startswith("tests/")], list(stats.KERNEL), "the kernel's folders are those that are linked")

for figure, limit, said in [(900, {}, "100 to spare"), (1000, {}, "0 to spare"), (1001, {}, "1 over"), (900, {"aim": 800}, "100 over the aim"),
                            (800, {"aim": 800}, "200 to spare"), (1200, {"aim": 800}, "200 over")]:
    equal(stats.judged(figure, 1000, **limit).split(": ")[1], said, f"{figure} of 1000, {limit or 'no aim'}")


def elf(*segments):
    """A linked file's headers: (type, physical address, size in memory)."""
    head = bytearray(64)
    head[:6], head[32], head[54], head[56] = b"\x7fELF\x02\x01", 64, 56, len(segments)
    for kind, address, size in segments:
        entry = bytearray(56)
        entry[0], entry[24:32], entry[40:48] = kind, address.to_bytes(8, "little"), size.to_bytes(8, "little")
        head += entry
    return bytes(head)


equal(stats.image_size(elf((1, 0x102000, 0x1001), (4, 0, 9), (1, 0x100000, 0x10))), 0x4000, "an image's size, holes and all, in pages")
here = subprocess.run([os.path.join(ROOT, "tools/stats")], capture_output=True, text=True)
equal(here.returncode, 0, "it runs on this tree", here.stderr)
contains(here.stdout, "kernel/uprobe/", "and lists its rooms")
done()
