#!/usr/bin/python3
"""Instructions that not every CPU has: on one with SMAP, on one without, and with a site that isn't what it should be."""

import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from elf import Elf
from nestling import run
from qmp import Guest
from tap import contains, done, equal, ok

KERNEL = Elf()
SITES = KERNEL.words("__start_smap_sites", "__stop_smap_sites")
# #DB has three ways in: from the kernel, from where it must look whose GS it is, and from user mode. syscall closes by SFMASK.
STUBS = ["exception_entry", "irq_entry", "user_entry", "asm_exc_int3", *3 * ["asm_exc_debug"], "asm_exc_nmi", "asm_exc_twin",
         "asm_exc_machine_check", "asm_exc_double_fault"]
CPUS = (  # QEMU takes the last -cpu
    ("with SMAP", "", f"features: SMAP, {len(SITES)} sites patched", 0x01),
    ("without SMAP", "-cpu max,-smap", f"features: no SMAP, {len(SITES)} sites left as nops", 0x1f),
    ("an old CPU", "-cpu Nehalem", f"features: no SMAP, {len(SITES)} sites left as nops", 0x1f),
)


def at(addr):
    """Where in the file the byte is that the kernel has at this address."""
    section = next(s for s in KERNEL.sections if s.addr <= addr < s.addr + s.size)
    return section.offset + addr - section.addr


def test_sites():
    nops = {KERNEL.image[at(site):at(site) + 3] for site in SITES}
    equal(nops, {b"\x0f\x1f\xca", b"\x0f\x1f\xcb"}, "all sites are linked as nops, of both kinds")
    equal(len(set(SITES)), len(SITES), "none is listed twice")
    entry = sorted((s.addr, s.name) for s in KERNEL.symbols if s.section == ".entry.text" and "." not in s.name)
    inside = [max(symbol for symbol in entry if symbol[0] <= site)[1] for site in SITES if site >= entry[0][0]]
    equal(sorted(inside), sorted(STUBS), "each way into the kernel closes users' pages, once")


def test_boot(name, qemu, line, opcode):
    result = run("dmesg; ktap smap", append="test", qemu_extra=qemu, smp=2)
    equal(result.status, 0, f"{name}: ktap smap", result.stdout[-2000:])
    equal(re.findall(r"^features: .*", result.stdout, re.M), [line], f"{name}: says what it did")
    with Guest(cmd="echo ready; echo 1 > test/hang", append="test", qemu_extra=qemu) as guest:
        ok(guest.wait_for("ready\n"), f"{name}: it runs", guest.said())
        guest.execute("stop")
        found = {guest.read(site, 3)[:2] for site in SITES}
    equal(found, {bytes([0x0f, opcode])}, f"{name}: and QEMU finds just that in the text")


def test_bad_site(byte, value):
    """Nothing is changed that isn't what was linked."""
    site = SITES[len(SITES) // 2]
    image = bytearray(KERNEL.image)
    image[at(site) + byte] = value
    with tempfile.TemporaryDirectory(prefix="nestling-features-") as tmp:
        path = os.path.join(tmp, "bad.elf")
        with open(path, "wb") as file:
            file.write(image)
        result = run("echo on", kernel=path)
    equal(result.status, 2, f"a site with {value:02x} for byte {byte}: panics")
    contains(result.stdout, f"({site:x}) is no 3-byte nop", "… and says which it is")


test_sites()
for cpu in CPUS:
    test_boot(*cpu)
for bad in ((0, 0x66), (1, 0x01), (2, 0xcc)):
    test_bad_site(*bad)
done()
