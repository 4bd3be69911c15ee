"""Says in words what QEMU's log (-d int,cpu_reset) knows about a triple fault."""

import bisect
import re
import subprocess

RECORD = re.compile(r"^\s*\d+: v=(?P<v>[0-9a-f]{2}) e=(?P<e>[0-9a-f]{4}) i=(?P<i>\d) cpl=(?P<cpl>\d) "
                    r"IP=[0-9a-f]{4}:(?P<ip>[0-9a-f]{16}) pc=[0-9a-f]{16} SP=[0-9a-f]{4}:(?P<sp>[0-9a-f]{16})"
                    r"(?: CR2=(?P<cr2>[0-9a-f]{16}))?")
ESCALATION = re.compile(r"^check_exception old: 0x([0-9a-f]+) new 0x([0-9a-f]+)")
NAMES = {
    0: "#DE divide error", 1: "#DB debug", 2: "NMI", 3: "#BP breakpoint", 4: "#OF overflow", 5: "#BR bound range",
    6: "#UD invalid opcode", 7: "#NM no coprocessor", 8: "#DF double fault", 10: "#TS invalid TSS",
    11: "#NP segment not present", 12: "#SS stack fault", 13: "#GP general protection", 14: "#PF page fault",
    16: "#MF x87 error", 17: "#AC alignment check", 18: "#MC machine check", 19: "#XM SIMD error",
    21: "#CP control protection",
}


def vector_name(vector):
    return NAMES.get(vector, f"vector {vector:#x}")


class Symbols:
    """Addresses of an ELF as names and source lines."""

    def __init__(self, elf):
        self.elf = elf
        out = subprocess.run(["nm", "-n", "--defined-only", elf], capture_output=True, text=True, check=False).stdout
        found = [line.split() for line in out.splitlines()]
        self.symbols = [(int(words[0], 16), words[2]) for words in found if len(words) == 3 and words[1] in "tTwW"]

    def place(self, address):
        index = bisect.bisect(self.symbols, (address, "\x7f")) - 1
        if index < 0 or index == len(self.symbols) - 1 and address - self.symbols[index][0] > 0x10000:
            return f"{address:#x} (no symbol)"
        start, name = self.symbols[index]
        out = subprocess.run(["addr2line", "-e", self.elf, hex(address)], capture_output=True, text=True, check=False)
        line = out.stdout.strip()
        return f"{name}+{address - start:#x}" + ("" if "?" in line or not line else f" ({line})")


def page_fault_error(code):
    what = "instruction fetch" if code & 16 else "write" if code & 2 else "read"
    why = "a reserved bit is set in its tables" if code & 8 else "the page forbids it" if code & 1 \
        else "no page is present"
    return f"{what} by {'user' if code & 4 else 'kernel'} code; {why}"


def last_exceptions(lines):
    """The last delivered exception and the vectors it escalated to; None without a triple fault."""
    record, escalation = None, []
    for line in lines:
        match = RECORD.match(line)
        if match and match["i"] == "0":
            # A #DF is the consequence of the exception before it, and has its address.
            if int(match["v"], 16) != 8 or record is None:
                record, escalation = match.groupdict(), []
            continue
        match = ESCALATION.match(line)
        if match:
            old, new = int(match[1], 16), int(match[2], 16)
            escalation = escalation + [new] if old < 256 else []
        if line.startswith("Triple fault"):
            return record, escalation
    return None


def explain(lines, symbols):
    """The report, line by line; None if the log shows no triple fault."""
    found = last_exceptions(lines)
    if found is None:
        return None
    record, escalation = found
    if record is None:
        return ["triple fault, but no exception came before it"]
    vector, code = int(record["v"], 16), int(record["e"], 16)
    report = [f"triple fault. It began with {vector_name(vector)}, error code {code:#x}, cpl {record['cpl']}",
              f"  at {symbols.place(int(record['ip'], 16))}, stack pointer {record['sp']}"]
    if vector == 14 and record["cr2"]:
        report.append(f"  address {record['cr2']}: {page_fault_error(code)}")
    if escalation:
        report.append("  delivering it raised " + ", then ".join(vector_name(each) for each in escalation)
                      + ": the CPU could not reach a handler (IDT, handler's stack, or page tables)")
    return report
