#!/usr/bin/python3
"""The build: the same bytes from any folder, everything rebuilt that must be and nothing else, and an ELF as the kernel needs it."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from elf import Elf
from nestling import ROOT
from tap import done, equal, ok

sys.path.insert(0, os.path.join(ROOT, "tests/host"))
from tree import source_files

LEFT = ("nestling.elf", "nestling.map", "nestling.sym", "nestling.asm")
NOP5 = bytes.fromhex("0f1f440000")


def copy_to(folder):
    for path in source_files(ROOT):
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, path), target)


def make(folder, *words):
    """One make, as from a user's own shell."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CI", "B", "KERNEL")}
    return subprocess.run(["make", *words], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True)


def content(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def edit(folder, path, old, new):
    """False if there was nothing to change."""
    text = content(folder, path).decode()
    with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    return old in text


def times(folder):
    """When each built file was last written."""
    found = {}
    for where, _, names in os.walk(os.path.join(folder, "build")):
        for name in names:
            path = os.path.join(where, name)
            found[os.path.relpath(path, folder)] = os.stat(path).st_mtime_ns
    found["compile_commands.json"] = os.stat(os.path.join(folder, "compile_commands.json")).st_mtime_ns
    return found


def rebuilt(before, after):
    return {path for path in after if after[path] != before.get(path)}


def test_same_bytes(folder):
    """The kernel of this folder is one of the two."""
    copy_to(folder)
    result = make(folder, "-j2", "all")
    equal((result.returncode, result.stdout), (0, ""), "a fresh copy builds, with nothing on stdout", result.stderr[-3000:])
    equal([name for name in LEFT if not os.path.exists(os.path.join(folder, "build", name))], [], "a build leaves its four files")
    ok(os.path.exists(os.path.join(folder, "compile_commands.json")), "… and compile_commands.json")
    one, other = (content(where, "build/nestling.elf") for where in (folder, ROOT))
    ok(one == other, "two folders, one kernel, byte for byte", f"{len(one)} and {len(other)} bytes")
    ok(folder.encode() not in one, "… which doesn't know where it was built")


def test_rebuilds(folder):
    before = times(folder)
    result = make(folder, "-j2", "all")
    equal((result.returncode, result.stdout, result.stderr), (0, "", ""), "a second make has nothing to say")
    equal(rebuilt(before, times(folder)), set(), "… and nothing to do")
    test_header(folder)
    test_assembly(folder)
    test_flag(folder)


def test_header(folder):
    """A constant that both C and assembly take from one header."""
    before, size = times(folder), Elf(os.path.join(folder, "build/nestling.elf")).by_name["bb_ring"].size
    ok(edit(folder, "arch/x86/entry/black_box.h", "#define BLACK_BOX_RECORDS 512", "#define BLACK_BOX_RECORDS 256"),
       "the black box's header says how many records there are")
    result = make(folder, "-j2", "all")
    after = rebuilt(before, times(folder))
    equal(result.returncode, 0, "a changed header: builds", result.stderr[-3000:])
    equal({"build/obj/trace/black_box.o", "build/obj/arch/x86/entry/entry.asm.o", "build/nestling.elf", "build/nestling.asm",
           "build/nestling.sym", "build/nestling.map"} - after, set(), "… what includes it, C and assembly")
    equal(after & {"build/obj/lib/glob.o", "build/obj/lib/string.o"}, set(), "… and not what doesn't")
    equal(Elf(os.path.join(folder, "build/nestling.elf")).by_name["bb_ring"].size, size // 2, "… and the kernel has the new value")
    ok("define BB_MASK 8191" in content(folder, "build/asm_offsets.inc").decode(), "… in its assembly, too",
       content(folder, "build/asm_offsets.inc").decode())


def test_assembly(folder):
    before = times(folder)
    os.utime(os.path.join(folder, "arch/x86/entry/fentry.asm"))
    result = make(folder, "all")
    after = rebuilt(before, times(folder))
    equal((result.returncode, {path for path in after if path.startswith("build/obj/arch/") and path.endswith(".o")}),
          (0, {"build/obj/arch/x86/entry/fentry.asm.o"}), "a touched assembly file is assembled, and no other")


def test_flag(folder):
    before = times(folder)
    ok(edit(folder, "Makefile", "CFLAGS := -std=gnu11 -O2", "CFLAGS := -std=gnu11 -O1"), "the Makefile has its flags in one place")
    result = make(folder, "-j2", "build/nestling.elf", "compile_commands.json")
    after = rebuilt(before, times(folder))
    equal(result.returncode, 0, "a changed flag: builds", result.stderr[-3000:])
    objects = {path for path in before if path.endswith(".o") and not path.startswith("build/obj/user/") and not path.endswith(".user.o")}
    equal(objects - after, set(), "… every object of the kernel")
    ok("-O1" in content(folder, "compile_commands.json").decode(), "… and compile_commands.json")
    before = times(folder)
    make(folder, "build/nestling.elf", "compile_commands.json")
    equal(rebuilt(before, times(folder)), set(), "… once")


def test_left_in_root():
    missing = [name for name in LEFT + ("nestling.iso",) if not os.path.exists(os.path.join(ROOT, "build", name))]
    equal(missing, [], "make test leaves all five files in build/")


def test_image():
    kernel = Elf()
    loaded = [s for s in kernel.segments if s.type == 1]
    equal([s for s in loaded if s.flags & 3 == 3], [], "no segment is writable and executable")
    equal({s.flags for s in loaded}, {4, 5, 6}, "there are read-only, executable and writable ones")
    pages = [page for s in loaded for page in range(s.paddr >> 12, (s.paddr + s.memsz + 4095) >> 12)]
    equal(len(pages), len(set(pages)), "no two of them share a page")
    header = kernel.image.find(bytes.fromhex("d65052e8"))
    ok(0 < header < 32768 and header % 8 == 0, "the multiboot2 header is within the first 32 KiB, on 8 bytes", header)
    note = kernel.bytes_of(kernel.section(".note.pvh"))
    equal(note[:16], bytes.fromhex("040000000400000012000000") + b"Xen\0", "the PVH note is there")
    ok(not any(s.name == ".got" and s.size > 24 for s in kernel.sections), "nothing is position-independent")


def test_sites():
    kernel = Elf()
    text = kernel.section(".text")
    code = kernel.bytes_of(text)
    sites = kernel.words("__start_mcount_loc", "__stop_mcount_loc")
    starts = {s.addr for s in kernel.functions(".text")}
    ok(len(sites) > 100, f"{len(sites)} functions can be traced")
    equal(len(sites), len(set(sites)), "no site is listed twice")
    equal([hex(site) for site in sites if site not in starts], [], "each is the start of a function in .text")
    equal([hex(site) for site in sites if site in starts and code[site - text.addr:][:5] != NOP5], [], "… and a 5-byte nop")


test_image()
test_sites()
test_left_in_root()
with tempfile.TemporaryDirectory(prefix="nestling-build-") as tmp:
    deep = os.path.join(tmp, "a/much/longer-path", "than" * 10)
    test_same_bytes(deep)
    test_rebuilds(deep)
done()
