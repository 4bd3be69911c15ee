#!/usr/bin/python3
"""tools/noinstr-check on a catalogue of small kernels (tests/host/noinstr/), each of which breaks one rule or none.

A case's first comment says what is expected: "refuse [LEVELS]: RULE, "WORDS"", "pass: LEVELS", "path: CALL PATH",
"flags: GCC'S", "also: RULES", "warn: WORDS". A line with /* here */ is the one that must be named. Each is compiled at -O1, -O2 and -Os.
"""

import concurrent.futures
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/host")]
from tap import contains, done, equal, note, ok

CASES = "tests/host/noinstr"
LEVELS = ("O1", "O2", "Os")
HANDLERS = ("int3", "debug", "nmi", "double_fault")
# These are said of a function, not of a way to it.
PATHLESS = ("clone", "must-hide", "unlisted", "stale")
COMMON = ("common.c", "case.h", "case.ld", "stubs.asm")
CHECKER = os.path.join(ROOT, os.environ.get("B") or "build", "host/noinstr-check")


def sh(*words, **options):
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)


# It exits without freeing what it has read.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"


def kernel_flags():
    """As the Makefile has them, without the level."""
    text = sh("make", "--no-print-directory", "print-cflags").stdout
    return [word for word in text.split() if not re.fullmatch(r"-O.|-Werror", word)]


class Case:
    def __init__(self, name, level):
        self.name, self.level = name, level
        with open(os.path.join(ROOT, CASES, name), encoding="utf-8") as file:
            self.lines = file.read().splitlines()
        self.text = "\n".join(self.lines)
        self.flags = " ".join(self.said("flags")).split()
        self.passes = level in " ".join(self.said("pass")).split()
        self.rule, self.words = self.refusal()
        self.path = (self.said("path") or [""])[0]
        self.here = next((n for n, line in enumerate(self.lines, 1) if re.search(r"(/\*|;) here", line)), None)

    def said(self, what):
        return re.findall(rf"^(?: \*|;) {what}: (.*)$", self.text, re.M)

    def refusal(self):
        found = re.search(rf'^(?: \*|;) refuse(?: {self.level})?: ([\w-]+), "(.*)"$', self.text, re.M)
        return found.groups() if found else (None, None)

    def defines(self, function):
        return re.search(rf"\b{function}\(struct pt_regs|global {function}:", self.text)


class Workshop:
    """Compiles and links; what cases share is made once."""

    def __init__(self, folder):
        self.folder, self.lock, self.made, self.complaint = folder, threading.Lock(), {}, {}

    def command(self, case, *words):
        result = sh(*words)
        if result.returncode:
            self.complaint.setdefault(case, " ".join(words) + "\n" + result.stderr)

    def compile(self, case, source, name, *flags):
        target = os.path.join(self.folder, name)
        if source.endswith(".c"):
            self.command(case, "gcc", *FLAGS, f"-{case.level}", "-Wno-unused-function", "-c", *flags, source, "-o", target)
        else:
            self.command(case, "nasm", "-f", "elf64", "-g", "-F", "dwarf", *flags, source, "-o", target)
            self.command(case, "tools/forget-path", target, source)
        return target

    def shared(self, key, case, source, *flags):
        with self.lock:
            if key not in self.made:
                self.made[key] = self.compile(case, source, f"shared{len(self.made)}.o", *flags)
            return self.made[key]

    def handlers(self, case):
        """Those that the case doesn't have itself, with nothing in them."""
        names = tuple(name for name in HANDLERS if not case.defines(f"do_{name}"))
        source = os.path.join(self.folder, "_".join(names) + ".c")
        with open(source + f".{case.name}.{case.level}", "w", encoding="utf-8") as file:
            file.write('#include "tests/host/noinstr/case.h"\n')
            for name in names:
                kind = "__emergency" if name == "double_fault" else "noinstr"
                file.write(f"{kind} void do_{name}(struct pt_regs *regs) {{ knob = 0; }}\n")
        os.replace(file.name, source)
        return self.shared((names, case.level), case, source)

    def build(self, case):
        """The linked ELF file, or what the compiler or linker had to say."""
        elf = os.path.join(self.folder, f"{case.name}.{case.level}.elf")
        own = tuple(f"-DOWN_{name}" for name in HANDLERS if case.defines(f"asm_exc_{name}"))
        parts = [self.compile(case, f"{CASES}/{case.name}", f"{case.name}.{case.level}.o", *case.flags), self.handlers(case),
                 self.shared(case.level, case, f"{CASES}/common.c"), self.shared(own, case, f"{CASES}/stubs.asm", *own)]
        self.command(case, "ld", "-nostdlib", "-static", "-z", "noexecstack", "--no-warn-rwx-segments", "-T", f"{CASES}/case.ld",
                     *parts, "-o", elf)
        return elf, self.complaint.get(case)


def run_case(case, workshop):
    elf, complaint = workshop.build(case)
    return case, None if complaint else sh(CHECKER, "--quiet", elf), complaint


def judge(case, result, complaint):
    name = f"{case.name} -{case.level}"
    if not ok(result is not None, f"{name}: builds", complaint):
        return
    errors = re.findall(r"^(\S+): error: (.*) \[([\w-]+)\]\n(?:    call path: (.+)\n)?", result.stderr, re.M)
    if case.passes:
        ok(result.returncode == 0 and not errors, f"{name}: passes", result.stderr)
        for words in case.said("warn"):
            contains(result.stderr, f": warning: {words}\n", f"{name}: … with a warning")
        return
    equal(result.returncode, 1, f"{name}: is refused", result.stderr)
    found = [error for error in errors if error[2] == case.rule and (case.words or "") in error[1]]
    ok(found, f"{name}: … by [{case.rule}], in the right words", case.words, result.stderr)
    if case.rule != "stale":
        wanted = rf"{CASES}/{case.name}:{case.here or '[0-9]+'}"
        ok(any(re.fullmatch(wanted, error[0]) for error in found), f"{name}: … at the right line", wanted, result.stderr)
    if case.path:
        equal(found[0][3] if found else None, "" if case.path == "none" else case.path, f"{name}: … with the call path",
              result.stderr)
    elif case.rule not in PATHLESS:
        ok(found and all(error[3].startswith("vector ") for error in found), f"{name}: … with a call path", result.stderr)
    if case.rule != "stale":
        equal({error[2] for error in errors} - set(" ".join(case.said("also")).split()), {case.rule}, f"{name}: … and nothing else is", result.stderr)


def test_catalogue():
    names = sorted(name for name in os.listdir(os.path.join(ROOT, CASES)) if name not in COMMON)
    ok(len(names) >= 25, f"{len(names)} cases")
    with tempfile.TemporaryDirectory(prefix="nestling-noinstr-") as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        workshop = Workshop(folder)
        for case, result, complaint in pool.map(lambda c: run_case(c, workshop),
                                                [Case(name, level) for name in names for level in LEVELS]):
            judge(case, result, complaint)


def test_kernel():
    """The kernel itself, by the same program under sanitizers."""
    kernel = os.environ.get("KERNEL") or os.path.join(ROOT, "build/nestling.elf")
    result = sh(CHECKER, "--why", kernel)
    equal(result.returncode, 0, "the kernel passes", result.stderr)
    ok("hidden without need" not in result.stderr + result.stdout, "… and hides nothing without need", result.stderr)
    lines = result.stdout.splitlines()
    ok(len(lines) > 300, "--why tells of each hidden function", len(lines))
    rows = [re.fullmatch(r"\.(?:kprobes|noinstr|entry)\.text +\d+  (\S+) +(\S.*)", line) for line in lines[:-1]]
    ok(all(rows), "… a line each: section, size, name, reason")
    reasons = {row[1]: row[2] for row in rows if row}
    equal(reasons.get("rcu_nmi_enter"), "vector 3 (#BP): asm_exc_int3 -> do_int3 -> rcu_nmi_enter", "… such as a call path")
    if not lines:
        return
    share = re.search(r"hidden: (\d+) functions, (\d+) of (\d+) bytes of text \((\d+)\.\d%\)$", lines[-1])
    ok(share and 0 < int(share[4]) < 15, "… and the share of text that is hidden, which is small", lines[-1])


def test_words():
    for words, status in ((["--nosuch"], 2), ([], 2), (["/nonexistent"], 2), (["Makefile"], 2), (["--why=/nonexistent/x", "build/nestling.elf"], 2)):
        result = sh(CHECKER, *words)
        equal(result.returncode, status, f"noinstr-check {' '.join(words)}: status {status}", result.stderr)
        ok(result.stderr, "… and says why")


def spoilt_in_turn(good, random_):
    """(what, a file that no linker would write)"""
    at = {name: struct.unpack_from(form, good, offset)[0] for name, form, offset in (("sections", "<Q", 40), ("count", "<H", 60))}
    heads = [at["sections"] + 64 * n for n in range(at["count"])]
    symbols = next(head for head in heads if struct.unpack_from("<I", good, head + 4)[0] == 2)
    first, size = struct.unpack_from("<QQ", good, symbols + 24)

    def patched(offset, *values):
        bad = bytearray(good)
        for value in values:
            bad[offset:offset + len(value)] = value
            offset += len(value)
        return bad

    sized = next(at for at in range(first, first + size, 24) if good[at + 4] & 15 == 2)
    yield "symbols of no size", patched(symbols + 56, bytes(8))
    yield "a section without a name", patched(heads[1], b"\xff\xff\xff\x7f")
    yield "a function longer than all memory", patched(sized + 16, b"\xf8" + b"\xff" * 7)
    yield "half a file", good[:len(good) // 2]
    for n in range(60):
        near = random_.choice((random_.randrange(heads[0], heads[-1] + 64), random_.randrange(first, first + size),
                               random_.randrange(len(good))))
        yield f"random {n}", patched(near, bytes([random_.randrange(256)]))


def test_spoilt_files():
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    note(f"SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="nestling-noinstr-") as folder:
        elf, complaint = Workshop(folder).build(Case("good_jump_table.c", "O2"))
        ok(not complaint, "a good file is built", complaint)
        with open(elf, "rb") as file:
            good = file.read()
        for what, bad in spoilt_in_turn(good, random.Random(seed)):
            with open(elf, "wb") as file:
                file.write(bad)
            result = sh(CHECKER, "--why", elf, encoding="utf-8", errors="replace")
            wanted = (0, 1, 2) if what.startswith("random") or "symbols" in what or "name" in what else (2,)
            ok(result.returncode in wanted and "Sanitizer" not in result.stderr and "runtime error" not in result.stderr,
               f"a spoilt file, {what}: no crash, status {result.returncode}", result.stderr)


FLAGS = kernel_flags()
test_words()
test_spoilt_files()
test_kernel()
test_catalogue()
done()
