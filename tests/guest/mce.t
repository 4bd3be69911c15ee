#!/usr/bin/python3
"""Broken hardware, as QEMU's monitor can feign it: a report that says what and where, on whichever CPU."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qmp import Guest
from tap import contains, done, equal, ok

# Valid, uncorrected, enabled, address valid, context corrupt; in the second without an address.
WITH_ADDRESS, WITHOUT = 0xb600000000000135, 0xb200000000000000
ANSWERED, MCIP = 0x5, 0x4


def check(name, cpu, bank, status, mcg, address, script, line):
    with Guest(cmd=f"echo ready; {script}", append="test", smp=2) as guest:
        ok(guest.wait_for("ready\n"), f"{name}: it runs", guest.said())
        guest.execute("human-monitor-command",
                      **{"command-line": f"mce {cpu} {bank} {status:#x} {mcg:#x} {address:#x} 0"})
        equal(guest.runner.wait(), 2, f"{name}: ends with status 2", guest.said()[-2000:])
        said = guest.said()
    # The runner shows the kernel log after the console, so what is said is there twice.
    equal({text for text in said.splitlines() if text.startswith("panic: ")}, {f"panic: {line}"}, f"{name}: the report says it")
    contains(said, f"mce: bank {bank}: status {status:016x}", f"{name}: … after the banks")
    contains(said, f"context: CPU {cpu}, ", f"{name}: … on the CPU that it was about")
    contains(said, "backtrace:\n", f"{name}: … with all that a report has")
    # A busy CPU may have been in its timer's interrupt.
    ok(re.search(r" [12] enter +#MC +sp ", said), f"{name}: the black box ends with it", said[-1000:])


check("a busy CPU", 0, 1, WITH_ADDRESS, ANSWERED, 0x12345000, "echo 1 > test/hang",
      "machine check, MCG_STATUS 5; bank 1: uncorrected error, status b600000000000135, address 12345000")
check("an idle CPU", 1, 3, WITHOUT, MCIP, 0, "echo 1 > test/hang",
      "machine check, MCG_STATUS 4, and no way back; bank 3: uncorrected error, status b200000000000000, address 0")
done()
