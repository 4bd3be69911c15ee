#!/usr/bin/python3
"""The firmware's tables, as real firmware writes them: how many processors there are, or why that isn't known."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import run
from tap import done, equal


def acpi_lines(what, **options):
    """What the kernel log says of ACPI; and whatever it says, the kernel runs."""
    result = run("echo alive", **options)
    equal((result.status, result.stdout), (0, "alive\n"), f"{what}: boots", result.stderr)
    return re.findall(r"^acpi: .*$", result.log, re.M)


def cpus(n):
    return f"acpi: {n} CPU{'s' if n > 1 else ''}, local APIC at 0xfee00000"


for boot in ("pvh", "iso"):
    for n in (1, 2, 4, 8):
        equal(acpi_lines(f"{boot}, SMP={n}", boot=boot, smp=n), [cpus(n)], "… and counts them")
    equal(acpi_lines(f"{boot} without ACPI", boot=boot, smp=2, qemu_extra="-machine acpi=off"),
          ["acpi: the firmware has no RSDP, so no tables; going on with one CPU"], "… and says why it stays alone")
equal(acpi_lines("another chipset", smp=2, qemu_extra="-machine q35"), [cpus(2)], "… and counts them")
equal(acpi_lines("tables above 2 GiB", smp=2, mem="3G"), [cpus(2)], "… and counts them")
equal(acpi_lines("more than we take", smp=11), [cpus(8), "acpi: 3 more CPUs are left alone"], "… and says so")
equal(acpi_lines("empty sockets", qemu_extra="-smp 2,maxcpus=8"), [cpus(2)], "… aren't counted")
done()
