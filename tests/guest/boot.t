#!/usr/bin/python3
"""Booting: how long it takes, and on which machines it does or says why not."""

import re
import sys

sys.dont_write_bytecode = True
from elf import Elf
from nestling import run
from tap import contains, done, equal, ok

INSTRUCTIONS_MAX = 5_000_000
IMAGE_FRAMES = 512  # image and .bss are at most 2 MiB (linker.ld)
KERNEL = Elf()


def test_time():
    counts = []
    for _ in range(2):
        result = run("echo x", icount=1)
        equal((result.status, result.stdout), (0, "x\n"), "counting instructions it boots", result.stderr)
        found = re.search(r"^boot: (\d+) instructions$", result.log, re.M)
        if not ok(found, "… and says how many it took", result.log):
            return
        counts.append(int(found[1]))
    ok(0 < counts[0] <= INSTRUCTIONS_MAX, f"… {counts[0]} of them, at most {INSTRUCTIONS_MAX}")
    equal(counts[0], counts[1], "… and as many each time")
    result = run("echo x")
    ok(re.search(r"^boot: \d+ TSC ticks", result.log, re.M) and " instructions\n" not in result.log,
       "without counting it doesn't claim to", result.log)


def test_int3_cost():
    """One int3 to a C handler and back, as `bench` reports it."""
    result = run("bench", icount=1)
    equal(result.status, 0, "bench succeeds", result.stderr)
    found = re.search(r"^\s*.*int3.*?\b(\d+)\b", result.stdout, re.M)
    ok(found and 0 < int(found[1]) < 1000, "… and reports what an int3 costs", result.stdout)


def test_memory():
    sizes = {}
    for mem in ("16M", "64M", "3G", "6G"):
        result = run("tour 4; echo alive", mem=mem)
        equal(result.status, 0, f"MEM={mem}: boots and plays a scene", result.stderr)
        ok(result.stdout.endswith("alive\n"), f"MEM={mem}: … and lives", result.stdout[-500:])
        found = re.search(r", (\d+) MiB usable, (\d+) frames free$", result.log, re.M)
        sizes[mem] = tuple(map(int, found.groups())) if found else (0, 0)
    for mem, mib in (("16M", 16), ("64M", 64), ("3G", 3072), ("6G", 6144)):
        usable, frames = sizes[mem]
        least = usable * 256 * 0.95 - IMAGE_FRAMES
        ok(mib - 4 <= usable <= mib and least < frames <= usable * 256 + 256, f"MEM={mem}: all of it is used",
           sizes[mem])


def test_too_little_memory():
    for mem in ("4M", "6M"):
        result = run("echo x", mem=mem)
        equal(result.status, 2, f"MEM={mem}: status 2", result.stderr)
        ok(re.search(r"^panic: boot: only \d+ KiB of usable memory; Nestling needs at least \d+ KiB$", result.stdout, re.M),
           f"MEM={mem}: says how much it has and needs", result.stdout)
        ok(result.stdout.count("panic") < 4 and "x\n" not in result.stdout, f"MEM={mem}: … and runs nothing", result.stdout)


def test_options(boot):
    result = run("ls; echo alive", boot=boot, append="nosuch test other=1")
    equal(result.status, 0, f"{boot}: unknown options stop nothing", result.stderr)
    for word in ("nosuch", "other=1"):
        contains(result.log, f'cmdline: unknown option "{word}" ignored\n', f"{boot}: {word} is reported")
    bad = run("echo alive", boot=boot, append="chaos stress=x test=1 chaos=0 stress=2")
    equal((bad.status, re.findall(r"cmdline: (.*)", bad.log)),
          (0, ['"chaos" ignored: chaos wants =NUMBER, at least 1', '"stress=x" ignored: stress wants =NUMBER, at least 1',
               '"test=1" ignored: test takes no value', '"chaos=0" ignored: chaos wants =NUMBER, at least 1']),
          f"{boot}: bad values are reported, each with what was wrong", bad.stderr)
    ok('"test"' not in result.log, f"{boot}: a known one isn't", result.log)
    contains(result.stdout, "test/\n", f"{boot}: … and works")
    many = " ".join(f"word{i}" for i in range(60))
    result = run("echo alive", boot=boot, append=many)
    equal((result.status, result.stdout, result.log.count("unknown option")), (0, "alive\n", 60),
          f"{boot}: sixty unknown options", result.stderr)


def test_protocol():
    for boot, name in (("pvh", "PVH"), ("iso", "multiboot2")):
        result = run("dmesg", boot=boot)
        contains(result.stdout.lower(), f"booted by {name.lower()}", f"{boot}: the log says how it was booted")
        contains(result.log, result.stdout, f"{boot}: dmesg is the log")


def test_cpus():
    for cpu, message in (("qemu64,-nx", "nestling: this CPU has no no-execute pages (NX), which W^X needs\r\n"),
                         ("qemu32", "nestling: this CPU has no 64-bit mode\r\n")):
        result = run("echo x", qemu_extra=f"-cpu {cpu}")
        equal((result.status, result.stdout.replace("\r", "")), (2, message.replace("\r", "")),
              f"-cpu {cpu}: refused in words, status 2", result.stderr)
    for cpu in ("qemu64", "max,-smep,-smap,-umip", "Nehalem"):
        result = run("tour 4; cat wx; echo alive", qemu_extra=f"-cpu {cpu}")
        equal((result.status, result.stdout[-6:]), (0, "alive\n"), f"-cpu {cpu}: boots, recurses, recovers", result.stdout,
              result.stderr)


def test_wx():
    """The kernel's two answers, page tables and attempts; and the linker's, in the ELF itself."""
    for boot in ("pvh", "iso"):
        result = run("cat wx", boot=boot)
        equal(result.status, 0, f"{boot}: cat wx: status 0", result.stdout, result.stderr)
        walked = re.findall(r"(\d+) mappings, +(\d+) executable, (\d+) of those writable", result.stdout)
        ok(len(walked) == 2 and all(int(m) > int(x) > 0 and w == "0" for m, x, w in walked),
           f"{boot}: no executable page is writable", result.stdout)
        tried = re.findall(r"^  write to .* [0-9a-f]{16}: (.*)$", result.stdout, re.M)
        ok(len(tried) >= 7 and all(answer.startswith("faults: ") for answer in tried), f"{boot}: every attempt faults",
           result.stdout)
    result = run("cat wx; echo 1 > test/wx; cat wx; echo 0 > test/wx; cat wx; echo alive", append="test", smp=3)
    equal(re.findall(r"^  the tables of CPU (\d) now .*, (\d+) of those writable", result.stdout, re.M),
          [(str(cpu), bad) for bad in "010" for cpu in range(3)], "text with a second name, which can be written: found in each CPU's tables")
    named = re.findall(r"^    [\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+ is writable at ffffffffa3500000$", result.stdout, re.M)
    ok(len(named) == 4, "… in those for poking, too, and named", result.stdout)
    equal((result.status, result.stdout.count("sh: wx: Input/output error\n")), (1, 1), "… and once the command fails", result.stdout)
    loaded = [s for s in KERNEL.segments if s.type == 1]
    equal([s for s in loaded if s.flags & 3 == 3], [], "no segment of the ELF is writable and executable")


test_time()
test_int3_cost()
test_memory()
test_too_little_memory()
for way in ("pvh", "iso"):
    test_options(way)
test_protocol()
test_cpus()
test_wx()
done()
